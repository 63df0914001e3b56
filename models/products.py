"""Products: from what people call them to the catalogue's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Catalogue:
    """Names and aliases, made ready by `from_dict`."""

    name: str
    _known: dict[str, str]
    _in_text: re.Pattern[str] | None
    _resolved: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Catalogue:
        """From the YAML of configs/products: `name`, `products` (name: aliases), `field_only` aliases.

        Raises:
            ValueError: a key is missing, unknown or of another type, or an alias stands for two products.
        """
        products = values.get("products")
        if not isinstance(products, Mapping) or not products:
            raise ValueError("products: expected a mapping from a product's name to a list of its aliases")
        if unknown := set(values) - {"name", "products", "field_only"}:
            raise ValueError(f"{', '.join(sorted(unknown))}: unknown; expected name, products, field_only")
        known: dict[str, str] = {}
        for product, aliases in products.items():
            if not isinstance(aliases, list | None) or not all(isinstance(a, str) for a in aliases or ()):
                raise ValueError(f"products.{product}: expected a list of aliases")
            for alias in (product, *(aliases or ())):
                if known.setdefault(_fold(alias), product) != product:
                    raise ValueError(f"products.{product}: alias {alias!r} stands for {known[_fold(alias)]} already")
        quiet = {_fold(alias) for alias in values.get("field_only") or ()}
        written = {alias.casefold() for product, aliases in products.items() for alias in (product, *(aliases or ()))}
        spoken = sorted((alias for alias in written if _fold(alias) not in quiet), key=len, reverse=True)
        joined = "|".join(re.escape(alias).replace(r"\ ", r"[ -]") for alias in spoken)
        return cls(
            str(values.get("name", "")), known, re.compile(rf"(?<![\w<]){joined and f'(?:{joined})'}(?!\w)", re.I)
        )

    @property
    def words(self) -> frozenset[str]:
        """Every word of every name and alias, in lower case: what a speller must leave alone."""
        return frozenset(word for alias in self._known for word in alias.split())

    def resolve(self, value: str) -> str | None:
        """The product that a field names, misspelt a little at most; None where it is none of the catalogue."""
        if value not in self._resolved:
            if len(self._resolved) > _REMEMBERED:
                self._resolved.clear()
            self._resolved[value] = self._resolve(value)
        return self._resolved[value]

    def _resolve(self, value: str) -> str | None:
        key = _fold(value)
        if key in self._known or not 4 <= len(key) <= 60:
            return self._known.get(key)
        from rapidfuzz import fuzz, process

        close = process.extractOne(key, self._known.keys(), scorer=fuzz.token_sort_ratio, score_cutoff=_FUZZY)
        return self._known[close[0]] if close else None

    def mentioned(self, text: str) -> str | None:
        """The product that a text names first, by name or alias."""
        found = self._in_text.search(text[:_ENOUGH]) if self._in_text else None
        return self._known[_fold(found.group())] if found else None


def _fold(name: str) -> str:
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split())


_ENOUGH = 4000
_REMEMBERED = 20_000
#: Ratio of rapidfuzz, 0 to 100: one wrong letter in eight.
_FUZZY = 87.0

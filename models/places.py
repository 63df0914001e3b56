"""Places: from what people write to a region and a locality, by a gazetteer."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A region, and an area or town of it where one is named."""

    region: str
    locality: str | None = None


@dataclass(slots=True)
class Gazetteer:
    """Names of places, made ready by `from_dict`.

    A name that stands for several places is the region where one is called so, else the town (towns are what
    people name), else nothing.
    """

    name: str
    _known: dict[str, Place]
    _common: frozenset[str]
    _suffix: re.Pattern[str]
    _resolved: dict[str, Place | None] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Gazetteer:
        """From the YAML of configs/places.

        Args:
            values: `name`, `regions` (name: `areas`, `towns`, `aliases`), `suffixes`, `common`. An area or town may
                have other names: "Port Harcourt = PH".

        Raises:
            ValueError: a key is missing, unknown or of another type; the message names it.
        """
        regions = values.get("regions")
        if not isinstance(regions, Mapping) or not regions:
            raise ValueError("regions: expected a mapping from a region's name to its areas, towns and aliases")
        if unknown := set(values) - {"name", "country", "regions", "suffixes", "common"}:
            raise ValueError(
                f"{', '.join(sorted(unknown))}: unknown; expected name, country, regions, suffixes, common"
            )
        ranks: list[dict[str, dict[str, Place]]] = [defaultdict(dict) for _ in range(3)]
        for region, parts in regions.items():
            if unknown := set(parts or {}) - {"areas", "towns", "aliases"}:
                raise ValueError(f"regions.{region}: {', '.join(sorted(unknown))}: expected areas, towns, aliases")
            for alias in (region, *_names(parts, region, "aliases")):
                ranks[0][_fold(alias)][region] = Place(region)
            for rank, kind in ((1, "towns"), (2, "areas")):
                for written in _names(parts, region, kind):
                    name, *aliases = written.split(" = ")
                    for one in (name, *aliases, *(name.split("/") if "/" in name else ())):
                        ranks[rank][_fold(one)].setdefault(region, Place(region, name))
        known: dict[str, Place] = {}
        for rank_names in ranks:
            for key, places in rank_names.items():
                # Of several regions none; and what a rank has, no later one decides.
                known.setdefault(key, next(iter(places.values())) if len(places) == 1 else Place(""))
        suffixes = sorted((_fold(s) for s in values.get("suffixes") or ()), key=len, reverse=True)
        ends = "|".join(map(re.escape, [*suffixes, "lga", "local government area", "local government", "town", "city"]))
        return cls(
            str(values.get("name", "")),
            {key: place for key, place in known.items() if place.region},
            frozenset(_fold(name) for name in values.get("common") or ()),
            re.compile(rf" (?:{ends})$"),
        )

    @property
    def words(self) -> frozenset[str]:
        """Every word of every name, in lower case: what a speller must leave alone."""
        return frozenset(word for name in self._known for word in name.split())

    def resolve(self, value: str) -> Place | None:
        """The place that a field names: "ikeja", "Lagos State", "Ikeja, Lagos", "P/Harcourt" misspelt a little."""
        if value not in self._resolved:
            if len(self._resolved) > _REMEMBERED:
                self._resolved.clear()
            self._resolved[value] = self._resolve(value)
        return self._resolved[value]

    def _resolve(self, value: str) -> Place | None:
        parts = [part for part in re.split(r"[,;|]| - ", value) if part.strip()]
        found = [place for part in parts if (place := self._one(part)) is not None]
        regions = {place.region for place in found}
        if len(regions) != 1:
            return None
        named = [place for place in found if place.locality]
        return named[0] if named else found[0]

    def _one(self, part: str) -> Place | None:
        key = _fold(part)
        for form in (key, self._suffix.sub("", key)):
            if form in self._known:
                return self._known[form]
        if not _FUZZY_LETTERS <= len(key) <= 40:
            return None
        from rapidfuzz import fuzz, process

        form = self._suffix.sub("", key)
        close = process.extractOne(form, self._known.keys(), scorer=fuzz.ratio, score_cutoff=_FUZZY)
        return self._known[close[0]] if close and close[0][0] == form[0] else None

    def mentioned(self, text: str) -> Place | None:
        """The place that a text is about; None where it names none, or several regions.

        A name counts after a word of place ("in ikeja"), or with a capital; one that is a common word too needs both.
        Handles and hashtags are no words.
        """
        found: list[Place] = []
        words = _WORD.findall(text[:_ENOUGH])
        at = 0
        while at < len(words):
            length, place = self._at(words, at)
            if place is not None:
                found.append(place)
            at += length
        regions = {place.region for place in found}
        if len(regions) != 1:
            return None
        named = [place for place in found if place.locality]
        return named[0] if named else found[0]

    def _at(self, words: Sequence[str], at: int) -> tuple[int, Place | None]:
        cue = words[at - 1].casefold() if at else ""
        first = words[at]
        capital = first[0].isupper() and (len(first) <= _LETTERS_OF_INITIALS or not first.isupper())
        if not (capital or cue in _INSIDE or cue in _CUES):
            return 1, None
        for length in range(min(3, len(words) - at), 0, -1):
            key = _fold(" ".join(words[at : at + length]))
            place = self._known.get(key)
            if place is None or len(key) < 2:
                continue
            if key in self._common:
                sure = cue in _INSIDE and capital
            else:
                sure = cue in _INSIDE or cue in _CUES or len(key) >= _PLAIN_LETTERS
            if sure:
                return length, place
        return 1, None


def _names(parts: Mapping[str, Any] | None, region: str, kind: str) -> list[str]:
    given = (parts or {}).get(kind) or []
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ValueError(f"regions.{region}.{kind}: expected a list of names")
    return given


def _fold(name: str) -> str:
    """Lower case without marks; hyphens, dots and slashes as spaces."""
    plain = name if name.isascii() else _unmarked(name)
    return " ".join(_JOINS.sub(" ", plain.casefold()).split())


def _unmarked(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))


_JOINS = re.compile(r"[-/._'’]")
_WORD = re.compile(r"(?<![@#\w])[^\W_][^\W_'’.]*(?:[-'’/][^\W_]+)*")
#: Words before a name that leave no doubt that it is a place, and those that do.
_INSIDE = frozenset(
    {"in", "at", "around", "within", "inside", "throughout", "across", "near", "cikin", "dans", "n'ime"}
)
_CUES = frozenset({"for", "from", "off", "here", "au", "à"})
_ENOUGH = 4000
_REMEMBERED = 20_000
_FUZZY_LETTERS = 5
#: Ratio of rapidfuzz, 0 to 100: one wrong letter in seven.
_FUZZY = 85.0
#: An upper-case word up to this long may be initials ("PH"); a longer one is shouted, and its capital says nothing.
_LETTERS_OF_INITIALS = 3
#: A capital alone is enough for a name this long.
_PLAIN_LETTERS = 4

"""The tree of complaint categories, checked once and then immutable.

Errors:
    TaxonomyError (ValueError)   the tree as written cannot be used
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from models.lexicon import Lexicon

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_CategoryId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
_LeafId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]


class TaxonomyError(ValueError):
    """The taxonomy as written cannot be used; it must be edited."""


@dataclass(frozen=True, slots=True)
class Subcategory:
    """A leaf: what a complaint is about.

    Attributes:
        id: "category.leaf"; never reused for another meaning.
        name: what people read.
        description: one sentence, for people and for the zero-shot classifier.
        examples: seed phrases as customers write them.
        terms: words and phrases of any language that speak for this leaf; `*` ends a stem.
        retired: kept so that old rows can be read, never predicted.
    """

    id: str
    name: str
    description: str
    examples: tuple[str, ...]
    terms: tuple[str, ...]
    retired: bool

    @property
    def category(self) -> str:
        """The id of the category above."""
        return self.id.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Category:
    """A branch: a group of leaves that one department answers for.

    Attributes:
        id: stable, lower case.
        name: what people read.
        description: one sentence.
        subcategories: its leaves, in the order written.
        retired: true when the whole branch is kept only for old rows.
    """

    id: str
    name: str
    description: str
    subcategories: tuple[Subcategory, ...]
    retired: bool


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """A version of the tree.

    Attributes:
        version: names this version in every row classified by it.
        name: what the tree is for.
        fallback: the leaf of a complaint that fits nowhere.
        categories: the branches, in the order written.
    """

    version: str
    name: str
    fallback: str
    categories: tuple[Category, ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Taxonomy:
        """Checks and freezes a taxonomy.

        Args:
            data: what the YAML file holds: version, name, fallback, categories with subcategories.

        Returns:
            The taxonomy.

        Raises:
            TaxonomyError: a key is unknown or missing, an id is malformed, repeated or not below its
                category, a live leaf has no example, a term is malformed, or the fallback is no live leaf.
        """
        try:
            parsed = _TaxonomyIn.model_validate(dict(data))
        except ValidationError as error:
            raise TaxonomyError(_explain(error)) from error
        taxonomy = cls(
            version=parsed.version,
            name=parsed.name,
            fallback=parsed.fallback,
            categories=tuple(_category(item) for item in parsed.categories),
        )
        _check(taxonomy)
        return taxonomy

    def leaves(self, retired: bool = False) -> tuple[Subcategory, ...]:
        """The leaves in the order written.

        Args:
            retired: also those that are retired, or whose category is.
        """
        return tuple(
            leaf
            for category in self.categories
            for leaf in category.subcategories
            if retired or not (leaf.retired or category.retired)
        )

    def leaf(self, subcategory: str) -> Subcategory:
        """The leaf of an id, retired or not.

        Args:
            subcategory: "category.leaf".

        Raises:
            TaxonomyError: this version has no such leaf.
        """
        for leaf in self.leaves(retired=True):
            if leaf.id == subcategory:
                return leaf
        raise TaxonomyError(
            f"taxonomy {self.name!r} version {self.version} has no subcategory {subcategory!r}: "
            "use an id of this version, or map it across versions first"
        )


def to_dict(taxonomy: Taxonomy) -> dict[str, Any]:
    """What `Taxonomy.from_dict` makes the same taxonomy of; for files and for JSON."""
    return {
        "version": taxonomy.version,
        "name": taxonomy.name,
        "fallback": taxonomy.fallback,
        "categories": [
            {
                "id": category.id,
                "name": category.name,
                "description": category.description,
                "retired": category.retired,
                "subcategories": [
                    {
                        "id": leaf.id,
                        "name": leaf.name,
                        "description": leaf.description,
                        "examples": list(leaf.examples),
                        "terms": list(leaf.terms),
                        "retired": leaf.retired,
                    }
                    for leaf in category.subcategories
                ],
            }
            for category in taxonomy.categories
        ],
    }


class _LeafIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: _LeafId
    name: _Text
    description: _Text
    examples: list[_Text] = []
    terms: list[_Text] = []
    retired: bool = False


class _CategoryIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: _CategoryId
    name: _Text
    description: _Text
    subcategories: list[_LeafIn] = Field(min_length=1)
    retired: bool = False


class _TaxonomyIn(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    version: _Text
    name: _Text
    fallback: _LeafId
    categories: list[_CategoryIn] = Field(min_length=1)


def _category(parsed: _CategoryIn) -> Category:
    return Category(
        id=parsed.id,
        name=parsed.name,
        description=parsed.description,
        subcategories=tuple(
            Subcategory(
                id=leaf.id,
                name=leaf.name,
                description=leaf.description,
                examples=tuple(leaf.examples),
                terms=tuple(leaf.terms),
                retired=leaf.retired,
            )
            for leaf in parsed.subcategories
        ),
        retired=parsed.retired,
    )


def _explain(error: ValidationError) -> str:
    lines = [
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']} (got {str(item['input'])[:60]!r})"
        for item in error.errors()
    ]
    return "taxonomy is malformed, correct these places: " + "; ".join(lines)


def _check(taxonomy: Taxonomy) -> None:
    problems = list(_problems(taxonomy))
    if problems:
        raise TaxonomyError(f"taxonomy {taxonomy.name!r} version {taxonomy.version}: " + "; ".join(problems))


def _problems(taxonomy: Taxonomy) -> Iterator[str]:
    leaves = taxonomy.leaves(retired=True)
    ids = Counter([category.id for category in taxonomy.categories] + [leaf.id for leaf in leaves])
    yield from (f"id {name!r} stands {count} times, expected once" for name, count in ids.items() if count > 1)
    for category in taxonomy.categories:
        for leaf in category.subcategories:
            if leaf.category != category.id:
                yield f"subcategory {leaf.id!r} stands under {category.id!r}, expected '{category.id}.…'"
    live = taxonomy.leaves()
    for leaf in live:
        if not leaf.examples:
            yield f"subcategory {leaf.id!r} has no examples: give some, or retire it"
        try:
            Lexicon(leaf.terms)
        except ValueError as error:
            yield f"subcategory {leaf.id!r}: {error}"
    if taxonomy.fallback not in {leaf.id for leaf in live}:
        yield f"fallback {taxonomy.fallback!r} is no live subcategory"

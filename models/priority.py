"""Scores how urgent a complaint is: additive, monotone, and every point explained.

Errors:
    PriorityConfigError (ValueError)   the weights and lexicons as written cannot be used
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.lexicon import Lexicon, Match, fold, tokens_of, without_placeholders

Level = Literal["P1", "P2", "P3", "P4"]

# English and Pidgin are mixed into every Nigerian language, so their terms always count.
_SHARED_LANGUAGES = frozenset({"eng", "pcm"})
_UNDETERMINED = "und"

_NEGATORS = frozenset(["not", "no", "never", "without", "don't", "dont", "won't", "wont", "isn't", "wasn't"])
# A negator reaches a term only across these, so "no refund, lawyer next" and "will not hesitate to sue"
# stay threats, as do "if not, court" and "why not sue".
_FILLERS = frozenset(
    [
        *("a", "an", "any", "be", "call", "calling", "even", "for", "get", "go", "going", "gonna", "hire"),
        *("intend", "need", "plan", "planning", "take", "taking", "the", "to", "want", "wanna", "wish"),
    ]
)
_THREATENING = frozenset(["if", "or", "why"])

_CAPITALS = re.compile(r"\b[A-Z]{3,}\b")
_LEAST_CAPITAL_WORDS = 3
_LEAST_EXCLAMATIONS = 2
_AMOUNT = re.compile(
    r"(?:₦|\$|£|€|\b(?:ngn|usd|gbp|eur|n))\s?(\d[\d,]*)(k\b)?|\b(\d[\d,]*)(k)?\s?(?:naira|dollars|pounds|euros)\b",
    re.IGNORECASE,
)


class PriorityConfigError(ValueError):
    """The weights and lexicons as written cannot be used; they must be edited."""


@dataclass(frozen=True, slots=True)
class Priority:
    """How urgent a complaint is, and why.

    Attributes:
        level: "P1" (most urgent) to "P4".
        score: the sum of the contributions, at least 0.
        reasons: one line for each contribution ("+4 legal: 'lawyer'"), for each floor that applied
            ("floor P2: legal") and for each cue that was negated.
    """

    level: Level
    score: float
    reasons: list[str]


_Weight = Annotated[float, Field(ge=0, le=100)]
_Language = Annotated[str, Field(pattern=r"^[a-z]{3}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Cue(_Strict):
    weight: _Weight = Field(description="points for each distinct term found")
    most: _Weight | None = Field(default=None, description="points in all at most; the weight if left out")
    floor: Literal["P1", "P2", "P3"] | None = Field(default=None, description="at least this urgent")
    negatable: bool = Field(default=False, description="a negator just before the term cancels it")
    terms: dict[_Language, list[str]] = Field(min_length=1)


class _Style(_Strict):
    exclamation: _Weight = Field(description="two or more exclamation marks")
    capitals: _Weight = Field(description="mostly words in capitals")
    large_amount: _Weight = Field(description="a sum of money of at least large_amount_from")
    large_amount_from: float = Field(gt=0, description="in the currency that the text names")


class _Contacts(_Strict):
    weight: _Weight = Field(description="points for each earlier contact")
    most: _Weight = Field(description="points in all at most")


class _Thresholds(_Strict):
    P1: float = Field(gt=0)
    P2: float = Field(gt=0)
    P3: float = Field(gt=0)

    @model_validator(mode="after")
    def _falling(self) -> Self:
        if not self.P1 > self.P2 > self.P3:
            raise ValueError("expected P1 > P2 > P3")
        return self


class _Config(_Strict):
    version: str = Field(coerce_numbers_to_str=True)
    thresholds: _Thresholds
    categories: dict[str, _Weight]
    unknown_category: _Weight
    subcategories: dict[str, _Weight]
    cues: dict[str, _Cue]
    style: _Style
    earlier_contacts: _Contacts


class PriorityModel:
    """Adds up what speaks for urgency; no weight is below zero, so no cue ever lowers a priority.

    Args:
        config: checked values; use `from_dict`.
    """

    def __init__(self, config: _Config) -> None:
        self.version = config.version
        self._config = config
        self._cues_of: dict[str, list[tuple[str, frozenset[str] | None]]] = {}
        for name, cue in config.cues.items():
            for term, languages in _languages_of_terms(cue).items():
                self._cues_of.setdefault(term, []).append((name, languages))
        self._lexicon = Lexicon(self._cues_of)

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> PriorityModel:
        """Checks a configuration and builds the model.

        Args:
            config: what the YAML file holds: thresholds, weights and cue lexicons.

        Raises:
            PriorityConfigError: a key is unknown or missing, a weight is negative, the thresholds do
                not fall from P1 to P3, or a term is malformed.
        """
        try:
            return cls(_Config.model_validate(dict(config)))
        except ValidationError as error:
            places = "; ".join(
                f"{'.'.join(map(str, item['loc']))}: {item['msg']} (got {str(item['input'])[:60]!r})"
                for item in error.errors()
            )
            raise PriorityConfigError(f"priority configuration is malformed, correct: {places}") from error
        except ValueError as error:
            raise PriorityConfigError(f"priority configuration is malformed: {error}") from error

    def score(
        self,
        text: str,
        category: str,
        subcategory: str,
        language: str = "eng",
        earlier_contacts: int = 0,
    ) -> Priority:
        """Scores one complaint.

        Args:
            text: masked text; an empty one has only its category's points.
            category: id of its category; one without a weight gets that of unknown categories.
            subcategory: id of its leaf; one without a weight adds nothing.
            language: ISO 639-3. Single words of a language other than English and Pidgin count in
                texts of that language or of an undetermined one; phrases always.
            earlier_contacts: complaints of the same customer not long before this one.

        Returns:
            The level, the score and the reasons.
        """
        config = self._config
        tokens = tokens_of(text)
        found, negated = self._find_cues(tokens, language)
        parts = [
            (config.categories.get(category, config.unknown_category), f"category: {category}"),
            (config.subcategories.get(subcategory, 0.0), f"subcategory: {subcategory}"),
        ]
        for name, terms in found.items():
            cue = config.cues[name]
            points = min(cue.weight * len(terms), cue.weight if cue.most is None else cue.most)
            parts.append((points, f"{name}: " + ", ".join(f"'{term}'" for term in terms)))
        contacts = config.earlier_contacts
        parts.append(
            (
                min(contacts.weight * max(earlier_contacts, 0), contacts.most),
                f"earlier contacts: {earlier_contacts}",
            )
        )
        parts += self._style(text)
        total = round(sum(points for points, _ in parts), 2)
        reasons = [f"+{points:g} {why}" for points, why in parts if points]
        level = self._level(total)
        for name in found:
            floor = config.cues[name].floor
            if floor is not None:
                reasons.append(f"floor {floor}: {name}")
                level = min(level, floor)
        reasons += [f"+0 {name}: '{term}' is negated" for name, term in negated]
        return Priority(level, total, reasons)

    def score_all(
        self,
        texts: Sequence[str],
        categories: Sequence[str],
        subcategories: Sequence[str],
        languages: Sequence[str] | None = None,
        earlier_contacts: Sequence[int] | None = None,
    ) -> list[Priority]:
        """Scores complaints column by column.

        Args:
            texts: as in `score`, and so the others, all of one length.
            categories: ids.
            subcategories: ids.
            languages: ISO 639-3; English if left out.
            earlier_contacts: counts; none if left out.

        Returns:
            One priority a text, in order.

        Raises:
            ValueError: the columns differ in length.
        """
        columns = zip(
            texts,
            categories,
            subcategories,
            languages if languages is not None else ["eng"] * len(texts),
            earlier_contacts if earlier_contacts is not None else [0] * len(texts),
            strict=True,
        )
        return [self.score(*row) for row in columns]

    def _find_cues(self, tokens: Sequence[str], language: str) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
        """The distinct terms of each cue that count, and the (cue, term) pairs that are only negated."""
        found: dict[str, list[str]] = {}
        negated: list[tuple[str, str]] = []
        for match in self._lexicon.find(tokens):
            for name, languages in self._cues_of[match.phrase]:
                if languages is not None and language not in languages and language != _UNDETERMINED:
                    continue
                if self._config.cues[name].negatable and _is_negated(tokens, match):
                    negated.append((name, match.phrase))
                elif match.phrase not in found.setdefault(name, []):
                    found[name].append(match.phrase)
        return found, [(name, term) for name, term in dict.fromkeys(negated) if term not in found.get(name, ())]

    def _style(self, text: str) -> list[tuple[float, str]]:
        style = self._config.style
        parts = []
        if text.count("!") >= _LEAST_EXCLAMATIONS:
            parts.append((style.exclamation, "exclamation marks"))
        if _shouts(text):
            parts.append((style.capitals, "capitals"))
        if any(_amounts(text, style.large_amount_from)):
            parts.append((style.large_amount, f"amount of {style.large_amount_from:g} or more"))
        return parts

    def _level(self, score: float) -> Level:
        limits = self._config.thresholds
        if score >= limits.P1:
            return "P1"
        if score >= limits.P2:
            return "P2"
        return "P3" if score >= limits.P3 else "P4"


def _languages_of_terms(cue: _Cue) -> dict[str, frozenset[str] | None]:
    """For each folded term of a cue the languages it counts in, or None for all."""
    languages: dict[str, set[str]] = {}
    for language, terms in cue.terms.items():
        for term in terms:
            languages.setdefault(fold(term), set()).add(language)
    return {
        term: None if spoken & _SHARED_LANGUAGES or len(term.split()) > 1 else frozenset(spoken)
        for term, spoken in languages.items()
    }


def _is_negated(tokens: Sequence[str], match: Match) -> bool:
    place = match.start - 1
    while place >= 0 and tokens[place] in _FILLERS:
        place -= 1
    if place < 0 or tokens[place] not in _NEGATORS:
        return False
    return place == 0 or tokens[place - 1] not in _THREATENING


def _shouts(text: str) -> bool:
    if len(_CAPITALS.findall(text)) < _LEAST_CAPITAL_WORDS:
        return False
    own = without_placeholders(text)
    words = _CAPITALS.findall(own)
    return len(words) >= _LEAST_CAPITAL_WORDS and 2 * sum(map(len, words)) >= sum(map(str.isalpha, own))


def _amounts(text: str, least: float) -> list[float]:
    """The sums of money in a text that are at least `least`."""
    if not any(digit in text for digit in "0123456789"):
        return []
    sums = [
        float((before or after).replace(",", "")) * (1_000 if thousand or thousands else 1)
        for before, thousand, after, thousands in _AMOUNT.findall(text)
    ]
    return [amount for amount in sums if amount >= least]

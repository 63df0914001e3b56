"""Scores how urgent a complaint is: additive, monotone, and every point explained.

Errors:
    PriorityConfigError (ValueError)   the weights and lexicons as written cannot be used
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from models.lexicon import Lexicon, Match, fold, tokens_of, without_placeholders
from models.priority_config import Config, Cue, points_of

Level = Literal["P1", "P2", "P3", "P4"]

#: The most urgent first.
LEVELS: tuple[Level, ...] = ("P1", "P2", "P3", "P4")

#: Of scores, so that a sum of weights reaches the threshold that it equals.
_DECIMALS = 4

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

_CONTACTS, _INCIDENT = "earlier contacts: ", "open incident"
_CIRCUMSTANCE = re.compile(rf"\+\S+ ({_CONTACTS}\d+|{_INCIDENT})$")

_CAPITALS = re.compile(r"\b[A-Z]+(?: [A-Z]+)+\b")
_CAPITAL_WORD_CHARS, _LEAST_CAPITAL_WORDS, _LEAST_CAPITAL_CHARS = 3, 3, 12
_LEAST_EXCLAMATIONS = 2


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


@dataclass(frozen=True, slots=True)
class Complaint:
    """What of a complaint its priority depends on.

    Attributes:
        text: masked text; an empty one has no points of its own.
        category: id of its category; one without a weight gets that of unknown categories.
        subcategory: id of its leaf; one without a weight adds nothing.
        language: ISO 639-3. Single words of a language other than English and Pidgin count in texts of that
            language or of an undetermined one; phrases always.
        amount: of money at stake, None where none is named.
        currency: of the amount, ISO 4217.
        waited_h: hours between the event and our receipt of it; None where that says nothing.
        earlier_contacts: complaints of the same person in the days before.
        incident: whether it is part of an open incident.
    """

    text: str
    category: str
    subcategory: str
    language: str = "eng"
    amount: float | None = None
    currency: str | None = None
    waited_h: float | None = None
    earlier_contacts: int = 0
    incident: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Points of one kind: the key of its weight in the configuration, and what they are for."""

    key: tuple[str, ...]
    points: float
    reason: str


class PriorityModel:
    """Adds up what speaks for urgency; no weight is below zero, so no cue ever lowers a priority.

    Args:
        config: checked values; use `from_dict`.
    """

    def __init__(self, config: Config) -> None:
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
            return cls(Config.model_validate(dict(config)))
        except ValidationError as error:
            places = "; ".join(
                f"{'.'.join(map(str, item['loc']))}: {item['msg']} (got {str(item['input'])[:60]!r})"
                for item in error.errors()
            )
            raise PriorityConfigError(f"priority configuration is malformed, correct: {places}") from error
        except ValueError as error:
            raise PriorityConfigError(f"priority configuration is malformed: {error}") from error

    def score(self, complaint: Complaint) -> Priority:
        """The level, the score and the reasons of one complaint."""
        parts, floors, negated = self._judge(complaint)
        total = _total(parts)
        level = min([self._level(total), *(floor for floor, _ in floors)])
        return Priority(
            level,
            total,
            [
                *(_line(part) for part in parts),
                *(f"floor {floor}: {name}" for floor, name in floors),
                *(f"+0 {name}: '{term}' is negated" for name, term in negated),
            ],
        )

    def parts(self, complaint: Complaint) -> list[Part]:
        """The contributions to the score, none of them below zero."""
        return self._judge(complaint)[0]

    def raised(self, before: Priority, *, earlier_contacts: int = 0, incident: bool = False) -> Priority:
        """The priority with what was not known when it was scored: what a score with both from the start gives.

        Args:
            before: scored without earlier contacts and without an incident.
            earlier_contacts: as in Complaint.
            incident: as in Complaint.
        """
        more = self._circumstances(earlier_contacts, incident)
        if not more:
            return before
        total = round(before.score + _total(more), _DECIMALS)
        count = next((n for n, line in enumerate(before.reasons) if not line.startswith("+")), len(before.reasons))
        ends = before.reasons[:count], before.reasons[count:]
        negated = [line for line in ends[0] if line.startswith("+0 ")]
        points = [line for line in ends[0] if not line.startswith("+0 ")]
        lines = [*points, *map(_line, more), *negated, *ends[1]]
        return Priority(min(before.level, self._level(total)), total, lines)

    @property
    def contacts_at_most(self) -> int:
        """How many earlier contacts change anything."""
        contacts = self._config.earlier_contacts
        return math.ceil(contacts.most / contacts.weight) if contacts.weight else 0

    @property
    def contacts_within_days(self) -> float:
        """How far back earlier contacts count."""
        return self._config.earlier_contacts.within_days

    def _judge(self, complaint: Complaint) -> tuple[list[Part], list[tuple[Level, str]], list[tuple[str, str]]]:
        """Contributions, (floor, cue) pairs and the (cue, term) pairs that are negated."""
        config = self._config
        found, negated = self._find_cues(tokens_of(complaint.text), complaint.language)
        category, leaf = complaint.category, complaint.subcategory
        parts = [
            Part(("categories", category), config.categories[category], f"category: {category}")
            if category in config.categories
            else Part(("unknown_category",), config.unknown_category, f"category: {category}"),
            Part(("subcategories", leaf), config.subcategories.get(leaf, 0.0), f"subcategory: {leaf}"),
        ]
        floors: list[tuple[Level, str]] = []
        for name, terms in found.items():
            cue = config.cues[name]
            points = min(cue.weight * len(terms), cue.weight if cue.most is None else cue.most)
            parts.append(Part(("cues", name), points, f"{name}: " + ", ".join(f"'{term}'" for term in terms)))
            if cue.floor is not None:
                floors.append((cue.floor, name))
        parts += self._style(complaint.text)
        parts.append(self._money(complaint.amount, complaint.currency))
        parts.append(self._waiting(complaint.waited_h))
        parts += self._circumstances(complaint.earlier_contacts, complaint.incident)
        return [part for part in parts if part.points], floors, negated

    def _money(self, amount: float | None, currency: str | None) -> Part:
        money = self._config.money
        per_unit = money.per_unit.get(currency or "")
        points = points_of(money.bands, amount / per_unit) if amount is not None and per_unit else 0.0
        return Part(("money",), points, f"amount: {amount or 0:.12g} {currency}")

    def _waiting(self, waited_h: float | None) -> Part:
        waiting = self._config.waiting
        points = points_of(waiting.bands, waited_h / waiting.sla_h) if waited_h is not None else 0.0
        return Part(("waiting",), points, f"waited: {waited_h or 0:.0f} h of {waiting.sla_h:g}")

    def _circumstances(self, earlier_contacts: int, incident: bool) -> list[Part]:
        contacts = self._config.earlier_contacts
        parts = [
            Part(
                ("earlier_contacts",),
                min(contacts.weight * max(earlier_contacts, 0), contacts.most),
                f"{_CONTACTS}{earlier_contacts}",
            ),
            Part(("incident",), self._config.incident if incident else 0.0, _INCIDENT),
        ]
        return [part for part in parts if part.points]

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

    def _style(self, text: str) -> list[Part]:
        style = self._config.style
        parts = []
        if text.count("!") >= _LEAST_EXCLAMATIONS:
            parts.append(Part(("style", "exclamation"), style.exclamation, "exclamation marks"))
        if _shouts(text):
            parts.append(Part(("style", "capitals"), style.capitals, "capitals"))
        return parts

    def _level(self, score: float) -> Level:
        limits = self._config.thresholds
        if score >= limits.P1:
            return "P1"
        if score >= limits.P2:
            return "P2"
        return "P3" if score >= limits.P3 else "P4"


def is_circumstance(reason: str) -> bool:
    """Whether a line of reasons is one that `PriorityModel.raised` adds."""
    return _CIRCUMSTANCE.match(reason) is not None


def circumstances_in(reasons: Sequence[str]) -> tuple[int, bool]:
    """The earlier contacts, as far as they counted, and whether an incident did, by the lines of `raised`."""
    found = [match[1] for line in reasons if (match := _CIRCUMSTANCE.match(line))]
    contacts = [int(line.removeprefix(_CONTACTS)) for line in found if line.startswith(_CONTACTS)]
    return (contacts[0] if contacts else 0), any(line == _INCIDENT for line in found)


def _total(parts: Sequence[Part]) -> float:
    return round(sum(part.points for part in parts), _DECIMALS)


def _line(part: Part) -> str:
    return f"+{round(part.points, _DECIMALS):g} {part.reason}"


def _languages_of_terms(cue: Cue) -> dict[str, frozenset[str] | None]:
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
    """Whether some words in a row are in capitals; more text around them changes nothing."""
    for run in _CAPITALS.findall(without_placeholders(text)):
        words = {word for word in run.split() if len(word) >= _CAPITAL_WORD_CHARS}
        if len(words) >= _LEAST_CAPITAL_WORDS and sum(map(len, words)) >= _LEAST_CAPITAL_CHARS:
            return True
    return False

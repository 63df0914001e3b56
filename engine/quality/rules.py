"""The rules of configs/quality.yaml: what there are, and a clear error for what cannot be one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.intake.envelope import CHANNELS
from engine.settings import CONFIGS, BadConfig, Settings

#: Columns of text that a rule of rows may look at. `text` is masked; `time_given` is the time as it was sent;
#: `encoding` is clean, mojibake (it was repaired) or replaced (characters were lost before they came here).
TextColumn = Literal[
    "text", "language", "region", "product", "customer_id", "account_id", "source", "time_given", "encoding"
]
NumberColumn = Literal["language_confidence"]

#: Columns whose completeness a rule of batches may judge.
Completed = Literal["customer_id", "account_id", "time_given", "region", "product"]

_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


def _known_channel(name: str) -> str:
    if name not in CHANNELS:
        raise ValueError(f"no such channel; there are {', '.join(CHANNELS)}")
    return name


_Channel = Annotated[str, AfterValidator(_known_channel)]
_Share = Annotated[float, Field(gt=0, lt=1)]


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    channels: tuple[_Channel, ...] = Field(CHANNELS, min_length=1)


class _RowRule(_Rule):
    action: Literal["flag", "quarantine"] = "flag"


class Contract(_RowRule):
    """A value was dropped by the contract of the record's mapping; the flags name the fields."""

    check: Literal["contract"]


class Present(_RowRule):
    """The column has a value."""

    check: Literal["present"]
    column: TextColumn


class Values(_RowRule):
    """The value is one of some, or none of them."""

    check: Literal["values"]
    column: TextColumn
    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.any_of) == bool(self.none_of):
            raise ValueError("expected any_of or none_of")
        return self


class Length(_RowRule):
    """The text has at least, or at most, so many letters or characters."""

    check: Literal["length"]
    column: TextColumn = "text"
    count: Literal["letters", "characters"] = "characters"
    least: int = Field(0, ge=0)
    most: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not self.least and self.most is None:
            raise ValueError("expected least, most or both")
        return self


class Pattern(_RowRule):
    """The value has a match of a regular expression (RE2, which takes linear time), or has none."""

    check: Literal["pattern"]
    column: TextColumn
    matches: str | None = None
    lacks: str | None = None

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        if (self.matches is None) == (self.lacks is None):
            raise ValueError("expected matches or lacks")
        try:
            pc.match_substring_regex(pa.array(["x"]), self.matches or self.lacks)
        except pa.ArrowInvalid as error:
            raise ValueError(f"not a regular expression of RE2 ({error})") from error
        return self


class Number(_RowRule):
    """The number lies within bounds."""

    check: Literal["number"]
    column: NumberColumn
    least: float | None = None
    most: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.least is None and self.most is None:
            raise ValueError("expected least, most or both")
        return self


class Age(_RowRule):
    """The complaint's time, beside its receipt, is not too long ago and not ahead."""

    check: Literal["age"]
    most_s: float | None = Field(None, gt=0)
    ahead_s: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.most_s is None and self.ahead_s is None:
            raise ValueError("expected most_s, ahead_s or both")
        return self


class _BatchRule(_Rule):
    pass


class _ShareRule(_BatchRule):
    window_h: int = Field(6, ge=1, le=168)
    least_rows: int = Field(50, ge=10)


class Completeness(_ShareRule):
    """The share of complaints with a value: at least so much, or not so far below the channel's own past."""

    check: Literal["completeness"]
    column: Completed
    least: _Share | None = None
    most_fall: _Share | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.least is None and self.most_fall is None:
            raise ValueError("expected least, most_fall or both")
        return self


class Flagged(_ShareRule):
    """The share of complaints with a flag."""

    check: Literal["flagged"]
    flag: str
    most: _Share


class Rejected(_ShareRule):
    """The share of records that went to the dead letters."""

    check: Literal["rejected"]
    most: _Share


class Freshness(_BatchRule):
    """A channel is not silent for longer than it is expected to be.

    `missed`: complaints that its own past would have brought meanwhile; `most_age_s`: the newest one's age, by channel.
    """

    check: Literal["freshness"]
    missed: float | None = Field(None, ge=5)
    least_s: float = Field(1800, ge=60)
    most_age_s: dict[_Channel, Annotated[float, Field(ge=60)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.missed is None and not self.most_age_s:
            raise ValueError("expected missed, most_age_s or both")
        return self


class Volume(_BatchRule):
    """Two hours one after the other lie so many spreads off the same hours of the channel's past."""

    check: Literal["volume"]
    direction: Literal["low", "high"]
    spreads: float = Field(ge=3)


class Drift(_BatchRule):
    """The Jensen-Shannon distance of the mix of values to that of the four weeks before."""

    check: Literal["drift"]
    column: Literal["language", "category"]
    most: _Share
    window_h: int = Field(24, ge=24, le=168)
    least_rows: int = Field(200, ge=50)


RowRule = Annotated[
    Contract | Present | Values | Length | Pattern | Number | Age,
    Field(discriminator="check"),
]
BatchRule = Annotated[
    Completeness | Flagged | Rejected | Freshness | Volume | Drift,
    Field(discriminator="check"),
]


class Rules(BaseModel):
    """A file of rules, in the order written."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    rows: dict[_Name, RowRule] = Field(default_factory=dict)
    batches: dict[_Name, BatchRule] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _flags_exist(self) -> Self:
        for name, rule in self.batches.items():
            if isinstance(rule, Flagged) and rule.flag not in self.rows and not rule.flag.startswith("discarded:"):
                known = ", ".join(self.rows)
                raise ValueError(f"batches.{name}.flag: no rule of rows is called {rule.flag!r}; there are {known}")
        return self


def load_rules(settings: Settings) -> Rules:
    """The configured rules.

    Raises:
        BadConfig: the file is missing or wrong; the message names rule and key.
    """
    given = settings.quality.rules
    path = Path(given) if given.endswith((".yaml", ".yml")) else CONFIGS / f"{given}.yaml"
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise BadConfig(f"quality rules {path}: cannot be read ({type(error).__name__})") from error
    try:
        return Rules.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(_problem(one) for one in error.errors())
        raise BadConfig(f"quality rules {path}: {problems}. See docs/quality.md.") from error


def _problem(error: Any) -> str:
    # A discriminated union puts the kind of check into the location.
    place = [str(part) for part in error["loc"]]
    key = ".".join(place[:2] + place[3:])
    if error["type"] == "extra_forbidden":
        return f"{key}: no such key"
    text = str(error["msg"]).removeprefix("Value error, ")
    shown = f" (got {error['input']!r:.80})" if place and not isinstance(error["input"], dict) else ""
    return f"{key}: {text}{shown}" if key else text

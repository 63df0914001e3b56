"""What the YAML of a priority model may hold: weights that are never below zero, lexicons, bands and floors."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_Weight = Annotated[float, Field(ge=0, le=100)]
_Language = Annotated[str, Field(pattern=r"^[a-z]{3}$")]
_Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cue(_Strict):
    """Words of the text that speak for urgency."""

    weight: _Weight = Field(description="points for each distinct term found")
    most: _Weight | None = Field(default=None, description="points in all at most; the weight if left out")
    floor: Literal["P1", "P2", "P3"] | None = Field(default=None, description="at least this urgent")
    negatable: bool = Field(default=False, description="a negator just before the term cancels it")
    terms: dict[_Language, list[str]] = Field(min_length=1)


class Band(_Strict):
    """Points from a value on, in place of those of the bands below it."""

    at_least: float = Field(gt=0)
    weight: _Weight


def points_of(bands: list[Band], value: float) -> float:
    """The points of the highest band that a value reaches; 0 below all."""
    return max((band.weight for band in bands if value >= band.at_least), default=0.0)


class _Banded(_Strict):
    bands: list[Band]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for low, high in pairwise(self.bands):
            if not (low.at_least < high.at_least and low.weight <= high.weight):
                raise ValueError("expected bands that rise, with weights that do not fall")
        return self


class Money(_Banded):
    """The amount at stake, in a currency that all are turned into."""

    per_unit: dict[_Currency, Annotated[float, Field(gt=0)]] = Field(
        description="how much of each currency one unit is worth; an amount in another one has no points"
    )


class Waiting(_Banded):
    """How long a complaint waited before it came to us; bands in multiples of what was promised."""

    sla_h: float = Field(gt=0, description="hours within which a complaint is to be answered")


class Style(_Strict):
    """How the text is written."""

    exclamation: _Weight = Field(description="two or more exclamation marks")
    capitals: _Weight = Field(description="mostly words in capitals")


class Contacts(_Strict):
    """Complaints of the same person in the days before."""

    weight: _Weight = Field(description="points for each earlier contact")
    most: _Weight = Field(description="points in all at most")
    within_days: float = Field(default=30, gt=0, description="how far back they count")


class Thresholds(_Strict):
    """The least score of each level; below P3 is P4."""

    P1: float = Field(gt=0)
    P2: float = Field(gt=0)
    P3: float = Field(gt=0)

    @model_validator(mode="after")
    def _falling(self) -> Self:
        if not self.P1 > self.P2 > self.P3:
            raise ValueError("expected P1 > P2 > P3")
        return self


class Config(_Strict):
    """A priority model."""

    version: str = Field(coerce_numbers_to_str=True)
    thresholds: Thresholds
    categories: dict[str, _Weight]
    unknown_category: _Weight
    subcategories: dict[str, _Weight]
    cues: dict[str, Cue]
    style: Style
    money: Money
    waiting: Waiting
    earlier_contacts: Contacts
    incident: _Weight = Field(description="the complaint is part of an incident that is open")

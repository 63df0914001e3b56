"""What is done with each type of personal data, by channel and by role, as configs/pii.yaml says."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from models.pii.cues import CUES
from models.pii.rule import Finder
from models.pii.rules import TYPES, build

Action = Literal["mask", "generalise", "keep"]
Actions = dict[str, Action]


class BadPolicy(ValueError):
    """A policy that cannot be used; the message names the key, the value and what was expected."""


class Policy(BaseModel):
    """Types that are looked for, their cues, and what is done with each.

    `mask` puts `<TYPE_xxxx>`, the same for equal values; `generalise` puts `<TYPE_0000>`, which nobody can join on;
    `keep` leaves the value. A channel or role takes `default` for what it does not name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field("1", min_length=1)
    ignore: tuple[str, ...] = Field((), description="Types that are not looked for")
    cues: dict[str, tuple[str, ...]] = Field(default_factory=dict, description="More words that announce a value")
    default: dict[str, Action] = Field(default_factory=dict, description="Actions by type; else mask")
    channels: dict[str, dict[str, Action]] = Field(default_factory=dict, description="Actions when stored, by channel")
    roles: dict[str, dict[str, Literal["mask", "generalise"]]] = Field(
        default_factory=dict, description="Actions when shown, by role"
    )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Policy:
        """The policy of a YAML file.

        Raises:
            BadPolicy: what is wrong, at which key, with the value received.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise BadPolicy(f"pii policy: {where} = {first['input']!r}: {first['msg']}") from None

    @field_validator("ignore")
    @classmethod
    def _types(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_known(types, TYPES))

    @field_validator("cues")
    @classmethod
    def _cues(cls, cues: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        _known(cues, tuple(CUES))
        short = [cue for given in cues.values() for cue in given if len(cue.strip()) < 2]
        if short:
            raise ValueError(f"a cue has at least two characters, not {short[0]!r}")
        return cues

    @field_validator("default")
    @classmethod
    def _default(cls, actions: Actions) -> Actions:
        _known(actions, TYPES)
        return actions

    @field_validator("channels", "roles")
    @classmethod
    def _each(cls, groups: dict[str, Actions]) -> dict[str, Actions]:
        for actions in groups.values():
            _known(actions, TYPES)
        return groups

    def for_channel(self, channel: str | None) -> Actions:
        """What is done with each type in a complaint of this channel; types that are ignored are kept."""
        actions: Actions = dict.fromkeys(TYPES, "mask")
        return actions | self.default | self.channels.get(channel or "", {}) | dict.fromkeys(self.ignore, "keep")

    def shown(self, text: str, role: str) -> str:
        """A masked text as a role may see it: placeholders of types that its role generalises say the type alone."""
        actions = self.roles.get(role, {})
        if not actions:
            return text
        return _PLACEHOLDER.sub(lambda m: m[0] if actions.get(m[1]) != "generalise" else f"<{m[1]}_0000>", text)

    @property
    def rules(self) -> tuple[Finder, ...]:
        """The rules of the types that are on."""
        return _rules(tuple(sorted(self.cues.items())), frozenset(self.ignore))


@cache
def _rules(cues: tuple[tuple[str, tuple[str, ...]], ...], off: frozenset[str]) -> tuple[Finder, ...]:
    return tuple(rule for rule in build(dict(cues)) if rule.type not in off)


def _known(given: Any, types: tuple[str, ...]) -> Any:
    unknown = sorted(set(given) - set(types))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(types)}")
    return given


_PLACEHOLDER = re.compile(r"<([A-Z]{2,12})_[0-9a-f]{4}>")
#: Everything is looked for and masked.
STRICT = Policy.model_validate({})

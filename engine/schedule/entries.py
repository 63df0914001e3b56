"""The entries of configs/schedules.yaml, and a clear error for what cannot be one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import yaml
from croniter import croniter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from engine.settings import CONFIGS, BadConfig, Settings

#: The value of the setting that stands for no schedule.
NONE = "none"


def _a_cron(text: str) -> str:
    if len(text.split()) != 5 or not croniter.is_valid(text):
        raise ValueError("expected minute, hour, day, month and weekday as cron has them, e.g. 30 2 * * *")
    return text


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    cron: Annotated[str, AfterValidator(_a_cron)]


class Plain(_Entry):
    """Work that a command does: a clustering, or upkeep of the tables."""

    job: Literal["cluster", "compact", "index"]


class Retrain(_Entry):
    """A training from the stored labels; what is trained becomes the challenger.

    With neither `drift` nor `new_labels` it is trained each time; otherwise where at least one of them says so.
    """

    job: Literal["retrain"]
    drift: bool = False
    new_labels: int | None = Field(None, ge=1)
    promote: bool = False


Entry = Annotated[Plain | Retrain, Field(discriminator="job")]


class Schedules(BaseModel):
    """A file of entries, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    entries: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")], Entry] = Field(default_factory=dict)


def load_entries(settings: Settings) -> dict[str, Plain | Retrain]:
    """The configured entries.

    Raises:
        BadConfig: the file is missing or wrong; the message names entry and key.
    """
    given = settings.schedules
    if given == NONE:
        return {}
    path = Path(given) if given.endswith((".yaml", ".yml")) else CONFIGS / f"{given}.yaml"
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        return dict(Schedules.model_validate(values).entries)
    except (OSError, yaml.YAMLError) as error:
        raise BadConfig(f"schedules {path}: cannot be read ({type(error).__name__})") from error
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise BadConfig(f"schedules {path}: {told}. See docs/schedules.md.") from error


def next_after(cron: str, moment: datetime) -> datetime:
    """When it is due the next time after `moment`, UTC."""
    found: datetime = croniter(cron, moment.astimezone(UTC)).get_next(datetime)
    return found

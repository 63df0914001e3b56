"""What every configured source has: its channel, its name, its mapping; and the secrets it names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.errors import BadMapping
from connectors.mapping import Mapping, load_mapping
from connectors.source import BadSource

Channel = Literal["social", "call_center", "sms", "web_form", "file"]

MAPPINGS = Path(__file__).resolve().parents[1] / "configs" / "mappings"

#: A source's name: a key of `sources`, and a word on the command line.
SOURCE_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"


class Configured(BaseModel):
    """The settings of any source; a kind adds its own, and a default for `channel`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: Channel = Field("file", description="Channel its complaints belong to")
    source: str | None = Field(None, min_length=1, max_length=80, description="Part of every id; default: its name")
    mapping: str | None = Field(None, description="Name in configs/mappings, or a file")

    def called(self, name: str) -> str:
        """The source's name in every envelope, given the name it is configured under."""
        return self.source or name

    def load_mapping(self) -> Mapping | None:
        """The mapping that is named, None where none is.

        Raises:
            BadSource: there is no such mapping, or it is wrong.
        """
        if self.mapping is None:
            return None
        path = Path(self.mapping)
        if "/" not in self.mapping and not path.exists():
            path = MAPPINGS / f"{self.mapping.removesuffix('.yaml')}.yaml"
        try:
            return load_mapping(path)
        except BadMapping as error:
            raise BadSource(str(error)) from error


class Pulled(Configured):
    """The settings of a source that is read by us: it is run by `engine.intake.sources`."""

    poll_s: float = Field(30, ge=0.5, le=86_400, description="Longest time between two looks, s")


def secret(what: str, env: str | None, file: Path | None) -> str | None:
    """The secret in an environment variable or a file; None where neither is named.

    Args:
        what: the setting it is for, as `sources.inbox.password`.
        env: name of the variable.
        file: its first line is taken.

    Raises:
        BadSource: what is named is missing or empty.
    """
    if env is not None:
        value = os.environ.get(env, "")
        if not value:
            raise BadSource(f"{what}_env: the environment variable {env} is not set; set it for the engine's process")
        return value
    if file is None:
        return None
    try:
        value = file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSource(
            f"{what}_file: {file} cannot be read ({type(error).__name__}); write the secret there"
        ) from error
    if not value:
        raise BadSource(f"{what}_file: {file} is empty; write the secret into its first line")
    return value

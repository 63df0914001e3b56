"""Settings of a watched folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from connectors.settings import Pulled


class FolderSettings(Pulled):
    """A watched folder: every file that is put there is read, by its suffix, as `beejan ingest` would."""

    kind: Literal["folder"] = Field("folder", description="This kind")
    path: Path = Field(description="The folder; its subfolders are read too")
    pattern: str = Field("**/*", min_length=1, description="Which files of it, as a glob below `path`")
    settle_s: float = Field(2, ge=0, le=3600, description="A file is read once unchanged for this long, s")
    done: Path | None = Field(None, description="Folder that files are moved to once their records are durable")
    max_record_bytes: int = Field(1 << 20, ge=1024, le=8 << 20, description="A longer record is a dead letter, bytes")

    @field_validator("pattern")
    @classmethod
    def _below(cls, value: str) -> str:
        if value.startswith("/") or ".." in value.split("/"):
            raise ValueError("expected a glob below `path`, such as *.csv or **/*")
        return value

"""Settings of growing text logs."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from connectors.settings import Channel, Pulled


class LogSettings(Pulled):
    """Text logs that grow, followed from where they were left; an entry is a record."""

    kind: Literal["log"] = Field("log", description="This kind")
    channel: Channel = Field("call_center", description="Channel its complaints belong to")
    poll_s: float = Field(2, ge=0.1, le=86_400, description="Longest time between two looks, s")
    paths: tuple[str, ...] = Field(min_length=1, description="Files or globs; rotated ones need not match")
    start: str | None = Field(None, description="Regex at the start of an entry's first line; default: a line is one")
    fields: tuple[str, ...] = Field((), description="Regexes searched in an entry; named groups are its fields")
    encoding: str = Field("utf-8", description="Encoding of the lines")
    linger_s: float = Field(2, ge=0, le=3600, description="A last entry is complete after this long, s")
    max_entry_bytes: int = Field(64 << 10, ge=256, le=1 << 20, description="A longer entry is a dead letter, bytes")

    @field_validator("start", "fields")
    @classmethod
    def _compiles(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for pattern in (value,) if isinstance(value, str) else value or ():
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"not a regular expression ({error})") from error
        return value

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            alone = "\n".encode(value) == b"\n"
        except LookupError:
            alone = False
        if not alone:
            raise ValueError("expected an encoding whose line end is one byte, such as utf-8 or cp1252")
        return value

"""Settings of a mailbox read over IMAP."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from connectors.settings import Pulled


class ImapSettings(Pulled):
    """A mailbox, read over IMAP without changing it; a message is a record."""

    kind: Literal["imap"] = Field("imap", description="This kind")
    host: str = Field(min_length=1, description="The server's name, as its certificate has it")
    port: int = Field(993, ge=1, le=65535, description="Its port; 143 with starttls")
    tls: Literal["tls", "starttls", "off"] = Field("tls", description="How the connection is protected")
    ca_file: Path | None = Field(None, description="Certificates to trust instead of the system's")
    user: str = Field(min_length=1, description="Who logs in")
    password_env: str | None = Field(None, description="Environment variable that holds the password")
    password_file: Path | None = Field(None, description="File whose first line is the password")
    folders: tuple[str, ...] = Field(("INBOX",), min_length=1, description="Mail folders that are read")
    mark_seen: bool = Field(False, description="Mark messages as read once they are durable")
    poll_s: float = Field(60, ge=0.5, le=86_400, description="Longest time between two looks, s; IDLE is used")
    timeout_s: float = Field(30, ge=1, le=600, description="Longest wait for an answer of the server, s")
    max_message_bytes: int = Field(25 << 20, ge=1024, le=256 << 20, description="A larger message is a dead letter")

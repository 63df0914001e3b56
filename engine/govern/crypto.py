"""Keys at rest: the data key that seals raw payloads, and the key behind pseudonyms."""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from connectors.errors import Terminal
from connectors.nats_server import write_private

_NONCE_BYTES = 12


class KeyTrouble(Terminal):
    """A key file is missing, unreadable or not the one a payload was sealed with."""


@dataclass(frozen=True)
class DataKey:
    """AES-256-GCM over a payload, bound to its event id (NIST SP 800-38D; random 96-bit nonces)."""

    key_id: str
    secret: bytes = field(repr=False)

    @cached_property
    def _cipher(self) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self.secret)

    def __getstate__(self) -> dict[str, Any]:
        return {"key_id": self.key_id, "secret": self.secret}

    def encrypt(self, payload: bytes, event_id: str) -> bytes:
        """nonce ‖ ciphertext ‖ tag."""
        nonce = os.urandom(_NONCE_BYTES)
        return bytes(nonce + self._cipher.encrypt(nonce, payload, event_id.encode()))

    def decrypt(self, sealed: bytes, event_id: str) -> bytes:
        """The payload.

        Raises:
            KeyTrouble: another key, another event or changed bytes.
        """
        from cryptography.exceptions import InvalidTag

        try:
            return bytes(self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], event_id.encode()))
        except InvalidTag as error:
            raise KeyTrouble(
                f"payload of {event_id[:12]}: cannot be opened with key {self.key_id}; was the keys folder replaced?"
            ) from error


@dataclass(frozen=True)
class Keys:
    """The keys of one installation."""

    data: DataKey
    pseudonym: bytes = field(repr=False)
    session: bytes = field(repr=False)


def load_keys(folder: Path) -> Keys:
    """Read `<folder>/{data,pseudonym,session}.key` (hex, mode 0600); missing ones are made.

    Raises:
        KeyTrouble: a file cannot be read or holds no key.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = _load(folder / "data.key")
    return Keys(
        data=DataKey(key_id="k1-" + _fingerprint(data), secret=data),
        pseudonym=_load(folder / "pseudonym.key"),
        session=_load(folder / "session.key"),
    )


def _load(path: Path) -> bytes:
    try:
        if not path.exists():
            _make(path)
        value = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise KeyTrouble(f"key {path}: cannot be read ({type(error).__name__}); expected 64 hex digits") from error
    if len(value) != 32:
        raise KeyTrouble(f"key {path}: {len(value)} bytes; expected 32 (64 hex digits)")
    return value


def _make(path: Path) -> None:
    """One of the processes that start together makes it, and all of them read that one; durable when this returns."""
    mine = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    write_private(mine, secrets.token_hex(32))
    try:
        with contextlib.suppress(FileExistsError):
            os.link(mine, path)
    finally:
        mine.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _fingerprint(secret: bytes) -> str:
    import hashlib

    return hashlib.sha256(b"beejan-key-id" + secret).hexdigest()[:8]

"""API keys: made once, shown once, kept as hashes, checked by role."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

ROLES = ("intake", "analyst", "ml", "ops", "steward", "admin")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request."""

    key_id: str
    name: str
    role: str

    def may(self, *roles: str) -> bool:
        """Whether this role is one of `roles`; admin always is."""
        return self.role == "admin" or self.role in roles


def new_key() -> tuple[str, str]:
    """A key id and the key, `bj_<id>_<secret>`; 192 random bits, so a plain hash protects it."""
    key_id = secrets.token_hex(6)
    return key_id, f"bj_{key_id}_{secrets.token_urlsafe(24)}"


def key_hash(key: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def key_id_of(key: str) -> str | None:
    """The id inside a key, or None where it is not of the form."""
    parts = key.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == "bj" and len(parts[1]) == 12 else None

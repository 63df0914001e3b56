"""Keyed pseudonyms: the same value gives the same id, and without the key nobody can go back."""

from __future__ import annotations

import hashlib
import hmac


def pseudonym(key: bytes, value: str, kind: str) -> str:
    """`<kind>_<16 hex>`: HMAC-SHA256 over the kind and the value without case and spaces.

    Args:
        key: the installation's pseudonym key.
        value: what identifies somebody; spaces, dashes and case do not matter.
        kind: `customer`, `account`, `phone` or `email`; equal values of two kinds differ.
    """
    plain = "".join(c for c in value.casefold() if c.isalnum() or c in "@._+")
    digest = hmac.new(key, f"{kind}\0{plain}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    return f"{kind}_{digest[:16]}"

"""Keyed pseudonyms: the same value gives the same id, and without the key nobody can go back."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

import phonenumbers

#: Mailboxes in which dots do not count and what follows a plus is a label.
_DOTLESS = ("gmail.com", "googlemail.com")


def pseudonym(key: bytes, value: str, kind: str, region: str = "NG") -> str:
    """`<kind>_<16 hex>`: HMAC-SHA256 over the kind and the value in its one form.

    Args:
        key: the installation's pseudonym key.
        value: what identifies somebody; spaces, dashes and case do not matter.
        kind: `customer`, `account`, `phone`, `email` or `handle`; equal values of two kinds differ.
        region: ISO 3166 code of the country of phone numbers without one.
    """
    digest = hmac.new(key, f"{kind}\0{plain(value, kind, region)}".encode("utf-8", "replace"), hashlib.sha256)
    return f"{kind}_{digest.hexdigest()[:16]}"


def identifier(key: bytes, value: str, kind: str, region: str = "NG") -> str:
    """`<kind>:<16 hex>`: the same pseudonym as an identifier of a person."""
    return pseudonym(key, value, kind, region).replace("_", ":", 1)


def plain(value: str, kind: str, region: str = "NG") -> str:
    """The one form of a value: phones in E.164, e-mail in lower case (Gmail without dots and labels), handles bare."""
    text = "".join(c for c in value.casefold() if c.isalnum() or c in "@._+")
    if kind == "phone":
        return _phone(text, region)
    if kind == "email":
        name, at, domain = text.removeprefix("mailto").rpartition("@")
        if domain in _DOTLESS:
            return f"{name.partition('+')[0].replace('.', '')}@gmail.com"
        return f"{name}{at}{domain}"
    return text.lstrip("@") if kind == "handle" else text


@lru_cache(maxsize=20_000)
def _phone(text: str, region: str) -> str:
    digits = "".join(str(int(c)) for c in text if c.isdecimal())
    # Gateways leave the plus away, and some people dial 00.
    international = f"+{digits.removeprefix('00')}"
    forms: list[tuple[str, str | None]] = [(digits, region), (international, None)]
    if text.startswith("+") or digits.startswith("00"):
        forms.reverse()
    for form, country in forms:
        try:
            number = phonenumbers.parse(form, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return digits or text

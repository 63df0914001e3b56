"""The rules that find personal data, most certain first."""

from __future__ import annotations

from collections.abc import Mapping

from models.pii.addresses import CODE, Addresses
from models.pii.contacts import contacts, mentions
from models.pii.cues import CUES
from models.pii.documents import documents
from models.pii.introduced import INTRODUCED
from models.pii.phones import phones
from models.pii.rule import Finder

#: Every type there is, those of names last.
TYPES = (
    "ACCOUNT", "ADDRESS", "BVN", "CARD", "DOB", "EMAIL", "HANDLE", "IBAN", "IP", "LICENCE", "NIN", "PASSPORT", "PERSON", "PHONE", "PLATE", "SECRET", "SSN",
    "TIN", "URL", "VOTER",
)  # fmt: skip


def build(more: Mapping[str, tuple[str, ...]]) -> tuple[Finder, ...]:
    """All rules in their order.

    Args:
        more: cues by type, beside the built-in ones.
    """
    cues = {kind: (*given, *more.get(kind, ())) for kind, given in CUES.items()}
    early = contacts(cues)
    return (*early, *documents(cues), *phones(cues), mentions(), Addresses(cues["ADDRESS"]), CODE, *INTRODUCED)

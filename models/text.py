"""Text repair and the normal form that exact duplicates share."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from functools import lru_cache
from typing import Any

_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[ \n]*")
#: Placeholders of masked values: the same complaint with another phone number is still the same.
_PLACEHOLDER = re.compile(r"<([A-Z]+)_[0-9a-f]{4}>")
_NOT_WORD = re.compile(r"[^\w<>]+")


def repair(text: str) -> str:
    """Undo mojibake, entities, control characters and compatibility forms; emoji and case stay.

    Args:
        text: any string, also with lone surrogates.

    Returns:
        NFC text with single spaces, at most one empty line between two lines, and none at the ends.
        Repairing twice changes nothing more.
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    fixed = _fix(whole)
    for _ in range(3):
        again = _fix(fixed)
        if again == fixed:
            break
        fixed = again
    return fixed


def _fix(text: str) -> str:
    import ftfy

    fixed = ftfy.fix_text(html.unescape(text), config=_config())
    fixed = "".join(c for c in fixed if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Co", "Cn"))
    return _LINES.sub(_line_break, _SPACES.sub(" ", fixed)).strip()


def _line_break(match: re.Match[str]) -> str:
    return "\n\n" if match.group().count("\n") > 1 else "\n"


@lru_cache(maxsize=1)
def _config() -> Any:
    import ftfy

    return ftfy.TextFixerConfig(normalization="NFC", unescape_html=True, uncurl_quotes=True)


def normal_form(text: str) -> str:
    """What two copies of a complaint have in common: case, spaces, punctuation and masked values aside."""
    folded = unicodedata.normalize("NFKC", _PLACEHOLDER.sub(r"<\1>", text)).casefold()
    return _NOT_WORD.sub(" ", folded).strip()


def text_hash(text: str) -> str:
    """sha256 of `normal_form(text)`, in hex; a text without words or digits hashes as it is."""
    return hashlib.sha256((normal_form(text) or text).encode("utf-8", "replace")).hexdigest()

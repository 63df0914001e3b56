"""How much of what follows a cue ("my name is …") is a name."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f'’])*")
#: What follows a cue without being a name.
_OTHERS = (
    "a about account after again agent airtel all also always am an and anyone are as asking at be been being "
    "but by called can care center centre changed client company correct customer desk dey did didn different "
    "director does doesn don email etisalat ever executive for from glo had has have he her him his i in "
    "incorrect is isn it its just linked live manager me missing mobile mtn my na need network never no not "
    "now ntel number of on only or our phone please registered rep representative safaricom sales service she "
    "since so somebody someone spelled spelt still supervisor support team telling than that the their them "
    "there they this to trying unknown until updated very was we were wey what when which who why will with "
    "wrong wrongly yet you your "
)
_NOT_NAMES = frozenset(_OTHERS.split())


def name_length(value: str, capital: bool = False) -> int:
    """Characters of `value` that are a name: the words before the first that cannot be one.

    Args:
        value: up to four words after a cue.
        capital: whether every word must start with a capital. Otherwise the case of the first decides for all,
            and at most two lower-case words count.
    """
    end = words = 0
    lower = False
    for match in _WORD.finditer(value):
        word = match.group()
        capitalised = word[0].isupper() or word[0].lower() == word[0].upper()
        if word.casefold() in _NOT_NAMES or (not capitalised and (capital or (words and not lower))):
            break
        if words == 0:
            lower = not capitalised
        if lower and words == 2:
            break
        end, words = match.start() + len(word.rstrip("'’")), words + 1
    return end

"""How much of what follows a cue ("my name is …") is a name."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_][^\W\d_'.-]*")
_NOT_NAMES = frozenset(
    "a about account after again agent airtel all also always am an and and are as at be been being but by called can care "
    "center centre client customer d' desk did didn does doesn don for from glo had has have he her him his i in is isn "
    "it its just linked manager me missing mtn my need network no not now of on or our please registered representative "
    "rep service she since so still support supervisor team than that the their them there they this to unknown until "
    "very was we were what when which who why will with wrong wrongly you your na wey dey and the someone somebody "
    "anyone spelt spelled different updated changed correct incorrect etisalat safaricom ntel company executive "
    "director sales they're he's she's yet only never ever telling asking trying phone email mobile number live in".split()
)


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
        if word.casefold().rstrip(".") in _NOT_NAMES or (not capitalised and (capital or (words and not lower))):
            break
        if words == 0:
            lower = not capitalised
        if lower and words == 2:
            break
        end, words = match.start() + len(word.rstrip(".'-")), words + 1
    return end

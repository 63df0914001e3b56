"""Names that are introduced ("my name is …", "Mrs …", a signature), and how much of what follows is a name."""

from __future__ import annotations

import re

from models.pii.rule import Rule

_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u064b-\u0655\u0900-\u0903\u093a-\u094f'’])*")
#: What follows a cue without being a name.
_OTHERS = (
    "a about account after again agent airtel all also always am an and anyone are as asking at be been being "
    "but by called can care center centre changed client company correct customer desk dey did didn different "
    "director does doesn don email etisalat ever executive for from glo had has have he her him his i in "
    "incorrect is isn it its just linked live manager me missing mobile mtn my na need network never no not "
    "now ntel number of on only or our phone please registered rep representative safaricom sales service she "
    "since so somebody someone spelled spelt still supervisor support team telling than that the their them "
    "there they this to trying unknown until updated very was we were wey what when which who why will with "
    "wrong wrongly yet you your है हूँ "
)
_NOT_NAMES = frozenset(_OTHERS.split())


def name_length(value: str, capital: bool = False) -> int:
    """Characters of `value` that are a name: the words before the first that cannot be one.

    Args:
        value: up to four words after a cue.
        capital: whether every word must start with a capital. Otherwise the case of the first decides for all,
            and at most two words in lower case, or in letters without case, count.
    """
    end = words = 0
    lower = False
    for match in _WORD.finditer(value):
        word = match.group()
        capitalised = word[0].isupper() or word[0].lower() == word[0].upper()
        if word.casefold() in _NOT_NAMES or (not capitalised and (capital or (words and not lower))):
            break
        if words == 0:
            lower = not word[0].isupper()
        if lower and words == 2:
            break
        end, words = match.start() + len(word.rstrip("'’")), words + 1
    return end


_PART = r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u064b-\u0655\u0900-\u0903\u093a-\u094f'’]){0,30}"
_NAME = rf"({_PART}\.?(?:[ -]{_PART}){{0,3}})"

INTRODUCED = (
    Rule(
        "PERSON",
        re.compile(
            r"(?i)\b(?:my (?:full |real |account )?names? (?:is|na|are|be)|agent'?s? name(?: is| was)?|sunana|oruko mi ni|aha m bu"
            r"|(?:agent|rep|representative|staff|lady|guy|man|woman|officer) (?:called|named|by name)"
            r"|i(?: am|'m) (?:mr|mrs|ms|miss|dr)\.?|jina langu ni|je m['’]appelle"
            r"|[oòóọ][\u0300-\u036f]?r[uúù][\u0300-\u036f]?k[oòóọ][\u0300-\u036f]{0,2} mi (?:ni|n jẹ)|aha m bụ"
            r"|me llamo|mi nombre es|meu nome [eé]|me chamo|mein name ist|ich hei(?:ß|ss)e|mi chiamo|меня зовут"
            r"|اسمي|أنا اسمي|मेरा नाम)"
            r":? " + _NAME
        ),
        length=name_length,
        needs=("name", "sunana", "oruko", "aha m", "call", "i am", "i'm", "jina", "appelle", "mi ni", "mi n j", "llamo",
               "nombre", "nome", "chamo", "hei", "chiamo", "зовут", "اسمي", "नाम"),
    ),
    Rule(
        "PERSON",
        re.compile(
            r"\b(?:Mr|Mrs|Ms|Dr|Prof|Engr|Barr|Alhaji|Alhaja|Hajiya|Mallam|Name:|NAME:|name:|[Ss]poke (?:to|with))\.? ?"
            + _NAME
        ),
        length=lambda value: name_length(value, capital=True),
        needs=("m", "dr", "prof", "engr", "barr", "alhaj", "hajiya", "spoke"),
    ),
    Rule(
        "PERSON",
        re.compile(
            r"(?i)\b(?:regards|sincerely|faithfully|signed|thanks|thank you|cheers|yours)[,.]? {0,3}\n\s{0,4}"
            + _NAME + r"(?=\s{0,4}(?:\n|$|,|\.))"
        ),
        length=lambda value: name_length(value, capital=True),
        needs=("\n",),
    ),
)  # fmt: skip

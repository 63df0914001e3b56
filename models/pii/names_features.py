"""What the name tagger knows about a word in its text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from models.pii.names_words import Seen, Token

#: Function words by which a text's language is told well enough to gate the tagger; marks folded.
_FUNCTION = {
    "e": "the of and to is my with was this have you for it that are on at not i be they but from",
    "p": "dey wey una abeg wetin dem im sabi pesin dis dat na tok wan oga goment dia pipo moni gada don",
    "h": "da na ya ta a wanda cewa kuma daga ga yi ke ne ce ba su mai wani shi wata an za don amma ta wajen",
    "i": "na nke ndi ya bu ka maka onye anyi ha di nwere m o gi ihe si ndị bụ dị ga kwuru mana nwa ahu a",
    "y": "ni ti si fun awon ati lati won naa pe ko mo e o re ninu se je wa yii gbogbo kan ohun ilu bi",
}
_LANGUAGE = {
    word: "".join(letter for letter, words in _FUNCTION.items() if word in words.split())
    for words in _FUNCTION.values()
    for word in words.split()
}
_NONE = Seen("", "", "")


#: French words that are elided, in lower case after the apostrophe: "L'argent", and not "D'Angelo".
_ELIDED = re.compile(r"(?:[jlcdnmst]|qu|aujourd|jusqu|lorsqu|puisqu|quelqu)'")


def style(words: Sequence[Token]) -> str:
    """How a text is written: `l` lower case, `U` capitals, `T` most words with a capital, `n` otherwise."""
    upper = capital = lower = 0
    for token in words:
        shape = token.seen.shape
        if shape == "x":
            lower += 1
        elif shape == "Xx":
            capital += 1
        elif shape == "XX":
            upper += 1
    if upper > 2 and upper > 2 * (lower + capital):
        return "U"
    if capital + upper == 0:
        return "l"
    return "T" if capital > 3 and capital > 1.5 * lower else "n"


def language(words: Sequence[Token]) -> str:
    """`e` English or unknown, `p` Pidgin, `h` Hausa, `i` Igbo, `y` Yoruba: whose function words are the most.

    Pidgin's count twice: most of the words around them are English too.
    """
    counts = dict.fromkeys("ephiy", 0)
    for token in words[:200]:
        for letter in _LANGUAGE.get(token.seen.plain, ""):
            counts[letter] += 2 if letter == "p" else 1
    best = max("ephiy", key=lambda letter: counts[letter])
    return best if counts[best] * 8 >= min(len(words), 200) and counts[best] > counts["e"] else "e"


def candidate(words: Sequence[Token], at: int, previous: bool) -> bool:
    """Whether the word can be a name at all; the tagger reads no other."""
    token = words[at]
    seen = token.seen
    if token.glued or len(seen.plain) > 30 or (seen.shape in ("x", "Xx") and _ELIDED.match(seen.plain)):
        return False
    listed = "n" in seen.flags or "w" in seen.flags
    if seen.shape == "x":
        if len(seen.plain) == 1 or seen.plain in PARTICLES:
            return previous and at + 1 < len(words) and words[at + 1].gap in " ."
        return previous or (listed and "o" not in seen.flags) or "m" in seen.flags or cued(words, at)
    if seen.shape == "o":
        return listed
    if seen.shape == "X" and not previous:
        return bool(words[at + 1 : at + 2]) and words[at + 1].gap in " ." and words[at + 1].seen.shape == "Xx"
    return listed or previous or not ("c" in seen.flags or "o" in seen.flags) or cued(words, at)


def _kind(seen: Seen) -> str:
    """A word's form with what its lists come to: a name, a name or a common word, another, unknown."""
    listed = "n" in seen.flags or "w" in seen.flags or "m" in seen.flags
    common = "c" in seen.flags or "o" in seen.flags
    return seen.shape + ("b" if listed and common else "l" if listed else "c" if common else "u")


def cued(words: Sequence[Token], at: int) -> bool:
    """Whether a title or another word that announces a name stands before this one."""
    return at > 0 and words[at].gap in " .:," and words[at - 1].seen.plain in CUES and "c" not in words[at].seen.flags


#: What stands inside names in lower case.
PARTICLES = frozenset(
    [
        "van",
        "de",
        "den",
        "der",
        "ter",
        "von",
        "zu",
        "du",
        "da",
        "do",
        "dos",
        "das",
        "di",
        "del",
        "della",
        "la",
        "le",
        "el",
        "al",
        "bin",
        "ibn",
        "ben",
        "bint",
    ]
)
#: Words that a name often follows.
CUES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "mister",
        "dr",
        "prof",
        "engr",
        "barr",
        "alhaji",
        "alhaja",
        "hajiya",
        "hajia",
        "haj",
        "mallam",
        "malam",
        "madam",
        "pastor",
        "chief",
        "sir",
        "oga",
        "name",
        "agent",
        "named",
        "called",
        "named",
        "by",
        "tell",
        "told",
        "ask",
        "sunana",
        "regards",
        "thanks",
        "hi",
        "hello",
        "dear",
        "hey",
        "am",
        "pst",
        "bishop",
        "imam",
        "senator",
        "governor",
        "minister",
        "president",
        "mazi",
        "ogbeni",
        "arabinrin",
        "gomina",
        "gwamna",
        "gwamnan",
        "sanata",
        "gominan",
        "maiden",
        "starring",
        "featuring",
        "beneficiary",
        "owner",
        "customer",
    ]
)


#: First letters of the features that speak of neighbouring words by name.
NEIGHBOURS = frozenset("9abcdefgl")


def features(words: Sequence[Token], at: int, previous: bool, manner: str, tongue: str) -> list[str]:
    """The names of what holds for a word, each once; the model has a weight for each that it knows."""
    token = words[at]
    seen = token.seen
    before = words[at - 1].seen if at else _NONE
    before2 = words[at - 2].seen if at > 1 else _NONE
    after = words[at + 1].seen if at + 1 < len(words) else _NONE
    after2 = words[at + 2].seen if at + 2 < len(words) else _NONE
    next_gap = words[at + 1].gap if at + 1 < len(words) else "$"
    last = "P" if previous else "-"
    form = seen.shape + "/" + seen.flags
    opens = "s" if token.gap in "^.nq" else ""
    return [
        "0" + form,
        "1" + form + manner + opens,
        "2" + form + last,
        "3" + form + tongue,
        "4" + form + before.shape + before.flags,
        "5" + form + after.shape + after.flags,
        "6" + seen.plain[-3:] + seen.shape[:1],
        "7" + seen.plain[-2:] + seen.shape[:1],
        "8" + seen.plain[:3] + seen.shape[:1],
        "9" + token.gap + before.plain,
        "a" + before.plain + seen.shape,
        "b" + after.plain,
        "c" + next_gap + after.plain + seen.shape,
        "d" + before2.plain + " " + before.plain,
        "e" + before2.plain,
        "f" + after2.plain,
        "g" + after.plain + " " + after2.plain,
        "h" + token.gap + next_gap + last + seen.shape,
        "i" + last + token.gap + manner,
        "j"
        + opens
        + tongue
        + seen.shape
        + ("g" if "n" in seen.flags or "w" in seen.flags or "m" in seen.flags else ""),
        "k" + before.shape + after.shape + seen.shape + manner,
        "l" + manner + tongue + last + seen.shape + before.plain,
        "m" + ("o" if "o" in before.flags else "") + ("o" if "o" in after.flags else "") + last + seen.shape,
        "n" + str(min(len(seen.plain), 12)) + seen.shape,
        "o" + _kind(seen) + next_gap + _kind(after),
        "p" + token.gap + _kind(before) + last + _kind(seen),
    ]

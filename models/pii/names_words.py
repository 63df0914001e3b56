"""Words as the name tagger sees them: their form, and which lists they stand in."""

from __future__ import annotations

import gzip
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from models.pii.span import FILLER

DATA = Path(__file__).parent / "data"

#: A word with its marks, apostrophes and hyphens inside; longer ones are cut in pieces.
WORD = re.compile(
    r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u064b-\u0655\u0900-\u0903\u093a-\u094f]|['’-](?=[^\W\d_])){0,39}"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known about a word by itself.

    Args:
        plain: lower case, without marks.
        shape: `x` lower, `X` one capital letter, `Xx` a capital first, `XX` capitals, `XxX` mixed, `o` no case.
        flags: letters of the lists and forms that it belongs to: `n` Nigerian name, `w` name from elsewhere,
            `m` built like a Nigerian name, `c` common word, `o` place, company, title or other capital.
    """

    plain: str
    shape: str
    flags: str


@dataclass(frozen=True, slots=True)
class Token:
    """A word in a text, the class of what stands between it and the word before, and whether it is glued."""

    start: int
    end: int
    seen: Seen
    gap: str
    glued: bool


def tokens(text: str) -> list[Token]:
    """The words of a text in order; time is linear in it."""
    found, position, last = [], 0, len(text)
    for match in WORD.finditer(text):
        start, end = match.span()
        between = text[position:start]
        before, after = between[-1:], text[end : end + 2]
        glued = (
            before in _GLUE
            or after[:1] in ("_", "@")
            or after[:1].isdigit()
            or (before == "." and len(between) == 1 and position > 0)
            or (after[:1] == "." and after[1:].isalnum() and end + 1 < last)
            or before.isdigit()
        )
        found.append(Token(start, end, look(match.group()), _gap(between) if position else "^", glued))
        position = end
    return found


def fold(word: str) -> str:
    """Lower case without marks, hooks and tone: `Ọláolúwa` is `olaoluwa`."""
    lower = word.lower().replace("’", "'")
    if lower.isascii():
        return lower
    decomposed = unicodedata.normalize("NFD", lower.translate(_HOOKS))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@lru_cache(maxsize=1 << 15)
def look(word: str) -> Seen:
    """A word's form and lists."""
    plain = fold(word)
    stem = plain[:-2] if plain.endswith("'s") else plain
    lists = _lists()
    parts = stem.split("-") if "-" in stem else ()
    flags = "".join(
        letter
        for letter, members in lists
        if stem in members or (letter in "nw" and parts and all(part in members for part in parts))
    )
    if not flags and _inflected(stem, lists[2][1]):
        flags = "c"
    if _BUILT.fullmatch(stem) and "c" not in flags and "o" not in flags:
        flags += "m"
    return Seen(stem, _shape(word), flags)


def _inflected(word: str, common: frozenset[str]) -> bool:
    """Whether an unlisted word is a common one with an ending, or ends as English nouns and adverbs do."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 2:
            root = word[: -len(ending)]
            if root in common or root + "e" in common or root[:-1] in common or root + "y" in common:
                return True
    return len(word) > 6 and word.endswith(_NOUNS)


_ENDINGS = ("s", "es", "ed", "ing", "ly", "er", "ers", "ies")
_NOUNS = (
    "tion",
    "tions",
    "sion",
    "sions",
    "ment",
    "ments",
    "ness",
    "ingly",
    "ically",
    "ality",
    "ology",
    "ibility",
    "ability",
    "cation",
    "graph",
    "grapher",
    "ologist",
)


def read_list(name: str) -> frozenset[str]:
    """The words of a list in `data`, without its comments."""
    path = DATA / name
    text = gzip.decompress(path.read_bytes()).decode() if name.endswith(".gz") else path.read_text("utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


@cache
def _lists() -> tuple[tuple[str, frozenset[str]], ...]:
    return (
        ("n", read_list("names_nigeria.txt")),
        ("w", read_list("names_more.txt") | read_list("names_world.txt.gz")),
        ("c", read_list("words_common.txt.gz")),
        ("o", frozenset(map(fold, read_list("names_others.txt")))),
    )


def _shape(word: str) -> str:
    if not word[0].isupper():
        return "x" if word[0].islower() else "o"
    if len(word) == 1:
        return "X"
    rest = word[1:]
    if rest.islower():
        return "Xx"
    return "XX" if rest.isupper() else "XxX"


def _gap(between: str) -> str:
    """What parts two words, one letter: the strongest of what stands there."""
    if between == " ":
        return " "
    for mark, letter in _MARKS:
        if mark in between:
            return letter
    if any(c.isdigit() for c in between):
        return "0"
    return "-" if between.strip() else " "


_GLUE = frozenset("@#_/\\=&")
_MARKS = (
    ("\n", "n"),
    (FILLER, "f"),
    (":", ":"),
    ("!", "."),
    ("?", "."),
    (".", "."),
    (",", ","),
    ('"', "q"),
    ("“", "q"),
    ("(", "("),
)
_HOOKS = str.maketrans("ɗƙɓƴøæœłđðþßı", "dkbyoaolddtsi")
#: Nigerian names are built of a few parts; the parts are enough to know a name that no list has.
_BUILT = re.compile(
    r"(?:ade|adey|ola|olu|oluwa|olorun|oluw|ayo|akin|ogun|ifa|oye|oyin|omo|ore|temi|tolu|mofe|moni|olo|babat|fola|folo|ire|iyan)"
    r"[a-z]{0,4}(?:ola|ade|olu|wale|kunle|femi|yemi|tunde|bola|sola|tola|bisi|dele|niyi|seun|segun|bayo|dayo|tayo|bukola|joke|ronke|funke"
    r"|kemi|lola|tosin|dotun|wunmi|wumi|sanmi|sanya|mola|wa|oluwa|boye|leke|gbenga|dapo|deji|muyiwa|lekan|nike|yinka|peju|biyi|kayode|kolade"
    r"|rinde|rinola|ponle|jo|bode|goke|sina|sanu|mide|bami|pe|leye|bowale|fisayo|daisi|kola|lade|mosu|nuga|dipe|toye|bi|lana|pelu|se|yomi|tan|nla|luyi|dun)"
    r"|(?:chukwu|chi|nwa|obi|oke|uche|ugo|ife|ike|ego|eze|nne|nna|ngo|amara|onye|uzo|ozo|kele|kene|kosi|somto|okwu|ogo|ogb|ony|ndu|nke|nwan|mma)"
    r"[a-z]{0,5}(?:chukwu|chi|nna|ma|nma|ka|eze|uche|ugo|buka|meka|nwa|oma|do|kwe|ike|kwesili|ndu|kwu|iro|ulu|edu|ezie|ibe|afor|orie|nkwo|eke|agu|aku"
    r"|uba|uka|bia|nso|nye|nyere|ozie|dinma|dimma|lum|emma|ji|jike|kachi|chie|amaka|ogu|osu|ibeh|umeh|oha|olisa|ekwu)"
    r"|abd(?:ul|u[rsnztd]|el)[a-z-]{3,14}|m[uo]h[ao]mm?[aeu]d[a-z]{0,3}|[a-z]{3,9}(?:udd?ee?n|addeen|ullahi?|ulla)|(?:dan|yar)[' -]?(?:ladi|juma|lami|baba|musa|gote|jani|bappa)"
    r"|(?:osa|ogie|eghe|efo|omo|uwa|ose)[a-z]{0,4}(?:ze|re|mwen|yi|khare|giede|sere|wonyi|rumen|zuwa|mude|gie|bor|dion|sa)"
    r"|(?:oghene|ovie|eke|ufuo|oritse|tamuno|aondo|ubong|abasi|idong|imao|enob|mfon|nsik|inib|aniek|ter|tor)[a-z]{3,12}"
)

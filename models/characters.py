"""Characters that mean the same as plainer ones, those that nobody sees, and bytes read in the wrong encoding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from models.offsets import Change

# What takes part in emoji sequences, and the scripts whose letters joiners shape.
_EMOJI = "\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff"
_SHAPED = "\u0600-\u109f\u1780-\u18af\ua800-\uabff"
_IS_EMOJI = re.compile(f"[{_EMOJI}]")
_IS_SHAPED = re.compile(f"[{_SHAPED}]")
_TAKES_SELECTOR = re.compile(f"[0-9#*\xa9\xae{_EMOJI}]")

_ZWNJ, _ZWJ, _TEXT_STYLE, _EMOJI_STYLE = "\u200c", "\u200d", "\ufe0e", "\ufe0f"

#: Controls but for white space, bidirectional and zero-width marks, selectors, tags, private use, noncharacters.
_UNSEEN_ASCII = "\x00-\x08\x0e-\x1f\x7f"
_UNSEEN = (
    "\xad\u034f\u061c\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef\ufe00-\ufe0f\ufeff"
    "\ufff0-\ufffc\ufffe\uffff\ue000-\uf8ff"
)
_UNSEEN_FAR = "\U000e0000-\U000e0fff\U000f0000-\U0010ffff"
#: Latin letters of mathematics, used as fancy type.
_FANCY = range(0x1D400, 0x1D800)
#: Arabic letters in the shape of their place in the word, as old software stores them; no whole phrases.
_PRESENTED = (*range(0xFB50, 0xFBB2), *range(0xFBD3, 0xFD3E), *range(0xFE70, 0xFEFD))
_PLAIN = {"\u2010": "-", "\u2011": "-", "\u2212": "-", "\u2800": " ", "\u3164": " "}

#: Marks on one letter: more than this is a flood.
_MOST_MARKS = 5


def fixes(text: str) -> Iterator[Change]:
    """Full width, ligatures, quotes and the like to plain characters; what is not seen goes.

    Emoji keep their joiners, selectors and tags, and Arabic and Indic letters their joiners.
    """
    position = 0
    for match in (_ODD_ASCII if text.isascii() else _odd()).finditer(text):
        start = match.start()
        if start < position:
            continue
        if (escape := _ESCAPE.match(text, start)) or (escape := _FLAG_TAGS.match(text, start)):
            position = escape.end()
            new = "" if text[start] == "\x1b" else escape.group()
        else:
            position = start + 1
            new = _plainer(text, start)
        if new != text[start:position]:
            yield start, position, new


def _plainer(text: str, at: int) -> str:
    found = text[at]
    plain = _table().get(found)
    if plain is not None:
        return plain
    if ord(found) in _FANCY:  # not defined yet
        return found
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if found in (_ZWJ, _ZWNJ) and before and after:
        joins = _IS_SHAPED.match(before) and _IS_SHAPED.match(after)
        if joins or (found == _ZWJ and _IS_EMOJI.match(before) and _IS_EMOJI.match(after)):
            return found
    if found in (_TEXT_STYLE, _EMOJI_STYLE) and before and _TAKES_SELECTOR.match(before):
        return found
    return ""


_ESCAPE = re.compile("\x1b\\[[0-9;]*[a-zA-Z]")
_FLAG_TAGS = re.compile("(?<=\U0001f3f4)[\U000e0020-\U000e007f]+")
_ODD_ASCII = re.compile(f"[{_UNSEEN_ASCII}]")


@lru_cache(maxsize=1)
def _odd() -> re.Pattern[str]:
    # Beyond the first plane ranges alone: a class goes through those one by one.
    near = "".join(re.escape(character) for character in _table() if character < "\U00010000")
    return re.compile(f"[{_UNSEEN_ASCII}{_UNSEEN}{near}{chr(_FANCY.start)}-{chr(_FANCY.stop - 1)}{_UNSEEN_FAR}]")


@lru_cache(maxsize=1)
def _table() -> dict[str, str]:
    """A plain form for each character that has one."""
    from ftfy import chardata

    table = {chr(code): plain for code, plain in (chardata.LIGATURES | chardata.WIDTH_MAP).items()}
    for code in (*_FANCY, *_PRESENTED):
        plain = unicodedata.normalize("NFKC", chr(code))
        if plain != chr(code) and " " not in plain:
            table[chr(code)] = plain
    # What Latin-1 leaves undefined, Windows defines; browsers read it so.
    for code in range(0x80, 0xA0):
        table[chr(code)] = bytes([code]).decode("cp1252", "ignore")
    for code in (0x2BC, *range(0x2018, 0x201C), 0x91, 0x92):
        table[chr(code)] = "'"
    for code in (*range(0x201C, 0x2020), 0x93, 0x94):
        table[chr(code)] = '"'
    return table | _PLAIN


def surrogates(text: str) -> Iterator[Change]:
    """Pairs of UTF-16 halves to what they stand for, and a half alone to U+FFFD."""
    if text.isascii():
        return
    for match in _HALVES.finditer(text):
        pair = match.group()
        yield match.start(), match.end(), pair.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]")


def fewer_marks(text: str) -> Iterator[Change]:
    """At most five marks on a letter: more hide the letter, and sorting them takes quadratic time."""
    if text.isascii():
        return
    for match in _marks(_FAR_MARK.search(text) is not None).finditer(text):
        yield *match.span(), match[1]


_FAR_MARK = re.compile("[\U000101fd-\U0001e94a]")


@lru_cache(maxsize=2)
def _marks(far: bool) -> re.Pattern[str]:
    codes = range(0x300, 0x1E94B if far else 0x10000)
    marks = "".join(chr(code) for code in codes if unicodedata.combining(chr(code)))
    return re.compile(f"([{marks}]{{{_MOST_MARKS}}})[{marks}]+")


def composed(text: str) -> Iterator[Change]:
    """To NFC, letter by letter."""
    if unicodedata.is_normalized("NFC", text):
        return
    for match in _BEYOND_ASCII.finditer(text):
        run = match.group()
        whole = unicodedata.normalize("NFC", run)
        if whole == run:
            continue
        starts = [at for at, c in enumerate(run) if at == 0 or not unicodedata.combining(c)]
        letters = [run[start:end] for start, end in zip(starts, [*starts[1:], len(run)], strict=True)]
        plain = [unicodedata.normalize("NFC", letter) for letter in letters]
        if "".join(plain) != whole:  # some letters take the next one in, as those of Hangul do
            yield match.start(), match.end(), whole
            continue
        for start, letter, new in zip(starts, letters, plain, strict=True):
            if letter != new:
                yield match.start() + start, match.start() + start + len(letter), new


_BEYOND_ASCII = re.compile("[\x00-\x7f]?[^\x00-\x7f]+")


def decoded(text: str) -> Iterator[Change]:
    """UTF-8 that was read in another encoding, also several times, read rightly, word by word.

    ftfy judges a line as a whole, so that is what it gets. It leaves ASCII signs but for spaces and question marks as
    they are: between them it is seen what became of what.
    """
    if text.isascii():
        return
    import ftfy

    position = 0
    for line in text.splitlines(keepends=True):
        fixed = ftfy.fix_encoding(line)
        if fixed != line:
            yield from _changes(line, fixed, position)
        position += len(line)


def _changes(old: str, new: str, offset: int) -> Iterator[Change]:
    before, after = _ANCHORS.split(old), _ANCHORS.split(new)
    if before[1::2] != after[1::2]:
        yield offset, offset + len(old), new
        return
    for part, made in zip(before, after, strict=True):
        if part != made:
            yield from _words(part, made, offset)
        offset += len(part)


def _words(old: str, new: str, offset: int) -> Iterator[Change]:
    before, after = old.split(" "), new.split(" ")
    if len(before) != len(after):
        before, after = [old], [new]
    for word, made in zip(before, after, strict=True):
        if word != made:
            yield offset, offset + len(word), made
        offset += len(word) + 1


_ANCHORS = re.compile("([!->@-~]+)")

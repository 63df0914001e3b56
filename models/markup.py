"""What is left of HTML in a text: entities, however often they were escaped, and tags."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.entities import html5

from models.offsets import Change

# `&amp;amp;lt;` is read at once: level by level would take quadratic time.
_ENTITY = re.compile(
    r"&(?:(?:amp|AMP|#0{0,6}38|#[xX]0{0,6}26);)*"
    r"(?:(?P<name>[A-Za-z][A-Za-z0-9]{1,31}|#\d{1,8}|#[xX][0-9A-Fa-f]{1,6});"
    r"|(?P<bare>amp|lt|gt|quot|nbsp|#\d{2,7})(?![\w;=#]))"
)

_BLOCKS = (
    "address|article|aside|blockquote|br|center|dd|div|dl|dt|fieldset|footer|form|h[1-6]|header|hr|li|main|nav|ol|p|pre|"
    "section|table|tbody|tfoot|thead|tr|ul"
)
_CELLS = "td|th"
_INLINE = (
    "a|abbr|b|body|button|cite|code|del|em|font|head|html|i|iframe|img|input|ins|label|link|mark|meta|noscript|o:p|"
    "object|q|s|script|small|span|strike|strong|style|sub|sup|svg|title|tt|u|video"
)
_TAG = re.compile(
    rf"(?P<comment><!--)|<!doctype[^<>]*>|</?(?:(?P<block>{_BLOCKS})|(?P<cell>{_CELLS})|(?P<inline>{_INLINE}))"
    r"(?:\s+[\w:.-]+\s*=[^<>]*>|\s*/?>)",
    re.IGNORECASE,
)
#: What ends that whose content is not text.
_ENDS = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("script", "style")} | {
    "<!--": re.compile("-->")
}


def unescaped(text: str) -> Iterator[Change]:
    """Entities as what they stand for; names need their semicolon, but for the commonest before a space or sign.

    Half of a UTF-16 pair stays half: `models.characters.surrogates` joins it.
    """
    if "&" not in text:
        return
    for match in _ENTITY.finditer(text):
        new = _character(match["name"] or match["bare"])
        if new is not None:
            yield match.start(), match.end(), new


def _character(name: str) -> str | None:
    if name[0] == "#":
        code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
        return chr(code) if 0xD800 <= code < 0xE000 else html.unescape(f"&{name};")
    if f"{name};" in html5:
        return html5[f"{name};"]
    # From systems that put all in capitals.
    return html5[f"{name.lower()};"].upper() if name.isupper() and f"{name.lower()};" in html5 else None


def untagged(text: str) -> Iterator[Change]:
    """Tags and comments go; where a block begins or ends, a line does. Other things in `<>` stay."""
    if "<" not in text:
        return
    position = 0
    endless: set[str] = set()  # looked for once: a text of openings alone would take quadratic time
    while match := _TAG.search(text, position):
        start, position = match.span()
        opens = (match["comment"] or match["inline"] or "").lower()
        if opens in _ENDS and opens not in endless and not match.group().startswith("</"):
            if found := _ENDS[opens].search(text, position):
                position = found.end()
            else:
                endless.add(opens)
        yield start, position, "\n" if match["block"] else " " if match["cell"] else ""

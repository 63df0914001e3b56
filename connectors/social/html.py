"""HTML of a post as text: its lines, lists and links stay."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(("p", "div", "blockquote", "ul", "ol", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "table", "tr"))
_HIDDEN = frozenset(("script", "style", "head", "title", "template"))


def html_to_text(html: str) -> str:
    """The text that a reader of the post sees, with the address of each link that does not show it.

    Mastodon hides parts of a shown address in `invisible` spans; they are put together again.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = "".join(reader.parts)
    lines = [" ".join(line.split()) for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0
        self._link: tuple[str, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "br":
            self.parts.append("\n")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in _BLOCKS:
            self.parts.append("\n\n" if tag == "p" else "\n")
        elif tag == "img":
            self.parts.append(values.get("alt", ""))
        elif tag == "a":
            named = {"mention", "hashtag"} & set(values.get("class", "").split())
            self._link = None if named else (values.get("href", ""), len(self.parts))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _HIDDEN:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag == "a" and self._link is not None:
            address, start = self._link
            shown = "".join(self.parts[start:]).strip()
            if address.startswith(("http://", "https://")) and shown.rstrip("/") != address.rstrip("/"):
                self.parts.append(f" ({address})" if shown else address)
            self._link = None
        elif tag in _BLOCKS:
            self.parts.append("\n\n" if tag == "p" else "\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            # Line breaks of the source are spaces; those of the page come from its tags.
            self.parts.append(re.sub(r"[\r\n]+", " ", data))

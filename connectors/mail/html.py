"""HTML of a mail to text; quoted mails, which mail programs mark, can be left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

#: Where a mail program puts what is quoted.
_QUOTES = (
    "blockquote[type=cite]", ".gmail_quote", ".gmail_attr", ".yahoo_quoted", ".moz-cite-prefix", ".protonmail_quote",
    ".zmail_extra", "blockquote.mori", "[id^=OLK_SRC_BODY_SECTION]", "[id^=isForwardContent]",
)  # fmt: skip

#: From where on everything is quoted: Outlook's, Hotmail's and Windows Mail's.
_ENDS = (
    "#divRplyFwdMsg", "#appendonsend", "hr#stopSpelling", "#mail-editor-reference-message-container",
    "#ms-outlook-mobile-body-separator-line", "#reply-intro",
    'div[style*="border-top:solid #B5C4DF" i]', 'div[style*="border-top:solid #E1E1E1" i]',
    'div[style*="border-top: solid #B5C4DF" i]', 'div[style*="border-top: solid #E1E1E1" i]',
)  # fmt: skip

_UNSEEN = frozenset(("script", "style", "head", "template", "noscript", "title", "object", "iframe", "svg"))

_BLOCKS = frozenset(
    (
        "address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "fieldset", "footer",
        "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section",
        "table", "tr", "ul",
    )
)  # fmt: skip
_SPACED = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote"))


def to_text(html: str, *, whole: bool = True) -> str:
    """The text that a reader sees, a line a block.

    Args:
        html: of any kind, broken too.
        whole: False leaves out what is marked as quoted.
    """
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html.replace("\0", ""))
    root = tree.body or tree.root
    if root is None:
        return ""
    end = None if whole else tree.css_first(", ".join(_ENDS))
    # Passed over and not removed: a quote within a quote would be freed twice.
    quotes = frozenset() if whole else frozenset(node.mem_id for node in tree.css(", ".join(_QUOTES)))
    return tidy("".join(_pieces(root, end.mem_id if end is not None else None, quotes)))


def tidy(text: str) -> str:
    """Lines without spaces at their ends, and never two blank ones."""
    lines = [re.sub(r"[^\S\n]+", " ", line).strip() for line in text.replace("\xa0", " ").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _pieces(root: LexborNode, end: int | None, quotes: frozenset[int]) -> list[str]:
    """Texts and line breaks in the order of the document, up to `end`; without recursion: nesting is the sender's."""
    out: list[str] = []
    stack: list[tuple[LexborNode, bool]] = [(root, False)]
    while stack:
        node, leaving = stack.pop()
        tag = node.tag or ""
        if not leaving and node.mem_id == end:
            break
        if tag in _UNSEEN or node.mem_id in quotes:
            continue
        if tag == "-text":
            out.append(_inline(node))
        elif tag == "br":
            out.append("\n")
        elif leaving:
            _break(out, 2 if tag in _SPACED else 1)
        else:
            if tag in _BLOCKS:
                _break(out, 2 if tag in _SPACED else 1)
                stack.append((node, True))
            elif tag in ("td", "th"):
                out.append(" ")
            stack.extend((child, False) for child in reversed(list(node.iter(include_text=True))))
    return out


def _inline(node: LexborNode) -> str:
    text = node.text_content or ""
    parent = node.parent
    return text if parent is not None and parent.tag == "pre" else re.sub(r"\s+", " ", text.replace("\xa0", " "))


def _break(out: list[str], count: int) -> None:
    """At least that many line ends here, none at the beginning."""
    tail = "".join(out[-4:]).rstrip(" ")
    have = len(tail) - len(tail.rstrip("\n"))
    if tail:
        out.append("\n" * (count - have))

"""What kind of file it is, by its content first and its name second: names lie."""

from __future__ import annotations

import re
from pathlib import Path

from connectors.errors import UnreadableFile

TABLES = ("csv", "tsv", "psv")
WORKBOOKS = ("xlsx", "xls", "xlsm", "xlsb", "ods")
JSONS = ("json", "jsonl", "ndjson")
TEXTS = ("txt", "log")
PAGES = ("html", "htm")
MAILS = ("eml", "mbox", "msg")
ARCHIVES = ("zip", "tar", "tgz", "tbz2", "txz")

#: The suffixes that are read, each also with one of PACKED behind it.
SUFFIXES = TABLES + WORKBOOKS + JSONS + TEXTS + PAGES + MAILS + ARCHIVES

PACKED = ("gz", "bz2", "xz", "zst")

OLE, ZIP = b"\xd0\xcf\x11\xe0", b"PK"

#: What is recognised in order to be refused in plain words.
_OTHERS = (
    (b"%PDF-", "a PDF; export the table behind it, or its text"),
    (b"{\\rtf", "a rich text document; save it as text"),
    (b"\x89PNG", "a picture; type what it says"),
    (b"\xff\xd8\xff", "a picture; type what it says"),
    (b"GIF8", "a picture; type what it says"),
    (b"Rar!", "a RAR archive; pack it as zip"),
    (b"7z\xbc\xaf", "a 7z archive; pack it as zip"),
    (b"SQLite format 3\0", "an SQLite database; export its tables as csv"),
    (b"PAR1", "a Parquet file; export it as csv or jsonl"),
    (b"!BDN", "an Outlook data file; export its mails as eml or msg"),
)

#: An mbox starts every mail with a line such as "From ada@example.com Mon May  4 10:00:00 2026".
FROM_LINE = re.compile(rb"From [^\n]*\d\d:\d\d[^\n]*\r?(?:\n|$)")
_HEADERS = re.compile(
    r"(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*){0,60}?"
    r"(?:from|date|subject|message-id|received|return-path|mime-version|delivered-to):",
    re.I,
)
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|table|meta|style)\b", re.I | re.S
)
_SPREADSHEET_XML = re.compile(
    r"\s*<\?xml.{0,400}(?:urn:schemas-microsoft-com:office:spreadsheet|mso-application)", re.S
)

#: How much of a file is looked at.
HEAD_BYTES = 1 << 16


def kind(path: Path) -> str:
    """The suffix that tells the reader, in lower case, without `.gz` and the like."""
    names = [part.lstrip(".").lower() for part in path.suffixes]
    if names and names[-1] in PACKED:
        names.pop()
    return names[-1] if names else ""


def in_maildir(path: Path) -> bool:
    """Whether it is a mail in a maildir, whose names tell nothing."""
    return path.parent.name in ("cur", "new") and (path.parent.parent / "tmp").is_dir()


def told(path: Path, head: bytes) -> str:
    """The suffix of the kind that a file is, given the beginning of its bytes (unpacked).

    Raises:
        UnreadableFile: no kind that is read.
    """
    for magic, what in _OTHERS:
        if head.startswith(magic):
            raise UnreadableFile(f"{path}: is {what}")
    suffix = kind(path)
    if head.startswith(OLE):
        return suffix if suffix in (*WORKBOOKS, "msg") else _ole(head)
    if head.startswith((ZIP + b"\3\4", ZIP + b"\5\6")):
        return suffix if suffix in WORKBOOKS or suffix == "zip" else _zip(path, head)
    if head[257:262] == b"ustar":
        return "tar"
    if in_maildir(path):
        return "eml"
    found = suffix if suffix in SUFFIXES else ""
    if not found or found in WORKBOOKS or found in ("csv", "tsv", "psv", "mbox", "msg"):
        found = _text(path, found, head) or found
    if not found:
        known = ", ".join(sorted(SUFFIXES))
        raise UnreadableFile(f"{path}: unknown kind of file; known: {known}, each also as {', '.join(PACKED)}")
    return "tar" if found in ("tgz", "tbz2", "txz") else found


def _ole(head: bytes) -> str:
    return "msg" if "__substg1.0_".encode("utf-16-le") in head else "xls"


def _zip(path: Path, head: bytes) -> str:
    if b"xl/" in head or b"[Content_Types].xml" in head or b"opendocument.spreadsheet" in head:
        if b"word/" in head or b"ppt/" in head:
            raise UnreadableFile(f"{path}: is a document of Office; save its text as txt, its tables as csv")
        return "xlsx"
    return "zip"


def _text(path: Path, suffix: str, head: bytes) -> str | None:
    """The kind of what is text; None where the suffix is to be believed or nothing is known."""
    from connectors.files.delimited import delimiter_of
    from connectors.files.encoding import encoding_of

    encoding, skip = encoding_of(head)
    text = head[skip:].decode(encoding, "replace")
    if _SPREADSHEET_XML.match(text):
        raise UnreadableFile(f"{path}: is an XML spreadsheet of Excel 2003; save it as xlsx")
    if _HTML.match(text):
        return "html"
    if suffix in TABLES:
        return None
    if FROM_LINE.match(head):
        return "mbox"
    if suffix not in WORKBOOKS and _HEADERS.match(text):
        return "eml"
    if suffix in ("mbox", "msg") or "\0" in text[:4096]:
        return None
    if not suffix and text.lstrip()[:1] in ("{", "["):
        return "json"
    if delimiter_of(text):
        return "csv"
    return "txt" if not suffix and not path.suffix and _readable(text) else None


def _readable(text: str) -> bool:
    return all(c.isprintable() or c in "\n\r\t\f" for c in text[:4096])

"""Mail files: eml (one mail), mbox (one after the other) and Outlook's msg."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from connectors.errors import UnreadableFile
from connectors.files.kinds import FROM_LINE, OLE
from connectors.files.records import FileRecord, Limits, Stream
from connectors.mail.parse import MOST_MAIL_BYTES, record_of

_LINE_BYTES = 1 << 16


def read_eml(path: Path, stream: Stream, limits: Limits) -> Iterator[FileRecord]:
    """The one mail of the file; see connectors.files.records.records."""
    yield record_of(stream.read(MOST_MAIL_BYTES + 1), 1, limits)


def read_mbox(path: Path, stream: Stream, limits: Limits) -> Iterator[FileRecord]:
    """Its mails, numbered; of one over the limit only the beginning is held.

    A line ">From " is taken as "From ", as all but one of the dialects write it.
    """
    held, number, blank, start = bytearray(), 0, True, True
    while line := stream.readline(_LINE_BYTES):
        if start and blank and FROM_LINE.match(line):
            if held.strip():
                number += 1
                yield record_of(bytes(held), number, limits)
            held.clear()
        else:
            unescaped = line[1:] if start and line.startswith(b">") and line.lstrip(b">").startswith(b"From ") else line
            held += unescaped[: MOST_MAIL_BYTES + 1 - len(held)]
        blank = start and not line.strip()
        start = line.endswith(b"\n")
    if held.strip():
        yield record_of(bytes(held), number + 1, limits)


def read_msg(path: Path, stream: Stream, limits: Limits) -> Iterator[FileRecord]:
    """The one mail of an Outlook file.

    Raises:
        UnreadableFile: it is none, or damaged.
    """
    from connectors.mail.outlook import record_of_msg

    data = stream.read(MOST_MAIL_BYTES + 1)
    if len(data) > MOST_MAIL_BYTES:
        raise UnreadableFile(f"{path}: over {MOST_MAIL_BYTES >> 20} MB; save it without its attachments")
    if not data.startswith(OLE):
        raise UnreadableFile(f"{path}: not a mail that Outlook saved; save it there as .msg or .eml")
    try:
        yield record_of_msg(data, 1, limits)
    except Exception as error:  # olefile and oxmsg raise whatever a damaged file makes them run into
        if isinstance(error, UnreadableFile):
            raise
        raise UnreadableFile(
            f"{path}: not a mail that can be opened ({type(error).__name__}); save it in Outlook again"
        ) from error

"""xlsx, xls and ods, by python-calamine: every sheet that holds rows."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import IO

from connectors.errors import UnreadableFile
from connectors.files.delimited import check_width
from connectors.files.header import Merged, find_header, header_depth, is_header, joined, names
from connectors.files.records import FREE_BYTES, FileRecord, Limits, as_json

#: Office puts an encrypted workbook into an OLE container, in a stream of this name.
_OLE, _ENCRYPTED = b"\xd0\xcf\x11\xe0", "EncryptedPackage".encode("utf-16-le")

_PROGRAM = Path(__file__).with_name("sheets.py")

#: A workbook is read whole.
_WHOLE_BYTES = 256 << 20


@dataclass(slots=True)
class _Sheet:
    name: str
    merged: list[Merged]
    rows: list[list[str]] = field(default_factory=list)


def read(path: Path, stream: IO[bytes], limits: Limits) -> Iterator[FileRecord]:
    """The rows below each sheet's header, numbered by sheet; see connectors.files.records.records.

    Raises:
        UnreadableFile: corrupt, protected by a password, too large packed or unpacked, or without a row.
    """
    data = stream.read(_WHOLE_BYTES + 1)
    if len(data) > _WHOLE_BYTES:
        raise UnreadableFile(f"{path}: over {_WHOLE_BYTES >> 20} MB; save it as csv")
    if data.startswith(_OLE) and _ENCRYPTED in data:
        raise _protected(path)
    _check_archive(path, data, limits)
    found = False
    for sheet in _sheets(path, data):
        for record in _records(path, sheet, limits):
            found = True
            yield record
    if not found:
        raise UnreadableFile(f"{path}: no sheet holds a header and a row")


def _check_archive(path: Path, data: bytes, limits: Limits) -> None:
    """xlsx and ods are zip archives: the sizes they declare are bounded, and then held to."""
    if not data.startswith(b"PK"):
        return
    most = min(limits.max_expanded_bytes, max(FREE_BYTES, int(len(data) * limits.max_expansion_ratio)))
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > most:
                raise UnreadableFile(
                    f"{path}: unpacks to more than {most} bytes; a decompression bomb? Save it anew, or as csv"
                )
            # zipfile reads no further than the declared size, and then the checksum tells a lie.
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _unopened(path, type(error).__name__) from error
    if damaged is not None:
        raise UnreadableFile(f"{path}: corrupt ({damaged} does not match its checksum); fetch or save it again")


def _sheets(path: Path, data: bytes) -> Iterator[_Sheet]:
    """The rows of each sheet, by connectors.files.sheets in a process of its own."""
    # -P: the folder of the program must not come before the standard library.
    command = [sys.executable, "-P", str(_PROGRAM)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield from _received(path, data, process)
        finally:
            process.kill()


def _received(path: Path, data: bytes, process: subprocess.Popen[bytes]) -> Iterator[_Sheet]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the program was started without pipes")
    with contextlib.suppress(BrokenPipeError), process.stdin as to:  # it ended: what it wrote, or did not, tells
        to.write(data)
    sheet = _Sheet("", [])
    for line in process.stdout:
        match json.loads(line):
            case {"name": name, "merged": merged}:
                sheet = _Sheet(name, [(a, b, c, d) for a, b, c, d in merged])
            case list() as row:
                sheet.rows.append(row)
            case None:
                yield sheet
            case True:
                return
            case "PasswordError":
                raise _protected(path)
            case error:
                raise _unopened(path, str(error))
    raise _unopened(path, "its parser failed")


def _protected(path: Path) -> UnreadableFile:
    return UnreadableFile(f"{path}: protected by a password; save it anew without one")


def _unopened(path: Path, reason: str) -> UnreadableFile:
    return UnreadableFile(
        f"{path}: not a workbook that can be opened ({reason}); "
        "is it corrupt, or protected by a password? Save it anew without one"
    )


def _records(path: Path, sheet: _Sheet, limits: Limits) -> Iterator[FileRecord]:
    start = find_header(sheet.rows)
    if start is None:
        return
    depth = header_depth(start, sheet.merged) if is_header(sheet.rows[start]) else 0
    cells = joined(sheet.rows, start, depth, sheet.merged) or [""] * len(sheet.rows[start])
    check_width(path, len(cells), limits)
    header = names(cells)
    _fill_down(sheet, start + depth)
    for number, row in enumerate(sheet.rows[start + depth :], start + depth + 1):
        if any(row):
            record = as_json(dict(zip(header, row, strict=True)), number, limits)
            yield replace(record, metadata={"sheet": sheet.name})


def _fill_down(sheet: _Sheet, start: int) -> None:
    """A cell merged over several rows is the value of each of them."""
    for top, left, bottom, _ in sheet.merged:
        if top >= start:
            for row in sheet.rows[top + 1 : bottom + 1]:
                row[left] = sheet.rows[top][left]

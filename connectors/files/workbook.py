"""xlsx, xls and ods, by python-calamine: every sheet that holds rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from connectors.errors import UnreadableFile
from connectors.files.delimited import names
from connectors.files.records import FileRecord, Limits, as_json

#: A workbook is read whole.
_WHOLE_BYTES = 256 << 20


def read(path: Path, stream: IO[bytes], limits: Limits) -> Iterator[FileRecord]:
    """The rows below each sheet's header; see connectors.files.records.records.

    Raises:
        UnreadableFile: corrupt, protected by a password, over 256 MB, or without a row.
    """
    from python_calamine import CalamineWorkbook

    data = stream.read(_WHOLE_BYTES + 1)
    if len(data) > _WHOLE_BYTES:
        raise UnreadableFile(f"{path}: over {_WHOLE_BYTES >> 20} MB; save it as csv")
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(data))
        sheets = [(name, book.get_sheet_by_name(name).to_python(skip_empty_area=False)) for name in book.sheet_names]
    except Exception as error:  # calamine raises a class of its own per format; all mean the same to a user
        raise UnreadableFile(
            f"{path}: not a workbook that can be opened ({type(error).__name__}); "
            "is it corrupt, or protected by a password? Save it anew without one"
        ) from error
    found = False
    for _, rows in sheets:
        for record in _sheet(rows, limits):
            found = True
            yield record
    if not found:
        raise UnreadableFile(f"{path}: no sheet holds a header and a row")


def _sheet(rows: list[list[Any]], limits: Limits) -> Iterator[FileRecord]:
    texts = [[_cell(value) for value in row] for row in rows]
    start = next((n for n, row in enumerate(texts) if sum(bool(cell) for cell in row) >= 2), None)
    if start is None:
        start = next((n for n, row in enumerate(texts) if any(row)), None)
    if start is None:
        return
    header = names(texts[start])[: limits.max_columns]
    for number, row in enumerate(texts[start + 1 :], start + 2):
        if any(row):
            yield as_json(dict(zip(header, row, strict=False)), number, limits)


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case _:
            return str(value).strip()

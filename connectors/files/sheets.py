"""Program: a workbook on standard input to its cells' text on standard output, a JSON value a line.

It runs as a process of its own, because the parser of the old binary format ends the process it is in on some
damaged files, where no exception can be caught. Lines: of each sheet an object with its `name` and `merged` areas
(first row, first column, last row, last column), its rows as arrays, and `null`; and last `true`, or the error's
class as a string. Without a last line it ended before its time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any

#: What damaged sizes in a file may make it ask for.
_MEMORY_BYTES = 8 << 30

#: A sheet with more merged areas is a drawing.
_MOST_MERGED = 10_000


def main() -> None:
    """Reads standard input whole, then writes."""
    _bound_memory()
    data = sys.stdin.buffer.read()
    try:
        for value in values(data):
            _put(value)
    except Exception as error:  # calamine raises a class of its own per format; the reader tells them apart by name
        _put(type(error).__name__)
    else:
        _put(True)


def values(data: bytes) -> Iterator[dict[str, Any] | list[str] | None]:
    """Each sheet's name and merged areas, its rows from its first line on, and None.

    Raises:
        Exception: what calamine raises for a workbook it cannot open.
    """
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_filelike(BytesIO(data))
    for name in book.sheet_names:
        sheet = book.get_sheet_by_name(name)
        merged = [[*first, *last] for first, last in sheet.merged_cell_ranges or []]
        yield {"name": name, "merged": merged[:_MOST_MERGED]}
        for row in sheet.to_python(skip_empty_area=False):
            yield [cell(value) for value in row]
        yield None


def cell(value: Any) -> str:
    """A cell's text: dates as ISO 8601, whole numbers without a fraction, true or false, stripped text."""
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


def _put(value: object) -> None:
    sys.stdout.buffer.write(json.dumps(value).encode() + b"\n")


def _bound_memory() -> None:
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = _MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(_MEMORY_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    except ImportError:  # not on Windows, where the process is still one of its own
        return


if __name__ == "__main__":
    main()

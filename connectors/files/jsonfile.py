"""json (an array of objects, or one object) and json lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from connectors.errors import UnreadableFile
from connectors.files.encoding import encoding_of, lines, sample, text_encoding
from connectors.files.records import FileRecord, Limits, as_json, defect, kind

#: A .json file is one value and is read whole.
_WHOLE_BYTES = 256 << 20


def read(path: Path, stream: IO[bytes], limits: Limits) -> Iterator[FileRecord]:
    """The objects; see connectors.files.records.records.

    Raises:
        UnreadableFile: a .json file that is not JSON, holds something else, or is over 256 MB.
    """
    return _lines(stream, limits) if kind(path) != "json" else _whole(path, stream, limits)


def _lines(stream: IO[bytes], limits: Limits) -> Iterator[FileRecord]:
    head = sample(stream)
    encoding, skip = encoding_of(head)
    for row, raw in enumerate(lines(stream, head, skip, encoding), 1):
        if not raw.strip():
            continue
        try:
            value = json.loads(raw.decode(text_encoding(encoding)))
        except UnicodeDecodeError as error:
            message = f"not UTF-8 at byte {error.start} of the line"
            yield defect(raw, row, "invalid_encoding", message, "application/octet-stream")
            continue
        except (ValueError, RecursionError):
            yield defect(raw, row, "bad_json", "not valid JSON", "application/x-ndjson")
            continue
        yield _record(value, row, limits)


def _whole(path: Path, stream: IO[bytes], limits: Limits) -> Iterator[FileRecord]:
    data = stream.read(_WHOLE_BYTES + 1)
    if len(data) > _WHOLE_BYTES:
        raise UnreadableFile(f"{path}: more than {_WHOLE_BYTES >> 20} MB of JSON in one value; save it as .jsonl")
    encoding, skip = encoding_of(data)
    try:
        value = json.loads(data[skip:].decode(encoding))
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise UnreadableFile(f"{path}: not valid JSON{where}; expected an array of objects") from error
    items = value if isinstance(value, list) else [value]
    if not isinstance(value, (list, dict)):
        raise UnreadableFile(f"{path}: holds {type(value).__name__}; expected an array of objects")
    for row, item in enumerate(items, 1):
        yield _record(item, row, limits)


def _record(value: Any, row: int, limits: Limits) -> FileRecord:
    if not isinstance(value, dict):
        payload = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        message = f"expected an object of fields, got {type(value).__name__}"
        return defect(payload, row, "not_an_object", message, "application/octet-stream")
    return as_json({str(k): _cell(v) for k, v in value.items() if v is not None}, row, limits)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

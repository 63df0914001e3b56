"""json (an array of objects, or objects one after the other) and json lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from connectors.errors import UnreadableFile
from connectors.files.encoding import encoding_of, lines, parts, sample, text_encoding
from connectors.files.jsonsplit import Broken, elements
from connectors.files.kinds import kind
from connectors.files.records import FileRecord, Limits, as_json, defect, kept_bytes, too_large


def read(path: Path, stream: IO[bytes], limits: Limits) -> Iterator[FileRecord]:
    """The objects; see connectors.files.records.records.

    `row` is the line in json lines, and the place among the objects in other JSON. A .json file that holds
    an object a line is read as json lines. A field that is null is left out.

    Raises:
        UnreadableFile: a .json file that is not JSON, breaks off, or holds something else than objects.
    """
    head = sample(stream)
    encoding, skip = encoding_of(head, b"}")
    codec = text_encoding(encoding)
    if kind(path) in ("jsonl", "ndjson") or _is_lines(head[skip:].decode(encoding, "replace")):
        raws = enumerate(lines(stream, head, skip, encoding, kept_bytes(limits)), 1)
        yield from (_record(raw, row, codec, limits) for row, raw in raws if raw.strip())
        return
    row = 0
    try:
        for row, raw in enumerate(elements(parts(stream, head[skip:], encoding), kept_bytes(limits)), 1):
            yield _record(raw, row, codec, limits)
    except Broken as error:
        where = f" after record {row}" if row else ""
        raise UnreadableFile(f"{path}: not valid JSON{where}: {error}; expected an array of objects") from error


def _is_lines(head: str) -> bool:
    first, _, rest = head.lstrip().partition("\n")
    if not rest.strip():
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _record(raw: bytes, row: int, codec: str, limits: Limits) -> FileRecord:
    if len(raw) > limits.max_record_bytes:
        return too_large(raw, row, limits)
    try:
        value = json.loads(raw.decode(codec))
    except UnicodeDecodeError as error:
        message = f"not {codec.upper()} at byte {error.start} of the record; save the file as UTF-8"
        return defect(raw, row, "invalid_encoding", message, "application/octet-stream")
    except (ValueError, RecursionError):
        return defect(raw, row, "bad_json", "not valid JSON", "application/x-ndjson")
    if not isinstance(value, dict):
        message = f"expected an object of fields, got {type(value).__name__}"
        return defect(raw.strip(), row, "not_an_object", message, "application/octet-stream")
    return as_json({key: _cell(field) for key, field in value.items() if field is not None}, row, limits)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""The fields of a posted form: urlencoded, multipart or JSON, in whatever encoding it came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from connectors.source import BadCall

#: Fields of one form at most.
MOST_FIELDS = 200


@dataclass(slots=True)
class Form:
    """What was posted.

    Args:
        values: (name, value) in order.
        files: (content type, bytes) of each uploaded file; their content is not kept.
    """

    values: list[tuple[str, str]]
    files: list[tuple[str, int]]

    def named(self) -> dict[str, str]:
        """By name; values of one name are joined with a line break."""
        named: dict[str, str] = {}
        for name, value in self.values:
            named[name] = f"{named[name]}\n{value}" if name in named else value
        return named


def fields(headers: Mapping[str, str], body: bytes) -> Form:
    """The fields of a body by its content type; without one it is taken as urlencoded.

    Raises:
        BadCall: it is not what its type says.
    """
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _multipart(headers["content-type"], body)
    if kind.endswith("json"):
        document = parse_json(body)
        if not isinstance(document, dict) or len(document) > MOST_FIELDS:
            raise BadCall(f"body: expected a JSON object of at most {MOST_FIELDS} fields")
        return Form([(name, _plain(value)) for name, value in document.items() if value is not None], [])
    if kind in ("", "application/x-www-form-urlencoded"):
        return _urlencoded(body)
    raise BadCall(f"content type {kind[:60]!r}: expected a urlencoded or multipart form, or JSON")


def parse_json(body: bytes) -> Any:
    """JSON in UTF-8, -16 or -32, or else in Windows-1252.

    Raises:
        BadCall: it is none.
    """
    try:
        return json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError:
        try:
            return json.loads(decoded(body))
        except (ValueError, RecursionError) as error:
            raise BadCall(f"body: not valid JSON ({type(error).__name__})") from error
    except (ValueError, RecursionError) as error:
        raise BadCall(f"body: not valid JSON ({type(error).__name__})") from error


def decoded(raw: bytes) -> str:
    """UTF-8, and where it is none Windows-1252, whose five holes are taken as Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "".join(_CP1252[byte] for byte in raw)


_CP1252 = [bytes([b]).decode("cp1252", "ignore") or chr(b) for b in range(256)]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _urlencoded(body: bytes) -> Form:
    # Latin-1 maps bytes to characters one to one, so each value can be decoded on its own afterwards.
    try:
        pairs = parse_qsl(
            body.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise BadCall(f"body: more than {MOST_FIELDS} fields") from error
    return Form([(decoded(n.encode("latin-1")), decoded(v.encode("latin-1"))) for n, v in pairs], [])


def _multipart(content_type: str, body: bytes) -> Form:
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise BadCall("content type: a multipart form without its boundary")
    reader = _Parts(parse_options_header)
    try:
        parser = MultipartParser(boundary, reader.callbacks())
        parser.write(body)
    except (FormParserError, ValueError) as error:
        raise BadCall(f"body: not a multipart form ({type(error).__name__})") from error
    if not reader.ended:
        raise BadCall("body: a multipart form that is cut short")
    return reader.form


class _Parts:
    """Collects what the parser calls out."""

    def __init__(self, options: Any) -> None:
        self.form, self.ended, self._options = Form([], []), False, options
        self._headers: dict[str, str] = {}
        self._name, self._value, self._data = bytearray(), bytearray(), bytearray()

    def callbacks(self) -> Any:
        def into(buffer: bytearray) -> Any:
            return lambda data, start, end: buffer.extend(data[start:end])

        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": into(self._name),
            "on_header_value": into(self._value),
            "on_header_end": self._header,
            "on_part_data": into(self._data),
            "on_part_end": self._part,
            "on_end": self._end,
        }

    def _header(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name.clear()
        self._value.clear()

    def _part(self) -> None:
        _, options = self._options(self._headers.get("content-disposition", ""))
        name = options.get(b"name")
        if b"filename" in options:
            if self._data or options[b"filename"]:
                kind = self._headers.get("content-type", "").split(";")[0].strip().lower()
                self.form.files.append((kind, len(self._data)))
        elif name is not None:
            self.form.values.append((decoded(name), decoded(bytes(self._data))))
        if len(self.form.values) + len(self.form.files) > MOST_FIELDS:
            raise BadCall(f"body: more than {MOST_FIELDS} fields")
        self._data.clear()

    def _end(self) -> None:
        self.ended = True

"""Growing text logs: followed from where they were left, through rotation, truncation and replacement.

A unit is a log: the path it is written to, with the files it was rotated to. They are read one after the other, so a
cursor that stands in a rotated file goes on there first. A record's key is a hash over all lines of the log up to its
own, so equal entries stay apart.
"""

from __future__ import annotations

import glob
import hashlib
import json
import logging
import lzma
import re
import time
import zlib
from collections.abc import Generator, Iterator
from dataclasses import asdict
from pathlib import Path

from connectors.logs.entries import Line, lines, payload
from connectors.logs.rotation import Place, fingerprint, holds, opened, rotated_from, same_beginning
from connectors.logs.settings import LogSettings
from connectors.source import Record, SourceAway

log = logging.getLogger("beejan.logs")

_GLANCE_S = 0.1


class Logs:
    """Logs whose entries are complaints; see `connectors.source.Connector`.

    Args:
        name: the name it is configured under.
        settings: which files, and how their entries are told.
    """

    def __init__(self, name: str, settings: LogSettings) -> None:
        self.channel, self.source = settings.channel, settings.called(name)
        self._settings = settings
        self._start = re.compile(settings.start) if settings.start else None
        self._fields = [re.compile(pattern, re.MULTILINE) for pattern in settings.fields]
        #: Size of each file when it was seen to have it first, to tell whether it still grows.
        self._sizes: dict[tuple[int, int], tuple[int, float]] = {}
        self._closed = False

    def discover(self) -> Iterator[str]:
        """The logs that are there, by path."""
        found = {path for pattern in self._settings.paths for path in glob.glob(pattern)}  # noqa: PTH207 -- absolute
        paths = sorted(Path(path) for path in found)
        logs = [path for path in paths if path.is_file() and path.suffix not in (".gz", ".bz2", ".xz")]
        rotated = {other for path in logs for other in rotated_from(path)}
        yield from (str(path) for path in logs if path not in rotated)

    def read(self, unit: str, cursor: str | None) -> Iterator[Record]:
        """The complete entries behind `cursor`, in all files of the log."""
        active = Path(unit)
        place = None if cursor is None else Place(**json.loads(cursor))
        try:
            files, offset = self._files(active, place)
            chain = place.chain if place else hashlib.blake2b(unit.encode(), digest_size=16).hexdigest()
            cut = bool(place and place.cut and offset)
            for number, path in enumerate(files):
                last = number == len(files) - 1
                if not last and not self._is_final(path, files[number + 1 :]):
                    last = True
                chain = yield from self._read_file(path, offset, chain, cut, final=not last)
                if last:
                    return
                offset, cut = 0, False
        except FileNotFoundError:
            return  # rotated at this very moment; the next look finds it
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise SourceAway(f"log {unit}: a file of it cannot be read ({reason}); tried again") from error

    def wait(self, limit_s: float) -> None:
        """Return when a file of a log changed, an entry is complete by its age, or after `limit_s`."""
        before, deadline = self._glance(), time.monotonic() + limit_s
        due = [since + self._settings.linger_s for _, since in self._sizes.values()]
        deadline = min([deadline, *(moment for moment in due if moment > time.monotonic())])
        while not self._closed and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(_GLANCE_S, left))
            if self._glance() != before:
                return

    def close(self) -> None:
        """End a wait."""
        self._closed = True

    def _glance(self) -> list[tuple[str, int, int]]:
        found = []
        for unit in self.discover():
            try:
                state = Path(unit).stat()
            except OSError:
                continue
            found.append((unit, state.st_ino, state.st_size))
        return found

    def _files(self, active: Path, place: Place | None) -> tuple[list[Path], int]:
        """The files to read, the oldest first, and the offset in the first of them."""
        rotated = [path for path in rotated_from(active) if not same_beginning(path, active)]
        if place is None:
            return [*rotated, active], 0
        if holds(active, place):
            return [active], place.offset
        for number, path in enumerate(rotated):
            if holds(path, place):
                return [*rotated[number:], active], place.offset
        log.warning("%s: was truncated, or rotated away before it was seen whole; going on with what is there", active)
        return [*(path for path in rotated if path.stat().st_mtime_ns >= place.mtime_ns), active], 0

    def _is_final(self, path: Path, later: list[Path]) -> bool:
        """Whether nobody writes to a rotated file any more: its successor is written to, and it has stopped to grow."""
        return any(other.stat().st_size for other in later) and self._settled(path)

    def _settled(self, path: Path) -> bool:
        state = path.stat()
        key, now = (state.st_dev, state.st_ino), time.monotonic()
        size, since = self._sizes.get(key, (-1, now))
        if size != state.st_size:
            since = now
            self._sizes[key] = (state.st_size, now)
        return now - since >= self._settings.linger_s

    def _read_file(
        self, path: Path, offset: int, chain: str, cut: bool, *, final: bool
    ) -> Generator[Record, None, str]:
        """The entries of one file; returns the chain behind them."""
        settled_at = path.stat().st_size if final or self._settled(path) else -1
        most = self._settings.max_entry_bytes
        with opened(path) as stream:
            mtime_ns = path.stat().st_mtime_ns
            inside = False
            if cut:
                stream.seek(offset - 1)
                inside = stream.read(1) != b"\n"
            stream.seek(0)
            held: list[Line] = []
            size, passing = 0, cut and self._start is not None
            for line in lines(stream, offset, chain, most, skip=inside):
                if not line.whole and len(line.data) < most and not final:
                    break  # a last line that is being written
                starts = self._starts(line.data)
                if held and starts:
                    yield self._record(path, held, mtime_ns)
                    chain, held, size = held[-1].chain, [], 0
                passing = passing and not starts
                if passing:
                    continue
                if held or line.data.strip() or not line.whole:
                    held.append(line)
                    size += len(line.data)
                if held and (size > most or (not line.whole and len(line.data) >= most)):
                    yield self._record(path, held, mtime_ns, too_large=True)
                    chain, held, size, passing = held[-1].chain, [], 0, self._start is not None
                elif held and self._start is None:
                    yield self._record(path, held, mtime_ns)
                    chain, held, size = held[-1].chain, [], 0
            if held and (final or held[-1].end == settled_at):
                yield self._record(path, held, mtime_ns)
                chain = held[-1].chain
        return chain

    def _starts(self, data: bytes) -> bool:
        if self._start is None:
            return True
        return bool(self._start.match(data.decode(self._settings.encoding, "replace").lstrip("\ufeff")))

    def _record(self, path: Path, held: list[Line], mtime_ns: int, *, too_large: bool = False) -> Record:
        raw = b"".join(line.data for line in held)
        end, most = held[-1].end, self._settings.max_entry_bytes
        head, tail = fingerprint(held[-1].head), fingerprint(held[-1].recent)
        cursor = json.dumps(asdict(Place(end, head, tail, mtime_ns, held[-1].chain, too_large)))
        about = {"file": path.name, "offset": end}

        def defect(code: str, message: str) -> Record:
            return Record(raw[:most], "application/octet-stream", held[0].chain, cursor, about, code, message)

        if too_large:
            reason = f"an entry over {most} bytes; raise max_entry_bytes. Its rest is left out"
            return defect("record_too_large", reason)
        for number, line in enumerate(held, 1):
            try:
                line.data.decode(self._settings.encoding)
            except UnicodeDecodeError as error:
                reason = f"line {number} of the entry is not {self._settings.encoding} at byte {error.start}"
                return defect("invalid_encoding", f"{reason}; set `encoding`, or mend what writes the log")
        if self._start is not None and not self._starts(held[0].data):
            return defect("no_entry_start", "lines before the first start of an entry; is `start` right?")
        text = raw.decode(self._settings.encoding).lstrip("\ufeff").replace("\r\n", "\n").strip("\n")
        data, content_type = payload(text, self._fields)
        return Record(data, content_type, held[0].chain, cursor, about)

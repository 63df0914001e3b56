"""A watched folder: files are read once they have settled, each record once, whatever a file is called later.

A unit is a file's content, told by its hash, so a file that is renamed or copied is not read again. A record's key is
the key its mapping names, else the file's name, the record's content and which of the file's records with that content
it is: a file that comes again with more rows gives the old ones their old keys.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from connectors.errors import UnreadableFile
from connectors.files.records import KEPT_BYTES, FileRecord, Limits, records
from connectors.folders.settings import FolderSettings
from connectors.folders.watch import Watch
from connectors.mapping import Mapping, default_mapping, source_key
from connectors.source import BadSource, Record, SourceAway

log = logging.getLogger("beejan.folders")

#: Names of files that another program is still writing.
_UNFINISHED = ("part", "partial", "tmp", "temp", "filepart", "crdownload", "swp")

_CHUNK_BYTES = 1 << 20

#: Size, time of writing, inode and time of change of a file: while they stay the same, so does its content.
_Look = tuple[int, int, int, int]


#: Contents that are counted, to tell equal records of a file apart; behind so many its records are numbered.
_MOST_KNOWN = 1_000_000

_UNREADABLE = "unreadable_file"


@dataclass(frozen=True, slots=True)
class _Place:
    """A cursor: records that were read, whether those were all, and whether the last says that there may be more."""

    records: int = 0
    whole: bool = False
    unreadable: bool = False

    @classmethod
    def parse(cls, cursor: str | None) -> _Place:
        return cls() if cursor is None else cls(**json.loads(cursor))


@dataclass(slots=True)
class _Seen:
    """What is known of a file by its path."""

    look: _Look
    since: float
    unit: str | None = None


class Folder:
    """A folder whose files are complaints; see `connectors.source.Connector`.

    Args:
        name: the name it is configured under.
        settings: where it is and how its files are read.
    """

    def __init__(self, name: str, settings: FolderSettings) -> None:
        self.channel, self.source = settings.channel, settings.called(name)
        self._settings, self._root = settings, settings.path.expanduser().resolve()
        self._done = settings.done.expanduser().resolve() if settings.done else None
        if self._done == self._root:
            raise BadSource(f"sources.{name}.done: is the watched folder itself; name another one")
        self._mapping = settings.load_mapping()
        self._limits = Limits(max_record_bytes=settings.max_record_bytes)
        self._seen: dict[Path, _Seen] = {}
        self._units: dict[str, Path] = {}
        self._barren: set[str] = set()
        self._watch = Watch(self._root)

    def discover(self) -> Iterator[str]:
        """The files that have settled, the oldest first."""
        self._watch.start()
        self._look()
        self._units = {}
        for path, seen in sorted(self._seen.items(), key=lambda item: (item[1].look[1], item[0])):
            unit = self._unit(path, seen)
            if unit is not None and self._units.setdefault(unit, path) == path:
                yield unit

    def read(self, unit: str, cursor: str | None) -> Iterator[Record]:
        """The records of a file behind `cursor`; a file that is read to its end may be moved to `done`."""
        path = self._units.get(unit)
        if path is None or unit in self._barren:
            return
        place = _Place.parse(cursor)
        if place.whole:
            if not place.unreadable:
                self._put_away(path, unit)
            return
        held: Record | None = None
        number = place.records
        for number, record in enumerate(self._records(path, unit), 1):
            if number > place.records:
                # The last record says that it is, so each is held until the next is there.
                if held is not None:
                    yield held
                held = _with_cursor(record, _Place(number))
        if held is None:
            self._barren.add(unit)
            return
        yield _with_cursor(held, _Place(number, True, held.defect_code == _UNREADABLE))

    def wait(self, limit_s: float) -> None:
        """Return on a change in the folder, when a file has settled, or after `limit_s`."""
        now = time.monotonic()
        due = [seen.since + self._settings.settle_s - now for seen in self._seen.values() if seen.unit is None]
        self._watch.wait(max(0.0, min([limit_s, *due])))

    def close(self) -> None:
        """Stop watching."""
        self._watch.close()

    def _look(self) -> None:
        """What is in the folder now; what changed since the last look begins to settle anew."""
        now, found = time.monotonic(), {}
        for path in self._files():
            try:
                look = _look(path)
            except OSError:  # gone again
                continue
            before = self._seen.get(path)
            found[path] = before if before is not None and before.look == look else _Seen(look, now)
        self._seen = found

    def _files(self) -> Iterator[Path]:
        if not self._root.is_dir():
            raise SourceAway(f"folder {self._root}: is not there; is it mounted? It is looked for again")
        try:
            matching = list(self._root.glob(self._settings.pattern))
        except OSError as error:
            raise SourceAway(f"folder {self._root}: cannot be read ({error.strerror}); tried again") from error
        for path in matching:
            inside = path.relative_to(self._root)
            hidden = any(part.startswith((".", "~$")) for part in inside.parts)
            unfinished = path.suffix.lstrip(".").lower() in _UNFINISHED
            away = self._done is not None and path.is_relative_to(self._done)
            # A link could lead to any file of this machine.
            if not (hidden or unfinished or away or path.is_symlink()) and path.is_file():
                yield path

    def _unit(self, path: Path, seen: _Seen) -> str | None:
        if seen.unit is None and time.monotonic() - seen.since >= self._settings.settle_s:
            try:
                seen.unit = _hash(path)
            except PermissionError:
                # Its change time is part of the look, so it is tried again once it may be read.
                seen.unit = f"denied-{hashlib.sha256(repr((str(path), seen.look)).encode()).hexdigest()[:25]}"
            except FileNotFoundError:
                return None
            except OSError as error:
                raise SourceAway(f"folder {self._root}: cannot be read ({error.strerror}); tried again") from error
        return seen.unit

    def _records(self, path: Path, unit: str) -> Iterator[Record]:
        name = path.relative_to(self._root).as_posix().encode("utf-8", "replace").decode()
        known: Counter[bytes] = Counter()
        try:
            for number, one in enumerate(records(path, self._limits), 1):
                key = _key(one, self._mapping) or _own_key(name, one.payload, number, known)
                about = {"file": name, "row": one.row} | dict(one.metadata)
                yield Record(one.payload, one.content_type, key, "", about, one.defect_code, one.defect_message)
        except UnreadableFile as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return
            if _device_failed(error.__cause__):
                raise SourceAway(f"{error}; it is tried again") from error
            yield Record(
                _beginning(path), "application/octet-stream", f"~unreadable.{unit}", "", {"file": name},
                _UNREADABLE, str(error),
            )  # fmt: skip

    def _put_away(self, path: Path, unit: str) -> None:
        if self._done is None:
            return
        target = self._done / path.relative_to(self._root)
        look = self._seen[path].look
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                target = target.with_name(f"{unit[:8]}-{target.name}")
            if _look(path) != look:
                return
            path.rename(target)
            if _content(_look(target)) != _content(look):
                # It was replaced or written to at this very moment: it is to be read first.
                target.rename(path)
        except OSError as error:
            log.warning("%s stays where it is (%s); make %s writable", path.name, error.strerror, self._done)


def _look(path: Path) -> _Look:
    state = path.lstat()
    return state.st_size, state.st_mtime_ns, state.st_ino, state.st_ctime_ns


def _content(look: _Look) -> tuple[int, ...]:
    """Without the time of change, which a new name moves."""
    return look[:3]


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_CHUNK_BYTES):
            digest.update(part)
    return digest.hexdigest()[:32]


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(KEPT_BYTES)
    except OSError:
        return b""


def _device_failed(cause: BaseException | None) -> bool:
    """Whether it is the device, not the file: such an error may pass."""
    return isinstance(cause, OSError) and cause.errno is not None and not isinstance(cause, PermissionError)


def _key(one: FileRecord, mapping: Mapping | None) -> str | None:
    key = one.key
    if one.content_type == "application/json" and one.defect_code is None:
        row = json.loads(one.payload)
        key = source_key(mapping or default_mapping(row), row) or key
    return key[:200] if key else None


def _own_key(name: str, payload: bytes, number: int, known: Counter[bytes]) -> str:
    digest = hashlib.sha256(len(name).to_bytes(4, "big") + name.encode() + payload).digest()[:16]
    if digest not in known and len(known) >= _MOST_KNOWN:
        return f"~{digest.hex()}.n{number}"
    known[digest] += 1
    return f"~{digest.hex()}.{known[digest]}"


def _with_cursor(record: Record, place: _Place) -> Record:
    return replace(record, cursor=json.dumps(asdict(place)))

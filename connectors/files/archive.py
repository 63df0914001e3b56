"""zip and tar: their members are read in turn, and nothing is ever written under a member's name."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO

from connectors.errors import UnreadableFile
from connectors.files.records import FileRecord, Limits, Stream, defect, read
from connectors.files.unpack import Bounded, Budget, unpacked

#: More members than that are no folder of complaints but an attack, or a mistake.
_MOST_MEMBERS = 100_000


def read_zip(path: Path, stream: Stream, limits: Limits) -> Iterator[FileRecord]:
    """The records of each member, with its name in their metadata; a member that cannot be read is a defect.

    Raises:
        UnreadableFile: no whole zip, protected by a password, too large, or without a file.
    """
    if not stream.seekable() or isinstance(stream.raw, Bounded):
        raise UnreadableFile(f"{path}: a zip within another packed file; unpack the outer one")
    stream.seek(0, io.SEEK_END)
    budget = Budget.of(path, stream.tell(), limits)
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise UnreadableFile(f"{path}: no whole zip file ({error}); fetch or pack it again") from error
    with archive:
        members = [one for one in archive.infolist() if not one.is_dir() and not _hidden(one.filename)]
        if any(one.flag_bits & 1 for one in members):
            raise UnreadableFile(f"{path}: protected by a password; pack it anew without one")
        budget.spend(sum(one.file_size for one in members))  # declared; held to below
        budget.used = 0
        _check_count(path, len(members))
        for one in members:
            try:
                opened = archive.open(one)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError) as error:
                yield _refused(one.filename, f"cannot be unpacked ({type(error).__name__}); pack it again")
                continue
            yield from _member(path, one.filename, opened, budget, limits)


def read_tar(path: Path, stream: Stream, limits: Limits) -> Iterator[FileRecord]:
    """See `read_zip`; a tar is read as it streams by.

    Raises:
        UnreadableFile: no whole tar, too large, or without a file.
    """
    seen = 0
    budget = Budget(path, limits.max_expanded_bytes)
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for one in archive:
                if not one.isfile() or _hidden(one.name):
                    continue
                seen += 1
                _check_count(path, seen)
                opened = archive.extractfile(one)
                if opened is not None:
                    yield from _member(path, one.name, opened, budget, limits)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise UnreadableFile(f"{path}: no whole tar file ({error}); fetch or pack it again") from error
    _check_count(path, seen)


def _member(path: Path, name: str, opened: IO[bytes], budget: Budget, limits: Limits) -> Iterator[FileRecord]:
    label = path / PurePosixPath(name.replace("\\", "/").replace("\0", "")).name
    metadata = {"member": name.encode("utf-8", "replace").decode()[:500]}
    inner = Budget(label, budget.most, budget.used)
    stream: Stream = io.BufferedReader(Bounded(opened, inner, "archive"), 1 << 16)
    try:
        stream = unpacked(stream, inner) or stream
        with stream:
            if _is_archive(stream.peek(512)):
                raise UnreadableFile(f"{label}: an archive within an archive; unpack the outer one")
            for record in read(label, stream, limits):
                yield replace(record, metadata={**record.metadata, **metadata})
    except UnreadableFile as error:
        if inner.used > inner.most:
            raise
        yield replace(_refused(name, str(error).removeprefix(f"{label}: ")), metadata=metadata)
    budget.used = inner.used


def _is_archive(head: bytes) -> bool:
    from connectors.files.kinds import told

    if head[257:262] == b"ustar":
        return True
    return head.startswith(b"PK\3\4") and told(Path("x"), head) == "zip"


def _refused(name: str, reason: str) -> FileRecord:
    payload = name.encode("utf-8", "replace")
    made = defect(payload, 1, "unreadable_member", reason, "application/octet-stream")
    return replace(made, defect_message=f"a file in the archive: {reason}")


def _hidden(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any(part.startswith((".", "__MACOSX")) and part not in (".", "..") for part in parts)


def _check_count(path: Path, count: int) -> None:
    if count == 0:
        raise UnreadableFile(f"{path}: holds no file")
    if count > _MOST_MEMBERS:
        raise UnreadableFile(f"{path}: holds more than {_MOST_MEMBERS} files; split it")

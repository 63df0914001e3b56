"""Files as bytes, unpacked where they are gz, bz2, xz or zst, and never without end."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from connectors.errors import UnreadableFile
from connectors.files.records import FREE_BYTES, Limits, Stream

#: What an xz file may make its reader hold; `xz -9` needs 65 MB.
_XZ_BYTES = 256 << 20

_CHUNK_BYTES = 1 << 16


@dataclass(slots=True)
class Budget:
    """How much a file may still unpack to, all its members together."""

    path: Path
    most: int
    used: int = 0

    @classmethod
    def of(cls, path: Path, packed_bytes: int, limits: Limits) -> Budget:
        """What `limits` allow a file of that size."""
        by_ratio = max(FREE_BYTES, int(packed_bytes * limits.max_expansion_ratio))
        return cls(path, min(limits.max_expanded_bytes, by_ratio))

    def spend(self, count: int) -> None:
        """Count what was unpacked.

        Raises:
            UnreadableFile: it is more than the limits allow.
        """
        self.used += count
        if self.used > self.most:
            raise UnreadableFile(
                f"{self.path}: unpacks to more than {self.most} bytes; a decompression bomb? Unpack it by hand"
            )


def open_bytes(path: Path, limits: Limits) -> Stream:
    """The file's bytes, unpacked where its content is gz, bz2, xz or zst, whatever its name says.

    Raises:
        OSError: it cannot be opened.
    """
    file: Stream = io.BufferedReader(io.FileIO(path), _CHUNK_BYTES)
    return unpacked(file, Budget.of(path, path.stat().st_size, limits)) or file


def unpacked(stream: Stream, budget: Budget) -> Stream | None:
    """What is in a compressed stream, counted against `budget`; None where it is not compressed."""
    head = stream.peek(10)
    packed: Any
    if head.startswith(b"\x1f\x8b"):
        packed, what = gzip.GzipFile(fileobj=stream, mode="rb"), "gzip"
    elif head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"):
        packed, what = bz2.BZ2File(stream), "bz2"
    elif head.startswith(b"\xfd7zXZ\0"):
        packed, what = io.BufferedReader(_Xz(stream), _CHUNK_BYTES), "xz"
    elif head.startswith(b"\x28\xb5\x2f\xfd"):
        from backports import zstd

        packed, what = zstd.ZstdFile(stream), "zst"
    else:
        return None
    return io.BufferedReader(Bounded(packed, budget, what, stream), _CHUNK_BYTES)


class Bounded(io.RawIOBase):
    """A stream that refuses to unpack without end, and says in plain words that it is damaged.

    Args:
        packed: gives what is unpacked.
        budget: what it is counted against.
        what: the format, for people.
        under: closed with it.
    """

    def __init__(self, packed: IO[bytes], budget: Budget, what: str, under: IO[bytes] | None = None) -> None:
        self._packed, self._budget, self._what, self._under = packed, budget, what, under

    def readable(self) -> bool:
        """As io asks."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader passes
        """As io asks."""
        try:
            data = self._packed.read(len(buffer))
        except UnreadableFile:
            raise
        except Exception as error:  # each format raises classes of its own, some of them no OSError
            if isinstance(error, MemoryError):
                raise
            reason = str(error) or type(error).__name__
            raise UnreadableFile(
                f"{self._budget.path}: cannot be read ({reason}); "
                f"it is no whole {self._what} file: fetch or pack it again"
            ) from error
        self._budget.spend(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """As io asks."""
        self._packed.close()
        if self._under is not None:
            self._under.close()
        super().close()


class _Xz(io.RawIOBase):
    """Python's LZMAFile, but with a bound on the memory that the file may ask for."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._decoder = stream, lzma.LZMADecompressor(memlimit=_XZ_BYTES)
        self._pending = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader passes
        while True:
            if self._decoder.eof:
                self._pending = (self._decoder.unused_data or self._stream.read(_CHUNK_BYTES)).lstrip(b"\0")
                if not self._pending:
                    return 0
                self._decoder = lzma.LZMADecompressor(memlimit=_XZ_BYTES)
            elif self._decoder.needs_input and not self._pending:
                self._pending = self._stream.read(_CHUNK_BYTES)
                if not self._pending:
                    raise EOFError("it ends before its end")
            data = self._decoder.decompress(self._pending, len(buffer))
            self._pending = b""
            if data:
                buffer[: len(data)] = data
                return len(data)

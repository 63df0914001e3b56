"""Complaints as duplicates are judged by: numbers and hashes of a batch of rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.store.seen import PRINT, ROW, SENDERS
from engine.store.shingles import Shingles
from models import near_duplicates as near

#: What is read of a row.
READS = ("event_id", "text_hash", "received_at", "occurred_at", "customer_id", "account_id", "person_id")
_SENDERS = ("customer_id", "account_id", "person_id")

#: Who writes identifies himself by these, masked.
_SAID = re.compile(r"<((?:PHONE|EMAIL|ACCOUNT|CARD|IBAN|NUBAN|NIN|BVN|SSN|PASSPORT|LICENCE|PLATE)_[0-9a-f]{4,16})>")


@dataclass(frozen=True, slots=True)
class Known:
    """A text to compare with: its shingles, and the masked identifiers in it."""

    shingles: Shingles
    said: frozenset[str]


@dataclass(frozen=True, slots=True)
class Block:
    """Rows to judge: ROW, keys of their texts (n, BANDS + 1), the texts, and whether they say they are passed on."""

    rows: NDArray[np.void]
    keys: NDArray[np.uint64]
    known: list[Known]
    reposts: list[bool]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: Sequence[int]) -> Block:
        """Some of the rows, in this order."""
        at = np.array(places, np.int64)
        known, reposts = [self.known[p] for p in places], [self.reposts[p] for p in places]
        return Block(self.rows[at], self.keys[at], known, reposts)


def block(batch: pa.Table) -> Block:
    """Processed rows with `minhash` and `shingles` as the stage made them; made here where it did not run."""
    texts = batch["text"].to_pylist()
    made, shingles = _sketches(batch, texts)
    known = [Known(one, said(text)) for one, text in zip(shingles, texts, strict=True)]
    found = rows(batch, made)
    return Block(found, keys(made, found["text"]), known, [near.is_repost(text) for text in texts])


def rows(table: pa.Table, made: NDArray[np.uint32]) -> NDArray[np.void]:
    """ROW of complaints with these signatures; `head` and `voices` are set when they are remembered."""
    found = np.zeros(table.num_rows, ROW)
    ids = table["event_id"].to_pylist()
    found["id"] = np.frombuffer(bytes.fromhex("".join(ids)), np.uint8).reshape(-1, 32)
    found["key"] = [int(key[:16], 16) for key in ids]
    found["text"] = [int(key[:16], 16) for key in table["text_hash"].to_pylist()]
    for name in ("received", "occurred"):
        micros = table[f"{name}_at"].cast(pa.int64()).fill_null(0)
        found[name] = np.asarray(micros) // 1_000_000
    for place, name in enumerate(_SENDERS):
        if name in table.column_names:
            found["senders"][:, place] = [_hash(value) for value in table[name].to_pylist()]
    found["print"] = made[:, :: near.SIGNATURE_HASHES // PRINT].astype(np.uint8)
    return found


def keys(made: NDArray[np.uint32], texts: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """(n, BANDS + 1) uint64: the bands, then the text itself, by which an equal one is found in any case."""
    return np.concatenate([near.bands(made), np.ascontiguousarray(texts)[:, None]], axis=1)


def _sketches(table: pa.Table, texts: list[str]) -> tuple[NDArray[np.uint32], list[Shingles]]:
    if not {"minhash", "shingles"} <= set(table.column_names):
        made = near.sketch(texts)
        return made.signatures, made.shingles
    blobs = b"".join(table["minhash"].to_pylist())
    shingles = [np.frombuffer(one, "<u4") for one in table["shingles"].to_pylist()]
    return np.frombuffer(blobs, "<u4").reshape(table.num_rows, near.SIGNATURE_HASHES), shingles


def said(text: str) -> frozenset[str]:
    """The masked values in a text that tell who wrote it."""
    return frozenset(_SAID.findall(text)) if "<" in text else frozenset()


def _hash(value: Any) -> int:
    return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest()) if value else 0


assert len(_SENDERS) == SENDERS

"""Which complaint is a copy of which, and of what kind, decided row by row in the order they are committed.

The curated table is the truth: what is remembered here is made of it at the start, and again after a commit of which
nobody knows whether it happened. A row that is stored keeps its verdict, so a redelivery gets the same one; and a
head stays a head, whatever a replay makes of its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from connectors.lance import Table
from engine.settings import DuplicateSettings
from engine.store import duplicate_rows, memory
from engine.store.duplicate_kinds import REPEAT, Match, kind_of
from engine.store.duplicate_rows import Block, Known, block
from engine.store.runs import MOST_ROWS
from engine.store.seen import MOST_HEADS, MOST_OF_SENDER, Found, Seen, likeliest
from engine.store.shingles import ShingleStore
from models import near_duplicates as near

#: The columns of a verdict.
VERDICT = pa.schema(
    [
        ("duplicate_of", pa.string()),
        ("duplicate_kind", pa.string()),
        ("duplicate_score", pa.float32()),
        ("repeat_of", pa.string()),
    ]
)

#: Rows are judged in blocks that end where their number is a multiple of this, however they are batched.
_BLOCK_ROWS = 1024

#: The sender's complaints that another one is compared with, the newest.
_MOST_REPEATS = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """A copy of `of`, or a complaint of its own; `repeats` is the sender's earlier one about the same thing."""

    of: str | None = None
    kind: str | None = None
    score: float | None = None
    repeats: str | None = None


class Duplicates:
    """Remembers the complaints of a window and judges new ones.

    Args:
        table: curated.complaints.
        settings: the window and the rules of kinds.
        folder: on local disk, for a cache of shingles.
    """

    def __init__(self, table: Table, settings: DuplicateSettings, folder: Path) -> None:
        self._table, self._settings = table, settings
        self._store = ShingleStore(folder)
        self._seen = memory.load(table, settings.window_s)
        self._sound = True

    def __len__(self) -> int:
        """Complaints remembered."""
        return self._seen.count - self._seen.first

    @property
    def nbytes(self) -> int:
        """Bytes of what is remembered in memory."""
        return self._seen.nbytes

    def doubt(self) -> None:
        """A commit failed after `mark`: before the next one everything is read from the table again."""
        self._sound = False

    def close(self) -> None:
        """Close the cache."""
        self._store.close()

    def mark(self, batch: pa.Table, *, replacing: bool = False) -> pa.Table:
        """`batch` with the columns of VERDICT; new rows are remembered. The caller commits them, or calls `doubt`.

        Args:
            batch: rows that passed every stage, no event id twice.
            replacing: most rows are stored, perhaps longer ago than the window.
        """
        if not self._sound or self._seen.count + batch.num_rows >= MOST_ROWS:
            self._seen, self._sound = memory.load(self._table, self._settings.window_s), True
        if not batch.num_rows:
            return _with_verdicts(batch, [])
        whole = block(batch)
        here = self._seen.by_id(whole.rows["key"], whole.rows["id"])
        asked = range(batch.num_rows) if replacing else sorted(here)
        stored = self._stored([batch["event_id"][place].as_py() for place in asked])
        verdicts: dict[int, Verdict] = {}
        new = []
        for place, key in enumerate(batch["event_id"].to_pylist()):
            if key in stored:
                verdicts[place] = self._again(whole, place, here.get(place), stored[key])
            else:
                new.append(place)
        while new:
            size = _BLOCK_ROWS - self._seen.count % _BLOCK_ROWS
            part, new = new[:size], new[size:]
            verdicts.update(zip(part, self._new(whole.take(part)), strict=True))
        return _with_verdicts(batch, [verdicts[place] for place in range(batch.num_rows)])

    def _stored(self, ids: list[str]) -> dict[str, Verdict]:
        names = ["event_id", *VERDICT.names]
        found: dict[str, Verdict] = {}
        for row in memory.find(self._table, ids, names).to_pylist():
            found[row["event_id"]] = Verdict(*(row[name] for name in VERDICT.names))
        return found

    def _again(self, whole: Block, place: int, row: int | None, verdict: Verdict) -> Verdict:
        """The verdict of a row that is stored: it stands, but a copy whose new text is none any more is set free."""
        seen = self._seen
        if row is None or (seen[row]["text"] == whole.rows[place]["text"] and (verdict.kind or not verdict.of)):
            return verdict
        head = int(seen[row]["head"])
        if verdict.of is not None and head != row:
            known, sent = self._known([head]), seen.sent(row)
            if head not in known:
                return verdict
            match, score = self._match(whole, place, head, known, sent, whole.known[place])
            if match.exact or near.alike(score, match.shingles):
                self._put_text(whole, place, row, head)
                return replace(verdict, score=score) if verdict.kind else self._verdict(match, score, head, sent)
            verdict = Verdict()
        elif verdict.of is not None:
            return verdict  # its head is older than the window
        self._put_text(whole, place, row, row)
        return verdict

    def _put_text(self, whole: Block, place: int, row: int, head: int) -> None:
        """Remember a row's new text, and make it findable if it is a head."""
        seen = self._seen[row]
        for name in ("text", "print"):
            seen[name] = whole.rows[place][name]
        seen["head"] = head
        if head == row:
            self._seen.add_keys(whole.keys[place], np.full(near.BANDS + 1, row, np.int64))
        self._keep([(seen, whole.known[place])])

    def _new(self, part: Block) -> list[Verdict]:
        """Judge rows one after another, and remember them."""
        seen, settings = self._seen, self._settings
        self._store.drop(seen.expire(settings.window_s, settings.most_rows))
        found, taken = seen.find(part.keys, part.rows["print"], part.rows["senders"])
        known = self._known([row for one in found for row in (*(r for r, _ in one.heads), *_lately(one.sent))])
        first = seen.count
        seen.append(part.rows)
        fresh = _Fresh(seen, first, part, taken)
        verdicts = []
        for place in range(len(part)):
            row = first + place
            known[row] = part.known[place]
            verdict, head = self._one(part, place, row, fresh.beside(found[place], place), known)
            verdicts.append(verdict)
            if head != row:
                seen[row]["head"] = head
            fresh.add(place, head == row)
        seen.index(first, *fresh.keys())
        self._keep(list(zip(part.rows, part.known, strict=True)))
        return verdicts

    def _one(self, part: Block, place: int, row: int, about: Found, known: dict[int, Known]) -> tuple[Verdict, int]:
        """The verdict on a row, and its head's number."""
        seen, text, hashed = self._seen, known[row].shingles, part.rows[place]["text"]
        best: tuple[bool, float, int] | None = None
        for other in [head for head, _ in about.heads] + _lately(about.sent):
            if other not in known:
                continue
            exact = bool(seen[other]["text"] == hashed)
            score = 1.0 if exact else near.jaccard(known[other].shingles, text)
            fits = exact or near.alike(score, min(len(known[other].shingles), len(text)))
            if fits and (best is None or (exact, score, -other) > best):
                best = exact, score, -other
        if best is None:
            return self._repeated(row, about.sent, known), row
        other = -best[2]
        head = int(seen[other]["head"])
        match, score = self._match(part, place, other, known, about.sent, known[row])
        if not match.same_sender and (part.rows[place]["senders"] != 0).any():
            seen[head]["voices"] = min(int(seen[head]["voices"]) + 1, 65_535)
        return self._verdict(match, score, head, about.sent), head

    def _verdict(self, match: Match, score: float, head: int, sent: Sequence[int]) -> Verdict:
        seen, kind = self._seen, kind_of(match, self._settings)
        if kind != REPEAT:
            return Verdict(seen.event_id(head), kind, score)
        before = [one for one in sent if int(seen[one]["head"]) == head] or [head]
        return Verdict(None, REPEAT, score, seen.event_id(before[-1]))

    def _match(
        self, part: Block, place: int, other: int, known: dict[int, Known], sent: Sequence[int], text: Known
    ) -> tuple[Match, float]:
        """How a row stands to an earlier one: a head, or one of its sender's."""
        seen, row = self._seen, part.rows[place]
        exact = bool(seen[other]["text"] == row["text"])
        score = 1.0 if exact else near.jaccard(known[other].shingles, text.shingles)
        same, since = self._sender(row, text, other, known[other], sent)
        gap_s = None if since is None else abs(int(row["occurred"]) - int(seen[since]["occurred"]))
        heard = int(seen[int(seen[other]["head"])]["voices"])
        voices = heard + int(not same and bool((row["senders"] != 0).any()))
        fewer = min(len(known[other].shingles), len(text.shingles))
        return Match(exact, same, gap_s, voices, part.reposts[place], fewer), score

    def _sender(
        self, row: np.void, text: Known, other: int, other_text: Known, sent: Sequence[int]
    ) -> tuple[bool | None, int | None]:
        """Whether the sender is in the other's cluster already, and the row by which."""
        seen = self._seen
        before = [one for one in sent if seen[one]["head"] == seen[other]["head"]]
        if before:
            return True, before[-1]
        if (row["senders"] != 0).any() and (seen[other]["senders"] != 0).any():
            return False, None
        if text.said and other_text.said:
            return (True, other) if text.said & other_text.said else (False, None)
        return None, None

    def _repeated(self, row: int, sent: Sequence[int], known: dict[int, Known]) -> Verdict:
        """A complaint that is nobody's copy: perhaps the sender has complained about the same thing in other words."""
        seen, about = self._seen, None
        for one in _lately(sent):
            gap_s = abs(int(seen[row]["occurred"]) - int(seen[one]["occurred"]))
            if gap_s > self._settings.repeat_s or one not in known:
                continue
            score = near.jaccard(known[one].shingles, known[row].shingles)
            if near.related(score, min(len(known[one].shingles), len(known[row].shingles))) and (
                about is None or score >= about[0]
            ):
                about = score, one
        return Verdict() if about is None else Verdict(None, REPEAT, about[0], seen.event_id(about[1]))

    def _known(self, numbers: Sequence[int]) -> dict[int, Known]:
        """The texts of rows: from the cache, or made again from the table."""
        seen = self._seen
        keys = {row: int(seen[row]["key"]) for row in sorted(set(numbers)) if row >= seen.first}
        kept = self._store.get(list(keys.values()))
        found, missing = {}, []
        for row, key in keys.items():
            text, shingles, said = kept.get(key, (None, None, ""))
            if shingles is not None and text == int(seen[row]["text"]):
                found[row] = Known(shingles, frozenset(said.split()))
            else:
                missing.append(row)
        if missing:
            found |= self._made_again(missing)
        return found

    def _made_again(self, missing: list[int]) -> dict[int, Known]:
        rows = {self._seen.event_id(row): row for row in missing}
        table = memory.find(self._table, list(rows), ["event_id", "text"])
        texts = table["text"].to_pylist()
        sets = near.sketch(texts).shingles
        found = {}
        for key, text, shingles in zip(table["event_id"].to_pylist(), texts, sets, strict=True):
            found[rows[key]] = Known(shingles, duplicate_rows.said(text))
        self._keep([(self._seen[row], one) for row, one in found.items()])
        return found

    def _keep(self, texts: list[tuple[np.void, Known]]) -> None:
        self._store.put((int(r["key"]), int(r["text"]), one.shingles, " ".join(sorted(one.said))) for r, one in texts)


class _Fresh:
    """What the rows before it in its block add to what is found of a row.

    Only keys that come more than once in the block are looked at one by one.
    """

    def __init__(self, seen: Seen, first: int, block: Block, taken: NDArray[np.int64]) -> None:
        self._seen, self._first, self._keys = seen, first, block.keys
        _, inverse, counts = np.unique(block.keys, return_inverse=True, return_counts=True)
        self._shared = (counts[inverse] > 1).reshape(block.keys.shape)
        self._kept = taken < MOST_HEADS
        self._kept[:, near.BANDS] = True  # by its own text a head is always found
        self._taken = taken
        self._finders: dict[int, list[int]] = {}
        self._senders = block.rows["senders"].tolist()
        self._sent: dict[int, list[int]] = {}
        self.heads = np.zeros(len(block), bool)

    def beside(self, found: Found, place: int) -> Found:
        """`found` and the heads and the sender's rows in this block."""
        keys = self._keys[place][self._shared[place]].tolist()
        rows = {head for key in keys for head in self._finders.get(key, ())}
        heads = found.heads
        if rows:
            heads = likeliest([*heads, *self._seen.compared(sorted(rows), self._seen[self._first + place])])
        sent = {one for sender in self._senders[place] if sender for one in self._sent.get(sender, ())}
        return Found(heads, [*found.sent, *sorted(sent)][-MOST_OF_SENDER:] if sent else found.sent)

    def add(self, place: int, head: bool) -> None:
        """Let the rows behind it find a row; a key with many heads takes no more."""
        row = self._first + place
        self.heads[place] = head
        for at in np.flatnonzero(self._shared[place]).tolist() if head else ():
            heads = self._finders.setdefault(int(self._keys[place, at]), [])
            if at == near.BANDS or self._taken[place, at] + len(heads) < MOST_HEADS:
                heads.append(row)
            else:
                self._kept[place, at] = False
        for sender in self._senders[place]:
            if sender:
                self._sent.setdefault(sender, []).append(row)

    def keys(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """By which keys the block's heads are to be found: keys and rows, both (m,)."""
        kept = self._kept & self.heads[:, None]
        places, _ = np.nonzero(kept)
        return self._keys[kept], places + self._first


def _lately(sent: Sequence[int]) -> list[int]:
    """The sender's last complaints, the oldest first."""
    return list(sent[-_MOST_REPEATS:])


def _with_verdicts(batch: pa.Table, verdicts: list[Verdict]) -> pa.Table:
    names = [name for name in batch.column_names if name not in VERDICT.names]
    values = zip(*((v.of, v.kind, v.score, v.repeats) for v in verdicts), strict=True) if verdicts else ([],) * 4
    marked = batch.select(names)
    for field, column in zip(VERDICT, values, strict=True):
        marked = marked.append_column(field, pa.array(list(column), field.type))
    return marked

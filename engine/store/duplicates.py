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
                return replace(verdict, score=score) if verdict.kind else self._verdict(match, score, head, sent)
            verdict = Verdict()
        elif verdict.of is not None:
            return verdict  # its head is older than the window
        self._put_text(whole, place, row)
        return verdict

    def _put_text(self, whole: Block, place: int, row: int) -> None:
        """Make a head findable by its new text."""
        seen = self._seen[row]
        for name in ("text", "print"):
            seen[name] = whole.rows[place][name]
        seen["head"] = row
        self._seen.add_keys(whole.keys[place], np.full(near.BANDS + 1, row, np.int64))
        self._keep([(seen, whole.known[place])])

    def _new(self, part: Block) -> list[Verdict]:
        """Judge rows one after another, and remember them."""
        seen, settings = self._seen, self._settings
        self._store.drop(seen.expire(settings.window_s, settings.most_rows))
        found, taken = seen.find(part.keys, part.rows["print"], part.rows["senders"])
        known = self._known([row for one in found for row in (*(r for r, _ in one.heads), *_lately(one.sent))])
        fresh, first = _Fresh(seen), seen.count
        seen.append(part.rows)
        verdicts = []
        for place in range(len(part)):
            row = first + place
            known[row] = part.known[place]
            keys = part.keys[place].tolist()
            about = fresh.beside(found[place], keys, seen[row])
            verdict, head = self._one(part, place, row, about, known)
            verdicts.append(verdict)
            seen[row]["head"] = head
            fresh.add(row, keys if head == row else [], taken[place], seen[row])
        seen.index(first, np.array(fresh.keys, np.uint64), np.array(fresh.owners, np.int64))
        heads = [place for place in range(len(part)) if int(seen[first + place]["head"]) == first + place]
        self._keep([(part.rows[place], part.known[place]) for place in heads])
        return verdicts

    def _one(self, part: Block, place: int, row: int, about: Found, known: dict[int, Known]) -> tuple[Verdict, int]:
        """The verdict on a row, and its head's number."""
        seen = self._seen
        best: tuple[Match, float, int] | None = None
        for head, _ in about.heads:
            if head not in known:
                continue
            match, score = self._match(part, place, head, known, about.sent, known[row])
            if (match.exact or near.alike(score, match.shingles)) and (
                best is None or (match.exact, score, -head) > (best[0].exact, best[1], -best[2])
            ):
                best = match, score, head
        if best is None:
            return self._repeated(row, about.sent, known), row
        match, score, head = best
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
        self, part: Block, place: int, head: int, known: dict[int, Known], sent: Sequence[int], text: Known
    ) -> tuple[Match, float]:
        """How a row stands to a head."""
        seen, row = self._seen, part.rows[place]
        first = seen[head]
        exact = bool(first["text"] == row["text"])
        score = 1.0 if exact else near.jaccard(known[head].shingles, text.shingles)
        same, since = self._sender(row, text, head, known[head], sent)
        gap_s = None if since is None else abs(int(row["occurred"]) - int(seen[since]["occurred"]))
        voices = int(first["voices"]) + int(not same and bool((row["senders"] != 0).any()))
        fewer = min(len(known[head].shingles), len(text.shingles))
        return Match(exact, same, gap_s, voices, part.reposts[place], fewer), score

    def _sender(
        self, row: np.void, text: Known, head: int, head_text: Known, sent: Sequence[int]
    ) -> tuple[bool | None, int | None]:
        """Whether the sender is in the head's cluster already, and the row by which."""
        before = [one for one in sent if int(self._seen[one]["head"]) == head]
        if before:
            return True, before[-1]
        strangers = bool((row["senders"] != 0).any() and (self._seen[head]["senders"] != 0).any())
        if strangers:
            return False, None
        if text.said and head_text.said:
            return (True, head) if text.said & head_text.said else (False, None)
        return None, None

    def _repeated(self, row: int, sent: Sequence[int], known: dict[int, Known]) -> Verdict:
        """A complaint that is nobody's copy: perhaps the sender has complained about the same thing in other words."""
        seen, about = self._seen, None
        for one in _lately(sent):
            gap_s = abs(int(seen[row]["occurred"]) - int(seen[one]["occurred"]))
            head = int(seen[one]["head"])
            if gap_s > self._settings.repeat_s or head not in known:
                continue
            score = near.jaccard(known[head].shingles, known[row].shingles)
            if near.related(score, min(len(known[head].shingles), len(known[row].shingles))) and (
                about is None or score >= about[0]
            ):
                about = score, one
        return Verdict() if about is None else Verdict(None, REPEAT, about[0], seen.event_id(about[1]))

    def _known(self, numbers: Sequence[int]) -> dict[int, Known]:
        """The texts of rows, by the rows' heads; from the cache, or made again from the table."""
        seen = self._seen
        heads = sorted({int(seen[row]["head"]) for row in numbers if row >= seen.first})
        keys = {head: int(seen[head]["key"]) for head in heads if head >= seen.first}
        kept = self._store.get(list(keys.values()))
        found, missing = {}, []
        for head, key in keys.items():
            text, shingles, said = kept.get(key, (None, None, ""))
            if shingles is not None and text == int(seen[head]["text"]):
                found[head] = Known(shingles, frozenset(said.split()))
            else:
                missing.append(head)
        if missing:
            found |= self._made_again(missing)
        return found

    def _made_again(self, heads: list[int]) -> dict[int, Known]:
        rows = {self._seen.event_id(head): head for head in heads}
        table = memory.find(self._table, list(rows), ["event_id", "text"])
        texts = table["text"].to_pylist()
        sets = near.sketch(texts).shingles
        found = {}
        for key, text, shingles in zip(table["event_id"].to_pylist(), texts, sets, strict=True):
            found[rows[key]] = Known(shingles, duplicate_rows.said(text))
        self._keep([(self._seen[head], one) for head, one in found.items()])
        return found

    def _keep(self, heads: list[tuple[np.void, Known]]) -> None:
        self._store.put((int(r["key"]), int(r["text"]), one.shingles, " ".join(sorted(one.said))) for r, one in heads)


class _Fresh:
    """What the rows before it in its block add to what is found of a row."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._heads: dict[int, list[int]] = {}
        self._sent: dict[int, list[int]] = {}
        self.keys: list[int] = []
        self.owners: list[int] = []

    def beside(self, found: Found, keys: list[int], row: np.void) -> Found:
        """`found` and the heads and the sender's rows in this block."""
        rows = {head for key in keys for head in self._heads.get(key, ())}
        heads = found.heads
        if rows:
            heads = likeliest([*heads, *self._seen.compared(sorted(rows), row)])
        sent = {one for sender in row["senders"].tolist() for one in self._sent.get(sender, ())}
        return Found(heads, [*found.sent, *sorted(sent)][-MOST_OF_SENDER:] if sent else found.sent)

    def add(self, number: int, keys: list[int], taken: NDArray[np.int64], row: np.void) -> None:
        """Let the rows behind it find a row; a key with many heads takes no more, but for its text's own."""
        for place, key in enumerate(keys):
            heads = self._heads.setdefault(key, [])
            if place == near.BANDS or taken[place] + len(heads) < MOST_HEADS:
                heads.append(number)
                self.keys.append(key)
                self.owners.append(number)
        for sender in row["senders"].tolist():
            if sender:
                self._sent.setdefault(sender, []).append(number)


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

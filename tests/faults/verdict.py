"""What became of a flood: lost, doubled, partial; and the table of all faults, out/faults.json."""

import fcntl
import json
import os
import platform
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import httpx
import psutil

from engine.settings import ROOT
from tests.faults.flood import states, under

TABLE = ROOT / "out" / "faults.json"


@dataclass(frozen=True)
class Verdict:
    """A row of the table.

    `partial` counts the event ids on which raw, dead letters, curated and serving do not agree, and complaints by
    which the volumes are off. `recovered_s` is the longest recovery: from the fault until a new complaint is stored.
    """

    fault: str
    repetitions: int
    rows: int
    acknowledged: int
    stored: int
    dead_lettered: int
    lost: int
    doubled: int
    partial: int
    recovered_s: float | None = None
    note: str = ""

    def check(self):
        """Write it down, then say whether it holds."""
        record(self)
        assert (self.lost, self.doubled, self.partial) == (0, 0, 0), self


def strike(flood, repetitions, fault):
    """A whole test: a flood, the fault in the midst of it, the verdict."""
    judge(flood, repetitions, under(flood, repetitions, fault)).check()


def judge(flood, repetitions, seconds=(), note="", quiet_s=120):
    """Wait until everything acknowledged is settled, and count."""
    engine = flood.engine
    acknowledged = set(flood.acknowledged)
    settle(engine, sorted(acknowledged), quiet_s)
    raw, curated, serving = (
        engine.ids(*t) for t in (("raw", "envelopes"), ("curated", "complaints"), ("serving", "complaints"))
    )
    dead = engine.ids("raw", "dead_letters")
    doubled = sum(len(ids) - len(set(ids)) for ids in (raw, curated, serving))
    failed = set(dead) - set(serving)
    alive = set(raw) - failed
    partial = len(failed - set(raw)) + len(alive ^ set(curated)) + len(set(curated) ^ set(serving))
    return Verdict(
        flood.fault,
        repetitions,
        flood.rows,
        len(acknowledged),
        len(acknowledged & set(serving)),
        len(acknowledged & failed),
        len(acknowledged - set(serving) - failed),
        doubled,
        partial + abs(_counted(engine) - len(set(serving))),
        round(max(seconds), 1) if seconds else None,
        note,
    )


def _counted(engine):
    """Complaints in the volumes; every one has a channel."""
    rows = engine.table("serving", "volumes").search().where("segment LIKE 'channel=%'").limit(10**7)
    return sum(rows.select(["count"]).to_arrow()["count"].to_pylist())


def settle(engine, ids, quiet_s=120):
    """Until every id is stored or dead-lettered and nothing is in flight.

    It gives up when nothing moved for `quiet_s`, and leaves the counting to the caller.
    """
    waiting, moved = ids, time.monotonic()
    while time.monotonic() < moved + quiet_s:
        found = [s for start in range(0, len(waiting), 5000) for s in states(engine, waiting[start : start + 5000])]
        left = [key for key, state in zip(waiting, found, strict=True) if state == "unknown"]
        if len(left) < len(waiting):
            waiting, moved = left, time.monotonic()
        if not left and _idle(engine):
            return
        time.sleep(0.5)


def _idle(engine):
    try:
        headers = {"Authorization": f"Bearer {engine.key}"}
        answer = httpx.get(f"{engine.url}/v1/status", headers=headers, timeout=30)
        stream = answer.json()["stream"] if answer.status_code == 200 else None
    except (httpx.HTTPError, KeyError, TypeError):
        return False
    return stream is not None and (stream["waiting"], stream["in_flight"]) == (0, 0)


def record(verdict):
    """Into the table; a fault that is run again replaces its row. Tests may run in several processes."""
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _put(verdict)


def _put(verdict):
    known = json.loads(TABLE.read_text()) if TABLE.exists() else {"faults": {}}
    known["machine"] = {
        "cpus": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
    }
    known["faults"][verdict.fault] = asdict(verdict) | {"at": datetime.now(UTC).isoformat(timespec="seconds")}
    temporary = TABLE.with_suffix(".new")
    temporary.write_text(json.dumps(known, indent=1))
    temporary.replace(TABLE)


def shown():
    """The table as lines of text."""
    names = ("fault", "repetitions", "rows", "acknowledged", "stored", "dead_lettered", "lost", "doubled", "partial")
    names += ("recovered_s",)
    rows = [[str(row[n] if row[n] is not None else "") for n in names] for row in _rows()]
    widths = [max(len(line[i]) for line in [names, *rows]) for i in range(len(names))]
    for line in [names, *rows]:
        cells = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]
        yield "  ".join(cells)


def _rows():
    return json.loads(TABLE.read_text())["faults"].values() if TABLE.exists() else []


def most_common(counter: Counter, number=3):
    """A counter in a few words, for a note."""
    return ", ".join(f"{key} {count}" for key, count in counter.most_common(number))

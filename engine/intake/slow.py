"""How loaded the engine is, as its stream's driver tells it to all who bring complaints in.

The driver writes `<data>/run/overload.json` every second. What is old counts for nothing: a driver that has died slows
nobody down, and the stream's own bound remains.

Errors:
    IntakeSlowed (StreamFull)    complaints are to wait where they are
"""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from connectors.errors import StreamFull

#: The step of the ladder that slows the intake; others shed work.
SLOWED = "intake_slowed"

#: What the driver wrote counts for this long, s.
_FRESH_S = 15.0

_LONGEST_RETRY_S = 600


class IntakeSlowed(StreamFull):
    """The engine is too far behind; send it again after `retry_after_s`, which is safe as the ids are the same."""

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message, retry_after_s)
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Load:
    """What the driver tells.

    Args:
        shed: the steps in force, in the order of the ladder; none while all is well.
        behind_s: seconds behind; None where the rate is not known yet.
        waiting: records that are not committed yet.
        per_second: records a second got through lately; None where not known.
        retry_after_s: when a sender that is turned away is to come again, s.
        since: when the steps last changed, RFC 3339.
        told_at: when this was written, seconds since 1970.
    """

    shed: tuple[str, ...] = ()
    behind_s: float | None = None
    waiting: int = 0
    per_second: float | None = None
    retry_after_s: int = 1
    since: str | None = None
    told_at: float = 0.0

    def public(self) -> dict[str, Any]:
        """For JSON."""
        found = asdict(self) | {"shed": list(self.shed), "state": self.shed[-1] if self.shed else "normal"}
        del found["told_at"]
        return found


def retry_after(behind_s: float, after_s: float, calm_s: float) -> int:
    """Seconds until the intake opens again if nothing more comes in, 1 to 600."""
    return max(1, min(_LONGEST_RETRY_S, math.ceil(max(0.0, behind_s - after_s / 2) + calm_s)))


def tell(data_dir: Path, load: Load) -> None:
    """Write it: a reader sees all of it or nothing."""
    path = _path(data_dir)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(json.dumps(asdict(load)))
    part.replace(path)


def read(data_dir: Path, now: float | None = None) -> Load:
    """What was told last; all well where nothing was told lately."""
    try:
        values = json.loads(_path(data_dir).read_text())
        load = Load(**values | {"shed": tuple(values["shed"])})
    except (OSError, ValueError, TypeError, KeyError):
        return Load()
    now = time.time() if now is None else now
    return load if abs(now - load.told_at) < _FRESH_S else Load()


def check(data_dir: Path) -> None:
    """Let complaints in.

    Raises:
        IntakeSlowed: not now.
    """
    load = read(data_dir)
    if SLOWED in load.shed:
        raise IntakeSlowed(
            f"intake: the engine is {load.behind_s or 0:.0f} s behind and takes nothing for now; "
            f"send it again in {load.retry_after_s} s, nothing is doubled",
            load.retry_after_s,
        )


def _path(data_dir: Path) -> Path:
    return data_dir / "run" / "overload.json"

"""What quality keeps from look to look beside its tables: how far it has counted, and the hours that are not over."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.nats_server import write_private
from engine.quality.hours import Hour

FILE = "quality.json"


@dataclass(slots=True)
class Memory:
    """See the module.

    Args:
        through: every record up to this stream sequence is counted.
        closed: the last hour that is complete and in serving.quality_hours, in hours since the epoch.
        began: when quality looked for the first time, s since the epoch.
        looked_at: when it looked last.
        awake_since: since when it has looked without a longer break: silence before it is the engine's own.
        horizon: up to here everything that was received is counted.
        open: the hours after `closed`.
    """

    through: int = 0
    closed: int = 0
    began: float = 0.0
    looked_at: float = 0.0
    awake_since: float = 0.0
    horizon: float = 0.0
    open: list[Hour] = field(default_factory=list)

    def save(self, data_dir: Path) -> None:
        """Write it down, whole or not at all."""
        values = {name: getattr(self, name) for name in Memory.__slots__}
        values["open"] = [{name: getattr(one, name) for name in Hour.__slots__} for one in self.open]
        write_private(data_dir / FILE, json.dumps(values))

    @classmethod
    def load(cls, data_dir: Path) -> Memory:
        """As it was saved; what cannot be read begins anew, and the hours in the tables stay."""
        try:
            values: dict[str, Any] = json.loads((data_dir / FILE).read_text())
            hours = [Hour(**one) for one in values.pop("open")]
            for hour in hours:
                for name in ("given", "flags", "language", "category"):
                    setattr(hour, name, Counter(getattr(hour, name)))
            return cls(**values, open=hours)
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

"""Write simulated complaints as their sources would, and the truth beside them."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from engine.simulate.generate import CHANNELS, Simulated

_AS_CSV = ("call_center", "file")


def write(complaints: Sequence[Simulated], folder: Path) -> dict[str, int]:
    """One file a channel (`sms.jsonl`, `call_center.csv` …) and `truth.jsonl`, a line a complaint.

    Returns:
        Rows by file name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = {}
    for channel in CHANNELS:
        mine = [c for c in complaints if c.channel == channel]
        name = f"{channel}.{'csv' if channel in _AS_CSV else 'jsonl'}"
        (_csv if channel in _AS_CSV else _jsonl)(mine, folder / name)
        rows[name] = len(mine)
    with (folder / "truth.jsonl").open("w", encoding="utf-8") as file:
        for c in complaints:
            line = {"channel": c.channel, "source": c.source, "source_key": c.source_key} | asdict(c.truth)
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    rows["truth.jsonl"] = len(complaints)
    return rows


def _jsonl(complaints: Sequence[Simulated], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for complaint in complaints:
            file.write(json.dumps(complaint.fields, ensure_ascii=False) + "\n")


def _csv(complaints: Sequence[Simulated], path: Path) -> None:
    columns = ["id", "occurred_at", "customer_id", "account", "region", "product", "text"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(complaint.fields for complaint in complaints)

"""Which models embedded what is stored: `python -m engine.reembed.stored`, the zones and options as JSON on stdin.

Asked once, of data folders that were filled before that was kept. In a process of its own, since the supervisor starts
others and LanceDB does not bear a fork.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from connectors.errors import Terminal, Transient
from connectors.lance import open_reader
from engine.settings import ROOT, Settings


def embedded(settings: Settings) -> dict[tuple[str, str], int]:
    """Complaints by name and revision of their model; none where nothing is stored.

    Raises:
        Terminal: the table cannot be read.
    """
    zones = settings.zones_uri.rstrip("/")
    if "://" not in zones and not (Path(zones) / "serving" / "complaints.lance").exists():
        return {}
    asked = json.dumps([zones, settings.storage_options])
    command = [sys.executable, "-m", "engine.reembed.stored"]
    done = subprocess.run(command, cwd=ROOT, input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise Terminal(f"{zones}/serving: it cannot be told which model embedded what is stored: {last}")
    return {(name, revision): rows for name, revision, rows in json.loads(done.stdout)}


def count(zones: str, options: dict[str, str] | None) -> list[tuple[str, str, int]]:
    """Name, revision and complaints of each model."""
    columns = ["embedding_model", "embedding_revision"]
    try:
        table = open_reader(f"{zones}/serving", "complaints", options)
    except Transient:  # there is no such table
        return []
    found = table.search().select(columns).limit(2**31 - 1).to_arrow()
    counted = found.group_by(columns).aggregate([([], "count_all")]).to_pylist()
    return [(row[columns[0]], row[columns[1]], row["count_all"]) for row in counted if row[columns[0]] is not None]


if __name__ == "__main__":
    json.dump(count(*json.load(sys.stdin)), sys.stdout)

"""What a benchmark ran on, so that its figures can be read."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from typing import Any

import psutil


def machine() -> dict[str, Any]:
    """CPU, memory, versions and time; written into every report."""
    names = ("ray", "lancedb", "pyarrow", "torch", "onnxruntime", "sentence-transformers", "nats-py")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in names},
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 -- a pseudo file
            line = next((line for line in file if line.startswith("model name")), "")
        return line.partition(":")[2].strip() or platform.processor()
    except OSError:
        return platform.processor()


def tree_bytes(pid: int) -> int:
    """Proportional set size of a process and all its descendants, so that shared pages count once.

    Processes of Ray that have left the tree (daemons) are the caller's to add.
    """
    total = 0
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in family:
        try:
            total += int(process.memory_full_info().pss)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total

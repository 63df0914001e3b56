"""The wall clock jumps by ten minutes, forth and back, for every process of the engine but nats-server.

nats-server is a static Go program and asks the kernel itself; what a jump does there, messages outside the
duplicate window, is in test_delivery.
"""

import shutil
import struct
import subprocess
from itertools import cycle
from pathlib import Path

import pytest

from tests.faults.flood import Flood, times
from tests.faults.verdict import strike

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed, the shim cannot be built")


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    """The file with the seconds that the clock is ahead, and the library that reads it."""
    folder = tmp_path_factory.mktemp("clock")
    source, library = Path(__file__).parent / "clock.c", folder / "clock.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl", "-lpthread"], check=True)
    file = folder / "ahead"
    file.write_bytes(struct.pack("l", 0))
    return file, library


def set_ahead(file, seconds):
    with file.open("r+b") as target:
        target.write(struct.pack("l", seconds))


def test_the_shim_moves_the_clock(clock):
    file, library = clock
    set_ahead(file, 600)
    command = ["python3", "-c", "import time, os; print(time.time() - os.stat('/proc/self').st_ctime)"]
    done = subprocess.run(
        command,
        env={"LD_PRELOAD": str(library), "BEEJAN_CLOCK": str(file), "PATH": "/usr/bin:/bin"},
        capture_output=True,
    )
    set_ahead(file, 0)
    assert 590 < float(done.stdout) < 610


def test_the_clock_jumps(start, clock):
    file, library = clock
    engine = start(LD_PRELOAD=str(library), BEEJAN_CLOCK=str(file))
    jumps = cycle([600, 0, -600, 0])
    strike(Flood(engine, "clock jump of 10 min"), 2 * times(5), lambda: set_ahead(file, next(jumps)))

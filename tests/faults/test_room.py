"""No room: the stream is full, the disk is full."""

import shutil
import subprocess
import time

import pytest

from tests.faults.flood import ROWS, Flood
from tests.faults.verdict import judge, most_common, strike


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with 600 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here ({done.stderr.strip()}); run as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_the_stream_is_full(start):
    """Senders are told to wait, and nothing that was taken is lost."""
    # Each record takes 2 kB more: the stream holds about a sixth of the flood.
    engine = start(BEEJAN_NATS__MAX_BYTES=str(max(1 << 20, ROWS * 400)))
    flood = Flood(engine, "stream full", padding=2000)
    flood.start()
    flood.finish(3000)
    assert flood.refused[429] + flood.refused[503] > 0
    judge(flood, 1, [flood.probe()], note=f"refused: {most_common(flood.refused)}").check()


def test_the_disk_is_full(start, small_disk):
    (small_disk / "data").mkdir()
    engine = start(small_disk / "data", BEEJAN_NATS__MAX_BYTES=str(128 << 20))

    def fault():
        filler = small_disk / "filler"
        with filler.open("wb") as file:
            try:
                while True:
                    file.write(b"\0" * (1 << 20))
            except OSError:
                pass
        assert shutil.disk_usage(small_disk).free < 1 << 20
        time.sleep(20)
        filler.unlink()

    try:
        strike(Flood(engine, "disk full"), 1, fault)
    finally:
        engine.stop()

"""A flipped bit in a block file of the stream: noticed within a minute, and refilled by `doctor --repair`."""

import json
import time

import pytest

from tests.faults.flood import Flood
from tests.faults.verdict import judge


def flip(path):
    """One bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.short
def test_a_flipped_bit_in_a_block_of_the_stream(start):
    engine = start()
    flood = Flood(engine, "flipped bit in a stream block")
    flood.start()
    flood.finish()
    judge(flood, 1)
    # The file is read again when nats-server starts.
    (server,) = (process for process, _ in engine.processes() if process.name() == "nats-server")
    blocks = sorted((engine.folder / "nats" / "store").rglob("COMPLAINTS/msgs/*.blk"))
    server.suspend()
    flip(blocks[len(blocks) // 2])
    server.kill()
    started = time.monotonic()
    while not (found := noticed(engine)):
        assert time.monotonic() < started + 60, "not noticed within a minute"
        time.sleep(0.5)
    seconds = time.monotonic() - started
    engine.cli("doctor", "--repair")
    note = f"noticed in {seconds:.0f} s: {', '.join(found)}"
    judge(flood, 1, [flood.probe()], note).check()
    mended = time.monotonic()
    while noticed(engine):
        assert time.monotonic() < mended + 60, f"still a gap a minute after the repair: {noticed(engine)}"
        time.sleep(0.5)


def noticed(engine):
    try:
        return sorted({gap["kind"] for gap in json.loads((engine.folder / "integrity.json").read_text())["gaps"]})
    except (OSError, ValueError):
        return []

"""Loss of power: what is acknowledged has been fsynced before, and is there when all else is gone.

The writer runs under strace, with a real nats-server that does too. The trace says what was fsynced when; from it the
folder is made again as it would be after a cut, and opened.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import asdict

import psutil
import pytest

from connectors import nats_server
from connectors.lance import open_reader
from connectors.nats import NatsTarget
from engine.settings import ROOT, Settings
from engine.store.writer import Writer
from tests.faults import power, trace
from tests.faults.verdict import Verdict
from tests.running import TABLES

pytestmark = [
    pytest.mark.short,
    pytest.mark.skipif(not trace.works(), reason="strace is not installed or may not trace; apt-get install strace"),
]

#: Not needed to open a table: a hint of the newest version, and what each transaction did, for concurrent writers.
_SPARE = re.compile(r"/latest_version_hint\.json$|/_transactions/|/\.tmp[^/]*$|\.manifest#\d+$")

_ACK = b"PUB $JS.ACK.COMPLAINTS.curate."


def traced(folder, *, fsync=True, sync_interval=True):
    """Traces of a writer and of the nats-server that it acknowledges to; and the writer's data folder."""
    config, credentials = nats_server.prepare(folder / "nats", 0, 1 << 20, 1 << 30)
    if not sync_interval:
        config.write_text(config.read_text().replace("sync_interval: always", "sync_interval: 2m"))
    target = NatsTarget(credentials.url, credentials.user, credentials.password)
    server = subprocess.Popen(
        [*trace.command(folder / "nats.trace"), str(nats_server.find_binary()), "-c", str(config)]
    )
    try:
        nats_server.wait_ready(server, credentials, folder / "nats" / "nats-server.log", 60)
        environment = os.environ | {"BEEJAN_TEST_NATS": json.dumps(asdict(target)), "PYTHONPATH": str(ROOT)}
        environment |= {} if fsync else {"BEEJAN_NO_FSYNC": "1"}
        (folder / "data").mkdir()
        command = [sys.executable, "-m", "tests.faults.power", str(folder / "data")]
        subprocess.run(
            [*trace.command(folder / "writer.trace"), *command], env=environment, cwd=ROOT, check=True, timeout=280
        )
    finally:
        for child in psutil.Process(server.pid).children():
            child.terminate()
        server.wait(20)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return traced(tmp_path_factory.mktemp("power"))


@pytest.fixture(scope="module")
def run_without_fsync(tmp_path_factory):
    return traced(tmp_path_factory.mktemp("power"), fsync=False)


def acknowledging(folder):
    """(disk, ids acknowledged by then, whether an acknowledgement begins here) after every call of the writer."""
    disk, acknowledged, batch = trace.Disk(folder / "data"), [], []
    ids = (folder / "data" / "acknowledged").read_text().split()
    begun = 0
    for call in trace.calls(folder / "writer.trace"):
        disk.apply(call)
        begins = False
        if call.name in ("sendto", "sendmsg", "write") and any(_ACK in s for s in call.strings):
            # The first of a micro-batch; its ids follow in the file that the writer keeps.
            batch = ids[begun * power.ROWS : (begun + 1) * power.ROWS]
            begins = acknowledged[-len(batch) :] != batch
            acknowledged += batch if begins else []
        if call.descriptor.endswith("/acknowledged") and call.name == "write":
            begun += 1
        yield disk, acknowledged, begins


def unsynced(folder):
    """Files of the zones that are not durable when an acknowledgement goes out."""
    found, acknowledgements = Counter(), 0
    for disk, _, begins in acknowledging(folder):
        if begins:
            acknowledgements += 1
            found.update(p for p in disk.volatile() if "/zones/" in p and not _SPARE.search(p))
    assert acknowledgements == power.BATCHES
    return sorted(found)


def lost(folder, target):
    """(cuts, acknowledged ids missing over all cuts, halves); each cut is opened by a reader and by a writer."""
    steps = [(n, begins) for n, (_, known, begins) in enumerate(acknowledging(folder)) if known]
    cuts = {n for n, begins in steps if begins} | {n for n, _ in steps[:: max(1, len(steps) // 24)]}
    missing = halves = 0
    for number, (disk, acknowledged, _) in enumerate(acknowledging(folder)):
        if number in cuts:
            disk.left(target)
            missing += _missing(target, set(acknowledged))
            halves += _halves(target)
            shutil.rmtree(target)
    return len(cuts), missing, halves


def _missing(folder, acknowledged):
    """Acknowledged ids that a reader does not find in every table."""
    found = acknowledged.copy()
    for zone, name in TABLES:
        try:
            table = open_reader(str(folder / "zones" / zone), name)
            found &= set(table.search().select(["event_id"]).limit(10**6).to_arrow()["event_id"].to_pylist())
        except Exception:  # a table that cannot be opened has nothing
            return len(acknowledged)
    return len(acknowledged - found)


def _halves(folder):
    """How far raw, curated, serving and volumes are apart once a writer has opened what is left, and maintained it."""
    try:
        writer = Writer(Settings(data_dir=folder))
        for table in writer._all:
            table.compact(3600)
        writer.close()
    except Exception as error:
        pytest.fail(f"the writer cannot go on after the cut: {type(error).__name__}: {error}")
    rows = [set(open_reader(str(folder / "zones" / z), n).to_arrow()["event_id"].to_pylist()) for z, n in TABLES]
    counted = open_reader(str(folder / "zones" / "serving"), "volumes").to_arrow().to_pylist()
    channels = sum(r["count"] for r in counted if r["segment"].startswith("channel="))
    # A batch that was being committed may stand in the first tables only; it is not acknowledged and comes again.
    return max(0, len(rows[2] - rows[1])) + len(rows[1] - rows[0]) + abs(channels - len(rows[2]))


def test_everything_a_commit_wrote_is_fsynced_before_the_acknowledgement(run):
    assert unsynced(run) == []


def test_the_order_is_found_wrong_with_fsync_off(run_without_fsync):
    assert any(path.endswith(".lance") for path in unsynced(run_without_fsync))


def test_what_is_acknowledged_survives_a_loss_of_power(run, tmp_path):
    cuts, missing, halves = lost(run, tmp_path / "left")
    rows = power.BATCHES * power.ROWS
    note = f"{cuts} cuts; writes without fsync dropped"
    Verdict("loss of power", cuts, rows, rows, rows - missing, 0, missing, 0, halves, None, note).check()


def test_with_fsync_off_it_does_not(run_without_fsync, tmp_path):
    disk = None
    for disk, acknowledged, begins in acknowledging(run_without_fsync):
        if begins:
            disk.left(tmp_path / "left")
            assert _missing(tmp_path / "left", set(acknowledged)) == len(acknowledged) > 0
            return


def _published_before_synced(folder):
    """Publishes that nats-server confirmed while fewer messages than that had been fsynced, and those confirmed."""
    written = synced = early = confirmed = 0
    for call in trace.calls(folder / "nats.trace"):
        if call.descriptor.endswith(".blk"):
            if call.name == "pwrite64" or call.name == "write":
                written += 1
            elif call.name in ("fsync", "fdatasync"):
                synced = written
        elif call.name in ("write", "writev", "sendto", "sendmsg"):
            for number in re.findall(rb'"stream": ?"COMPLAINTS", ?"seq": ?(\d+)', b"".join(call.strings)):
                confirmed += 1
                early += int(number) > synced
    return early, confirmed


def test_nats_server_fsyncs_a_message_before_it_confirms_the_publish(run):
    assert _published_before_synced(run) == (0, power.BATCHES * power.ROWS)


def test_and_does_not_without_sync_interval_always(tmp_path):
    early, confirmed = _published_before_synced(traced(tmp_path, sync_interval=False))
    assert early == confirmed == power.BATCHES * power.ROWS

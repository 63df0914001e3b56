"""Records that raise, kill their worker, hang, or have 100 MB: the others pass, and each of them has its reason."""

import json
from pathlib import Path

import httpx
import pytest

from tests.faults.flood import Flood, times, under
from tests.faults.verdict import judge, strike

#: What is in the text, and the reasons its dead letter may have.
MARKERS = {
    "marker_raise": {"stage_error"},
    "marker_die": {"worker_died"},
    "marker_hang": {"hung"},
}


@pytest.fixture(scope="module")
def engine(start):
    return start(
        PYTHONPATH=str(Path(__file__).parent / "poison"),
        BEEJAN_INTAKE__BATCH_TIMEOUT_S="10",
        BEEJAN_INTAKE__ACK_WAIT_S="30",
    )


@pytest.mark.parametrize("marker", MARKERS)
def test_a_record_that_harms_its_worker(engine, marker):
    sent = []

    def fault():
        record = {"id": f"{marker}-{len(sent)}", "text": f"a complaint with {marker} in it"}
        sent.extend(flood.send([record]))

    flood = Flood(engine, f"record: {marker.removeprefix('marker_')}s")
    number = times(5)
    strike_with(flood, number, fault, sent)
    dead = {
        row["event_id"]: row["reason"] for row in engine.table("raw", "dead_letters").search().limit(10**6).to_list()
    }
    assert {dead.get(key) for key in sent} <= MARKERS[marker], {key: dead.get(key) for key in sent}


def strike_with(flood, number, fault, sent):
    """As `strike`, with the harmful records among those that are accounted for."""
    seconds = under(flood, number, fault)
    flood.acknowledged += sent
    # A record that hangs is waited for at each of its deliveries.
    verdict = judge(flood, number, seconds, quiet_s=900)
    verdict.check()
    assert verdict.dead_lettered == len(set(sent))


@pytest.mark.short
def test_a_record_of_100_mb(engine, tmp_path):
    """Over HTTP it is refused; in a file it is refused or dead-lettered, and the records around it pass."""
    huge = {"id": "huge", "text": "x" * 100_000_000}

    def fault():
        headers = {"Authorization": f"Bearer {engine.key}"}
        try:
            answer = httpx.post(f"{engine.url}/v1/complaints", json=huge, headers=headers, timeout=120)
        except httpx.WriteError:
            return  # it hung up before it had all of it
        assert answer.status_code == 413, answer.text[:300]

    strike(Flood(engine, "record of 100 MB"), times(5), fault)
    path = tmp_path / "huge.jsonl"
    rows = [{"id": "small-1", "text": "my bill is wrong"}, huge, {"id": "small-2", "text": "no network"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = engine.cli("ingest", str(path), "--channel", "file", "--source", "huge", "--wait")
    assert (report["read"], report["stored"], report["dead_lettered"]) == (3, 2, 1)

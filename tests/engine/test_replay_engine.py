"""Replay, dead letters and integrity of a running engine."""

import time

import pytest
import yaml

from engine.settings import CONFIGS


@pytest.fixture
def relabelled(own_engine):
    """The engine with a taxonomy of another version, read at the next replay."""
    import json

    taxonomy = yaml.safe_load((CONFIGS / "taxonomies" / "telecom.yaml").read_text())
    taxonomy["version"] = f"{taxonomy['version']}-next"
    path = own_engine.folder / "next.yaml"
    path.write_text(yaml.safe_dump(taxonomy))
    settings = own_engine.folder / "run" / "settings.json"
    values = json.loads(settings.read_text())
    return lambda: settings.write_text(json.dumps(values | {"taxonomy": str(path)}))


def volumes(engine):
    rows = engine.table("serving", "volumes").search().limit(10**6).to_list()
    return {(r["segment"], r["bucket"]): r["count"] for r in rows if r["count"]}


def test_replay_retry_and_integrity(own_engine, relabelled):
    engine = own_engine
    texts = ["no network in Ikeja since morning", "you charged me twice this month", "my router has no light"]
    sent = engine.post(*({"id": str(n), "text": f"{texts[n % 3]} {n}", "region": "Lagos"} for n in range(60)))
    bad = engine.post({"id": "bad", "text": "fine", "mapping": "nobody"})
    states = engine.wait_for([*sent["event_ids"], *bad["event_ids"]])
    assert states.count("stored") == 60

    # An unchanged program gives no difference, though the texts stand in other batches.
    found = engine.cli("replay", "--diff")
    assert (found["state"], found["records"], found["unchanged"], found["still_failing"]) == ("done", 61, 60, 1)

    before = volumes(engine)
    relabelled()
    assert engine.cli("replay", code=4)["error"]["type"] == "Refused"
    found = engine.cli("replay", "--yes")
    assert (found["changed"], found["columns"]) == (60, {"taxonomy_version": 60})
    later = engine.post({"id": "later", "text": "the stream goes on"})
    assert engine.wait_for(later["event_ids"]) == ["stored"]
    rows = engine.table("serving", "complaints").search().limit(999).to_list()
    assert sum(r["taxonomy_version"].endswith("-next") for r in rows) == 60
    after = volumes(engine)
    assert {key: after[key] for key in before if key[0] == "region=Lagos"} == {
        key: count for key, count in before.items() if key[0] == "region=Lagos"
    }
    assert sum(c for (s, _), c in after.items() if s.startswith("channel=") and "|" not in s) == 61

    # A dead letter that fails again is a further attempt.
    assert engine.cli("dlq", "retry", "--reason", "unknown_mapping")["retried"] == 1
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        shown = engine.cli("dlq", "show", bad["event_ids"][0][:12])
        if len(shown["attempts"]) == 2:
            break
        time.sleep(0.5)
    assert [a["attempt"] for a in shown["attempts"]] == [2, 1]
    listed = engine.cli("dlq", "list", "--channel", "web_form")
    assert (listed["total"], listed["by_reason"]) == (1, {"unknown_mapping": 1})

    # The reconciler has looked and misses nothing; the ledger has no record that no table has.
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        seen = engine.cli("status")["integrity"]
        if seen["state"] != "unknown" and seen["outstanding"] == 0:
            break
        time.sleep(0.5)
    assert (seen["state"], seen["gaps"]) == ("ok", [])
    assert engine.cli("doctor", "--repair")["lost"]["count"] == 0

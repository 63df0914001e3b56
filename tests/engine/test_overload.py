"""A flood: work is shed, senders are put off, and in the end everything is there and complete."""

import json
import time

import numpy as np
import pytest

from engine.curate.static_model import path_of
from engine.settings import Settings
from models.embedder import DEFAULT_NAME, pinned_source
from models.onnx_embedder import RECIPE
from models.static_embedder import StaticEmbedder
from tests.models.test_static_embedder import TOKENIZER
from tests.running import TABLES, Engine

RECORDS = 1500


@pytest.fixture
def flooded(tmp_path):
    """An engine that is soon behind, with a static model that takes no distilling."""
    revision = f"{pinned_source(None, None)[2]}+int8.{RECIPE}"
    path = path_of(Settings(overload={"static_folder": tmp_path / "static"}), DEFAULT_NAME, revision)
    rows = np.random.default_rng(1).standard_normal((7, 384)).astype(np.float16)
    StaticEmbedder(TOKENIZER, rows, (DEFAULT_NAME, revision)).save(path)
    (tmp_path / "data").mkdir()
    engine = Engine(
        tmp_path / "data",
        {
            "BEEJAN_OVERLOAD__LADDER": json.dumps({"embedding_static": 0.5, "intake_slowed": 1.5}),
            "BEEJAN_OVERLOAD__CALM_S": "1",
            "BEEJAN_OVERLOAD__STATIC_FOLDER": str(path.parent),
            "BEEJAN_INTAKE__MAX_BATCH_ROWS": "64",
        },
    )
    yield engine
    engine.stop()


def until(check, limit_s=150):
    deadline = time.monotonic() + limit_s
    while not (found := check()):
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.1)
    return found


def test_a_flood_is_shed_put_off_and_completed(flooded):
    records = [{"id": str(n), "text": f"no network in street {n} since morning"} for n in range(RECORDS)]
    ids = flooded.post(*records[:1000])["event_ids"] + flooded.post(*records[1000:])["event_ids"]

    def overload():
        return flooded.http.get("/v1/status").raise_for_status().json()["overload"]

    until(lambda: "embedding_static" in overload()["shed"])
    refused = until(lambda: (a := flooded.http.post("/v1/complaints", json=[records[0]])).status_code == 429 and a)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["title"] == "Too Many Requests"
    until(lambda: overload()["degraded"] > 0)
    assert "beejan_overload_steps" in flooded.http.get("/metrics").text

    # A file waits until the intake opens again.
    late = flooded.folder / "late.jsonl"
    late.write_text(json.dumps({"id": "late", "text": "my bill is wrong"}))
    report = flooded.cli("ingest", str(late), "--channel", "sms", "--wait")
    assert (report["stored"], report["dead_lettered"]) == (1, 0)

    assert set(flooded.wait_for(ids, 150)) == {"stored"}
    until(lambda: (o := overload())["shed"] == [] and o["degraded"] == 0)
    assert flooded.http.post("/v1/complaints", json=[records[0]]).status_code == 202
    for zone, name in TABLES:
        found = flooded.ids(zone, name)
        assert len(found) == len(set(found)) == RECORDS + 1
        assert set(ids) <= set(found)
    for zone in ("curated", "serving"):
        table = flooded.table(zone, "complaints")
        assert table.count_rows(f"embedding_model = '{DEFAULT_NAME}'") == RECORDS + 1
        assert table.count_rows("array_length(degraded) > 0") == 0
    assert flooded.cli("status")["overload"]["state"] == "normal"

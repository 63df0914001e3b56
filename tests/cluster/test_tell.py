"""Emerging clusters are told on a real JetStream, out of real tables."""

from __future__ import annotations

import asyncio

import pytest

from connectors import nats_server
from engine.cluster.job import cluster
from engine.cluster.keep import reader
from engine.cluster.tell import Teller, alerts_of
from tests.cluster.test_job import NOW, SMALL, complaints, flat, put, tables, three_themes
from tests.reconcile.test_watch import Engine


@pytest.fixture
def run(tmp_path, context):
    made = Engine(tmp_path, context)

    def go(work):
        async def whole():
            await made.open()
            try:
                await work(made)
            finally:
                await made.connection.close()

        asyncio.run(whole())

    yield go
    nats_server.stop(made.server.process)
    made.writer.close()


def test_an_emerging_cluster_is_told_once_through_runs_and_restarts(run, tmp_path):
    async def work(engine):
        put(engine.writer, flat(three_themes()))
        cluster(tables(engine.writer, tmp_path), SMALL, NOW)
        teller = Teller(tmp_path, reader(engine.settings), engine.js)
        assert await teller.step() == 0

        put(engine.writer, complaints(7, 30, seed=9, days=1.0))
        assert cluster(tables(engine.writer, tmp_path), SMALL, NOW)["emerging"] == [3]
        assert await teller.step() == 1
        cluster(tables(engine.writer, tmp_path), SMALL, NOW)
        assert await teller.step() == 0
        assert await Teller(tmp_path, reader(engine.settings), engine.js).step() == 0
        (event,) = await engine.told()
        assert (event["type"], event["cluster_id"], event["segment"]) == ("emerging_cluster", 3, "cluster=3")
        assert (event["size"], event["observed"], event["state"]) == (30, 30, "new")
        assert event["started_at"] == "2026-03-29T00:00:00Z"
        assert "thing" in event["terms"]
        assert len(event["exemplars"]) == 5
        assert event["name"]

    run(work)


def test_what_is_told_and_not_written_down_is_told_again_under_the_same_id(run, tmp_path):
    async def work(engine):
        put(engine.writer, [*flat(three_themes()), *complaints(7, 30, seed=9, days=1.0)])
        cluster(tables(engine.writer, tmp_path), SMALL, NOW)
        assert await Teller(tmp_path, reader(engine.settings), engine.js).step() == 1
        (tmp_path / "emerging.json").unlink()  # as after a crash between the two
        assert await Teller(tmp_path, reader(engine.settings), engine.js).step() == 1
        assert len(await engine.told()) == 1

    run(work)


def test_one_that_grows_no_more_is_resolved_in_the_list(tmp_path):
    row = {
        "cluster_id": 4, "name": "a", "terms": [], "exemplars": [], "size": 9, "recent": 6, "growth": 3.0,
        "emerging": False, "state": "active", "updated_at": NOW,
        "events": '[{"at": "2026-03-01T00:00:00Z", "event": "emerging", "other": null}]',
    }  # fmt: skip
    never = row | {"events": '[{"at": "2026-03-01T00:00:00Z", "event": "born", "other": null}]'}

    (found,) = alerts_of([row, never])

    assert (found["state"], found["started_at"], found["ended_at"]) == (
        "resolved", "2026-03-01T00:00:00Z", "2026-03-29T00:00:00Z",
    )  # fmt: skip
    assert found["expected"] == 2.0

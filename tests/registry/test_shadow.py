from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.lance import open_reader
from engine.intake.envelope import Envelope, to_table
from engine.registry import shadow
from engine.registry.promote import challenge
from engine.registry.shadow import Shadow, below, pair_of, summary
from engine.settings import Settings
from engine.stages.pipeline import process
from engine.store.writer import Writer
from tests.conftest import NOW, HashEmbedder
from tests.registry.test_promote import made
from tests.registry.test_rescore import Fixed


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path, registry={"shadow_share": 1.0, "shadow_rows": 6})


@pytest.fixture
def writer(settings):
    writer = Writer(settings)
    yield writer
    writer.close()


@pytest.fixture
def fixed(monkeypatch):
    """The challenger says billing.refund of everything; its file is not what is tested."""
    monkeypatch.setattr(shadow, "trained", lambda *_: Fixed("billing.refund"))


def store(writer, context, keys):
    # Received after the challenger became one: the clock of the test is far ahead of NOW.
    sent = [
        Envelope("sms", "test", key, f"no network here {key}".encode(), "text/plain", NOW + timedelta(days=3650))
        for key in keys
    ]
    writer.commit(process(to_table([(e.event_id, e, n) for n, e in enumerate(sent, 1)]), context))


def reader(settings, zone, name):
    return open_reader(f"{settings.zones_uri}/{zone}", name)


def look(settings, writer, context):
    given = Shadow(
        settings, reader(settings, "serving", "complaints"), reader(settings, "governance", "shadow"), writer.put_shadow
    )
    return given.look(HashEmbedder(), context)


@pytest.fixture
def later(context):
    return replace(context, now=NOW + timedelta(days=3650))


def test_new_complaints_are_looked_at_once_and_served_as_the_champion_said(settings, writer, later, fixed):
    made(settings, "1")
    challenge(settings, "1", by="ada")
    store(writer, later, "abc")
    served = reader(settings, "serving", "complaints").search().limit(9).to_list()

    assert [look(settings, writer, later), look(settings, writer, later)] == [3, 0]
    rows = pair_of(reader(settings, "governance", "shadow"), "zero-shot/1", "complaints/1", ["event_id"])
    assert sorted(rows["event_id"].to_pylist()) == sorted(row["event_id"] for row in served)
    after = reader(settings, "serving", "complaints").search().limit(9).to_list()
    assert {row["classifier_version"] for row in after} == {"zero-shot/1"}
    assert [row["subcategory"] for row in after] == [row["subcategory"] for row in served]


def test_it_is_tried_on_so_many_at_most(settings, writer, later, fixed):
    made(settings, "1")
    challenge(settings, "1", by="ada")
    store(writer, later, "abcde")
    first = look(settings, writer, later)
    store(writer, later, "fghij")
    assert [first, look(settings, writer, later), look(settings, writer, later)] == [5, 1, 0]


def test_complaints_of_before_are_left_out(settings, writer, context, fixed):
    made(settings, "1")
    challenge(settings, "1", by="ada")
    sent = Envelope("sms", "test", "old", b"no network here", "text/plain", NOW)
    writer.commit(process(to_table([(sent.event_id, sent, 1)]), context))
    assert look(settings, writer, context) == 0


def test_without_a_challenger_there_is_nothing_to_do(settings, writer, later):
    store(writer, later, "a")
    assert look(settings, writer, later) == 0


def test_a_challenger_that_cannot_be_used_is_told_and_tried_on_nothing(settings, writer, later, caplog):
    made(settings, "1", embedding={"model": "other", "revision": "0"})
    challenge(settings, "1", by="ada")
    store(writer, later, "a")
    assert look(settings, writer, later) == 0
    assert "the challenger is not tried" in caplog.text


def test_the_sample_is_a_share_of_all_ids():
    assert (below(0), below(0.5), below(1)) == ("00000000", "80000000", "g")
    assert below(0.1) == "19999999"


def test_the_summary_tells_agreement_by_slice_and_where_they_part():
    def row(old, new, language):
        return {
            "champion_subcategory": old, "challenger_subcategory": new, "language": language, "channel": "sms",
            "region": None,
        }  # fmt: skip

    rows = [row("a.x", "a.x", "eng")] * 3 + [row("a.x", "b.y", "eng")] + [row("a.x", "b.y", "hau")] * 2
    found = summary(rows)
    assert (found["of"], found["agree"]) == (6, 0.5)
    assert found["slices"]["language"] == {"eng": {"of": 4, "agree": 0.75}, "hau": {"of": 2, "agree": 0.0}}
    assert found["slices"]["region"] == {}
    assert found["parted"] == [{"champion": "a.x", "challenger": "b.y", "count": 3}]
    assert summary([])["agree"] is None

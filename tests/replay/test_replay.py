"""Against real tables, with a cheap embedder."""

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.files.records import Limits
from connectors.lance import open_reader
from connectors.mapping import load_mapping
from engine.intake.envelope import to_table
from engine.intake.files import FileSource, envelopes
from engine.replay.run import Replay, Zones
from engine.replay.select import BadSelection, Selection
from engine.settings import CONFIGS, Settings
from engine.stages.pipeline import process
from engine.store.writer import Writer
from tests.conftest import NOW
from tests.store.test_writer import envelope, processed

EVERYTHING = Selection()


class Store:
    def __init__(self, folder, context):
        self.settings, self.context = Settings(data_dir=folder), context
        self.writer = Writer(self.settings)

    def table(self, zone, name):
        return open_reader(f"{self.settings.zones_uri}/{zone}", name)

    def rows(self, zone, name):
        return self.table(zone, name).search().limit(10**6).to_list()

    def volumes(self):
        return {(r["segment"], r["bucket"]): r["count"] for r in self.rows("serving", "volumes") if r["count"]}

    def put(self, *sent):
        self.writer.commit(processed(self.context, *sent))

    def replay(self, selection=EVERYTHING, *, apply=True, context=None, stopped=lambda: False):
        zones = Zones(self.table("raw", "envelopes"), self.table("raw", "dead_letters"), self.table("serving", "complaints"))  # fmt: skip
        later = replace(context or self.context, now=NOW + timedelta(days=30))
        one = Replay(zones, self.context.data_key, lambda t: process(t, later), self.writer.replace if apply else None)
        return one.run(selection, stopped=stopped)


@pytest.fixture
def store(tmp_path, context):
    made = Store(tmp_path, context)
    yield made
    made.writer.close()


@pytest.fixture
def relocated(context):
    """The program with one stage that gives another region."""

    class Taxed:
        def predict(self, texts, vectors):
            return [replace(p, category="billing", subcategory="billing.wrong_charge") for p in context.classifier.predict(texts, vectors)]  # fmt: skip

    return replace(context, classifier=Taxed(), taxonomy_version="telecom/next")


def test_an_unchanged_program_changes_nothing(store):
    store.put(envelope("no network in Ikeja, call 08031234567"), envelope("wrong bill", "2"), envelope("", "3"))
    version = store.table("serving", "complaints").version
    report = store.replay()
    assert (report.records, report.unchanged, report.changed, report.still_failing) == (3, 2, 0, 1)
    assert store.table("serving", "complaints").version == version
    assert len(store.rows("raw", "dead_letters")) == 1


def test_comcast_gives_no_difference(store, data):
    mapping = load_mapping(CONFIGS / "mappings" / "comcast.yaml")
    path = next(iter(sorted((data / "comcast").glob("*.csv"))))
    found = list(envelopes(path, FileSource("call_center", "comcast", mapping), NOW, Limits()))[:1500]
    store.writer.commit(process(to_table([(e.event_id, e, n) for n, e in enumerate(found, 1)]), store.context))
    report = store.replay(apply=False)
    assert report.records > 1000
    assert (report.changed, report.added, report.failing, report.unopened) == (0, 0, 0, 0)


def test_simulated_complaints_give_no_difference(store):
    from engine.cli.replay import to_envelope
    from engine.simulate.generate import generate

    made = generate(600, seed=5, start=NOW - timedelta(days=2), end=NOW)
    store.put(*[to_envelope(c, NOW) for c in made])
    report = store.replay(apply=False)
    assert (report.records, report.unchanged) == (600, 600)


def test_a_diff_shows_the_change_and_writes_nothing(store, relocated):
    store.put(envelope("no network in Ikeja since morning"), envelope("no signal at all", "2"))
    before = store.rows("serving", "complaints")
    report = store.replay(apply=False, context=relocated)
    assert report.changed == 2
    assert report.columns["category"] == 2
    example = next(e for e in report.examples if e["column"] == "taxonomy_version")
    assert (example["before"][:8], example["after"]) == ("telecom/", "telecom/next")
    assert store.rows("serving", "complaints") == before


def test_a_change_is_applied_and_volumes_move_with_it(store, relocated):
    store.put(*[envelope(f"no network in Ikeja {n}", str(n)) for n in range(5)])
    ids = {r["event_id"] for r in store.rows("serving", "complaints")}
    report = store.replay(context=relocated)
    assert report.changed == 5
    served = store.rows("serving", "complaints")
    assert {r["event_id"] for r in served} == ids
    assert {(r["category"], r["taxonomy_version"]) for r in served} == {("billing", "telecom/next")}
    assert {r["received_at"] for r in served} == {NOW}
    counts = {segment: count for (segment, _), count in store.volumes().items()}
    assert (counts["category=billing"], counts["channel=sms"], counts["region=Lagos"]) == (5, 5, 5)
    assert "category=network" not in counts
    assert store.writer.repair_volumes() == 0
    again = store.replay(context=relocated)
    assert (again.unchanged, again.changed) == (5, 0)


def test_a_replay_that_was_cut_off_goes_on(store, relocated, monkeypatch):
    monkeypatch.setattr("engine.replay.run.batches", lambda ids: ([key] for key in ids))
    store.put(*[envelope(f"no network {n}", str(n)) for n in range(4)])
    turns = iter([False, False, True])
    first = store.replay(context=relocated, stopped=lambda: next(turns))
    assert (first.done, first.changed) == (2, 2)
    second = store.replay(context=relocated)
    assert (second.unchanged, second.changed) == (2, 2)
    assert store.writer.repair_volumes() == 0


def test_a_dead_letter_that_passes_now_is_stored_and_counted_once(store, context):
    sent = replace(envelope("no network in Ikeja"), mapping="later")
    store.put(sent)
    assert store.rows("raw", "dead_letters")[0]["reason"] == "unknown_mapping"
    mended = replace(context, mappings=context.mappings | {"later": load_mapping(CONFIGS / "mappings" / "comcast.yaml").model_copy(update={"fields": {"text": "text", "occurred_at": "occurred_at"}, "time_formats": (), "timezone": "UTC", "require": ("text",)})})  # fmt: skip
    for expected in ((1, 0), (0, 1)):
        report = store.replay(context=mended)
        assert (report.added, report.unchanged) == expected
    assert store.writer.lookup([sent.event_id]) == ["stored"]
    assert {c for (s, _), c in store.volumes().items() if s == "channel=sms"} == {1}


def test_a_stored_row_that_fails_now_stays_and_gets_one_dead_letter(store, context):
    store.put(envelope("a long complaint about the bill"))
    strict = replace(context, max_text_chars=5)
    for _ in range(2):
        report = store.replay(context=strict)
        assert (report.failing, dict(report.reasons)) == (1, {"text_too_long": 1})
    assert len(store.rows("serving", "complaints")) == 1
    (letter,) = store.rows("raw", "dead_letters")
    assert (letter["reason"], letter["attempt"]) == ("text_too_long", 1)


def test_a_dead_letter_with_another_reason_is_a_further_attempt(store, context):
    store.put(replace(envelope("a long complaint"), mapping="nobody"))
    long = replace(context, mappings=context.mappings | {"nobody": load_mapping(CONFIGS / "mappings" / "comcast.yaml")})
    store.replay(context=long)
    letters = {row["attempt"]: row["reason"] for row in store.rows("raw", "dead_letters")}
    assert letters[1] == "unknown_mapping"
    assert set(letters) == {1, 2}


def test_what_a_connector_could_not_read_keeps_its_reason(store):
    bad = replace(envelope("x"), content_type="application/octet-stream", defect_code="wrong_column_count")
    store.put(replace(bad, defect_message="3 cells"))
    report = store.replay()
    assert dict(report.reasons) == {"wrong_column_count": 1}
    assert len(store.rows("raw", "dead_letters")) == 1


def test_spam_stays_out_until_somebody_lets_it_in(store):
    spam = replace(envelope("buy now"), defect_code="spam_suspected", defect_message="links")
    store.put(spam)
    assert dict(store.replay().reasons) == {"spam_suspected": 1}
    store.put(replace(spam, defect_code=None, defect_message=None, attempt=2))
    report = store.replay()
    assert (report.unchanged, report.still_failing) == (1, 0)


def test_payloads_of_another_key_are_counted_and_left(store, context, relocated):
    from engine.govern.crypto import DataKey

    store.put(envelope("no network"))
    other = replace(context, data_key=DataKey("k2", b"x" * 32))
    zones = Zones(store.table("raw", "envelopes"), store.table("raw", "dead_letters"), store.table("serving", "complaints"))  # fmt: skip
    report = Replay(zones, other.data_key, lambda t: process(t, relocated), store.writer.replace).run(EVERYTHING)
    assert (report.unopened, report.changed) == (1, 0)


def test_copies_keep_pointing_at_the_first(store, relocated):
    first = envelope("My data finished", "1")
    store.put(first)
    store.put(envelope("my data FINISHED", "2"))
    store.replay(context=relocated)
    rows = {r["source_key"]: r["duplicate_of"] for r in store.rows("serving", "complaints")}
    assert rows == {"1": None, "2": first.event_id}


@pytest.mark.parametrize(
    ("selection", "keys"),
    [
        (Selection(from_seq=2, to_seq=2), ["2"]),
        (Selection(channel="sms"), ["1", "2", "3"]),
        (Selection(channel="file"), []),
        (Selection(source="test"), ["1", "2", "3"]),
        (Selection(until=NOW), []),
        (Selection(since=NOW, until=NOW + timedelta(seconds=1)), ["1", "2", "3"]),
        (Selection(ids=(envelope("c", "3").event_id,)), ["3"]),
    ],
)
def test_a_selection_takes_what_meets_all_its_bounds(store, selection, keys):
    from engine.replay.select import event_ids

    sent = [envelope(text, key) for text, key in (("a", "1"), ("b", "2"), ("c", "3"))]
    store.put(*sent)
    by_id = {e.event_id: e.source_key for e in sent}
    assert [by_id[key] for key in event_ids(store.table("raw", "envelopes"), selection)] == keys


def test_a_selection_that_can_hold_nothing_is_refused():
    with pytest.raises(BadSelection, match="from_seq 5 lies after to_seq 4"):
        Selection(from_seq=5, to_seq=4)
    with pytest.raises(BadSelection, match="not before"):
        Selection(since=NOW, until=NOW)

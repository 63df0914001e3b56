import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from connectors.lance import Table, at_version, open_reader
from engine.counts import FACETS, Counts, Projection
from engine.counts.count import breaks_within
from engine.search import BadSearch, Search, Searcher
from engine.store.filters import BadFilter
from engine.tables import serving
from tests.conftest import HashEmbedder

ROWS = 300
DAY0 = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
WORDS = ("network", "bill", "luggage", "refund", "slow", "agent", "sim", "queue")
CHOICES = {
    "category": ["network", "billing", "service", None],
    "subcategory": ["network.outage", "network.slow", "billing.wrong", None],
    "priority": ["P1", "P2", "P3", "P4"],
    "channel": ["sms", "social", "call_center"],
    "source": ["a", "b"],
    "region": ["Lagos", "Kano", "O'Hare", None],
    "product": ["data", None],
    "language": ["en", "pcm", "ha"],
    "cluster_id": [-1, 1, 2, None],
    "customer_id": ["c1", "c2", "c3", None],
}  # fmt: skip


class Embedder(HashEmbedder):
    _one = cache(HashEmbedder._one)


def made(count, seed, first=0):
    dice, embedder = random.Random(seed), Embedder()
    rows = []
    for number in range(first, first + count):
        text = " ".join(dice.choices(WORDS, k=2))
        at = DAY0 + timedelta(minutes=dice.randrange(20 * 24 * 60))
        rows.append(
            {name: dice.choice(values) for name, values in CHOICES.items()}
            | {"event_id": f"{number:064x}", "text": text, "search_text": text, "occurred_at": at, "received_at": at}
            | {"duplicate_of": dice.choice([None, None, "0" * 64]), "vector": embedder.encode([text])[0].tolist()}
            | {"source_key": str(number)}
        )
    return pa.Table.from_pylist(rows, schema=serving(384).schema)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    spec, uri = serving(384), str(tmp_path_factory.mktemp("counts") / "serving")
    table = Table(uri, spec.name, spec.key, spec.schema, spec.version, text_index="search_text")
    for part in range(3):  # several fragments
        table.upsert(made(ROWS // 3, part, part * (ROWS // 3)))
    table.update(pa.table({"event_id": [f"{n:064x}" for n in range(0, ROWS, 7)], "priority": ["P1"] * -(-ROWS // 7)}))
    reader = open_reader(uri, spec.name)
    rows = reader.search().limit(10**6).to_arrow().drop_columns(["vector"]).to_pylist()
    return table, reader, rows, Searcher(reader, Embedder(), b"p" * 32)


@pytest.fixture(scope="module")
def counts(store):
    _, reader, _, searcher = store
    return Counts(searcher, reader)


def brute(counts, store, wanted):
    """The candidates as rows, found without the projection."""
    rows, searcher = store[2:]
    if wanted.query:
        among = set(searcher.candidates(wanted).event_ids)
        return [row for row in rows if row["event_id"] in among]
    found = []
    for row in rows:
        if (wanted.since and row["occurred_at"] < wanted.since) or (
            wanted.until and row["occurred_at"] >= wanted.until
        ):
            continue
        if wanted.folded and row["duplicate_of"] is not None:
            continue
        if all(str(row[c] if row[c] is not None else "") in v for c, v in wanted.equals.items() if v):
            found.append(row)
    return found


def some_search(dice):
    equals = {
        name: [str(v) if v is not None else "" for v in dice.sample(values, dice.randint(1, 2))]
        for name, values in CHOICES.items()
        if dice.random() < 0.25
    }
    since = DAY0 + timedelta(hours=dice.randrange(300)) if dice.random() < 0.4 else None
    until = DAY0 + timedelta(hours=300 + dice.randrange(200)) if dice.random() < 0.4 else None
    query = " ".join(dice.choices(WORDS, k=2)) if dice.random() < 0.25 else ""
    mode = dice.choice(["hybrid", "vector", "text"])
    return Search(query, mode, equals, since, until, folded=dice.random() < 0.3)


def test_200_random_searches_are_counted_as_one_by_one(counts, store):
    dice = random.Random(5)
    for _ in range(200):
        wanted = some_search(dice)
        answer = counts.facets(wanted, limit=50)
        assert answer["total"] == len(brute(counts, store, wanted))
        for name in dice.sample(list(FACETS), 2):
            column = FACETS[name]
            others = {c: v for c, v in wanted.equals.items() if c != column}
            right = Counter(row[column] for row in brute(counts, store, replace(wanted, equals=others)))
            assert {v["value"]: v["count"] for v in answer["facets"][name]["values"]} == right, (wanted, name)


def test_trends_are_counted_as_one_by_one(counts, store):
    dice = random.Random(6)
    for _ in range(40):
        wanted = some_search(dice)
        interval, step = dice.choice([("hour", 3600), ("day", 86_400), ("week", 604_800)])
        answer = counts.trends(wanted, interval, "region", 50, now=DAY0 + timedelta(days=21))
        start, end = answer["since"], answer["until"]
        rows = brute(counts, store, replace(wanted, since=start, until=end))
        past = brute(counts, store, replace(wanted, since=start - (end - start), until=start))
        right = Counter((row["region"], int((row["occurred_at"] - start).total_seconds() // step)) for row in rows)
        got = {
            (s["value"], place): n for s in answer["series"] for place, n in enumerate(s["counts"]) if n
        }  # fmt: skip
        assert got == right
        assert (answer["all"]["total"], answer["all"]["before"]) == (len(rows), len(past))
        assert {s["value"]: s["before"] for s in answer["series"] if s["before"]} == Counter(r["region"] for r in past)


def test_weeks_begin_on_mondays_and_the_change_is_a_share(counts):
    answer = counts.trends(Search(since=DAY0 + timedelta(days=9), until=DAY0 + timedelta(days=14)), "week")
    assert answer["buckets"] == [DAY0 + timedelta(days=7)]
    one = answer["all"]
    assert one["change"] == round((one["total"] - one["before"]) / one["before"], 4)
    assert counts.trends(Search(until=DAY0), "day")["all"] == {
        "value": None, "counts": [0] * 30, "total": 0, "before": 0, "change": None,
    }  # fmt: skip


def test_the_rest_of_a_facet_and_of_the_series_is_told(counts):
    facet = counts.facets(Search(equals={"language": ["ha"]}), ["language"], 1)["facets"]["language"]
    assert len(facet["values"]) == 2 if facet["values"][0]["value"] != "ha" else 1  # what is filtered on stays there
    assert sum(v["count"] for v in facet["values"]) + facet["other"]["count"] == ROWS
    series = counts.trends(Search(since=DAY0, until=DAY0 + timedelta(days=20)), "day", "channel", 1)["series"]
    assert (len(series), series[1]["other"], sum(s["total"] for s in series)) == (2, 2, ROWS)


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda c: c.facets(Search(), ["text"]), BadSearch),
        (lambda c: c.facets(Search(equals={"text": ["x"]})), BadFilter),
        (lambda c: c.facets(Search(equals={"cluster_id": ["1 OR 1=1"]})), BadFilter),
        (lambda c: c.facets(Search(equals={"customer_id": ["\n"]})), BadFilter),
        (lambda c: c.trends(Search(), "minute"), BadSearch),
        (lambda c: c.trends(Search(), "day", "vector"), BadSearch),
        (lambda c: c.trends(Search(since=DAY0, until=DAY0), "day"), BadSearch),
        (lambda c: c.trends(Search(since=datetime(1900, 1, 1, tzinfo=UTC)), "hour"), BadSearch),
    ],
)
def test_what_cannot_be_counted_is_refused(counts, ask, error):
    with pytest.raises(error):
        ask(counts)


def test_quotes_in_a_filter_are_a_value_and_no_sql(counts):
    assert counts.facets(Search(equals={"customer_id": ["c1' OR '1'='1"]}))["total"] == 0
    assert counts.facets(Search(equals={"region": ["O'Hare"]}))["total"] > 0


def test_breaks_of_the_taxonomy_are_those_within_the_times():
    found = [{"at": "2026-03-02T00:00:00+00:00", "to": "2"}, {"at": "2026-04-01T00:00:00Z"}, {"at": None}]
    assert breaks_within(found, DAY0, DAY0 + timedelta(days=3)) == [found[0]]


def same(left, right):
    names = {n: [left.values[n][c] for c in left.codes[n]] == [right.values[n][c] for c in right.codes[n]]
             for n in left.codes}  # fmt: skip
    return all(names.values()) and all(
        np.array_equal(getattr(left, n), getattr(right, n)) for n in ("row_ids", "times", "copies")
    )


def test_the_projection_follows_whatever_is_written(tmp_path):
    spec, uri = serving(384), str(tmp_path / "serving")
    table = Table(uri, spec.name, spec.key, spec.schema, spec.version, text_index="search_text")
    reader = open_reader(uri, spec.name)
    kept = Projection(reader)
    assert len(kept.newest().row_ids) == 0
    table.upsert(made(20, 1))
    assert len(kept.newest().row_ids) == 20
    table.upsert(made(10, 2, 20))
    table.upsert(made(20, 3), update=True)  # other values for the first 20
    assert same(kept.newest(), Projection(reader).newest())
    table.update(pa.table({"event_id": [f"{n:064x}" for n in range(5)], "category": ["new"] * 5}))
    assert same(kept.newest(), Projection(reader).newest())
    table.compact(0)
    newest = kept.newest()
    assert same(newest, Projection(reader).newest())
    assert [newest.values["category"][c] for c in newest.codes["category"]].count("new") == 5
    rows = at_version(reader, newest.version).search().with_row_id(True).select(["_rowid"]).limit(99).to_arrow()
    assert sorted(rows["_rowid"].to_pylist()) == newest.row_ids.tolist()


def test_only_new_fragments_are_read_again(tmp_path, monkeypatch):
    spec, uri = serving(384), str(tmp_path / "serving")
    table = Table(uri, spec.name, spec.key, spec.schema, spec.version, text_index="search_text")
    table.upsert(made(20, 1))
    kept = Projection(open_reader(uri, spec.name))
    kept.newest()
    asked = []
    read = Projection._fragments
    monkeypatch.setattr(Projection, "_fragments", lambda self, d, v, f: asked.append(len(f)) or read(self, d, v, f))
    table.upsert(made(5, 2, 20))
    kept.newest()
    kept.newest()
    assert asked == [1]

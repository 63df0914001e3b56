import hashlib
import hmac
import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pyarrow as pa
import pytest

from connectors.lance import Table, open_reader
from engine.saved import Saved, Standing, calibrated, deliver, watch
from engine.saved.book import Book
from engine.saved.standing import READS
from engine.store.filters import BadFilter
from engine.tables import serving

D = 8
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def unit(*places):
    vector = np.zeros(D, np.float32)
    vector[list(places)] = 1
    return (vector / np.linalg.norm(vector)).tolist()


def complaint(number, text="no network", vector=None, **more):
    return {
        "event_id": f"{number:064x}", "text": text, "search_text": text, "occurred_at": NOW, "received_at": NOW,
        "vector": vector or unit(0), **more,
    }  # fmt: skip


def table(*rows):
    return pa.Table.from_pylist(list(rows), schema=serving(D).schema)


def saved(search_id="s", query="network", mode="hybrid", equals=None, cutoff=0.7, vector=None, **more):
    values = {"name": search_id, "folded": False, "owner": "k"} | more
    return Saved(
        search_id, query=query, mode=mode, equals=equals or {}, cutoff=cutoff,
        vector=unit(0) if vector is None else vector, **values,
    )  # fmt: skip


def matched(rows, *searches):
    return [(m.search_id, m.row, m.score) for m in Standing(searches).match(rows)]


def test_what_is_near_enough_matches_with_its_cosine():
    rows = table(complaint(1), complaint(2, vector=unit(1)), complaint(3, vector=unit(0, 1)))
    assert matched(rows, saved(cutoff=0.7)) == [("s", 0, 1.0), ("s", 2, 0.7071)]
    assert matched(rows, saved(cutoff=0.8)) == [("s", 0, 1.0)]


@pytest.mark.parametrize(
    ("one", "hits"),
    [
        (saved(query="network +down"), [1]),
        (saved(query='"is down" network'), [1]),
        (saved(query="network -down"), [0, 2]),
        (saved(query='network -"is down"'), [0, 2]),
        (saved(query="down is", mode="text", vector=[]), [1]),
        (saved(query="", vector=[], equals={"region": ["Kano"]}), [2]),
        (saved(equals={"region": ["", "Lagos"]}), [0, 1]),
        (saved(equals={"cluster_id": ["-1"], "region": []}), [2]),
        (saved(folded=True), [0, 2]),
    ],
    ids=lambda v: f"{v.query} {dict(v.equals)}" if isinstance(v, Saved) else "",
)
def test_words_and_filters_decide_as_well(one, hits):
    rows = table(
        complaint(0, region="Lagos"), complaint(1, "Network is DOWN", duplicate_of="x"),
        complaint(2, region="Kano", cluster_id=-1),
    )  # fmt: skip
    assert [row for _, row, _ in matched(rows, one)] == hits


def test_rows_without_a_vector_or_of_another_length_match_no_meaning():
    rows = table(complaint(1)).set_column(READS.index("event_id"), "x", pa.array(["x"]))
    bare = table(complaint(1)).to_pylist()[0] | {"vector": None}
    assert matched(table(bare), saved()) == []
    assert matched(table(complaint(1)), saved(vector=[1.0, 0.0])) == []
    assert rows.num_rows == 1


def test_the_cut_off_is_above_what_is_unrelated():
    dice = np.random.default_rng(3)
    unrelated = np.zeros((1000, 2), np.float32)
    unrelated[:, 0] = 0.1 + 0.05 * dice.standard_normal(1000)
    cutoff = calibrated(np.array([1, 0], np.float32), unrelated)
    assert 0.22 < cutoff < 0.28  # .1 + 3 x .05
    assert calibrated(np.array([1, 0], np.float32), unrelated[:10]) == 0.35


def test_a_saved_search_is_stored_as_it_is():
    one = saved(equals={"region": ["Kano", ""]}, webhook="https://a", digest_s=60.0, vector=[0.5, -0.5], folded=True)
    assert Saved.of(one.row()) == one
    with pytest.raises(BadFilter):
        saved(equals={"text": ["x"]}).check()


@pytest.fixture
def store(tmp_path):
    spec, uri = serving(D), str(tmp_path / "serving")
    made = Table(uri, spec.name, spec.key, spec.schema, spec.version)
    return made, open_reader(uri, spec.name), Book(tmp_path / "saved" / "matches.sqlite")


def test_only_new_complaints_match_whatever_is_written_or_compacted(store):
    written, reader, book = store
    written.upsert(table(complaint(0)))
    assert watch.step(reader, [saved()], book, NOW) == 0  # what was there before is not new
    written.upsert(table(complaint(1), complaint(2, vector=unit(1))))
    assert watch.step(reader, [saved()], book, NOW) == 1
    written.update(pa.table({"event_id": [f"{n:064x}" for n in range(3)], "category": ["x"] * 3}))
    written.upsert(table(complaint(3), complaint(1)), update=True)
    written.compact(3600)
    assert watch.step(reader, [saved()], book, NOW) == 1
    assert watch.step(reader, [saved()], book, NOW) == 0
    assert [row["event_id"] for row in book.after(0)] == [f"{1:064x}", f"{3:064x}"]


def test_a_replay_gives_the_same_matches_as_the_stream(store):
    written, reader, book = store
    dice = np.random.default_rng(1)
    watch.step(reader, [], book, NOW)
    searches = [
        saved(f"s{n}", cutoff=0.3, vector=unit(n), equals={"region": ["Kano"]} if n % 2 else {}) for n in range(5)
    ]
    for first in range(0, 60, 20):
        vectors = dice.standard_normal((20, D))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        rows = [
            complaint(first + n, vector=v.tolist(), region="Kano" if n % 3 else None) for n, v in enumerate(vectors)
        ]
        written.upsert(table(*rows))
        watch.step(reader, searches, book, NOW)
    streamed = {(row["search_id"], row["event_id"], row["score"]) for row in book.after(0)}
    again = {(m.search_id, row["event_id"], m.score) for m, row in watch.replay(reader, reader.version, searches, None)}
    assert streamed == again and len(streamed) > 20


def test_a_crash_before_the_commit_finds_the_same_again_and_keeps_each_once(store):
    written, reader, book = store
    watch.step(reader, [saved()], book, NOW)
    before = book.cursor("seen")[0]
    written.upsert(table(complaint(1)))
    assert watch.step(reader, [saved()], book, NOW) == 1
    book.move("seen", before)
    assert watch.step(reader, [saved()], book, NOW) == 0
    assert len(book.after(0)) == 1


class Hook(BaseHTTPRequestHandler):
    calls, answers = [], []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.calls.append((dict(self.headers), body))
        self.send_response(self.answers.pop(0) if self.answers else 200)
        self.end_headers()

    def log_message(self, *given):
        pass


@pytest.fixture
def hook():
    Hook.calls, Hook.answers = [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/x"
    server.shutdown()


def match(number):
    return {"search_id": "s", "event_id": f"{number:064x}", "score": 0.5, "about": "{}", "matched_at": "t"}


def test_a_webhook_is_signed_repeated_with_its_key_and_digested(hook, tmp_path):
    book = Book(tmp_path / "m.sqlite")
    one = saved(webhook=hook, digest_s=100)
    book.put([match(1), match(2)], 1)
    Hook.answers = [500]
    assert deliver.to_webhooks(book, [one], b"key", 1000) == 0
    assert deliver.to_webhooks(book, [one], b"key", 1010) == 0  # not tried again at once
    assert deliver.to_webhooks(book, [one], b"key", 1031) == 1
    (first, body), (second, same) = Hook.calls
    assert body == same and first["Idempotency-Key"] == second["Idempotency-Key"] == "s:1-2"
    secret = hmac.new(b"key", b"saved-search:s", hashlib.sha256).hexdigest()
    right = hmac.new(secret.encode(), b"1031." + body, hashlib.sha256).hexdigest()
    assert second["Beejan-Signature"] == f"t=1031,v1={right}"
    assert [m["event_id"][-1] for m in json.loads(body)["matches"]] == ["1", "2"]
    book.put([match(3)], 2)
    assert deliver.to_webhooks(book, [one], b"key", 1100) == 0  # the digest is not due
    assert deliver.to_webhooks(book, [one], b"key", 1132) == 1
    assert deliver.to_webhooks(book, [one], b"key", 2000) == 0


def test_a_webhook_that_is_not_there_holds_up_no_other(hook, tmp_path):
    book = Book(tmp_path / "m.sqlite")
    book.put([match(1), match(1) | {"search_id": "dead"}], 1)
    dead = saved("dead", webhook="http://127.0.0.1:9/")
    assert deliver.to_webhooks(book, [dead, saved(webhook=hook)], b"key", 1000) == 1


def test_a_removed_search_has_no_matches_and_old_ones_are_forgotten(tmp_path):
    book = Book(tmp_path / "m.sqlite")
    book.put([match(n) for n in range(5)], 1)
    book.prune(2)
    assert [row["seq"] for row in book.newest("s", 10)] == [5, 4]
    book.remove("s")
    assert book.after(0) == [] and book.last() == 0

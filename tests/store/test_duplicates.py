from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pyarrow as pa
import pytest

from connectors.lance import Table
from engine import tables
from engine.settings import DuplicateSettings
from engine.store import rows
from engine.store.duplicates import Duplicates
from models import near_duplicates as near
from models.text import text_hash

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
LETTER = "I urge you to repair the mast at Ogba junction, which has been down for three weeks and leaves the whole street without calls"
OTHER = "my recharge of this morning was taken from the bank and never reached the line, please return the money"


def complaint(key, text, sender=None, hours=0.0, **more):
    at = START + timedelta(hours=hours)
    row = {
        "event_id": sha256(key.encode()).hexdigest(), "text": text, "text_hash": text_hash(text), "received_at": at,
        "occurred_at": at, "customer_id": sender, "source_key": key, "stream_seq": 1, "vector": [0.0] * 8,
    }  # fmt: skip
    return row | more


class Store:
    """Duplicates over a curated table, committed as the writer does it."""

    def __init__(self, folder, **settings):
        self.folder, self.settings = folder, DuplicateSettings(**settings)
        spec = tables.curated(8)
        self.table = Table(str(folder / "curated"), spec.name, spec.key, spec.schema, spec.version)
        self.index = self.opened()

    def opened(self):
        return Duplicates(self.table, self.settings, self.folder / "cache")

    def put(self, *complaints, replacing=False):
        batch = pa.Table.from_pylist(list(complaints), schema=self.table.schema)
        made = near.sketch(batch["text"].to_pylist())
        blobs = pa.array([row.tobytes() for row in made.signatures], pa.binary())
        batch = batch.set_column(batch.column_names.index("minhash"), "minhash", blobs)
        marked = self.index.mark(
            batch.append_column("shingles", pa.array([s.tobytes() for s in made.shingles], pa.binary())),
            replacing=replacing,
        )
        self.table.upsert(rows.conform(marked, self.table.schema), update=replacing)
        return self.verdicts(marked)

    def verdicts(self, table):
        names = {row["event_id"]: row["source_key"] for row in self.table.scan(["event_id", "source_key"]).to_pylist()}
        return {
            row["source_key"]: (
                names.get(row["duplicate_of"], row["duplicate_of"]),
                row["duplicate_kind"],
                names.get(row["repeat_of"], row["repeat_of"]),
            )
            for row in table.to_pylist()
        }

    def stored(self):
        return self.verdicts(self.table.scan(["event_id", "source_key", "duplicate_of", "duplicate_kind", "repeat_of"]))

    def restart(self):
        self.index.close()
        self.index = self.opened()


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


NONE = (None, None, None)


def test_the_first_is_the_head_and_copies_point_at_it(store):
    assert store.put(complaint("a", LETTER), complaint("b", OTHER), complaint("c", LETTER.upper() + "!!")) == {
        "a": NONE, "b": NONE, "c": ("a", "exact", None),
    }  # fmt: skip
    assert store.put(complaint("d", LETTER.replace("junction", "junctoin"))) == {"d": ("a", "near", None)}


def test_a_copy_of_a_copy_points_at_the_head(store):
    store.put(complaint("a", LETTER))
    store.put(complaint("b", LETTER + " I have written before, third time now"))
    assert store.put(complaint("c", LETTER + " I have written before, third time now"))["c"] == ("a", "near", None)


def test_the_same_sender_soon_is_a_resend_and_later_a_complaint_of_its_own(store):
    store.put(complaint("a", LETTER, "customer_1"))
    assert store.put(complaint("b", "Again: " + LETTER, "customer_1", hours=23)) == {"b": ("a", "resend", None)}
    assert store.put(complaint("c", LETTER, "customer_1", hours=23 + 25)) == {"c": (None, "repeat", "b")}
    assert store.put(complaint("d", LETTER, "customer_1", hours=23 + 26)) == {"d": ("a", "resend", None)}


def test_the_same_sender_in_other_words_repeats_the_complaint(store):
    store.put(complaint("a", LETTER, "customer_1"), complaint("x", OTHER, "customer_1"))
    words = "the mast at Ogba junction has been down for three weeks now and you do nothing, when will somebody come to repair it"
    assert store.put(complaint("b", words, "customer_1", hours=30)) == {"b": (None, "repeat", "a")}
    assert store.put(complaint("c", words, "customer_2", hours=31)) == {"c": ("b", "exact", None)}


def test_a_text_of_three_senders_is_a_template(store):
    store.put(complaint("a", LETTER, "customer_1"))
    assert store.put(complaint("b", LETTER, "customer_2", hours=30))["b"] == ("a", "exact", None)
    assert store.put(complaint("c", LETTER, "customer_3", hours=60))["c"] == ("a", "template", None)
    assert store.put(complaint("d", LETTER, "customer_2", hours=90))["d"] == (None, "repeat", "b")


def test_a_short_text_of_many_senders_is_no_template(store):
    store.put(*(complaint(str(n), "data cap", f"customer_{n}", hours=n) for n in range(5)))
    assert {kind for _, kind, _ in store.stored().values()} == {None, "exact"}


def test_a_word_or_two_in_common_make_no_copy(store):
    found = store.put(
        *(
            complaint(text, text)
            for text in (
                "comcast",
                "data cap",
                "comcast data cap",
                "data caps",
                "comcast internet",
                "comcast internet service",
            )
        )
    )
    assert set(found.values()) == {NONE}


@pytest.mark.parametrize(
    "text",
    ["RT @newsdesk: " + LETTER, LETTER + " via @newsdesk", "Fwd: " + LETTER, f"so true “<HANDLE_12ab>: {LETTER}”"],
)
def test_what_is_passed_on_is_a_repost(store, text):
    store.put(complaint("a", LETTER, "customer_1"))
    assert store.put(complaint("b", text, "customer_2"))["b"] == ("a", "repost", None)


def test_a_masked_number_in_both_texts_tells_the_sender(store):
    store.put(complaint("a", LETTER + " call <PHONE_a91c>"))
    assert store.put(complaint("b", LETTER + " call <PHONE_a91c>", hours=1))["b"] == ("a", "resend", None)
    assert store.put(complaint("c", LETTER + " call <PHONE_77aa>", hours=2))["c"] == ("a", "exact", None)


def test_a_redelivered_row_gets_the_same_verdict(store):
    first, second = complaint("a", LETTER, "customer_1"), complaint("b", LETTER, "customer_1", hours=1)
    store.put(first, second)
    again = {"a": NONE, "b": ("a", "resend", None)}
    assert store.put(second, first) == again
    store.restart()
    assert store.put(second, complaint("c", LETTER, "customer_9", hours=2), first) == again | {
        "c": ("a", "exact", None)
    }


def test_a_commit_that_failed_is_forgotten(store):
    batch = pa.Table.from_pylist([complaint("lost", LETTER)], schema=store.table.schema)
    store.index.mark(batch)
    store.index.doubt()
    assert store.put(complaint("a", LETTER), complaint("b", LETTER)) == {"a": NONE, "b": ("a", "exact", None)}


def test_without_its_cache_texts_are_read_from_the_table(store, tmp_path):
    store.put(complaint("a", LETTER))
    store.index.close()
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(b"torn")
    store.index = store.opened()
    assert store.put(complaint("b", LETTER + " please"))["b"] == ("a", "near", None)


def test_rows_of_an_older_version_get_their_signature_at_the_start(store):
    spec = store.table.schema
    store.table.upsert(pa.Table.from_pylist([complaint("old", LETTER)], schema=spec))
    store.restart()
    assert store.put(complaint("b", LETTER + " please"))["b"] == ("old", "near", None)


def test_after_the_window_a_text_has_a_new_head(tmp_path):
    store = Store(tmp_path, window_s=86_400)
    store.put(complaint("a", LETTER), complaint("b", LETTER, hours=23))
    store.put(complaint("x", OTHER, hours=25))
    assert store.put(*(complaint(str(n), f"{n} {OTHER}", hours=26) for n in range(1100)))
    assert store.put(complaint("c", LETTER, hours=27))["c"] == NONE


def test_a_replay_leaves_heads_and_pointers_where_they_are(store):
    store.put(complaint("a", LETTER), complaint("b", LETTER), complaint("x", OTHER))
    masked = LETTER.replace("Ogba junction", "<ADDRESS_12ab>")
    assert store.put(complaint("a", masked), complaint("b", masked), replacing=True) == {
        "a": NONE,
        "b": ("a", "exact", None),
    }
    # No copy any more: it stands alone, and is found as itself.
    assert store.put(complaint("b", OTHER + " or else I go to the regulator"), replacing=True) == {"b": NONE}
    assert store.put(complaint("c", masked))["c"] == ("a", "exact", None)


def test_a_copy_of_an_older_version_gets_its_kind_in_a_replay(store):
    head = complaint("a", LETTER)
    copy = complaint("b", LETTER, duplicate_of=head["event_id"])
    store.table.upsert(pa.Table.from_pylist([head, copy], schema=store.table.schema))
    store.restart()
    assert store.put(head, copy, replacing=True) == {"a": NONE, "b": ("a", "exact", None)}


def many():
    import random

    from engine.simulate.generate import generate

    made = generate(900, seed=3, start=START, end=START + timedelta(days=9))
    random.Random(1).shuffle(made)
    return [
        complaint(one.source_key, one.fields["text"], one.fields.get("customer_id"), hours=n / 10)
        for n, one in enumerate(made)
    ]


@pytest.mark.parametrize("sizes", [(1, 2, 3, 50), (400,), (1024, 7)])
def test_the_same_order_gives_the_same_verdicts_however_batched(tmp_path, sizes):
    whole, split = Store(tmp_path / "whole"), Store(tmp_path / "split")
    complaints = many()
    whole.put(*complaints)
    at = turn = 0
    while at < len(complaints):
        size = sizes[turn % len(sizes)]
        split.put(*complaints[at : at + size])
        at, turn = at + size, turn + 1
        if turn == 5:
            split.restart()
    assert split.stored() == whole.stored()
    assert sum(verdict != NONE for verdict in whole.stored().values()) > 30


def test_every_pointer_leads_to_a_head(store):
    for start in range(0, 900, 90):
        store.put(*many()[start : start + 90])
    verdicts = store.stored()
    assert all(verdicts[head][0] is None for head, _, _ in verdicts.values() if head)

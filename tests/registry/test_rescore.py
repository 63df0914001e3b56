import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.lance import open_reader
from engine.intake.envelope import Envelope, to_table
from engine.registry import rescore
from engine.registry.rescore import Rescore, folder_for, score
from engine.settings import ROOT, Settings
from engine.stages.pipeline import process
from engine.store.writer import Writer
from models.classify import Prediction
from tests.conftest import NOW

LATER = datetime(2026, 3, 3, tzinfo=UTC)


class Fixed:
    """Says the same of every complaint, and fails on some."""

    def __init__(self, leaf):
        self.leaf = leaf

    def predict(self, texts, vectors):
        assert vectors.shape == (len(texts), 384)
        if any("poison" in text for text in texts):
            raise RuntimeError("poison")
        return [Prediction(self.leaf.partition(".")[0], self.leaf, 0.9, 0.5, ["like 'x'"]) for _ in texts]


def envelope(text, key):
    return Envelope("sms", "test", key, text.encode(), "text/plain", NOW)


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path)


@pytest.fixture
def writer(settings):
    writer = Writer(settings)
    yield writer
    writer.close()


@pytest.fixture
def newer(context):
    return replace(context, classifier=Fixed("billing.refund"), classifier_version="complaints/1", now=LATER)


def store(writer, context, count, text="no network in Ikeja since morning", first=0):
    sent = [envelope(f"{text} {n}", str(n)) for n in range(first, first + count)]
    writer.commit(process(to_table([(e.event_id, e, n) for n, e in enumerate(sent, 1)]), context))


def complaints(settings):
    return open_reader(f"{settings.zones_uri}/serving", "complaints")


def rows(settings):
    return complaints(settings).search().limit(10_000).to_list()


def job(settings, context, put, work=None):
    plain = work or (lambda parts: (score(part, context) for part in parts))
    return Rescore(complaints(settings), folder_for(settings.data_dir), context, plain, put)


def test_every_complaint_gets_the_new_version_and_the_counts_follow(writer, settings, context, newer):
    store(writer, context, 5)
    before = rows(settings)
    done = job(settings, newer, writer.rescore).run()

    assert (done.due, done.scored, done.visible) == (0, 0, 5)
    after = rows(settings)
    assert {(r["category"], r["subcategory"], r["classifier_version"]) for r in after} == {
        ("billing", "billing.refund", "complaints/1")
    }
    assert {tuple(r["vector"][:3]) for r in after} == {tuple(r["vector"][:3]) for r in before}
    volumes = open_reader(f"{settings.zones_uri}/serving", "volumes").search().limit(999).to_list()
    counts = {row["segment"]: row["count"] for row in volumes}
    assert counts["category=billing"] == 5
    assert counts[f"category={before[0]['category']}"] == (5 if before[0]["category"] == "billing" else 0)
    assert list(folder_for(settings.data_dir).glob("*")) == []


def test_done_again_it_writes_nothing(writer, settings, context, newer):
    store(writer, context, 3)
    job(settings, newer, writer.rescore).run()
    version = complaints(settings).version
    assert job(settings, newer, writer.rescore).run().visible == 0
    assert complaints(settings).version == version


def test_nothing_is_visible_before_everything_is_scored(writer, settings, context, newer, monkeypatch):
    monkeypatch.setattr(rescore, "_ROWS", 2)
    store(writer, context, 6)
    seen = []

    def work(parts):
        for part in parts:
            yield score(part, newer)
            seen.append({row["classifier_version"] for row in rows(settings)})

    job(settings, newer, writer.rescore, work).run()
    assert len(seen) >= 3
    assert all(versions == {"zero-shot/1"} for versions in seen)


def test_cut_off_it_goes_on_with_what_is_left(writer, settings, context, newer, monkeypatch):
    monkeypatch.setattr(rescore, "_ROWS", 2)
    store(writer, context, 6)
    scored = []

    def dying(parts):
        for number, part in enumerate(parts):
            if number == 2:
                raise RuntimeError("killed")
            yield score(part, newer)

    def counting(parts):
        for part in parts:
            scored.append(part.num_rows)
            yield score(part, newer)

    with pytest.raises(RuntimeError):
        job(settings, newer, writer.rescore, dying).run()
    assert {row["classifier_version"] for row in rows(settings)} == {"zero-shot/1"}
    assert job(settings, newer, writer.rescore, counting).run().visible == 6
    assert sum(scored) == 2


def test_complaints_that_come_in_meanwhile_are_scored_too(writer, settings, context, newer):
    store(writer, context, 3)
    late = []

    def work(parts):
        for part in parts:
            if not late:
                late.append(1)
                store(writer, context, 2, "wrong bill", first=100)
            yield score(part, newer)

    assert job(settings, newer, writer.rescore, work).run().visible == 5
    assert {row["classifier_version"] for row in rows(settings)} == {"complaints/1"}


def test_a_complaint_that_a_stage_fails_on_stays_as_it_is(writer, settings, context, newer):
    store(writer, context, 2)
    store(writer, context, 1, "poison in the line", first=50)
    task = job(settings, newer, writer.rescore)
    done = task.run()

    assert (done.visible, done.failing, task.due()) == (2, 1, 0)
    left = [row for row in rows(settings) if row["classifier_version"] == "zero-shot/1"]
    assert len(left) == 1
    assert "poison" in left[0]["text"]


def test_scores_for_a_version_that_is_no_longer_wanted_are_dropped(writer, settings, context, newer):
    store(writer, context, 3)

    def full(made):
        raise RuntimeError("cut off before they were visible")

    with pytest.raises(RuntimeError):
        job(settings, newer, full).run()
    assert len(list(folder_for(settings.data_dir).glob("*/*.parquet"))) == 1
    other = replace(newer, classifier=Fixed("network.slow"), classifier_version="complaints/2")
    job(settings, other, writer.rescore).run()
    assert {row["subcategory"] for row in rows(settings)} == {"network.slow"}
    assert list(folder_for(settings.data_dir).glob("*")) == []


_KILLED = """
import pickle, sys, time
from pathlib import Path
from engine.registry import rescore
from engine.store.writer import Writer
from tests.registry.test_rescore import complaints
settings, context = pickle.loads(Path(sys.argv[1]).read_bytes())
rescore._ROWS = 20
def slowly(parts):
    for part in parts:
        time.sleep(0.05)
        yield rescore.score(part, context)
writer = Writer(settings)
folder = rescore.folder_for(settings.data_dir)
rescore.Rescore(complaints(settings), folder, context, slowly, writer.rescore).run()
"""


def test_killed_at_any_moment_it_goes_on(settings, context, newer, tmp_path):
    writer = Writer(settings)
    store(writer, context, 200)
    writer.close()
    given = tmp_path / "given"
    given.write_bytes(pickle.dumps((settings, newer)))
    running = subprocess.Popen([sys.executable, "-c", _KILLED, str(given)], cwd=ROOT)
    while len(list(folder_for(settings.data_dir).glob("*/*.parquet"))) < 3:
        assert running.poll() is None
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert {row["classifier_version"] for row in rows(settings)} == {"zero-shot/1"}
    writer = Writer(settings)
    done = job(settings, newer, writer.rescore).run()
    writer.close()
    assert done.visible == 200
    assert {row["classifier_version"] for row in rows(settings)} == {"complaints/1"}

from dataclasses import replace

import pytest

from engine.registry import tend
from engine.registry.aliases import decide
from engine.registry.tend import Tender
from engine.settings import Settings


class Rows:
    due = 0

    def count_rows(self, where):
        assert "complaints/1" in where or "zero-shot/1" in where
        return self.due


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A tender whose actor is a list of what was asked of it."""
    settings = Settings(data_dir=tmp_path)
    made = Tender(settings, lambda: made.version)
    made.version, made.rows, made.asked = "zero-shot/1", Rows(), []
    monkeypatch.setattr(tend.job, "complaints_of", lambda _: made.rows)
    monkeypatch.setattr(tend.job, "kick", lambda _: made.asked.append("kick"))
    monkeypatch.setattr(tend.job, "end", lambda: made.asked.append("end"))
    made.change = lambda **to: decide(tmp_path, "complaints", "promote", lambda a: replace(a, **to))
    return made


def test_nothing_is_started_where_nothing_is_due(shop):
    shop.look()
    assert shop.asked == []


def test_complaints_of_another_version_are_scored_once_the_stream_has_taken_the_champion_over(shop):
    shop.change(champion="1")
    shop.rows.due = 5
    shop.look()
    assert shop.asked == []  # rows that the stream still writes would be due again
    shop.version = "complaints/1"
    shop.look()
    assert shop.asked == ["kick"]


def test_a_champion_that_is_of_no_use_has_nothing_scored_by_another(shop):
    shop.change(champion="1")
    shop.rows.due = 100
    shop.version = "zero-shot/1"
    shop.look()
    assert shop.asked == []


def test_complaints_that_a_stage_fails_on_are_not_tried_for_ever(shop):
    shop.rows.due = 2
    shop._failing = ("zero-shot/1", 2)
    shop.look()
    assert shop.asked == []
    shop.rows.due = 3
    shop.look()
    assert shop.asked == ["kick"]


def test_a_challenger_is_tried(shop):
    shop.change(challenger="1")
    shop.look()
    assert shop.asked == ["kick"]


def test_the_actor_is_let_go_of_after_a_while(shop, monkeypatch):
    shop.rows.due = 1
    shop.look()
    shop._running, shop.rows.due = None, 0
    shop.look()
    assert shop.asked == ["kick"]
    monkeypatch.setattr(tend, "_LET_GO_S", -1.0)
    shop.look()
    shop.look()
    assert shop.asked == ["kick", "end"]

from datetime import UTC, datetime

from engine.registry.history import by_day


def row(day, confidence, leaf):
    return {
        "received_at": datetime(2026, 1, day, 12, tzinfo=UTC), "confidence": confidence, "category_reasons": [],
        "subcategory": leaf,
    }  # fmt: skip


def test_days_are_in_order_with_their_own_confidence_and_how_far_their_mix_moved():
    rows = [row(2, 0.5, "b.y"), row(1, 0.9, "a.x"), row(1, 0.7, "a.x"), row(2, None, "b.y")]
    first, second = by_day(rows)
    assert (first["day"], first["of"], first["confidence"]) == ("2026-01-01", 2, 0.8)
    assert (second["day"], second["confidence"]) == ("2026-01-02", 0.25)
    assert first["moved"] > 0
    assert by_day([row(1, 0.9, "a.x"), row(2, 0.9, "a.x")])[0]["moved"] == 0

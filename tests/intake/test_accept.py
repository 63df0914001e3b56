from datetime import UTC, datetime

from engine.intake.accept import envelope, problems

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_shape_problems_name_the_field():
    assert problems({"text": "x"}) == []
    assert problems("x")[0][1].startswith("expected a JSON object, got str")
    assert [f for f, _ in problems({"channel": "fax", "source": ""})] == ["text", "channel", "source"]
    assert [f for f, _ in problems({"text": 3})] == ["text"]


def test_an_id_makes_sending_again_the_same_event():
    record = {"id": "7", "text": "x", "b": 1, "a": 2}
    again = {"a": 2, "b": 1, "text": "x", "id": "7"}
    assert envelope(record, NOW).event_id == envelope(again, NOW).event_id


def test_without_an_id_two_posts_are_two_complaints_unless_a_key_is_given():
    record = {"text": "x"}
    assert envelope(record, NOW).event_id != envelope(record, NOW).event_id
    assert envelope(record, NOW, key="k").event_id == envelope(record, NOW, key="k").event_id


def test_channel_and_source_come_from_the_record_first():
    made = envelope({"text": "x", "channel": "sms", "source": "gw", "source_key": "9"}, NOW)
    assert (made.channel, made.source, made.source_key) == ("sms", "gw", "9")
    assert b"channel" not in made.payload


def test_lone_surrogates_are_replaced():
    assert envelope({"text": "a\ud800"}, NOW).payload == b'{"text":"a?"}'

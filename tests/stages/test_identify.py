from engine.intake.envelope import Envelope, to_table
from engine.stages.pipeline import clean
from models.pseudonym import identifier
from tests.conftest import NOW


def identifiers(context, body, channel="sms"):
    import json

    one = Envelope(channel, "test", "1", json.dumps(body).encode(), "application/json", NOW)
    cleaned = clean(to_table([(one.event_id, one, 1)]), context)
    assert "own_identifiers" not in cleaned.column_names
    return cleaned["identifiers"][0].as_py()


def test_fields_and_own_numbers_of_the_text_are_identifiers(context):
    key = context.pseudonym_key
    found = identifiers(
        context,
        {"text": "No network since May. Call me on +234 803 123 4567", "customer_id": "C1", "email": "A.Obi@gmail.com"},
    )
    assert found == sorted(
        [
            identifier(key, "C1", "customer"),
            identifier(key, "aobi@gmail.com", "email"),
            identifier(key, "08031234567", "phone"),
        ]
    )


def test_the_same_number_in_field_and_text_stands_once(context):
    found = identifiers(context, {"text": "bad network, my number is 0803 123 4567", "phone": "+2348031234567"})
    assert found == [identifier(context.pseudonym_key, "08031234567", "phone")]


def test_a_social_author_is_a_handle_and_no_customer(context):
    found = identifiers(context, {"text": "no network here", "customer_id": "@ada"}, "social")
    assert found == [identifier(context.pseudonym_key, "ada", "handle")]


def test_a_complaint_that_tells_nothing_has_none(context):
    assert identifiers(context, {"text": "your hot line 08031234567 never answers", "phone": " - "}) == []

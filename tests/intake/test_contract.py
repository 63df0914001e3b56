import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mapping import Mapping
from engine.intake.contract import Reader, reader_of

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
POLICIES = ("evolve", "freeze", "discard_row", "discard_value")


def read(mapping, record):
    return Reader(Mapping.model_validate(mapping)).read(record, NOW)


def test_columns_become_fields_and_only_the_names_of_the_rest_are_noted():
    mapping = {"fields": {"text": ["title", "body"], "region": "State"}, "constants": {"product": "cable"}}
    taken = read(mapping, {"title": " No signal ", "body": "since May", "State": "Ohio", "City": "Akron", "Zip": ""})
    assert taken.fields == {"text": "No signal\nsince May", "region": "Ohio", "product": "cable"}
    assert (taken.unknown, taken.kept, taken.refusal) == (("City", "Zip"), {}, None)


def test_an_empty_cell_is_no_field():
    assert read({"fields": {"text": "body"}}, {"body": "  "}).fields == {}


def test_the_first_candidate_with_a_value_is_taken_and_mapped():
    mapping = {"fields": {"text": "t", "region": {"from": ["a", "b"], "values": {"NG-LA": "Lagos"}}}}
    assert read(mapping, {"t": "x", "a": " ", "b": "NG-LA"}).fields["region"] == "Lagos"


@pytest.mark.parametrize(
    ("policy", "region", "flags", "out"),
    [
        ("evolve", "Mars", [], None),
        ("freeze", "Mars", [], "freeze"),
        ("discard_row", "Mars", [], "discard_row"),
        ("discard_value", None, ["discarded:region"], None),
    ],
)
def test_a_value_outside_its_bounds(policy, region, flags, out):
    mapping = {
        "fields": {"text": "t", "region": {"from": "r", "one_of": ["Lagos", "Kano"]}},
        "contract": {"bad": policy},
    }
    taken = read(mapping, {"t": "x", "r": "Mars"})
    assert (taken.fields.get("region"), taken.flags) == (region, flags)
    assert (taken.refusal.policy if taken.refusal else None) == out
    assert taken.findings[0].message == "field region: text of 4 characters; expected one of Lagos, Kano"


@pytest.mark.parametrize("policy", POLICIES)
def test_an_unknown_column(policy):
    taken = read({"fields": {"text": "t"}, "contract": {"unknown": policy}}, {"t": "x", "new": "1"})
    assert taken.unknown == ("new",)
    assert (taken.refusal.code if taken.refusal else None) == (
        "unknown_field" if policy in ("freeze", "discard_row") else None
    )
    assert taken.flags == (["discarded:unknown_field"] if policy == "discard_value" else [])


@pytest.mark.parametrize("policy", POLICIES)
def test_a_missing_column(policy):
    taken = read({"fields": {"text": "t", "region": {"from": "r", "if_missing": policy}}}, {"t": "x"})
    assert (taken.refusal.code if taken.refusal else None) == (
        "missing_field" if policy in ("freeze", "discard_row") else None
    )
    assert taken.flags == (["discarded:region"] if policy == "discard_value" else [])


def test_a_complaint_without_words_is_never_taken():
    mapping = {
        "fields": {"text": {"from": "t", "max_length": 3}},
        "contract": {"bad": "discard_value", "missing": "evolve"},
    }
    assert read(mapping, {"t": ""}).refusal.code == "empty_text"
    assert read(mapping, {"t": "four"}).refusal.code == "bad_value"


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [
        ({"type": "integer", "min": 1, "max": 5}, "5", 5),
        ({"type": "integer", "max": 5}, "6", None),
        ({"type": "integer"}, "1,234", 1234),
        ({"type": "integer"}, "5.5", None),
        ({"type": "number"}, "-2.5e3", -2500.0),
        ({"type": "number"}, "1e999", None),
        ({"type": "boolean"}, "Yes", True),
        ({"type": "boolean"}, "maybe", None),
        ({"type": "date", "formats": "%d/%m/%Y"}, "04/05/2025", "2025-05-04"),
        ({"type": "date", "formats": "%d/%m/%Y"}, "2025-05-04", None),
        ({"type": "time", "timezone": "Africa/Lagos"}, "2026-03-01 10:00", "2026-03-01T09:00:00+00:00"),
        ({"type": "time", "max": "2026-01-01"}, "2026-03-01", None),
        ({"type": "phone", "country": "NG"}, "0803 123 4567", "<PHONE>"),
        ({"type": "phone"}, "0803 123 4567", None),
        ({"type": "email"}, "a@b", None),
        ({"pattern": "[A-Z]{2}"}, "NG", "NG"),
        ({"pattern": "[A-Z]{2}"}, "NGA", None),
        ({}, "call 08031234567", "call <PHONE>"),
    ],
)
def test_types_of_kept_values(column, value, kept):
    mapping = {"fields": {"text": "t"}, "keep": {"k": column}, "contract": {"bad": "discard_value"}}
    assert read(mapping, {"t": "x", "k": value}).kept == ({} if kept is None else {"k": kept})


def test_a_phone_becomes_one_form():
    mapping = {"fields": {"text": "t", "phone": {"from": "p", "type": "phone", "country": "NG"}}}
    assert read(mapping, {"t": "x", "p": "0803 123 4567"}).fields["phone"] == "+2348031234567"


def test_a_checked_time_travels_in_utc():
    mapping = {
        "fields": {"text": "t", "occurred_at": {"from": "d", "formats": "%d/%m/%Y", "if_bad": "discard_value"}},
        "timezone": "Africa/Lagos",
    }
    rules = json.loads(read(mapping, {"t": "x", "d": "04/05/2025"}).fields["occurred_at"])
    assert (rules["value"], rules["formats"]) == ("2025-05-03T23:00:00+00:00", [])
    assert read(mapping, {"t": "x", "d": "soon"}).flags == ["discarded:occurred_at"]


def test_messages_and_names_hold_no_personal_data():
    mapping = {"fields": {"text": "t", "region": {"from": "r", "one_of": ["Lagos"]}}}
    taken = read(mapping, {"t": "x", "r": "08031234567", "call 08031234567": "y"})
    assert not any("0803" in f.message + f.field for f in taken.findings)
    assert taken.unknown == ("call <PHONE>",)


def test_what_is_no_mapping_has_no_reader():
    assert reader_of("{broken") is None


columns = st.fixed_dictionaries(
    {"from": st.sampled_from(["a", "b", "c"]), "type": st.sampled_from(["text", "integer", "number", "boolean", "phone"])},
    optional={
        "required": st.booleans(), "if_missing": st.sampled_from(POLICIES), "if_bad": st.sampled_from(POLICIES),
        "max_length": st.integers(1, 5), "pattern": st.sampled_from(["[a-z]+", "(a+)+b", ".*"]),
    },
)  # fmt: skip
mappings = st.fixed_dictionaries(
    {
        "fields": st.fixed_dictionaries(
            {"text": columns},
            optional={"region": columns, "occurred_at": st.fixed_dictionaries({"from": st.sampled_from("abc")})},
        ),
        "contract": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("unknown", "missing", "bad"), st.sampled_from(POLICIES))
        ),
    },
    optional={"keep": st.dictionaries(st.sampled_from(["d", "e"]), columns), "ignore": st.lists(st.sampled_from("fg"))},
)


@given(mappings, st.dictionaries(st.sampled_from("abcdefgh") | st.text(max_size=8), st.text(max_size=12)))
def test_any_record_under_any_contract_is_taken_flagged_or_refused(mapping, record):
    whole = Mapping.model_validate(mapping)
    taken = Reader(whole).read(record, NOW)
    assert all(isinstance(value, str) and value for value in taken.fields.values())
    out = [f for f in taken.findings if f.policy in ("freeze", "discard_row")]
    assert (taken.refusal in out) if out else taken.refusal is None
    assert taken.refusal or taken.fields.get("text")
    dropped = {f.field for f in taken.findings if f.policy == "discard_value" and f.rule != "unknown"}
    assert {f"discarded:{name}" for name in dropped} == set(taken.flags) - {"discarded:unknown_field"}
    plain = {name for name in record if name.isascii() and name.isalpha()}
    assert plain - whole.columns() <= set(taken.unknown)

from datetime import timedelta

import pyarrow as pa
import pytest

from engine.intake.envelope import CHANNELS
from engine.quality.rows import broken
from engine.quality.rules import Rules, load_rules
from engine.settings import BadConfig, Settings
from engine.stages.quality import judge, note_encoding
from engine.tables import STRINGS, TIME
from tests.conftest import NOW

ROW = {
    "text": "No network since morning", "language": "eng", "language_confidence": 0.9, "occurred_at": NOW, "received_at": NOW,
    "field_occurred_at": "{}", "customer_id": "customer_1", "account_id": None, "region": "Lagos", "product": None,
    "channel": "sms", "source": "gw", "contract_flags": [], "encoding": "clean",
}  # fmt: skip
TYPES = {"occurred_at": TIME, "received_at": TIME, "contract_flags": STRINGS, "language_confidence": pa.float32()}


def rows(*changes):
    whole = [ROW | change for change in changes]
    return pa.table({n: pa.array([r[n] for r in whole], TYPES.get(n, pa.string())) for n in ROW})


def rules(**given):
    return Rules.model_validate({"version": "1", "rows": given}).rows


def breaks(rule, *changes):
    (one,) = rules(probe=rule).values()
    return broken(one, rows(*changes)).tolist()


def test_present():
    assert breaks({"check": "present", "column": "customer_id"}, {}, {"customer_id": None}) == [False, True]
    assert breaks({"check": "present", "column": "time_given"}, {}, {"field_occurred_at": None}) == [False, True]


def test_values():
    one_of = {"check": "values", "column": "region", "any_of": ["Lagos", "Kano"]}
    none_of = {"check": "values", "column": "language", "none_of": ["und"]}
    assert breaks(one_of, {}, {"region": "Paris"}, {"region": None}) == [False, True, False]
    assert breaks(none_of, {}, {"language": "und"}, {"language": None}) == [False, True, False]


def test_lengths_count_letters_of_every_script_or_characters():
    letters = {"check": "length", "count": "letters", "least": 4}
    texts = ["ok!", "1234567 ab", "نعم جيد", "ọ́kọ́", "नमस्ते"]
    assert breaks(letters, *[{"text": t} for t in texts]) == [True, True, False, True, False]
    assert breaks({"check": "length", "least": 2, "most": 3}, {"text": "a"}, {"text": "éé"}, {"text": "😀😀😀😀"}) == [
        True,
        False,
        True,
    ]


def test_patterns_take_linear_time_and_pass_what_is_not_there():
    bomb = {"check": "pattern", "column": "text", "matches": "^(a+)+$"}
    assert breaks(bomb, {"text": "a" * 100_000 + "!"}, {"text": "aaa"}) == [True, False]
    lacks = {"check": "pattern", "column": "text", "lacks": "(?i)test message"}
    assert breaks(lacks, {"text": "a TEST message"}, {}) == [True, False]
    assert breaks({"check": "pattern", "column": "product", "matches": "x"}, {"product": None}) == [False]


def test_numbers():
    rule = {"check": "number", "column": "language_confidence", "least": 0.5}
    assert breaks(rule, {}, {"language_confidence": 0.25}, {"language_confidence": None}) == [False, True, False]


def test_times_are_held_against_the_receipt():
    rule = {"check": "age", "most_s": 3600, "ahead_s": 300}
    seconds = [0, -3600, -3601, 300, 301]
    assert breaks(rule, *[{"occurred_at": NOW + timedelta(seconds=s)} for s in seconds]) == [
        False,
        False,
        True,
        False,
        True,
    ]


def test_a_rule_is_for_its_channels_alone():
    rule = {"check": "present", "column": "customer_id", "channels": ["call_center"]}
    assert breaks(rule, {"customer_id": None}, {"customer_id": None, "channel": "call_center"}) == [False, True]


def test_flags_are_in_the_order_of_the_rules_and_the_contract_names_its_fields():
    found = judge(
        rows({}, {"contract_flags": ["discarded:region"], "customer_id": None, "text": "no", "language": "und", "field_occurred_at": None}),
        load_rules(Settings()).rows,
    )  # fmt: skip
    assert found.columns["quality_flags"] == [
        [], ["discarded:region", "very_short", "language_unknown", "no_time_given", "no_customer"],
    ]  # fmt: skip
    assert found.rejects == {}


def test_a_row_is_quarantined_under_the_first_rule_and_the_message_has_no_value():
    given = rules(
        short={"check": "length", "least": 3},
        lagos={"check": "values", "column": "region", "any_of": ["Lagos"], "action": "quarantine"},
        known={"check": "present", "column": "customer_id", "action": "quarantine"},
    )
    found = judge(rows({}, {"region": "call 08031234567", "customer_id": None}, {"customer_id": None}), given)
    assert {row: reject.code for row, reject in found.rejects.items()} == {1: "lagos", 2: "known"}
    assert "0803" not in found.rejects[1].message
    assert "region fails its check values" in found.rejects[1].message


def test_every_kind_passes_an_empty_batch():
    for rule in load_rules(Settings()).rows.values():
        assert broken(rule, rows()).tolist() == []


def encoded(context, *texts):
    ways = note_encoding(pa.table({"raw_text": list(texts)}), context).columns["encoding"]
    flags = judge(rows(*[{"encoding": way} for way in ways]), load_rules(Settings()).rows).columns["quality_flags"]
    return [set(found) for found in flags]


def test_what_came_in_a_wrong_encoding_is_flagged(context):
    texts = [
        "No network here",
        "Réseau coupé depuis 3 jours",
        "RÃ©seau coupÃ© depuis 3 jours",
        "R�seau coup�",
        "Ẹ jọ̀ọ́, ẹ ràn mí lọ́wọ́",
    ]
    assert encoded(context, *texts) == [set(), set(), {"encoding_repaired"}, {"encoding_lost"}, set()]


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("rows: {x1: {check: present, column: text, colour: red}}", "rows.x1.colour: no such key"),
        ("rows: {x1: {check: present, column: payload}}", "rows.x1.column: Input should be 'text'"),
        ("rows: {x1: {check: sniff}}", "rows.x1: Input tag 'sniff'"),
        ("rows: {x1: {check: pattern, column: text, matches: '(('}}", "rows.x1: not a regular expression"),
        ("rows: {x1: {check: length}}", "rows.x1: expected least, most or both"),
        ("rows: {x1: {check: present, column: text, channels: [fax]}}", "rows.x1.channels.0: no such channel; there are social"),
        ("rows: {Bad-Name: {check: contract}}", "rows.Bad-Name"),
        ("batches: {x1: {check: flagged, flag: nobody, most: 0.5}}", "batches.x1.flag: no rule of rows is called 'nobody'"),
        ("batches: {x1: {check: drift, column: language, most: 3}}", "batches.x1.most: Input should be less than 1 (got 3)"),
        ("batches: {x1: {check: freshness}}", "batches.x1: expected missed, most_age_s or both"),
        ("- 1", "valid dictionary"),
        ("a: [", "cannot be read"),
    ],
)  # fmt: skip
def test_a_wrong_file_names_rule_and_key(tmp_path, yaml, says):
    path = tmp_path / "quality.yaml"
    path.write_text(yaml if yaml[0] in "-a" else f"version: '1'\n{yaml}\n")
    with pytest.raises(BadConfig) as error:
        load_rules(Settings(quality={"rules": str(path)}))
    assert says in str(error.value)
    assert str(path) in str(error.value)


def test_the_shipped_rules_are_for_all_channels():
    shipped = load_rules(Settings())
    assert {rule.channels for rule in (*shipped.rows.values(), *shipped.batches.values())} == {CHANNELS}

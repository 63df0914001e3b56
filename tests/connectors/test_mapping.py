import pytest

from connectors.errors import BadMapping
from connectors.mapping import Mapping, default_mapping, load_mapping, source_key
from engine.settings import CONFIGS


def test_columns_named_like_ours_are_taken():
    mapping = default_mapping(["ID", "Message", "Created At", "phone number", "color"])
    assert mapping.fields == {
        "source_key": "ID",
        "text": "Message",
        "occurred_at": "Created At",
        "phone": "phone number",
    }


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("fields: {txt: a}", "unknown field txt"),
        ("fields: {text: a}\ntimezone: Mars/Base", "unknown time zone"),
        ("fields: {text: a}\nextra: 1", "extra"),
        ("fields: {text: a}\nchannel: fax", "channel"),
        ("fields: {text: {from: a, join: b}}", "not both"),
        ("fields: {text: {from: a, one_of: [yes]}}", "quote yes"),
        ("fields: {text: {from: a, pattern: '(?=b)'}}", "look-around"),
        ("fields: {text: {from: a, min: 3}}", "not for type text"),
        ("fields: {text: a, source_key: {from: k, values: {a: b}}}", "verbatim"),
        ("fields: {text: a}\ncontract: {unknown: maybe}", "contract.unknown"),
        ("[1, 2", "cannot be read"),
        ("- 1", "mapping"),
    ],
)
def test_a_wrong_mapping_is_explained(tmp_path, text, match):
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(BadMapping, match=match):
        load_mapping(path)


@pytest.mark.parametrize("path", sorted((CONFIGS / "mappings").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_shipped_mappings_load_and_travel(path):
    mapping = load_mapping(path)
    # A mapping of a kind of source, of which there may be several, leaves the name to the configuration.
    assert mapping.source == (None if path.stem == "call_center_log" else path.stem)
    assert Mapping.model_validate_json(mapping.model_dump_json(exclude_defaults=True)) == mapping


def test_the_key_of_the_short_and_the_long_form_is_the_same():
    row = {"a": " 7 ", "b": "", "c": "9"}
    short = Mapping.model_validate({"fields": {"source_key": ["a", "b", "c"]}})
    long = Mapping.model_validate({"fields": {"source_key": {"join": ["a", "b", "c"], "type": "integer"}}})
    first = Mapping.model_validate({"fields": {"source_key": {"from": ["b", "c", "a"]}}})
    assert [source_key(m, row) for m in (short, long, first)] == ["7:9", "7:9", "9"]
    assert source_key(first, {"b": " "}) is None


def test_a_long_mapping_travels():
    mapping = Mapping.model_validate(
        {
            "fields": {"text": "t", "occurred_at": {"from": "when", "min": "2020-01-01"}},
            "keep": {"stars": {"type": "integer", "min": 1, "max": 5}},
            "contract": {"unknown": "freeze"},
        }
    )
    assert Mapping.model_validate_json(mapping.model_dump_json(exclude_defaults=True)) == mapping
    assert mapping.columns() == {"t", "when", "stars"}

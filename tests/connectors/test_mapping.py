import pytest

from connectors.errors import BadMapping
from connectors.mapping import Mapping, apply, default_mapping, load_mapping
from engine.settings import CONFIGS


def test_columns_become_fields_and_the_rest_is_metadata():
    mapping = Mapping(fields={"text": ("title", "body"), "region": "State"}, constants={"product": "cable"})
    mapped = apply(mapping, {"title": " No signal ", "body": "since May", "State": "Ohio", "City": "Akron", "Zip": ""})
    assert mapped.fields == {"text": "No signal\nsince May", "region": "Ohio", "product": "cable"}
    assert mapped.metadata == {"City": "Akron"}


def test_an_empty_cell_is_no_field():
    assert apply(Mapping(fields={"text": "body"}), {"body": "  "}).fields == {}


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
    assert mapping.source == path.stem
    assert Mapping.model_validate_json(mapping.model_dump_json(exclude_defaults=True)) == mapping

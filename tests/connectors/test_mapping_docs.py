"""docs/mappings.md names every key, and its examples come out as it says."""

import json
import re

import pytest

from connectors.mapping import FIELDS, Column, Contract, Mapping, load_mapping
from engine.intake.contract import Reader
from engine.settings import ROOT
from tests.conftest import NOW

TEXT = (ROOT / "docs" / "mappings.md").read_text()


def section(title):
    return re.split(rf"^##+ {re.escape(title)}\n", TEXT, flags=re.M)[1].split("\n##")[0]


def examples():
    mapping = None
    for kind, body in re.findall(r"```(yaml|json)\n(.*?)```", TEXT, re.S):
        if kind == "yaml":
            mapping = body
        else:
            yield mapping, json.loads(body)


@pytest.mark.parametrize(
    ("title", "model"), [("Keys", Mapping), ("Keys of a field", Column), ("Keys of `contract`", Contract)]
)
def test_every_key_is_documented_and_no_other(title, model):
    keys = re.findall(r"^\| `(\w+)` \|", section(title).split("\nEach is")[0], re.M)
    assert keys == [field.alias or name for name, field in model.model_fields.items()]


def test_every_field_is_named():
    assert all(f"`{name}`" in TEXT for name in FIELDS)


@pytest.mark.parametrize(("mapping", "example"), list(examples()))
def test_the_examples_come_out_as_they_say(tmp_path, mapping, example):
    path = tmp_path / "m.yaml"
    path.write_text(mapping)
    taken = Reader(load_mapping(path)).read(example["record"], NOW)
    assert (taken.refusal.code if taken.refusal else None) == example["refused"]
    assert {name: taken.fields.get(name) for name in example.get("fields", {})} == example.get("fields", {})
    assert taken.kept == example.get("kept", taken.kept)
    assert taken.flags == example.get("flags", taken.flags)


def test_there_are_examples():
    assert len(list(examples())) == 6

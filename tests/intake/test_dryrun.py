from datetime import UTC, datetime

import pytest

from connectors.errors import ContractFrozen
from connectors.files.records import Limits
from connectors.mapping import Mapping
from engine.intake.dryrun import DryRun
from engine.intake.files import FileSource, envelopes

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def tried(tmp_path, text, mapping=None):
    path = tmp_path / "a.csv"
    path.write_text(text)
    chosen = Mapping.model_validate(mapping) if mapping else None
    run = DryRun(1000)
    run.file(path.name, envelopes(path, FileSource("file", "s", chosen), NOW, Limits()))
    return run


def test_every_record_is_stored_or_dead_lettered_or_repeated(tmp_path):
    found = tried(tmp_path, "id,text\n1,no network\n1,no network\n2,\n2,\n3,a,b\n4,slow\n").summary()
    assert (found["read"], found["would_store"], found["would_dead_letter"], found["repeated"]) == (6, 2, 2, 2)
    assert found["distinct"] == 4
    assert {r["reason"]: r["count"] for r in found["reasons"]} == {"empty_text": 2, "wrong_column_count": 1}
    assert (found["by_file"][0]["defects"], found["by_file"][0]["would_dead_letter"]) == (1, 3)


def test_the_bad_time_of_a_short_mapping_is_seen_without_its_value(tmp_path):
    mapping = {"fields": {"text": "t", "occurred_at": "d"}, "time_formats": ["%d/%m/%Y"]}
    found = tried(tmp_path, "t,d\nx,01/02/2026\nx,call 08031234567\nx,01/02/2036\n", mapping).summary()
    assert {r["reason"] for r in found["reasons"]} == {"bad_time_unparsable", "bad_time_in_future"}
    assert "row 3" in found["reasons"][0]["example"]
    assert "%d/%m/%Y" in found["reasons"][0]["example"]
    assert "0803" not in str(found)
    assert (found["would_store"], found["would_dead_letter"]) == (1, 2)


def test_each_rule_is_counted_with_its_first_row(tmp_path):
    mapping = {
        "fields": {"text": "t", "region": {"from": "r", "one_of": ["Lagos"], "if_bad": "discard_value"}, "product": "p"}
    }
    found = tried(tmp_path, "t,r,08031234567\nx,Lagos,1\ny,Mars,2\nz,Venus,a@b.example\n", mapping).summary()
    rules = {(r["rule"], r["field"]): (r["policy"], r["count"], r["example"]) for r in found["rules"]}
    assert rules["bad", "region"][:2] == ("discard_value", 2)
    assert rules["bad", "region"][2].startswith("a.csv, row 3: field region: text of 4 characters; expected one of")
    assert rules["unknown", "<PHONE>"][:2] == ("evolve", 3)
    assert rules["missing", "product"][:2] == ("evolve", 3)
    assert found["flags"] == {"discarded:region": 2, "no_time_given": 3}
    assert (found["would_flag"], found["would_store"]) == (2, 3)
    report = found["by_file"][0]
    assert report["new_fields"] == {"<PHONE>": 3}
    assert report["missing_fields"] == {"product": 3}
    assert report["columns"]["<PHONE>"] == {"a whole number": 2, "an e-mail address": 1}
    assert "Mars" not in str(found)
    assert "a@b" not in str(found)


def test_what_the_mapping_freezes_is_refused_with_counts_and_rows(tmp_path):
    mapping = {"fields": {"text": "t"}, "contract": {"unknown": "freeze"}}
    run = tried(tmp_path, "t,new\nx,1\ny,2\n", mapping)
    assert run.summary()["frozen"]
    with pytest.raises(ContractFrozen, match=r"2× a\.csv, row 2: field new"):
        run.refuse_frozen()
    tried(tmp_path, "t\nx\n", mapping).refuse_frozen()

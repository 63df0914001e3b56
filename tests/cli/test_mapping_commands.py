import json

import pytest
from typer.testing import CliRunner

from connectors.mapping import load_mapping
from engine.cli.app import app

run = CliRunner().invoke

FROZEN = "fields: {text: t}\ncontract: {unknown: freeze}\n"


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("BEEJAN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("BEEJAN_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(FROZEN)
    (tmp_path / "same.csv").write_text("t\nno network\n")
    (tmp_path / "new.csv").write_text("t,secret\nno network,1\nslow,2\n")


def test_a_frozen_change_sends_nothing_and_refuses():
    result = run(app, ["ingest", "same.csv", "new.csv", "--mapping", "m.yaml", "--json"])
    assert result.exit_code == 4
    error = json.loads(result.stdout)["error"]
    assert (error["type"], error["code"]) == ("ContractFrozen", 4)
    assert "2× new.csv, row 2: field secret" in error["message"]


def test_a_file_that_keeps_to_a_frozen_mapping_goes_on_to_the_engine():
    assert run(app, ["ingest", "same.csv", "--mapping", "m.yaml"]).exit_code == 75  # no engine runs


def test_a_dry_run_of_a_frozen_change_shows_it():
    result = run(app, ["ingest", "new.csv", "--mapping", "m.yaml", "--dry-run"])
    assert result.exit_code == 0
    assert "would send nothing" in " ".join(result.stdout.split())


def test_check_tells_a_mapping_and_what_it_makes_of_files():
    assert "text" in run(app, ["mapping", "check", "m.yaml"]).stdout
    assert run(app, ["mapping", "check", "m.yaml", "same.csv"]).exit_code == 0
    refused = run(app, ["mapping", "check", "m.yaml", "new.csv", "--json"])
    assert (refused.exit_code, json.loads(refused.stdout)["frozen"]) == (4, True)
    assert run(app, ["mapping", "check", "nobody"]).exit_code == 1


def test_the_shipped_mappings_are_listed():
    found = json.loads(run(app, ["mapping", "list", "--json"]).stdout)["mappings"]
    assert {"name": "comcast", "source": "comcast", "channel": "call_center",
            "fields": ["occurred_at", "region", "source_key", "text"]} in found  # fmt: skip


def test_infer_writes_a_mapping_that_loads_and_keeps_a_file_that_is_there(tmp_path):
    (tmp_path / "c.csv").write_text(
        "Ref No,Complaint,When\nA-1,no network here,31/01/2026\nA-2,it is slow,02/02/2026\n"
    )
    assert run(app, ["mapping", "infer", "c.csv", "--out", "c.yaml", "--channel", "sms"]).exit_code == 0
    found = load_mapping(tmp_path / "c.yaml")
    assert (found.source, found.channel) == ("c", "sms")
    assert {name: found.column(name).columns for name in found.fields} == {
        "source_key": ("Ref No",), "text": ("Complaint",), "occurred_at": ("When",),
    }  # fmt: skip
    assert run(app, ["mapping", "infer", "c.csv", "--out", "c.yaml"]).exit_code == 1
    checked = json.loads(run(app, ["mapping", "check", "c.yaml", "c.csv", "--json"]).stdout)
    assert (checked["would_store"], checked["rules"]) == (2, [])

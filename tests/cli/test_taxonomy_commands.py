"""`beejan taxonomy` without an engine, on a data folder with complaints."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from engine.cli.app import app
from tests.taxonomy.test_apply import AFTER_MAPPED, MAPPED, Shop

run = CliRunner().invoke


@pytest.fixture
def shop(tmp_path, context, monkeypatch):
    made = Shop(tmp_path, context)
    made.put(*[f"mobile internet crawls {n}" for n in range(4)], "charged twice money 1", "charged twice money 2")
    made.put(*[f"refund pending weeks {n}" for n in range(4)], *[f"hello there {n}" for n in range(5)])
    made.writer.close()
    monkeypatch.setenv("BEEJAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BEEJAN_TAXONOMY", str(tmp_path / "shop.yaml"))
    monkeypatch.delenv("BEEJAN_URL", raising=False)
    (tmp_path / "change.yaml").write_text(yaml.safe_dump(MAPPED))
    monkeypatch.chdir(tmp_path)
    return made


def told(*arguments):
    result = run(app, ["taxonomy", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_change_is_shown_made_and_told_in_both_versions(shop):
    plan = run(app, ["taxonomy", "plan", "change.yaml"])
    assert "13 of 15 complaints get another leaf, 0 of them are scored again" in " ".join(plan.stdout.split())
    assert "labels: 0 to be redone" in plan.stdout
    assert told("plan", "change.yaml")["affected"] == 13
    assert told("show")["version"] == "1"

    done = told("apply", "change.yaml", "--yes")
    assert (done["state"], done["mapped"]) == ("done", 15)
    assert shop.leaves() == AFTER_MAPPED
    assert told("apply", "change.yaml", "--yes")["mapped"] == 0

    assert (told("show")["version"], told("show", "--version", "1")["version"]) == ("2", "1")
    assert told("crosswalk", "1")["shares"]["other.general"] == {"bill.general": 1.0}
    assert told("crosswalk", "2", "1")["estimated"] == ["bill.over", "bill.refund"]
    assert told("trends", "--version", "1")["series"] == {"bill": [6], "net": [4], "other": [5]}
    shown = run(app, ["taxonomy", "trends", "--version", "1", "--by", "subcategory"]).stdout
    assert "1 to 2; end: bill.refund, net.slow, other.general; begin: bill.general, web.slow" in " ".join(shown.split())


def test_what_cannot_be_ends_with_its_code(shop):
    assert run(app, ["taxonomy", "show", "--version", "9"]).exit_code == 3
    assert run(app, ["taxonomy", "apply", "change.yaml"]).exit_code == 4  # nobody is there to say yes
    assert run(app, ["taxonomy", "plan", "nothing.yaml"]).exit_code == 2
    (shop.settings.data_dir / "bad.yaml").write_text("operations: [")
    assert run(app, ["taxonomy", "plan", "bad.yaml"]).exit_code == 1
    (shop.settings.data_dir / "lost.yaml").write_text(yaml.safe_dump(MAPPED | {"from": "7"}))
    result = run(app, ["taxonomy", "plan", "lost.yaml", "--json"])
    assert result.exit_code == 1
    assert "version 1; write a change from that version" in json.loads(result.stdout)["error"]["message"]
    assert shop.lineage.versions == ["1"]

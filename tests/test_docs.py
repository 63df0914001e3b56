"""What the docs name exists, and what exists is named."""

import re

import pytest
from pydantic import BaseModel
from typer.main import get_command

from connectors.registry import KINDS
from engine.cli.app import app
from engine.settings import ROOT, Settings


def settings(model=Settings, prefix=""):
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


@pytest.mark.parametrize(("name", "field"), list(settings()), ids=lambda v: v if isinstance(v, str) else "")
def test_every_setting_is_described_and_documented(name, field):
    assert field.description
    text = (ROOT / "docs" / "configuration.md").read_text()
    assert f"| `{name}` | `{field.get_default(call_default_factory=True)}` | {field.description} |" in text


def source_settings():
    for kind, model in KINDS.items():
        yield from ((kind, name, field) for name, field in model.model_fields.items() if name != "kind")


@pytest.mark.parametrize(
    ("kind", "name", "field"), list(source_settings()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_every_setting_of_a_source_is_described_and_documented(kind, name, field):
    assert field.description
    text = (ROOT / "docs" / "configuration.md").read_text()
    section = text.partition(f"\n### Kind `{kind}`\n")[2].partition("\n#")[0]
    default = "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)}`"
    assert f"| `{name}` | {default} | {field.description} |" in section


def commands(command=None, path=()):
    command = command or get_command(app)
    for name, sub in getattr(command, "commands", {}).items():
        yield from commands(sub, (*path, name))
    if path and not getattr(command, "commands", None):
        yield " ".join(path), command


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=lambda v: v if isinstance(v, str) else "")
def test_every_command_has_an_example_and_json(name, command):
    assert "Example: " in (command.help or ""), name
    assert f"beejan {name}" in command.help
    assert any("--json" in p.opts for p in command.params), name


def test_the_readmes_commands_exist():
    known = {name for name, _ in commands()}
    text = (ROOT / "README.md").read_text()
    used = set(re.findall(r"^beejan ((?:[a-z]+)(?: (?:list|tail|show|retry|backtest))?)", text, re.M))
    assert used
    assert used <= known | {"alerts tail"}


def test_the_readmes_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(), re.M)) <= targets


def test_links_in_the_docs_lead_somewhere():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_ci_runs_the_readmes_test_command():
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert ".ci/run" in (ROOT / ".github" / "workflows" / "ci.yaml").read_text()
    assert "make test " in (ROOT / "README.md").read_text()

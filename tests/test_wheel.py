"""An installation from a wheel has all that the programs read beside their code."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("engine", "connectors", "models", "serve", "benchmarks", "configs")

SHOW = """
import json
from engine.settings import ROOT, load_settings
from connectors.described import DESCRIPTIONS
from connectors.settings import MAPPINGS
from serve.console import assets
settings = load_settings()
names = assets.templates().list_templates()
assert names
for name in names:
    assets.templates().get_template(name)
print(json.dumps({
    "root": str(ROOT), "templates": sorted(names), "style": len(assets.find("console.css").body),
    "mappings": len(list(MAPPINGS.glob("*.yaml"))), "sources": len(list(DESCRIPTIONS.glob("*.yaml"))),
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel of what git does not ignore, unpacked in a folder of its own."""
    pytest.importorskip("setuptools")
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("the files of the wheel are those that git knows; this is no clone")
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if name.startswith(("tests/", "docs/")) or not (ROOT / name).exists():
            continue
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    build = ["-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", "dist", "."]
    command = [sys.executable, "-m", "pip", "wheel", *build]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (source / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(target)
    return source, target


def run(target, *command):
    environment = os.environ | {"PYTHONPATH": str(target)}
    done = subprocess.run([sys.executable, *command], cwd=target, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_wheel_holds_every_file_of_the_packages(installed):
    source, target = installed
    kept = [path.relative_to(source) for name in PACKAGES for path in (source / name).rglob("*") if path.is_file()]
    assert [str(path) for path in kept if not (target / path).exists()] == []


def test_configuration_and_console_work_from_a_wheel(installed):
    _, target = installed
    shown = run(target, "-m", "engine.cli", "config", "show", "--json")
    assert shown["taxonomy"] == "telecom"
    found = run(target, "-c", SHOW)
    assert found["root"] == str(target)
    assert "search.html" in found["templates"]
    assert min(found["style"], found["mappings"], found["sources"]) > 0

"""Who may import whom: DESIGN 9."""

import ast
from pathlib import Path

import pytest

from engine.settings import ROOT

OURS = ("engine", "connectors", "models", "serve", "benchmarks")
MAY = {
    "connectors": {"connectors"},
    "models": {"models"},
    "engine": {"engine", "connectors", "models"},
    "engine.cli": {"engine", "connectors", "models", "serve", "benchmarks"},
    "serve": {"serve", "engine", "connectors", "models"},
    "benchmarks": {"benchmarks", "engine", "connectors", "models", "serve"},
}


def modules():
    return [path for package in OURS for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found & set(OURS)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_follow_the_arrows(path):
    package = ".".join(path.relative_to(ROOT).parts[:2])
    allowed = MAY.get(package) or MAY[package.split(".")[0]]
    assert imported(path) <= allowed


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_say_what_they_are_for(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or not tree.body


def test_the_test_sees_a_forbidden_import(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text("from engine.settings import Settings\n")
    assert not imported(path) <= MAY["models"]

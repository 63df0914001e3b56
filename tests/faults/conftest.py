"""The fault matrix: `make test-faults`, and a short form of it in `make test` (docs/faults.md)."""

import time
from pathlib import Path

import pytest

from tests.faults import verdict
from tests.running import Engine

_STARTED = time.time()


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in Path(item.fspath).parents:
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(3600))


def pytest_terminal_summary(terminalreporter):
    if verdict.TABLE.exists() and verdict.TABLE.stat().st_mtime > _STARTED:
        terminalreporter.section("faults")
        for line in verdict.shown():
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"written to {verdict.TABLE}")


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Starts an engine; every one is ended with the module. Engines are told apart by their folder."""
    running = []

    def begin(folder=None, **environment):
        engine = Engine(folder or tmp_path_factory.mktemp("faults"), environment)
        running.append(engine)
        return engine

    yield begin
    for engine in running:
        engine.stop()

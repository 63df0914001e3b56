"""One real engine for the session: nats-server, Ray, LanceDB, the weights, Serve."""

import os

import pytest

from tests.running import Engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    running = Engine(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


@pytest.fixture
def own_engine(tmp_path):
    """An engine that a test may hurt."""
    running = Engine(tmp_path)
    yield running
    running.stop()


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/engine" in str(item.fspath).replace(os.sep, "/"):
            item.add_marker(pytest.mark.engine)

"""NATS elsewhere (`nats.url`), over a network that is slow, narrow, cut, half-open or gone."""

import subprocess
import time

import pytest

from connectors import nats_server
from tests.faults.flood import ROWS, Flood, times
from tests.faults.proxy import Proxy
from tests.faults.verdict import strike

#: How long NATS is away, s.
AWAY_S = 60 if ROWS >= 10_000 else 8


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nats")
    config, credentials = nats_server.prepare(folder, 0, 8 << 20, 16 << 30)
    server = subprocess.Popen([str(nats_server.find_binary()), "-c", str(config)])
    nats_server.wait_ready(server, credentials, folder / "nats-server.log")
    between = Proxy(int(credentials.url.rpartition(":")[2]))
    between.credentials = credentials
    yield between
    between.close()
    nats_server.stop(server)


@pytest.fixture(scope="module")
def engine(start, proxy):
    return start(
        BEEJAN_NATS__URL=f"nats://127.0.0.1:{proxy.port}",
        BEEJAN_NATS__USER=proxy.credentials.user,
        BEEJAN_NATS__PASSWORD=proxy.credentials.password,
    )


@pytest.fixture(autouse=True)
def mended(proxy):
    yield
    proxy.delay_s, proxy.bytes_per_s, proxy.silent, proxy.away = 0.0, None, False, False


def for_a_while(proxy, seconds, **hurt):
    for name, value in hurt.items():
        setattr(proxy, name, value)
    time.sleep(seconds)
    for name in hurt:
        setattr(proxy, name, type(getattr(proxy, name))() if name != "bytes_per_s" else None)


def test_nats_away(engine, proxy):
    def fault():
        proxy.away = True
        proxy.cut()
        time.sleep(AWAY_S)
        proxy.away = False

    strike(Flood(engine, f"NATS away {AWAY_S} s"), 1, fault)


@pytest.mark.short
def test_connections_cut(engine, proxy):
    strike(Flood(engine, "TCP reset"), times(10), proxy.cut)


def test_a_slow_network(engine, proxy):
    strike(Flood(engine, "TCP 250 ms late"), 1, lambda: for_a_while(proxy, AWAY_S / 2, delay_s=0.25))


def test_a_narrow_network(engine, proxy):
    strike(Flood(engine, "TCP 64 kB/s"), 1, lambda: for_a_while(proxy, AWAY_S / 2, bytes_per_s=64_000))


def test_half_open_connections(engine, proxy):
    """For a while nothing passes and nothing is closed; then the old connections are gone without a word."""

    def fault():
        proxy.silent = True
        time.sleep(AWAY_S / 2)
        proxy.cut()
        proxy.silent = False

    strike(Flood(engine, "TCP half-open"), times(5), fault)

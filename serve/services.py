"""What the API's endpoints share: connections, readers, keys and the warm model."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.lance import open_reader
from connectors.nats import connect
from engine.counts import Counts
from engine.curate.context import load_pii
from engine.govern.api_keys import Principal, key_hash, key_id_of
from engine.govern.crypto import Keys, load_keys
from engine.intake.ledger import Ledger
from engine.labels.desk import Desk
from engine.reembed.embedders import Serving
from engine.run import actors, runtime
from engine.search import Searcher
from engine.search.sentences import sentence_encoder
from engine.settings import Settings
from engine.sql import Workers
from models.pii import Policy

_SESSION_S = 12 * 3600


@dataclass(slots=True)
class Services:
    """Opened once a replica."""

    settings: Settings
    nats: Any
    #: May publish complaints, and nothing else.
    js: Any
    #: May read alerts and the state of the streams.
    reads: Any
    keys: Keys
    embedder: Serving
    complaints: Any
    incidents: Any
    volumes: Any
    curated: Any
    raw: Any
    dead: Any
    keyring: Keyring
    ledger: Ledger
    quality: Any
    #: What each role is shown of what was masked.
    pii: Policy
    desk: Desk
    search: Searcher
    sql: Workers = field(init=False)
    counts: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.sql = Workers(self.settings)
        self.counts = Counts(self.search, self.complaints)

    @classmethod
    async def open(cls, data_dir: Path) -> Services:
        """Connect everything; a part that is away for longer fails the replica, which is started again."""
        runtime.steady_heap()
        settings, addresses = runtime.load(data_dir)
        connection = await connect(addresses.nats.role("publisher"), "beejan-api")
        reader = await connect(addresses.nats.role("reader"), "beejan-api-reader")
        embedder = await asyncio.to_thread(Serving, settings)
        await call("status")
        root, options = settings.zones_uri.rstrip("/"), settings.storage_options

        def table(zone: str, name: str) -> Any:
            return open_reader(f"{root}/{zone}", name, options)

        keys, complaints = load_keys(settings.data_dir / "keys"), table("serving", "complaints")
        return cls(
            settings,
            (connection, reader),
            connection.jetstream(),
            reader.jetstream(),
            keys,
            embedder,
            complaints,
            table("serving", "incidents"),
            table("serving", "volumes"),
            table("curated", "complaints"),
            table("raw", "envelopes"),
            table("raw", "dead_letters"),
            Keyring(table("governance", "keys"), keys.session),
            Ledger(settings.data_dir / "ledger", "api"),
            table("serving", "quality"),
            load_pii(settings),
            Desk(complaints, table("governance", "labels"), settings.labels),
            Searcher(complaints, embedder, keys.pseudonym, sentence_encoder(settings, embedder)),
        )

    @contextlib.asynccontextmanager
    async def operator(self) -> AsyncIterator[Any]:
        """JetStream as the operator, for the few endpoints that mend streams."""
        _, addresses = runtime.load(self.settings.data_dir)
        connection = await connect(addresses.nats, "beejan-api-operator")
        try:
            yield connection.jetstream()
        finally:
            await connection.close()

    async def close(self) -> None:
        """Let go of NATS, the ledger and the processes of queries."""
        self.sql.close()
        for connection in self.nats:
            await connection.close()
        self.ledger.close()


async def call(method: str, *arguments: Any) -> Any:
    """Call the writer without blocking the loop."""
    return await asyncio.to_thread(actors.writer_call, method, *arguments)


async def lookup(ids: Sequence[str]) -> list[str]:
    """What became of each event id."""
    found: list[str] = await call("lookup", list(ids))
    return found


@dataclass(slots=True)
class Keyring:
    """The API keys, read again whenever their table changed."""

    table: Any
    session_key: bytes
    _version: int = -1
    _rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def rows(self) -> dict[str, dict[str, Any]]:
        """key_id: row."""
        version = int(self.table.version)
        if version != self._version:
            self._rows = {row["key_id"]: row for row in self.table.search().limit(1_000_000).to_list()}
            self._version = version
        return self._rows

    def check(self, key: str) -> Principal | None:
        """Who this key is, or None where it is unknown or revoked."""
        row = self.rows().get(key_id_of(key) or "")
        if row is None or row["revoked_at"] or not hmac.compare_digest(row["key_hash"], key_hash(key)):
            return None
        return _principal(row)

    def session(self, principal: Principal) -> str:
        """A signed cookie value for 12 hours."""
        body = f"{principal.key_id}.{int(time.time()) + _SESSION_S}"
        return f"{body}.{self._sign(body)}"

    def form_token(self, session: str) -> str:
        """What a form of this session carries, so that another site's form is told from ours."""
        return self._sign(f"form:{session}")

    def resume(self, session: str) -> Principal | None:
        """Who a cookie value belongs to; None where it is forged, over, or its key was revoked."""
        body, _, signature = session.rpartition(".")
        key_id, _, until = body.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            return None
        row = self.rows().get(key_id)
        if row is None or row["revoked_at"] or int(until) < time.time():
            return None
        return _principal(row)

    def _sign(self, body: str) -> str:
        return hmac.new(self.session_key, body.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _principal(row: dict[str, Any]) -> Principal:
    return Principal(row["key_id"], row["name"], row["role"])


def iso(value: Any) -> Any:
    """Times as RFC 3339 in UTC, everything else as it is; for JSON."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row for JSON."""
    return {name: iso(value) for name, value in row.items() if not name.startswith(("_", "vector"))}

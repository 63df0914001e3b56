"""The client of JetStream: connection, streams, consumer, publishing and pulling.

Vendor errors are translated here, once, into Transient and Terminal ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

from connectors.errors import BeejanError, MessageTooLarge, NatsAway, StreamFull, Terminal
from connectors.nats_drift import StreamDrift as StreamDrift
from connectors.nats_drift import changes, stamped

#: JetStream's error codes (nats-server server/errors.json) that mean "no room".
_FULL_CODES = {10077, 10023, 10122, 10047}


class Refused(Terminal):
    """JetStream does not create what this program needs."""


class BadLogin(Terminal):
    """A certificate or key file that cannot be used."""


class Denied(Terminal):
    """The server does not let this user do it."""


@dataclass(frozen=True, slots=True)
class NatsTarget:
    """Where and as whom to connect; by itself as the operator, who may do everything.

    `roles` holds logins with fewer rights by name: publisher, ingester, alerter, reader.
    """

    url: str
    user: str | None = None
    password: str | None = None
    credentials_file: str | None = None
    stream: str = "COMPLAINTS"
    nkey_file: str | None = None
    inbox: str = "_INBOX"
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    roles: dict[str, dict[str, str]] = field(default_factory=dict)

    def role(self, name: str) -> NatsTarget:
        """The same server as another user; where that role has no login of its own, as the operator."""
        login = self.roles.get(name)
        if login is None:
            return self
        bare = replace(self, user=None, password=None, credentials_file=None, nkey_file=None, roles={})
        return replace(bare, **login)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What a stream must be.

    Full, it refuses what is new, or with `drop_old` lets go of what is oldest.
    """

    max_bytes: int
    max_payload_bytes: int
    duplicate_window_s: float
    replicas: int = 1
    drop_old: bool = False


@dataclass(frozen=True, slots=True)
class ConsumerSpec:
    """What the durable consumer must be."""

    name: str
    ack_wait_s: float
    max_ack_pending: int


@dataclass(frozen=True, slots=True)
class Published:
    """JetStream's answer to a publish: durable, and whether it already had the message."""

    seq: int
    duplicate: bool


async def connect(target: NatsTarget, name: str, *, patient: bool = True) -> Any:
    """A connection that reconnects for ever; with `patient=False` it fails at once.

    Raises:
        NatsAway: nobody answers, or the credentials are refused.
    """
    import nats
    from nats import errors

    options: dict[str, Any] = {"name": name, "max_reconnect_attempts": -1, "reconnect_time_wait": 0.25}
    options["inbox_prefix"] = target.inbox
    if target.user:
        options |= {"user": target.user, "password": target.password}
    if target.credentials_file:
        options["user_credentials"] = target.credentials_file
    if target.nkey_file:
        options["nkeys_seed"] = target.nkey_file
    if target.url.startswith("tls://") or target.ca_file:
        options["tls"] = _tls(target)
    seen: list[str] = []
    refused: deque[str] = deque(maxlen=20)

    async def remember(error: Exception) -> None:
        seen.append(type(error).__name__)
        del seen[:-3]
        if "permissions violation" in str(error).lower():
            refused.append(str(error))

    limit = 30 if patient else 4
    try:
        connection = await asyncio.wait_for(
            nats.connect(target.url, error_cb=remember, connect_timeout=2, **options), limit
        )
        _REFUSED[connection] = refused
        return connection
    except (TimeoutError, OSError, errors.Error) as error:
        why = ", ".join(seen) or type(error).__name__
        raise NatsAway(
            f"NATS at {target.url}: no connection within {limit} s ({why}); "
            "is it running, and are nats.url, nats.user and nats.password right?"
        ) from error


#: What the server refused a connection; a request that is not allowed otherwise only times out.
_REFUSED: WeakKeyDictionary[Any, deque[str]] = WeakKeyDictionary()


def _refusal(js: Any, subject: str) -> str | None:
    """What the server said about `subject`, if it refused it."""
    found = [text for text in _REFUSED.get(js._nc, ()) if f'"{subject.lower()}"' in text.lower()]
    return found[-1] if found else None


def _tls(target: NatsTarget) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=target.ca_file)
        if target.cert_file:
            context.load_cert_chain(target.cert_file, target.key_file)
    except OSError as error:
        raise BadLogin(
            f"TLS for {target.url}: a file cannot be used ({error.strerror or type(error).__name__}); check "
            f"nats.ca_file ({target.ca_file}), nats.cert_file ({target.cert_file}) and nats.key_file"
        ) from error
    return context


#: Whatever of these differs could lose, hide, double or hold up messages; then what the configuration says.
_STREAM_FIXED = (
    "subjects", "retention", "storage", "discard", "discard_new_per_subject", "max_msgs", "max_msgs_per_subject",
    "max_age", "no_ack", "sealed", "deny_purge", "allow_rollup_hdrs", "mirror", "sources", "republish",
    "subject_transform",
)  # fmt: skip
_STREAM_CONFIGURED = ("num_replicas", "max_bytes", "max_msg_size", "duplicate_window")
_CONSUMER_FIXED = (
    "ack_policy", "deliver_policy", "max_deliver", "replay_policy", "filter_subject", "filter_subjects", "backoff",
    "headers_only", "rate_limit_bps", "deliver_subject", "pause_until",
)  # fmt: skip
_CONSUMER_CONFIGURED = ("ack_wait", "max_ack_pending")


async def ensure_stream(
    js: Any, name: str, subjects: Sequence[str], spec: StreamSpec, *, repair: bool = False
) -> dict[str, Any]:
    """Create the stream, or check that it is as it must be; what our own configuration changed is applied.

    Args:
        js: JetStream context of the operator.
        name: the stream's.
        subjects: what it takes.
        spec: its limits.
        repair: take back what others changed.

    Returns:
        The settings that were changed.

    Raises:
        StreamDrift: others changed its settings.
        Refused: JetStream does not take a change.
    """
    from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
    from nats.js.errors import NotFoundError

    wanted = StreamConfig(
        name=name,
        subjects=list(subjects),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD if spec.drop_old else DiscardPolicy.NEW,
        max_bytes=spec.max_bytes,
        max_msg_size=spec.max_payload_bytes,
        duplicate_window=spec.duplicate_window_s,
        num_replicas=spec.replicas,
        allow_direct=True,
        max_age=0,
        max_msgs=-1,
    )
    wanted = stamped(wanted, _STREAM_CONFIGURED)
    try:
        found = (await js.stream_info(name)).config
    except NotFoundError:
        await _requested(f"stream {name}", js.add_stream(wanted))
        return {}
    changed = changes(f"stream {name}", wanted, found, _STREAM_FIXED, repair=repair)
    if changed:
        await _requested(f"stream {name}", js.update_stream(found.evolve(**changed)))
    return _told(changed)


async def ensure_consumer(js: Any, stream: str, spec: ConsumerSpec, *, repair: bool = False) -> dict[str, Any]:
    """Create the durable consumer, or check that it is as it must be; see `ensure_stream`.

    `max_deliver` stays unlimited: the engine counts deliveries and dead-letters, since a message that
    JetStream gives up on would be lost silently.

    Raises:
        StreamDrift: others changed its settings.
        Refused: JetStream does not take a change.
    """
    from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
    from nats.js.errors import NotFoundError

    wanted = ConsumerConfig(
        durable_name=spec.name,
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=spec.ack_wait_s,
        max_ack_pending=spec.max_ack_pending,
        max_deliver=-1,
    )
    wanted = stamped(wanted, _CONSUMER_CONFIGURED)
    try:
        found = (await js.consumer_info(stream, spec.name)).config
    except NotFoundError:
        await _requested(f"consumer {spec.name}", js.add_consumer(stream, wanted))
        return {}
    changed = changes(f"consumer {spec.name}", wanted, found, _CONSUMER_FIXED, repair=repair)
    if changed:
        await _requested(f"consumer {spec.name}", js.add_consumer(stream, found.evolve(**changed)))
    return _told(changed)


def _told(changed: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changed.items() if name != "metadata"}


async def _requested(what: str, request: Awaitable[Any]) -> None:
    from nats.js.errors import APIError

    try:
        await request
    except APIError as error:
        raise Refused(
            f"{what}: JetStream refused to create or change it ({error.description}); is there room for "
            "nats.max_bytes, and may nats.user do it?"
        ) from error


async def publish(
    js: Any,
    subject: str,
    data: bytes,
    message_id: str,
    timeout_s: float = 10,
    headers: Mapping[str, str] | None = None,
) -> Published:
    """Publish one message and wait until JetStream has stored it.

    Raises:
        StreamFull: the stream takes no more at present.
        MessageTooLarge: the server's limit on one message is exceeded.
        Denied: this user may not.
        NatsAway: no answer.
    """
    from nats import errors
    from nats.js.errors import APIError, NoStreamResponseError

    try:
        answer = await js.publish(
            subject, data, timeout=timeout_s, headers={**(headers or {}), "Nats-Msg-Id": message_id}
        )
    except APIError as error:
        if error.err_code in _FULL_CODES or error.code == 503:
            raise StreamFull(
                f"the stream is full (JetStream error {error.err_code}); try again once the engine has caught up, "
                "or raise nats.max_bytes"
            ) from error
        raise NatsAway(f"JetStream refused {message_id[:12]}: error {error.err_code}; see its log") from error
    except errors.MaxPayloadError as error:
        raise MessageTooLarge(
            f"record {message_id[:12]} has {len(data)} bytes, more than NATS takes; raise nats.max_payload_bytes"
        ) from error
    except (TimeoutError, errors.Error, NoStreamResponseError, OSError) as error:
        if refusal := _refusal(js, subject):
            raise Denied(
                f"publish to {subject}: {refusal}; use a user that may, see docs/operations/nats.md"
            ) from error
        raise NatsAway(f"JetStream gave no answer for {message_id[:12]} ({type(error).__name__}); try again") from error
    return Published(answer.seq, bool(answer.duplicate))


async def publish_retrying(
    js: Any,
    subject: str,
    data: bytes,
    message_id: str,
    *,
    limit_s: float = 120,
    headers: Mapping[str, str] | None = None,
) -> Published:
    """Publish, trying again while the trouble is transient; the message id makes that safe.

    Raises:
        Transient: still in trouble after `limit_s`.
        MessageTooLarge: see `publish`.
    """
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + limit_s, 0.05
    while True:
        try:
            return await publish(js, subject, data, message_id, headers=headers)
        except BeejanError as error:
            if isinstance(error, Terminal) or loop.time() + pause > deadline:
                raise
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 2)


def _weight(message: Any, count_header: str | None) -> int:
    """Records in a message, as its sender says."""
    told = (message.headers or {}).get(count_header or "", "1")
    return max(1, min(int(told), 1 << 16)) if told.isdigit() else 1


async def pull(
    subscription: Any, rows: int, linger_s: float, *, count_header: str | None = None, most_bytes: int = 64 << 20
) -> list[Any]:
    """Messages with about `rows` records, waiting `linger_s` at most after the first one arrived.

    Asks in steps by what has come so far, so that neither records nor bytes are far over their bounds. A fetch in
    flight across a server restart times out although messages wait, so the caller simply pulls again; an empty
    list means nothing came.

    Args:
        subscription: a pull subscription.
        rows: records wanted.
        linger_s: see above.
        count_header: header that says how many records a message holds; one without it holds one.
        most_bytes: of all messages together.
    """
    from nats import errors

    messages: list[Any] = []
    left, room, most, largest = rows, most_bytes, 1, 1
    deadline, want = 0.0, 1
    loop = asyncio.get_running_loop()
    while want > 0:
        # A fetch returns when it is full or its time is over, so the first waits for one message alone.
        wait_s = max(deadline - loop.time(), 0.01) if messages else 1.0
        try:
            came = await subscription.fetch(want, timeout=wait_s)
        except (TimeoutError, errors.Error):
            break
        deadline = deadline or loop.time() + linger_s
        messages += came
        for message in came:
            count = _weight(message, count_header)
            left, most = left - count, max(most, count)
            room, largest = room - len(message.data), max(largest, len(message.data))
        if len(came) < want:
            break
        want = min(4 * len(came), -(-left // most), room // largest)
    return messages


async def ack_all(messages: Sequence[Any]) -> None:
    """Acknowledge, and wait until the server has it.

    One connection keeps its order, so a double ack of the last message covers all before it.
    """
    for message in messages[:-1]:
        await message.ack()
    if messages:
        await messages[-1].ack_sync(timeout=5)


async def trim(js: Any, stream: str, consumer: str, most_bytes: int) -> int:
    """Let go of acknowledged messages once the stream holds more than `most_bytes`; raw has them for good.

    Only what lies below the consumer's acknowledgement floor goes, so nothing that waits is lost.

    Returns:
        Messages removed.
    """
    state = (await js.stream_info(stream)).state
    if state.bytes <= most_bytes:
        return 0
    floor = (await js.consumer_info(stream, consumer)).ack_floor.stream_seq
    if floor < state.first_seq:
        return 0
    await js.purge_stream(stream, seq=floor + 1)
    return int(floor + 1 - state.first_seq)


#: Advisories that a person should know of, by what they are about.
_GRAVE = ("STREAM.DELETED", "STREAM.UPDATED", "CONSUMER.DELETED", "CONSUMER.MAX_DELIVERIES", "CONSUMER.MSG_TERMINATED")


async def advisories(js: Any, stream: str, about: str) -> dict[str, int]:
    """How many advisories of each grave kind the stream of them holds about the stream `about`."""
    info = await js.stream_info(stream, subjects_filter="$JS.EVENT.ADVISORY.*.*.>")
    counts: dict[str, int] = {}
    for subject, count in (info.state.subjects or {}).items():
        group, kind, name = subject.removeprefix("$JS.EVENT.ADVISORY.").split(".")[:3]
        if name == about and f"{group}.{kind}" in _GRAVE:
            counts[f"{group}.{kind}".lower()] = counts.get(f"{group}.{kind}".lower(), 0) + count
    return counts


async def follow(js: Any, subject: str, after_seq: int) -> AsyncIterator[tuple[int, bytes]]:
    """Messages of `subject` from `after_seq + 1` on, as (stream sequence, data), for ever.

    `after_seq=-1` starts with what comes next.
    """
    from nats.js.api import ConsumerConfig, DeliverPolicy

    if after_seq < 0:
        config = ConsumerConfig(deliver_policy=DeliverPolicy.NEW)
    else:
        config = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after_seq + 1)
    subscription = await js.subscribe(subject, ordered_consumer=True, config=config)
    try:
        async for message in subscription.messages:
            yield message.metadata.sequence.stream, message.data
    finally:
        with contextlib.suppress(Exception):
            await subscription.unsubscribe()

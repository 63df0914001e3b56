"""Messages that an SMS gateway sends us: checked, decoded, joined from their parts."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors import paths
from connectors.forms import fields, parse_json
from connectors.payload import as_json, as_key, hashed
from connectors.signature import verify
from connectors.sms.message import Message, Unreadable, read, whole
from connectors.sms.parts import Joined, Waiting
from connectors.sms.settings import SmsWebhookSettings
from connectors.source import BadCall, Record

#: Stands for a part that never came.
_GAP = " […] "


class SmsWebhook:
    """A webhook that holds parts back; see connectors.source.Webhook and Holding.

    Args:
        name: the source's name in the configuration.
        settings: how its gateway calls.
        state: folder for the parts that wait.
    """

    def __init__(self, name: str, settings: SmsWebhookSettings, state: Path) -> None:
        self.channel: str = settings.channel
        self.source = settings.called(name)
        self._settings, self._gateway = settings, settings.gateway
        self._secret = settings.signing_secret(name)
        self._waiting = Waiting(state / f"{name}.parts.sqlite", settings.join_s, settings.keep_s)

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """No gateway asks for one."""
        return None

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Record]:
        """See connectors.source.Webhook; a part is durable when this returns, its message comes with the last."""
        verify(self._gateway.signature, self._secret, headers, body, now, self._settings.public_url)
        records: dict[str, Record] = {}
        for call in self._calls(headers, body):
            record = self._record(call, now)
            if record is not None:
                records.setdefault(record.key, record)
        return list(records.values())

    def reply(self) -> tuple[str, str]:
        """See connectors.source.Webhook."""
        return self._gateway.reply_type, self._gateway.reply

    def overdue(self, now: datetime) -> list[Record]:
        """Messages whose missing parts never came; see connectors.source.Holding."""
        return [_of_parts(joined) for joined in self._waiting.overdue(now)]

    def settled(self, keys: Collection[str]) -> None:
        """See connectors.source.Holding."""
        self._waiting.settled(keys)

    def close(self) -> None:
        """Let go of the parts' file."""
        self._waiting.close()

    def _calls(self, headers: Mapping[str, str], body: bytes) -> list[Any]:
        if "json" not in headers.get("content-type", "").split(";")[0].lower():
            return [fields(headers, body).named()]
        document = parse_json(body)
        calls = paths.find(document, self._gateway.messages)
        if not calls and not self._receipt(document):
            raise BadCall(f"body: nothing at {self._gateway.messages}; expected the gateway's messages")
        return calls

    def _receipt(self, call: Any) -> bool:
        return any(
            (value := paths.text(call, path)) is not None and (not values or value in values)
            for path, values in self._gateway.receipts.items()
        )

    def _record(self, call: Any, now: datetime) -> Record | None:
        if self._receipt(call):
            return None
        try:
            message = read(call, self._gateway, self._settings.default_region)
        except Unreadable as error:
            raw = json.dumps(call, ensure_ascii=False, sort_keys=True)
            payload = raw.encode("utf-8", "replace")
            return Record(payload, "application/json", hashed(raw), "", {}, "unreadable_sms", str(error))
        if message is None:
            raise BadCall(f"body: neither {self._gateway.sender} nor the words; expected one message of the gateway")
        if message.part is None:
            return _single(message)
        sender = (message.values.get("phone") or message.values.get("sender", ""), message.values.get("recipient", ""))
        joined = self._waiting.add(sender, message.part, message.text, message.values, now)
        return _of_parts(joined) if joined else None


def _single(message: Message) -> Record:
    values = message.values | {"text": whole([message.text])}
    given = message.values.get("id")
    # Without an id, the same words of the same sender at the same time are the same message.
    key = as_key(given) if given else hashed(*(f"{name}={value}" for name, value in sorted(values.items())))
    return Record(as_json(values), "application/json", key)


def _of_parts(joined: Joined) -> Record:
    missing = [number for number in range(1, joined.total + 1) if number not in joined.texts]
    texts: list[str] = []
    for number in range(1, joined.total + 1):
        if number in joined.texts:
            texts.append(joined.texts[number])
        elif not texts or texts[-1] != _GAP:
            texts.append(_GAP)
    payload = as_json({**joined.values, "text": whole(texts).strip()})
    about: dict[str, Any] = {"parts": joined.total} | ({"missing_parts": missing} if missing else {})
    return Record(payload, "application/json", joined.key, "", about)

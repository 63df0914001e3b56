"""Complaints that people write into a form; what looks like spam is kept as a dead letter, never dropped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from connectors.forms import fields
from connectors.own_key import own_key
from connectors.payload import as_json, as_key, hashed
from connectors.settings import secret
from connectors.source import BadCall, Record
from connectors.web_form import guards
from connectors.web_form.settings import TOKEN, TRAP, WebFormSettings

_NAME_CHARS = 60


class WebForm:
    """A webhook; see connectors.source.Webhook.

    Args:
        name: the source's name in the configuration.
        settings: its fields and guards.
        state: folder for the key of the tokens, where the settings name no secret.
    """

    def __init__(self, name: str, settings: WebFormSettings, state: Path) -> None:
        self.channel: str = settings.channel
        self.source = settings.called(name)
        self.settings = settings
        given = secret(f"sources.{name}.secret", settings.secret_env, settings.secret_file)
        self._key = given.encode() if given is not None else own_key(state / "web_form.key")
        self._rates = guards.Rates(settings.per_minute, settings.all_per_minute)

    def token(self, now: datetime) -> str:
        """For one showing of the page."""
        return guards.new_token(self._key, self.source, now)

    def knows(self, token: str, now: datetime) -> bool:
        """Whether a token is of this form's page."""
        return guards.token_age_s(self._key, self.source, token, now) is not None

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """A form has none."""
        return None

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Record]:
        """See connectors.source.Webhook; what looks like spam is a record with a defect.

        Raises:
            BadCall: it cannot be read, or what must be filled in is not; the message is for whoever filled it in.
            TooMany: the address, or all together, send too many.
        """
        self._rates.take(guards.address(headers, self.settings.forwarded_hops), now)
        form = fields(headers, body)
        values = {name[:_NAME_CHARS]: value.strip() for name, value in form.named().items() if value.strip()}
        token, trap = values.pop(TOKEN, ""), values.pop(TRAP, "")
        age = guards.token_age_s(self._key, self.source, token, now) if token else None
        reasons = self._suspicions(values.get("text", ""), token, trap, age)
        if not reasons:
            self._check(values)
        about = {"attachments": len(form.files), "attachment_bytes": sum(size for _, size in form.files)}
        return [
            Record(
                as_json(values),
                "application/json",
                self._key_of(values, token if age is not None else "", headers, suspected=bool(reasons)),
                metadata=about if form.files else {},
                defect_code="spam_suspected" if reasons else None,
                defect_message=f"{'; '.join(reasons)}. Retry it if it is none" if reasons else None,
            )
        ]

    def reply(self) -> tuple[str, str]:
        """See connectors.source.Webhook; the page has one of its own."""
        return "application/json", '{"accepted":true}'

    def _check(self, values: Mapping[str, str]) -> None:
        text = values.get("text", "")
        if not text:
            raise BadCall(f"{self.settings.text_label} Please write what happened.")
        if len(text) > self.settings.max_text_chars:
            raise BadCall(
                f"The text has {len(text)} characters; at most {self.settings.max_text_chars} can be sent. "
                "Please shorten it."
            )
        for one in self.settings.shown:
            if one.required and not values.get(one.name):
                raise BadCall(f"{one.label}: please fill this in.")

    def _suspicions(self, text: str, token: str, trap: str, age: float | None) -> list[str]:
        settings, found = self.settings, []
        if trap:
            found.append("a field that people do not see was filled in")
        if age is None and (token or settings.require_token):
            found.append("the token is not of the page" if token else "it was not sent from the page")
        if age is not None and age < settings.least_fill_s:
            found.append(f"filled in within {max(age, 0):.1f} s; people take {settings.least_fill_s:g} s at least")
        if age is not None and age > settings.token_s:
            found.append(f"the page was open for {age:.0f} s; at most {settings.token_s:g} s are usual")
        if (count := guards.links(text)) > settings.max_links:
            found.append(f"{count} links; at most {settings.max_links} are usual")
        return found

    def _key_of(self, values: Mapping[str, str], token: str, headers: Mapping[str, str], *, suspected: bool) -> str:
        given = values.get("id") or headers.get("idempotency-key", "").strip()
        content = [f"{name}={value}" for name, value in sorted(values.items())]
        if token:
            # Sent twice from one showing of the page it is one complaint; from two, it is two.
            return hashed(token, *content)
        if suspected:
            return hashed(*content)
        return as_key(given) if given else f"~{uuid4().hex}"

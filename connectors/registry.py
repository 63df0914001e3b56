"""Which kinds of sources there are: a kind's settings, and what opens a source of it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field

from connectors.folders.settings import FolderSettings
from connectors.logs.settings import LogSettings
from connectors.mail.settings import ImapSettings
from connectors.settings import Configured
from connectors.sms.settings import SmsWebhookSettings
from connectors.social.settings import SocialPullSettings, SocialWebhookSettings
from connectors.source import Connector, Webhook
from connectors.web_form.settings import WebFormSettings

#: The settings of any source, told apart by `kind`.
SourceSettings = Annotated[
    FolderSettings
    | LogSettings
    | ImapSettings
    | SocialPullSettings
    | SocialWebhookSettings
    | SmsWebhookSettings
    | WebFormSettings,
    Field(discriminator="kind"),
]

#: Module and name of what is called with (name, settings) to open a source of a kind.
_OPENERS = {
    "folder": ("connectors.folders.folder", "Folder"),
    "log": ("connectors.logs.follow", "Logs"),
    "imap": ("connectors.mail.imap", "Imap"),
    "social_pull": ("connectors.social.pull", "SocialPull"),
    "social_webhook": ("connectors.social.push", "SocialPush"),
    "sms_webhook": ("connectors.sms.webhook", "SmsWebhook"),
    "web_form": ("connectors.web_form.form", "WebForm"),
}

#: Kinds that keep something in a folder of the host.
_KEEPING = ("sms_webhook", "web_form")

#: The settings class of each kind.
KINDS: dict[str, type[Configured]] = {
    cls.model_fields["kind"].default: cls for cls in get_args(get_args(SourceSettings)[0])
}


def open_source(name: str, settings: Configured, state: Path | None = None) -> Connector | Webhook:
    """The source configured under `name`; what it needs is imported now, and nothing is connected yet.

    Args:
        name: see there.
        settings: of its kind.
        state: folder for what a webhook keeps on this host; webhooks need one.

    Raises:
        BadSource: its settings or secrets are wrong.
    """
    kind: str = settings.kind  # type: ignore[attr-defined]  # every kind has one
    module, opener = _OPENERS[kind]
    more = (state,) if kind in _KEEPING else ()
    opened: Any = getattr(import_module(module), opener)(name, settings, *more)
    return opened  # type: ignore[no-any-return]

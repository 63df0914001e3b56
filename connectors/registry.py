"""Which kinds of sources there are: a kind's settings, and what opens a source of it."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any, get_args

from pydantic import Field

from connectors.folders.settings import FolderSettings
from connectors.logs.settings import LogSettings
from connectors.mail.settings import ImapSettings
from connectors.settings import Configured
from connectors.source import Connector, Webhook

#: The settings of any source, told apart by `kind`.
SourceSettings = Annotated[
    FolderSettings | LogSettings | ImapSettings,
    Field(discriminator="kind"),
]

#: Module and name of what is called with (name, settings) to open a source of a kind.
_OPENERS = {
    "folder": ("connectors.folders.folder", "Folder"),
    "log": ("connectors.logs.follow", "Logs"),
    "imap": ("connectors.mail.imap", "Imap"),
}

#: The settings class of each kind.
KINDS: dict[str, type[Configured]] = {
    cls.model_fields["kind"].default: cls for cls in get_args(get_args(SourceSettings)[0])
}


def open_source(name: str, settings: Configured) -> Connector | Webhook:
    """The source configured under `name`; what it needs is imported now, and nothing is connected yet.

    Raises:
        BadSource: its settings or secrets are wrong.
    """
    module, opener = _OPENERS[settings.kind]  # type: ignore[attr-defined]  # every kind has one
    opened: Any = getattr(import_module(module), opener)(name, settings)
    return opened  # type: ignore[no-any-return]

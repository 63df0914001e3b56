"""The errors of the outside world; every other package's errors hang on this tree.

BeejanError
├── Transient        try again later: a message is nak'd with a delay
│   ├── NatsAway         no connection or no answer
│   ├── StreamFull       the stream refuses more for now
│   └── StoreFull        no room on the device
└── Terminal         will never work as it is: a record is dead-lettered, a command ends
    ├── UnreadableFile
    ├── BadMapping
    ├── ContractFrozen
    ├── MessageTooLarge
    └── PortTaken
"""

from __future__ import annotations


class BeejanError(Exception):
    """Any error a user can act on; its message says what failed, on what, and what to do."""


class Transient(BeejanError):
    """It may work later, unchanged."""


class Terminal(BeejanError):
    """It will not work until something is changed."""


class NatsAway(Transient):
    """NATS cannot be reached, or does not answer."""


class StreamFull(Transient):
    """The stream takes no more at present; publishers are to slow down."""


class StoreFull(Transient):
    """The device under the tables has no room."""


class UnreadableFile(Terminal):
    """A file that cannot be read at all."""


class BadMapping(Terminal):
    """A mapping file that is missing or wrong."""


class ContractFrozen(Terminal):
    """A file departs from a mapping that says `freeze`; nothing of it was sent."""


class MessageTooLarge(Terminal):
    """A record over the limit on one message."""


class PortTaken(Terminal):
    """A port that something else listens on."""

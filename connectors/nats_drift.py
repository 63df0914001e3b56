"""Settings of a stream or consumer against what they must be: changed by our configuration, or by somebody else.

What we applied is noted in its metadata. A setting that still is what we applied follows our configuration; one that
is something else was changed by hand, and is shown and not corrected, unless that is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from connectors.errors import Terminal

#: The key in the metadata; its value is JSON of names and values.
APPLIED = "beejan.applied"


class StreamDrift(Terminal):
    """A stream or consumer has other settings than this program needs; the message lists them."""


def stamped(wanted: Any, configured: Iterable[str]) -> Any:
    """`wanted` with a note of its configured settings."""
    note = json.dumps({name: _plain(getattr(wanted, name)) for name in configured})
    return wanted.evolve(metadata={APPLIED: note})


def changes(what: str, wanted: Any, found: Any, fixed: Sequence[str], *, repair: bool = False) -> dict[str, Any]:
    """The settings to change in `found`, empty where it is as it must be.

    Args:
        what: for the message.
        wanted: as `stamped` gives it.
        found: what the server has.
        fixed: the names that no configuration changes.
        repair: take back what others changed.

    Raises:
        StreamDrift: others changed something.
    """
    target, applied = json.loads(wanted.metadata[APPLIED]), _applied(found)
    different = {name: getattr(wanted, name) for name in (*fixed, *target) if not _same(wanted, found, name)}
    foreign = [n for n in different if n not in target or applied.get(n) != _plain(getattr(found, n))]
    if foreign and not repair:
        shown = [f"{name} is {getattr(found, name)!r}, must be {different[name]!r}" for name in foreign]
        raise StreamDrift(
            f"{what}: {'; '.join(shown)}. Others changed this; `beejan doctor --repair` sets it right, or have the "
            "configuration of beejan say the same"
        )
    if different or applied != target:
        # What starts with _nats. is the server's own.
        kept = {name: value for name, value in (found.metadata or {}).items() if not name.startswith("_nats.")}
        different["metadata"] = kept | wanted.metadata
    return different


def _same(wanted: Any, found: Any, name: str) -> bool:
    return bool(_plain(getattr(wanted, name)) == _plain(getattr(found, name)))


def _applied(found: Any) -> dict[str, Any]:
    try:
        noted = json.loads((found.metadata or {}).get(APPLIED, "{}"))
    except ValueError:
        return {}
    return noted if isinstance(noted, dict) else {}


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

"""What keeps programs from a public form: a signed token with its time, a trap, links, and rates."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime

from connectors.source import TooMany

_LINK = re.compile(r"https?://|www\.|\[url[=\]]|<a\s", re.IGNORECASE)

#: Addresses whose rate is remembered; of more, the one that was quiet longest is forgotten.
_MOST_ADDRESSES = 10_000


def new_token(key: bytes, source: str, now: datetime) -> str:
    """A token for one showing of the form: time, chance, signature."""
    body = f"{int(now.timestamp() * 1000)}.{secrets.token_hex(8)}"
    return f"{body}.{_sign(key, source, body)}"


def token_age_s(key: bytes, source: str, token: str, now: datetime) -> float | None:
    """How long ago a token was given out, s; None where it is none of ours."""
    body, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), _sign(key, source, body).encode()):
        return None
    return now.timestamp() - int(body.partition(".")[0]) / 1000


def links(text: str) -> int:
    """How many links a text holds."""
    return len(_LINK.findall(text))


def _sign(key: bytes, source: str, body: str) -> str:
    return hmac.new(key, f"{source}.{body}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def address(headers: Mapping[str, str], hops: int) -> str | None:
    """Whose call it is: the address that the outermost of our own `hops` proxies saw.

    An IPv6 address counts by its /64 network. Without proxies the peer may be the engine's own proxy, which
    hides the address: None then.
    """
    if hops:
        chain = [part.strip() for part in headers.get("x-forwarded-for", "").split(",")]
        given = chain[-hops] if len(chain) >= hops else ""
    else:
        given = headers.get(":peer", "")
    try:
        found = ipaddress.ip_address(given)
    except ValueError:
        return None
    if not hops and found.is_loopback:
        return None
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


class Rates:
    """A bucket for each address and one for all, in bounded memory."""

    def __init__(self, per_minute: float, all_per_minute: float) -> None:
        self._per_minute, self._all = per_minute, all_per_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._shared: tuple[float, float] | None = None

    def take(self, who: str | None, now: datetime) -> None:
        """Count a call.

        Raises:
            TooMany: there were too many; it is not counted.
        """
        moment = now.timestamp()
        shared = _drawn(self._shared, self._all, moment)
        if who is not None:
            self._buckets[who] = _drawn(self._buckets.get(who), self._per_minute, moment)
            self._buckets.move_to_end(who)
            if len(self._buckets) > _MOST_ADDRESSES:
                self._buckets.popitem(last=False)
        self._shared = shared


def _drawn(bucket: tuple[float, float] | None, per_minute: float, moment: float) -> tuple[float, float]:
    """The bucket (what is left, when) after one more call."""
    room = max(per_minute, 1.0)
    left, then = bucket or (room, moment)
    left = min(room, left + max(0.0, moment - then) * per_minute / 60)
    if left < 1:
        wait = (1 - left) * 60 / per_minute
        raise TooMany(f"too many forms at once; send it again in {wait:.0f} s", wait)
    return left - 1, moment

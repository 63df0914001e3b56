"""Simulated complaints with known truth: the same arguments give the same complaints."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from random import Random

from engine.simulate import people
from engine.simulate.phrases_local import HOMES
from engine.simulate.repeats import edit
from engine.simulate.rhythm import moments
from engine.simulate.voices import compose, known

CHANNELS = {"social": 30, "sms": 22, "call_center": 20, "web_form": 18, "file": 10}
LANGUAGES = {"eng": 65, "pcm": 17, "hau": 7, "yor": 6, "ibo": 5}
_PRODUCTS = ("prepaid", "postpaid", "fibre", "mifi", "mobile money")
_LAGOS_TIME = timezone(timedelta(hours=1))

#: How often each kind of trouble comes up; the rest shares what is left.
_WEIGHTS = {
    "network.slow_data": 10, "network.no_signal": 8, "network.dropped_calls": 6, "network.outage": 2, "billing.unknown_deduction": 10,
    "billing.recharge_failed": 8, "billing.overcharge": 6, "billing.refund": 6, "service.no_response": 6, "other.praise": 3,
    "other.question": 4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outage:
    """A planted outage: `rows` further complaints, growing, from `started_at` on."""

    id: str
    subcategory: str
    region: str
    started_at: datetime
    ended_at: datetime
    rows: int


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a complaint; spans are character offsets into its text."""

    category: str
    subcategory: str
    language: str
    pii: list[dict[str, int | str]] = field(default_factory=list)
    duplicate_of: str | None = None
    near_duplicate_of: str | None = None
    outage: str | None = None


@dataclass(frozen=True, slots=True)
class Simulated:
    """A complaint as a source would send it."""

    channel: str
    source: str
    source_key: str
    occurred_at: datetime
    fields: dict[str, str]
    truth: Truth


def generate(
    rows: int, *, seed: int, start: datetime, end: datetime, outages: Sequence[Outage] = ()
) -> list[Simulated]:
    """`rows` complaints in the rhythm of a week, and those of the outages, by time.

    Args:
        rows: without the outages'.
        seed: same seed and times, same complaints.
        start: aware; of the first possible complaint.
        end: aware; after the last one.
        outages: planted on top.
    """
    world = _World(f"{seed}:{start.isoformat()}:{end.isoformat()}")
    planned: list[tuple[datetime, Outage | None]] = [(m, None) for m in moments(world.random, rows, start, end)]
    for outage in outages:
        planned += [(moment, outage) for moment in _ramp(world.random, outage)]
    return [world.complaint(moment, outage) for moment, outage in sorted(planned, key=lambda p: p[0])]


def demo(now: datetime, seed: int = 7) -> list[Simulated]:
    """Seven days up to `now`, with a network outage in Lagos that began 40 minutes ago."""
    outage = Outage("demo-outage", "network.outage", "Lagos", now - timedelta(minutes=40), now, 120)
    return generate(2400, seed=seed, start=now - timedelta(days=7), end=now, outages=[outage])


def stream(*, seed: int, clock: Callable[[], datetime]) -> Iterator[Simulated]:
    """Complaints without end, each at the clock's time; the caller sets the pace.

    Args:
        seed: same seed and first time, same complaints; another first time, other keys.
        clock: gives aware times.
    """
    world = _World(f"{seed}:{clock().isoformat()}")
    while True:
        yield world.complaint(clock(), None)


def _ramp(random: Random, outage: Outage) -> list[datetime]:
    span = outage.ended_at - outage.started_at
    return [outage.started_at + span * random.random() ** 0.6 for _ in range(outage.rows)]


class _World:
    """Customers and what has been said so far."""

    _CUSTOMERS = 900

    def __init__(self, seed: str) -> None:
        self.random = random = Random(seed)
        # Part of every key: two worlds sent to one engine must not share keys.
        self.tag = hashlib.blake2s(seed.encode(), digest_size=4).hexdigest()
        self.customers = [people.customer(random, n) for n in range(1, self._CUSTOMERS + 1)]
        self.said: list[tuple[Simulated, people.Customer]] = []
        self.count = 0

    def complaint(self, moment: datetime, outage: Outage | None) -> Simulated:
        """The next complaint."""
        self.count += 1
        roll = self.random.random()
        if self.said and outage is None and roll < 0.07:
            return self._repeat(moment, exact=roll < 0.02)
        return self._fresh(moment, outage)

    def _fresh(self, moment: datetime, outage: Outage | None) -> Simulated:
        random = self.random
        customer = self._customer(outage.region if outage else None)
        channel = random.choices(list(CHANNELS), list(CHANNELS.values()))[0]
        language = _language(random, channel, customer.region)
        if outage and outage.subcategory not in known(language):
            language = "eng"
        trouble = outage.subcategory if outage else _trouble(random, language)
        text, spans = compose(random, channel, language, trouble, customer)
        truth = Truth(trouble.partition(".")[0], trouble, language, spans, outage=outage.id if outage else None)
        made = self._envelope(channel, moment, text, customer, truth)
        if outage is None:
            self.said = [*self.said[-400:], (made, customer)]
        return made

    def _customer(self, region: str | None) -> people.Customer:
        # A few complain often: the power draws towards the first.
        place = int(len(self.customers) * self.random.random() ** 1.6)
        found = self.customers[place]
        return replace(found, region=region) if region else found

    def _repeat(self, moment: datetime, *, exact: bool) -> Simulated:
        """What was said before, by the same customer or by a neighbour who copies it."""
        before, customer = self.random.choice(self.said)
        if self.random.random() < 0.5:
            customer = self._customer(customer.region)
        text, truth = before.fields["text"], before.truth
        if exact:
            truth = replace(truth, duplicate_of=before.source_key)
        else:
            text, spans = edit(self.random, text, truth.pii)
            truth = replace(truth, pii=spans, near_duplicate_of=before.source_key)
        return self._envelope(before.channel, moment, text, customer, truth)

    def _envelope(
        self, channel: str, moment: datetime, text: str, customer: people.Customer, truth: Truth
    ) -> Simulated:
        random = self.random
        key = f"{channel[:2]}-{moment:%y%m%d}-{self.tag}-{self.count:06d}"
        local = channel in ("call_center", "web_form")
        shown = moment.astimezone(_LAGOS_TIME) if local else moment
        fields = {"id": key, "text": text, "occurred_at": shown.isoformat(timespec="seconds").replace("+00:00", "Z")}
        fields |= {"region": customer.region, "product": random.choice(_PRODUCTS)}
        if channel in ("call_center", "file"):
            fields |= {"customer_id": customer.customer_id, "account": customer.account}
        elif channel == "sms":
            fields["phone"] = customer.phone
        elif channel == "web_form":
            fields |= {"email": customer.email, "phone": random.choice(people.phone_forms(customer.phone))}
        return Simulated(channel, f"simulated_{channel}", key, moment.replace(microsecond=0), fields, truth)


def _language(random: Random, channel: str, region: str) -> str:
    if channel == "call_center":
        return "eng"  # agents take notes in English
    weights = {"eng": float(LANGUAGES["eng"] - CHANNELS["call_center"])}
    everyone = sum(people.REGIONS.values())
    for language, homes in HOMES.items():
        usual = sum(share * homes.get(place, 1.0) for place, share in people.REGIONS.items()) / everyone
        weights[language] = LANGUAGES[language] * homes.get(region, 1.0) / usual
    return random.choices(list(weights), list(weights.values()))[0]


def _trouble(random: Random, language: str) -> str:
    names = known(language)
    return random.choices(names, [_WEIGHTS.get(name, 3) for name in names])[0]

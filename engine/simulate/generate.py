"""Simulated complaints with known truth: the same arguments give the same complaints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from random import Random

from engine.simulate import people, phrases_eng
from engine.simulate.rhythm import moments
from engine.simulate.voices import compose

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
    world = _World(Random(f"{seed}:{start.isoformat()}:{end.isoformat()}"))
    planned: list[tuple[datetime, Outage | None]] = [(m, None) for m in moments(world.random, rows, start, end)]
    for outage in outages:
        planned += [(moment, outage) for moment in _ramp(world.random, outage)]
    return [world.complaint(moment, outage) for moment, outage in sorted(planned, key=lambda p: p[0])]


def demo(now: datetime, seed: int = 7) -> list[Simulated]:
    """Seven days up to `now`, with a network outage in Lagos that began 40 minutes ago."""
    outage = Outage("demo-outage", "network.outage", "Lagos", now - timedelta(minutes=40), now, 120)
    return generate(2400, seed=seed, start=now - timedelta(days=7), end=now, outages=[outage])


def stream(*, seed: int, clock: Callable[[], datetime]) -> Iterator[Simulated]:
    """Complaints without end, each at the clock's time; the caller sets the pace."""
    world = _World(Random(seed))
    while True:
        yield world.complaint(clock(), None)


def _ramp(random: Random, outage: Outage) -> list[datetime]:
    span = outage.ended_at - outage.started_at
    return [outage.started_at + span * random.random() ** 0.6 for _ in range(outage.rows)]


class _World:
    """Customers and what has been said so far."""

    _CUSTOMERS = 900

    def __init__(self, random: Random) -> None:
        self.random = random
        self.customers = [people.customer(random, n) for n in range(1, self._CUSTOMERS + 1)]
        self.said: list[Simulated] = []
        self.count = 0

    def complaint(self, moment: datetime, outage: Outage | None) -> Simulated:
        """The next complaint."""
        random = self.random
        self.count += 1
        roll = random.random()
        if self.said and outage is None and roll < 0.07:
            made = self._repeat(moment, exact=roll < 0.02)
        else:
            made = self._fresh(moment, outage)
            if outage is None:
                self.said = [*self.said[-400:], made]
        return made

    def _fresh(self, moment: datetime, outage: Outage | None) -> Simulated:
        random = self.random
        language = random.choices(list(LANGUAGES), list(LANGUAGES.values()))[0]
        channel = random.choices(list(CHANNELS), list(CHANNELS.values()))[0]
        if channel == "call_center":
            language = "eng"  # agents take notes in English
        customer = self._customer(outage.region if outage else None)
        trouble = outage.subcategory if outage else _trouble(random, language)
        text, spans = compose(random, channel, language, trouble, customer)
        truth = Truth(trouble.partition(".")[0], trouble, language, spans, outage=outage.id if outage else None)
        return self._envelope(channel, moment, text, customer, truth)

    def _customer(self, region: str | None) -> people.Customer:
        # A few complain often: the square draws towards the first.
        place = int(len(self.customers) * self.random.random() ** 1.6)
        found = self.customers[place]
        return replace(found, region=region) if region else found

    def _repeat(self, moment: datetime, *, exact: bool) -> Simulated:
        before = self.random.choice(self.said)
        key = before.source_key
        if exact:
            truth = replace(before.truth, duplicate_of=before.truth.duplicate_of or key)
            return self._envelope(before.channel, moment, before.fields["text"], self._customer(None), truth)
        text = before.fields["text"] + self.random.choice(
            ("!!", " pls", " again", " I have written before", " still waiting", "...")
        )
        truth = replace(before.truth, near_duplicate_of=key, duplicate_of=None)
        return self._envelope(before.channel, moment, text, self._customer(None), truth)

    def _envelope(
        self, channel: str, moment: datetime, text: str, customer: people.Customer, truth: Truth
    ) -> Simulated:
        random = self.random
        key = f"{channel[:2]}-{moment:%y%m%d}-{self.count:06d}"
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


def _trouble(random: Random, language: str) -> str:
    from engine.simulate import phrases_local

    known = list(phrases_eng.TROUBLES) if language == "eng" else list(phrases_local.TROUBLES[language])
    return random.choices(known, [_WEIGHTS.get(name, 3) for name in known])[0]

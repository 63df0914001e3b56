"""Simulated people who complain over several channels, with what makes linking them hard: known truth, seeded.

Changed numbers, numbers given to somebody else after a long silence, phones of a family or of an agent's shop,
mistyped accounts, and complaints that leave out what would identify their sender.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from engine.simulate.people import REGIONS, Customer, customer, phone_forms

#: Shares of people and of complaints; chosen to be hard, they are no measured figures.
_TWO_PHONES, _CHANGED, _RECYCLED, _FAMILY, _EMAIL, _HANDLE, _TWO_ACCOUNTS = 0.15, 0.1, 0.02, 0.05, 0.7, 0.3, 0.15
_SHOP, _TYPO, _NOTHING, _NAMED = 0.01, 0.02, 0.005, 0.4
_SHOPS = 8
_MEAN_COMPLAINTS = 6.0
_SILENCE_DAYS = 200

_TROUBLES = (
    "The network has been down since morning", "I was charged twice for one bundle", "My data finished in one day",
    "The recharge failed and the money is gone", "Nobody picks the calls at your office", "Wetin una dey do, network bad",
)  # fmt: skip
_PRODUCTS = ("prepaid", "postpaid", "fibre", "mifi")
_CHANNELS = {"call_center": 30, "sms": 25, "web_form": 20, "social": 8, "file": 17}


@dataclass(frozen=True, slots=True)
class Told:
    """A complaint and whose it is.

    Args:
        person: number of who complains.
        key: its source key.
        channel: as of an envelope.
        occurred_at: aware.
        fields: text, customer_id, account, phone, email, region, product, as far as they are told.
    """

    person: int
    key: str
    channel: str
    occurred_at: datetime
    fields: dict[str, str]


@dataclass(slots=True)
class _Person:
    number: int
    base: Customer
    #: Phones with the shares of the period in which they are used.
    phones: list[tuple[str, float, float]]
    accounts: list[str]
    email: str | None
    handle: str | None
    product: str


def tell(people: int, *, seed: int, start: datetime, days: int = 720) -> list[Told]:
    """Complaints of `people` people over `days`, by time; the same arguments give the same complaints."""
    random = Random(f"identities:{seed}")
    crowd = [_person(random, number) for number in range(people)]
    _share(random, crowd)
    shops = [customer(random, 900_000 + n).phone for n in range(_SHOPS)]
    told: list[Told] = []
    for person in crowd:
        for _ in range(1 + int(random.expovariate(1 / (_MEAN_COMPLAINTS - 1)))):
            told.append(_complaint(random, person, shops, start, days, len(told)))
    return sorted(told, key=lambda one: (one.occurred_at, one.key))


def _person(random: Random, number: int) -> _Person:
    base = customer(random, number + 1)
    other = customer(random, number + 1)
    phones = [(base.phone, 0.0, 1.0)]
    roll = random.random()
    if roll < _CHANGED:
        moment = random.uniform(0.3, 0.7)
        phones = [(base.phone, 0.0, moment), (other.phone, moment, 1.0)]
    elif roll < _CHANGED + _TWO_PHONES:
        phones.append((other.phone, 0.0, 1.0))
    accounts = [base.account, other.account] if random.random() < _TWO_ACCOUNTS else [base.account]
    handle = f"{base.name.replace(' ', '').lower()}{number}" if random.random() < _HANDLE else None
    # Addresses of a simulated name and two digits meet too often to belong to one person each.
    email = base.email.replace("@", f".{number}@") if random.random() < _EMAIL else None
    return _Person(number, base, phones, accounts, email, handle, random.choice(_PRODUCTS))


def _share(random: Random, crowd: list[_Person]) -> None:
    """Families use one phone beside their own, and numbers that were given up go to somebody else."""
    for person in crowd:
        roll = random.random()
        other = random.choice(crowd)
        if other is person:
            continue
        if roll < _FAMILY:
            other.phones.append((person.phones[0][0], 0.0, person.phones[0][2]))
        elif roll < _FAMILY + _RECYCLED:
            number, begin, _ = person.phones[0]
            person.phones[0] = (number, begin, 0.3)
            person.phones.append((customer(random, 1).phone, 0.3, 1.0))
            other.phones = [(number, 0.3 + _SILENCE_DAYS / 720, 1.0), *other.phones]


def _complaint(random: Random, person: _Person, shops: Sequence[str], start: datetime, days: int, count: int) -> Told:
    share = random.random()
    usable = [number for number, begin, end in person.phones if begin <= share < end] or [person.base.phone]
    phone = random.choice(shops) if random.random() < _SHOP else random.choice(usable)
    phone = random.choice(phone_forms(phone))
    account = random.choice(person.accounts)
    if random.random() < _TYPO:
        account = _mistyped(random, account)
    weights = dict(_CHANNELS)
    if not person.handle:
        weights["social"] = 0
    channel = random.choices(list(weights), list(weights.values()))[0]
    given = _given(random, channel, person, phone, account)
    text = random.choice(_TROUBLES)
    if channel == "social" and random.random() < 0.5:
        text += f", my number is {phone}"
    if random.random() < _NAMED:
        text += f". My name is {person.base.name}"
    if random.random() < _NOTHING:
        given, text = {}, random.choice(_TROUBLES)
    region = person.base.region if random.random() < 0.92 else random.choice(list(REGIONS))
    moment = start + timedelta(days=share * days)
    return Told(
        person.number,
        f"t-{count:07d}",
        channel,
        moment,
        {"text": text, "region": region, "product": person.product} | given,
    )


def _given(random: Random, channel: str, person: _Person, phone: str, account: str) -> dict[str, str]:
    """What a channel's form, agent or gateway writes down of the sender."""
    shares = {
        "call_center": {"customer_id": 0.85, "account": 0.6, "phone": 0.8},
        "sms": {"phone": 1.0},
        "web_form": {"email": 0.85, "phone": 0.7, "customer_id": 0.35, "account": 0.3},
        "social": {"customer_id": 1.0},
        "file": {"customer_id": 0.92, "account": 0.8, "email": 0.3},
    }[channel]
    values = {"customer_id": person.base.customer_id, "account": account, "phone": phone, "email": person.email}
    if channel == "social":
        values["customer_id"] = person.handle or ""
    given = {name: value for name, share in shares.items() if (value := values[name]) and random.random() < share}
    if not given:
        first = next(iter(shares))
        given = {first: str(values[first] or phone)} if values[first] else {"phone": phone}
    return given


def _mistyped(random: Random, account: str) -> str:
    place = random.randrange(len(account) - 1)
    if random.random() < 0.5:
        return account[:place] + account[place + 1] + account[place] + account[place + 2 :]
    return account[:place] + str((int(account[place]) + random.randint(1, 9)) % 10) + account[place + 1 :]

"""Simulated people: names, numbers and addresses that belong to nobody."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

FIRST = (
    "Ada", "Chinedu", "Ngozi", "Emeka", "Ifeoma", "Tunde", "Yetunde", "Kunle", "Bisi", "Segun", "Aisha", "Musa", "Fatima", "Ibrahim",
    "Zainab", "Sani", "Hauwa", "Uche", "Chioma", "Obinna", "Folake", "Femi", "Amaka", "Blessing", "Godwin", "Efe", "Osaze", "Patience",
)  # fmt: skip
LAST = (
    "Okafor", "Adeyemi", "Bello", "Okonkwo", "Balogun", "Abubakar", "Eze", "Ogunleye", "Danjuma", "Nwosu", "Adebayo", "Lawal", "Obi",
    "Usman", "Akinola", "Igwe", "Suleiman", "Osagie", "Ekpo", "Umar",
)  # fmt: skip

#: Area names by region; what people call the place they are in.
AREAS = {
    "Lagos": ("Ikeja", "Yaba", "Surulere", "Lekki", "Ajah", "Festac", "Ikorodu", "Agege", "Victoria Island", "Oshodi", "Lagos"),
    "FCT": ("Wuse", "Garki", "Kubwa", "Gwarinpa", "Lugbe", "Maitama", "Abuja"),
    "Kano": ("Sabon Gari", "Fagge", "Nassarawa GRA", "Kano", "Tarauni"),
    "Rivers": ("Port Harcourt", "Rumuola", "Trans Amadi", "Eleme", "Diobu"),
    "Oyo": ("Ibadan", "Bodija", "Ogbomoso", "Challenge", "Dugbe"),
    "Enugu": ("Enugu", "Nsukka", "Independence Layout", "New Haven"),
    "Kaduna": ("Kaduna", "Zaria", "Barnawa", "Kawo"),
    "Edo": ("Benin City", "Ekpoma", "Ugbowo", "Ring Road Benin"),
}  # fmt: skip
#: Of mobile networks, so that detectors take the numbers for what they are meant to be.
PREFIXES = ("0803", "0806", "0802", "0805", "0703", "0706", "0813", "0816", "0901", "0906")
REGIONS = {"Lagos": 30, "FCT": 15, "Kano": 12, "Rivers": 12, "Oyo": 11, "Enugu": 8, "Kaduna": 7, "Edo": 5}


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who complains."""

    customer_id: str
    name: str
    phone: str
    email: str
    account: str
    region: str


def customer(random: Random, number: int) -> Customer:
    """A customer; phones have the prefix of a mobile network and a subscriber part in 00…, addresses an example domain."""
    first, last = random.choice(FIRST), random.choice(LAST)
    domain = random.choice(("example.com", "example.org", "mail.example.net", "example.ng"))
    return Customer(
        customer_id=f"C{number:06d}",
        name=f"{first} {last}",
        phone=f"{random.choice(PREFIXES)}00{random.randint(0, 99999):05d}",
        email=f"{first}.{last}{random.randint(1, 99)}@{domain}".lower(),
        account="".join(str(random.randint(0, 9)) for _ in range(10)),
        region=random.choices(list(REGIONS), list(REGIONS.values()))[0],
    )


def phone_forms(phone: str) -> tuple[str, ...]:
    """The ways people write an 11-digit number."""
    return (
        phone,
        f"{phone[:4]} {phone[4:7]} {phone[7:]}",
        f"+234{phone[1:]}",
        f"{phone[:4]}-{phone[4:7]}-{phone[7:]}",
        f"234{phone[1:]}",
    )


def card(random: Random) -> str:
    """Sixteen digits of the test range 4000 00…, which pass the Luhn check."""
    body = "400000" + "".join(str(random.randint(0, 9)) for _ in range(9))
    total = 0
    for position, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    digits = body + str(-total % 10)
    return " ".join(digits[i : i + 4] for i in range(0, 16, 4)) if random.random() < 0.5 else digits


def digits(random: Random, count: int) -> str:
    """That many digits, the first not zero."""
    return str(random.randint(1, 9)) + "".join(str(random.randint(0, 9)) for _ in range(count - 1))

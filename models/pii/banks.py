"""Nigerian bank accounts (NUBAN) beside the name of their bank, proved by the check digit."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Bank codes of the CBN; None for those whose accounts are telephone numbers or have codes of their own.
BANKS: dict[str, str | None] = {
    "access bank": "044", "access": "044", "diamond bank": "063", "citibank": "023", "ecobank": "050", "fidelity": "070", "first bank": "011",
    "firstbank": "011", "fbn": "011", "fcmb": "214", "gtbank": "058", "gtb": "058", "gt bank": "058", "guaranty trust": "058", "heritage": "030",
    "jaiz": "301", "keystone": "082", "polaris": "076", "skye bank": "076", "providus": "101", "stanbic": "221", "stanbic ibtc": "221",
    "standard chartered": "068", "sterling": "232", "suntrust": "100", "titan trust": "102", "union bank": "032", "uba": "033", "unity bank": "215",
    "wema": "035", "alat": "035", "zenith": "057", "zenith bank": "057", "globus": None, "kuda": None, "opay": None, "palmpay": None,
    "moniepoint": None, "carbon": None, "fairmoney": None, "vfd": None, "rubies": None, "lotus": None, "taj bank": None, "premium trust": None,
}  # fmt: skip
_WEIGHTS = (3, 7, 3, 3, 7, 3, 3, 7, 3, 3, 7, 3)


def nuban(account: str, bank: str) -> bool:
    """Whether the tenth digit is the check digit of the bank's code and the serial number.

    CBN, "Proposals on the Nigeria Uniform Bank Account Number (NUBAN) Scheme" (2010): code and serial weighted
    with 3, 7, 3, 3, 7, 3, …, summed, taken from the next multiple of ten.

    Args:
        account: ten digits.
        bank: the bank's three-digit code.
    """
    total = sum(int(digit) * weight for digit, weight in zip(bank + account[:9], _WEIGHTS, strict=True))
    return (10 - total % 10) % 10 == int(account[9])


class BankAccount:
    """Ten digits within a few words of a bank's name."""

    type = "ACCOUNT"

    def spans(self, text: str, lower: str) -> Iterator[tuple[int, int]]:
        """Start and end of each account number, in order."""
        if not any(word in lower for word in _FIRST):
            return
        for match in _TEN.finditer(text):
            around = lower[max(0, match.start() - 40) : match.start()], lower[match.end() : match.end() + 25]
            names = [*_NAME_BEFORE.findall(around[0]), *_NAME_AFTER.findall(around[1])]
            digits = re.sub(r"\D", "", match.group())
            codes = {BANKS[" ".join(name.split())] for name in names}
            if any(code is None or nuban(digits, code) for code in codes):
                yield match.span()


_ALL = "|".join(sorted((re.escape(name).replace(r"\ ", r"\s") for name in BANKS), key=len, reverse=True))
_FIRST = tuple({name.split(" ")[0] for name in BANKS})
_TEN = re.compile(r"(?<![\w.,/-])\d{10}(?![\w/])|(?<![\w.,/-])\d{3}[ -]\d{3}[ -]\d{4}(?![\w/])")
_NAME_BEFORE = re.compile(rf"\b({_ALL})\b[^\d\n\ue000]{{0,25}}$")
_NAME_AFTER = re.compile(rf"^[^\d\n\ue000]{{0,12}}?\b({_ALL})\b")

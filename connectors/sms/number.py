"""A sender as a phone number in E.164, where it is one."""

from __future__ import annotations

import phonenumbers


def e164(sender: str, region: str | None) -> str | None:
    """The number in E.164; None for a name, a short code, or a number that cannot be.

    Args:
        sender: as the gateway gave it, with or without its country.
        region: ISO 3166 code of the country of numbers without one.
    """
    if any(character.isalpha() for character in sender):
        return None
    digits = "".join(character for character in sender if character.isdecimal())
    # Gateways leave the plus away, and form encoding makes it a space.
    for text, country in ((sender.strip(), region), (f"+{digits.removeprefix('00')}", None)):
        try:
            number = phonenumbers.parse(text, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return None

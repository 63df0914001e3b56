"""The user data header of an SMS: which part of a longer message it is (3GPP TS 23.040, 9.2.3.24)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message.

    Args:
        reference: what the parts of a message share.
        total: how many there are, 2 to 255.
        number: which one this is, from 1.
    """

    reference: str
    total: int
    number: int


def part(reference: str, total: int, number: int) -> Part | None:
    """A part, or None where the numbers cannot be, or it is the only one."""
    return Part(reference, total, number) if 1 < total <= 255 and 1 <= number <= total else None


def read(header: bytes) -> Part | None:
    """The part that a header tells of, by an 8-bit or a 16-bit reference.

    Args:
        header: with or without its length byte in front.

    Returns:
        None where it tells of none, or is damaged.
    """
    elements = header[1:] if header and header[0] == len(header) - 1 else header
    position = 0
    while position + 2 <= len(elements):
        kind, length = elements[position], elements[position + 1]
        data = elements[position + 2 : position + 2 + length]
        if kind == 0x00 and len(data) == 3:
            return part(f"8:{data[0]}", data[1], data[2])
        if kind == 0x08 and len(data) == 4:
            return part(f"16:{int.from_bytes(data[:2], 'big')}", data[2], data[3])
        position += 2 + length
    return None


def fill_bits(header_bytes: int) -> int:
    """Zero bits between a header, its length byte counted, and the first packed septet after it."""
    return -8 * header_bytes % 7

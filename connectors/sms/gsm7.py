"""The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038, 6.2.1), packed and not."""

from __future__ import annotations

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_ESCAPE = 0x1B
_CODES = {c: bytes([i]) for i, c in enumerate(_BASIC) if i != _ESCAPE} | {
    c: bytes([_ESCAPE, i]) for i, c in _EXTENDED.items()
}


def decode(septets: bytes) -> str:
    """The text of septets, one a byte.

    A code that the extension table does not have is shown from the default alphabet, an escape at the end as
    a space, as the standard asks for. The eighth bit is ignored.
    """
    text, escaped = [], False
    for code in septets:
        septet = code & 0x7F
        if escaped:
            text.append(_EXTENDED.get(septet) or _shown(septet))
            escaped = False
        elif septet == _ESCAPE:
            escaped = True
        else:
            text.append(_BASIC[septet])
    return "".join(text) + (" " if escaped else "")


def encode(text: str) -> bytes:
    """The septets of a text, one a byte.

    Raises:
        ValueError: a character that the alphabet does not have.
    """
    try:
        return b"".join(_CODES[character] for character in text)
    except KeyError as error:
        raise ValueError(f"character {error}: not in the GSM 7-bit alphabet") from error


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Eight septets in seven bytes, the lowest bits first, after `fill` zero bits."""
    bits = sum((septet & 0x7F) << (7 * index) for index, septet in enumerate(septets)) << fill
    return bits.to_bytes((fill + 7 * len(septets) + 7) // 8, "little")


def unpack(packed: bytes, count: int | None = None, fill: int = 0) -> bytes:
    """The septets, one a byte, that stand packed after `fill` bits.

    Args:
        packed: as `pack` gives them.
        count: how many; without it as many as fit, but for a last one of seven zero bits, which is padding
            there and not an @.
        fill: bits before the first one.
    """
    room = max(0, (8 * len(packed) - fill) // 7)
    septets = _spread(packed, min(room, count) if count is not None else room, fill)
    padded = count is None and (8 * len(packed) - fill) % 7 == 0 and septets.endswith(b"\0")
    return septets[:-1] if padded else septets


def _spread(packed: bytes, count: int, fill: int) -> bytes:
    septets, bits, held = bytearray(), 0, -fill
    for byte in packed:
        if held < 0:
            bits, held = byte >> -held, 8 + held
        else:
            bits, held = bits | byte << held, held + 8
        while held >= 7 and len(septets) < count:
            septets.append(bits & 0x7F)
            bits, held = bits >> 7, held - 7
    return bytes(septets)


def _shown(septet: int) -> str:
    return " " if septet == _ESCAPE else _BASIC[septet]

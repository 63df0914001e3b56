"""Writes what Outlook saves: a mail's properties in a compound file (MS-CFB version 3, MS-OXMSG), the least of each."""

import struct
from datetime import UTC, datetime, timedelta

FREE, CHAIN_END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
SECTOR, MINI, CUTOFF = 512, 64, 4096


def compound(tree):
    """The bytes of a compound file; `tree` is {name: bytes, or a storage as such a dict}."""
    fat, sectors, mini, minifat = [], [], b"", []

    def store(data):
        start = len(sectors)
        for at in range(0, len(data), SECTOR):
            sectors.append(data[at : at + SECTOR].ljust(SECTOR, b"\0"))
            fat.append(len(sectors))
        if data:
            fat[-1] = CHAIN_END
        return start if data else CHAIN_END

    entries = [["Root Entry", 5, FREE, FREE, FREE, 0, 0]]

    def add(children):
        """Directory entries of a storage, each the right sibling of the one before; gives the first one's number."""
        nonlocal mini
        before, first = None, FREE
        for name in sorted(children, key=lambda name: (len(name), name.upper())):
            value, number = children[name], len(entries)
            if before is None:
                first = number
            else:
                entries[before][3] = number
            before, entry = number, [name, 1, FREE, FREE, FREE, CHAIN_END, 0]
            entries.append(entry)
            if isinstance(value, dict):
                entry[1], entry[5] = 1, 0
                entry[4] = add(value)
                continue
            entry[1], entry[6] = 2, len(value)
            if len(value) >= CUTOFF:
                entry[5] = store(value)
            elif value:
                entry[5] = len(minifat)
                count = -(-len(value) // MINI)
                minifat.extend([*range(len(minifat) + 1, len(minifat) + count), CHAIN_END])
                mini += value.ljust(count * MINI, b"\0")
        return first

    entries[0][4] = add(tree)
    entries[0][5], entries[0][6] = store(mini), len(mini)
    directory = b"".join(map(directory_entry, entries))
    directory += directory_entry(["", 0, FREE, FREE, FREE, 0, 0]) * (-len(entries) % 4)
    directory_at = store(directory)
    table = struct.pack(f"<{len(minifat)}I", *minifat)
    minifat_at = store(table + b"\xff" * (-len(table) % SECTOR))
    fat_sectors = 1
    while (len(sectors) + fat_sectors) * 4 > fat_sectors * SECTOR:
        fat_sectors += 1
    fat_at = list(range(len(sectors), len(sectors) + fat_sectors))
    fat += [FAT] * fat_sectors
    packed = struct.pack(f"<{len(fat)}I", *fat).ljust(fat_sectors * SECTOR, b"\xff")
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6, b"", 0, fat_sectors,
        directory_at, 0, CUTOFF, minifat_at, -(-len(table) // SECTOR), CHAIN_END, 0, fat_at[0],
    )  # fmt: skip
    header += struct.pack(f"<{fat_sectors - 1}I", *fat_at[1:])
    return header.ljust(SECTOR, b"\xff") + b"".join(sectors) + packed


def directory_entry(entry):
    name, kind, left, right, child, start, size = entry
    encoded = name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16sIQQIQ", encoded, len(encoded) + 2 if name else 0, kind, 1, left, right, child, b"", 0, 0, 0, start, size
    )  # fmt: skip


def storage(header, values):
    """A storage of properties: {(id): text, bytes, whole number or time}."""
    found, rows = {}, b""
    for number, value in values.items():
        if isinstance(value, datetime):
            ticks = (value - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10
            rows += struct.pack("<HHIQ", 0x40, number, 6, ticks)
        elif isinstance(value, int):
            rows += struct.pack("<HHIQ", 0x03, number, 6, value)
        else:
            kind, data = (0x1F, value.encode("utf-16-le")) if isinstance(value, str) else (0x102, value)
            found[f"__substg1.0_{number:04X}{kind:04X}"] = data
            rows += struct.pack("<HHIII", kind, number, 6, len(data) + (2 if kind == 0x1F else 0), 0)
    return found | {"__properties_version1.0": header + rows}


def msg(values, recipients=(), attachments=()):
    """The bytes of a .msg; each argument holds properties by their ids."""
    counts = len(recipients), len(attachments), len(recipients), len(attachments)
    tree = storage(struct.pack("<8s4I8s", b"", *counts, b""), values)
    for kind, all_of_them in (("recip", recipients), ("attach", attachments)):
        for number, one in enumerate(all_of_them):
            tree[f"__{kind}_version1.0_#{number:08X}"] = storage(b"\0" * 8, one)
    return compound(tree)

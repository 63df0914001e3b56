"""Where a table's header is, and what its columns are called."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_low

#: A header further down is not looked for.
SEARCHED_ROWS = 50

#: Rows and columns of a merged area: first row, first column, last row, last column, from 0.
Merged = tuple[int, int, int, int]

_MOST_DEPTH = 6


def find_header(rows: Sequence[Sequence[str]]) -> int | None:
    """The place of the header: the first row that fills half as many cells as the table's rows mostly do.

    What is above it are titles and remarks, which are passed over. None where every row is empty.
    """
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows[:SEARCHED_ROWS]]
    wide = [count for count in filled if count >= 2]
    if not wide:
        return next((n for n, count in enumerate(filled) if count), None)
    needed = max(2, -(-median_low(wide) // 2))
    return next(n for n, count in enumerate(filled) if count >= needed)


def header_depth(start: int, merged: Sequence[Merged]) -> int:
    """How many rows the header has: as many as what is merged in it takes, and one more under what is merged across."""
    end = start
    for top, left, bottom, right in sorted(merged):
        if start <= top <= end:
            end = max(end, bottom, top + 1 if right > left and bottom == top == start else top)
    return min(end - start + 1, _MOST_DEPTH)


def is_header(row: Sequence[str]) -> bool:
    """Whether a row can name columns: one that begins with a number is a record of a table without a header."""
    first = next((cell for cell in row if cell.strip()), "")
    try:
        float(first)
    except ValueError:
        return True
    return False


def joined(rows: Sequence[Sequence[str]], start: int, depth: int, merged: Sequence[Merged]) -> list[str]:
    """The header's rows as one: what is merged across stands over each of its columns, repeated words once."""
    head = [list(row) for row in rows[start : start + depth]]
    for top, left, bottom, right in merged:
        if start <= top < start + depth:
            for row in range(top - start, min(bottom - start + 1, len(head))):
                for column in range(left, min(right + 1, len(head[row]))):
                    head[row][column] = rows[top][left]
    width = max(map(len, head), default=0)
    cells = []
    for column in range(width):
        parts = [" ".join(row[column].split()) for row in head if column < len(row) and row[column].strip()]
        cells.append(" ".join(dict.fromkeys(parts)))
    return cells


def names(cells: Sequence[str]) -> list[str]:
    """Column names on one line; empty and repeated ones get a number."""
    used: set[str] = set()
    found = []
    for position, cell in enumerate(cells, 1):
        base = " ".join(cell.lstrip("\ufeff").split()) or f"column_{position}"
        name, copy = base, 2
        while name in used:
            name, copy = f"{base}_{copy}", copy + 1
        used.add(name)
        found.append(name)
    return found

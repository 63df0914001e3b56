"""English words with their frequencies, and a map of common misspellings: read from the packages that publish them."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path


@lru_cache(maxsize=1)
def frequencies() -> dict[str, int]:
    """82,765 English words and how often Google's books have them (symspellpy's list, lower case)."""
    text = _read("symspellpy", "symspellpy/frequency_dictionary_en_82_765.txt")
    pairs = (line.split() for line in text.lstrip("\ufeff").splitlines())
    return {word: int(count) for word, count in pairs}


@lru_cache(maxsize=1)
def variants() -> frozenset[str]:
    """Words that are spelt one way in Britain and another in America, both ways (codespell's dictionary)."""
    found = set()
    for line in _read("codespell", "codespell_lib/data/dictionary_en-GB_to_en-US.txt").splitlines():
        british, _, american = line.partition("->")
        found |= {british.strip(), *(word.strip() for word in american.split(","))}
    return frozenset(found)


@lru_cache(maxsize=1)
def misspellings() -> dict[str, tuple[str, ...]]:
    """Common misspellings and what they may stand for, lower case (codespell's dictionary)."""
    found = {}
    for line in _read("codespell", "codespell_lib/data/dictionary.txt").splitlines():
        wrong, _, right = line.partition("->")
        # A word after the last comma is a remark.
        meant = right.split(",")[:-1] if "," in right else [right]
        found[wrong.strip().lower()] = tuple(word.strip().lower() for word in meant)
    return found


def _read(package: str, path: str) -> str:
    """A file of an installed package, without importing its code."""
    return Path(str(distribution(package).locate_file(path))).read_text(encoding="utf-8")

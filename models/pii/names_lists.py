"""Make the lists of the name tagger that come from elsewhere: `python -m models.pii.names_lists --data DIR`.

`names_world.txt.gz` is of the given and family names of Faker (MIT), which is needed for this alone (`pip install faker`).
`words_common.txt.gz` is of words that texts under a permissive licence write in lower case.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import importlib
import json
import pkgutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.pii.names_words import DATA, WORD, fold, read_list

#: Lower-case uses from which a word is common, and the share of its uses; a listed name needs the more.
#: Tweets without a capital speak of famous people too, so that their words must come up often.
_LEAST_SLANG = 12
_LEAST, _LEAST_NAME, _SHARE, _SHARE_NAME = 2, 5, 0.5, 0.8


def world_names() -> set[str]:
    """Faker's names, folded, their parts apart, those of three letters and more."""
    people = importlib.import_module("faker.providers.person")
    found: set[str] = set()
    for module in pkgutil.iter_modules(people.__path__):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        for attribute in dir(provider):
            if attribute.startswith(("first_name", "last_name", "given", "family")):
                for name in _strings(getattr(provider, attribute)):
                    found.update(part for part in map(fold, WORD.findall(name)) if len(part) > 2)
    return found


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list | tuple | set):
        for item in value:
            item = item[0] if isinstance(item, tuple | list) else item
            if isinstance(item, str):
                yield item


def permissive(data: Path) -> Iterator[tuple[str, str]]:
    """Texts under a permissive licence, each with its set."""
    for name, column in _TEXTS:
        path = data / name
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if not (row.get("source") == "masakhanews_headline" or row.get("split") == "test"):
                    yield f"{name}:{row.get('lang', 'eng')}", row[column]


def common_words(data: Path) -> set[str]:
    """Words mostly written in lower case; texts without any capital do not speak about names."""
    names = read_list("names_nigeria.txt") | read_list("names_more.txt") | read_list("names_world.txt.gz")
    lower: Counter[str] = Counter()
    upper: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    slang: Counter[str] = Counter()
    for origin, text in permissive(data):
        words = list(WORD.finditer(text))
        capitals = any(match.group()[0].isupper() for match in words)
        for match in words:
            word, plain = match.group(), fold(match.group())
            if word[0].islower():
                (lower if capitals else slang if "naijasenti" in origin else silent)[plain] += 1
            elif (
                match.start()
                and text[match.start() - 1] == " "
                and text[match.start() - 2 : match.start() - 1] not in ".!?"
            ):
                upper[plain] += 1
    for word, uses in slang.items():
        silent[word] += uses if uses >= _LEAST_SLANG else 0
    found = set()
    for word in lower.keys() | silent.keys():
        count, share = lower[word], lower[word] / max(1, lower[word] + upper[word])
        if word in names:
            common = count >= _LEAST_NAME and share >= _SHARE_NAME
        else:
            common = count + silent[word] >= _LEAST and (share >= _SHARE or not upper[word])
        if common and len(word) < 20:
            found.add(word)
    return found


def write(name: str, words: set[str], origin: str) -> None:
    """A list with where it is from; the same words give the same bytes."""
    (DATA / name).write_bytes(gzip.compress(("# " + origin + "\n" + "\n".join(sorted(words))).encode(), mtime=0))


#: In the layout of the project's data folder; see docs/models/names.md for the licences.
_TEXTS = (
    ("banking77/train.csv", "text"),
    ("clinc150/train_val.csv.gz", "text"),
    ("cfpb/narratives.csv.gz", "Consumer complaint narrative"),
    ("naijasenti/train.csv.gz", "tweet"),
    ("lid/lid_dev.csv", "text"),
)


def main() -> None:
    """Write to the package's data folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the public data sets")
    data = parser.parse_args().data
    write("names_world.txt.gz", world_names(), "Faker's names (MIT), folded; made by models.pii.names_lists")
    words = common_words(data)
    write("words_common.txt.gz", words, "Lower-case words of CC BY and public texts; made by models.pii.names_lists")
    sys.stdout.write(json.dumps({"world": len(read_list("names_world.txt.gz")), "common": len(words)}) + "\n")


if __name__ == "__main__":
    main()

"""Train the name tagger: `python -m models.pii.names_train --data DIR`, after names_lists.

It learns from the sentences of names_sentences.txt with names of the lists put in (a third of them as if no list had
them, so that it learns neighbours and forms too), from the labelled tweets of WNUT 2017, and from texts without names.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from models.pii.names import joins
from models.pii.names_features import NEIGHBOURS, candidate, features, language, style
from models.pii.names_lists import permissive
from models.pii.names_words import DATA, Seen, Token, read_list, tokens

_SEED, _ROUNDS, _SCALE = 7, 60, 0.01
#: Feature uses from which it gets a weight, inverse regularisation, and the weight of a listed name left unlisted.
_LEAST, _STRENGTH, _UNLISTED = 4, 0.3, 0.25
#: Share of words that lose the features of their neighbours, so that unseen neighbours do not unsettle the rest.
_BLIND = 0.5
#: Scores from which a word is a name; lower where text is in a Nigerian language, in which unknown words are rarer.
THRESHOLDS = {
    "ne": -0.7, "le": 0.2, "Te": 1.0, "Ue": 0.5, "np": -1.2, "nh": -0.5, "ni": -0.5, "ny": -0.5,
    "lp": 1.0, "lh": 1.0, "li": 1.0, "ly": 1.0, "Tp": -0.5, "Th": 0.0, "Ti": 0.0, "Ty": 0.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """A text's words and, for each, whether it is part of a name; None where nobody knows."""

    words: list[Token]
    tags: list[bool | None]


def written(random: Random) -> Iterator[Example]:
    """The sentences by hand with names, places and companies put in, in every manner of writing."""
    lines = [
        line for line in (DATA / "names_sentences.txt").read_text("utf-8").splitlines() if not line.startswith("#")
    ]
    given, world = sorted(read_list("names_nigeria.txt")), sorted(read_list("names_world.txt.gz"))
    more, places = sorted(read_list("names_more.txt")), _section("places in Nigeria") + _section("countries")
    companies = _section("companies")
    for _ in range(_ROUNDS):
        for line in lines:
            block = line.replace("\\n", "\n")
            if random.random() < 0.15:
                block = block + random.choice((" ", "\n", " ")) + random.choice(lines).replace("\\n", "\n")
            yield _filled(random, block, (given, given, world, world, more), places, companies)


def _filled(random: Random, line: str, names: Sequence[list[str]], places: list[str], companies: list[str]) -> Example:
    manner = random.choice(("n",) * 6 + ("l", "l", "U"))
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    length = 0
    for piece in line.replace("{", "}{").split("}"):
        value = piece
        if piece in ("{p", "{s"):
            value = _name(random, random.choice(names), full=piece == "{p")
            spans.append((length, length + len(value)))
        elif piece == "{l":
            value = random.choice(places).title()
        elif piece == "{o":
            value = _company(random, companies, names)
        parts.append(value)
        length += len(value)
    text = "".join(parts)
    text = text.lower() if manner == "l" else text.upper() if manner == "U" else text
    words, tags = tokens(text), []
    for token in words:
        tags.append(any(start <= token.start and token.end <= end + 2 for start, end in spans))
    unlisted = random.random() < _UNLISTED
    if unlisted:
        words = [_unlist(t) if tag else t for t, tag in zip(words, tags, strict=True)]
    return Example(words, list(tags))


def _name(random: Random, names: list[str], full: bool) -> str:
    parts = [
        random.choice(names).title().replace("'S", "'s") for _ in range(random.choice((2, 2, 2, 3)) if full else 1)
    ]
    if full and random.random() < 0.1:
        parts[1:1] = [random.choice("ABCDEFGHIJKLMNOPRSTUVWY") + random.choice(("", "."))]
    if full and random.random() < 0.15:
        parts = parts[:1]
    elif full and random.random() < 0.05:
        parts[1:1] = random.choice(
            ("van", "de", "van der", "van de", "von", "da", "dos", "di", "del", "al", "bin", "Du", "De la")
        ).split()
    return " ".join(parts)


def _company(random: Random, companies: list[str], names: Sequence[list[str]]) -> str:
    if random.random() < 0.75:
        return random.choice(companies).upper() if random.random() < 0.3 else random.choice(companies).title()
    owner = random.choice(names[2]).title()
    if random.random() < 0.3:
        others = [random.choice(names[2]).title() for _ in range(2)]
        return random.choice((f"{owner}, {others[0]} and {others[1]}", f"{owner}-{others[0]}"))
    return owner + random.choice(
        (" Ltd", " Inc", " Group", " Bank", " LLC", " and Sons", " Hospital", " University", " PLC", " Stores")
    )


def _unlist(token: Token) -> Token:
    kept = "".join(flag for flag in token.seen.flags if flag not in "nwm")
    return replace(token, seen=Seen(token.seen.plain, token.seen.shape, kept))


def _section(title: str) -> list[str]:
    found, inside = [], False
    for line in (DATA / "names_others.txt").read_text("utf-8").splitlines():
        if line.startswith("#"):
            inside = line.startswith(f"# [{title}")
        elif inside:
            found += line.split()
    return found


def tweets(path: Path) -> Iterator[Example]:
    """Sentences in CoNLL form, a word and its tag a line; one word is often several of ours."""
    for block in path.read_text("utf-8").replace("\n\t\n", "\n\n").split("\n\n"):
        rows = [line.split("\t") for line in block.splitlines() if line.count("\t") == 1 and line.strip()]
        text, spans = "", []
        for word, tag in rows:
            start = len(text)
            text += word + " "
            if tag.lower().endswith(("person", "-per")):
                spans.append((start, start + len(word)))
        words = tokens(text)
        yield Example(words, [any(s <= t.start and t.end <= e for s, e in spans) for t in words])


def nameless(data: Path, random: Random) -> Iterator[Example]:
    """Texts without names, or nearly: what no list takes for one is none; where a list does, nobody knows."""
    for origin, text in permissive(data):
        share = 0.25 if origin.startswith(("banking77", "clinc150")) else 0.5 if origin.startswith("cfpb") else 0.12
        if random.random() > share:
            continue
        words = tokens(text[:1500])
        listed = {"n", "w", "m"}
        safe = origin.startswith(("banking77", "clinc150", "cfpb"))
        tags: list[bool | None] = []
        for t in words:
            flags = set(t.seen.flags)
            known = safe or flags & {"c", "o"} or (t.seen.shape == "x" and not flags & listed)
            tags.append(False if known else None)
        yield Example(words, tags)


def rows(examples: Iterator[Example], random: Random) -> Iterator[tuple[list[str], bool]]:
    """Features and tag of each word that can be a name and whose tag is known; half lose what they know of neighbours."""
    for example in examples:
        words, previous = example.words, False
        manner, tongue = style(words), language(words)
        for at, tag in enumerate(example.tags):
            previous = previous and joins(words, at)
            if tag is not None and candidate(words, at, previous):
                known = features(words, at, previous, manner, tongue)
                yield [f for f in known if f[0] not in NEIGHBOURS] if random.random() < _BLIND else known, tag
            previous = bool(tag)


def train(data: Path) -> dict[str, Any]:
    """The tagger as it is stored; the same data give the same."""
    import numpy as np
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    random = Random(_SEED)
    known = list(rows(written(random), random))
    for _ in range(2):
        known += rows(tweets(data / "wnut17" / "train.conll"), random)
    known += rows(nameless(data, random), random)
    uses = Counter(feature for found, _ in known for feature in found)
    names = sorted(feature for feature, count in uses.items() if count >= _LEAST)
    index = {feature: at for at, feature in enumerate(names)}
    columns = [[index[f] for f in found if f in index] for found, _ in known]
    starts = np.cumsum([0] + [len(c) for c in columns])
    flat = np.concatenate([np.asarray(c, dtype=np.int32) for c in columns])
    matrix = csr_matrix((np.ones(len(flat), np.float32), flat, starts), shape=(len(known), len(names)))
    model = LogisticRegression(C=_STRENGTH, solver="liblinear", random_state=_SEED).fit(
        matrix, [tag for _, tag in known]
    )
    weights = {name: round(float(w) / _SCALE) for name, w in zip(names, model.coef_[0], strict=True)}
    sys.stdout.write(
        json.dumps({"words": len(known), "names": sum(t for _, t in known), "features": len(names)}) + "\n"
    )
    return {
        "scale": _SCALE,
        "bias": float(model.intercept_[0]),
        "thresholds": THRESHOLDS,
        "weights": {name: weight for name, weight in weights.items() if abs(weight) >= 4},
    }


def main() -> None:
    """Write to the package's data folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the public data sets")
    held = json.dumps(train(parser.parse_args().data), sort_keys=True, separators=(",", ":"))
    (DATA / "names_model.json.gz").write_bytes(gzip.compress(held.encode(), mtime=0))


if __name__ == "__main__":
    main()

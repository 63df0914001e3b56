"""The 300 complaints labelled by hand, and how they were drawn; `labels.csv` keeps ids and labels only.

python -m benchmarks.priority.sample DIR     # dataset, id, how it was drawn, text; to label from
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Of each data set: its file, the columns of the id and the text, how many at random and how many by SEVERE words.
DATASETS = {
    "airline_tweets": ("airline_tweets/tweets.csv.gz", "tweet_id", "text", 45, 40),
    "cfpb": ("cfpb/narratives.csv.gz", "Complaint ID", "Consumer complaint narrative", 40, 45),
    "comcast": ("comcast/complaints.csv", "Ticket #", "Customer Complaint", 40, 30),
    "kenya_telco_reviews": ("kenya_telco_reviews/reviews.csv", "review_id", "text", 35, 25),
}
#: Longer ones are not drawn, so that each was read whole.
MOST_CHARS = 1200

#: One complaint is drawn for each stem in turn: severe ones are rare, and at random there would be almost none.
SEVERE = re.findall(
    r"\w+",
    "fire danger safety injur hurt kill suicid threat sick hospital medic wheelchair disab child baby daughter "
    "mother elder stole steal fraud scam identity unauthor hack police lawyer attorney sue court fcc harass "
    "evict foreclos garnish emergency stranded cancel switch weeks months homeless food rent breach illegal "
    "thief pesa ",
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A complaint of the sample; `how` is "random" or the stem it was drawn for."""

    dataset: str
    id: str
    how: str
    text: str


def texts(data: Path, dataset: str) -> dict[str, str]:
    """Every text of a data set that may be drawn, by id; of equal texts the first only."""
    file, key, column, _, _ = DATASETS[dataset]
    path = data / file
    found: dict[str, str] = {}
    seen: set[str] = set()
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            text = " ".join((row[column] or "").split())
            if text and len(text) <= MOST_CHARS and text.casefold() not in seen:
                seen.add(text.casefold())
                found.setdefault(row[key], text)
    return found


def draw(data: Path) -> Iterator[Drawn]:
    """The sample, in the order of a fixed hash."""
    for dataset, (_, _, _, at_random, severe) in DATASETS.items():
        left = dict(sorted(texts(data, dataset).items(), key=lambda item: _hash(f"priority:{dataset}:{item[0]}")))
        for key in list(left)[:at_random]:
            yield Drawn(dataset, key, "random", left.pop(key))
        while severe:
            before = severe
            for stem in SEVERE:
                hit = next((k for k, text in left.items() if re.search(rf"\b{stem}", text, re.IGNORECASE)), None)
                if hit and severe:
                    severe -= 1
                    yield Drawn(dataset, hit, stem, left.pop(hit))
            if before == severe:
                break


def is_tuning(key: str) -> bool:
    """Whether weights may be chosen on this complaint; the others report."""
    return int(_hash(key)[-1], 16) % 2 == 0


def _hash(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    csv.writer(sys.stdout).writerows((d.dataset, d.id, d.how, d.text) for d in draw(Path(sys.argv[1])))

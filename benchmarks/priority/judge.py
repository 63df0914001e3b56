"""Agreement of the priority model with the 300 complaints labelled by hand."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.priority.sample import DATASETS, draw, is_tuning
from benchmarks.processing.figure import Figure
from engine.curate.context import load_priority, load_taxonomy
from engine.settings import Settings, load_settings
from models.language import detect
from models.money import main_amount
from models.priority import LEVELS, Complaint, Level, PriorityModel
from models.priority_fit import kappa, recall
from models.text import repair

LABELS = Path(__file__).with_name("labels.csv")

#: How often labels are drawn again for an interval.
_DRAWS, _SEED = 2000, 5


@dataclass(frozen=True, slots=True)
class Labelled:
    """A labelled complaint, as the stages would score it."""

    complaint: Complaint
    label: Level
    random: bool
    tuning: bool


def evaluate(data: Path, settings: Settings | None = None) -> list[Figure] | None:
    """Kappa and recall on the half that nothing was tuned on; None where `data` lacks a data set."""
    if not all((data / file).exists() for file, *_ in DATASETS.values()):
        return None
    settings = settings or load_settings()
    return figures(load(data, settings), load_priority(settings))


def load(data: Path, settings: Settings) -> list[Labelled]:
    """The labelled complaints with the category that the shipped classifier gives them."""
    from models.classify import ZeroShotClassifier
    from models.embedder import load_embedder

    labels: dict[tuple[str, str], tuple[Level, str]] = {}
    with LABELS.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            labels[row["dataset"], row["id"]] = LEVELS[int(row["label"][1]) - 1], row["drawn"]
    drawn = [one for one in draw(data) if (one.dataset, one.id) in labels]
    texts = [repair(one.text).text for one in drawn]
    embed = settings.embed
    embedder = load_embedder(embed.model, embed.revision, embed.device, embed.threads)
    classifier = ZeroShotClassifier.build(load_taxonomy(settings), embedder)
    found = classifier.predict(texts, embedder.encode(texts))
    languages = [one.code for one in detect(texts)]
    made = []
    for one, text, category, language in zip(drawn, texts, found, languages, strict=True):
        money = main_amount(text, settings.currency)
        label, how = labels[one.dataset, one.id]
        complaint = Complaint(
            text, category.category, category.subcategory, language,
            money.value if money else None, money.currency if money else None,
        )  # fmt: skip
        made.append(Labelled(complaint, label, how == "random", is_tuning(one.id)))
    return made


def figures(labelled: Sequence[Labelled], model: PriorityModel) -> list[Figure]:
    """What the report says; the reporting half has the goals."""
    reporting = [one for one in labelled if not one.tuning]
    at_random = [one for one in reporting if one.random]
    found = [model.score(one.complaint).level for one in reporting]
    labels = [one.label for one in reporting]
    low, high = _interval(found, labels)
    split = "the reporting half of 300, labelled by one person"
    called = found.count("P1")
    right = sum(one == label == "P1" for one, label in zip(found, labels, strict=True))
    counted = f"{len(labels)} complaints, {labels.count('P1')} of them P1"
    spread = f"{counted}; 95 % from {low:.2f} to {high:.2f}"
    drawn = kappa([model.score(one.complaint).level for one in at_random], [one.label for one in at_random])
    chance = "those of it that were drawn at random"
    return [
        Figure("priority.kappa", kappa(found, labels), 0.6, split, note=spread),
        Figure("priority.p1_recall", recall(found, labels), 0.95, split, note=counted),
        Figure("priority.p1_precision", right / max(called, 1), None, split, note=f"{called} are called P1"),
        Figure("priority.kappa_random", drawn, None, chance, note=f"{len(at_random)} complaints"),
    ]


def _interval(found: Sequence[Level], labels: Sequence[Level]) -> tuple[float, float]:
    """95 % of the kappas of complaints drawn again with replacement (percentile bootstrap)."""
    dice = random.Random(_SEED)
    size = range(len(labels))
    kappas = []
    for _ in range(_DRAWS):
        rows = [dice.choice(size) for _ in size]
        kappas.append(kappa([found[r] for r in rows], [labels[r] for r in rows]))
    kappas.sort()
    return kappas[_DRAWS // 40], kappas[-_DRAWS // 40]


def tune(labelled: Sequence[Labelled], config: dict[str, Any], version: str) -> dict[str, Any]:
    """The weights fitted to the tuning half."""
    from models.priority_fit import fit

    part = [one for one in labelled if one.tuning]
    return fit(config, [one.complaint for one in part], [one.label for one in part], version=version).config

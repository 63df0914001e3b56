"""Fitting finds what labels say, and keeps every weight at zero or above."""

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.priority import LEVELS, Complaint, PriorityModel
from models.priority_fit import TooFewLabels, fit, kappa, recall
from tests.models.test_priority import TOY


def weights(config):
    yield from config["categories"].values()
    yield from config["subcategories"].values()
    yield from config["style"].values()
    yield from (config["unknown_category"], config["incident"], config["earlier_contacts"]["weight"])
    for cue in config["cues"].values():
        yield from (cue["weight"], cue.get("most", cue["weight"]))
    for name in ("money", "waiting"):
        yield from (band["weight"] for band in config[name]["bands"])


#: Anger says nothing here and money a lot, the other way round than in TOY.
RULE = {
    "P1": Complaint("caught fire", "network", "x"),
    "P2": Complaint("hello", "network", "network.outage", amount=200, currency="USD"),
    "P3": Complaint("worst", "network", "x"),
    "P4": Complaint("worst ajọ worst", "other", "x", language="ibo"),
}


def labelled(each=15):
    pairs = [(RULE[level], level) for level in LEVELS for _ in range(each)]
    return [one for one, _ in pairs], [level for _, level in pairs]


def test_what_labels_say_is_found_and_the_start_stays_as_it_is():
    before = deepcopy(TOY)
    fitted = fit(TOY, *labelled(), version="2")
    assert before == TOY
    assert fitted.config["version"] == "2"
    assert (fitted.kappa, fitted.p1_recall) == (1.0, 1.0)
    model = PriorityModel.from_dict(fitted.config)
    assert [model.score(RULE[level]).level for level in LEVELS] == list(LEVELS)
    leaf = fitted.config["subcategories"]["network.outage"]
    assert leaf / fitted.config["cues"]["anger"]["weight"] > 2 / 0.5


def test_terms_floors_and_unseen_weights_stay():
    fitted = fit(TOY, *labelled(), version="2").config
    for name, cue in TOY["cues"].items():
        assert fitted["cues"][name]["terms"] == cue["terms"]
        assert fitted["cues"][name].get("floor") == cue.get("floor")
    assert fitted["incident"] == TOY["incident"] and fitted["waiting"] == TOY["waiting"]


def test_the_same_labels_give_the_same_weights():
    assert fit(TOY, *labelled(), version="2") == fit(TOY, *labelled(), version="2")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_weights_stay_at_zero_or_above_whatever_the_labels(seed):
    dice = np.random.default_rng(seed)
    complaints, _ = labelled()
    # The most urgent words labelled the least urgent, and noise.
    labels = [LEVELS[3 - LEVELS.index(level)] for level in labelled()[1]]
    for row in dice.choice(len(labels), 8, replace=False):
        labels[row] = LEVELS[int(dice.integers(4))]
    fitted = fit(TOY, complaints, labels, version="2")
    assert all(weight >= 0 for weight in weights(fitted.config))
    assert list(fitted.config["thresholds"].values()) == sorted(fitted.config["thresholds"].values(), reverse=True)


@pytest.mark.parametrize("labels", [[], ["P1"] * 100, [*LEVELS] * 9])
def test_too_few_labels_are_refused(labels):
    with pytest.raises(TooFewLabels, match="label more"):
        fit(TOY, [RULE["P1"]] * len(labels), labels, version="2")


def test_kappa_and_recall_by_hand():
    assert kappa(["P1", "P2", "P3", "P4"], ["P1", "P2", "P3", "P4"]) == 1.0
    # Two of four are one level apart; with these margins two would be by chance.
    assert kappa(["P1", "P2", "P1", "P2"], ["P1", "P2", "P2", "P1"]) == 0.0
    assert kappa(["P1", "P1"], ["P4", "P1"]) == 0.0
    assert recall(["P1", "P2", "P1"], ["P1", "P1", "P3"]) == 0.5
    assert recall(["P1"], ["P3"]) == 1.0

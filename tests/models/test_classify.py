"""Zero-shot classification follows likeness and terms, explains itself, and abstains."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import yaml

from models.classify import ZeroShotClassifier, seed_texts
from models.taxonomy import Taxonomy

TELECOM = Path(__file__).parents[2] / "configs" / "taxonomies" / "telecom.yaml"


def leaf(name, example, *terms):
    return {
        "id": name,
        "name": name,
        "description": f"About {name}.",
        "examples": [example],
        "terms": [*terms],
    }


TOY = Taxonomy.from_dict(
    {
        "version": 1,
        "name": "toy",
        "fallback": "other.general",
        "categories": [
            {
                "id": "network",
                "name": "Network",
                "description": "Network.",
                "subcategories": [
                    leaf("network.slow", "it is slow", "slow", "SLÓW"),
                    leaf("network.down", "it is down", "gobara"),
                ],
            },
            {
                "id": "billing",
                "name": "Billing",
                "description": "Billing.",
                "subcategories": [leaf("billing.fee", "a fee", "fee*")],
            },
            {
                "id": "other",
                "name": "Other",
                "description": "Other.",
                "subcategories": [leaf("other.general", "hello")],
            },
        ],
    }
)
# Two seeds a leaf (description, example), both along the leaf's own axis.
AXES = np.repeat(np.eye(4, dtype=np.float32), 2, axis=0)


@pytest.fixture
def toy():
    return ZeroShotClassifier(TOY, AXES)


def vector(slow=0.0, down=0.0, fee=0.0, general=0.0):
    return np.asarray([[slow, down, fee, general]], dtype=np.float32)


def test_seeds_are_description_and_examples_in_order():
    assert seed_texts(TOY)[:3] == [
        "network.slow: About network.slow.",
        "it is slow",
        "network.down: About network.down.",
    ]


def test_the_nearest_leaf_wins_and_is_the_reason(toy):
    (found,) = toy.predict(["nothing to match"], vector(fee=0.9, slow=0.1))
    assert (found.category, found.subcategory) == ("billing", "billing.fee")
    assert found.reasons == ["like 'billing.fee: About billing.fee.' (0.90)"]
    # Scores .9, .1, 0, 0 at temperature .04: the others' share is about e^-20.
    assert found.confidence == pytest.approx(1.0, abs=1e-6) and found.margin == pytest.approx(1.0, abs=1e-6)


def test_shares_add_up_over_a_category(toy):
    # Slow and fee are level at .6, down stands at .6 too: network holds 2 of 3 equal shares.
    (found,) = toy.predict(["words"], vector(slow=0.6, down=0.6, fee=0.6))
    assert found.category == "network"
    assert found.confidence == pytest.approx(2 / 3, abs=1e-4)
    assert found.margin == pytest.approx(1 / 3, abs=1e-4)


def test_terms_of_any_spelling_tip_the_balance_once_each(toy):
    (found,) = toy.predict(["Gobará, GOBARA"], vector(slow=0.5, down=0.45))
    assert found.subcategory == "network.down"
    assert found.reasons[1] == "terms: 'gobara'"
    # One term adds .12 and no more: .45 + .12 loses to .58.
    (found,) = toy.predict(["gobara gobara"], vector(slow=0.58, down=0.45))
    assert found.subcategory == "network.slow"


@pytest.mark.parametrize(
    ("text", "likeness", "reason"),
    [
        ("far from all", {"fee": 0.29}, "below 0.3"),
        ("between all", {"slow": 0.4, "fee": 0.43, "general": 0.41}, None),
        ("", {"fee": 0.9}, "no words"),
        ("😡!!", {"fee": 0.9}, "no words"),
    ],
)
def test_it_abstains_to_the_fallback_when_in_doubt(toy, text, likeness, reason):
    (found,) = toy.predict([text], vector(**likeness))
    if reason is None:
        assert found.subcategory == "billing.fee" and not found.reasons[0].startswith("abstained")
        return
    assert found.subcategory == "other.general" and found.category == "other"
    assert found.reasons[0].startswith("abstained") and reason in found.reasons[0]
    assert found.confidence < 0.1 and found.margin < 0


def test_an_even_spread_falls_below_the_least_share():
    leaves = [leaf(f"{name}.a", "x") for name in ("one", "two", "three")] + [leaf("other.general", "y")]
    categories = [
        {"id": item["id"].split(".")[0], "name": "n", "description": "d", "subcategories": [item]} for item in leaves
    ]
    taxonomy = Taxonomy.from_dict({"version": 1, "name": "even", "fallback": "other.general", "categories": categories})
    (found,) = ZeroShotClassifier(taxonomy, AXES).predict(["words"], np.full((1, 4), 0.5, dtype=np.float32))
    assert found.subcategory == "other.general" and "share 0.25" in found.reasons[0]
    assert found.confidence == pytest.approx(0.25)


def test_rows_do_not_depend_on_their_batch_and_the_classifier_pickles(toy):
    texts = ["fee", "slow", "", "gobara"] * 1_100
    vectors = np.tile(np.vstack([vector(fee=0.5), vector(slow=0.5), vector(), vector(down=0.5)]), (1_100, 1))
    copy = pickle.loads(pickle.dumps(toy))
    together = copy.predict(texts, vectors)
    assert len(together) == 4_400
    assert together[:4] == together[-4:] == [toy.predict([texts[i]], vectors[i : i + 1])[0] for i in range(4)]


def test_shapes_that_do_not_fit_are_refused(toy):
    with pytest.raises(ValueError, match=r"expected \(2, 4\)"):
        toy.predict(["a", "b"], vector())
    with pytest.raises(ValueError, match=r"expected \(8, d\)"):
        ZeroShotClassifier(TOY, AXES[:-1])
    assert toy.predict([], np.empty((0, 4), dtype=np.float32)) == []


def test_plain_complaints_land_where_a_person_would_put_them():
    from models.embedder import load_embedder

    embedder = load_embedder(device="cpu", threads=1)
    classifier = ZeroShotClassifier.build(
        Taxonomy.from_dict(yaml.safe_load(TELECOM.read_text(encoding="utf-8"))), embedder
    )
    expected = {
        "Your internet has been crawling for a week, even a small picture will not load": "network.slow_data",
        "Why is my invoice double what it was in June?": "billing.overcharge",
        "Una don chop my 500 naira credit again": "billing.unknown_deduction",
        "Na sa kati amma bai shigo ba": "billing.recharge_failed",
        "The lady at the counter screamed at my father": "service.rude_staff",
        "My plane to Abuja was cancelled and nobody found me another": "service.broken_promise",
        "Someone took over my number and transferred everything out of my bank": "fraud.sim_swap",
        "I never asked for these daily horoscope texts, turn them off": "fraud.unwanted_subscription",
        "Thanks so much, the engineer fixed it in ten minutes": "other.praise",
        "purple elephants sing quietly under seven moons": "other.general",
    }
    found = classifier.predict(list(expected), embedder.encode(list(expected)))
    assert {text: item.subcategory for text, item in zip(expected, found, strict=True)} == expected

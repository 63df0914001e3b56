"""A taxonomy is checked whole, and the shipped one holds the ids that rows refer to."""

import pickle
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from models.taxonomy import Taxonomy, TaxonomyError

TELECOM = Path(__file__).parents[2] / "configs" / "taxonomies" / "telecom.yaml"

SMALL = {
    "version": 3,
    "name": "small",
    "fallback": "other.general",
    "categories": [
        {
            "id": "billing",
            "name": "Billing",
            "description": "Money.",
            "subcategories": [
                {
                    "id": "billing.refund",
                    "name": "Refund",
                    "description": "Money back.",
                    "examples": ["refund me"],
                    "terms": ["refund*"],
                },
                {"id": "billing.old", "name": "Old", "description": "No longer used.", "retired": True},
            ],
        },
        {
            "id": "other",
            "name": "Other",
            "description": "The rest.",
            "subcategories": [
                {"id": "other.general", "name": "General", "description": "Rest.", "examples": ["hello"]}
            ],
        },
    ],
}


def changed(path, value):
    data = deepcopy(SMALL)
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


def test_leaves_keep_their_order_and_leave_out_the_retired():
    taxonomy = Taxonomy.from_dict(SMALL)
    assert taxonomy.version == "3"
    assert [leaf.id for leaf in taxonomy.leaves()] == ["billing.refund", "other.general"]
    assert [leaf.id for leaf in taxonomy.leaves(retired=True)] == [
        "billing.refund",
        "billing.old",
        "other.general",
    ]
    assert taxonomy.leaf("billing.old").retired and taxonomy.leaf("billing.old").category == "billing"
    assert pickle.loads(pickle.dumps(taxonomy)) == taxonomy


def test_a_retired_category_retires_its_leaves():
    taxonomy = Taxonomy.from_dict(changed(["categories", 0, "retired"], True))
    assert [leaf.id for leaf in taxonomy.leaves()] == ["other.general"]


def test_an_unknown_leaf_is_named_in_the_error():
    with pytest.raises(TaxonomyError, match=r"billing\.fee"):
        Taxonomy.from_dict(SMALL).leaf("billing.fee")


LEAF = ["categories", 0, "subcategories", 0]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["colour"], "red", "colour"),
        ([*LEAF, "exemples"], ["x"], "exemples"),
        ([*LEAF, "id"], "Billing.Refund", "pattern"),
        ([*LEAF, "id"], "fraud.refund", "under 'billing'"),
        ([*LEAF, "id"], "billing.old", "2 times"),
        ([*LEAF, "examples"], [], "no examples"),
        ([*LEAF, "terms"], ["a*"], "'a\\*'"),
        (["fallback"], "billing.old", "no live"),
        (["categories"], [], "categories"),
    ],
)
def test_a_malformed_taxonomy_is_refused_with_the_place(path, value, said):
    with pytest.raises(TaxonomyError, match=said) as caught:
        Taxonomy.from_dict(changed(path, value))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_the_telecom_taxonomy_has_the_agreed_ids():
    taxonomy = Taxonomy.from_dict(yaml.safe_load(TELECOM.read_text(encoding="utf-8")))
    found = {
        category.id: [leaf.id.split(".")[1] for leaf in category.subcategories] for category in taxonomy.categories
    }
    assert found == {
        "network": ["no_signal", "slow_data", "dropped_calls", "outage"],
        "billing": ["overcharge", "unknown_deduction", "refund", "recharge_failed"],
        "service": ["no_response", "rude_staff", "long_wait", "broken_promise"],
        "account": ["login", "sim_registration", "blocked", "details"],
        "device": ["router_fault", "handset", "sim_card", "delivery"],
        "fraud": ["sim_swap", "scam_call", "unauthorised_transaction", "unwanted_subscription"],
        "other": ["general", "praise", "question"],
    }
    assert all(6 <= len(leaf.examples) <= 12 for leaf in taxonomy.leaves())
    assert all(leaf.terms for leaf in taxonomy.leaves() if leaf.id != taxonomy.fallback)

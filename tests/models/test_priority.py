"""Priority adds up, never falls when a cue is added, and obeys its floors."""

import pickle
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from models.priority import PriorityConfigError, PriorityModel
from models.taxonomy import Taxonomy

CONFIGS = Path(__file__).parents[2] / "configs"
SHIPPED = yaml.safe_load((CONFIGS / "priority.yaml").read_text(encoding="utf-8"))

TOY = {
    "version": 1,
    "thresholds": {"P1": 9, "P2": 6, "P3": 3},
    "categories": {"network": 2, "other": 0},
    "unknown_category": 1,
    "subcategories": {"network.outage": 2},
    "cues": {
        "safety": {
            "weight": 6,
            "floor": "P1",
            "terms": {"eng": ["caught fire"], "hau": ["gobara", "wuta ta kama"]},
        },
        "legal": {
            "weight": 3,
            "most": 5,
            "floor": "P2",
            "negatable": True,
            "terms": {"eng": ["lawyer*", "sue", "ncc"]},
        },
        "anger": {"weight": 0.5, "most": 1, "terms": {"eng": ["worst"], "ibo": ["ajọ", "ajo"]}},
    },
    "style": {"exclamation": 0.5, "capitals": 0.5, "large_amount": 1, "large_amount_from": 10_000},
    "earlier_contacts": {"weight": 0.75, "most": 2},
}


@pytest.fixture(scope="module")
def toy():
    return PriorityModel.from_dict(TOY)


@pytest.fixture(scope="module")
def shipped():
    return PriorityModel.from_dict(SHIPPED)


def test_every_point_has_its_reason(toy):
    found = toy.score("The worst! My lawyers will sue!", "network", "network.outage", earlier_contacts=2)
    # 2 + 2 + .5 + min(2 x 3, 5) + min(2 x .75, 2) + .5
    assert found.score == 11.5 and found.level == "P1"
    assert found.reasons == [
        "+2 category: network",
        "+2 subcategory: network.outage",
        "+0.5 anger: 'worst'",
        "+5 legal: 'lawyer*', 'sue'",
        "+1.5 earlier contacts: 2",
        "+0.5 exclamation marks",
        "floor P2: legal",
    ]


@pytest.mark.parametrize(
    ("text", "level", "score"),
    [
        ("", "P4", 0.0),
        ("the router caught fire", "P1", 6.0),
        ("I told the NCC", "P2", 3.0),
        ("worst", "P4", 0.5),
    ],
)
def test_floors_lift_the_level_above_the_score(toy, text, level, score):
    found = toy.score(text, "other", "other.general")
    assert (found.level, found.score) == (level, score)


@pytest.mark.parametrize(
    ("category", "contacts", "level"), [("network", 0, "P4"), ("network", 2, "P3"), ("banking", 0, "P4")]
)
def test_thresholds_are_reached_inclusively(toy, category, contacts, level):
    # network: 2; with two contacts 3.5; an unknown category: 1.
    assert toy.score("hello", category, "x.y", earlier_contacts=contacts).level == level


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("I am not going to sue you", "P4"),
        ("no need for a lawyer", "P4"),
        ("I will not hesitate to sue", "P2"),
        ("if not, the lawyers", "P2"),
        ("no refund, no answer, NCC next", "P2"),
        ("you did not refund me. I will sue", "P2"),
        ("I will not sue, my lawyer will", "P2"),
        ("it never caught fire", "P1"),
    ],
)
def test_a_negator_just_before_cancels_only_what_may_be_negated(toy, text, level):
    assert toy.score(text, "other", "other.general").level == level


def test_a_negated_cue_is_told(toy):
    assert toy.score("I will never sue", "other", "x").reasons == ["+0 legal: 'sue' is negated"]


@pytest.mark.parametrize(
    ("text", "language", "level"),
    [
        ("Gobara ta tashi", "hau", "P1"),
        ("gobara ta tashi", "und", "P1"),
        ("gobara ta tashi", "yor", "P4"),
        ("wutà ta kama", "eng", "P1"),
        ("caught fire fa", "hau", "P1"),
    ],
)
def test_local_words_count_in_their_language_and_phrases_everywhere(toy, text, language, level):
    assert toy.score(text, "other", "x", language=language).level == level


def test_two_spellings_of_a_word_count_once(toy):
    assert toy.score("ajọ ajo", "other", "x", language="ibo").score == 0.5


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("WHERE ARE YOU PEOPLE", 0.5),
        ("[PHONE] [EMAIL] [ACCOUNT] ok", 0.0),
        ("ok NCX MTX GLX but the rest is in small letters", 0.0),
        ("wait!!", 0.5),
        ("wait!", 0.0),
        ("I lost ₦15,000", 1.0),
        ("N 10k gone", 1.0),
        ("12000 naira", 1.0),
        ("₦9,999", 0.0),
        ("ticket 15000", 0.0),
    ],
)
def test_style_adds_little(toy, text, score):
    assert toy.score(text, "other", "x").score == score


def test_columns_score_like_rows(toy):
    texts, categories, leaves = ["sue", "gobara"], ["network", "other"], ["network.outage", "x"]
    assert toy.score_all(texts, categories, leaves, ["eng", "hau"], [1, 0]) == [
        toy.score("sue", "network", "network.outage", "eng", 1),
        toy.score("gobara", "other", "x", "hau"),
    ]
    assert toy.score_all([], [], []) == []
    with pytest.raises(ValueError, match="zip"):
        toy.score_all(texts, categories, ["x"])


def test_the_model_pickles(shipped):
    text = "my lawyer will hear of this"
    assert pickle.loads(pickle.dumps(shipped)).score(text, "other", "x") == shipped.score(text, "other", "x")


CLAUSES = [
    "the router caught fire.",
    "My lawyer knows.",
    "Worst network!!",
    "I go port.",
    "She is pregnant.",
    "₦50,000 lost.",
]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(CLAUSES), max_size=4), st.sampled_from(CLAUSES), st.integers(0, 5))
def test_one_more_clause_or_contact_never_lowers_the_priority(shipped, clauses, more, contacts):
    before = shipped.score(" ".join(clauses), "network", "network.outage", earlier_contacts=contacts)
    after = shipped.score(" ".join([*clauses, more]), "network", "network.outage", earlier_contacts=contacts + 1)
    assert after.score >= before.score and after.level <= before.level


@pytest.mark.parametrize(
    ("text", "category", "leaf", "language", "level"),
    [
        ("Your pole fell and the naked wire shocked a child", "network", "network.outage", "eng", "P1"),
        ("Transformer don catch fire for our street", "network", "network.outage", "pcm", "P1"),
        ("Akwai gobara a ofishin ku", "other", "other.general", "hau", "P1"),
        ("I go carry una go court", "billing", "billing.refund", "pcm", "P2"),
        ("I have written to the FCCPC about this", "billing", "billing.refund", "eng", "P2"),
        ("Zan kai ku kotu", "billing", "billing.refund", "hau", "P2"),
        ("They swapped my SIM and emptied my account", "fraud", "fraud.sim_swap", "eng", "P2"),
        ("The internet is a bit slow", "network", "network.slow_data", "eng", "P4"),
        ("That adds insult to injury", "service", "service.no_response", "eng", "P4"),
        ("Thank you, great service", "other", "other.praise", "eng", "P4"),
    ],
)
def test_the_shipped_weights_rank_as_a_person_would(shipped, text, category, leaf, language, level):
    assert shipped.score(text, category, leaf, language).level == level


def test_the_shipped_weights_name_ids_of_the_taxonomy():
    taxonomy = Taxonomy.from_dict(yaml.safe_load((CONFIGS / "taxonomies" / "telecom.yaml").read_text(encoding="utf-8")))
    assert set(SHIPPED["categories"]) == {category.id for category in taxonomy.categories}
    assert set(SHIPPED["subcategories"]) <= {leaf.id for leaf in taxonomy.leaves()}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["colour"], 1, "colour"),
        (["categories", "network"], -1, "greater than or equal to 0"),
        (["thresholds", "P2"], 9, "P1 > P2 > P3"),
        (["cues", "legal", "floor"], "P0", "floor"),
        (["cues", "legal", "terms", "eng"], ["a*"], "a\\*"),
        (["cues", "legal", "terms"], {"english": ["sue"]}, "pattern"),
    ],
)
def test_a_malformed_configuration_is_refused_with_the_place(path, value, said):
    config = deepcopy(TOY)
    place = config
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(PriorityConfigError, match=said) as caught:
        PriorityModel.from_dict(config)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)

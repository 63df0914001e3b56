"""Priority adds up, never falls when a cue is added, and obeys its floors."""

import pickle
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from models.priority import Complaint, PriorityConfigError, PriorityModel
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
    "style": {"exclamation": 0.5, "capitals": 0.5},
    "money": {
        "per_unit": {"USD": 1, "NGN": 1500},
        "bands": [{"at_least": 10, "weight": 1}, {"at_least": 100, "weight": 2}],
    },
    "waiting": {"sla_h": 48, "bands": [{"at_least": 1, "weight": 1}, {"at_least": 2, "weight": 1.5}]},
    "earlier_contacts": {"weight": 0.75, "most": 2},
    "incident": 1.25,
}


def score(model, text, category="other", subcategory="x", **more):
    return model.score(Complaint(text, category, subcategory, **more))


def points_in(reasons):
    """The sum of what the lines say, read as a person or a report would."""
    return sum(float(line.split(" ", 1)[0]) for line in reasons if line.startswith("+"))


@pytest.fixture(scope="module")
def toy():
    return PriorityModel.from_dict(TOY)


@pytest.fixture(scope="module")
def shipped():
    return PriorityModel.from_dict(SHIPPED)


def test_every_point_has_its_reason(toy):
    found = score(toy, "The worst! My lawyers will sue!", "network", "network.outage", earlier_contacts=2)
    # 2 + 2 + .5 + min(2 x 3, 5) + min(2 x .75, 2) + .5
    assert found.score == 11.5 and found.level == "P1"
    assert found.reasons == [
        "+2 category: network",
        "+2 subcategory: network.outage",
        "+0.5 anger: 'worst'",
        "+5 legal: 'lawyer*', 'sue'",
        "+0.5 exclamation marks",
        "+1.5 earlier contacts: 2",
        "floor P2: legal",
    ]


@pytest.mark.parametrize(
    ("text", "level", "points"),
    [
        ("", "P4", 0.0),
        ("the router caught fire", "P1", 6.0),
        ("I told the NCC", "P2", 3.0),
        ("worst", "P4", 0.5),
    ],
)
def test_floors_lift_the_level_above_the_score(toy, text, level, points):
    found = score(toy, text)
    assert (found.level, found.score) == (level, points)


@pytest.mark.parametrize(
    ("category", "contacts", "level"), [("network", 0, "P4"), ("network", 2, "P3"), ("banking", 0, "P4")]
)
def test_thresholds_are_reached_inclusively(toy, category, contacts, level):
    # network: 2; with two contacts 3.5; an unknown category: 1.
    assert score(toy, "hello", category, earlier_contacts=contacts).level == level


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
    assert score(toy, text).level == level


def test_a_negated_cue_is_told(toy):
    assert score(toy, "I will never sue").reasons == ["+0 legal: 'sue' is negated"]


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
    assert score(toy, text, language=language).level == level


def test_two_spellings_of_a_word_count_once(toy):
    assert score(toy, "ajọ ajo", language="ibo").score == 0.5


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("WHERE ARE YOU PEOPLE", 0.5),
        ("[PHONE] [EMAIL] [ACCOUNT] ok", 0.0),
        ("ok NCX MTX GLX but the rest is in small letters", 0.0),
        ("wait!!", 0.5),
        ("wait!", 0.0),
        ("I say WHERE ARE YOU PEOPLE, and the rest is a long text in small letters", 0.5),
        ("XXXX XXXX XXXX XXXX", 0.0),
    ],
)
def test_style_adds_little(toy, text, points):
    assert score(toy, text).score == points


@pytest.mark.parametrize(
    ("amount", "currency", "points"),
    [
        (9.99, "USD", 0.0),
        (10, "USD", 1.0),
        (100, "USD", 2.0),
        (14_999, "NGN", 0.0),
        (15_000, "NGN", 1.0),
        (1e9, "JPY", 0.0),
        (50, None, 0.0),
        (None, None, 0.0),
    ],
)
def test_money_counts_by_bands_in_one_currency(toy, amount, currency, points):
    assert score(toy, "", amount=amount, currency=currency).score == points


@pytest.mark.parametrize(("waited", "points"), [(None, 0.0), (47.9, 0.0), (48, 1.0), (96, 1.5), (1e6, 1.5), (-5, 0.0)])
def test_waiting_counts_in_multiples_of_what_was_promised(toy, waited, points):
    assert score(toy, "", waited_h=waited).score == points


def test_circumstances_found_later_give_what_they_would_have_given_at_once(toy):
    text = "I will never sue. NCC, the worst!!"
    for contacts, incident in ((0, False), (1, False), (2, True), (9, True)):
        later = toy.raised(score(toy, text, "network"), earlier_contacts=contacts, incident=incident)
        assert later == score(toy, text, "network", earlier_contacts=contacts, incident=incident)
    # 2 + .5 + 3 + .5 + 1.25, and P2 by the floor before.
    assert score(toy, text, "network", incident=True).score == 7.25
    assert score(toy, "NCC", "network", incident=True).reasons[-2:] == ["+1.25 open incident", "floor P2: legal"]


def test_the_model_pickles_and_leaves_its_input(shipped):
    complaint = Complaint("my lawyer will hear of this", "other", "x")
    assert pickle.loads(pickle.dumps(shipped)).score(complaint) == shipped.score(complaint)
    assert complaint == Complaint("my lawyer will hear of this", "other", "x")


@pytest.mark.parametrize("text", ["", "x", "😏" * 3, "Жалоба на связь", "refund " * 15_000])
def test_any_text_has_a_priority_and_its_reasons_add_up(shipped, text):
    found = score(shipped, text)
    assert points_in(found.reasons) == pytest.approx(found.score, abs=1e-9)


CLAUSES = [
    "the router caught fire.",
    "My lawyer knows.",
    "Worst network!!",
    "I go port.",
    "She is pregnant.",
    "they took 50,000 naira.",
    "WHERE ARE YOU PEOPLE",
    "my identity was stolen",
    "all is fine",
]


_COMPLAINTS = st.builds(
    Complaint,
    text=st.lists(st.sampled_from(CLAUSES), max_size=4).map(" ".join),
    category=st.sampled_from(["network", "fraud", "other", "banking"]),
    subcategory=st.sampled_from(["network.outage", "fraud.sim_swap", "other.praise"]),
    amount=st.none() | st.floats(0, 1e6),
    currency=st.sampled_from(["USD", "NGN", "JPY", None]),
    waited_h=st.none() | st.floats(0, 1e4),
    earlier_contacts=st.integers(0, 5),
    incident=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(_COMPLAINTS, st.sampled_from(CLAUSES), st.integers(0, 3), st.floats(1, 10), st.booleans())
def test_one_more_cue_never_lowers_the_priority(shipped, complaint, clause, contacts, times, incident):
    before = shipped.score(complaint)
    more = replace(
        complaint,
        text=f"{complaint.text} {clause}",
        amount=None if complaint.amount is None else complaint.amount * times,
        waited_h=None if complaint.waited_h is None else complaint.waited_h * times,
        earlier_contacts=complaint.earlier_contacts + contacts,
        incident=complaint.incident or incident,
    )
    after = shipped.score(more)
    assert after.score >= before.score and after.level <= before.level
    for found in (before, after):
        assert points_in(found.reasons) == pytest.approx(found.score, abs=1e-9)


@pytest.mark.parametrize("name", [name for name, cue in SHIPPED["cues"].items() if "floor" in cue])
def test_a_cue_with_a_floor_lifts_whatever_else_is_said(shipped, name):
    cue = SHIPPED["cues"][name]
    term = cue["terms"]["eng"][0].replace("*", "")
    for text in (term, f"thank you, {term} and all is well"):
        found = score(shipped, text, "other", "other.praise")
        assert found.level <= cue["floor"] and f"floor {cue['floor']}: {name}" in found.reasons


@pytest.mark.parametrize(
    ("text", "category", "leaf", "language", "level"),
    [
        ("Your pole fell and the naked wire shocked a child", "network", "network.outage", "eng", "P1"),
        ("Transformer don catch fire for our street", "network", "network.outage", "pcm", "P1"),
        ("Akwai gobara a ofishin ku", "other", "other.general", "hau", "P1"),
        ("I go carry una go court", "billing", "billing.refund", "pcm", "P2"),
        ("I have written to the FCCPC about this", "billing", "billing.refund", "eng", "P2"),
        ("Zan kai ku kotu", "billing", "billing.refund", "hau", "P2"),
        ("They swapped my SIM and emptied my account", "fraud", "fraud.sim_swap", "eng", "P1"),
        ("The internet is a bit slow", "network", "network.slow_data", "eng", "P3"),
        ("That adds insult to injury", "service", "service.no_response", "eng", "P4"),
        ("Thank you, great service", "other", "other.praise", "eng", "P4"),
    ],
)
def test_the_shipped_weights_rank_as_a_person_would(shipped, text, category, leaf, language, level):
    assert score(shipped, text, category, leaf, language=language).level == level


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
        (["money", "bands"], [{"at_least": 10, "weight": 2}, {"at_least": 20, "weight": 1}], "do not fall"),
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

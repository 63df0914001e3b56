import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.spelling import correct_word, corrections
from models.spelling_distance import cost, slips
from models.spelling_index import DeletionIndex


def test_misspelt_words_are_found_and_the_rest_is_left_alone():
    text = "i was dissapointed becuase my vacatinn was cancelled."
    assert corrections(text) == {"dissapointed": "disappointed", "becuase": "because", "vacatinn": "vacation"}


@pytest.mark.parametrize(
    "text",
    [
        "Recieve RECIEVE recieveD",  # capitals
        "<PHONE_recieve> <EMAIL_a91c>",
        "@recieve #recieve recieve@example.com https://x.ng/recieve x.com?q=recieve recieve.com",
        "recieve2 2recieve ref-recieve recieve_it",
        "abeg wetin dey happen, una chop my airtime",
        "airtel opay palmpay binance xfinity ikeja portharcourt",
        "traveling travelling favorite honoured",  # British or American
        "dont thats its",  # the apostrophe makes no difference to search
        "seatback reposted nonstops evoucher",  # made of known words
        "",
        "网络 ƙarfi lọra",
    ],
)
def test_what_is_meant_as_it_stands_is_left_alone(text):
    assert corrections(text) == {}


def test_words_of_the_domain_are_protected_and_may_be_what_was_meant():
    assert corrections("my netwrok and rechage", frozenset({"netwrok", "network"})) == {"rechage": "recharge"}


def test_a_word_that_may_be_several_is_left_alone():
    # board, bored or border in codespell; recharged or recharge at one slip.
    assert corrections("my bord was rechargd") == {}


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("acomodation", "accommodation"),
        ("Speling", "spelling"),
        ("tehn", "then"),
        ("network", "network"),
        ("zzzzqqqq", "zzzzqqqq"),
    ],
)
def test_a_word_alone(wrong, right):
    assert correct_word(wrong) == right


def test_norvigs_words(data):
    with (data / "spelling" / "norvig_tests1.csv").open() as file:
        pairs = [(row["misspelling"], row["correct"].lower()) for row in csv.DictReader(file)]
    assert sum(correct_word(wrong) == right for wrong, right in pairs) / len(pairs) > 0.8


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [("abc", "abc", 0), ("abc", "acb", 1), ("abc", "abxc", 1), ("abc", "ac", 1), ("abc", "axc", 1), ("abc", "axy", 2),
     ("ca", "abc", 3), ("recieve", "receive", 1), ("aab", "ab", 1), ("abcd", "badc", 2), ("kitten", "sitting", 3)],
)  # fmt: skip
def test_slips_are_counted(a, b, expected):
    assert slips(a, b, 3) == slips(b, a, 3) == expected
    assert slips(a, b, 1) == min(expected, 2)


def test_likelier_slips_cost_less():
    assert cost("abc", "abc") == 0
    assert cost("seperate", "separate") < cost("sexarate", "separate")
    assert cost("adress", "address") < cost("aress", "address")
    assert cost("beleive", "believe") < cost("bleevie", "believe")
    assert cost("etwork", "network") > cost("netwok", "network")


WORDS = ["abcdefgh", "abcdefghij", "abc", "bcd", "network", "networks", "a", "it's"]


INDEXES = {distance: DeletionIndex(WORDS, distance) for distance in (1, 2)}


@given(st.sampled_from(WORDS), st.data())
def test_a_word_within_the_distance_is_always_among_the_near_ones(word, data):
    typed = word
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(typed)))
        kind = data.draw(st.sampled_from("idrs"))
        letter = data.draw(st.sampled_from("abcxyz"))
        if kind == "i":
            typed = typed[:at] + letter + typed[at:]
        elif kind == "d":
            typed = typed[:at] + typed[at + 1 :]
        elif kind == "r":
            typed = typed[:at] + letter + typed[at + 1 :]
        else:
            typed = typed[:at] + typed[at + 1 : at + 2] + typed[at : at + 1] + typed[at + 2 :]
    for distance in (1, 2):
        if slips(typed, word, 2) <= distance:
            assert word in INDEXES[distance].near(typed)


@given(st.text(max_size=80))
def test_any_text_can_be_looked_at(text):
    for wrong in corrections(text):
        assert wrong in text


@pytest.mark.parametrize("part", ["a", "recieve", "recieve ", "(", "x.", "é"])
def test_a_long_text_made_to_hurt_ends(part):
    corrections(part * (300_000 // len(part)))

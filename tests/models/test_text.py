import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text import normal_form, repair, text_hash


@pytest.mark.parametrize(
    ("broken", "right"),
    [
        ("donâ€™t", "don't"),
        ("cafÃ©", "café"),
        ("A &amp; B", "A & B"),
        ("a\u0000b\u0007c", "abc"),
        ("  two   spaces \n\n\n\n end ", "two spaces\n\nend"),
        ("smile 😀", "smile 😀"),
        ("e\u0301", "é"),
        ("lone \ud800 surrogate", "lone � surrogate"),
    ],
)
def test_repair(broken, right):
    assert repair(broken) == right


@given(st.text(max_size=60))
def test_repairing_twice_changes_nothing_more(text):
    once = repair(text)
    assert repair(once) == once


def test_copies_share_a_hash_and_others_do_not():
    assert text_hash("My data FINISHED!!") == text_hash("my data, finished")
    assert text_hash("call <PHONE_a91c>") == text_hash("call <PHONE_ffff>")
    assert text_hash("my data finished") != text_hash("my call finished")
    assert text_hash("😀") != text_hash("😡")


def test_normal_form_of_punctuation_is_empty():
    assert normal_form("?!...") == ""

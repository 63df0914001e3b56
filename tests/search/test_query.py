import pytest

from engine.search.query import parse


def parts(text):
    found = parse(text).public()
    return found["words"], found["must"], found["phrases"], found["not"]


def test_operators_stand_before_words_and_quotes():
    assert parts('lost "my luggage" +airport -refund') == (["lost"], ["airport"], ["my luggage"], ["refund"])
    assert parts('+"call centre" -"no refund" x') == (["x"], [], ["call centre"], ["no refund"])


@pytest.mark.parametrize(
    "text", ["co-op e-mail", "-500 naira", "+234 803", "a - b", '"open quote', "+", "-", '""', "a+b"]
)
def test_what_is_no_operator_is_a_word(text):
    assert parts(text) == (text.split(), [], [], [])


def test_what_must_not_be_is_not_embedded():
    assert parse('slow "data plan" +network -billing').meaning == "slow network data plan"
    assert parse("-billing").meaning == ""


def test_stop_words_bind_nothing():
    assert not parse('+the "to be"').bound
    assert parse("+network").bound

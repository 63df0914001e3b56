import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.money import amounts, main_amount


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("they took ₦5,000 from me", [(5000, "NGN")]),
        ("N2.5k gone", [(2500, "NGN")]),
        ("NGN 1,200.50", [(1200.5, "NGN")]),
        ("paid #500 yesterday", [(500, "NGN")]),
        ("5000 naira", [(5000, "NGN")]),
        ("50 kobo", [(0.5, "NGN")]),
        ("a fee of {$1000.00}", [(1000, "USD")]),
        ("1.234,56 €", [(1234.56, "EUR")]),
        ("2 million naira", [(2_000_000, "NGN")]),
        ("Ksh 500 and KES300", [(500, "KES"), (300, "KES")]),
        ("£20 or 30 pounds", [(20, "GBP"), (30, "GBP")]),
        ("₹1,50,000", []),  # lakhs are not read, and not misread
        ("1 000 000 FCFA", [(1_000_000, "XOF")]),
        ("order #", []),
        ("receipt #150219-000114, ticket #5500, #0057, service #2", []),
        ("no 5000 here", []),
        ("08031234567", []),
        ("in 2015 N", []),
        ("<PHONE_a123> N<ACCOUNT_0000>", []),
        ("MN500 BN12", []),
        ("5% of $", []),
        ("", []),
    ],
)
def test_amounts_with_their_currency(text, found):
    assert [(a.value, a.currency) for a in amounts(text)] == found


def test_spans_are_where_it_stands():
    text = "they took ₦5,000 from me"
    (amount,) = amounts(text)
    assert text[amount.start : amount.end] == "₦5,000"


def test_the_home_currency_decides_what_a_shared_word_is():
    assert [a.currency for a in amounts("20 dollars, 5 shillings", home="CAD")] == ["CAD", "KES"]
    assert amounts("#500", home="KES") == []


def test_the_main_amount_is_the_largest_of_the_first_currency():
    assert main_amount("N500 then N2,000 and $9,000").value == 2000
    assert main_amount("nothing") is None


@given(st.text(alphabet="0123456789.,' N₦$kKm€naira", max_size=200))
def test_any_text_is_read_without_an_error(text):
    for amount in amounts(text):
        assert 0 < amount.value < 1e12
        assert 0 <= amount.start < amount.end <= len(text)

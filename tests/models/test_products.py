import pytest
import yaml

from engine.settings import CONFIGS
from models.products import Catalogue


@pytest.fixture(scope="module")
def telecom():
    return Catalogue.from_dict(yaml.safe_load((CONFIGS / "products" / "telecom.yaml").read_text()))


@pytest.mark.parametrize(
    ("value", "product"),
    [
        ("Prepaid", "prepaid"),
        ("pre-paid", "prepaid"),
        ("MoMo", "mobile money"),
        ("FTTH", "fibre"),
        ("fibre broadbnd", "fibre"),
        ("SIM", "sim card"),
        ("mortgage", None),
        ("", None),
    ],
)
def test_a_field_names_a_product(telecom, value, product):
    assert telecom.resolve(value) == product


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("my data plan vanished after I bought airtime", "data bundle"),
        ("M-PESA took my money", "mobile money"),
        ("the simple thing is simply to sim it", None),
        ("I lost my voucher", None),  # too little in a text
        ("bàbáà mi fi ẹgbẹ́", None),
        ("early momo person dey sing", None),
        ("my Mi-Fi is dead", "mifi"),
        ("call <PREPAID_0a1b>", None),
    ],
)
def test_a_text_names_a_product(telecom, text, product):
    assert telecom.mentioned(text) == product


def test_an_alias_of_two_products_is_refused():
    with pytest.raises(ValueError, match="alias 'x' stands for a already"):
        Catalogue.from_dict({"products": {"a": ["x"], "b": ["x"]}})
    with pytest.raises(ValueError, match=r"products\.a: expected a list"):
        Catalogue.from_dict({"products": {"a": "x"}})


def test_its_words_are_known(telecom):
    assert {"fibre", "momo", "mifi"} <= telecom.words

import pytest

from models.pseudonym import identifier, plain, pseudonym

KEY = b"k"


@pytest.mark.parametrize(
    "written", ["08031234567", "0803 123 4567", "+234 803 123 4567", "2348031234567", "002348031234567", "٠٨٠٣١٢٣٤٥٦٧"]
)
def test_a_phone_has_one_form_however_written(written):
    assert plain(written, "phone") == "+2348031234567"


def test_a_phone_without_a_country_is_of_the_region():
    assert plain("0712 345 678", "phone", "KE") == "+254712345678"
    assert plain("0712 345 678", "phone", "KE") != plain("0712 345 678", "phone", "NG")


def test_what_is_no_phone_keeps_its_digits():
    assert plain("123", "phone") == "123"


def test_gmail_knows_no_dots_and_labels_and_others_do():
    assert plain("Ada.Obi+mtn@GoogleMail.com", "email") == "adaobi@gmail.com"
    assert plain("Ada.Obi+mtn@Example.com", "email") == "ada.obi+mtn@example.com"


def test_a_handle_is_bare():
    assert plain("@Ada_Obi", "handle") == "ada_obi"


def test_equal_values_of_two_kinds_differ_and_keys_matter():
    assert pseudonym(KEY, "123", "customer") != pseudonym(KEY, "123", "account").replace("account", "customer")
    assert pseudonym(KEY, "123", "customer") != pseudonym(b"other", "123", "customer")
    assert identifier(KEY, "08031234567", "phone") == pseudonym(KEY, "+2348031234567", "phone").replace("_", ":")

from __future__ import annotations

import pickle

import pytest

from models.pii import STRICT, BadPolicy, Policy, find, mask, placeholder

KEY = b"k" * 32
PHONE = "0803 123 4567"


def test_without_a_word_everything_is_masked() -> None:
    assert set(STRICT.for_channel("sms").values()) == {"mask"}


def test_a_channel_says_what_is_kept_and_what_is_generalised() -> None:
    policy = Policy.from_dict({"default": {"PHONE": "generalise"}, "channels": {"social": {"HANDLE": "keep"}}})

    social = mask(f"@ada call {PHONE}", KEY, policy, "social")

    assert social.text == "@ada call <PHONE_0000>"
    assert [span.type for span in social.spans] == ["PHONE"]
    assert mask("@ada", KEY, policy, "sms").text == placeholder("HANDLE", "@ada", KEY)
    assert mask(social.text, KEY, policy, "social").text == social.text


def test_ignored_types_are_not_looked_for_and_cues_are_added() -> None:
    assert find("dob 1/2/1990", Policy.from_dict({"ignore": ["DOB"]})) == []
    assert find("wallet 12345678") == []
    assert [span.type for span in find("wallet 12345678", Policy.from_dict({"cues": {"ACCOUNT": ["wallet"]}}))] == [
        "ACCOUNT"
    ]


def test_a_role_sees_the_type_alone_of_what_it_may_not_join() -> None:
    policy = Policy.from_dict({"roles": {"ml": {"PERSON": "generalise"}}})

    assert policy.shown("<PERSON_a91c> <PHONE_a91c>", "ml") == "<PERSON_0000> <PHONE_a91c>"
    assert policy.shown("<PERSON_a91c>", "analyst") == "<PERSON_a91c>"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ignore": ["PHONES"]}, "'PHONES' is none of ACCOUNT"),
        ({"default": {"PHONE": "hide"}}, "default.PHONE = 'hide'"),
        ({"channels": {"sms": {"FAX": "mask"}}}, "'FAX' is none of"),
        ({"roles": {"ml": {"PHONE": "keep"}}}, "roles.ml.PHONE = 'keep'"),
        ({"cues": {"PHONE": ["x"]}}, "at least two characters"),
        ({"kinds": {}}, "kinds"),
    ],
)
def test_a_wrong_policy_says_where_and_what(values: dict[str, object], said: str) -> None:
    with pytest.raises(BadPolicy, match="pii policy") as raised:
        Policy.from_dict(values)

    assert said in str(raised.value)


def test_a_policy_and_its_error_pickle() -> None:
    policy = Policy.from_dict({"ignore": ["DOB"]})

    assert pickle.loads(pickle.dumps(policy)) == policy
    assert str(pickle.loads(pickle.dumps(BadPolicy("x")))) == "x"

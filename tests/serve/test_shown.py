from models.pii import Policy
from serve.shown import shown

POLICY = Policy.from_dict({"roles": {"ml": {"PHONE": "generalise"}}})


def test_texts_at_any_depth_are_shown_as_the_role_may_see_them():
    row = {"text": "<PHONE_a91c>", "hits": [{"text": "call <PHONE_ffff> <EMAIL_1234>"}], "score": 0.5, "none": None}

    assert shown(POLICY, "ml", row) == {
        "text": "<PHONE_0000>",
        "hits": [{"text": "call <PHONE_0000> <EMAIL_1234>"}],
        "score": 0.5,
        "none": None,
    }


def test_other_roles_see_what_is_stored():
    row = {"text": "<PHONE_a91c>"}

    assert shown(POLICY, "analyst", row) is row

import json

from serve.problems import Problem


def test_a_personal_value_in_the_wrong_field_is_not_repeated():
    problem = Problem(
        422,
        "since: '0809 555 01 77' is no time",
        errors=[{"field": "channel", "message": "'ada@example.org' is unknown"}],
    )
    body = json.loads(problem.response().body)
    assert body["detail"] == "since: '<PHONE>' is no time"
    assert body["errors"] == [{"field": "channel", "message": "'<EMAIL>' is unknown"}]


def test_an_event_id_in_a_message_stays():
    detail = f"complaint '{'0123456789abcdef' * 4}': not found"
    assert json.loads(Problem(404, detail).response().body)["detail"] == detail

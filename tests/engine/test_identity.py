"""Persons on a running engine: linked across channels, explained, told apart for good."""

import time


def persons(engine, ids):
    return {key: engine.cli("show", key)["person_id"] for key in ids}


def until(probe, limit_s=60):
    deadline = time.monotonic() + limit_s
    while not (found := probe()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def test_a_wrong_merge_is_undone_and_stays_undone_under_replay(engine):
    sent = engine.post(
        *[
            {"id": "i1", "text": "wrong bill, customer called", "customer_id": "IC-77", "phone": "0809 555 0177"},
            {"id": "i2", "text": "no network at all. My number is +234 809 555 0177"},
            {"id": "i3", "text": "refund my money", "customer_id": "IC-77", "email": "ic77@example.com"},
        ]
    )
    ids = sent["event_ids"]
    assert engine.wait_for(ids) == ["stored"] * 3
    engine.cli("identity", "run")
    (person,) = set(persons(engine, ids).values())
    listed = engine.cli("identity", "list", "--least", "3", "--limit", "1000")["persons"]
    assert person in {one["person_id"] for one in listed}
    shown = engine.cli("identity", "show", person)
    assert len(shown["complaints"]) == 3
    assert all(link["reasons"] for link in shown["links"])
    phone = next(name for name in shown["identifiers"] if name.startswith("phone:"))
    assert engine.cli("identity", "explain", ids[1][:12])["person_id"] == person

    undone = engine.cli("identity", "unmerge", person, phone, "--reason", "somebody else's phone")
    assert undone["state"] == "unmerged"
    apart = persons(engine, ids)
    assert apart[ids[0]] == apart[ids[2]] != apart[ids[1]]

    engine.cli("replay", "--yes")
    engine.cli("identity", "run")
    assert persons(engine, ids) == apart
    links = engine.cli("identity", "explain", phone)["links"]
    assert {(link["method"], link["state"]) for link in links} >= {("manual", "unmerged")}

    engine.cli("identity", "confirm", undone["link_id"])
    assert until(lambda: len(set(persons(engine, ids).values())) == 1)


def test_a_conflict_is_listed_and_personal_data_is_not(engine):
    ids = engine.post(
        *[
            {"id": "i7", "text": "one of two", "customer_id": "IC-81", "phone": "08095550181"},
            {"id": "i8", "text": "the other of two", "customer_id": "IC-82", "phone": "08095550181"},
        ]
    )["event_ids"]
    engine.wait_for(ids)
    engine.cli("identity", "run")
    conflicts = engine.cli("identity", "list", "--conflicts")
    assert any(row["state"] == "conflict" and len(row["owners"]) == 2 for row in conflicts["conflicts"])
    assert len(set(persons(engine, ids).values())) == 2
    assert engine.cli("identity", "candidates")["total"] >= 0
    assert "5550181" not in str(conflicts)
    assert "5550181" not in str(engine.cli("identity", "explain", ids[0]))

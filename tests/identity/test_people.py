"""Pure: persons from complaints, in memory."""

import random

from engine.identity.people import Complaint, People
from engine.identity.resolve import CONFIRMED, PROBABLE

DAY = 86_400


def told(number, day, *identifiers):
    return Complaint(f"{number:016x}" + "0" * 48, tuple(identifiers), day * DAY)


def persons(*complaints, decide=()):
    people = People()
    people.add(complaints)
    for a, b, rank in decide:
        people.decide(a, b, rank)
        people.touch(a, b)
    return [people.person_of(one) for one in complaints]


def test_a_person_is_named_by_the_earliest_complaint():
    later, earlier = told(1, 9, "phone:a"), told(2, 3, "phone:a")
    assert persons(later, earlier) == ["person_0000000000000002"] * 2


def test_a_chain_of_identifiers_is_one_person():
    one, two, three = told(1, 1, "phone:a"), told(2, 2, "phone:a", "email:b"), told(3, 3, "customer:c", "email:b")
    assert len(set(persons(one, two, three))) == 1


def test_without_an_identifier_nobody_is_told():
    assert persons(told(1, 1)) == [None]


def test_a_phone_beside_four_customers_is_shared_and_links_nobody():
    shop = [told(n, n, f"customer:{n}", "phone:shop") for n in range(1, 5)]
    alone = told(9, 9, "phone:shop")
    *customers, nobody = persons(*shop, alone)
    assert nobody is None
    assert len(set(customers)) == 4
    people = People()
    people.add([*shop, alone])
    assert people.standing("phone:shop").state == "shared"


def test_a_customer_id_beside_too_many_phones_is_a_filler():
    calls = [told(n, n, "customer:unknown", f"phone:{n}") for n in range(20)]
    assert len(set(persons(*calls))) == 20


def test_two_accounts_that_only_a_phone_ties_are_a_conflict():
    one, two, sms = told(1, 1, "account:a", "phone:p"), told(2, 2, "account:b", "phone:p"), told(3, 3, "phone:p")
    first, second, neither = persons(one, two, sms)
    assert first != second
    assert neither is None


def test_two_accounts_of_one_customer_are_one_person():
    tied = [told(4, 4, "customer:c", "account:a"), told(5, 5, "customer:c", "account:b")]
    complaints = [told(1, 1, "account:a", "phone:p"), told(2, 2, "account:b", "phone:p"), told(3, 3, "phone:p"), *tied]
    assert len(set(persons(*complaints))) == 1


def test_a_number_that_changed_hands_after_a_long_silence_has_a_person_each():
    before = [told(1, 0, "customer:a", "phone:p"), told(2, 40, "phone:p"), told(3, 60, "customer:a", "phone:p")]
    after = [told(4, 300, "customer:b", "phone:p"), told(5, 310, "phone:p"), told(6, 360, "customer:b", "phone:p")]
    found = persons(*before, *after)
    assert len(set(found[:3])) == len(set(found[3:])) == 1
    assert found[0] != found[3]
    # 179 days of silence are no sign: it stays a conflict.
    near = [told(4, 239, "customer:b", "phone:p"), told(5, 250, "phone:p"), told(6, 260, "customer:b", "phone:p")]
    assert persons(*before, *near)[1] is None


def test_a_join_of_two_customers_is_refused_with_its_reason():
    people = People()
    people.add(
        [told(1, 1, "customer:a", "email:x"), told(2, 2, "customer:b", "handle:y"), told(3, 3, "email:x", "handle:y")]
    )
    link = people.link("email:x", "handle:y")
    assert link.state == "conflict"
    assert "two customers" in " ".join(link.reasons)


def test_what_is_decided_by_hand_overrules_what_is_probable():
    one, two = told(1, 1, "phone:a"), told(2, 2, "email:b")
    assert len(set(persons(one, two, decide=[("phone:a", "email:b", PROBABLE)]))) == 1
    apart = [("phone:a", "email:b", PROBABLE), ("phone:a", "email:b", None)]
    assert len(set(persons(one, two, decide=apart))) == 2
    again = [*apart, ("phone:a", "email:b", CONFIRMED)]
    assert len(set(persons(one, two, decide=again))) == 1


def test_any_order_and_any_batches_give_the_same_persons():
    from datetime import UTC, datetime

    from benchmarks.processing.identity import complaint, row_of
    from engine.simulate.identities import tell

    rows = [row_of(one, 5) for one in tell(60, seed=5, start=datetime(2024, 1, 1, tzinfo=UTC))]
    complaints = [complaint(row) for row in rows]
    # Few values, so that everything meets: shared ones, conflicts and numbers that change hands.
    dense = random.Random(3)
    names = [f"{kind}:{n}" for kind in ("customer", "account", "phone", "email") for n in range(9)]
    complaints += [told(n + 1, dense.randint(0, 700), *dense.sample(names, dense.randint(1, 3))) for n in range(120)]
    whole = People()
    whole.add(complaints)
    expected = [whole.person_of(one) for one in complaints]
    assert len(set(expected)) > 40
    for seed in range(6):
        mixed = random.Random(seed).sample(complaints, len(complaints))
        people = People()
        for start in range(0, len(mixed), 1 + seed * 7):
            people.add(mixed[start : start + 1 + seed * 7])
        assert [people.person_of(one) for one in complaints] == expected, seed


def test_what_is_forgotten_leaves_no_trace():
    stay = [told(1, 1, "customer:a", "phone:p"), told(2, 2, "phone:p")]
    people = People()
    people.add([*stay, told(3, 3, "customer:b", "phone:p")])
    assert people.person_of(stay[1]) is None
    people.forget([told(3, 3, "customer:b", "phone:p")])
    assert people.person_of(stay[1]) == people.person_of(stay[0]) == "person_0000000000000001"

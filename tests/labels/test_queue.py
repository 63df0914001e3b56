from collections import Counter

import pytest

from engine.labels.queue import AUDIT, ERROR, NOVEL, STRATEGIES, UNCERTAIN, WEAK, Pool, choose, strategy_of, weak_slices


def row(number, confidence=0.9, **more):
    return {
        "event_id": f"{number:064x}", "text_hash": f"t{number}", "category": "network", "subcategory": "network.outage",
        "confidence": confidence, "cluster_id": None, "language": "eng", "channel": "sms", "region": "Lagos",
    } | more  # fmt: skip


def label(number, **more):
    return {"event_id": f"{number:064x}", "text_hash": f"t{number}", "labels": ["billing"], "kind": "human"} | more


def numbers(items):
    return [int(item.event_id, 16) for item in items]


def pick(pool, limit=10, only=None, **more):
    return choose(pool, limit, **({"seed": 1, "turn": 0, "audit_share": 0.0, "only": only} | more))


def test_the_least_sure_come_first_with_their_confidence():
    items = pick(Pool([row(1, 0.8), row(2, 0.31), row(3, 0.5)]), only=UNCERTAIN)
    assert numbers(items) == [2, 3, 1]
    assert items[0].reason == "the model is unsure: network.outage with confidence 0.31"


def test_what_has_a_label_or_a_labelled_copy_is_not_asked_again():
    rows = [row(1), row(2), row(3, text_hash="t1"), row(4)]
    assert numbers(pick(Pool(rows, {label(1)["event_id"]: label(1)}), only=UNCERTAIN)) == [2, 4]


def test_a_text_is_asked_once():
    assert numbers(pick(Pool([row(1, text_hash="x"), row(2, text_hash="x"), row(3)]), only=UNCERTAIN)) == [1, 3]


def test_unscored_complaints_are_no_uncertain_ones():
    assert pick(Pool([row(1, None)]), only=UNCERTAIN) == []


def test_a_suspected_label_is_asked_again_with_both_labels():
    pool = Pool([row(1)], {label(1)["event_id"]: label(1)}, suspected=[(label(1)["event_id"], "billing", "network")])
    (item,) = pick(pool, only=ERROR)
    assert item.reason == "labelled billing, but what is like it is labelled network"


def test_clusters_without_a_label_the_largest_first_then_noise():
    rows = [row(n, cluster_id=c) for n, c in enumerate([7, 7, 7, 8, 8, 9, 9, 9, 9, -1])]
    items = pick(Pool(rows, clusters={9}), only=NOVEL)
    assert [item.reason for item in items] == [
        "cluster 7 has 3 complaints and no label",
        "cluster 8 has 2 complaints and no label",
        "cluster 7 has 3 complaints and no label",
        "cluster 8 has 2 complaints and no label",
        "cluster 7 has 3 complaints and no label",
        "in no cluster: like nothing that is frequent",
    ]


def test_weak_slices_by_hand():
    # 60 sure English and 30 unsure Hausa: over all (60 * .9 + 30 * .6) / 90 = .8.
    rows = [row(n, 0.9) for n in range(60)] + [row(100 + n, 0.6, language="hau") for n in range(30)]
    ((name, value, mean, overall),) = weak_slices(rows)
    assert (name, value, round(mean, 6), round(overall, 6)) == ("language", "hau", 0.6, 0.8)
    items = pick(Pool(rows), 3, only=WEAK)
    assert min(numbers(items)) >= 100
    assert items[0].reason == "language hau is weak: mean confidence 0.60, over all 0.80"


def test_a_small_slice_says_nothing():
    assert weak_slices([row(n, 0.9) for n in range(60)] + [row(99, 0.1, language="hau")]) == []


def test_the_audit_goes_in_its_order_and_takes_what_is_labelled_too():
    pool = Pool([row(1), row(2)], {label(2)["event_id"]: label(2)}, audit=[row(2)["event_id"], row(1)["event_id"]])
    assert numbers(pick(pool, only=AUDIT)) == [2, 1]


def test_the_mix_has_the_shares_asked_for():
    counts = Counter(strategy_of(7, turn, 0.2) for turn in range(10_000))
    # .2 audit; of the rest half uncertain, .2 novel, .15 each of the others. Three standard errors are .012.
    for name, share in {AUDIT: 0.2, UNCERTAIN: 0.4, NOVEL: 0.16, ERROR: 0.12, WEAK: 0.12}.items():
        assert abs(counts[name] / 10_000 - share) < 0.02, name


def full():
    rows = [row(n, 0.9, cluster_id=n % 5) for n in range(60)] + [row(100 + n, 0.5, language="hau") for n in range(40)]
    return Pool(rows, audit=[r["event_id"] for r in rows])


def test_one_at_a_time_is_the_mix_of_many():
    many = [item.strategy for item in pick(full(), 30, seed=3, audit_share=0.3)]
    single = [pick(full(), 1, seed=3, audit_share=0.3, turn=turn)[0].strategy for turn in range(30)]
    # No label is suspected: those turns go to the first of the others.
    assert many == single
    assert set(many) == set(STRATEGIES) - {ERROR}


def test_the_same_seed_gives_the_same_queue_and_another_another():
    assert pick(full(), 20, seed=3) == pick(full(), 20, seed=3)
    assert pick(full(), 20, seed=3) != pick(full(), 20, seed=4)


def test_no_complaint_stands_twice_and_the_queue_ends():
    items = pick(full(), 1000, audit_share=0.3)
    assert len(items) == len(set(numbers(items))) == 100


@pytest.mark.parametrize("given", [[row(7)["event_id"]], [row(7)["event_id"][:63]]])
def test_what_was_skipped_is_left_out(given):
    # The beginning of 63 digits is that of all 16 ids that end in another digit: 0 to 15.
    left = numbers(pick(Pool([row(7), row(99)]), skip=given))
    assert left == [99]


def test_without_an_audit_share_nothing_is_the_audits():
    assert AUDIT not in {item.strategy for item in pick(full(), 50)}

import numpy as np
import pytest

from engine.registry.drift import Side, judge


def side(mix, confidence=0.8, taxonomy="telecom/1", region="Lagos", judged=(), shift=0.0, seed=1):
    """`mix` of leaves; vectors about one direction, moved by `shift` along another."""
    rows = [
        {
            "event_id": str(n), "category": leaf.partition(".")[0], "subcategory": leaf, "region": region,
            "channel": "sms", "product": None, "confidence": confidence, "category_reasons": [],
            "taxonomy_version": taxonomy,
        }
        for n, leaf in enumerate(leaf for leaf, count in mix.items() for _ in range(count))
    ]  # fmt: skip
    vectors = np.random.default_rng(seed).standard_normal((len(rows), 16)).astype(np.float32)
    vectors[:, 0] += 2
    vectors[:, 1] += shift
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Side(rows, vectors, list(judged))


def states(found):
    return {one["name"]: one["state"] for one in found["measures"]}


CALM = {"billing.refund": 300, "network.outage": 100}


def test_the_same_complaints_do_not_drift():
    found = judge(side(CALM), side(CALM, seed=2), {})
    assert states(found) == {
        "input": "well", "labels": "well", "confidence": "well", "abstention": "well", "calibration": "unknown",
    }  # fmt: skip
    assert found["drifts"] == 0


def test_few_complaints_say_nothing():
    assert set(states(judge(side({"billing.refund": 199}), side(CALM), {})).values()) == {"unknown"}


def test_other_texts_are_input_drift():
    assert states(judge(side(CALM, shift=3.0), side(CALM, seed=2), {}))["input"] == "drift"


def test_another_mix_of_categories_is_drift_that_names_what_moved():
    found = judge(side({"billing.refund": 100, "network.outage": 300}), side(CALM, seed=2), {})
    labels = next(one for one in found["measures"] if one["name"] == "labels")
    assert labels["state"] == "drift"
    assert "went from 75% to 25%" in labels["why"] or "went from 25% to 75%" in labels["why"]
    assert found["drifts"] >= 1


def test_an_open_incident_explains_what_its_own_complaints_bring():
    outage = {"billing.refund": 300, "network.outage": 900}
    found = judge(side(outage), side(CALM, seed=2), {"inc-1": "subcategory=network.outage"})
    labels = next(one for one in found["measures"] if one["name"] == "labels")
    assert (labels["state"], labels["cause"]) == ("explained", "outage")
    assert (found["drifts"], found["incidents"]) == (0, ["inc-1"])


def test_an_incident_elsewhere_explains_nothing():
    outage = {"billing.refund": 300, "network.outage": 900}
    found = judge(side(outage), side(CALM, seed=2), {"inc-1": "subcategory=network.outage|region=Kano"})
    assert states(found)["labels"] == "drift"


def test_another_taxonomy_explains_another_mix_and_no_fall_of_confidence():
    now = side({"billing.money_back": 300, "network.outage": 100}, confidence=0.5, taxonomy="telecom/2")
    found = judge(now, side(CALM, seed=2), {})
    assert (states(found)["labels"], states(found)["confidence"]) == ("explained", "drift")
    assert next(one for one in found["measures"] if one["name"] == "labels")["cause"] == "taxonomy"


def test_abstaining_more_often_is_drift():
    now = side(CALM)
    for row in now.rows[:80]:
        row["category_reasons"] = ["abstained: best was billing.refund"]
    assert states(judge(now, side(CALM, seed=2), {}))["abstention"] == "drift"


@pytest.mark.parametrize(("right", "state"), [(0.8, "well"), (0.4, "drift")])
def test_confidence_that_is_not_met_by_the_audit_is_drift_of_calibration(right, state):
    judged = [(0.8, n < right * 200) for n in range(200)]
    assert states(judge(side(CALM, judged=judged), side(CALM, seed=2), {}))["calibration"] == state


def test_standing_reads_a_versions_own_week_and_judges_the_audit(tmp_path, context):
    from datetime import timedelta

    from engine.intake.envelope import Envelope, to_table
    from engine.registry.drift import standing
    from engine.settings import Settings
    from engine.stages.pipeline import process
    from engine.store.writer import Writer
    from tests.conftest import NOW

    settings = Settings(data_dir=tmp_path)
    writer = Writer(settings)
    sent = [
        Envelope("sms", "test", str(n), f"no network here {n}".encode(), "text/plain", NOW - timedelta(days=days))
        for days, count in ((1, 5), (10, 7), (50, 3))
        for n in range(100 * days, 100 * days + count)
    ]
    writer.commit(process(to_table([(e.event_id, e, n) for n, e in enumerate(sent, 1)]), context))
    given = {"labeller": "ada", "taxonomy_version": "telecom/1", "kind": "audit", "labels": ["billing"]}
    writer.put_labels([{"event_id": sent[0].event_id} | given])
    writer.close()

    found = standing(settings, "zero-shot/1", NOW)
    assert (found["of"], found["before"], found["incidents"]) == (5, 7, [])
    assert standing(settings, "complaints/1", NOW)["of"] == 0
    assert standing(Settings(data_dir=tmp_path / "none"), "zero-shot/1", NOW)["measures"] == []

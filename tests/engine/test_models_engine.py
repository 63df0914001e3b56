"""A champion in a running engine: promoted, taken over by the stream, past complaints scored again, and rolled back."""

import csv
import time

import pytest

from tests.running import Engine

REFUND = ["you charged me twice, refund my money", "i want my money back for the double charge", "refund the deduction"]
NETWORK = ["no network in my area since morning", "there is no signal on my phone", "the network is down again"]


@pytest.fixture
def engine(tmp_path):
    running = Engine(tmp_path, {"BEEJAN_REGISTRY__SHADOW_SHARE": "1"})
    yield running
    running.stop()


def labelled(path, swap=False):
    """Texts of two leaves; swapped, so that no champion but one trained on it can be right."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in range(40):
            first, second = ("network.outage", "billing.refund") if swap else ("billing.refund", "network.outage")
            rows.writerow([f"{REFUND[number % 3]} {number}", first])
            rows.writerow([f"{NETWORK[number % 3]} {number}", second])
    return str(path)


def versions(engine):
    rows = engine.table("serving", "complaints").search().select(["classifier_version"]).limit(9999).to_list()
    return {row["classifier_version"] for row in rows}


def until(found, limit_s=90):
    deadline = time.monotonic() + limit_s
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_a_champion_is_promoted_shadowed_taken_over_and_rolled_back(engine, tmp_path):
    texts = [*REFUND, *NETWORK]
    sent = engine.post(*({"id": str(n), "text": f"{texts[n % 6]} {n}"} for n in range(30)))
    engine.wait_for(sent["event_ids"])
    file = labelled(tmp_path / "labelled.csv", swap=True)
    model = engine.cli("train", "--data", file)
    which = f"{model['name']}/{model['version']}"

    # The challenger is tried on new complaints, and what is served stays the champion's.
    later = engine.post(*({"id": f"later {n}", "text": texts[n % 6]} for n in range(6)))
    engine.wait_for(later["event_ids"])
    until(lambda: engine.table("governance", "shadow").count_rows() >= 6)
    assert versions(engine) == {"zero-shot/1"}

    assert engine.cli("models", "promote", which, code=4)["error"]["type"] == "Refused"
    done = engine.cli("models", "promote", which, "--data", file, "--wait")
    assert (done["state"]["due"], done["champion"]["to"]) == (0, model["version"])
    assert versions(engine) == {which}
    assert engine.http.get("/v1/status").json()["models"]["classifier_version"] == which
    counted = engine.table("serving", "volumes").search().limit(10**6).to_list()
    total = sum(r["count"] for r in counted if r["segment"].startswith("category=") and "|" not in r["segment"])
    assert total == 36

    newest = engine.post({"id": "newest", "text": NETWORK[0]})
    engine.wait_for(newest["event_ids"])
    row = engine.http.get(f"/v1/complaints/{newest['event_ids'][0]}").json()
    assert row["classifier_version"] == which

    engine.cli("models", "rollback", "--reason", "it was trained on swapped labels", "--wait")
    assert versions(engine) == {"zero-shot/1"}
    listed = engine.cli("models", "list")
    assert (listed["champion"], [one["id"] for one in listed["models"]]) == ("zero-shot/1", [which])

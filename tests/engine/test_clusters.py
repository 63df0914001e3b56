"""Clusters on a running engine: made, read, and given to what comes after."""

import time

THINGS = ["network", "signal", "data", "line", "internet"]
PLACES = ["Ikeja", "Lekki", "Yaba", "Surulere", "Ajah", "Epe", "Badagry", "Ikorodu"]


def complaints():
    outage = [f"There is no {thing} in {place} since morning" for thing in THINGS for place in PLACES]
    refund = [f"My {thing} refund was never paid at the {place} shop" for thing in THINGS for place in PLACES]
    return [{"id": f"cl-{n}", "text": text} for n, text in enumerate(outage + refund)]


def test_a_clustering_names_what_is_stored_and_the_stream_assigns_to_it(engine):
    ids = engine.post(*complaints())["event_ids"]
    assert set(engine.wait_for(ids)) == {"stored"}

    report = engine.cli("cluster")

    assert report["state"] == "done"
    listed = engine.cli("clusters", "list")
    assert listed["total"] == report["clusters"] >= 2
    first = listed["clusters"][0]
    shown = engine.cli("clusters", "show", str(first["cluster_id"]))
    assert shown["events"][0]["event"] == "born"
    assert shown["exemplars"]
    found = engine.cli("search", "", "--cluster", str(first["cluster_id"]), "--limit", "200")
    assert found["total"] == first["size"]
    assert {hit["cluster_id"] for hit in found["hits"]} == {first["cluster_id"]}

    deadline = time.monotonic() + 60
    number = 0
    while time.monotonic() < deadline:  # until the stream has taken the clusters
        number += 1
        (new,) = engine.post(
            {"id": f"cl-new-{number}", "text": f"There is no network in Ikeja since this morning, {number}"}
        )["event_ids"]
        engine.wait_for([new])
        found = engine.cli("show", new)["cluster_id"]
        if found is not None:
            break
    assert found == engine.cli("show", ids[0])["cluster_id"] >= 0

import json
from dataclasses import replace

import numpy as np
import pytest

from connectors.lance import open_reader
from engine.curate.context import build_context, load_lineage
from engine.curate.local import process_texts
from engine.intake.envelope import Envelope, to_table
from engine.registry.aliases import decide, decisions, folder_of, read
from engine.registry.errors import NoModel, NotBetter
from engine.registry.load import chosen, names, target, versions
from engine.registry.promote import audited, challenge, champions, known_labels, listed, promote, report, rollback
from engine.settings import Settings
from engine.stages.pipeline import process
from engine.store.writer import Writer
from models.classifier import Classifier
from tests.conftest import NOW, HashEmbedder

GAIN = {
    "of": 500,
    "versions": {"champion": "zero-shot/1", "challenger": "complaints/1"},
    "champion": {"accuracy": 0.5},
    "challenger": {"accuracy": 0.7},
    "gain": {"difference": 0.2, "low": 0.15, "high": 0.25},
    "against": [],
}


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path)


@pytest.fixture
def leaves(settings):
    return [leaf.id for leaf in load_lineage(settings).current.leaves()][:2]


def made(settings, version, **about):
    folder = folder_of(settings.data_dir, "complaints") / version
    folder.mkdir(parents=True)
    taxonomy = load_lineage(settings).current
    manifest = {
        "embedding": {"model": "hash", "revision": "0"},
        "taxonomy": f"{taxonomy.name}/{taxonomy.version}",
        "metrics": {"accuracy": 0.9, "by_label": {"x": 1}},
        "files": {},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | about))
    return folder


def train(settings, version, leaves, **about):
    """A version that knows two leaves by their words."""
    texts = [f"{word} {n}" for word in ("refund money charged twice", "slow internet no data") for n in range(30)]
    labels = [leaf for leaf in leaves for _ in range(30)]
    classifier, _ = Classifier.fit(texts, HashEmbedder().encode(texts), labels, seed=1)
    classifier.save(made(settings, version, **about))


def test_a_gain_makes_it_the_champion_and_is_kept_with_the_decision(settings):
    made(settings, "1")
    decision = promote(settings, "1", GAIN, by="ada")
    assert (target(settings), decision["compared"]["gain"]["low"]) == ("complaints/1", 0.15)
    assert decisions(settings.data_dir, "complaints") == [decision]


def test_without_a_gain_it_is_refused_and_nothing_changes(settings):
    made(settings, "1")
    with pytest.raises(NotBetter, match="no gain is shown"):
        promote(settings, "1", GAIN | {"against": ["no gain is shown: accuracy changes by +0.0100"]}, by="ada")
    assert (target(settings), decisions(settings.data_dir, "complaints")) == ("zero-shot/1", [])


def test_forced_it_needs_a_reason_which_is_kept(settings):
    made(settings, "1")
    bad = GAIN | {"against": ["language hau gets worse"]}
    with pytest.raises(NotBetter, match="--reason"):
        promote(settings, "1", bad, by="ada", force=True, reason="  ")
    promote(settings, "1", bad, by="ada", force=True, reason="hau is labelled wrongly")
    kept = decisions(settings.data_dir, "complaints")[-1]
    assert (kept["forced"], kept["reason"], kept["by"]) == (True, "hau is labelled wrongly", "ada")
    assert kept["compared"]["against"] == ["language hau gets worse"]


def test_a_comparison_with_an_earlier_champion_does_not_count(settings):
    made(settings, "1")
    made(settings, "2")
    promote(settings, "1", GAIN, by="ada")
    with pytest.raises(NotBetter, match="compare it again"):
        promote(settings, "2", GAIN, by="ada")
    assert target(settings) == "complaints/1"


def test_a_version_that_is_not_there_is_told(settings):
    made(settings, "1")
    with pytest.raises(NoModel, match=r"versions of complaints: 1"):
        promote(settings, "7", GAIN, by="ada")


def test_rollback_goes_back_one_champion_at_a_time_to_the_zero_shot_classifier(settings):
    made(settings, "1")
    made(settings, "2")
    promote(settings, "1", GAIN, by="ada")
    over = GAIN | {"versions": {"champion": "complaints/1", "challenger": "complaints/2"}}
    promote(settings, "2", over, by="ada")
    seen = [target(settings)]
    for _ in range(2):
        rollback(settings, by="ada", reason="worse on roaming")
        seen.append(target(settings))
    assert seen == ["complaints/2", "complaints/1", "zero-shot/1"]
    with pytest.raises(NoModel, match="no champion before"):
        rollback(settings, by="ada")


def test_a_promotion_after_a_rollback_is_rolled_back_to_where_it_was():
    def one(action, to):
        return {"action": action, "champion": {"to": to}}

    log = [one("promote", "1"), one("promote", "2"), one("rollback", "1"), one("challenger", "1"), one("promote", "3")]
    assert champions(log) == [None, "1", "3"]


def test_a_promoted_challenger_is_no_longer_the_challenger(settings):
    made(settings, "1")
    challenge(settings, "1", by="ada")
    assert read(settings.data_dir, "complaints").challenger == "1"
    promote(settings, "1", GAIN, by="ada")
    assert read(settings.data_dir, "complaints").challenger is None
    with pytest.raises(NoModel, match="is the champion"):
        challenge(settings, "1", by="ada")


def test_a_cleared_challenger_stays_as_a_version_and_the_decision_is_kept(settings):
    made(settings, "1")
    challenge(settings, "1", by="ada")
    found = challenge(settings, None, by="bo")
    assert (found["challenger"], found["by"]) == ({"from": "1", "to": None}, "bo")
    assert [one["role"] for one in listed(settings.data_dir, "complaints")] == [""]


def test_texts_are_classified_by_a_named_version(settings, leaves):
    train(settings, "1", leaves)
    assert chosen(settings, "complaints") == chosen(settings, "complaints@1") == ("complaints", "1")
    texts = ["slow internet no data 3", "refund money charged twice 4"]
    ((rows, _),) = process_texts(texts, settings, HashEmbedder(), model=("complaints", "1"))
    assert [row["subcategory"] for row in rows] == [leaves[1], leaves[0]]
    with pytest.raises(NoModel, match="versions of complaints: 1"):
        chosen(settings, "complaints@2")


def test_versions_are_listed_with_their_roles_the_newest_first(settings):
    import os

    for number, version in enumerate(("a", "b")):
        os.utime(made(settings, version) / "manifest.json", (number, number))
    (folder_of(settings.data_dir, "complaints") / "half").mkdir()
    decide(settings.data_dir, "complaints", "challenger", lambda a: replace(a, challenger="a"))
    assert versions(settings.data_dir, "complaints") == ["a", "b"]
    assert [(row["version"], row["role"]) for row in listed(settings.data_dir, "complaints")] == [
        ("b", ""),
        ("a", "challenger"),
    ]
    assert names(settings.data_dir) == ["complaints"]


def test_the_context_classifies_by_the_champion_and_rows_say_so(settings, leaves):
    train(settings, "1", leaves)
    promote(settings, "1", GAIN, by="ada")
    context = build_context(settings, HashEmbedder())
    sent = Envelope("sms", "test", "1", b"refund money charged twice 3", "text/plain", NOW)
    row = process(to_table([(sent.event_id, sent, 1)]), context).to_pylist()[0]
    assert (row["classifier_version"], row["subcategory"]) == ("complaints/1", leaves[0])


@pytest.mark.parametrize(
    "about",
    [
        {"embedding": {"model": "other", "revision": "0"}},
        {"taxonomy": "other/1"},
        {"taxonomy": "telecom/no-such-version"},
    ],
)
def test_a_champion_that_cannot_be_used_leaves_the_zero_shot_classifier_and_is_told(settings, leaves, about, caplog):
    train(settings, "1", leaves, **about)
    promote(settings, "1", GAIN, by="ada")
    context = build_context(settings, HashEmbedder())
    assert context.classifier_version == "zero-shot/1"
    assert "model complaints/1" in caplog.text


def test_a_damaged_champion_leaves_the_zero_shot_classifier(settings, leaves):
    train(settings, "1", leaves)
    promote(settings, "1", GAIN, by="ada")
    path = folder_of(settings.data_dir, "complaints") / "1" / "classifier.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert build_context(settings, HashEmbedder()).classifier_version == "zero-shot/1"


def test_two_versions_are_compared_on_the_audits_labels_alone(settings, context, leaves):
    train(settings, "1", leaves)
    writer = Writer(settings)
    texts = [f"refund money charged twice {n}" for n in range(100, 140)] + ["refund money charged twice 100"]
    sent = [Envelope("sms", "test", str(n), text.encode(), "text/plain", NOW) for n, text in enumerate(texts)]
    writer.commit(process(to_table([(e.event_id, e, n) for n, e in enumerate(sent, 1)]), context))
    given = {"labeller": "ada", "taxonomy_version": "telecom/1"}
    ids = [one.event_id for one in sent]
    writer.put_labels([{"event_id": key, "labels": [leaves[0]], "kind": "audit"} | given for key in ids[:40]])
    writer.put_labels([{"event_id": ids[40], "labels": [leaves[0]], "kind": "human"} | given])
    tables = [
        open_reader(f"{settings.zones_uri}/{z}", n) for z, n in (("serving", "complaints"), ("governance", "labels"))
    ]

    held = audited(*tables, known_labels(settings))
    # The text of the first is labelled once more for training, so it is no longer held out.
    assert (len(held.items), held.vectors.shape) == (39, (39, 384))
    found = report(settings, "1", held, HashEmbedder())
    assert found["versions"] == {"champion": "zero-shot/1", "challenger": "complaints/1"}
    assert found["challenger"]["accuracy"] > 0.9
    difference = found["challenger"]["accuracy"] - found["champion"]["accuracy"]
    assert np.isclose(found["gain"]["difference"], difference, atol=2e-4)
    writer.close()


def test_labels_that_are_not_the_taxonomys_stand_against_it(settings, leaves):
    train(settings, "1", leaves, taxonomy="")
    held = audited_nothing()
    assert (
        "its labels are not all of the taxonomy that complaints are placed in"
        in report(settings, "1", held, HashEmbedder())["against"]
    )


def audited_nothing():
    from engine.registry.promote import HeldOut

    return HeldOut([], np.zeros((0, 0), np.float32), [])

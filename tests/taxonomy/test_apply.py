"""Changes of the taxonomy applied to real tables through the one writer, with a cheap embedder."""

import copy
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml

from connectors.lance import open_reader
from engine.curate.context import load_lineage, load_priority
from engine.registry.rescore import of_others
from engine.settings import Settings
from engine.store.writer import Writer
from engine.taxonomy import apply as applying
from engine.taxonomy.apply import Application, Hands
from engine.taxonomy.plan import plan
from engine.taxonomy.scorer import scorer
from engine.taxonomy.stored import Stored
from engine.taxonomy.trends import trends
from engine.taxonomy.versions import BadChange, NoVersion, put
from models.classify import ZeroShotClassifier
from models.translate import Translated, Translator
from tests.conftest import NOW, HashEmbedder
from tests.store.test_writer import envelope, processed

TREE = {
    "version": "1",
    "name": "shop",
    "fallback": "other.general",
    "categories": [
        {
            "id": name,
            "name": name,
            "description": name,
            "subcategories": [{"id": f"{name}.{leaf}", "name": leaf, "description": leaf, "examples": words}],
        }
        for name, leaf, words in (
            ("net", "slow", ["mobile internet crawls", "fibre internet crawls"]),
            ("bill", "over", ["charged twice money"]),
            ("other", "general", ["hello there"]),
        )
    ],
}
TREE["categories"][1]["subcategories"].append(
    {"id": "bill.refund", "name": "refund", "description": "refund", "examples": ["refund pending weeks"]}
)

MAPPED = {
    "taxonomy": "shop",
    "from": "1",
    "to": "2",
    "operations": [
        {"rename": "net", "to": "web"},
        {"merge": ["bill.over", "bill.refund"], "into": "bill.over"},
        {"move": "other.general", "to": "bill"},
    ],
}
SPLIT = {
    "taxonomy": "shop",
    "from": "1",
    "to": "2",
    "operations": [
        {
            "split": "net.slow",
            "into": [
                {"id": "net.mobile", "name": "mobile", "description": "mobile", "examples": ["mobile internet crawls"]},
                {"id": "fibre.slow", "name": "fibre", "description": "fibre", "examples": ["fibre internet crawls"]},
            ],
            "otherwise": "net.mobile",
        },
        {
            "add": {
                "id": "fibre",
                "name": "Fibre",
                "description": "Fibre.",
                "subcategories": [
                    {"id": "fibre.cut", "name": "cut", "description": "cut", "examples": ["fibre cable cut"]}
                ],
            }
        },
    ],
}

TEXTS = {
    "mobile internet crawls here": 3,
    "fibre internet crawls here": 1,
    "charged twice money": 2,
    "refund pending weeks": 4,
    "hello there": 5,
}


class Cut(Exception):
    """The process dies here."""


class Shop:
    """An installation with its own taxonomy, its stream and its writer."""

    def __init__(self, folder, context):
        path = folder / "shop.yaml"
        path.write_text(yaml.safe_dump(TREE))
        self.settings = Settings(data_dir=folder, taxonomy=str(path))
        self.context = context
        self.writer = Writer(self.settings)
        self.sent = 0
        self.version = "zero-shot/1"

    @property
    def lineage(self):
        return load_lineage(self.settings)

    def put(self, *texts, at=NOW - timedelta(days=1)):
        """What the stream does with texts that come in now."""
        taxonomy = self.lineage.current
        context = replace(
            self.context,
            classifier=ZeroShotClassifier.build(taxonomy, HashEmbedder()),
            classifier_version=self.version,
            taxonomy_version=f"shop/{taxonomy.version}",
        )
        first = self.sent + 1
        self.sent += len(texts)
        sent = [envelope(text, f"{n}", occurred_at=at.isoformat()) for n, text in enumerate(texts, first)]
        self.writer.commit(processed(context, *sent))

    def application(self, data, **changed):
        hands = Hands(
            self.writer.put_taxonomy_scores,
            self.writer.rescore,
            lambda step: scorer(step, HashEmbedder()),
            lambda one: put(self.settings.data_dir, one),
            lambda: None,
        )
        return Application(data, self.lineage, Stored.open(self.settings), replace(hands, **changed))

    def apply(self, data, **changed):
        return self.application(data, **changed).run()

    def plan(self, data):
        return plan(data, self.lineage, Stored.open(self.settings))

    def rows(self, zone="serving", name="complaints"):
        return open_reader(f"{self.settings.zones_uri}/{zone}", name).search().limit(10**6).to_list()

    def leaves(self):
        found = {}
        for row in self.rows():
            key = (row["taxonomy_version"], row["category"], row["subcategory"])
            found[key] = found.get(key, 0) + 1
        return found

    def volumes(self):
        """Segments of the category or leaf alone, summed over time."""
        found = {}
        for row in self.rows(name="volumes"):
            if row["count"] and "category=" in row["segment"] and "|" not in row["segment"]:
                found[row["segment"]] = found.get(row["segment"], 0) + row["count"]
        return found


@pytest.fixture
def shop(tmp_path, context):
    made = Shop(tmp_path, context)
    made.put(*[f"{text} {n}" for text, times in TEXTS.items() for n in range(times)])
    yield made
    made.writer.close()


BEFORE = {
    ("shop/1", "net", "net.slow"): 4,
    ("shop/1", "bill", "bill.over"): 2,
    ("shop/1", "bill", "bill.refund"): 4,
    ("shop/1", "other", "other.general"): 5,
}
AFTER_MAPPED = {
    ("shop/2", "web", "web.slow"): 4,
    ("shop/2", "bill", "bill.over"): 6,
    ("shop/2", "bill", "bill.general"): 5,
}
AFTER_SPLIT = {
    ("shop/2", "net", "net.mobile"): 3,
    ("shop/2", "fibre", "fibre.slow"): 1,
    ("shop/2", "bill", "bill.over"): 2,
    ("shop/2", "bill", "bill.refund"): 4,
    ("shop/2", "other", "other.general"): 5,
}


def test_a_split_under_a_trained_champion_keeps_its_version_and_leaves_nothing_to_score_again(shop):
    shop.version = "complaints/1"
    texts = ["mobile internet crawls again", "fibre internet crawls again"]
    shop.put(*texts)
    vectors = HashEmbedder().encode(texts)
    before = ZeroShotClassifier.build(shop.lineage.current, HashEmbedder())

    shop.apply(SPLIT)

    mine = {row["text"]: row for row in shop.rows() if row["classifier_version"] == "complaints/1"}
    assert [mine[text]["subcategory"] for text in texts] == ["net.mobile", "fibre.slow"]
    assert {row["taxonomy_version"] for row in shop.rows()} == {"shop/2"}
    due = open_reader(f"{shop.settings.zones_uri}/serving", "complaints").count_rows(of_others("complaints/1"))
    assert due == 15  # those that the champion has not classified, and no split one
    # What the champion says of the same texts when they come in anew.
    step = shop.lineage.applied[-1].step
    anew = Translated(before, [Translator.build(step, HashEmbedder())]).predict(texts, vectors)
    assert [one.subcategory for one in anew] == ["net.mobile", "fibre.slow"]
    assert [mine[text]["confidence"] for text in texts] == pytest.approx([one.confidence for one in anew], abs=1e-4)


def test_a_plan_tells_what_will_be_and_writes_nothing(shop):
    version = open_reader(f"{shop.settings.zones_uri}/serving", "complaints").version
    found = shop.plan(MAPPED)
    assert found["crosswalk"] == [
        {"from": "bill.refund", "to": {"bill.over": 1.0}, "how": "mapped", "complaints": 4, "labels": 0},
        {"from": "net.slow", "to": {"web.slow": 1.0}, "how": "mapped", "complaints": 4, "labels": 0},
        {"from": "other.general", "to": {"bill.general": 1.0}, "how": "mapped", "complaints": 5, "labels": 0},
    ]
    assert (found["complaints"], found["affected"], found["scored_again"]) == (15, 13, 0)
    assert found["categories"] == [
        {"category": "bill", "complaints": 6, "affected": 4},
        {"category": "net", "complaints": 4, "affected": 4},
        {"category": "other", "complaints": 5, "affected": 5},
    ]
    assert {s for s in found["segments"]["end"] if "|" not in s} == {
        "category=net", "category=other", "subcategory=net.slow", "subcategory=other.general", "subcategory=bill.refund",
    }  # fmt: skip
    assert {s for s in found["segments"]["begin"] if "|" not in s} == {
        "category=web", "subcategory=web.slow", "subcategory=bill.general",
    }  # fmt: skip
    assert shop.lineage.versions == ["1"]
    assert open_reader(f"{shop.settings.zones_uri}/serving", "complaints").version == version


def test_labels_of_a_split_are_to_be_redone_and_others_are_carried(shop):
    key = shop.rows()[0]["event_id"]
    shop.writer.put_labels([label(shop, key, "net.slow"), label(shop, shop.rows()[1]["event_id"], "bill.refund")])
    assert shop.plan(SPLIT)["labels_to_redo"] == {"net.slow": 1}
    found = shop.plan(MAPPED)
    assert (found["labels_to_redo"], found["labels_carried"]) == ({}, 1 + 1)


def label(shop, key, leaf):
    return {
        "event_id": key,
        "text_hash": "0",
        "category": leaf.partition(".")[0],
        "subcategory": leaf,
        "labels": [leaf],
        "labeller": f"ada{leaf}",
        "kind": "human",
        "taxonomy_version": "shop/1",
        "created_at": NOW,
    }


def test_what_is_mapped_takes_its_rows_and_its_history_along(shop):
    assert shop.leaves() == BEFORE
    before = {row["event_id"]: row for row in shop.rows()}
    done = shop.apply(MAPPED)
    assert (done["state"], done["mapped"], done["scored"]) == ("done", 15, 0)
    assert shop.leaves() == AFTER_MAPPED
    assert shop.volumes() == {
        "category=web": 4, "category=bill": 11, "subcategory=web.slow": 4, "subcategory=bill.over": 6,
        "subcategory=bill.general": 5,
    }  # fmt: skip
    assert shop.writer.repair_volumes() == 0
    changed = {"category", "subcategory", "taxonomy_version"}
    for row in shop.rows():
        assert {k: v for k, v in row.items() if k not in changed} == {
            k: v for k, v in before[row["event_id"]].items() if k not in changed
        }
    assert load_lineage(shop.settings).current.fallback == "bill.general"


def test_what_is_split_is_scored_again_by_its_vectors(shop):
    done = shop.apply(SPLIT)
    assert (done["scored"], done["rescored"], done["mapped"]) == (4, 4, 11)
    assert done["shares"] == {"net.slow": {"net.mobile": 0.75, "fibre.slow": 0.25}}
    assert shop.leaves() == AFTER_SPLIT
    row = next(row for row in shop.rows() if row["subcategory"] == "fibre.slow")
    assert row["category_reasons"][0] == "net.slow was split in version 2"
    assert "fibre internet crawls" in row["category_reasons"][1]
    assert shop.volumes()["category=fibre"] == 1 and "subcategory=net.slow" not in shop.volumes()
    assert shop.writer.repair_volumes() == 0


def test_a_change_applied_twice_is_applied_once(shop):
    shop.apply(SPLIT)
    versions = {n: open_reader(f"{shop.settings.zones_uri}/serving", n).version for n in ("complaints", "volumes")}
    rows = sorted(shop.rows(), key=lambda row: row["event_id"])
    again = shop.apply(SPLIT)
    assert (again["state"], again["scored"], again["mapped"], again["rescored"]) == ("done", 0, 0, 0)
    assert again["shares"] == {"net.slow": {"net.mobile": 0.75, "fibre.slow": 0.25}}
    assert sorted(shop.rows(), key=lambda row: row["event_id"]) == rows
    assert {n: open_reader(f"{shop.settings.zones_uri}/serving", n).version for n in versions} == versions


@pytest.mark.parametrize("data", [SPLIT, MAPPED], ids=["split", "mapped"])
def test_wherever_it_is_cut_off_it_goes_on(tmp_path, context, monkeypatch, data):
    """It dies before or after each of its writes, one after the other, until a run comes through."""
    monkeypatch.setattr(applying, "_ROWS", 2)
    shop = Shop(tmp_path, context)
    shop.put(*[f"{text} {n}" for text, times in TEXTS.items() for n in range(times)])
    cuts = 0

    def dying(work, left):
        def cut(*arguments):
            left[0] -= 1
            if left[0] == 0:
                raise Cut
            found = work(*arguments)
            left[0] -= 1
            if left[0] == 0:
                raise Cut
            return found

        return cut

    for steps in range(1, 60):
        left = [steps]
        hands = {name: dying(work, left) for name, work in (
            ("put_scores", shop.writer.put_taxonomy_scores),
            ("rescore", shop.writer.rescore),
            ("keep", lambda one: put(shop.settings.data_dir, one)),
            ("reload", lambda: None),
        )}  # fmt: skip
        try:
            done = shop.apply(data, **hands)
            break
        except Cut:
            cuts += 1
            shop.writer.close()
            shop.writer = Writer(shop.settings)
    assert cuts >= 3
    assert done["state"] == "done"
    assert shop.leaves() == (AFTER_SPLIT if data is SPLIT else AFTER_MAPPED)
    assert shop.writer.repair_volumes() == 0
    shop.writer.close()


def test_the_old_version_is_visible_until_all_is_scored(shop):
    seen = []

    def reload():
        seen.append((shop.leaves(), shop.lineage.current.version))

    def put_scores(made):
        seen.append((shop.leaves(), shop.lineage.current.version))
        return shop.writer.put_taxonomy_scores(made)

    shop.apply(SPLIT, put_scores=put_scores, reload=reload)
    assert seen == [(BEFORE, "1"), (BEFORE, "2")]


def test_complaints_that_come_meanwhile_go_over_too(shop):
    """One while it scores, one from a batch that the stream still had in hand."""
    late = iter([1])

    def put_scores(made):
        if next(late, None):
            shop.put("fibre internet crawls again")
        return shop.writer.put_taxonomy_scores(made)

    done = shop.apply(SPLIT, put_scores=put_scores)
    assert (done["scored"], done["rescored"]) == (5, 5)
    assert shop.leaves()["shop/2", "fibre", "fibre.slow"] == 2
    shop.put("fibre internet crawls once more")
    assert shop.leaves()["shop/2", "fibre", "fibre.slow"] == 3


def test_an_open_incident_goes_on_under_the_new_name(shop):
    import pyarrow as pa

    from engine.tables import INCIDENTS

    row = dict.fromkeys(INCIDENTS.schema.names)
    begun = {"state": "ongoing", "severity": "high", "started_at": NOW, "detected_at": NOW, "observed": 9}
    rows = [
        row | begun | {"incident_id": "a", "segment": "category=net|region=Lagos", "related": ["subcategory=net.slow"]},
        row | begun | {"incident_id": "b", "segment": "channel=sms", "related": []},
    ]
    shop.writer.put_incidents(pa.Table.from_pylist(rows, schema=INCIDENTS.schema))
    shop.apply(MAPPED)
    found = {row["incident_id"]: row for row in shop.rows(name="incidents")}
    assert (found["a"]["segment"], found["a"]["related"]) == ("category=web|region=Lagos", ["subcategory=web.slow"])
    assert (found["a"]["state"], found["b"]["segment"]) == ("ongoing", "channel=sms")


def test_a_renamed_segment_keeps_its_baseline_and_alerts_nobody(shop):
    """Ten complaints in each of two hundred buckets: judged before and after, nothing surges."""
    from engine.surge.judge import grid, judge, recent

    def surges():
        counts = grid(open_reader(f"{shop.settings.zones_uri}/serving", "volumes").search().limit(10**6).to_arrow(), NOW, shop.settings.surge)  # fmt: skip
        return counts, recent(judge(counts, shop.settings.surge), counts, NOW, shop.settings.surge)

    for n in range(60):
        shop.put(*[f"mobile internet crawls {n} {k}" for k in range(10)], at=NOW - timedelta(minutes=5 * n + 20))
    counts, found = surges()
    calm = len(found)
    history = counts.counts[:, counts.column("category=net")].tolist()
    shop.apply(MAPPED)
    counts, found = surges()
    assert counts.counts[:, counts.column("category=web")].tolist() == history
    assert "category=net" not in counts.segments or not counts.counts[:, counts.column("category=net")].any()
    assert len(found) <= calm


def test_versions_follow_each_other_and_priorities_keep_their_weights(shop):
    shop.apply(MAPPED)
    second = {"taxonomy": "shop", "from": "2", "to": "3", "operations": [{"rename": "web.slow", "to": "web.lag"}]}
    shop.apply(second)
    lineage = shop.lineage
    assert lineage.versions == ["1", "2", "3"]
    assert lineage.crosswalk("1", "3").shares["net.slow"] == {"web.lag": 1.0}
    assert lineage.crosswalk("3", "1").shares["bill.over"] == {"bill.over": 2 / 6, "bill.refund": 4 / 6}
    assert [step.taxonomy.version for step in lineage.steps("1")] == ["2", "3"]
    assert shop.leaves()["shop/3", "web", "web.lag"] == 4
    assert load_priority(shop.settings)
    with pytest.raises(NoVersion, match=r"no version '9'; there are 1, 2, 3"):
        lineage.at("9")


def test_trends_are_told_in_either_version_with_the_break(shop):
    shop.apply(SPLIT)
    shop.put("fibre internet crawls now", at=NOW)
    rows = open_reader(f"{shop.settings.zones_uri}/serving", "complaints").search().limit(10**6).to_arrow()
    now = trends(rows, shop.lineage, "2", "subcategory", 86_400)
    assert now["buckets"] == ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"]
    assert (now["series"]["fibre.slow"], now["series"]["net.mobile"]) == ([1, 1], [3, 0])
    then = trends(rows, shop.lineage, "1", "subcategory", 86_400)
    assert then["series"]["net.slow"] == [4, 1]
    assert then["estimated"] == []
    (one,) = then["breaks"]
    assert (one["from"], one["to"], one["split"], one["end"]) == ("1", "2", ["net.slow"], ["net.slow"])
    assert one["at"] == shop.lineage.live[0].about["live_at"]
    assert trends(rows, shop.lineage, "1", "category", 86_400)["series"]["net"] == [4, 1]


def test_a_merge_is_told_in_the_old_version_as_an_estimate(shop):
    shop.apply(MAPPED)
    rows = open_reader(f"{shop.settings.zones_uri}/serving", "complaints").search().limit(10**6).to_arrow()
    then = trends(rows, shop.lineage, "1", "subcategory", 86_400)
    assert (then["series"]["bill.over"], then["series"]["bill.refund"]) == ([2], [4])
    assert then["estimated"] == ["bill.over", "bill.refund"]
    assert trends(rows, shop.lineage, "1", "category", 86_400)["estimated"] == []


def test_a_change_that_is_not_of_this_installation_is_refused(shop):
    with pytest.raises(BadChange, match="version 1; write a change from that version"):
        shop.apply(MAPPED | {"from": "5", "to": "6"})
    shop.apply(MAPPED)
    with pytest.raises(BadChange, match="was made by another change"):
        shop.apply(SPLIT)
    back = {"taxonomy": "shop", "from": "2", "to": "1", "operations": [{"rename": "web", "to": "net"}]}
    with pytest.raises(BadChange, match="a cycle of versions"):
        shop.apply(back)


def test_the_next_change_waits_for_the_one_before(shop):
    def reload():
        raise Cut

    with pytest.raises(Cut):
        shop.apply(MAPPED, reload=reload)
    later = copy.deepcopy(SPLIT) | {"from": "2", "to": "3"}
    with pytest.raises(BadChange, match="version 2 is not done; apply that change again"):
        shop.apply(later)

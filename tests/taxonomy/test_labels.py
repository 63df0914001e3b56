"""Labels of older versions told in the current one; the changes are those of test_apply, on no complaints."""

import pytest
import yaml

from engine.curate.context import load_lineage
from engine.settings import Settings
from engine.taxonomy.labels import carried_labels
from engine.taxonomy.versions import DONE, Applied, parse, put
from tests.taxonomy.test_apply import MAPPED, SPLIT, TREE


@pytest.fixture
def lineage(tmp_path):
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(TREE))
    settings = Settings(data_dir=tmp_path, taxonomy=str(tmp_path / "shop.yaml"))

    def after(data):
        _, step = parse(data, load_lineage(settings))
        put(tmp_path, Applied(data, step, DONE))
        return load_lineage(settings)

    return after


def label(*labels, version="shop/1"):
    return {"labels": list(labels), "taxonomy_version": version, "category": None, "subcategory": None}


def test_labels_hold_through_rename_merge_and_move(lineage):
    rows = [label("net.slow"), label("bill.refund", "bill.over"), label("other.general"), label("net")]
    holding, redo = carried_labels(rows, lineage(MAPPED))
    assert [row["labels"] for row in holding] == [["web.slow"], ["bill.over"], ["bill.general"], ["web"]]
    assert [(row["category"], row["subcategory"]) for row in holding[::3]] == [("web", "web.slow"), ("web", None)]
    assert {row["taxonomy_version"] for row in holding} == {"shop/2"}
    assert redo == []


def test_labels_of_a_split_are_to_be_redone(lineage):
    rows = [
        label("net.slow"),
        label("bill.over", "net.slow"),
        label("bill.over"),
        label("net.mobile", version="shop/2"),
    ]
    holding, redo = carried_labels(rows, lineage(SPLIT))
    assert [row["labels"] for row in holding] == [["bill.over"], ["net.mobile"]]
    assert redo == rows[:2]


def test_labels_of_what_is_retired_are_to_be_redone_and_foreign_ones_stay(lineage):
    retired = {"taxonomy": "shop", "from": "1", "to": "2", "operations": [{"retire": "bill.over"}]}
    rows = [label("bill.over"), label("card_arrival"), label("x.y", version="bank/3")]
    holding, redo = carried_labels(rows, lineage(retired))
    assert [row["labels"] for row in holding] == [["card_arrival"], ["x.y"]]
    assert redo == rows[:1]

"""Every operation by hand, what is refused, and what holds for every change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.crosswalk import crosswalk_counts
from models.taxonomy import Taxonomy, TaxonomyError, to_dict
from models.taxonomy_change import Change, apply_change


def leaf(name, **more):
    return {"id": name, "name": name, "description": f"About {name}.", "examples": [f"my {name}"], **more}


def tree(*leaves, fallback="other.general", version="1"):
    categories = {}
    for one in leaves:
        categories.setdefault(one["id"].partition(".")[0], []).append(one)
    listed = [{"id": k, "name": k, "description": k, "subcategories": v} for k, v in categories.items()]
    return Taxonomy.from_dict({"version": version, "name": "t", "fallback": fallback, "categories": listed})


BASE = tree(
    leaf("net.slow"), leaf("net.down"), leaf("bill.over"), leaf("bill.refund"), leaf("bill.old", retired=True),
    leaf("device.parcel"), leaf("other.general"),
)  # fmt: skip


def change(*operations, source="1", target="2"):
    return Change.from_dict({"taxonomy": "t", "from": source, "to": target, "operations": list(operations)})


def step(*operations, **more):
    return apply_change(BASE, change(*operations), **more)


def ids(taxonomy):
    return [one.id for one in taxonomy.leaves()]


def test_a_rename_of_a_leaf_maps_it_and_keeps_its_place():
    made = step({"rename": "net.slow", "to": "net.lag", "name": "Lag"})
    assert ids(made.taxonomy)[:2] == ["net.lag", "net.down"]
    assert (made.taxonomy.version, made.taxonomy.leaf("net.lag").name) == ("2", "Lag")
    assert made.crosswalk.changed == {"net.slow": {"net.lag": 1.0}}
    assert not made.splits and not made.formerly


def test_a_rename_of_a_name_alone_maps_nothing():
    made = step({"rename": "net.slow", "name": "Lag"}, {"rename": "net", "name": "Internet"})
    assert made.crosswalk.changed == {}
    assert (made.taxonomy.leaf("net.slow").name, made.taxonomy.categories[0].name) == ("Lag", "Internet")


def test_a_rename_of_a_category_takes_its_leaves_with_it():
    made = step({"rename": "bill", "to": "money"})
    assert made.crosswalk.changed == {f"bill.{n}": {f"money.{n}": 1.0} for n in ("over", "refund", "old")}
    assert made.taxonomy.leaf("money.old").retired


def test_a_merge_into_one_of_them_and_into_a_new_one():
    made = step({"merge": ["net.slow", "net.down"], "into": "net.slow"})
    assert ids(made.taxonomy)[0] == "net.slow" and "net.down" not in ids(made.taxonomy)
    assert made.crosswalk.changed == {"net.down": {"net.slow": 1.0}}
    made = step({"merge": ["bill.over", "bill.refund"], "into": leaf("bill.money")})
    assert made.crosswalk.changed == {"bill.over": {"bill.money": 1.0}, "bill.refund": {"bill.money": 1.0}}
    assert ids(made.taxonomy) == ["net.slow", "net.down", "bill.money", "device.parcel", "other.general"]


def test_a_split_has_even_shares_until_it_is_measured():
    into = [leaf("net.slow_mobile"), leaf("net.slow_fibre")]
    made = step({"split": "net.slow", "into": into, "otherwise": "net.slow_mobile"})
    assert made.crosswalk.changed == {"net.slow": {"net.slow_mobile": 0.5, "net.slow_fibre": 0.5}}
    assert "net.slow" not in ids(made.taxonomy)
    assert made.splits["net.slow"].otherwise == "net.slow_mobile"
    given_shares = {"net.slow_mobile": 0.9, "net.slow_fibre": 0.1}
    made = step({"split": "net.slow", "into": into, "otherwise": "net.slow_mobile", "shares": given_shares})
    assert made.crosswalk.shares["net.slow"] == given_shares


def test_a_split_may_keep_its_leaf_and_use_another_one():
    made = step({"split": "net.slow", "into": ["net.slow", "bill.over"], "otherwise": "net.slow"})
    assert made.crosswalk.shares["net.slow"] == {"net.slow": 0.5, "bill.over": 0.5}
    assert ids(made.taxonomy) == ids(BASE)


def test_a_move_takes_the_categorys_id_and_an_empty_category_goes():
    made = step({"move": "device.parcel", "to": "bill"})
    assert made.crosswalk.changed == {"device.parcel": {"bill.parcel": 1.0}}
    assert [category.id for category in made.taxonomy.categories] == ["net", "bill", "other"]


def test_what_is_added_was_under_the_fallback_or_what_is_said():
    new = {"id": "app", "name": "App", "description": "The app.", "subcategories": [leaf("app.crash")]}
    made = step({"add": new, "formerly": "net.down"}, {"add": leaf("net.roaming")})
    assert made.formerly == {"app.crash": "net.down", "net.roaming": "other.general"}
    assert made.crosswalk.changed == {}
    assert "app.crash" in ids(made.taxonomy)


def test_what_is_retired_keeps_its_rows_and_is_never_predicted():
    made = step({"retire": "bill.refund"}, {"retire": "device"})
    assert made.crosswalk.changed == {}
    assert ids(made.taxonomy) == ["net.slow", "net.down", "bill.over", "other.general"]
    assert made.taxonomy.leaf("device.parcel").id == "device.parcel"


def test_the_fallback_follows_what_becomes_of_it():
    assert step({"rename": "other.general", "to": "other.any"}).taxonomy.fallback == "other.any"
    into = [leaf("other.a"), leaf("other.b")]
    assert step({"split": "other.general", "into": into, "otherwise": "other.b"}).taxonomy.fallback == "other.b"


def test_several_operations_happen_at_once():
    made = step(
        {"move": "net.down", "to": "app"},
        {"add": {"id": "app", "name": "App", "description": "App.", "subcategories": [leaf("app.crash")]}},
        {"rename": "device", "to": "goods"},
    )
    assert made.crosswalk.changed == {"net.down": {"app.down": 1.0}, "device.parcel": {"goods.parcel": 1.0}}


TWO = [leaf("net.a"), leaf("net.b")]


@pytest.mark.parametrize(
    ("operations", "said"),
    [
        ([{"rename": "net.no", "to": "net.x"}], r"'net\.no' is not in version 1"),
        ([{"move": "bill.old", "to": "net"}], r"'bill\.old' is retired"),
        ([{"split": "net.slow", "into": TWO, "otherwise": "net.slow"}], r"split of 'net\.slow' would lose complaints"),
        ([{"split": "net.slow", "into": ["net.slow", "net.no"], "otherwise": "net.slow"}], r"into 'net\.no': no live"),
        ([{"split": "net.slow", "into": TWO, "otherwise": "net.a", "shares": {"net.a": 1.0}}], "share of each id"),
        (
            [{"split": "net.slow", "into": TWO, "otherwise": "net.a", "shares": {"net.a": 0.5, "net.b": 0.4}}],
            "sum to 0.9",
        ),
        ([{"rename": "net.slow", "to": "net.down"}], r"'net\.down' is there already; merge"),
        (
            [{"rename": "net.slow", "to": "net.down"}, {"rename": "net.down", "to": "net.slow"}],
            r"a cycle, net\.\w+ -> net\.\w+ -> net\.\w+",
        ),
        (
            [{"merge": ["net.slow"], "into": "net.down"}, {"merge": ["net.down"], "into": "bill.over"}],
            r"net\.down -> bill\.over",
        ),
        ([{"retire": "net.slow"}, {"rename": "net.slow", "to": "net.x"}], r"'net\.slow' is given to two operations"),
        ([{"rename": "net", "to": "web"}, {"rename": "net.slow", "to": "net.x"}], "and so does its category"),
        ([{"merge": ["net.slow"], "into": "net.slow"}], "merged into itself"),
        ([{"move": "net.slow", "to": "nowhere"}], r"'nowhere\.slow': no such category"),
        ([{"move": "net.slow", "to": "net"}], "is in 'net' already"),
        ([{"rename": "net.slow", "to": "bill.slow"}], "another category; use move"),
        ([{"rename": "net.slow"}], "says nothing new"),
        ([{"add": leaf("net.slow")}], r"'net\.slow' is there already"),
        ([{"add": leaf("net.x", examples=[])}], r"'net\.x' has no examples"),
        ([{"add": leaf("net.x"), "formerly": "net.no"}], r"formerly 'net\.no'"),
        ([{"add": leaf("net.x")}, {"add": leaf("net.x")}], "made by several"),
        ([{"retire": "other.general"}], "fallback 'other.general' is no live"),
        ([{"retire": "net.slow", "rename": "net.slow"}], "expected one of split, merge"),
        ([{"retire": "net.slow", "why": "x"}], r"operation 1 \(retire\) is malformed"),
        ([{"add": {"name": "x"}}], "a definition has no id"),
        ([], "at least 1 item"),
    ],
)
def test_a_change_that_cannot_be_is_refused_with_its_place(operations, said):
    with pytest.raises(TaxonomyError, match=said):
        step(*operations)


def test_a_change_from_another_version_or_to_itself_is_refused():
    with pytest.raises(TaxonomyError, match="version 1; write a change from that version"):
        apply_change(BASE, change({"retire": "net.slow"}, source="7", target="8"))
    with pytest.raises(TaxonomyError, match="to itself"):
        change({"retire": "net.slow"}, target="1")


def test_an_id_of_the_past_is_not_used_for_something_else():
    gone = frozenset(["net.lag"])
    with pytest.raises(TaxonomyError, match="had a meaning in an earlier version"):
        step({"add": leaf("net.lag")}, given_up=gone)
    assert "net.lag" in ids(step({"rename": "net.slow", "to": "net.lag"}, given_up=gone).taxonomy)


def test_a_taxonomy_is_written_and_read_again():
    assert Taxonomy.from_dict(to_dict(BASE)) == BASE


LIVE = [one.id for one in BASE.leaves()]


@st.composite
def valid_changes(draw):
    """Operations on different leaves."""
    order = draw(st.permutations(LIVE))
    first, second, third, fourth = order[:4]
    into = [leaf(f"{second}_a"), leaf(f"{second}_b")]
    share = draw(st.floats(0.0, 1.0))
    split = {"split": second, "into": into, "otherwise": f"{second}_a", "shares": {f"{second}_a": share, f"{second}_b": 1 - share}}  # fmt: skip
    possible = [{"rename": first, "to": f"{first}_x"}, split, {"merge": [third, fourth], "into": leaf(f"{third}_m")}]
    return draw(st.lists(st.sampled_from(possible), min_size=1, unique_by=lambda o: next(iter(o))))


@given(valid_changes(), st.dictionaries(st.sampled_from(LIVE), st.integers(0, 500)))
def test_any_change_conserves_counts_and_leads_to_ids_that_there_are(operations, counts):
    made = step(*operations)
    after = crosswalk_counts(counts, made.crosswalk)
    assert sum(after.values()) == pytest.approx(sum(counts.values()))
    assert set(after) <= {one.id for one in made.taxonomy.leaves(retired=True)}
    assert set(made.crosswalk.shares) == {one.id for one in BASE.leaves(retired=True)}
    if not made.splits:
        assert all(isinstance(count, float | int) and count == int(count) for count in after.values())


def test_the_change_file_of_the_docs_can_be_applied_to_the_shipped_taxonomy():
    import re

    import yaml

    from engine.settings import CONFIGS, ROOT

    (written,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "taxonomy.md").read_text(), re.S)
    shipped = Taxonomy.from_dict(yaml.safe_load((CONFIGS / "taxonomies" / "telecom.yaml").read_text(encoding="utf-8")))
    made = apply_change(shipped, Change.from_dict(yaml.safe_load(written)))
    assert set(made.crosswalk.changed) == {
        "network.slow_data", "service.no_response", "billing.overcharge", "device.sim_card",
    }  # fmt: skip
    assert made.formerly == {"network.roaming": "network.no_signal"}

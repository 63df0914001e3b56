from datetime import UTC, datetime

import pytest

from connectors.lance import open_reader
from engine.search import BadSearch, Search, Searcher
from engine.settings import Settings
from engine.store.filters import BadFilter, where
from engine.store.writer import Writer
from tests.conftest import HashEmbedder
from tests.store.test_writer import envelope, processed

TEXTS = {
    "1": "they lost my luggage at the airport",
    "2": "my bag never arrived and nobody helps",
    "3": "wrong amount on the bill",
    "4": "flight cancelled and no refund for the luggage fee",
    "5": "the network is down again",
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory, context):
    settings = Settings(data_dir=tmp_path_factory.mktemp("search"))
    writer = Writer(settings)
    regions = {"5": "Kano"}
    writer.commit(processed(context, *(envelope(t, k, region=regions.get(k, "Lagos")) for k, t in TEXTS.items())))
    yield open_reader(f"{settings.zones_uri}/serving", "complaints")
    writer.close()


def find(table, query="", **more):
    answer = Searcher(table, HashEmbedder(), b"p" * 32).run(Search(query, **more))
    return [hit["source_key"] for hit in answer["hits"]], answer


@pytest.mark.parametrize("mode", ["hybrid", "vector", "text"])
def test_the_complaint_with_the_words_comes_first(complaints, mode):
    keys, answer = find(complaints, "lost my luggage", mode=mode)
    assert keys[0] == "1"
    assert answer["hits"][0]["why"]
    scores = [hit["score"] for hit in answer["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_hybrid_says_meaning_and_words(complaints):
    _, answer = find(complaints, "lost luggage")
    assert [part.split(" ")[0] for part in answer["hits"][0]["why"]] == ["meaning", "words:"]
    assert "lost, luggage" in answer["hits"][0]["why"][1]


def test_filters_hold_in_every_mode(complaints):
    for mode in ("hybrid", "vector", "text"):
        keys, _ = find(complaints, "network luggage bill", mode=mode, equals={"region": ["Kano"]})
        assert keys == ["5"]
    assert find(complaints, "network", equals={"region": ["Nowhere"]})[0] == []


def test_without_a_query_all_are_listed_page_by_page(complaints):
    first, answer = find(complaints, limit=3)
    second, last = find(complaints, limit=3, cursor=answer["next_cursor"])
    assert sorted(first + second) == sorted(TEXTS)
    assert (answer["total"], last["next_cursor"]) == (5, None)


def test_pages_of_a_ranked_search_do_not_overlap(complaints):
    whole, _ = find(complaints, "luggage refund", limit=5)
    first, answer = find(complaints, "luggage refund", limit=2)
    second, _ = find(complaints, "luggage refund", limit=2, cursor=answer["next_cursor"])
    assert first + second == whole[:4]


def test_times_bound_the_search(complaints):
    assert find(complaints, since=datetime(2026, 3, 1, 10, tzinfo=UTC))[1]["total"] == 5
    assert find(complaints, until=datetime(2026, 3, 1, 10, tzinfo=UTC))[1]["total"] == 0


@pytest.mark.parametrize(
    "query", ["'; DROP TABLE complaints; --", "a AND (b OR", '"quote', "*", "💥", "x" * 1999, "text:luggage^2", "\\"]
)
def test_any_text_may_be_looked_for(complaints, query):
    for mode in ("hybrid", "text"):
        find(complaints, query, mode=mode)


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"mode": "magic"}, "expected one of"),
        ({"limit": 0}, "1 to 200"),
        ({"cursor": "xyz"}, "not one of ours"),
        ({"query": "x" * 2001}, "2001 characters"),
    ],
)
def test_a_wrong_search_is_explained(complaints, more, match):
    with pytest.raises(BadSearch, match=match):
        find(complaints, **more)


def test_filters_are_quoted_and_columns_allowed():
    assert where({"region": ["O'Hare", "x"]}) == "region IN ('O''Hare', 'x')"
    assert where({}) is None
    with pytest.raises(BadFilter, match="no such column"):
        where({"vector": ["1"]})
    with pytest.raises(BadFilter, match="control"):
        where({"region": ["a\nb"]})


def test_personal_data_in_a_query_is_masked_like_the_texts(complaints, monkeypatch):
    seen = []

    class Spy(HashEmbedder):
        def encode(self, texts):
            seen.extend(texts)
            return super().encode(texts)

    Searcher(complaints, Spy(), b"p" * 32).run(Search("call 08031234567"))
    assert "0803" not in seen[0]


def test_a_hit_that_was_embedded_under_load_says_so_and_its_words_are_found(tmp_path, context):
    from dataclasses import replace

    from tests.curate.test_complete import QuickEmbedder

    writer = Writer(Settings(data_dir=tmp_path))
    loaded = replace(context, shed=frozenset({"embedding_static"}), quick=QuickEmbedder())
    writer.commit(processed(loaded, envelope("they lost my luggage", "1")))
    writer.commit(processed(context, envelope("wrong amount on the bill", "2")))
    # A row of before there was such a column.
    writer.commit(processed(context, envelope("the network is down", "3")).drop_columns(["degraded"]))
    table = open_reader(f"{tmp_path}/zones/serving", "complaints")
    _, answer = find(table, "luggage bill network")
    assert find(table, "luggage")[0][0] == "1"
    found = {hit["source_key"]: hit["degraded"] for hit in answer["hits"]}
    assert found == {"1": ["embedding_static"], "2": [], "3": []}
    assert {hit["source_key"]: hit["degraded"] for hit in find(table)[1]["hits"]}["1"] == ["embedding_static"]
    writer.close()


def test_a_misspelt_word_is_found_by_its_right_spelling_and_as_it_was_written(tmp_path, context):
    writer = Writer(Settings(data_dir=tmp_path))
    given = "I was dissapointed that nobody called me back about the internet at my house"
    writer.commit(processed(context, envelope(given, "1"), envelope("wrong amount on the bill of my account", "2")))
    table = open_reader(f"{tmp_path}/zones/serving", "complaints")
    for query in ("disappointed", "dissapointed"):
        keys, answer = find(table, query, mode="text")
        assert keys == ["1"]
        assert answer["hits"][0]["text"] == given
    writer.close()


def test_a_cluster_is_filtered_by_its_number_and_nothing_else():
    assert where({"cluster_id": ["12", "-1"]}) == "cluster_id IN (12, -1)"
    with pytest.raises(BadFilter, match="whole number"):
        where({"cluster_id": ["1 OR 1=1"]})

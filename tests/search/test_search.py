from datetime import UTC, datetime

import pytest

from connectors.lance import open_reader
from engine.search import BadSearch, Search, Searcher
from engine.search.check import check
from engine.settings import Settings
from engine.store.filters import COLUMNS, BadFilter, where
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


def test_phrases_must_and_not_hold_in_every_mode(complaints):
    for mode in ("hybrid", "vector", "text"):
        assert find(complaints, '"lost my luggage"', mode=mode)[0] == ["1"]
        assert find(complaints, '"luggage my lost"', mode=mode)[0] == []
        assert set(find(complaints, "+luggage refund", mode=mode)[0]) == {"1", "4"}
        assert set(find(complaints, "luggage refund -airport", mode=mode)[0]) & {"1", "4"} == {"4"}
        assert "1" not in find(complaints, 'luggage -"lost my luggage"', mode=mode)[0]
    assert find(complaints, "+luggage +refund")[0] == ["4"]
    _, answer = find(complaints, 'help "my bag" +arrived -plane')
    assert answer["understood"] == {"words": ["help"], "must": ["arrived"], "phrases": ["my bag"], "not": ["plane"]}


def test_a_query_that_only_says_what_must_not_be_is_refused(complaints):
    with pytest.raises(BadSearch, match="what to look for"):
        find(complaints, "-luggage")


def test_a_hit_says_both_ranks_matched_words_and_shows_a_snippet(complaints):
    hit = find(complaints, "lost luggage")[1]["hits"][0]
    assert (hit["vector_rank"], hit["text_rank"]) == (1, 1)
    assert hit["matched"] == ["lost", "luggage"]
    assert [part["text"] for part in hit["snippet"] if part["match"]] == ["lost", "luggage"]
    assert find(complaints, "lost luggage", mode="text")[1]["hits"][0]["vector_rank"] is None


def test_pages_stand_while_complaints_are_written(tmp_path, context):
    writer = Writer(Settings(data_dir=tmp_path))
    writer.commit(processed(context, *(envelope(f"the network is down in street {n}", str(n)) for n in range(9))))
    table = open_reader(f"{tmp_path}/zones/serving", "complaints")
    whole, _ = find(table, "network down", limit=9)
    pages, cursor = [], None
    for _ in range(3):
        keys, answer = find(table, "network down", limit=3, cursor=cursor)
        pages, cursor = pages + keys, answer["next_cursor"]
        assert answer["total"] == 9
        writer.commit(processed(context, envelope(f"network down network down {len(pages)}", f"n{len(pages)}")))
        writer.compact()
    assert pages == whole
    assert find(table, "network down", limit=20)[1]["total"] == 12
    with pytest.raises(BadSearch, match="another search"):
        find(table, "something else", cursor=find(table, "network down", limit=3)[1]["next_cursor"])
    writer.close()


def test_a_word_in_a_spelling_that_no_complaint_has_is_looked_for_in_the_nearest(tmp_path, context):
    writer = Writer(Settings(data_dir=tmp_path))
    texts = ["they lost my luggage at the airport", "wrong amount on the bill", "the network is down", "no signal here"]
    writer.commit(processed(context, *(envelope(text, str(n)) for n, text in enumerate(texts))))
    writer.compact()
    writer.commit(processed(context, envelope("luggage came late", "fresh")))
    table = open_reader(f"{tmp_path}/zones/serving", "complaints")
    keys, answer = find(table, "lugage", mode="text")
    assert (set(keys), answer["corrected"]) == ({"0", "fresh"}, {"lugage": "luggage"})
    assert find(table, "+netwrok", mode="hybrid")[0] == ["2"]
    assert find(table, '"lugage"', mode="text")[0] == []
    assert find(table, "luggage", mode="text")[1]["corrected"] == {}
    assert find(table, "xylophone", mode="text")[1]["corrected"] == {}
    writer.close()


def test_copies_are_folded_into_the_first(tmp_path, context):
    writer = Writer(Settings(data_dir=tmp_path))
    text = "my luggage was lost at the airport and nobody answers the phone"
    writer.commit(processed(context, envelope(text, "1"), envelope(text, "2"), envelope("wrong bill", "3")))
    table = open_reader(f"{tmp_path}/zones/serving", "complaints")
    assert len(find(table, "luggage lost")[0]) == 2
    assert len(find(table, "luggage lost", folded=True)[0]) == 1
    assert find(table, folded=True)[1]["total"] == 2
    writer.close()


def test_the_irrelevant_tail_is_not_counted(tmp_path, context):
    writer = Writer(Settings(data_dir=tmp_path))
    words = [f"w{n}" for n in range(400)]
    texts = [" ".join(words[(n * 7 + k * 31) % 400] for k in range(8)) for n in range(200)]
    writer.commit(processed(context, *(envelope(text, str(n)) for n, text in enumerate(texts))))
    writer.commit(processed(context, envelope("my luggage was lost", "lost"), envelope("where is my luggage", "where")))
    table = open_reader(f"{tmp_path}/zones/serving", "complaints")
    keys, answer = find(table, "luggage lost", limit=50)
    assert keys[:2] == ["lost", "where"]
    assert answer["total"] < 30
    writer.close()


INJECTIONS = [
    "' OR 1=1 --",
    "x') OR (1=1",
    "Kano' OR region IS NOT NULL OR region = '",
    "1 OR 1=1",
    "\\' OR 1=1 --",
    "'; DROP TABLE complaints; --",
]


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize("column", [column for column in COLUMNS if column != "cluster_id"])
def test_an_injection_in_a_filter_is_a_value_that_nothing_has(complaints, column, value):
    assert find(complaints, equals={column: [value]})[1]["total"] == 0
    assert find(complaints, "network", equals={column: [value]})[0] == []


def test_an_injection_in_a_number_or_a_columns_name_is_refused(complaints):
    for value in INJECTIONS:
        with pytest.raises(BadFilter, match="whole number"):
            find(complaints, equals={"cluster_id": [value]})
        with pytest.raises(BadFilter, match="no such column"):
            find(complaints, equals={value: ["x"]})
        with pytest.raises(BadFilter, match="no such column"):
            find(complaints, equals={f"region = 'Kano' OR {value} --": ["x"]})


def test_where_there_is_no_value_can_be_asked_for(complaints):
    assert where({"region": ["", "Kano"]}) == "(region IN ('Kano') OR region IS NULL)"
    assert find(complaints, equals={"product": [""]})[1]["total"] == 5
    assert find(complaints, equals={"region": [""]})[1]["total"] == 0


def test_recall_is_one_where_all_vectors_are_compared(complaints):
    found = check(complaints, 5)
    assert (found["recall_at_10"], found["rows"], found["queries"]) == (1.0, 5, 5)
    assert check(complaints, 5, "region = 'Kano'")["recall_at_10"] == 1.0

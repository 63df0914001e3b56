import numpy as np

from engine.search.coverage import coverage
from engine.search.explain import explain, stem, words_of
from engine.search.phrases import holds
from engine.search.query import parse


def text_of(parts):
    return "".join(part["text"] for part in parts)


def test_forms_of_a_word_share_a_stem_and_others_do_not():
    for forms in (("charge", "charged", "charges", "charging"), ("cancel", "cancelled"), ("bill", "bills", "billing")):
        assert len({stem(form) for form in forms}) == 1, forms
    assert stem("house") != stem("hour")
    assert stem("network") != stem("net")


def test_matched_words_are_marked_where_they_stand():
    (found,) = explain(["They charged me twice. Nobody answers."], ["charge", "twice", "the"])
    assert found.words == ("charge", "twice")
    assert [part["text"] for part in found.snippet if part["match"]] == ["charged", "twice"]
    assert found.nearest == "They charged me twice."


def test_the_nearest_sentence_is_found_by_meaning_where_vectors_tell():
    class Encoder:
        def encode(self, texts):
            return np.array([[1, 0] if "phone" in text else [0, 1] for text in texts], np.float32)

    text = "It rained all day. My phone is dead."
    (found,) = explain([text], ["battery"], np.array([1, 0], np.float32), Encoder())
    assert found.nearest == "My phone is dead."
    assert explain(["one sentence"], ["x"])[0].nearest is None


def test_a_snippet_of_a_long_text_is_around_the_match_and_cuts_no_placeholder():
    text = "word " * 200 + "call <PHONE_0a1b> about luggage " + "more " * 200
    (found,) = explain([text], ["luggage"])
    shown = text_of(found.snippet)
    assert "luggage" in shown
    assert len(shown) < 300
    assert shown.startswith("…")
    assert shown.endswith("…")
    for start in range(180, 260):
        (found,) = explain(["x" * start + " <PHONE_0a1b> luggage " + "more " * 100], ["luggage"])
        assert text_of(found.snippet).count("<") == text_of(found.snippet).count(">")


def test_a_placeholder_is_marked_whole():
    (found,) = explain(["call me on <PHONE_0a1b> now"], words_of("<PHONE_0a1b>"))
    assert [part["text"] for part in found.snippet if part["match"]] == ["<PHONE_0a1b>"]


def test_an_empty_text_has_an_empty_snippet():
    assert explain([""], ["a"])[0].snippet == ()


def test_words_of_one_sentence_count_for_more_than_words_apart():
    together, apart, none = coverage(
        ["The refund is late. Fine.", "The refund came. Trains are late.", "Fine."], ["refund", "late"]
    )
    assert together == 1
    assert 0 < apart < 1
    assert none == 0
    assert coverage(["x"], ["the"]).tolist() == [0]
    assert coverage([], ["x"]).shape == (0,)


def test_a_phrase_is_held_word_for_word():
    texts = ["I lost my luggage.", "lost luggage", "LOST, MY luggage", "glost my"]
    assert holds(texts, parse('"lost my"')).tolist() == [True, False, True, False]
    assert holds(texts, parse('x -"lost my"')).tolist() == [False, True, False, True]

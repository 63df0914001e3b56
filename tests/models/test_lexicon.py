"""Phrases are found whatever their accents, whole words only, and never in placeholders."""

import pickle

import pytest

from models.lexicon import Lexicon, Match, tokens_of


def test_tokens_are_folded_words_without_placeholders():
    assert tokens_of("Kuɗi na! Ẹ ṣé, don’t CALL [PHONE] or <ACCOUNT_2>. [sic] #Fraud_now") == [
        *("kudi", "na", "e", "se", "don't", "call", "or", "sic", "fraud", "now")
    ]
    assert tokens_of("") == tokens_of("😡 !!!") == []


def test_phrases_match_whole_words_and_stars_any_ending():
    lexicon = Lexicon(["no signal", "refund*", "top-up", "ọkụ"])
    tokens = tokens_of("No signal, refunded my topup and top up. Oku! nosignal prerefund")
    assert lexicon.find(tokens) == [
        Match("no signal", 0, 2),
        Match("refund*", 2, 3),
        Match("top-up", 6, 8),
        Match("ọkụ", 8, 9),
    ]


def test_a_phrase_cut_by_the_end_of_the_text_is_not_found():
    assert Lexicon(["charged me twice"]).find(tokens_of("they charged me")) == []


def test_a_lexicon_pickles():
    lexicon = pickle.loads(pickle.dumps(Lexicon(["court"])))
    assert lexicon.find(["court"]) == [Match("court", 0, 1)]


@pytest.mark.parametrize("phrase", ["", "  ", "ab*", "a*b", "what?"])
def test_a_malformed_phrase_is_refused(phrase):
    with pytest.raises(ValueError, match="lexicon phrase"):
        Lexicon([phrase])

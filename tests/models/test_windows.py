"""Long texts are cut at words, into pieces that fit, and pooled by length."""

import numpy as np
import pytest
from tokenizers import Tokenizer

from models.embedder import source_folder
from models.windows import MOST_WINDOWS, Cut, cut, limit_chars, pool


@pytest.fixture(scope="module")
def tokenizer():
    made = Tokenizer.from_file(str(source_folder(None, None) / "tokenizer.json"))
    made.no_padding()
    made.no_truncation()
    return made


def test_a_text_that_fits_stays_as_it_is(tokenizer):
    assert cut([" two words ", ""], tokenizer, 2) == [Cut((" two words ",), (2,), 1), Cut(("",), (0,), 1)]


def test_words_are_not_cut_in_two(tokenizer):
    assert len(tokenizer.encode("unbelievability", add_special_tokens=False)) == 5
    # A window of 5 ends amid the long word after "one two", so the word begins the next one and fills it.
    (found,) = cut(["one two unbelievability end"], tokenizer, 5)
    assert found == Cut(("one two", "unbelievability", "end"), (2, 5, 1), 3)


def test_no_token_is_lost_or_read_twice(tokenizer):
    text = "the network, sadly, failed again on monday; nobody called me back " * 40
    (found,) = cut([text], tokenizer, 100)
    assert sum(found.tokens) == len(tokenizer.encode(text, add_special_tokens=False))
    assert max(found.tokens) <= 100 and found.windows == len(found.pieces)
    assert [len(tokenizer.encode(p, add_special_tokens=False)) for p in found.pieces] == list(found.tokens)


def test_the_end_of_an_endless_text_is_told(tokenizer):
    (found,) = cut(["no " * 100], tokenizer, 10)
    # 100 tokens are 10 windows of 10.
    assert found.windows == 10 and len(found.pieces) == MOST_WINDOWS
    (blank,) = cut([" " * limit_chars(10)], tokenizer, 10)
    assert blank == Cut(("",), (0,), MOST_WINDOWS + 1)


def test_a_word_longer_than_a_window_is_cut(tokenizer):
    # "xx" is a token to this vocabulary, so one word of 100 has 50.
    (found,) = cut(["x" * 100], tokenizer, 10)
    assert found == Cut(("x" * 20,) * 5, (10,) * 5, 5)


def test_pooling_weighs_by_tokens():
    vectors = np.array([[1, 0], [0, 1]], np.float32)
    cuts = [Cut(("a", "b"), (30, 40), 2), Cut(("b",), (9,), 1)]
    # (30, 40) / 70 has the direction (.6, .8).
    assert pool(cuts, {"a": 0, "b": 1}, vectors) == pytest.approx(np.array([[0.6, 0.8], [0, 1]]))

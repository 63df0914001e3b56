import numpy as np
import pytest

from models import near_duplicates as near


def shingles(text):
    return near.sketch([text]).shingles[0]


def test_a_signature_does_not_depend_on_its_batch():
    texts = ["no network in Yaba since morning", "data cap", "x" * 9000, "my recharge was taken"]
    together = near.signatures(texts)
    assert together.shape == (4, near.SIGNATURE_HASHES) and together.dtype == np.uint32
    for text, row in zip(texts, together, strict=True):
        assert (near.signatures([text])[0] == row).all()


def test_jaccard_counts_shared_shingles():
    # " abcde ": " abc" "abcd" "bcde" "cde "; " abcdx ": " abc" "abcd" "bcdx" "cdx ": two of six.
    assert near.jaccard(shingles("abcde"), shingles("abcdx")) == pytest.approx(2 / 6)
    assert near.jaccard(shingles("abcde"), shingles("ABCDE!")) == 1


def test_equal_places_of_signatures_estimate_the_jaccard():
    one, other = np.arange(300, dtype=np.uint32) * 7919, np.arange(100, 400, dtype=np.uint32) * 7919
    assert near.jaccard(one, other) == pytest.approx(0.5)
    words = [f"word{n}" for n in range(400)]
    texts = [" ".join(words[:300]), " ".join(words[100:])]
    made = near.signatures(texts)
    exact = len(set(near._keys([near.core(texts[0])]).tolist()) & set(near._keys([near.core(texts[1])]).tolist()))
    either = len(set(near._keys([near.core(t) for t in texts]).astype(np.uint32).tolist()))
    assert (made[0] == made[1]).mean() == pytest.approx(exact / either, abs=0.15)
    assert near.jaccard(*near.sketch(texts).shingles) == pytest.approx(exact / either, abs=0.1)


def test_masked_values_count_by_their_type():
    assert near.core("call <PHONE_a91c> now") == near.core("Call <PHONE_77aa>, now!")
    assert near.core("call <PHONE_a91c> now") != near.core("call <EMAIL_a91c> now")


@pytest.mark.parametrize(
    "text", ["RT @ada: no network", "no network via @ada", "Fwd: no network", "rt <HANDLE_12ab> no network"]
)
def test_the_marks_of_a_repost_are_seen_and_not_compared(text):
    assert near.is_repost(text)
    assert near.core(text) == "no network"


@pytest.mark.parametrize(
    "text", ["my forward button fails", "support @ada please", "I paid via bank", "the rt was slow"]
)
def test_words_like_the_marks_are_none(text):
    assert not near.is_repost(text)


@pytest.mark.parametrize(
    ("score", "size", "expected"),
    [(0.9, 11, False), (0.69, 23, False), (0.7, 23, True), (0.52, 24, True), (0.51, 100, False)],
)
def test_the_shorter_the_text_the_more_it_takes(score, size, expected):
    assert near.alike(score, size) is expected


@pytest.mark.parametrize("text", ["", "😀", "<", "a", "\u202e\u200b", "RT @a: ", "\ud800"])
def test_odd_texts_have_a_signature(text):
    assert near.sketch([text]).signatures.shape == (1, near.SIGNATURE_HASHES)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "RT @a" * 200_000, '"@a' * 300_000, "http://" * 140_000, "via " * 250_000]
)
def test_a_long_hostile_text_takes_linear_time(text):
    near.sketch([text])


def test_bands_of_equal_places_alone_meet():
    made = near.signatures(["no network in Yaba since morning"])
    other = made.copy()
    other[0, 4] += 1  # one hash of the second band
    assert (near.bands(made) == near.bands(other))[0].tolist() == [place != 1 for place in range(near.BANDS)]

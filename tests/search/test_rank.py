import numpy as np

from engine.search.rank import TOGETHER, VECTOR, WORDS, draw, fuse, relevant


def test_the_weights_make_a_score_of_at_most_one():
    assert abs(VECTOR + WORDS + TOGETHER - 1) < 1e-9


def test_words_are_held_against_the_best_of_them():
    found = fuse(np.array([0.5, 0.5], np.float32), np.array([8.0, 4.0], np.float32))
    assert np.allclose(found, [0.5 * VECTOR + WORDS, 0.5 * VECTOR + WORDS / 2])
    assert np.allclose(fuse(np.array([0.5], np.float32), np.zeros(1, np.float32)), [0.5 * VECTOR])


def test_a_candidate_among_good_ones_rises_over_a_lonely_one():
    vectors = np.eye(12, dtype=np.float32)
    vectors[:7] = 0
    vectors[:7, 0] = 1  # seven alike
    scores = np.array([0.9] * 6 + [0.5] + [0.5] + [0.1] * 4, np.float32)
    found = draw(scores, vectors)
    assert found[6] > found[7]
    assert draw(np.array([0.5], np.float32), vectors[:1]).tolist() == [0.5]


def test_a_cosine_that_unrelated_rows_have_is_cut_off_unless_its_words_match():
    unrelated = np.random.default_rng(3).normal(0.1, 0.05, 1000).astype(np.float32)
    cosines = np.array([0.6, 0.3, 0.15, 0.1], np.float32)
    assert relevant(cosines, np.zeros(4, np.float32), unrelated).tolist() == [True, True, False, False]
    assert relevant(cosines, np.array([0, 0, 0, 9], np.float32), unrelated).tolist() == [True, True, False, True]
    assert relevant(np.full(2, np.nan, np.float32), np.array([9, 1], np.float32), unrelated[:0]).tolist() == [
        True,
        False,
    ]

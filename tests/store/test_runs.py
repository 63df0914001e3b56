import numpy as np

from engine.store.runs import Runs


def keys(*values):
    return np.array(values, np.uint64) << np.uint64(26)


def test_a_key_finds_all_its_rows_wherever_they_were_added():
    runs = Runs()
    for row in range(1000):
        runs.add(keys(5, 100 + row), np.array([row, row]))
    places, rows = runs.find(keys(7, 5, 1099), 10_000)
    assert sorted(rows[places == 1].tolist()) == list(range(1000))
    assert (rows[places == 2].tolist(), rows[places == 0].tolist()) == ([999], [])
    assert runs.nbytes == 8 * 2000


def test_the_newest_rows_of_a_key_are_taken():
    runs = Runs()
    runs.add(keys(*[5] * 9), np.arange(9))
    assert sorted(runs.find(keys(5), 2)[1].tolist()) == [7, 8]


def test_old_rows_are_dropped_run_by_run():
    runs = Runs()
    runs.add(keys(*range(100)), np.zeros(100, np.int64))
    runs.add(keys(5), np.array([1]))
    runs.drop_before(1)
    assert runs.find(keys(5), 9)[1].tolist() == [1]

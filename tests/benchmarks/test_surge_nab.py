from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.surge.nab import BadFolder, Series, best, read, report, sigmoid, worth

#: 100 rows, so 15 of probation, and a window over rows 40 to 49.
SERIES = Series("a.csv", [""] * 100, np.zeros(100), [(40, 49)])


def _at(*rows: int) -> np.ndarray:
    scored = np.zeros(100)
    scored[list(rows)] = 1.0
    return scored


def test_the_sigmoid_is_nabs() -> None:
    # NAB's own constant for the earliest true positive is 0.98661.
    assert sigmoid(np.array([-1.0, 0.0, 3.1])) == pytest.approx([0.98661, 0.0, -1.0], abs=1e-5)


def test_the_first_row_of_a_window_is_worth_one_and_a_row_before_any_window_minus_one() -> None:
    value, inside = worth(SERIES)
    assert value[40] == pytest.approx(1.0)
    assert value[39] == -1.0
    assert inside[49] == 0 and inside[50] == -1


def test_nothing_detected_is_0_and_a_detection_at_once_is_100() -> None:
    assert best([(SERIES, _at())], "standard")[0] == 0.0
    assert best([(SERIES, _at(40))], "standard")[0] == pytest.approx(100.0)


def test_a_false_positive_costs_its_weight_and_a_second_hit_nothing() -> None:
    # Null -1, perfect 1: .11 of 2 is 5.5 points, .22 is 11, and with a miss weighing 2, .11 of 3 is 3.67.
    part = [(SERIES, _at(30, 40, 45))]
    assert best(part, "standard")[0] == pytest.approx(94.5)
    assert best(part, "reward_low_fp")[0] == pytest.approx(89.0)
    assert best(part, "reward_low_fn")[0] == pytest.approx(100 - 11 / 3)


def test_probation_is_not_scored() -> None:
    assert best([(SERIES, _at(3, 14, 40))], "standard")[0] == pytest.approx(100.0)


def test_the_threshold_is_one_for_all_files() -> None:
    other = _at(20) * 2.0 + _at(40) * 1.5
    score, threshold = best([(SERIES, _at(40)), (SERIES, other)], "standard")
    assert threshold == 1.0
    assert score == pytest.approx(100 * (4 - 0.11) / 4)


def test_a_folder_in_nabs_layout_is_read_scored_and_written(tmp_path: Path) -> None:
    (tmp_path / "tweets").mkdir()
    counts = np.random.default_rng(1).poisson(20, 1000)
    counts[800] = 400
    lines = [f"2015-03-{1 + i // 288:02} {i % 288 // 12:02}:{i % 12 * 5:02}:00,{c}" for i, c in enumerate(counts)]
    (tmp_path / "tweets" / "a.csv").write_text("timestamp,value\n" + "\n".join(lines) + "\n")
    window = [["2015-03-03 18:40:00.000000", "2015-03-03 20:40:00.000000"]]  # rows 800 to 824
    (tmp_path / "windows.json").write_text(json.dumps({"tweets/a.csv": window}))
    assert read(tmp_path)[0].windows == [(800, 824)]
    found = report(tmp_path, tmp_path / "out")
    assert found["nab"] == {"standard": 100.0, "reward_low_fp": 100.0, "reward_low_fn": 100.0}
    written = (tmp_path / "out" / "beejan" / "tweets" / "beejan_a.csv").read_text().splitlines()
    assert written[0] == "timestamp,value,anomaly_score,label"
    assert [line.rpartition(",")[2] for line in written[1:]].count("1") == 25


def test_a_folder_without_windows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFolder, match="windows json"):
        read(tmp_path)

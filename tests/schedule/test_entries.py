"""configs/schedules.yaml and what is wrong with a file like it."""

from datetime import UTC, datetime

import pytest

from engine.schedule.entries import load_entries, next_after
from engine.settings import BadConfig, Settings


def entries(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(f"version: '1'\nentries:\n  one: {text}\n")
    return load_entries(Settings(data_dir=tmp_path, schedules=str(path)))


def test_the_installed_file_has_the_four_jobs(tmp_path):
    found = load_entries(Settings(data_dir=tmp_path))
    assert {entry.job for entry in found.values()} == {"cluster", "retrain", "compact", "index"}
    assert found["retrain"].promote is False
    assert load_entries(Settings(data_dir=tmp_path, schedules="none")) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{job: cluster, cron: '61 * * * *'}", "expected minute, hour"),
        ("{job: cluster, cron: '* * * * * *'}", "expected minute, hour"),
        ("{job: shell, cron: '1 * * * *'}", "'cluster', 'compact', 'index', 'retrain'"),
        ("{job: cluster, cron: '1 * * * *', promote: true}", "Extra inputs"),
        ("{job: retrain, cron: '1 * * * *', new_labels: 0}", "greater than or equal to 1"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, text, message):
    with pytest.raises(BadConfig, match=r"entries\.one") as caught:
        entries(tmp_path, text)
    assert message in str(caught.value)


def test_the_next_time_is_after_the_last_in_utc():
    monday = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert next_after("30 2 * * *", monday) == datetime(2026, 3, 3, 2, 30, tzinfo=UTC)
    assert next_after("0 12 * * *", monday) == datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
    assert next_after("0 8 * * 0", monday) == datetime(2026, 3, 8, 8, 0, tzinfo=UTC)

"""Runs of entries: what is due, once; never two of one; what became of it outlives the process."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from engine.cli.app import app
from engine.schedule import keep, run, state
from engine.schedule.entries import Plain
from engine.settings import Settings

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOURLY = "{job: cluster, cron: '0 * * * *'}"


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"version: '1'\nentries:\n  hourly: {HOURLY}\n")
    return Settings(data_dir=tmp_path, schedules=str(path))


def steps(monkeypatch, settings, moments, state_of_run="done"):
    """The names that are started at each moment, with runs that end at once."""
    begun = []

    def at_once(given, name, entry, *, by, config=None):
        begun.append(name)
        state.change(given.data_dir, name, counted_from=now.isoformat())
        return {"state": state_of_run, "started_at": now.isoformat()}

    monkeypatch.setattr(keep, "run", at_once)
    found = []

    async def whole():
        nonlocal now
        scheduler = keep.Scheduler(settings)
        for now in moments:
            found.append(scheduler.step(now))
            await scheduler.finish()

    now = NOON
    asyncio.run(whole())
    return found


def test_an_entry_runs_when_its_time_comes_and_not_at_the_first_sight(monkeypatch, settings):
    moments = [NOON + timedelta(minutes=minutes) for minutes in (1, 59, 60, 61, 119, 120)]
    assert steps(monkeypatch, settings, moments) == [[], [], ["hourly"], [], [], ["hourly"]]


def test_runs_missed_while_no_engine_ran_are_one_run(monkeypatch, settings):
    assert steps(monkeypatch, settings, [NOON + timedelta(minutes=1)]) == [[]]
    later = NOON + timedelta(hours=30)
    assert steps(monkeypatch, settings, [later, later + timedelta(seconds=5)]) == [["hourly"], []]


def test_what_was_put_off_is_due_again_in_five_minutes(monkeypatch, settings):
    steps(monkeypatch, settings, [NOON + timedelta(minutes=1)])
    due = datetime.now(UTC)
    moments = [due, due + timedelta(minutes=1), due + timedelta(minutes=6)]
    assert steps(monkeypatch, settings, moments, run.PUT_OFF) == [["hourly"], [], ["hourly"]]


def test_a_run_never_overlaps_itself(settings):
    with state.alone(settings.data_dir, "hourly"):
        with pytest.raises(state.EntryRuns):
            run.run(settings, "hourly", Plain(job="cluster", cron="0 * * * *"), by="ada")
        assert keep.listed(settings, NOON)[0]["runs"]
    assert not keep.listed(settings, NOON)[0]["runs"]


def test_a_run_is_kept_with_its_result_and_a_cut_off_one_is_told(monkeypatch, settings):
    monkeypatch.setitem(run._COMMANDS, "cluster", ["config", "show"])
    entry = Plain(job="cluster", cron="0 * * * *")

    found = run.run(settings, "hourly", entry, by="ada")

    assert (found["state"], found["why"]) == ("done", "asked for by ada")
    assert found["result"]["classifier"] == "complaints"
    (listed,) = keep.listed(settings, NOON)
    assert listed["last"] == found
    begun = datetime.fromisoformat(found["started_at"])
    assert datetime.fromisoformat(listed["next_run_at"]) - begun <= timedelta(hours=1)

    state.change(settings.data_dir, "hourly", last=found | {"state": "running"})
    assert keep.listed(settings, NOON)[0]["last"]["state"] == "cut off"


def test_the_command_runs_an_entry_and_tells_its_failure(settings, monkeypatch):
    monkeypatch.setenv("BEEJAN_SCHEDULES", settings.schedules)
    invoke = CliRunner().invoke
    place = ["--data-dir", str(settings.data_dir), "--json"]

    result = invoke(app, ["schedule", "run", "hourly", *place])

    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["state"] == "failed"
    assert "nothing to cluster" in told["error"]
    (listed,) = json.loads(invoke(app, ["schedule", "list", *place]).stdout)["schedules"]
    assert (listed["name"], listed["job"], listed["last"]["state"]) == ("hourly", "cluster", "failed")
    assert invoke(app, ["schedule", "run", "never", *place]).exit_code == 3

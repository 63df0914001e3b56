import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from engine.registry.aliases import Aliases, decide, decisions, folder_of, read
from engine.registry.errors import BadRegistry, NoModel
from engine.settings import ROOT


def to(version):
    return lambda before: replace(before, champion=version)


def test_without_a_decision_there_is_no_champion(tmp_path):
    assert read(tmp_path, "complaints") == Aliases()
    assert decisions(tmp_path, "complaints") == []


def test_a_decision_stands_in_the_aliases_and_in_the_log(tmp_path):
    decide(tmp_path, "complaints", "promote", to("1"), by="ml")
    decide(tmp_path, "complaints", "promote", to("2"), by="ml", reason="better")

    assert read(tmp_path, "complaints").champion == "2"
    told = [(d["number"], d["champion"], d.get("reason")) for d in decisions(tmp_path, "complaints")]
    assert told == [(1, {"from": None, "to": "1"}, None), (2, {"from": "1", "to": "2"}, "better")]


def test_a_change_that_raises_leaves_everything_as_it_was(tmp_path):
    decide(tmp_path, "complaints", "promote", to("1"))

    def refuse(before):
        raise NoModel("no")

    with pytest.raises(NoModel):
        decide(tmp_path, "complaints", "promote", refuse)
    assert read(tmp_path, "complaints").champion == "1"
    assert len(decisions(tmp_path, "complaints")) == 1


def test_a_decision_that_a_crash_kept_from_the_log_is_added_later(tmp_path):
    decide(tmp_path, "complaints", "promote", to("1"))
    decide(tmp_path, "complaints", "promote", to("2"))
    log = folder_of(tmp_path, "complaints") / "decisions.jsonl"
    log.write_bytes(log.read_bytes().split(b"\n")[0] + b"\n" + b'{"number": 2, "at')  # the second was cut off

    assert [d["number"] for d in decisions(tmp_path, "complaints")] == [1, 2]
    decide(tmp_path, "complaints", "rollback", to("1"))
    assert [d["number"] for d in decisions(tmp_path, "complaints")] == [1, 2, 3]
    whole = [json.loads(line) for line in log.read_bytes().split(b"\n") if line.endswith(b"}")]
    assert [d["number"] for d in whole] == [1, 2, 3]


def test_a_damaged_file_is_told_and_not_overlooked(tmp_path):
    decide(tmp_path, "complaints", "promote", to("1"))
    (folder_of(tmp_path, "complaints") / "aliases.json").write_text("{")
    with pytest.raises(BadRegistry, match=r"aliases\.json"):
        read(tmp_path, "complaints")


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".", "x" * 65])
def test_a_name_that_is_no_folder_is_refused(tmp_path, name):
    with pytest.raises(NoModel):
        read(tmp_path, name)


_MANY = """
import sys
from dataclasses import replace
from pathlib import Path
from engine.registry.aliases import decide
for n in range(10_000):
    decide(Path(sys.argv[1]), "complaints", "promote", lambda a: replace(a, champion=str(n), challenger=str(n)))
"""


def test_killed_in_the_midst_of_decisions_aliases_and_log_agree(tmp_path):
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", _MANY, str(tmp_path)], cwd=ROOT)
        folder = folder_of(tmp_path, "complaints")
        before = len(decisions(tmp_path, "complaints"))
        while len(decisions(tmp_path, "complaints")) < before + 5:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        found = read(tmp_path, "complaints")
        told = decisions(tmp_path, "complaints")
        assert found.champion == found.challenger == told[-1]["champion"]["to"]
        assert [d["number"] for d in told] == list(range(1, len(told) + 1))
    assert (folder / "aliases.json").exists()

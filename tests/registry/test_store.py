"""A version of a model appears whole or not at all."""

import hashlib
import json
import os
import signal
import subprocess
import sys

import pytest

from engine.registry.aliases import NoModel
from engine.registry.load import names, versions
from engine.registry.store import publish, workshop
from engine.settings import ROOT


def test_a_version_has_its_files_and_a_manifest_with_their_digests(tmp_path):
    with workshop(tmp_path) as folder:
        (folder / "weights").write_bytes(b"abc")
        manifest = publish(tmp_path, "complaints", folder, {"seed": 7})
    assert versions(tmp_path, "complaints") == [manifest["version"]]
    made = tmp_path / "models" / "complaints" / manifest["version"]
    assert json.loads((made / "manifest.json").read_text()) == manifest
    assert manifest["files"] == {"weights": hashlib.sha256(b"abc").hexdigest()}
    assert (manifest["size_bytes"], manifest["seed"], manifest["name"]) == (3, 7, "complaints")
    assert list((tmp_path / "training").iterdir()) == []


def test_a_training_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), workshop(tmp_path) as folder:
        (folder / "weights").write_bytes(b"abc")
        raise RuntimeError
    assert names(tmp_path) == [] and list((tmp_path / "training").iterdir()) == []


def test_a_name_that_leads_elsewhere_is_refused(tmp_path):
    with pytest.raises(NoModel), workshop(tmp_path) as folder:
        publish(tmp_path, "../elsewhere", folder, {})
    assert names(tmp_path) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from engine.registry import store
data = Path(sys.argv[1])
store.Path.rename = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
with store.workshop(data) as folder:
    (folder / "weights").write_bytes(b"abc")
    store.publish(data, "complaints", folder, {})
"""


def test_a_killed_training_leaves_the_registry_as_it_was(tmp_path):
    with workshop(tmp_path) as folder:
        (folder / "weights").write_bytes(b"old")
        before = publish(tmp_path, "complaints", folder, {})["version"]
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, timeout=60)
    assert done.returncode == -signal.SIGKILL
    left = list((tmp_path / "training").iterdir())
    assert [path.name for path in left] != [str(os.getpid())] and (left[0] / "manifest.json").exists()
    assert names(tmp_path) == ["complaints"] and versions(tmp_path, "complaints") == [before]
    with workshop(tmp_path) as folder:
        assert list((tmp_path / "training").iterdir()) == [folder]

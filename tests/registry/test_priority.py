"""`train priority`: weights fitted to labels of stored complaints become a version, and nothing else changes."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from engine.curate.context import load_priority
from engine.registry.priority import BadLabels, train
from engine.settings import Settings
from engine.store.writer import Writer
from tests.store.test_writer import envelope, processed

TEXTS = {
    "P1": "your pole fell and the naked wire is dangerous, report {}",
    "P2": "my lawyer will take you to court over report {}",
    "P3": "the network is slow again, report {}",
    "P4": "thank you all, message {}",
}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory, context):
    folder = tmp_path_factory.mktemp("priority")
    sent = [(level, envelope(TEXTS[level].format(n), f"{level}{n}")) for level in TEXTS for n in range(16)]
    writer = Writer(Settings(data_dir=folder))
    writer.commit(processed(context, *(one for _, one in sent)))
    writer.close()
    path = folder / "labels.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["event_id", "label"])
        out.writerows([one.event_id, level] for level, one in sent)
        out.writerow(["ab" * 32, "P1"])
    return Settings(data_dir=folder), path


def test_a_fit_is_a_version_that_the_configuration_can_name(labelled):
    settings, path = labelled
    report = train(settings, path)
    assert (report["labels"], report["not_stored"], report["new"]) == (64, 1, True)
    assert report["by_level"] == {"P1": 16, "P2": 16, "P3": 16, "P4": 16}
    assert report["fitted"]["kappa"] > 0.9 and report["held_out"]["kappa"] > 0.8
    fitted = load_priority(settings.model_copy(update={"priority": report["path"]}))
    assert fitted.version == report["version"]
    told = json.loads((settings.data_dir / "models" / "priority" / report["version"] / "report.json").read_text())
    assert told["labels_sha256"] == report["labels_sha256"]


def test_trained_again_it_is_the_same_version_and_is_left_alone(labelled):
    settings, path = labelled
    first = train(settings, path)
    written = Path(first["path"])
    before = written.read_text()
    again = train(settings, path)
    assert (again["version"], again["new"]) == (first["version"], False)
    assert written.read_text() == before
    assert yaml.safe_load(before)["version"] == first["version"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,label\nab,P1\n", "expected event_id and label"),
        ("event_id,label\nab,P5\n", "line 2: 'ab', 'P5'"),
        ("event_id,label\nx' OR 1=1,P1\n", "expected an event id in hex"),
        ("event_id,label\nab,P1\n", "1 labelled complaints are not stored here"),
    ],
)
def test_labels_that_cannot_be_used_are_told(labelled, tmp_path, content, said):
    path = tmp_path / "labels.csv"
    path.write_text(content)
    with pytest.raises(BadLabels, match=said):
        train(labelled[0], path)
    with pytest.raises(BadLabels, match="cannot be read"):
        train(labelled[0], tmp_path / "none.csv")

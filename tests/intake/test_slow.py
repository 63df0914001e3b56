import pickle
import time

import pytest

from connectors.errors import StreamFull
from engine.intake.slow import IntakeSlowed, Load, check, read, retry_after, tell


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "run").mkdir()
    return tmp_path


def test_all_is_well_where_nothing_was_told(folder):
    assert read(folder) == Load()
    check(folder)
    (folder / "run" / "overload.json").write_text("{")
    check(folder)


def test_what_was_told_counts_for_fifteen_seconds(folder):
    load = Load(("embedding_static", "intake_slowed"), 301.2, 9000, 30.0, 181, None, told_at=1000.0)
    tell(folder, load)
    assert read(folder, now=1014.9) == load
    assert read(folder, now=1015.0) == Load()
    assert [path.name for path in (folder / "run").iterdir()] == ["overload.json"]


def test_complaints_wait_only_while_the_intake_is_slowed(folder):
    tell(folder, Load(("embedding_static",), 20.0, told_at=time.time()))
    check(folder)
    tell(folder, Load(("embedding_static", "intake_slowed"), 301.2, retry_after_s=181, told_at=time.time()))
    with pytest.raises(StreamFull, match=r"301 s behind.*in 181 s") as caught:
        check(folder)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), again.retry_after_s, str(again)) == (IntakeSlowed, 181, str(caught.value))


def test_senders_come_again_when_the_step_will_have_been_taken_back():
    # 400 s behind, to fall to 150 s, and 30 s calm.
    assert retry_after(400, 300, 30) == 280
    assert retry_after(0, 300, 0.2) == 1
    assert retry_after(1e9, 300, 30) == 600

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.govern.api_keys import Principal, key_hash, key_id_of, new_key
from engine.govern.crypto import DataKey, KeyTrouble, load_keys


def test_a_payload_opens_only_with_its_key_and_event():
    key = DataKey("k", b"a" * 32)
    sealed = key.encrypt(b"secret", "event")
    assert key.decrypt(sealed, "event") == b"secret"
    assert key.encrypt(b"secret", "event") != sealed
    for other, event, data in (
        (key, "other", sealed),
        (DataKey("x", b"b" * 32), "event", sealed),
        (key, "event", sealed[:-1] + b"\0"),
    ):
        with pytest.raises(KeyTrouble, match="cannot be opened"):
            other.decrypt(data, event)


def test_keys_are_made_once_private_and_hidden(tmp_path):
    first, second = load_keys(tmp_path / "keys"), load_keys(tmp_path / "keys")
    assert first == second
    assert len({first.data.secret, first.pseudonym, first.session}) == 3
    assert oct((tmp_path / "keys" / "data.key").stat().st_mode & 0o777) == "0o600"
    assert first.data.secret.hex() not in repr(first)
    assert pickle.loads(pickle.dumps(first.data)) == first.data


def test_those_who_make_keys_at_the_same_time_have_the_same(tmp_path):
    # Stream and API start together: with two data keys the payloads sealed with one of them could never be read.
    for turn in range(20):
        folder, gate = tmp_path / str(turn), threading.Barrier(8)

        def load(folder=folder, gate=gate):
            gate.wait()
            return load_keys(folder)

        with ThreadPoolExecutor(8) as pool:
            made = [one.result() for one in [pool.submit(load) for _ in range(8)]]
        assert len({(keys.data.secret, keys.pseudonym, keys.session) for keys in made}) == 1
        assert sorted(path.name for path in folder.iterdir()) == ["data.key", "pseudonym.key", "session.key"]


def test_a_broken_key_file_is_named(tmp_path):
    load_keys(tmp_path)
    (tmp_path / "data.key").write_text("nonsense")
    with pytest.raises(KeyTrouble, match=r"data\.key"):
        load_keys(tmp_path)


def test_api_keys_tell_their_id_and_are_stored_as_hashes():
    key_id, key = new_key()
    assert key_id_of(key) == key_id
    assert key not in key_hash(key)
    assert key_id_of("nonsense") is None
    assert key_id_of("bj_short_x") is None


def test_admin_may_everything_and_others_their_own():
    assert Principal("1", "a", "admin").may("ops")
    assert Principal("1", "a", "ops").may("ops", "ml")
    assert not Principal("1", "a", "intake").may("ops")

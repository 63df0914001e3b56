import pickle

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

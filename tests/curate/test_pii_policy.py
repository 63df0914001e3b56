import pytest

from engine.curate.context import load_pii
from engine.settings import BadConfig, load_settings


def test_the_shipped_policy_masks_or_generalises_every_type(tmp_path):
    policy = load_pii(load_settings(data_dir=tmp_path))

    assert set(policy.for_channel("sms").values()) <= {"mask", "generalise"}
    assert not policy.ignore


@pytest.mark.parametrize(
    ("text", "said"),
    [("channels: {fax: {PHONE: mask}}", "channels.fax"), ("roles: {boss: {PHONE: mask}}", "roles.boss")],
)
def test_an_unknown_channel_or_role_is_refused(tmp_path, text, said):
    path = tmp_path / "pii.yaml"
    path.write_text(text)

    with pytest.raises(BadConfig, match=said):
        load_pii(load_settings(data_dir=tmp_path, pii=str(path)))

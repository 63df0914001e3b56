import pytest

from engine.settings import BadConfig, load_settings


def write(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return path


def test_the_command_line_beats_the_environment_beats_the_file(tmp_path, monkeypatch):
    path = write(tmp_path, "serve: {port: 1111, host: 127.0.0.1}\nintake: {linger_s: 0.1}\n")
    assert load_settings(path).serve.port == 1111
    monkeypatch.setenv("BEEJAN_SERVE__PORT", "2222")
    assert load_settings(path).serve.port == 2222
    settings = load_settings(path, serve={"port": 3333})
    assert (settings.serve.port, settings.intake.linger_s) == (3333, 0.1)


def test_a_wrong_key_is_named_with_those_that_are_known(tmp_path):
    with pytest.raises(BadConfig, match=r"nats\.prot: no such setting; known here: .*port") as error:
        load_settings(write(tmp_path, "nats: {prot: 4222}"))
    assert "c.yaml" in str(error.value)


def test_a_wrong_value_is_shown(tmp_path):
    with pytest.raises(BadConfig, match=r"serve\.port.*99999"):
        load_settings(write(tmp_path, "serve: {port: 99999}"))


def test_a_file_that_is_missing_or_no_yaml_is_named(tmp_path):
    with pytest.raises(BadConfig, match="cannot be read"):
        load_settings(tmp_path / "none.yaml")
    with pytest.raises(BadConfig, match="not valid YAML"):
        load_settings(write(tmp_path, "a: [1"))
    with pytest.raises(BadConfig, match="expected keys and values"):
        load_settings(write(tmp_path, "- 1"))


def test_secrets_are_masked_in_dumps(tmp_path):
    settings = load_settings(write(tmp_path, "nats: {password: hunter2}"))
    assert "hunter2" not in str(settings.model_dump(mode="json"))
    assert settings.nats.password.get_secret_value() == "hunter2"


def test_sources_are_told_apart_by_their_kind(tmp_path):
    path = write(tmp_path, "sources: {calls: {kind: log, paths: [/var/log/calls.log]}, in: {kind: folder, path: /srv}}")
    sources = load_settings(path).sources
    assert (sources["calls"].channel, sources["calls"].poll_s) == ("call_center", 2)
    assert (sources["in"].channel, sources["in"].called("in")) == ("file", "in")


def test_a_wrong_key_of_a_source_is_named_with_those_of_its_kind(tmp_path):
    path = write(tmp_path, "sources: {calls: {kind: log, paths: [a], strat: x}}")
    with pytest.raises(BadConfig, match=r"sources\.calls\.log\.strat: no such setting; known here: .*start"):
        load_settings(path)


@pytest.mark.parametrize("text", ["{Calls: {kind: log, paths: [a]}}", "{calls: {kind: lag}}", "{calls: {paths: [a]}}"])
def test_a_wrong_name_or_kind_of_a_source_is_refused(tmp_path, text):
    with pytest.raises(BadConfig, match=r"sources\."):
        load_settings(write(tmp_path, f"sources: {text}"))


def test_a_missing_key_does_not_show_what_stands_beside_it(tmp_path):
    with pytest.raises(BadConfig, match=r"sources\.inbox\.imap\.host: required") as error:
        load_settings(write(tmp_path, "sources: {inbox: {kind: imap, user: hunter2}}"))
    assert "hunter2" not in str(error.value)

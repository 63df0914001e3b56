import pytest

from engine.reembed import state
from engine.settings import Settings
from models.embedder import EmbedderError


@pytest.fixture
def settings(tmp_path):
    return lambda **embed: Settings(data_dir=tmp_path, embed={"device": "cpu", **embed})


def none():
    return {}


def test_the_first_start_serves_with_what_is_configured(settings):
    made = state.plan(settings(), none)

    assert made.serving.name == "all-MiniLM-L6-v2"
    assert made.serving.revision.endswith("+int8.1")
    assert (made.following, state.read(settings().data_dir)) == (None, made)


def test_another_backend_follows_and_is_given_up_when_the_settings_go_back(settings):
    first = state.plan(settings(), none).serving
    made = state.plan(settings(backend="onnx-fp32"), none)
    assert made.serving == first
    assert made.following.revision.endswith("+fp32.1")
    assert state.serving(settings(backend="onnx-fp32")).embed.backend == "onnx-int8"
    assert state.following(settings(backend="onnx-fp32")).embed.backend == "onnx-fp32"

    again = state.plan(settings(backend="onnx-fp32"), none)
    assert again.began_at == made.began_at
    assert state.plan(settings(), none).following is None


def test_after_the_switch_the_configured_model_serves(settings):
    state.plan(settings(), none)
    wanted = state.plan(settings(backend="torch"), none).following
    state.switched(settings().data_dir)

    assert "+" not in wanted.revision
    assert state.plan(settings(backend="torch"), none).serving == wanted


def test_rows_of_before_there_was_a_state_say_what_serves(settings):
    int8 = state.of(settings())
    base = int8.revision.partition("+")[0]
    stored = {("all-MiniLM-L6-v2", base): 7, ("static/all-MiniLM-L6-v2", "x"): 9, (int8.name, int8.revision): 2}
    made = state.plan(settings(), lambda: stored)

    assert (made.serving.revision, made.serving.embed["backend"]) == (base, "torch")
    assert made.following == int8


def test_rows_of_an_unknown_model_are_not_searched_by_another_one(settings):
    with pytest.raises(EmbedderError, match="embedded by other revision 1"):
        state.plan(settings(), lambda: {("other", "1"): 3})
    assert state.read(settings().data_dir) is None


def test_a_model_whose_files_changed_does_not_serve_as_what_it_was(settings):
    kept = state.plan(settings(), none)
    gone = state.Model("all-MiniLM-L6-v2", "0" * 12 + "+int8.1", kept.serving.embed)
    state.write(settings().data_dir, state.State(gone))

    with pytest.raises(EmbedderError, match="restore them"):
        state.plan(settings(), none)

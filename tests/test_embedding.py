"""Which backend embeds, and the ONNX file in the cache: made once, made again when damaged."""

import logging

import numpy as np
import pytest

from engine import embedding
from engine.embedding import backend, load, path_of, processes, threads
from engine.settings import Settings
from engine.stages.long_texts import LONG_TEXTS
from engine.stages.stage import run
from models.embedder import EmbedderError, source_folder
from models.onnx_embedder import OnnxEmbedder, sum_of


def settings(folder=None, cores=3, **embed):
    return Settings(embed={"onnx_folder": folder, **embed}, ray={"num_cpus": cores})


def test_int8_in_a_process_a_core_is_the_default_on_a_cpu(monkeypatch):
    monkeypatch.setattr(embedding, "_has_cuda", lambda: False)
    assert (backend(settings()), processes(settings()), threads(settings())) == ("onnx-int8", 3, 1)
    chosen = settings(actors=5, threads=2)
    assert (processes(chosen), threads(chosen)) == (5, 2)


@pytest.mark.parametrize("how", [{"backend": "torch"}, {"device": "cuda"}, {"num_gpus": 1}])
def test_torch_is_one_process_with_a_thread_a_core(how):
    assert (backend(settings(**how)), processes(settings(**how)), threads(settings(**how))) == ("torch", 1, 3)


def test_torch_embeds_where_it_sees_a_gpu(monkeypatch):
    monkeypatch.setattr(embedding, "_has_cuda", lambda: True)
    assert backend(settings()) == "torch"
    assert backend(settings(device="cpu")) == "onnx-int8"
    assert backend(settings(backend="onnx-fp32")) == "onnx-fp32"


def test_a_model_that_is_no_bert_goes_through_torch_or_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "roberta"}')
    assert backend(settings(model=str(tmp_path))) == "torch"
    with pytest.raises(EmbedderError, match=r"roberta.*'torch' or 'auto'"):
        backend(settings(model=str(tmp_path), backend="onnx-int8"))
    with pytest.raises(EmbedderError, match="runs on CPUs"):
        backend(settings(device="cuda", backend="onnx-int8"))


def test_the_file_is_made_once_and_again_when_it_is_damaged(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    wanted = settings(tmp_path, device="cpu")
    first = load(wanted)
    assert isinstance(first, OnnxEmbedder) and first.name == "all-MiniLM-L6-v2"
    path = path_of(wanted, "int8")
    made_at = path.stat().st_mtime_ns
    expected = load(wanted).encode(["no network"])
    assert path.stat().st_mtime_ns == made_at
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    caplog.clear()
    assert np.array_equal(load(wanted).encode(["no network"]), expected)
    assert "expected" in caplog.text and "made again" in caplog.text
    sum_of(path).unlink()
    assert np.array_equal(load(wanted).encode(["no network"]), expected)
    assert not list(tmp_path.glob("*.part"))


def test_weights_other_than_pinned_are_refused(tmp_path):
    digest = load(settings(tmp_path, device="cpu")).base
    assert load(settings(tmp_path, device="cpu", revision=digest)).base == digest
    with pytest.raises(EmbedderError, match=f"{digest}, expected '000000000000'"):
        load(settings(tmp_path, device="cpu", revision="0" * 12))


def test_what_cannot_be_made_says_why(tmp_path):
    import shutil

    model = tmp_path / "model"
    shutil.copytree(source_folder(None, None), model, ignore=shutil.ignore_patterns("model.safetensors"))
    (model / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(EmbedderError, match="cannot be made from model"):
        load(settings(tmp_path / "cache", model=str(model), device="cpu"))


def test_long_texts_are_flagged_beside_what_else_is_wrong(context):
    import pyarrow as pa

    class Counted:
        def windows(self, texts):
            return [len(text) for text in texts]

    from dataclasses import replace

    rows = pa.table({"text": ["a", "b" * 8, "c" * 9], "quality_flags": [["odd"], ["odd"], []]})
    done = run(rows, (LONG_TEXTS,), replace(context, embedder=Counted()))
    assert done["quality_flags"].to_pylist() == [["odd"], ["odd", "embedding_windowed"], ["embedding_cut"]]

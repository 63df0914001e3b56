"""Writes a BERT sentence-embedding model as an ONNX graph, in fp32 or int8, straight from its safetensors weights.

The graph is made of ONNX Runtime's fused operators (`com.microsoft`), as its own optimizer makes them of an export by
torch; writing them takes no torch and a fifth of the time. It takes token ids without padding, (b, s) int32, and gives
the last layer, (b, s, d) float32. Pooling is left to the caller: ONNX Runtime's ReduceMean is the one operator whose
result for a text depends, in its last bit, on how many others share the call.

int8 is dynamic quantisation: weights signed, symmetric, one scale an output channel; activations unsigned, one scale a
tensor, found at run time. One scale a tensor means that texts must not share a call if their vectors are not to depend
on each other (models.onnx_embedder).

Errors:
    NotExportable (ValueError)   the model is of another architecture
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Precision = Literal["int8", "fp32"]

_MICROSOFT = "com.microsoft"
_OPSET = 17


class NotExportable(ValueError):
    """Of another architecture than BERT with mean pooling; use the torch backend."""


def check(folder: Path) -> dict[str, Any]:
    """Return the model's config.

    Raises:
        NotExportable: the graph would not compute what the model computes.
    """
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8")) if _has(folder, "modules.json") else []
    kinds = [module["type"].rpartition(".")[2] for module in modules]
    expected = {
        "model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute", "is_decoder": False,
    }  # fmt: skip
    for key, value in expected.items():
        if config.get(key, value) != value:
            raise NotExportable(f"model {folder.name}: {key} is {config[key]!r}, the ONNX graph expects {value!r}")
    if kinds != ["Transformer", "Pooling", "Normalize"]:
        raise NotExportable(f"model {folder.name}: modules are {kinds}, expected Transformer, Pooling, Normalize")
    pooling = json.loads((folder / modules[1]["path"] / "config.json").read_text(encoding="utf-8"))
    modes = {name for name, on in pooling.items() if name.startswith("pooling_mode") and on}
    if modes not in ({"pooling_mode_mean_tokens"}, {"pooling_mode"}) or pooling.get("pooling_mode", "mean") != "mean":
        raise NotExportable(f"model {folder.name}: pooling is {sorted(modes)}, expected the mean of all tokens")
    missing = [name for name in ("model.safetensors", "tokenizer.json") if not _has(folder, name)]
    if missing:
        raise NotExportable(f"model {folder.name}: {', '.join(missing)} missing")
    return config


def _has(folder: Path, name: str) -> bool:
    return (folder / name).is_file()


def build(folder: Path, precision: Precision) -> bytes:
    """Make the graph.

    Args:
        folder: of a sentence-transformers model that passes `check`.
        precision: of weights and matrix products.

    Returns:
        A serialised ONNX model.
    """
    from onnx import TensorProto, checker, helper
    from safetensors.numpy import load_file

    config = check(folder)
    weights = {name.removeprefix("bert."): value for name, value in load_file(folder / "model.safetensors").items()}
    graph = _Graph({n: v.astype(np.float32) for n, v in weights.items() if v.dtype.kind == "f"}, config, precision)
    last = graph.write()
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "embedder",
            [helper.make_tensor_value_info("ids", TensorProto.INT32, ["texts", "tokens"])],
            [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["texts", "tokens", config["hidden_size"]])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)],
        ir_version=8,
        producer_name="beejan",
    )
    checker.check_model(made)
    return bytes(made.SerializeToString())


class _Graph:
    """Nodes and constants, as they are written one after another."""

    def __init__(self, weights: dict[str, NDArray[np.float32]], config: dict[str, Any], precision: Precision) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._weights, self._int8 = weights, precision == "int8"
        self._epsilon = float(config["layer_norm_eps"])
        self._heads, self._layers = int(config["num_attention_heads"]), int(config["num_hidden_layers"])

    def write(self) -> str:
        """All of it; returns the name of what it gives."""
        hidden = self._embed()
        for layer in range(self._layers):
            hidden = self._layer(hidden, f"encoder.layer.{layer}.")
        return hidden

    def _embed(self) -> str:
        words = self._weights["embeddings.word_embeddings.weight"]
        # All tokens are of the first type, so its vector is part of each position's.
        types = self._weights["embeddings.token_type_embeddings.weight"][0]
        places = self._constant("places", self._weights["embeddings.position_embeddings.weight"] + types)
        if self._int8:
            table, scale = quantised(words)
            rows = self._node("Cast", [self._node("Gather", [self._constant("words", table), "ids"])], to=1)
            scales = self._node("Gather", [self._constant("words.scale", scale[:, None]), "ids"])
            words_of = self._node("Mul", [rows, scales])
        else:
            words_of = self._node("Gather", [self._constant("words", words), "ids"])
        size = self._node("Shape", ["ids"], start=1)
        zero, axis = self._constant("zero", np.zeros(1, np.int64)), self._constant("axis", np.zeros(1, np.int64))
        summed = self._node("Add", [words_of, self._node("Slice", [places, zero, size, axis])])
        scale_, shift = self._norm("embeddings.LayerNorm")
        return self._node("LayerNormalization", [summed, scale_, shift], axis=-1, epsilon=self._epsilon)

    def _layer(self, hidden: str, at: str) -> str:
        attended = self._attention(hidden, at + "attention.self.")
        mixed = self._product(attended, at + "attention.output.dense")
        hidden = self._add_norm(mixed, hidden, at + "attention.output")
        wide = self._product(hidden, at + "intermediate.dense")
        active = self._node("BiasGelu", [wide, self._weight(at + "intermediate.dense.bias")], domain=_MICROSOFT)
        return self._add_norm(self._product(active, at + "output.dense"), hidden, at + "output")

    def _attention(self, hidden: str, at: str) -> str:
        joined = np.concatenate([self._weights[f"{at}{part}.weight"] for part in ("query", "key", "value")])
        bias = np.concatenate([self._weights[f"{at}{part}.bias"] for part in ("query", "key", "value")])
        bias_ = self._constant(at + "bias", bias)
        if not self._int8:
            weight = self._constant(at + "weight", np.ascontiguousarray(joined.T))
            return self._node("Attention", [hidden, weight, bias_], domain=_MICROSOFT, num_heads=self._heads)
        whole, scale, zero = self._activations(hidden)
        weight, weight_scale, weight_zero = self._quantised_weight(at, joined)
        inputs = [whole, weight, bias_, scale, weight_scale, "", zero, weight_zero]
        return self._node("QAttention", inputs, domain=_MICROSOFT, num_heads=self._heads)

    def _product(self, given: str, name: str) -> str:
        weight = self._weights[name + ".weight"]
        if not self._int8:
            return self._node("MatMul", [given, self._constant(name + ".weight", np.ascontiguousarray(weight.T))])
        whole, scale, zero = self._activations(given)
        made, made_scale, made_zero = self._quantised_weight(name, weight)
        inputs = [whole, made, scale, made_scale, zero, made_zero]
        return self._node("MatMulIntegerToFloat", inputs, domain=_MICROSOFT)

    def _add_norm(self, mixed: str, hidden: str, at: str) -> str:
        inputs = [mixed, hidden, *self._norm(at + ".LayerNorm"), self._weight(at + ".dense.bias")]
        return self._node("SkipLayerNormalization", inputs, domain=_MICROSOFT, epsilon=self._epsilon)

    def _activations(self, name: str) -> tuple[str, str, str]:
        outputs = [f"{name}.{part}" for part in ("whole", "scale", "zero")]
        self._node("DynamicQuantizeLinear", [name], outputs)
        return outputs[0], outputs[1], outputs[2]

    def _quantised_weight(self, name: str, weight: NDArray[np.float32]) -> tuple[str, str, str]:
        whole, scale = quantised(weight)
        return (
            self._constant(name + ".whole", np.ascontiguousarray(whole.T)),
            self._constant(name + ".scale", scale),
            self._constant(name + ".zero", np.zeros(len(scale), np.int8)),
        )

    def _norm(self, name: str) -> tuple[str, str]:
        return self._weight(name + ".weight"), self._weight(name + ".bias")

    def _weight(self, name: str) -> str:
        return self._constant(name, self._weights[name])

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def _node(self, kind: str, inputs: list[str], outputs: list[str] | None = None, **attributes: Any) -> str:
        from onnx import helper

        names = outputs or [f"n{len(self.nodes)}"]
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names[0]


def quantised(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """(r, c) as int8 and a scale a row, so that `whole * scale[:, None]` is the nearest to it."""
    scale = np.maximum(np.abs(weight).max(axis=1), np.finfo(np.float32).tiny * 127) / np.float32(127)
    whole = np.clip(np.rint(weight / scale[:, None]), -127, 127).astype(np.int8)
    return whole, scale.astype(np.float32)

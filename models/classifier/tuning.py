"""Fine-tunes an encoder so that texts of one label get like vectors; a linear layer over them gives the labels.

The layer starts from the mean vector of each label's texts, which is a fair classifier already; both are then trained by
cross-entropy. Errors of a label are those of all, so texts with several labels are trained as so many questions.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Learning rates of the encoder and of the layer above it; small encoders want more than the 2e-5 that is usual of large ones.
_RATE, _LAYER_RATE = 1e-4, 1e-3
_BATCH, _WARM_UP, _DECAY, _DROPOUT = 32, 0.1, 0.01, 0.1
#: What cosines are multiplied by: unit vectors are alike to within a few tenths.
_SCALE = 16.0
#: Texts of like length share batches, out of this many batches at a time.
_SORTED_BATCHES = 32
_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Worker:
    """Of those that train together; each takes its share of every batch, gradients are averaged by `wrap`."""

    rank: int = 0
    of: int = 1
    device: str = "cpu"
    wrap: Callable[[Any], Any] = lambda model: model


@dataclass(frozen=True, slots=True)
class Layer:
    """The linear layer above the encoder.

    Attributes:
        weights: (d, labels) float32.
        bias: (labels,) float32.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


def tune(
    source: Path, texts: Sequence[str], truth: NDArray[np.bool_], target: Path, *, epochs: int, seed: int,
    worker: Worker = Worker(), tell: Callable[[int, float], None] = lambda step, loss: None,
) -> Layer:  # fmt: skip
    """Train, and write the encoder as a folder like its source.

    Args:
        source: the folder of a BERT model with mean pooling (models.onnx_graph.check).
        texts: masked; what is beyond 256 tokens is not looked at.
        truth: (n, labels).
        target: where the encoder goes; written by the worker of rank 0.
        epochs: how often each text is seen.
        seed: of the order of texts and of dropout.
        worker: which of several this is.
        tell: called with the number of each epoch done, from 1, and its mean loss.
    """
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel

    torch.manual_seed(seed + worker.rank)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_TOKENS)
    ids = [one.ids for one in tokenizer.encode_batch([text.encode("utf-8", "replace").decode() for text in texts])]
    encoder = AutoModel.from_pretrained(str(source), use_safetensors=True, add_pooling_layer=False)
    model = _built(encoder, truth.shape[1]).to(worker.device)
    _start(model, ids, truth, worker.device)
    trained = worker.wrap(model)
    groups = [
        {"params": model.encoder.parameters(), "lr": _RATE},
        {"params": model.layer.parameters(), "lr": _LAYER_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=_DECAY)
    wanted = torch.tensor(truth, dtype=torch.float32)
    several = bool((truth.sum(axis=1) != 1).any())
    steps = epochs * -(-len(ids) // (_BATCH * worker.of))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share(step, steps))
    trained.train()
    for epoch in range(epochs):
        losses = []
        for rows in _batches([len(one) for one in ids], _BATCH * worker.of, np.random.default_rng([seed, epoch])):
            mine = rows[worker.rank :: worker.of]
            if len(rows) < worker.of:
                continue  # somebody would have none
            with torch.autocast("cuda", torch.bfloat16, enabled=worker.device.startswith("cuda")):
                logits = trained(*_padded([ids[row] for row in mine], worker.device))
            truths = wanted[mine].to(worker.device)
            loss = _loss(logits.float(), truths, several=several)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        tell(epoch + 1, float(np.mean(losses)))
    if worker.rank == 0:
        _write(model.encoder, source, target)
    weights = (_SCALE * model.layer.weight.detach()).float().cpu().numpy()
    return Layer(np.ascontiguousarray(weights.T), model.layer.bias.detach().float().cpu().numpy())


def _built(encoder: Any, labels: int) -> Any:
    """Encoder, mean of its tokens as a unit vector, linear layer."""
    import torch

    class Tuned(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.dropout = encoder, torch.nn.Dropout(_DROPOUT)
            self.layer = torch.nn.Linear(encoder.config.hidden_size, labels)

        def vectors(self, ids: Any, mask: Any) -> Any:
            hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state.float()
            shares = mask.unsqueeze(2).float()
            return torch.nn.functional.normalize((hidden * shares).sum(1) / shares.sum(1), dim=1)

        def forward(self, ids: Any, mask: Any) -> Any:
            return (
                _SCALE * torch.nn.functional.linear(self.dropout(self.vectors(ids, mask)), self.layer.weight)
                + self.layer.bias
            )

    return Tuned()


def _start(model: Any, ids: list[list[int]], truth: NDArray[np.bool_], device: str) -> None:
    """Put the mean vector of each label's texts into the layer."""
    import torch

    model.eval()
    sums = torch.zeros(truth.shape[1], model.layer.weight.shape[1])
    with torch.inference_mode():
        for rows in _batches([len(one) for one in ids], _BATCH, np.random.default_rng(0)):
            found = model.vectors(*_padded([ids[row] for row in rows], device)).cpu()
            sums += torch.tensor(truth[rows], dtype=torch.float32).T @ found
    with torch.no_grad():
        model.layer.weight.copy_(torch.nn.functional.normalize(sums, dim=1))
        model.layer.bias.zero_()
    model.train()


def _batches(lengths: Sequence[int], size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Every row in one batch, rows of like length together, batches in no order."""
    order = rng.permutation(len(lengths))
    found = []
    for start in range(0, len(order), size * _SORTED_BATCHES):
        some = order[start : start + size * _SORTED_BATCHES]
        some = some[np.argsort(np.asarray(lengths)[some], kind="stable")]
        found += [some[at : at + size] for at in range(0, len(some), size)]
    for at in rng.permutation(len(found)):
        yield found[at]


def _padded(ids: list[list[int]], device: str) -> tuple[Any, Any]:
    import torch

    longest = max(len(one) for one in ids)
    rows = torch.tensor([one + [0] * (longest - len(one)) for one in ids], device=device)
    mask = torch.tensor([[1] * len(one) + [0] * (longest - len(one)) for one in ids], device=device)
    return rows, mask


def _loss(logits: Any, truth: Any, *, several: bool) -> Any:
    import torch

    if several:
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
    return torch.nn.functional.cross_entropy(logits, truth)


def _share(step: int, steps: int) -> float:
    """Of the learning rate: rising over the first tenth, then falling to nothing."""
    warm = max(1, int(_WARM_UP * steps))
    return (step + 1) / warm if step < warm else (steps - step) / max(1, steps - warm)


def _write(encoder: Any, source: Path, target: Path) -> None:
    from safetensors.torch import save_file

    shutil.copytree(
        source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.safetensors", "*.bin", "*.onnx")
    )
    weights = {name: value.detach().float().cpu().contiguous() for name, value in encoder.state_dict().items()}
    save_file(weights, target / "model.safetensors")

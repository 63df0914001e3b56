"""Fine-tunes an encoder through Ray Train: in the running engine's cluster, the configured one, or one of its own.

Workers train together, one a GPU, or one on CPUs where there is no GPU to be had. Nothing is written but to folders
that go again: the result comes back as a value.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.errors import BeejanError
from engine.settings import Settings
from models.classifier import Tuned
from models.embedder import pinned_source, source_folder
from models.onnx_graph import NotExportable, Precision, check

#: The encoder answers as the embedder does by default (docs/decisions/0026).
_PRECISION: Precision = "int8"


class TuningFailed(BeejanError):
    """Fine-tuning did not come to an end; nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class RayTuner:
    """A models.classifier.Tuner.

    Attributes:
        settings: which model is fine-tuned, the one that embeds complaints, and where.
        epochs: how often each text is seen.
        seed: of the order of texts and of dropout.
    """

    settings: Settings
    epochs: int
    seed: int

    def __call__(
        self, texts: Sequence[str], truth: NDArray[np.bool_], held: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], Tuned]:
        """Train without the rows held out, then with all; scores of those rows by the first, and the second.

        Raises:
            TuningFailed: the model is of another architecture, or a worker failed.
        """
        embed = self.settings.embed
        try:
            check(source_folder(embed.model, embed.revision))
        except NotExportable as error:
            raise TuningFailed(f"{error}; train without fine-tuning") from error
        rest = np.setdiff1d(np.arange(len(texts)), held)
        with _cluster(self.settings) as cpus:
            first, second = self._fit(list(texts), truth, [rest, np.arange(len(texts))], cpus)
        return first.scores([texts[int(row)] for row in held]), second

    def _fit(self, texts: list[str], truth: NDArray[np.bool_], runs: list[NDArray[np.int64]], cpus: int) -> list[Tuned]:
        import ray
        from ray.train import RunConfig, ScalingConfig, TrainingFailedError
        from ray.train.torch import TorchTrainer

        gpus = 0 if self.settings.embed.device == "cpu" else int(ray.available_resources().get("GPU", 0))
        config = {
            "model": self.settings.embed.model, "revision": self.settings.embed.revision, "epochs": self.epochs,
            "seed": self.seed, "data": ray.put((texts, truth)), "runs": runs,
        }  # fmt: skip
        needs = {"CPU": 1, "GPU": 1} if gpus else {"CPU": cpus}
        scaling = ScalingConfig(num_workers=max(1, gpus), use_gpu=gpus > 0, resources_per_worker=needs)
        with tempfile.TemporaryDirectory() as folder:
            where = RunConfig(name="tuning", storage_path=folder)
            trainer = TorchTrainer(_loop, train_loop_config=config, scaling_config=scaling, run_config=where)
            try:
                return list(trainer.fit().return_value)
            except (TrainingFailedError, ray.exceptions.RayError) as error:
                # What a worker says may hold texts.
                raise TuningFailed(
                    f"fine-tuning on {max(1, gpus)} worker(s) failed ({type(error).__name__}); the registry is as it "
                    "was: train again, or without --fine-tune"
                ) from None


def _loop(config: dict[str, Any]) -> list[Tuned]:
    """What each worker does; Ray Train gives back what that of rank 0 returns."""
    import ray
    import ray.train
    from ray.train.torch import get_device, prepare_model

    from models.classifier.tuning import Worker, tune

    context = ray.train.get_context()
    worker = Worker(context.get_world_rank(), context.get_world_size(), str(get_device()), prepare_model)
    texts, truth = ray.get(config["data"])
    found = []
    for rows in config["runs"]:
        with tempfile.TemporaryDirectory() as folder:
            layer = tune(
                source_folder(config["model"], config["revision"]), [texts[row] for row in rows], truth[rows],
                Path(folder), epochs=config["epochs"], seed=config["seed"], worker=worker,
                tell=lambda epoch, loss: ray.train.report({"epoch": epoch, "loss": loss}),
            )  # fmt: skip
            if worker.rank == 0:
                name = pinned_source(config["model"], config["revision"])[1]
                found.append(Tuned.of(Path(folder), f"{name} fine-tuned", _PRECISION, layer.weights, layer.bias))
    return found


@contextmanager
def _cluster(settings: Settings) -> Iterator[int]:
    """Be in a Ray cluster; gives the CPUs that a worker may take: all of one's own, or one beside a stream."""
    from engine.run import runtime
    from engine.run.supervisor import AlreadyRunning, take_lock

    try:
        take_lock(runtime.run_folder(settings.data_dir)).close()
        running = False
    except AlreadyRunning:
        running = True
    with tempfile.TemporaryDirectory(prefix="bj-", dir="/tmp") as folder:
        if running:
            runtime.connect_ray(runtime.load(settings.data_dir)[1])
        else:
            _start(settings, Path(folder))
        import ray

        try:
            own = not running and settings.ray.address is None
            yield max(1, int(ray.cluster_resources().get("CPU", 1))) if own else 1
        finally:
            ray.shutdown()


def _start(settings: Settings, folder: Path) -> None:
    """The configured cluster, or one of this process alone: on loopback, with a token, as Ray listens everywhere."""
    from engine.run import runtime
    from engine.run.ray_head import token_file

    always: dict[str, Any] = {"namespace": runtime.NAMESPACE, "log_to_driver": False, "logging_level": "ERROR"}
    # Ray reads these when it is imported.
    os.environ.update(runtime.RAY_ENVIRONMENT)
    if settings.ray.address is None:
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token_file(folder))}
    import ray

    if settings.ray.address is not None:
        ray.init(address=settings.ray.address, **always)
        return
    ray.init(
        num_cpus=settings.ray.num_cpus, include_dashboard=False, object_store_memory=settings.ray.object_store_bytes,
        _node_ip_address="127.0.0.1", _temp_dir=str(folder), **always,
    )  # fmt: skip

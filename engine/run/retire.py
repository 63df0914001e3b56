"""Take this engine's actors off a Ray cluster that is not its own: `python -m engine.run.retire DATA_DIR`.

An own head node takes them with it; on an existing cluster (`ray.address`) they would stay, the writer with its
lock and the API answering on its old port. It runs when the engine ends, and before it starts, for what one that
was killed left there.
"""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from connectors.errors import BeejanError, Terminal
from engine.registry import job as registry
from engine.run import actors, runtime


class ClusterTaken(Terminal):
    """Another engine has its actors on this Ray cluster."""


def retire(data_dir: Path) -> None:
    """End the API, the embedders and, last, the writer.

    Raises:
        ClusterTaken: they are those of another data folder.
    """
    settings, addresses = runtime.load(data_dir)
    runtime.connect_ray(addresses)
    import ray
    from ray import serve  # after connecting, which sets what Ray reads on import

    owner = _owner()
    if owner and owner != str(settings.data_dir):
        raise ClusterTaken(
            f"the Ray cluster at {addresses.ray_address} already serves the engine on {owner}; end that one, or give "
            "this one another cluster (ray.address)"
        )
    with contextlib.suppress(ray.exceptions.RayError):  # no Serve runs there, as after `beejan run --once`
        serve.shutdown()
    actors.end_embedders()
    for name in (registry.NAME, actors.WRITER):
        with contextlib.suppress(ValueError):  # it is not there
            ray.kill(ray.get_actor(name, namespace=runtime.NAMESPACE), no_restart=True)


def _owner() -> str | None:
    """The data folder of the engine whose writer is on this cluster."""
    import ray

    try:
        writer = ray.get_actor(actors.WRITER, namespace=runtime.NAMESPACE)
        owner: str = ray.get(writer.owner.remote(), timeout=30)
    except (ValueError, ray.exceptions.RayError):
        return None
    return owner


def main() -> None:
    """Parse the arguments and retire."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    try:
        retire(parser.parse_args().data_dir)
    except BeejanError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()

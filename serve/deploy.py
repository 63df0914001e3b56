"""Deploy the API on Ray Serve: `python -m serve.deploy DATA_DIR`; ends when it answers."""

from __future__ import annotations

import argparse
import logging
from datetime import UTC, datetime
from pathlib import Path

from connectors.nats_server import write_private
from engine.govern.api_keys import key_hash, key_id_of, new_key
from engine.govern.crypto import load_keys
from engine.run import actors, runtime
from engine.settings import Settings

APP = "beejan"

#: How often Serve's start is tried.
_TRIES = 3


def deploy(data_dir: Path) -> None:
    """Start Serve, make sure of an admin key, and run the application."""
    settings, addresses = runtime.load(data_dir)
    runtime.connect_ray(addresses)
    from ray import serve  # after connecting, which sets what Ray reads on import
    from ray.exceptions import RayActorError

    actors.ensure(settings)
    ensure_admin_key(settings)
    for left in reversed(range(_TRIES)):
        try:
            serve.start(
                http_options={"host": settings.serve.host, "port": addresses.http_port, "request_timeout_s": None},
                proxy_location="HeadOnly",
                logging_config={"encoding": "TEXT", "log_level": "WARNING", "enable_access_log": False},
            )
            break
        except RayActorError:  # Serve has replaced a proxy that was slow, while we waited for it
            if not left:
                raise

    deployment = serve.deployment(
        name="api", num_replicas=1, ray_actor_options={"num_cpus": 0}, max_ongoing_requests=256
    )(serve.ingress(_builder(data_dir))())
    serve.run(deployment.bind(), name=APP, route_prefix="/")


def _builder(data_dir: Path) -> object:
    def build() -> object:
        from serve.app import create_app

        return create_app(data_dir)

    return build


def ensure_admin_key(settings: Settings) -> None:
    """`<data>/keys/admin.key` holds a key that works; the first is made here."""
    load_keys(settings.data_dir / "keys")
    path = settings.data_dir / "keys" / "admin.key"
    known = {row["key_id"]: row for row in actors.writer_call("keys", limit_s=180)}
    if path.exists():
        key = path.read_text().strip()
        row = known.get(key_id_of(key) or "")
        if row and row["key_hash"] == key_hash(key) and not row["revoked_at"]:
            return
    key_id, key = new_key()
    row = {"key_id": key_id, "name": "first admin", "role": "admin", "key_hash": key_hash(key)}
    actors.writer_call("put_key", row | {"created_at": datetime.now(UTC), "revoked_at": None})
    write_private(path, key)


def main() -> None:
    """Parse the arguments and deploy."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    deploy(parser.parse_args().data_dir)


if __name__ == "__main__":
    main()

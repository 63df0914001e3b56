"""The way from a command to a running engine: its URL, a key, and errors in plain words."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from connectors.errors import BeejanError, Transient
from engine.cli.output import NotFound, Refused
from engine.settings import load_settings

log = logging.getLogger("beejan.client")

#: How long a request waits that the engine has put off, s.
_BUSY_PATIENCE_S = 6 * 3600.0


class EngineAway(Transient):
    """No engine answers."""


class EngineBusy(Transient):
    """The engine takes no complaints for now; send again after `retry_after_s`."""

    def __init__(self, detail: str, retry_after_s: float = 5.0) -> None:
        super().__init__(detail, retry_after_s)
        self.detail, self.retry_after_s = detail, retry_after_s

    def __str__(self) -> str:
        return self.detail


@dataclass(frozen=True, slots=True)
class Target:
    """An engine's address and a key to it."""

    url: str
    key: str


def find(config: Path | None = None, data_dir: Path | None = None) -> Target:
    """The engine to talk to: `BEEJAN_URL` and `BEEJAN_KEY`, else `<data>/engine.json`.

    Raises:
        EngineAway: neither is there.
    """
    url, key = os.environ.get("BEEJAN_URL"), os.environ.get("BEEJAN_KEY")
    if url and data_dir is None:
        return Target(url.rstrip("/"), key or "")
    settings = load_settings(config, data_dir=data_dir)
    path = settings.data_dir / "engine.json"
    try:
        values = json.loads(path.read_text())
        return Target(values["url"], key or values["admin_key"])
    except FileNotFoundError:
        raise EngineAway(
            f"no engine runs on {settings.data_dir} ({path.name} is not there); start one with `beejan up --detach`, "
            "or set BEEJAN_URL and BEEJAN_KEY"
        ) from None
    except (OSError, ValueError, KeyError) as error:
        raise BeejanError(f"{path}: cannot be read ({type(error).__name__}); `beejan up` writes it anew") from error


class Client:
    """Calls to one engine's API.

    Args:
        target: where it is; asked anew on each retry, since a restart may change the port.
    """

    def __init__(self, config: Path | None = None, data_dir: Path | None = None) -> None:
        self._where = (config, data_dir)
        self.target = find(config, data_dir)
        self._http = httpx.Client(timeout=httpx.Timeout(60, connect=5))

    @property
    def local(self) -> bool:
        """Whether the engine was found through its data folder on this host."""
        return not (os.environ.get("BEEJAN_URL") and self._where[1] is None)

    def get(self, path: str, **params: Any) -> Any:
        """GET as JSON."""
        return self._call("GET", path, params={k: v for k, v in params.items() if v not in (None, [], "")})

    def post(self, path: str, body: Any, *, patience_s: float = 0, limit_s: float = 60) -> Any:
        """POST JSON; a request that is safe to repeat may be tried again for `patience_s`.

        Where the engine asks to wait (429), it is waited for as it says, for hours. An answer is waited for `limit_s`.
        """
        began, pause = time.monotonic(), 0.2
        deadline, told = began + patience_s, False
        while True:
            try:
                return self._call("POST", path, json=body, timeout=httpx.Timeout(limit_s, connect=5))
            except EngineBusy as busy:
                if not patience_s or time.monotonic() + busy.retry_after_s - began > _BUSY_PATIENCE_S:
                    raise
                if not told:
                    log.warning("waiting: %s", busy)
                told = True
                time.sleep(busy.retry_after_s)
                deadline = time.monotonic() + patience_s
            except Transient:
                if time.monotonic() + pause > deadline:
                    raise
                time.sleep(pause)
                pause = min(2.0, pause * 1.6)
                self._look_again()

    def delete(self, path: str) -> Any:
        """DELETE as JSON."""
        return self._call("DELETE", path)

    def download(self, path: str, target: Path) -> None:
        """GET a file; `target` is there as a whole or not at all."""
        headers = {"Authorization": f"Bearer {self.target.key}"} if self.target.key else {}
        beside = target.with_name(f"{target.name}.part")
        try:
            found = self._http.stream("GET", self.target.url + path, headers=headers)
            with found as response, beside.open("wb") as file:
                if not response.is_success:
                    response.read()
                    raise _error(response, self.target.url)
                for chunk in response.iter_bytes():
                    file.write(chunk)
            beside.replace(target)
        except httpx.HTTPError as error:
            raise EngineAway(f"engine at {self.target.url}: the download broke ({type(error).__name__})") from error
        except OSError as error:
            raise BeejanError(f"{target}: cannot be written ({error.strerror})") from error
        finally:
            beside.unlink(missing_ok=True)

    def _look_again(self) -> None:
        try:
            self.target = find(*self._where)
        except BeejanError:
            return

    def _call(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.target.key}"} if self.target.key else {}
        try:
            response = self._http.request(method, self.target.url + path, headers=headers, **options)
        except httpx.HTTPError as error:
            raise EngineAway(
                f"engine at {self.target.url}: {type(error).__name__}; is it running? See `beejan status`"
            ) from error
        if response.is_success:
            return response.json()
        raise _error(response, self.target.url)

    def events(self, path: str, last_id: int | None) -> Iterator[tuple[int, Any]]:
        """Server-sent events as (id, data), for ever.

        Raises:
            EngineAway: the connection broke; go on from the last id.
        """
        headers = {"Authorization": f"Bearer {self.target.key}"}
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        try:
            with self._http.stream("GET", self.target.url + path, headers=headers, timeout=None) as response:
                if not response.is_success:
                    response.read()
                    raise _error(response, self.target.url)
                number = 0
                for line in response.iter_lines():
                    if line.startswith("id:"):
                        number = int(line[3:])
                    elif line.startswith("data:"):
                        yield number, json.loads(line[5:])
        except httpx.HTTPError as error:
            raise EngineAway(f"engine at {self.target.url}: the connection broke ({type(error).__name__})") from error


def _error(response: httpx.Response, url: str) -> BeejanError:
    try:
        detail = str(response.json().get("detail"))
    except (ValueError, AttributeError):
        detail = f"HTTP {response.status_code} from {url}"
    if response.status_code == 404 and "problem+json" not in response.headers.get("content-type", ""):
        # Ray Serve's proxy, before it knows the API's routes.
        return EngineAway(f"engine at {url}: the API is being started again; see `beejan status`")
    match response.status_code:
        case 401 | 403 | 409 | 413:
            return Refused(detail)
        case 404:
            return NotFound(detail)
        case 429:
            return EngineBusy(detail, _seconds(response.headers.get("retry-after")))
        case 502 | 503 | 504:
            return EngineAway(detail)
        case _:
            return BeejanError(detail)


def _seconds(given: str | None) -> float:
    """Retry-After as our API gives it, in whole seconds."""
    return max(1.0, float(given)) if given and given.isdigit() else 5.0

"""What the console shows of models, and does with them, from the functions behind the API's endpoints."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from engine.govern.api_keys import Principal
from serve import models
from serve.problems import Problem
from serve.services import Services


class ModelViews:
    """See serve.console.model_pages.ModelBackend; `_services` gives the replica's services."""

    _services: Callable[[], Services]

    async def models(self) -> dict[str, Any]:
        """Versions with their roles, and how far scoring again is.

        Raises:
            ValueError: the registry cannot be read.
        """
        with _readable():
            found = await models.told(models.listed, self._services())
            return found | {"state": await asyncio.to_thread(models.state, self._services())}

    async def model(self, name: str, version: str) -> dict[str, Any]:
        """One version.

        Raises:
            LookupError: there is no such version.
            ValueError: its manifest cannot be read.
        """
        with _readable():
            return await models.told(models.one, self._services(), name, version)

    async def model_compared(self, name: str, version: str) -> dict[str, Any]:
        """The report against the champion, on the audit's labels.

        Raises:
            LookupError: there is no such version.
            ValueError: one of the two cannot be used.
        """
        with _readable():
            wanted = models.Comparison(labelled=None)
            return await models.told(models.compared, self._services(), name, version, wanted)

    async def model_promote(self, user: Principal, name: str, version: str, force: bool, reason: str) -> None:
        """Make a version the champion.

        Raises:
            LookupError: there is no such version.
            ValueError: nothing shows that it is better.
        """
        with _readable():
            wanted = models.Promotion(labelled=None, force=force, reason=reason[:2000])
            await models.told(models.promoted, self._services(), name, version, wanted, user)

    async def model_challenge(self, user: Principal, name: str, version: str) -> None:
        """Make a version the challenger.

        Raises:
            LookupError: there is no such version, or it is the champion.
        """
        with _readable():
            await models.told(models.challenged, self._services(), name, version, user)

    async def model_rollback(self, user: Principal, name: str, reason: str) -> None:
        """Make the champion before the champion again.

        Raises:
            LookupError: there was none before.
        """
        with _readable():
            await models.told(models.rolled_back, self._services(), name, reason[:2000], user)


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """What an endpoint would refuse, as an error with a message for the reader."""
    try:
        yield
    except Problem as error:
        raise (LookupError if error.status == 404 else ValueError)(error.detail) from error

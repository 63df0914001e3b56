"""Who may do what: bearer keys and console sessions to roles."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import Request

from engine.govern.api_keys import Principal
from serve.problems import Problem
from serve.services import Services

COOKIE = "beejan_session"


def services(request: Request) -> Services:
    """The replica's services."""
    found: Services = request.app.state.services
    return found


def require(*roles: str) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency: the caller has one of `roles`, or is admin.

    Raises:
        Problem: 401 without a valid key, 403 with one of another role.
    """

    async def check(request: Request) -> Principal:
        principal = await _identify(request)
        if principal is None:
            raise Problem(
                401,
                "no valid key; send Authorization: Bearer <key>. `beejan keys create` makes one",
                {"WWW-Authenticate": "Bearer"},
            )
        if not principal.may(*roles):
            raise Problem(403, f"role {principal.role} may not do this; it needs {' or '.join((*roles, 'admin'))}")
        return principal

    return check


async def _identify(request: Request) -> Principal | None:
    keyring = services(request).keyring
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await asyncio.to_thread(keyring.check, key.strip())
    session = request.cookies.get(COOKIE)
    # The cookie reads only: a forged POST from another site cannot use it.
    if session and request.method == "GET":
        return await asyncio.to_thread(keyring.resume, session)
    return None


def require_unless_loopback(*roles: str) -> Callable[[Request], Awaitable[None]]:
    """A dependency: free while the API listens on loopback alone, else as `require`."""
    check = require(*roles)

    async def guard(request: Request) -> None:
        if services(request).settings.serve.host not in ("127.0.0.1", "localhost", "::1"):
            await check(request)

    return guard

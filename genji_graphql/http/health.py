"""The probes of an operator: is the process alive, and is it ready for requests."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from genji_graphql.http.errors import describe

Check = Callable[[], Awaitable[str | None]]
"""None when everything stands, else the reason why not, in a sentence that may be shown to anyone."""

PATIENCE = 5.0
_NO_STORE = {"Cache-Control": "no-store"}


def health_routes(check: Check) -> list[Route]:
    async def ready(_request: Request) -> Response:
        reason = await _reason(check)
        if reason is None:
            return JSONResponse({"status": "ok"}, headers=_NO_STORE)
        return JSONResponse({"status": "unavailable", "reason": reason}, 503, _NO_STORE)

    return [Route("/health", _alive), Route("/ready", ready)]


async def _alive(_request: Request) -> Response:
    return JSONResponse({"status": "ok"}, headers=_NO_STORE)


async def _reason(check: Check) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await check()
    except TimeoutError:
        return "The database doesn't answer."
    except Exception as fault:  # noqa: BLE001 - whatever it is, we aren't ready, and a probe wants an answer
        return describe(fault)["message"]

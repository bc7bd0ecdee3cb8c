"""The probes: alive whatever happens, ready only when everything stands."""

import asyncio

import httpx2
import pytest
from starlette.applications import Starlette

from genji_graphql.errors import Unavailable
from genji_graphql.http import health


async def ready() -> str | None:
    return None


async def behind() -> str | None:
    return "The database is 2 migrations behind."


async def away() -> str | None:
    raise ConnectionRefusedError(111, "Connect call failed ('10.0.0.5', 5432)")


async def unavailable() -> str | None:
    raise Unavailable("The database isn't migrated.")


async def broken() -> str | None:
    raise RuntimeError("10.0.0.5")


async def hanging() -> str | None:
    await asyncio.Event().wait()
    return None


async def probe(path: str, check: health.Check) -> httpx2.Response:
    transport = httpx2.ASGITransport(Starlette(routes=health.health_routes(check)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://genji") as client:
        response = await client.get(path)
    assert response.headers["Cache-Control"] == "no-store"
    return response


@pytest.mark.parametrize("check", [ready, behind, away, broken])
async def test_the_process_is_alive_whatever_the_database_does(check: health.Check) -> None:
    response = await probe("/health", check)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_it_is_ready_when_the_check_finds_nothing() -> None:
    response = await probe("/ready", ready)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (behind, "The database is 2 migrations behind."),
        (unavailable, "The database isn't migrated."),
        (away, "The database can't be reached at the moment."),
    ],
)
async def test_it_says_in_plain_words_why_it_is_not_ready(check: health.Check, reason: str) -> None:
    response = await probe("/ready", check)
    assert (response.status_code, response.json()) == (503, {"status": "unavailable", "reason": reason})


async def test_a_check_that_fails_tells_nothing_it_should_not() -> None:
    response = await probe("/ready", broken)
    assert response.status_code == 503
    assert "10.0.0.5" not in response.text


async def test_a_database_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.01)
    response = await probe("/ready", hanging)
    assert (response.status_code, response.json()["reason"]) == (503, "The database doesn't answer.")


def test_both_are_served(client: httpx2.Client) -> None:
    assert client.get("/health").json() == client.get("/ready").json() == {"status": "ok"}

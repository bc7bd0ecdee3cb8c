"""Tokens for programs: made and revoked by their owner at a browser, and shown once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql import models
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.database import reading_sessions
from genji_graphql.identity.viewer import viewer_of
from genji_graphql.reads.ids import global_id
from tests.service import Service
from tests.world import World

CREATE = """
mutation ($input: CreateAccessTokenInput!) {
  createAccessToken(input: $input) { accessTokenId token expiresAt errors { code field } }
}
"""
REVOKE = """
mutation ($input: RevokeAccessTokenInput!) {
  revokeAccessToken(input: $input) { revokedAccessTokenId errors { code field } }
}
"""


async def stored(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        return list((await connection.execute(select(models.AccessToken.__table__))).all())


async def refused(service: Service, mutation: str, viewer: Viewer, engine: AsyncEngine, **given: Any) -> Any:
    """The code and field of the one error of a mutation that changed nothing."""
    before = await stored(engine)
    (payload,) = (await service.ask(mutation, {"input": given}, viewer=viewer)).values()
    (error,) = payload.pop("errors")
    assert set(payload.values()) == {None}
    assert await stored(engine) == before
    return error["code"], error["field"]


async def signed_in(world: World, username: str | None = None) -> Viewer:
    person = await world.person(username)
    row = models.UserSession(
        user_id=person.id, token_hash=str(person.id).encode(), expires_at=datetime.now(UTC) + timedelta(days=1)
    )
    return Viewer(user_id=person.id, session_id=(await world.add(row)).id)


@pytest.fixture
async def at_a_browser(world: World) -> Viewer:
    return await signed_in(world, "murasaki")


async def test_a_token_is_shown_once_and_works_until_it_is_revoked(
    service: Service, at_a_browser: Viewer, engine: AsyncEngine
) -> None:
    given = {"name": "My script", "scopes": ["WRITE", "READ"], "expiresAt": "2100-01-01T00:00:00Z"}
    made = (await service.ask(CREATE, {"input": given}, viewer=at_a_browser))["createAccessToken"]
    assert made["errors"] == []
    assert made["expiresAt"] == "2100-01-01T00:00:00+00:00"
    (row,) = await stored(engine)
    assert made["accessTokenId"] == global_id("AccessToken", row.id)
    assert made["token"] not in repr(row)
    assert row.scopes == ["read", "write"]
    async with reading_sessions(engine)() as session:
        assert (await viewer_of(session, made["token"])).user_id == at_a_browser.user_id

    given = {"id": made["accessTokenId"]}
    revoked = (await service.ask(REVOKE, {"input": given}, viewer=at_a_browser))["revokeAccessToken"]

    assert revoked == {"revokedAccessTokenId": made["accessTokenId"], "errors": []}
    async with reading_sessions(engine)() as session:
        assert await viewer_of(session, made["token"]) == ANONYMOUS
    assert await refused(service, REVOKE, at_a_browser, engine, **given) == ("NOT_FOUND", "id")


async def test_people_see_what_they_made_and_nobody_elses(
    service: Service, at_a_browser: Viewer, world: World, engine: AsyncEngine
) -> None:
    for given in ({"name": "Backup", "scopes": ["READ"]}, {"name": "Import", "scopes": ["READ", "WRITE"]}):
        await service.ask(CREATE, {"input": given}, viewer=at_a_browser)
    listed = "{ accessTokens { id name scopes createdAt expiresAt lastUsedAt } }"

    tokens = (await service.ask(listed, viewer=at_a_browser))["accessTokens"]

    assert [(token["name"], token["scopes"]) for token in tokens] == [
        ("Import", ["READ", "WRITE"]),
        ("Backup", ["READ"]),
    ]
    assert {token["id"] for token in tokens} == {global_id("AccessToken", row.id) for row in await stored(engine)}
    stranger = Viewer(user_id=(await world.person()).id, session_id=2, is_administrator=True)
    for viewer in (stranger, ANONYMOUS):
        assert await service.ask(listed, viewer=viewer) == {"accessTokens": []}


async def test_a_token_makes_and_revokes_no_other(service: Service, at_a_browser: Viewer, engine: AsyncEngine) -> None:
    made = await service.ask(CREATE, {"input": {"name": "First", "scopes": ["ADMINISTER"]}}, viewer=at_a_browser)
    async with reading_sessions(engine)() as session:
        program = await viewer_of(session, made["createAccessToken"]["token"])

    for viewer in (program, ANONYMOUS):
        denied = await refused(service, CREATE, viewer, engine, name="Second", scopes=["ADMINISTER"])
        assert denied == ("FORBIDDEN", None)
        denied = await refused(service, REVOKE, viewer, engine, id=made["createAccessToken"]["accessTokenId"])
        assert denied == ("FORBIDDEN", None)


async def test_anothers_token_is_not_found(
    service: Service, at_a_browser: Viewer, world: World, engine: AsyncEngine
) -> None:
    made = await service.ask(CREATE, {"input": {"name": "Mine", "scopes": ["READ"]}}, viewer=at_a_browser)
    stranger = await signed_in(world)

    costs = set()
    for token_id in (made["createAccessToken"]["accessTokenId"], global_id("AccessToken", 999)):
        assert await refused(service, REVOKE, stranger, engine, id=token_id) == ("NOT_FOUND", "id")
        costs.add(len(service.statements))
    assert len(costs) == 1
    assert await refused(service, REVOKE, stranger, engine, id="x") == ("NOT_FOUND", "id")


@pytest.mark.parametrize(
    ("given", "denied"),
    [
        ({"name": " "}, ("TOO_SHORT", "name")),
        ({"name": "x" * 101}, ("TOO_LONG", "name")),
        ({"scopes": []}, ("INVALID", "scopes")),
        ({"expiresAt": "2001-01-01T00:00:00Z"}, ("INVALID", "expiresAt")),
    ],
)
async def test_a_token_that_is_not_one_is_not_made(
    service: Service, at_a_browser: Viewer, engine: AsyncEngine, given: dict[str, Any], denied: tuple[str, str]
) -> None:
    plain = {"name": "Mine", "scopes": ["READ"]}
    assert await refused(service, CREATE, at_a_browser, engine, **plain | given) == denied

"""Signing in and out over GraphQL, as a browser with its cookie and as a program with its token."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from genji_graphql.app import create_app
from genji_graphql.settings import Settings

OURS = {"Origin": "http://127.0.0.1:8000"}
PASSWORD = "Under-the-wisteria-7"

REGISTER = """
mutation($input: RegisterInput!) { register(input: $input) {
  isAdministrator user { username } errors { __typename message code field } } }
"""
SIGN_IN = """
mutation($input: SignInInput!) { signIn(input: $input) {
  viewer { username email } token expiresAt errors { __typename message code field } } }
"""
SIGN_OUT = "mutation { signOut(input: {}) { errors { __typename message } } }"
WHO = "{ viewer { username } }"


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser at our own page: it keeps cookies and says where it is."""
    app = create_app(settings)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8000", headers=OURS
    ) as client:
        yield client
    await app.state.close()


async def ask(client: httpx2.AsyncClient, query: str, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    body = {"query": query, "variables": {"input": fields}}
    response = await client.post("/graphql", json=body, headers=headers)
    answer = response.json()
    assert "errors" not in answer, answer
    return next(iter(answer["data"].values()))


async def register(client: httpx2.AsyncClient, who: str, **fields: str) -> Any:
    return await ask(
        client, REGISTER, None, **{"username": who, "email": f"{who}@example.org", "password": PASSWORD} | fields
    )


async def test_the_first_who_registers_is_administrator_and_the_next_is_not(client: httpx2.AsyncClient) -> None:
    first, second = await register(client, "murasaki"), await register(client, "akashi")

    assert (first["isAdministrator"], first["errors"]) == (True, [])
    assert (second["isAdministrator"], second["errors"]) == (False, [])


async def test_a_browser_is_signed_in_by_a_cookie_that_scripts_cannot_read(client: httpx2.AsyncClient) -> None:
    await register(client, "murasaki")
    response = await client.post(
        "/graphql", json={"query": SIGN_IN, "variables": {"input": {"login": "murasaki", "password": PASSWORD}}}
    )

    signed_in = response.json()["data"]["signIn"]
    assert signed_in["viewer"] == {"username": "murasaki", "email": "murasaki@example.org"}
    assert signed_in["token"] is None
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert await ask(client, WHO) == {"username": "murasaki"}


async def test_signing_out_ends_the_session_itself_and_not_only_the_cookie(client: httpx2.AsyncClient) -> None:
    await register(client, "murasaki")
    await ask(client, SIGN_IN, login="murasaki", password=PASSWORD)
    kept = dict(client.cookies)

    assert (await ask(client, SIGN_OUT))["errors"] == []
    assert await ask(client, WHO) is None
    client.cookies.update(kept)
    assert await ask(client, WHO) is None


async def test_a_program_gets_its_token_once_and_is_known_by_it(client: httpx2.AsyncClient) -> None:
    await register(client, "murasaki")
    del client.headers["Origin"]

    signed_in = await ask(client, SIGN_IN, login="murasaki@example.org", password=PASSWORD)

    assert not client.cookies
    bearer = {"Authorization": f"Bearer {signed_in['token']}"}
    assert await ask(client, WHO, bearer) == {"username": "murasaki"}
    assert await ask(client, WHO) is None


@pytest.mark.parametrize("login", ["murasaki", "nobody", "nobody@example.org", "x" * 500])
async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(client: httpx2.AsyncClient, login: str) -> None:
    await register(client, "murasaki")

    refused = await ask(client, SIGN_IN, login=login, password="Wrong-password-1")

    assert refused["viewer"] is None
    (error,) = refused["errors"]
    assert "set-cookie" not in refused
    assert (
        error["message"]
        == (await ask(client, SIGN_IN, login="someone", password="Wrong-password-1"))["errors"][0]["message"]
    )
    assert await ask(client, WHO) is None


async def test_a_cookie_from_another_sites_page_is_refused(client: httpx2.AsyncClient) -> None:
    await register(client, "murasaki")
    await ask(client, SIGN_IN, login="murasaki", password=PASSWORD)

    response = await client.post("/graphql", json={"query": SIGN_OUT}, headers={"Origin": "https://evil.example"})

    assert response.status_code == 403
    assert await ask(client, WHO) == {"username": "murasaki"}


async def test_whoever_is_not_signed_in_is_told_so_and_nothing_changes(client: httpx2.AsyncClient) -> None:
    (error,) = (await ask(client, SIGN_OUT))["errors"]

    assert error == {"__typename": "PermissionDenied", "message": "Sign in to do this."}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "ab"),
        ("username", "MURASAKI"),
        ("username", "ｍｕｒａｓａｋｉ"),
        ("email", "Murasaki@example.org"),
        ("email", "nowhere"),
        ("password", "short1A"),
        ("password", "あ" * 24 + "Aa1"),
        ("username", "a\u0000bc"),
    ],
)
async def test_a_form_that_cannot_be_taken_names_its_field(client: httpx2.AsyncClient, field: str, value: str) -> None:
    await register(client, "murasaki")

    refused = await register(client, "akashi", **{field: value})

    assert refused["user"] is None
    (error,) = refused["errors"]
    assert (error["__typename"], error["field"]) == ("ValidationError", field)
    signed_in = await ask(client, SIGN_IN, login="akashi@example.org", password=PASSWORD)
    assert signed_in["viewer"] is None

"""Tokens in requests: the header, the cookie, whose pages may send it, and what is never logged."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError
from starlette.requests import HTTPConnection
from starlette.responses import Response

from genji_graphql.app import create_app
from genji_graphql.http.credentials import Credentials
from genji_graphql.identity.tokens import Issued
from genji_graphql.settings import Settings
from tests.identity.conftest import Site

SITE = "https://genji.example.org"
READER = "https://reader.example.org"
QUERY = {"query": "{ viewer { username } }"}
NOBODY = {"viewer": None}
MURASAKI = {"viewer": {"username": "murasaki"}}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"base_url": SITE, "cors_origins": (READER,)})


@pytest.fixture
async def http(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(settings)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=SITE) as client:
        yield client
    await app.state.close()


@pytest.fixture
async def issued(site: Site) -> Issued:
    await site.register()
    return await site.sign_in("murasaki")


def cookie(issued: Issued) -> dict[str, str]:
    return {"Cookie": f"__Host-genji={issued.token}"}


async def post(http: httpx2.AsyncClient, **headers: str) -> httpx2.Response:
    return await http.post(
        "/graphql", json=QUERY, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


# The header


async def test_a_token_in_the_header_says_who_is_asking(http: httpx2.AsyncClient, site: Site, issued: Issued) -> None:
    access = await site.access_token(issued.user_id)

    for token in (issued.token, access.token):
        for scheme in ("Bearer", "bearer"):
            assert (await post(http, Authorization=f"{scheme} {token}")).json()["data"] == MURASAKI


async def test_a_token_in_the_header_needs_no_origin(http: httpx2.AsyncClient, issued: Issued) -> None:
    answer = await post(http, Authorization=f"Bearer {issued.token}", Origin="https://elsewhere.example.org")

    assert answer.json()["data"] == MURASAKI


@pytest.mark.parametrize("token", ["x", "x" * 5_000, "\xff\xfe"])
async def test_a_program_whose_token_is_wrong_is_told(http: httpx2.AsyncClient, issued: Issued, token: str) -> None:
    answer = await http.post(
        "/graphql", json=QUERY, headers={b"Authorization": b"Bearer " + token.encode("latin-1"), **cookie_bytes(issued)}
    )

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert list(answer.json()) == ["errors"]


def cookie_bytes(issued: Issued) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in cookie(issued).items()}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic Z2Vuamk6eA==", "Negotiate x"])
async def test_a_header_for_somebody_else_leaves_the_cookie_in_force(
    http: httpx2.AsyncClient, issued: Issued, header: str
) -> None:
    answer = await post(http, Authorization=header, Origin=SITE, **cookie(issued))

    assert answer.json()["data"] == MURASAKI


# The cookie


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": SITE},
        {"Origin": READER},
        {"Origin": SITE, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin"},
        {"GraphQL-Require-Preflight": "1"},
        {"X-Requested-With": "XMLHttpRequest"},
    ],
)
async def test_our_own_pages_are_believed_by_their_cookie(
    http: httpx2.AsyncClient, issued: Issued, headers: dict[str, str]
) -> None:
    assert (await post(http, **headers, **cookie(issued))).json()["data"] == MURASAKI


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "https://elsewhere.example.org"},
        {"Origin": "http://genji.example.org"},
        {"Origin": "https://genji.example.org:8443"},
        {"Origin": "https://genji.example.org.evil.example"},
        {"Origin": "https://evil-genji.example.org"},
        {"Origin": f"{SITE}/"},
        {"Origin": "https://elsewhere.example.org", "X-Requested-With": "XMLHttpRequest"},
        {"Origin": "https://elsewhere.example.org", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "GraphQL-Require-Preflight": "1"},
        {"Referer": f"{SITE}/graphql"},
        {"Host": "elsewhere.example.org", "Origin": "http://elsewhere.example.org"},
    ],
)
async def test_a_page_of_another_site_is_not(http: httpx2.AsyncClient, issued: Issued, headers: dict[str, str]) -> None:
    answer = await post(http, **headers, **cookie(issued))

    assert answer.status_code == 403
    assert list(answer.json()) == ["errors"]
    assert "GENJI_BASE_URL" in answer.text


async def test_a_page_slipped_in_by_plain_http_is_not_ours_behind_a_proxy_that_speaks_it(
    http: httpx2.AsyncClient, issued: Issued
) -> None:
    http.base_url = httpx2.URL(SITE.replace("https", "http"))

    assert (await post(http, Origin=SITE.replace("https", "http"), **cookie(issued))).status_code == 403
    assert (await post(http, Origin=SITE, **cookie(issued))).json()["data"] == MURASAKI


async def test_reading_by_get_needs_no_origin_since_nothing_can_be_changed_by_it(
    http: httpx2.AsyncClient, issued: Issued
) -> None:
    answer = await http.get("/graphql", params=QUERY, headers=cookie(issued))
    assert answer.json()["data"] == MURASAKI

    change = await http.get("/graphql", params={"query": "mutation { __typename }"}, headers=cookie(issued))
    assert change.status_code != 200


async def test_a_browser_whose_session_has_ended_is_nobody(
    http: httpx2.AsyncClient, site: Site, issued: Issued
) -> None:
    await site.deactivate(issued.user_id)

    assert (await post(http, Origin=SITE, **cookie(issued))).json()["data"] == NOBODY
    assert (await post(http, Origin=SITE)).json()["data"] == NOBODY


async def test_the_plain_cookie_is_not_taken_on_a_secure_site(http: httpx2.AsyncClient, issued: Issued) -> None:
    """Another host of the domain could have set it."""
    assert (await post(http, Origin=SITE, Cookie=f"genji={issued.token}")).json()["data"] == NOBODY


async def test_a_developer_is_believed_at_whatever_port(settings: Settings, issued: Issued) -> None:
    app = create_app(settings.model_copy(update={"base_url": "http://127.0.0.1:8000"}))
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:4711") as client:
        plain = {"Cookie": f"genji={issued.token}"}
        assert (await post(client, Origin="http://127.0.0.1:4711", **plain)).json()["data"] == MURASAKI
        assert (await post(client, Origin="http://127.0.0.1:8000", **plain)).json()["data"] == MURASAKI
        assert (await post(client, Origin="http://127.0.0.1:4712", **plain)).status_code == 403
    await app.state.close()


def connection(kind: str, **headers: str) -> HTTPConnection:
    scope: dict[str, Any] = {
        "type": kind,
        "scheme": "wss" if kind == "websocket" else "https",
        "path": "/graphql",
        "query_string": b"",
        "server": ("genji.example.org", 443),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    return HTTPConnection(scope)


def test_a_web_socket_is_held_to_the_same(settings: Settings) -> None:
    credentials = Credentials(settings)

    assert credentials.is_from_our_pages(connection("websocket", Origin=SITE, Host="genji.example.org"))
    assert not credentials.is_from_our_pages(connection("websocket", Origin="https://elsewhere.example.org"))
    assert not credentials.is_from_our_pages(connection("websocket"))


def kept(settings: Settings) -> tuple[str, Any]:
    response = Response()
    Credentials(settings).keep(response, "token", datetime.now(UTC) + timedelta(days=1))
    ((name, morsel),) = SimpleCookie(response.headers["set-cookie"]).items()
    return name, morsel


def test_the_cookie_is_for_this_host_by_tls_and_not_for_scripts(settings: Settings) -> None:
    name, morsel = kept(settings)

    assert (name, morsel.value) == ("__Host-genji", "token")
    assert (morsel["path"], morsel["domain"], morsel["samesite"]) == ("/", "", "lax")
    assert morsel["secure"]
    assert morsel["httponly"]
    assert 0 < int(morsel["max-age"]) <= 86_400


def test_on_a_developers_machine_the_cookie_goes_without_tls(settings: Settings) -> None:
    name, morsel = kept(settings.model_copy(update={"base_url": "http://localhost:8000"}))

    assert (name, morsel["secure"], morsel["httponly"]) == ("genji", "", True)


def test_a_cookie_is_forgotten_as_it_was_kept(settings: Settings) -> None:
    response = Response()
    Credentials(settings).forget(response)

    ((name, morsel),) = SimpleCookie(response.headers["set-cookie"]).items()
    assert (name, morsel.value, morsel["max-age"], morsel["path"]) == ("__Host-genji", "", "0", "/")
    assert morsel["secure"]


# Other sites


async def preflight(http: httpx2.AsyncClient, origin: str) -> httpx2.Response:
    return await http.options(
        "/graphql",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, graphql-require-preflight",
        },
    )


async def test_a_listed_site_may_ask(http: httpx2.AsyncClient, issued: Issued) -> None:
    asked = await preflight(http, READER)
    answer = await post(http, Origin=READER, **cookie(issued))

    assert asked.status_code == 200
    for response in (asked, answer):
        assert response.headers["Access-Control-Allow-Origin"] == READER
        assert response.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in response.headers["Vary"]


async def test_a_cache_is_told_that_another_origin_is_given_another_answer(http: httpx2.AsyncClient) -> None:
    assert (await post(http)).headers["Vary"] == "Accept, Origin"


@pytest.mark.parametrize(
    "origin", ["https://elsewhere.example.org", "null", f"{READER}.evil.example", "http://reader.example.org"]
)
async def test_any_other_site_may_not(http: httpx2.AsyncClient, origin: str) -> None:
    asked, answer = await preflight(http, origin), await post(http, Origin=origin)

    assert asked.status_code == 400
    for response in (asked, answer):
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_no_token_is_logged(http: httpx2.AsyncClient, issued: Issued, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    await post(http, Authorization=f"Bearer {issued.token}")
    await post(http, Origin=SITE, **cookie(issued))
    await post(http, Origin="https://elsewhere.example.org", **cookie(issued))
    await post(http, Authorization="Bearer wrong-token")

    assert issued.token not in caplog.text
    assert "wrong-token" not in caplog.text
    found = Credentials(Settings(base_url=SITE)).of(connection("http", Authorization=f"Bearer {issued.token}"))
    assert issued.token not in repr(found)


# Settings


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://Genji.example.org/", "https://genji.example.org"),
        ("https://genji.example.org:443", "https://genji.example.org"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://genji.example.org:8443", "https://genji.example.org:8443"),
    ],
)
def test_the_address_of_the_site_is_kept_as_browsers_write_it(
    given: str, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENJI_BASE_URL", given)

    assert Settings().base_url == kept


@pytest.mark.parametrize(
    "given",
    [
        "genji.example.org",
        "http://genji.example.org",
        "https://genji.example.org/reader",
        "https://user:pw@genji.example.org",
        "https://genji.example.org?x",
        "ftp://genji.example.org",
        "https://",
        "https://genji.example.org:port",
        "*",
    ],
)
def test_other_addresses_of_the_site_are_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENJI_BASE_URL", given)

    with pytest.raises(ValidationError):
        Settings()


def test_origins_are_a_list_without_a_star(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENJI_CORS_ORIGINS", f"{READER}, http://localhost:5173/")
    assert Settings().cors_origins == (READER, "http://localhost:5173")

    for refused in ("*", f"{READER},*", "null", "reader.example.org"):
        monkeypatch.setenv("GENJI_CORS_ORIGINS", refused)
        with pytest.raises(ValidationError):
            Settings()


@pytest.mark.parametrize("rate", ["10", "ten per minute", "0 per minute", "10 per fortnight", "10/minute; 5/hour"])
def test_a_rate_that_is_none_is_refused(rate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENJI_SIGN_INS_PER_ACCOUNT", rate)

    with pytest.raises(ValidationError):
        Settings()

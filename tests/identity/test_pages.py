"""The pages at which people sign in and choose a new password, in a real browser on a real server."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from playwright.async_api import Page, Response, expect
from sqlalchemy import select

from genji_graphql.app import create_app
from genji_graphql.identity import accounts, cas
from genji_graphql.identity.mail import reset_link
from genji_graphql.models import SsoIdentity, UserSession
from genji_graphql.settings import Settings
from tests.browser import browsing
from tests.identity.cas_server import CasServer
from tests.identity.conftest import PASSWORD, Site

pytestmark = pytest.mark.usefixtures("built_page")


@pytest.fixture
async def home(settings: Settings) -> AsyncIterator[Settings]:
    """The settings of a server that is running."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = settings.model_copy(update={"base_url": address, "sso_private_network": True})
        server = uvicorn.Server(uvicorn.Config(create_app(settings), ws="none", log_config=None))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield settings
        server.should_exit = True
        await serving


async def sign_in(page: Page, login: str, password: str) -> None:
    await page.get_by_label("User name").fill(login)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in", exact=True).click()


async def test_somebody_signs_in_uses_the_query_editor_and_signs_out(chromium: str, home: Settings, site: Site) -> None:
    await site.register("murasaki")
    async with browsing(chromium, home.base_url) as page:
        await page.goto(f"{home.base_url}/sign-in")
        await sign_in(page, "murasaki", "not-Her-password-1")
        await expect(page.get_by_role("status")).to_have_text("The user name or the password is wrong.")
        await sign_in(page, "murasaki", PASSWORD)
        await expect(page.get_by_text("You are signed in as murasaki.")).to_be_visible()
        assert await page.evaluate("document.cookie") == ""

        await page.get_by_role("link", name="Open the query editor").click()
        assert await asked(page, "{ viewer { username } }") == {"viewer": {"username": "murasaki"}}

        await page.goto(f"{home.base_url}/sign-in")
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_label("Password")).to_be_visible()
        assert await site.all(select(UserSession.id)) == []


async def test_somebody_signs_in_from_the_query_editor(chromium: str, home: Settings, site: Site) -> None:
    await site.register("murasaki")
    async with browsing(chromium, home.base_url) as page:
        await page.goto(f"{home.base_url}/graphql")
        done = await asked(
            page,
            f'mutation {{ signIn(input: {{login: "murasaki", password: "{PASSWORD}"}}) '
            "{ viewer { displayName } token errors { message } } }",
        )
        assert done == {"signIn": {"viewer": {"displayName": "murasaki"}, "token": None, "errors": []}}
        assert await asked(page, "{ viewer { username } }") == {"viewer": {"username": "murasaki"}}


async def asked(page: Page, query: str) -> object:
    """The data that the query editor gets for what is pasted into a new tab."""
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.locator(".graphiql-query-editor .view-line").first.wait_for()
    await page.get_by_role("button", name="New tab").click()
    await page.evaluate("text => navigator.clipboard.writeText(text)", query)
    await page.locator(".graphiql-query-editor .monaco-editor").click()
    await page.keyboard.press("Control+A")
    await page.keyboard.press("Control+V")
    await page.locator(".graphiql-query-editor .view-line").get_by_text(query[-12:]).wait_for()
    for _ in range(20):
        async with page.expect_response(lambda response: asks(response, query)) as answer:
            await page.keyboard.press("Control+Enter")
        body = await (await answer.value).json()
        if "data" in body:
            return body["data"]
        # The editor takes a moment to see that the operation of the tab before is gone.
        assert "has no operation named" in body["errors"][0]["message"]
    raise AssertionError(query)


def asks(response: Response, query: str) -> bool:
    return (response.request.post_data_json or {}).get("query") == query


async def test_who_forgot_their_password_chooses_another_by_the_link(chromium: str, home: Settings, site: Site) -> None:
    murasaki = await site.register("murasaki")
    async with site.sessions.begin() as session:
        reset = await accounts.create_password_reset(session, murasaki.user_id)
    async with browsing(chromium, home.base_url) as page:
        await page.goto(reset_link(home, reset.token))
        assert reset.token not in page.url
        await page.get_by_label("New password").fill("short")
        await page.get_by_role("button", name="Keep it").click()
        await expect(page.get_by_role("status")).to_have_text("The password needs 8 to 128 characters.")
        await page.get_by_label("New password").fill("Another-one-2")
        await page.get_by_role("button", name="Keep it").click()
        await page.get_by_role("link", name="Sign in").click()
        await sign_in(page, "murasaki", "Another-one-2")
        await expect(page.get_by_text("You are signed in as murasaki.")).to_be_visible()


async def test_who_forgot_their_password_is_told_the_same_whoever_they_are(
    chromium: str, home: Settings, site: Site
) -> None:
    await site.register("murasaki")
    async with browsing(chromium, home.base_url) as page:
        await page.goto(f"{home.base_url}/sign-in")
        for login in ("murasaki", "nobody"):
            await page.get_by_label("User name").fill(login)
            await page.get_by_role("button", name="Forgot your password?").click()
            await expect(page.get_by_role("status")).to_contain_text("If there is such an account")
            await page.reload()


@pytest.fixture
async def single_sign_on(home: Settings, site: Site, cas_server: CasServer) -> CasServer:
    administrator = await site.register("administrator")
    async with site.sessions.begin() as session:
        await cas.configure(
            session, home, server_url=f"http://127.0.0.1:{cas_server.port}/cas/", updated_by_id=administrator.user_id
        )
    cas_server.give("sei", "ST-17", f"{home.base_url}/sign-in", givenName="Sei", sn="Shōnagon")
    return cas_server


async def test_somebody_goes_to_the_cas_server_and_comes_back_signed_in(
    chromium: str, home: Settings, site: Site, single_sign_on: CasServer
) -> None:
    there = f"http://127.0.0.1:{single_sign_on.port}"
    async with browsing(chromium, home.base_url, there) as page:
        await page.goto(f"{home.base_url}/sign-in")
        await page.get_by_role("button", name="Sign in through 127.0.0.1").click()
        await expect(page.get_by_text("You are signed in as Sei Shōnagon.")).to_be_visible()
        assert "ticket" not in page.url
    assert await site.all(select(SsoIdentity.subject)) == ["sei"]


async def test_a_ticket_that_this_tab_did_not_ask_for_signs_nobody_in(
    chromium: str, home: Settings, site: Site, single_sign_on: CasServer
) -> None:
    async with browsing(chromium, home.base_url) as page:
        await page.goto(f"{home.base_url}/sign-in?ticket=ST-17")
        await expect(page.get_by_role("status")).to_have_text("Sign in from this page.")
        await expect(page.get_by_label("Password")).to_be_visible()
    assert single_sign_on.asked == []
    assert await site.all(select(UserSession.id)) == []

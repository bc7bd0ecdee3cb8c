"""The page for a browser: served under its policy, wholly from this server, and useful as soon as it opens."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Locator, Page, Response, expect

from genji_graphql.http import graphiql
from tests.browser import browsing

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
EXAMPLES = [
    example
    for example in sorted((Path(__file__).parents[2] / "web" / "src" / "examples").glob("*.graphql"))
    if "\nquery " in example.read_text(encoding="utf-8")
]


def test_a_browser_gets_the_page_under_its_policy(client: httpx2.Client, built_page: str) -> None:
    response = client.get("/graphql", headers=BROWSER)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["Vary"] == "Accept"
    assert response.text == built_page
    assert "<title>Genji</title>" in response.text


def test_a_browser_that_brings_a_query_gets_its_answer(client: httpx2.Client) -> None:
    response = client.get("/graphql", params={"query": "{ hello }"}, headers=BROWSER)
    assert response.json() == {"data": {"hello": "Hello, world!"}}


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/graphql-response+json"])
def test_a_client_without_a_query_gets_no_page(client: httpx2.Client, accept: str) -> None:
    response = client.get("/graphql", headers={"Accept": accept})
    assert response.status_code == 400
    assert "`query` is missing" in response.json()["errors"][0]["message"]


def test_the_page_names_only_files_of_this_server(client: httpx2.Client, built_page: str) -> None:
    addresses = re.findall(r'(?:src|href)="([^"]+)"', built_page)
    assert addresses
    for address in addresses:
        assert address.startswith("./graphiql/")
        assert client.get(address.removeprefix(".")).status_code == 200


@pytest.mark.usefixtures("built_page")
def test_assets_have_their_types_and_are_kept(client: httpx2.Client) -> None:
    types = {".js": "text/javascript", ".css": "text/css", ".ttf": "font/ttf", ".svg": "image/svg+xml"}
    for asset in (graphiql.STATIC / "graphiql").iterdir():
        response = client.head(f"/graphiql/{asset.name}")
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith(types[asset.suffix])
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["nothing.js", "..%2f..%2fgraphql.py", "%2e%2e/index.html", "%2fetc%2fpasswd", "", "%00"]
)
def test_nothing_but_assets_is_served(client: httpx2.Client, path: str) -> None:
    assert client.get(f"/graphiql/{path}").status_code == 404


def test_where_it_was_not_built_the_page_says_how(
    client: httpx2.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(graphiql, "STATIC", tmp_path)
    response = client.get("/graphql", headers=BROWSER | {"Host": 'x"><script>'})
    assert response.status_code == 200
    assert response.headers["Content-Security-Policy"] == graphiql.POLICY
    assert "./dev run" in response.text
    assert "npm ci" in response.text
    assert "<script" not in response.text


@asynccontextmanager
async def opened(chromium: str, home: str) -> AsyncIterator[Page]:
    """GraphiQL in a new browser; afterwards nothing has gone wrong on it."""
    async with browsing(chromium, home) as page:
        await show(page, home)
        yield page


async def show(page: Page, home: str, example: str | None = None) -> None:
    """Open GraphiQL, with this example. It keeps which one, and for a moment calls the next by the name of the last."""
    await page.goto(f"{home}/graphql")
    await page.locator(".graphiql-query-editor .view-line").first.wait_for()
    if example is not None:
        await page.get_by_role("tab", name=example).click()
        kept = "JSON.parse(localStorage.getItem('genji:graphiql:tabState') ?? '{}')"
        await page.wait_for_function(f"name => {kept}.tabs?.[{kept}.activeTabIndex].title === name", arg=example)
        await page.reload()
        await page.locator(".graphiql-query-editor .view-line").first.wait_for()


@pytest.mark.usefixtures("built_page")
async def test_the_page_opens_with_the_reading_view_and_runs_it(chromium: str, demo_url: str) -> None:
    async with opened(chromium, demo_url) as page:
        assert await page.title() == "Genji"
        assert await page.get_by_role("tab").all_inner_texts() == ["ReadingView", "Live", "Write", "Lists", "Notes"]
        async with page.expect_response(is_reading_view) as answer:
            await page.get_by_role("button", name="Execute query").click()
        result = await (await answer.value).json()
        assert "errors" not in result
        collection = result["data"]["collections"]["nodes"][0]
        await page.locator(".result-window").get_by_text(collection["title"]).first.wait_for()


def is_reading_view(response: Response) -> bool:
    return "query ReadingView" in (response.request.post_data or "")


@pytest.mark.usefixtures("built_page")
async def test_documentation_history_and_explorer_open(chromium: str, demo_url: str) -> None:
    async with opened(chromium, demo_url) as page:
        for plugin in ("Documentation Explorer", "History", "GraphiQL Explorer"):
            await page.get_by_role("button", name=f"Show {plugin}").click()
            await page.get_by_role("button", name=f"Hide {plugin}").wait_for()
        for tab in ("Lists", "Notes"):
            await page.get_by_role("tab", name=tab).click()
            await page.locator(".graphiql-explorer-root").locator(f"input[value={tab}]").wait_for()


@pytest.mark.usefixtures("built_page")
async def test_tabs_are_kept_when_the_page_is_opened_again(chromium: str, demo_url: str) -> None:
    async with opened(chromium, demo_url) as page:
        await page.get_by_role("button", name="Close Tab").first.click()
        await page.wait_for_function(
            "() => localStorage.getItem('genji:graphiql:tabState')?.includes('ReadingView') === false"
        )
        await page.reload()
        await page.get_by_role("tab").first.wait_for()
        assert await page.get_by_role("tab").all_inner_texts() == ["Live", "Write", "Lists", "Notes"]


@pytest.mark.usefixtures("built_page")
async def test_what_is_written_in_one_tab_is_told_in_the_other(chromium: str, demo_url: str) -> None:
    async with browsing(chromium, demo_url) as listening:
        async with listening.expect_event("websocket") as opening:
            await show(listening, demo_url, "Live")
            await run(listening)
        socket = await opening.value
        assert socket.url == f"{demo_url.replace('http', 'ws')}/graphql"

        writing = await listening.context.new_page()
        await sign_in(writing, demo_url)
        await show(writing, demo_url, "Write")
        await run(writing)
        await expect(answer_on(writing)).to_contain_text("errors")
        for part in ("annotationAdded", "Did nobody come back for it?", "Amina"):
            await expect(answer_on(listening)).to_contain_text(part)


async def sign_in(page: Page, home: str) -> None:
    await page.goto(f"{home}/sign-in")
    await page.get_by_label("User name").fill("amina")
    await page.get_by_label("Password").fill("Wisteria-1008")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.get_by_role("button", name="Sign out").wait_for()


async def run(page: Page) -> None:
    await page.get_by_role("button", name="Execute query").click()


def answer_on(page: Page) -> Locator:
    return page.locator(".result-window")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_answered_by_the_demo(demo_url: str, example: Path) -> None:
    query = example.read_text(encoding="utf-8")
    result = httpx2.post(f"{demo_url}/graphql", json={"query": query}, timeout=60).json()
    assert "errors" not in result
    (connection,) = result["data"].values()
    assert connection.get("nodes") or connection.get("edges")


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3

"""A real browser on our pages, which notices whatever goes wrong there."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, Response, async_playwright, expect

from genji_graphql.http import graphiql
from tests.omissions import omit

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


# A page may be slow to show something where the machine is busy.
expect.set_options(timeout=30_000)


@pytest.fixture
def built_page() -> str:
    index = graphiql.STATIC / "index.html"
    if not index.is_file():
        omit("the built GraphiQL (Node)")
    return index.read_text(encoding="utf-8")


@pytest.fixture
def chromium() -> str:
    return shutil.which("chromium") or shutil.which("chromium-browser") or omit("Chromium")


@asynccontextmanager
async def browsing(chromium: str, *homes: str) -> AsyncIterator[Page]:
    """A page of a new browser; afterwards nothing has gone wrong on any, and none has asked for something elsewhere."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        wrong = _watch(context, homes)
        yield await context.new_page()
        await browser.close()
        assert wrong == []


def _watch(context: BrowserContext, homes: tuple[str, ...]) -> list[str]:
    """A list that fills with whatever goes wrong on a page, or is elsewhere."""
    wrong: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            wrong.append(message.text)

    def on_request(request: Request) -> None:
        if not request.url.removeprefix("blob:").startswith(tuple(f"{home}/" for home in homes)):
            wrong.append(f"{request.url} is elsewhere.")

    def on_response(response: Response) -> None:
        if response.status >= 400:
            wrong.append(f"{response.url} answered {response.status}.")

    def on_request_failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a page that is opened again stops what it was loading
            wrong.append(f"{request.url} failed: {request.failure}.")

    context.on("console", on_console)
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("request", on_request)
    context.on("requestfailed", on_request_failed)
    context.on("response", on_response)
    return wrong

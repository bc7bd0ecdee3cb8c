"""The application as a client meets it: over HTTP, as any viewer."""

from types import TracebackType
from typing import Any, Self

import httpx2
from sqlalchemy import event
from starlette.requests import HTTPConnection

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.app import create_app
from genji_graphql.plans.planner import Planner
from genji_graphql.schema import schema
from genji_graphql.settings import Settings

UNLIMITED = {
    "max_tokens": 100_000,
    "max_depth": 100,
    "max_root_fields": 1_000,
    "max_width": 10_000,
    "max_aliases": 10_000,
    "max_directives": 1_000,
    "max_cost_of_visitors": 10**12,
    "max_cost_of_people": 10**12,
    "max_cost_of_administrators": 10**12,
}
"""Tests ask for more at once than anybody else."""


class Service:
    """Asks the application and counts the SQL statements that an answer cost."""

    def __init__(self, settings: Settings, *, limited: bool = False) -> None:
        self.statements: list[str] = []
        self.cost: dict[str, int] | None = None
        self._viewer = ANONYMOUS
        self.app = create_app(settings if limited else settings.model_copy(update=UNLIMITED), self._identify)
        self.engine = self.app.state.engine
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url="http://genji.test")
        event.listen(self.engine.sync_engine, "before_cursor_execute", self._count)
        self.app.state.connections.on_statement = self.statements.append

    async def ask(
        self, query: str, variables: dict[str, Any] | None = None, *, viewer: Viewer = ANONYMOUS
    ) -> dict[str, Any]:
        """The data of an answer without errors."""
        answer = await self.answer(query, variables, viewer=viewer)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def answer(
        self, query: str, variables: dict[str, Any] | None = None, *, viewer: Viewer = ANONYMOUS
    ) -> dict[str, Any]:
        """The whole answer, errors included. `statements` and `cost` then hold what it cost."""
        self._viewer = viewer
        self.statements.clear()
        response = await self.http.post("/graphql", json={"query": query, "variables": variables or {}})
        body: dict[str, Any] = response.json()
        self.cost = body.pop("extensions", {}).get("cost")
        return body

    def plan_anew(self) -> None:
        """Make all plans again: they hold rules and statements as they were when they were made."""
        planner = Planner(schema._schema, self.app.state.connections, self.app.state.endpoint.settings.max_page_size)
        self.app.state.endpoint.operations.planner = planner

    async def _identify(self, _request: HTTPConnection) -> Viewer:
        return self._viewer

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements.append(statement)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()
        await self.app.state.close()

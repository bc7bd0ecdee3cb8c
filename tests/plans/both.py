"""Both paths to an answer, on the same database."""

import gc
import json
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from genji_graphql.access.viewer import Viewer
from tests.plans.operations import Operation
from tests.service import Service


@dataclass(frozen=True)
class Answer:
    path: str
    status: int
    body: Any
    """Its JSON, with the order of its keys and the digits of its numbers."""
    statements: int

    @property
    def is_planned(self) -> bool:
        return self.path == "plan"


@dataclass
class Both:
    service: Service
    paths: Counter[str] = field(default_factory=Counter)

    async def ask(self, operation: Operation, viewer: Viewer) -> tuple[Answer, Answer]:
        """The answer as everybody gets it, and the general executor's."""
        with warnings.catch_warnings():
            # Beside a field that fails at once, the executor leaves others unawaited.
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
            planned, general = await self._both(operation, viewer)
            if any(name == "errors" for answer in (planned, general) for name in names_of(answer.body)):
                gc.collect()
        return planned, general

    async def _both(self, operation: Operation, viewer: Viewer) -> tuple[Answer, Answer]:
        operations = self.service.app.state.endpoint.operations
        planned = await self._ask(operation, viewer)
        self.paths[planned.path] += 1
        planner, operations.planner = operations.planner, None
        try:
            general = await self._ask(operation, viewer)
        finally:
            operations.planner = planner
        return planned, general

    async def difference(self, operation: Operation, viewer: Viewer) -> str | None:
        ours, general = await self.ask(operation, viewer)
        if (ours.status, ours.body) == (general.status, general.body):
            return None
        return f"{operation.text}\n{json.dumps(dict(operation.variables))}\nas {viewer}\n{ours}\n{general}"

    async def _ask(self, operation: Operation, viewer: Viewer) -> Answer:
        self.service._viewer = viewer
        self.service.statements.clear()
        body = {"query": operation.text, "variables": dict(operation.variables), "operationName": operation.name}
        response = await self.service.http.post("/graphql", json=body)
        return Answer(
            response.headers["Genji-Path"], response.status_code, _read(response.text), len(self.service.statements)
        )


class Pairs(tuple[tuple[str, Any], ...]):
    """A JSON object with its keys in their order."""

    __slots__ = ()


def _read(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_float=Decimal, parse_int=Decimal)
    except json.JSONDecodeError:
        return f"This is not JSON: {text}"


def _pairs(pairs: list[tuple[str, Any]]) -> Pairs:
    # An error of ours has an id of its own each time, and what an answer did cost depends on who gave it.
    return Pairs((name, value) for name, value in pairs if name not in {"errorId", "actual"})


def names_of(body: Any) -> list[str]:
    """Of what an answer has, such as `errors`."""
    return [name for name, _ in body] if isinstance(body, Pairs) else []


def plain(body: Any) -> Any:
    """The same without the order of keys."""
    if isinstance(body, Pairs):
        return {name: plain(value) for name, value in body}
    return [plain(item) for item in body] if isinstance(body, list) else body


def data_of(answer: Answer) -> Mapping[str, Any]:
    data: Mapping[str, Any] = plain(answer.body)["data"]
    return data

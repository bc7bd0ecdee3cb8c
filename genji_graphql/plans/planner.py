"""Answers by plans: each document is compiled when it is first asked, and its plan kept while it is in use."""

from collections.abc import Hashable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

import asyncpg
from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    get_operation_ast,
    visit,
)
from graphql.execution.values import VariableValues, get_variable_values
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from genji_graphql.access.viewer import Viewer
from genji_graphql.plans.cache import Cache
from genji_graphql.plans.compiling import Plan, compiled
from genji_graphql.plans.refusal import GaveUp, Interrupted, NotPlannable
from genji_graphql.plans.run import Run
from genji_graphql.plans.statements import Statements

_ENTRIES = 1000
_WEIGHT = 10_000_000
"""Characters of the documents that are kept, counted anew for each plan of one."""


@dataclass(frozen=True, eq=False)
class Operation:
    """An operation of a valid document, and what has to be known of it to choose its plan."""

    definition: OperationDefinitionNode
    fragments: tuple[FragmentDefinitionNode, ...]
    switches: tuple[str, ...]
    """The variables on which it depends what is selected."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An answer without errors."""

    data: bytes
    """As JSON."""
    loaded: int
    """How many rows the database gave for it."""


class Planner:
    """Answers valid operations, or says why not."""

    def __init__(self, schema: GraphQLSchema, engine: AsyncEngine, largest_page: int) -> None:
        self.statements = Statements(engine.dialect)
        self._schema = schema
        self._engine = engine
        self._largest_page = largest_page
        self._operations: Cache[Hashable, Operation] = Cache(entries=_ENTRIES, weight=_WEIGHT)
        self._plans: Cache[Hashable, Plan | str] = Cache(entries=_ENTRIES, weight=_WEIGHT)
        """By what was asked; of what has no plan, the reason."""

    async def answer(
        self,
        text: str,
        document: DocumentNode,
        operation_name: str | None,
        variables: Mapping[str, Any] | None,
        viewer: Viewer,
    ) -> Planned:
        """The answer to one operation of a valid document. Raises NotPlannable."""
        operation = self._operation(text, document, operation_name)
        values = self._coerced(operation, variables)
        plan = self._plan(text, operation_name, operation, values)
        async with AsyncExitStack() as stack:
            run = Run(viewer, values, self.statements, partial(self._connect, stack), self._largest_page)
            try:
                return Planned(await plan.answer(run), run.loaded)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError, OSError) as error:
                raise Interrupted("the database failed") from error

    async def _connect(self, stack: AsyncExitStack) -> Any:
        """A connection of the pool's, until the stack ends."""
        connection = await self._engine.connect()
        stack.push_async_exit(partial(_close, connection))
        return (await connection.get_raw_connection()).driver_connection

    def _operation(self, text: str, document: DocumentNode, name: str | None) -> Operation:
        found = self._operations.get((text, name))
        if found is None:
            definition = get_operation_ast(document, name)
            assert definition is not None  # noqa: S101 - the caller has found it
            fragments = [one for one in document.definitions if isinstance(one, FragmentDefinitionNode)]
            found = Operation(definition, tuple(fragments), _switches(document))
            self._operations.put((text, name), found, len(text))
        return found

    def _coerced(self, operation: Operation, variables: Mapping[str, Any] | None) -> VariableValues:
        values = get_variable_values(
            self._schema, operation.definition.variable_definitions or (), dict(variables or {})
        )
        if isinstance(values, list):
            raise GaveUp("a variable can't be taken")
        return values

    def _plan(self, text: str, name: str | None, operation: Operation, values: VariableValues) -> Plan:
        key = (text, name, tuple(values.coerced.get(switch) for switch in operation.switches))
        plan = self._plans.get(key)
        if plan is None:
            try:
                plan = compiled(self._schema, operation.definition, operation.fragments, values)
            except NotPlannable as refusal:
                plan = str(refusal)
            self._plans.put(key, plan, len(text))
        if isinstance(plan, str):
            raise NotPlannable(plan)
        return plan


def _switches(document: DocumentNode) -> tuple[str, ...]:
    found: dict[str, None] = {}

    class InDirectives(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            found.update(
                {one.value.name.value: None for one in node.arguments or () if isinstance(one.value, VariableNode)}
            )

    visit(document, InDirectives())
    return tuple(found)


async def _close(
    connection: AsyncConnection, _kind: object, error: BaseException | None, _trace: TracebackType | None
) -> None:
    # The pool doesn't see what is done with the driver: a connection that may be broken is not to be used again.
    if isinstance(error, Interrupted) or not isinstance(error, NotPlannable | None):
        await connection.invalidate()
    await connection.close()

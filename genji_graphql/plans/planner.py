"""Answers by plans: each document is compiled when it is first asked, and its plan kept while it is in use."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
from graphql.execution.values import VariableValues

from genji_graphql.access.viewer import Viewer
from genji_graphql.driver import Connections
from genji_graphql.plans.cache import Cache
from genji_graphql.plans.compiling import Plan, compiled, compiled_event
from genji_graphql.plans.refusal import NotPlannable
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

    data: Sequence[bytes]
    """As JSON, in pieces."""
    loaded: int
    """How many rows the database gave for it."""


class Planner:
    """Answers valid operations, or says why not."""

    def __init__(self, schema: GraphQLSchema, connections: Connections, largest_page: int) -> None:
        self.statements = Statements()
        self._schema = schema
        self._connections = connections
        self._largest_page = largest_page
        self._operations: Cache[Hashable, Operation] = Cache(entries=_ENTRIES, weight=_WEIGHT)
        self._plans: Cache[Hashable, Plan | str] = Cache(entries=_ENTRIES, weight=_WEIGHT)
        """By what was asked; of what has no plan, the reason."""

    async def answer(
        self,
        text: str,
        document: DocumentNode,
        operation_name: str | None,
        variables: VariableValues,
        viewer: Viewer,
    ) -> Planned:
        """The answer to one operation of a valid document, its variables coerced. Raises NotPlannable and TimedOut."""
        plan = self._plan(text, operation_name, self._operation(text, document, operation_name), variables, None)
        async with self._run(viewer, variables) as run:
            return Planned(await plan.answer(run), run.loaded)

    async def tell(
        self,
        text: str,
        document: DocumentNode,
        operation_name: str | None,
        variables: VariableValues,
        viewer: Viewer,
        shown: str,
        events: Sequence[Mapping[str, Any]],
    ) -> list[Planned | None]:
        """What a valid subscription tells of events, whose type is `shown`: by the names of its fields their values,
        and the numbers of rows. None where one of these must be in sight and isn't. Raises NotPlannable and TimedOut.
        """
        plan = self._plan(text, operation_name, self._operation(text, document, operation_name), variables, shown)
        async with self._run(viewer, variables) as run:
            told = await plan.tell(run, events)
            return [None if pieces is None else Planned(pieces, run.loaded) for pieces in told]

    def _run(self, viewer: Viewer, variables: VariableValues) -> Run:
        return Run(viewer, variables, self.statements, self._connections, self._largest_page)

    def _operation(self, text: str, document: DocumentNode, name: str | None) -> Operation:
        found = self._operations.get((text, name))
        if found is None:
            definition = get_operation_ast(document, name)
            assert definition is not None  # noqa: S101 - the caller has found it
            fragments = [one for one in document.definitions if isinstance(one, FragmentDefinitionNode)]
            found = Operation(definition, tuple(fragments), _switches(document))
            self._operations.put((text, name), found, len(text))
        return found

    def _plan(
        self, text: str, name: str | None, operation: Operation, values: VariableValues, shown: str | None
    ) -> Plan:
        key = (text, name, shown, tuple(values.coerced.get(switch) for switch in operation.switches))
        plan = self._plans.get(key)
        if plan is None:
            given = self._schema, operation.definition, operation.fragments, values, self._largest_page
            try:
                plan = compiled(*given) if shown is None else compiled_event(*given, shown)
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

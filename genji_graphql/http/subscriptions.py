"""Subscriptions: from a valid operation to a feed that the hub follows, and from an event to what a client is sent.

Each event is executed like any operation, by the same resolvers, on a context of its own. Where nothing that is
selected depends on who asks, that is done once for all who asked the same.
"""

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    VisitorAction,
    create_source_event_stream,
    execute,
    visit,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import is_awaitable
from sqlalchemy.exc import DBAPIError

from genji_graphql.access.viewer import Viewer
from genji_graphql.context import Context
from genji_graphql.database import was_in_the_way
from genji_graphql.errors import TimedOut
from genji_graphql.http.documents import Document
from genji_graphql.http.errors import describe, format_errors, is_cancelled, is_unreachable
from genji_graphql.http.operations import plain, rendered
from genji_graphql.http.request import Asked
from genji_graphql.live.hub import Render, Subscriber, Telling
from genji_graphql.live.live import Live
from genji_graphql.live.people import Person
from genji_graphql.live.sink import Message, Sink
from genji_graphql.plans.planner import Planner
from genji_graphql.plans.refusal import NotPlannable
from genji_graphql.reads.edges import ToOne
from genji_graphql.schema.arguments import definition_of
from genji_graphql.schema.subscription import Feed, Sketch, Watch

LOOKS = timedelta(seconds=0.5)
"""Between two looks at a row that is watched."""

MakeContext = Callable[[Viewer, str | None], Context]
"""The context of one event, for a viewer and the token that they came with."""


class Subscription:
    """One that is under way."""

    def __init__(self, stop: Callable[[], Any], cursor: str = "") -> None:
        self.cursor = cursor
        """Where it began."""
        self.stop = stop
        """The client wants no more, or has left; nothing is pushed from then on."""


@dataclass(frozen=True, slots=True)
class _Operation:
    """A subscription as it was asked for."""

    document: Document
    definition: OperationDefinitionNode
    asked: Asked
    variables: VariableValues


class Subscriptions:
    def __init__(
        self, schema: GraphQLSchema, live: Live, make_context: MakeContext, planner: Planner | None = None
    ) -> None:
        self._schema = schema
        self._live = live
        self._make_context = make_context
        self._planner = planner

    async def begin(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        asked: Asked,
        context: Context,
        person: Person,
        sink: Sink,
        last_event_id: str | None = None,
    ) -> "Subscription | list[GraphQLError]":
        """Begin a valid operation whose price is right; what is wrong with its arguments otherwise.

        From then on the sink is pushed messages, and told when it is over. `last_event_id` is the cursor that a client
        comes back with, in the place of the one in its variables.
        """
        person.become(context.viewer)
        try:
            executor = Executor.build(
                self._schema,
                document.ast,
                context_value=context,
                raw_variable_values=asked.variables,
                operation_name=asked.operation_name,
            )
            if isinstance(executor, list):
                return executor
            said = _Operation(document, operation, asked, executor.variable_values)
            source = await self._source(executor)
            match source:
                case Feed():
                    return await self._follow(said, source, person, sink, last_event_id)
                case Watch():
                    return self._watch(said, source, person, sink)
        except GraphQLError as error:
            return [error]
        except Exception as fault:  # noqa: BLE001 - it is told like any fault, by its kind
            return [GraphQLError("", original_error=fault)]
        assert isinstance(source, list)  # noqa: S101 - there is nothing else
        return source

    async def _source(self, executor: Executor[Any]) -> Feed | Watch | list[GraphQLError]:
        stream: Any = create_source_event_stream(executor)
        if is_awaitable(stream):
            stream = await stream
        if isinstance(stream, ExecutionResult):
            return list(stream.errors or [])
        source: Feed | Watch = stream
        return source

    async def _follow(
        self, said: _Operation, feed: Feed, person: Person, sink: Sink, last_event_id: str | None
    ) -> Subscription:
        live = self._live
        position, known = await live.beginning(last_event_id or feed.after)
        subscriber: Subscriber = live.hub.join(
            self._key(said, feed, person), feed.interest, self._renderer(said, feed), person, sink, position, known
        )
        return Subscription(subscriber.stop, live.cursor(position))

    def _key(self, said: _Operation, feed: Feed, person: Person) -> Hashable:
        """Who has the same is told the same."""
        resuming = _variables_of_after(said.definition)
        variables = {name: value for name, value in (said.asked.variables or {}).items() if name not in resuming}
        return (
            said.document.text,
            said.asked.operation_name,
            orjson.dumps(variables, option=orjson.OPT_SORT_KEYS, default=plain),
            feed.interest,
            None if is_alike(self._schema, said.document.ast) else person,
        )

    def _renderer(self, said: _Operation, feed: Feed) -> Render:
        async def render(tellings: Sequence[Telling], person: Person) -> Sequence[Message | None]:
            cursors = [self._live.cursor(event.position) for event, _ in tellings]
            sketches = [feed.draw(*telling, cursor) for telling, cursor in zip(tellings, cursors, strict=True)]
            bodies: dict[int, bytes | None] = {}
            for shown in {sketch.shown for sketch in sketches}:
                places = [place for place, sketch in enumerate(sketches) if sketch.shown is shown]
                drawn = await self._bodies(said, shown, [sketches[place] for place in places], person)
                bodies |= dict(zip(places, drawn, strict=True))
            return [
                None if (body := bodies[place]) is None else Message(cursor, body)
                for place, cursor in enumerate(cursors)
            ]

        return render

    async def _bodies(
        self, said: _Operation, shown: type[Any], sketches: Sequence[Sketch], person: Person
    ) -> Sequence[bytes | None]:
        """What is told of events of one type. Their rows are read together: by a plan, or else by loaders."""
        try:
            return await self._planned(said, shown, sketches, person.viewer)
        except (NotPlannable, TimedOut):
            context = self._make_context(person.viewer, person.token)
            try:
                return await asyncio.gather(*(self._executed(said, sketch, context) for sketch in sketches))
            finally:
                context.close()

    async def _planned(
        self, said: _Operation, shown: type[Any], sketches: Sequence[Sketch], viewer: Viewer
    ) -> Sequence[bytes | None]:
        if self._planner is None:
            raise NotPlannable("there are no plans")
        planned = await self._planner.tell(
            said.document.text,
            said.document.ast,
            said.asked.operation_name,
            said.variables,
            viewer,
            shown.__name__,
            [sketch.numbered for sketch in sketches],
        )
        return [None if one is None else rendered(one, None) for one in planned]

    async def _executed(self, said: _Operation, sketch: Sketch, context: Context) -> bytes | None:
        shown = await sketch.drawn(context)
        return None if shown is None else await self._body(said, shown, context)

    async def _body(self, said: _Operation, shown: Any, context: Context) -> bytes:
        """The execution result, in JSON. Raises what may pass, so that it is tried again."""
        result: Any = execute(
            self._schema,
            said.document.ast,
            root_value=shown,
            context_value=context,
            variable_values=said.asked.variables,
            operation_name=said.asked.operation_name,
        )
        if is_awaitable(result):
            result = await result
        for error in result.errors or ():
            if (fault := error.original_error) is not None and _may_pass(fault):
                raise fault
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = format_errors(result.errors)
        try:
            return orjson.dumps(answer, default=plain)
        except orjson.JSONEncodeError as fault:
            return orjson.dumps({"data": None, "errors": [describe(fault)]})

    def _watch(self, said: _Operation, watch: Watch, person: Person, sink: Sink) -> Subscription:
        watching = asyncio.create_task(self._watching(said, watch, person, sink))
        return Subscription(watching.cancel)

    async def _watching(self, said: _Operation, watch: Watch, person: Person, sink: Sink) -> None:
        state: Hashable = None
        while True:
            context = self._make_context(person.viewer, person.token)
            try:
                row = await watch.look(context)
                if row is None:
                    return sink.complete()
                if watch.state(row) != state:
                    message = Message("", await self._body(said, row, context))
                    while not sink.push(message):
                        await sink.room()
                        await asyncio.sleep(0)
                    state = watch.state(row)
                if watch.is_over(row):
                    return sink.complete()
            except Exception as fault:  # noqa: BLE001 - it is told by its kind, unless it may pass
                if not _may_pass(fault):
                    return sink.complete([dict(describe(fault))])
            finally:
                context.close()
            await asyncio.sleep(LOOKS.total_seconds())


def _may_pass(fault: BaseException) -> bool:
    """Is it the database's trouble of the moment?"""
    return is_unreachable(fault) or is_cancelled(fault) or (isinstance(fault, DBAPIError) and was_in_the_way(fault))


def _variables_of_after(operation: OperationDefinitionNode) -> frozenset[str]:
    """The variables that say no more than where to begin."""
    used: dict[str, list[bool]] = {}

    class Uses(Visitor):
        def enter_argument(self, node: Any, *_: Any) -> None:
            if isinstance(node.value, VariableNode):
                used.setdefault(node.value.name.value, []).append(node.name.value == "after")

    root = operation.selection_set.selections[0]
    if isinstance(root, FieldNode):
        for argument in root.arguments or ():
            visit(argument, Uses())
    return frozenset(name for name, ways in used.items() if all(ways))


def is_alike(schema: GraphQLSchema, document: DocumentNode) -> bool:
    """Is what is selected the same for whoever sees the event? Whatever isn't known to be is not."""
    types = TypeInfo(schema)
    looking = _Alike(types)
    visit(document, TypeInfoVisitor(types, looking))
    return looking.alike


class _Alike(Visitor):
    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.alike = True
        self._types = types

    def enter_field(self, node: FieldNode, *_: Any) -> VisitorAction:
        if node.name.value == "__typename":
            return None
        field = self._types.get_field_def()
        parent = self._types.get_parent_type()
        is_root = parent is not None and parent.name == "Subscription"
        if not is_root and (field is None or not _is_alike(field)):
            self.alike = False
        return None


def _is_alike(field: GraphQLField) -> bool:
    metadata: Mapping[Any, Any] = definition_of(field).metadata
    if not metadata:
        # What is read from the row, or from what was made of it, without a resolver.
        return definition_of(field).base_resolver is None
    if "alike" in metadata:
        return bool(metadata["alike"])
    if "entrusted" in metadata or "told" in metadata:
        return False
    edge = metadata.get("edge")
    return (isinstance(edge, ToOne) and edge.seen_with) or bool(metadata.keys() & {"column", "global_id", "made"})

"""What is done with an operation, however it came: it is read, checked, priced and run."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeVar

import orjson
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    get_operation_ast,
)
from graphql.execution.values import VariableValues
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from strawberry import Schema
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.errors import TimedOut
from genji_graphql.http import media
from genji_graphql.http.documents import Document, Documents, root_fields
from genji_graphql.http.errors import format_errors
from genji_graphql.http.limits import Limits, overpriced
from genji_graphql.http.request import Asked
from genji_graphql.http.trusted import trusted_documents
from genji_graphql.live.people import Person
from genji_graphql.live.sink import Sink
from genji_graphql.plans.planner import Planned, Planner
from genji_graphql.plans.refusal import NotPlannable
from genji_graphql.schema.scalars import UPLOAD
from genji_graphql.settings import Introspection, Settings

Source = TypeVar("Source")
"""What an operation came with: an HTTP request, or a message on a socket."""

_PATIENCE = 0.05
"""Seconds after which somebody looks at the clock, and whether the client is still there. Most answers take less."""

_read: ContextVar[Document | None] = ContextVar("read", default=None)


class ReadAlready(SchemaExtension):
    """Hands Strawberry the document that the endpoint has read, so that nobody parses and validates it twice."""

    def on_parse(self) -> Iterator[None]:
        if document := _read.get():
            self.execution_context.graphql_document = document.ast
            self.execution_context.pre_execution_errors = []
        yield


@dataclass(slots=True)
class Outcome:
    """How an operation was answered."""

    answer: Planned | ExecutionResult
    context: Any = None
    path: str = "refused"
    """Was it a plan that answered, or the general executor, and why?"""
    cost: dict[str, int] | None = None


class Subscription(Protocol):
    """One that has begun."""

    @property
    def cursor(self) -> str:
        """Where it began: who is interrupted before they were told anything goes on from there. Empty for nowhere."""
        ...

    def stop(self) -> None:
        """The client has had enough, or has left: nothing is pushed any more."""
        ...


class Subscriptions(Protocol):
    """Where subscriptions begin."""

    async def begin(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        asked: Asked,
        context: Any,
        person: Person,
        sink: Sink,
        last_event_id: str | None = None,
    ) -> Subscription | list[GraphQLError]:
        """From here on its messages come to the sink. A list of errors where its arguments are wrong."""
        ...


Subscribe = Callable[[Source, Document, OperationDefinitionNode, Asked, Outcome], Awaitable[None]]
"""Begins a subscription that is valid and may cost what it costs; the outcome is told where its arguments are wrong."""


@dataclass(frozen=True, slots=True)
class Transport(Generic[Source]):
    """What differs by the way that operations come."""

    make_context: Callable[[Source], Awaitable[Any]]
    allow: Callable[[Source, OperationDefinitionNode], None]
    """Raises HTTPException where such an operation can't come this way."""
    left: Callable[[Source], Awaitable[None]]
    """Returns when whoever asked has left."""
    subscribe: Subscribe[Source] | None = None
    """How a subscription begins, where operations of that kind are allowed."""


class Operations:
    """Answers what is asked, by whichever transport."""

    def __init__(self, schema: Schema, settings: Settings, planner: Planner | None = None) -> None:
        self.schema = schema
        self.planner = planner
        self.settings = settings
        self.limits = Limits.of(settings)
        self.graphql: GraphQLSchema = schema._schema  # noqa: SLF001 - Strawberry has no public way to it
        self.takers = _takers(self.graphql)
        """The mutations that take a file."""
        self.trusted = trusted_documents(settings.trusted_documents, self.graphql)
        # May a mistake be answered with names that were perhaps meant?
        hide_suggestions = settings.introspection_for is not Introspection.EVERYBODY
        self.documents = Documents(self.graphql, self.limits, settings.max_page_size, hide_suggestions=hide_suggestions)
        if ReadAlready not in schema.extensions:
            schema.extensions = (*schema.extensions, ReadAlready)

    async def execute(self, transport: Transport[Source], source: Source, asked: Asked) -> Outcome:
        text = self.text(asked)
        try:
            document = self.documents.read(text)
            operation = _operation(document.ast, asked.operation_name)
            transport.allow(source, operation)
        except GraphQLError as error:
            return Outcome(refused(error))
        if document.errors:
            return Outcome(refused(*document.errors))
        if asked.upload is not None:
            _allow_file(document.ast, operation, self.takers)
        outcome = Outcome(refused())
        try:
            outcome.context = context = await transport.make_context(source)
            viewer = getattr(context, "viewer", ANONYMOUS)
            if document.introspects and not self.may_introspect(viewer):
                outcome.answer = refused(_untold(operation))
                return outcome
            price = document.prices.of(operation, asked.variables)
            limit = self.limits.cost(viewer)
            if price > limit:
                outcome.answer = refused(overpriced(price, limit, operation))
                return outcome
            variables = self.documents.variables(document, operation).coerced(asked.variables or {})
            if isinstance(variables, list):
                outcome.answer = refused(*variables)
                return outcome
            # Whoever asks for a change and leaves expects it to be made.
            wanted_anyway = operation.operation is OperationType.MUTATION
            if operation.operation is OperationType.SUBSCRIPTION and transport.subscribe is not None:
                answering = transport.subscribe(source, document, operation, asked, outcome)
            else:
                answering = self.run(document, asked, variables, outcome)
            await self.in_time(answering, transport, source, wanted_anyway=wanted_anyway)
            if (loaded := _loaded(outcome)) is not None:
                outcome.cost = {"requested": price, "actual": loaded, "limit": limit}
        except (HTTPException, ClientDisconnect):
            raise
        except Exception as fault:  # noqa: BLE001 - the context could not be made, and the client shall get JSON
            outcome.answer = failed(fault)
        return outcome

    def text(self, asked: Asked) -> str:
        """The document that a request sends or names."""
        if asked.document_id is None:
            if self.settings.trusted_only:
                raise HTTPException(403, "This server answers trusted documents only: send a `documentId`.")
            return asked.query
        trusted = self.trusted.get(asked.document_id)
        if trusted is None:
            raise HTTPException(400, "There is no trusted document of this `documentId`.")
        return trusted

    def may_introspect(self, viewer: Viewer) -> bool:
        match self.settings.introspection_for:
            case Introspection.EVERYBODY:
                return True
            case Introspection.PEOPLE:
                return not viewer.is_anonymous
            case Introspection.NOBODY:
                return False

    async def in_time(
        self, answering: Awaitable[None], transport: Transport[Source], source: Source, *, wanted_anyway: bool
    ) -> None:
        """Ends what is under way, with its statements, at the deadline, or where the client has left."""
        loop, asking = asyncio.get_running_loop(), asyncio.current_task()
        deadline = loop.time() + self.settings.deadline
        watching: asyncio.Task[None] | None = None
        ended: Exception | None = None

        async def watch() -> None:
            nonlocal ended
            try:
                async with asyncio.timeout_at(deadline):
                    await (asyncio.Event().wait() if wanted_anyway else transport.left(source))
                ended = ClientDisconnect()
            except TimeoutError:
                ended = TimedOut(f"This took longer than the {self.settings.deadline:g} seconds that it may take.")
            assert asking is not None  # noqa: S101 - an answer is always awaited in a task
            asking.cancel()

        def begin() -> None:
            nonlocal watching
            watching = loop.create_task(watch())

        waiting = loop.call_later(min(_PATIENCE, self.settings.deadline), begin)
        try:
            await answering
        except asyncio.CancelledError:
            if ended is None or asking is None or asking.uncancel() > 0:
                raise
            raise ended from None
        finally:
            waiting.cancel()
            if watching is not None:
                watching.cancel()

    async def run(self, document: Document, asked: Asked, variables: VariableValues, outcome: Outcome) -> None:
        """Answer by a plan, or else by the general executor."""
        if self.planner is not None:
            viewer, name = outcome.context.viewer, asked.operation_name
            try:
                outcome.answer = await self.planner.answer(document.text, document.ast, name, variables, viewer)
            except NotPlannable as refusal:
                outcome.path = f'general; why="{refusal}"'
            else:
                outcome.path = "plan"
                return
        token = _read.set(document)
        try:
            outcome.answer = await self.schema.execute(
                document.text,
                variable_values=asked.variables,
                operation_name=asked.operation_name,
                context_value=outcome.context,
                operation_extensions=asked.extensions,
            )
        finally:
            _read.reset(token)
            if hasattr(outcome.context, "close"):
                outcome.context.close()


def rendered(answer: Planned, cost: dict[str, int] | None) -> bytes:
    """A plan's answer as JSON."""
    extensions = b"" if cost is None else b',"extensions":' + orjson.dumps({"cost": cost})
    return b"".join([b'{"data":', *answer.data, extensions, b"}"])


def payload_of(result: ExecutionResult, cost: dict[str, int] | None) -> dict[str, Any]:
    """What the general executor answered, as it goes to the client. Without `data` nothing was executed."""
    errors = format_errors(result.errors or [])
    payload: dict[str, Any] = {"errors": errors} if errors else {}
    if result.data is not None or any("path" in error for error in errors):
        payload["data"] = result.data
    extensions = result.extensions or {}
    if cost is not None:
        extensions = {**extensions, "cost": cost}
    if extensions:
        payload["extensions"] = extensions
    return payload


def refused(*errors: GraphQLError) -> ExecutionResult:
    return ExecutionResult(data=None, errors=list(errors))


def failed(fault: Exception) -> ExecutionResult:
    return refused(GraphQLError("", original_error=fault))


def _loaded(outcome: Outcome) -> int | None:
    if isinstance(outcome.answer, Planned):
        return outcome.answer.loaded
    loaded: int | None = getattr(outcome.context, "loaded", None)
    return loaded


def _untold(operation: OperationDefinitionNode) -> GraphQLError:
    return GraphQLError(
        "The schema isn't told here, or only to people who are signed in.", operation, extensions={"code": "FORBIDDEN"}
    )


def _takers(schema: GraphQLSchema) -> frozenset[str]:
    """The mutations that have an upload in their input."""
    return frozenset(
        name
        for name, field in (schema.mutation_type.fields if schema.mutation_type else {}).items()
        for argument in field.args.values()
        if isinstance(given := get_named_type(argument.type), GraphQLInputObjectType)
        and any(get_named_type(one.type).name == UPLOAD for one in given.fields.values())
    )


def _allow_file(document: DocumentNode, operation: OperationDefinitionNode, takers: frozenset[str]) -> None:
    asked = list(root_fields(document, operation))
    if len(asked) != 1 or asked[0] not in takers:
        raise HTTPException(
            400,
            f"A file can be sent with {' or '.join(f'`{name}`' for name in sorted(takers))}, and nothing beside it; "
            f"send anything else as {media.JSON}.",
        )


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    # Strawberry would run the first of several without being told to.
    if operation := get_operation_ast(document, name):
        return operation
    if name:
        raise GraphQLError(f'The document has no operation named "{name}".')
    if any(isinstance(definition, OperationDefinitionNode) for definition in document.definitions):
        raise GraphQLError("The document has several operations: name the one to run in `operationName`.")
    raise GraphQLError("The document has no operation.")


def plain(value: object) -> object:
    """What may stand in a JSON scalar and orjson doesn't know."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")

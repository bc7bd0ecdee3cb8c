"""GraphQL over HTTP, as the specification of that name (draft of 2025) has it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

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
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry import Schema
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.errors import TimedOut, Unavailable
from genji_graphql.http import graphiql, media, multipart
from genji_graphql.http import request as requests
from genji_graphql.http.compression import compress
from genji_graphql.http.documents import Document, Documents, root_fields
from genji_graphql.http.errors import CODES, INTERNAL, describe, format_errors
from genji_graphql.http.limits import Limits, overpriced
from genji_graphql.http.trusted import trusted_documents
from genji_graphql.plans.planner import Planned, Planner
from genji_graphql.plans.refusal import NotPlannable
from genji_graphql.schema.scalars import UPLOAD
from genji_graphql.settings import Introspection, Settings

MakeContext = Callable[[Request], Awaitable[Any]]
Finish = Callable[[Request, Response, Any], None]
"""What an operation leaves to be done to its response, such as to set a cookie; told with its context."""

# JSON before GraphQL's own type: a client that names neither is an old one, or a person with curl.
_ANSWERS = (media.JSON, media.GRAPHQL_RESPONSE)
_OFFERED_AT_FIRST = (*_ANSWERS, media.HTML)
_HEADERS = {
    media_type: [
        (b"content-type", f"{media_type}; charset=utf-8".encode()),
        (b"cache-control", b"no-store"),
        # By their Origin other sites' pages are let in, or not.
        (b"vary", b"Accept, Origin"),
        (b"x-content-type-options", b"nosniff"),
    ]
    for media_type in _ANSWERS
}
_FAULTS = {INTERNAL: 500, CODES[Unavailable]: 503, CODES[TimedOut]: 503}

_PATIENCE = 0.05
"""Seconds after which somebody looks at the clock, and whether the client is still there. Most answers take less."""

_SENDERS = 8
"""How many people may be sending a file to one process."""

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


class _Answer(Response):
    """Starlette's, with headers that are ready to go."""

    def __init__(self, body: bytes, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        self.raw_headers = [(b"content-length", b"%d" % len(body)), *headers]


class GraphQLEndpoint:
    """One address for queries and mutations, and for a browser the page to write them in."""

    def __init__(
        self,
        schema: Schema,
        make_context: MakeContext,
        settings: Settings,
        finish: Finish | None = None,
        planner: Planner | None = None,
    ) -> None:
        self.schema = schema
        self.make_context = make_context
        self.finish = finish
        self.planner = planner
        self.settings = settings
        self.tells_path = settings.is_local
        """Does a response say which path its answer took?"""
        self.limits = Limits.of(settings)
        self.graphql: GraphQLSchema = schema._schema  # noqa: SLF001 - Strawberry has no public way to it
        self.takers = _takers(self.graphql)
        """The mutations that take a file."""
        self._senders: set[int] = set()
        self.trusted = trusted_documents(settings.trusted_documents, self.graphql)
        self.tells_names = settings.introspection_for is Introspection.EVERYBODY
        """May a mistake be answered with names that were perhaps meant?"""
        self.documents = Documents(
            self.graphql, self.limits, settings.max_page_size, hide_suggestions=not self.tells_names
        )
        if ReadAlready not in schema.extensions:
            schema.extensions = (*schema.extensions, ReadAlready)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = requests.Incoming(scope, receive)
        try:
            response = await self.respond(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        media_type = media.JSON
        try:
            _check_method(request)
            wanted = _negotiated(request)
            if wanted == media.HTML:
                return graphiql.page(request)
            media_type = wanted
            if self.takers and request.method == "POST" and media.is_multipart(request.headers.get("content-type", "")):
                return await self.answer_with_file(request, media_type)
            asked = await requests.read(request, self.settings.max_body_bytes)
            return await self.answer(request, asked, media_type)
        except HTTPException as refusal:
            errors = [{"message": refusal.detail}]
            return _json_response({"errors": errors}, media_type, refusal.status_code, refusal.headers)
        except ClientDisconnect:
            raise
        except Exception as fault:  # noqa: BLE001 - nobody above says it in JSON
            return _executed(_failed(fault), media_type)

    async def answer_with_file(self, request: Request, media_type: str) -> Response:
        """Of those who may change nothing no file is read; of others one at a time."""
        viewer = (await self.make_context(request)).viewer
        if not viewer.may_write:
            raise HTTPException(403, "Sign in to send a file, or come with an access token that may change things.")
        with self._receiving(viewer.user_id):
            asked = await multipart.read(
                request, max_bytes=self.settings.max_body_bytes, max_file_bytes=self.settings.max_import_bytes
            )
            try:
                return await self.answer(request, asked, media_type)
            finally:
                if asked.upload is not None:
                    asked.upload.close()

    @contextmanager
    def _receiving(self, person_id: int) -> Iterator[None]:
        """Files take room while they come, and a slow one for long."""
        if person_id in self._senders:
            raise HTTPException(429, "One file at a time: another of yours is on its way.", {"Retry-After": "1"})
        if len(self._senders) >= _SENDERS:
            raise HTTPException(
                503,
                "So many are sending files that there is no room for more. Try again in a moment.",
                {"Retry-After": "5"},
            )
        self._senders.add(person_id)
        try:
            yield
        finally:
            self._senders.remove(person_id)

    async def answer(self, request: Request, asked: requests.Asked, media_type: str) -> Response:
        outcome = await self.execute(request, asked)
        response = _response_to(outcome, media_type)
        await compress(response, request.headers.get("accept-encoding", ""))
        if self.tells_path:
            response.headers["Genji-Path"] = outcome.path
        if outcome.context is not None and self.finish is not None:
            self.finish(request, response, outcome.context)
        return response

    async def execute(self, request: Request, asked: requests.Asked) -> Outcome:
        text = self.text(asked)
        try:
            document = self.documents.read(text)
            operation = _operation(document.ast, asked.operation_name)
            _allow(request, operation)
        except GraphQLError as error:
            return Outcome(_refused(error))
        if document.errors:
            return Outcome(_refused(*document.errors))
        if asked.upload is not None:
            _allow_file(document.ast, operation, self.takers)
        outcome = Outcome(_refused())
        try:
            outcome.context = context = await self.make_context(request)
            viewer = getattr(context, "viewer", ANONYMOUS)
            if document.introspects and not self.may_introspect(viewer):
                outcome.answer = _refused(_untold(operation))
                return outcome
            price = document.prices.of(operation, asked.variables)
            limit = self.limits.cost(viewer)
            if price > limit:
                outcome.answer = _refused(overpriced(price, limit, operation))
                return outcome
            variables = self.documents.variables(document, operation).coerced(asked.variables or {})
            if isinstance(variables, list):
                outcome.answer = _refused(*variables)
                return outcome
            # Whoever asks for a change and leaves expects it to be made.
            wanted_anyway = operation.operation is OperationType.MUTATION
            answering = self.run(document, asked, variables, outcome)
            await self.in_time(answering, request, wanted_anyway=wanted_anyway)
            if (loaded := _loaded(outcome)) is not None:
                outcome.cost = {"requested": price, "actual": loaded, "limit": limit}
        except (HTTPException, ClientDisconnect):
            raise
        except Exception as fault:  # noqa: BLE001 - the context could not be made, and the client shall get JSON
            outcome.answer = _failed(fault)
        return outcome

    def text(self, asked: requests.Asked) -> str:
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

    async def in_time(self, answering: Awaitable[None], request: Request, *, wanted_anyway: bool) -> None:
        """Ends what is under way, with its statements, at the deadline, or where the client has left."""
        loop, asking = asyncio.get_running_loop(), asyncio.current_task()
        deadline = loop.time() + self.settings.deadline
        watching: asyncio.Task[None] | None = None
        ended: Exception | None = None

        async def watch() -> None:
            nonlocal ended
            try:
                async with asyncio.timeout_at(deadline):
                    await (asyncio.Event().wait() if wanted_anyway else _left(request))
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

    async def run(self, document: Document, asked: requests.Asked, variables: VariableValues, outcome: Outcome) -> None:
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


async def _left(request: Request) -> None:
    """Waits until the client has left. Its request was read to the end, so that nothing else can come."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refused(*errors: GraphQLError) -> ExecutionResult:
    return ExecutionResult(data=None, errors=list(errors))


def _failed(fault: Exception) -> ExecutionResult:
    return _refused(GraphQLError("", original_error=fault))


def _loaded(outcome: Outcome) -> int | None:
    if isinstance(outcome.answer, Planned):
        return outcome.answer.loaded
    loaded: int | None = getattr(outcome.context, "loaded", None)
    return loaded


def _untold(operation: OperationDefinitionNode) -> GraphQLError:
    return GraphQLError(
        "The schema isn't told here, or only to people who are signed in.", operation, extensions={"code": "FORBIDDEN"}
    )


def _check_method(request: Request) -> None:
    if request.method not in ("GET", "POST"):
        raise HTTPException(405, "GraphQL is asked with POST, or with GET for a query.", {"Allow": "GET, POST"})


def _negotiated(request: Request) -> str:
    """The media type of the answer. Nothing is executed for a client that couldn't take the answer: 406."""
    opens_page = request.method == "GET" and "query" not in request.query_params
    offered = _OFFERED_AT_FIRST if opens_page else _ANSWERS
    media_type = media.preferred(request.headers.get("accept", ""), offered)
    if media_type is None:
        raise HTTPException(406, f"Answers come as {' or '.join(_ANSWERS)}, and the Accept header takes neither.")
    return media_type


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    # Strawberry would run the first of several without being told to.
    if operation := get_operation_ast(document, name):
        return operation
    if name:
        raise GraphQLError(f'The document has no operation named "{name}".')
    if any(isinstance(definition, OperationDefinitionNode) for definition in document.definitions):
        raise GraphQLError("The document has several operations: name the one to run in `operationName`.")
    raise GraphQLError("The document has no operation.")


def _allow(request: Request, operation: OperationDefinitionNode) -> None:
    if operation.operation is OperationType.SUBSCRIPTION:
        raise HTTPException(400, "A subscription can't be answered with a single response.")
    if operation.operation is OperationType.MUTATION and request.method == "GET":
        raise HTTPException(405, "A mutation must be sent with POST.", {"Allow": "POST"})


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


def _response_to(outcome: Outcome, media_type: str) -> Response:
    if isinstance(outcome.answer, Planned):
        extensions = b"" if outcome.cost is None else b',"extensions":' + orjson.dumps({"cost": outcome.cost})
        return _response(b"".join([b'{"data":', *outcome.answer.data, extensions, b"}"]), media_type, 200)
    result = outcome.answer
    if outcome.cost is not None:
        result.extensions = {**(result.extensions or {}), "cost": outcome.cost}
    return _executed(result, media_type)


def _executed(result: ExecutionResult, media_type: str) -> Response:
    errors = format_errors(result.errors or [])
    payload: dict[str, Any] = {"errors": errors} if errors else {}
    retry = _retry_after(errors)
    # Nothing but an invitation to come back: no cache, proxy or client shall take it for an answer.
    status = 503 if retry and result.data is None else 200
    if result.data is None and not any("path" in error for error in errors):
        status = _refusal_status(errors, media_type)
    else:
        payload["data"] = result.data
    if result.extensions:
        payload["extensions"] = result.extensions
    try:
        return _json_response(payload, media_type, status, retry)
    except orjson.JSONEncodeError as fault:
        return _json_response({"errors": [describe(fault)]}, media_type, 500)


def _refusal_status(errors: list[Any], media_type: str) -> int:
    """The status where nothing was executed. Of plain JSON the specification wants 200 for a mistake in the query."""
    codes = (error.get("extensions", {}).get("code") for error in errors)
    mistake = 200 if media_type == media.JSON else 400
    return max((_FAULTS.get(code, mistake) for code in codes), default=mistake)


def _retry_after(errors: list[Any]) -> dict[str, str]:
    """When to come back, where an error says so."""
    waits = [error["extensions"]["retryAfter"] for error in errors if "retryAfter" in error.get("extensions", {})]
    return {"Retry-After": str(max(waits))} if waits else {}


def _json_response(payload: Any, media_type: str, status: int, headers: Any = None) -> Response:
    return _response(orjson.dumps(payload, default=_plain), media_type, status, headers)


def _response(body: bytes, media_type: str, status: int, headers: Any = None) -> Response:
    response = _Answer(body, status, _HEADERS[media_type])
    if headers:
        response.headers.update(headers)
    return response


def _plain(value: object) -> object:
    """What may stand in a JSON scalar and orjson doesn't know."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")

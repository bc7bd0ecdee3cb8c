"""GraphQL over HTTP, as the specification of that name (draft of 2025) has it."""

from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from decimal import Decimal
from typing import Any

import orjson
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType, get_operation_ast, parse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry import Schema
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionResult

from genji_graphql.errors import Unavailable
from genji_graphql.http import graphiql, media
from genji_graphql.http import request as requests
from genji_graphql.http.errors import CODES, INTERNAL, describe, format_errors
from genji_graphql.settings import Settings

MakeContext = Callable[[Request], Awaitable[Any]]
Finish = Callable[[Request, Response, Any], None]
"""What an operation leaves to be done to its response, such as to set a cookie; told with its context."""

# JSON before GraphQL's own type: a client that names neither is an old one, or a person with curl.
_ANSWERS = (media.JSON, media.GRAPHQL_RESPONSE)
_FAULTS = {INTERNAL: 500, CODES[Unavailable]: 503}

_parsed: ContextVar[DocumentNode | None] = ContextVar("parsed", default=None)


class ParsedAlready(SchemaExtension):
    """Hands Strawberry the document that the endpoint has parsed, so that nobody parses twice."""

    def on_parse(self) -> Iterator[None]:
        if document := _parsed.get():
            self.execution_context.graphql_document = document
        yield


class GraphQLEndpoint:
    """One address for queries and mutations, and for a browser the page to write them in."""

    def __init__(
        self, schema: Schema, make_context: MakeContext, settings: Settings, finish: Finish | None = None
    ) -> None:
        self.schema = schema
        self.make_context = make_context
        self.finish = finish
        self.max_body_bytes = settings.max_body_bytes
        if ParsedAlready not in schema.extensions:
            schema.extensions = (*schema.extensions, ParsedAlready)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self.respond(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        media_type = media.JSON
        try:
            _check_method(request)
            media_type = _negotiated(request)
            if media_type == media.HTML:
                return graphiql.page(request)
            return await self.answer(request, media_type)
        except HTTPException as refusal:
            errors = [{"message": refusal.detail}]
            return _json_response({"errors": errors}, media_type, refusal.status_code, refusal.headers)

    async def answer(self, request: Request, media_type: str) -> Response:
        asked = await requests.read(request, self.max_body_bytes)
        result, context = await self.execute(request, asked)
        response = _answer(result, media_type)
        if context is not None and self.finish is not None:
            self.finish(request, response, context)
        return response

    async def execute(self, request: Request, asked: requests.Asked) -> tuple[ExecutionResult, Any]:
        context = None
        try:
            document = parse(asked.query)
            _allow(request, _operation(document, asked.operation_name))
        except GraphQLError as error:
            return ExecutionResult(data=None, errors=[error]), None
        token = _parsed.set(document)
        try:
            context = await self.make_context(request)
            result = await self.schema.execute(
                asked.query,
                variable_values=asked.variables,
                operation_name=asked.operation_name,
                context_value=context,
                operation_extensions=asked.extensions,
            )
        except HTTPException:
            raise
        except Exception as fault:  # noqa: BLE001 - the context could not be made, and the client shall get JSON
            result = ExecutionResult(data=None, errors=[GraphQLError("", original_error=fault)])
        finally:
            _parsed.reset(token)
        return result, context


def _check_method(request: Request) -> None:
    if request.method not in ("GET", "POST"):
        raise HTTPException(405, "GraphQL is asked with POST, or with GET for a query.", {"Allow": "GET, POST"})


def _negotiated(request: Request) -> str:
    """The media type of the answer. Nothing is executed for a client that couldn't take the answer: 406."""
    opens_page = request.method == "GET" and "query" not in request.query_params
    offered = (*_ANSWERS, media.HTML) if opens_page else _ANSWERS
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


def _answer(result: ExecutionResult, media_type: str) -> Response:
    errors = format_errors(result.errors or [])
    payload: dict[str, Any] = {"errors": errors} if errors else {}
    status = 200
    if result.data is None and not any("path" in error for error in errors):
        status = _refusal_status(errors, media_type)
    else:
        payload["data"] = result.data
    if result.extensions:
        payload["extensions"] = result.extensions
    try:
        return _json_response(payload, media_type, status)
    except orjson.JSONEncodeError as fault:
        return _json_response({"errors": [describe(fault)]}, media_type, 500)


def _refusal_status(errors: list[Any], media_type: str) -> int:
    """The status where nothing was executed. Of plain JSON the specification wants 200 for a mistake in the query."""
    codes = (error.get("extensions", {}).get("code") for error in errors)
    mistake = 200 if media_type == media.JSON else 400
    return max((_FAULTS.get(code, mistake) for code in codes), default=mistake)


def _json_response(payload: Any, media_type: str, status: int, headers: Any = None) -> Response:
    return Response(
        orjson.dumps(payload, default=_plain),
        status,
        {"Cache-Control": "no-store", "Vary": "Accept", "X-Content-Type-Options": "nosniff", **(headers or {})},
        f"{media_type}; charset=utf-8",
    )


def _plain(value: object) -> object:
    """What may stand in a JSON scalar and orjson doesn't know."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")

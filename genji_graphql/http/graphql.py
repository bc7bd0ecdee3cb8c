"""GraphQL over HTTP, as the specification of that name (draft of 2025) has it."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import orjson
from graphql import (
    OperationDefinitionNode,
    OperationType,
)
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry import Schema

from genji_graphql.errors import TimedOut, Unavailable
from genji_graphql.http import graphiql, media, multipart, sse
from genji_graphql.http import request as requests
from genji_graphql.http.compression import compress
from genji_graphql.http.errors import CODES, INTERNAL, describe
from genji_graphql.http.operations import Operations, Outcome, Transport, failed, payload_of, plain, rendered
from genji_graphql.http.seats import Audience, Seats
from genji_graphql.live.people import People
from genji_graphql.plans.planner import Planned, Planner
from genji_graphql.settings import Settings

MakeContext = Callable[[Request], Awaitable[Any]]
Finish = Callable[[Request, Response, Any], None]
"""What an operation leaves to be done to its response, such as to set a cookie; told with its context."""

# JSON before GraphQL's own type: a client that names neither is an old one, or a person with curl.
_ANSWERS = (media.JSON, media.GRAPHQL_RESPONSE)
_OFFERED_AT_FIRST = (*_ANSWERS, media.HTML)
# For who takes nothing else; a single answer is no event unless it has to be.
_STREAMED = (media.EVENT_STREAM,)
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

_SENDERS = 8
"""How many people may be sending a file to one process."""


class _ToBeStreamed(Exception):
    """The client takes a stream too, and nothing else will do."""


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
        audience: Audience | None = None,
    ) -> None:
        self.operations = Operations(schema, settings, planner)
        self.transport = Transport(make_context, _allow, _left)
        self.streams = sse.Streams(
            self.operations, make_context, _allow_streaming, _left, audience or Audience(People(), Seats(settings))
        )
        self.make_context = make_context
        self.finish = finish
        self.settings = settings
        self.tells_path = settings.is_local
        """Does a response say which path its answer took?"""
        self._senders: set[int] = set()

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
            if wanted == media.EVENT_STREAM:
                # What is wrong with a request is told before a stream begins.
                media_type = media.GRAPHQL_RESPONSE
                return await self.stream(request, await requests.read(request, self.settings.max_body_bytes))
            media_type = wanted
            if (
                self.operations.takers
                and request.method == "POST"
                and media.is_multipart(request.headers.get("content-type", ""))
            ):
                return await self.answer_with_file(request, media_type)
            asked = await requests.read(request, self.settings.max_body_bytes)
            return await self.answer(request, asked, media_type)
        except HTTPException as refusal:
            errors = [{"message": refusal.detail}]
            return _json_response({"errors": errors}, media_type, refusal.status_code, refusal.headers)
        except ClientDisconnect:
            raise
        except Exception as fault:  # noqa: BLE001 - nobody above says it in JSON
            return _response_to(Outcome(failed(fault)), media_type)

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

    async def stream(self, request: Request, asked: requests.Asked) -> Response:
        """The answer as events."""
        outcome, stream = await self.streams.execute(request, asked)
        if stream is not None:
            return stream
        response = _response_to(outcome, media.GRAPHQL_RESPONSE)
        if response.status_code == HTTPStatus.OK:
            response = sse.single(bytes(response.body))
        if outcome.context is not None and self.finish is not None:
            self.finish(request, response, outcome.context)
        return response

    async def answer(self, request: Request, asked: requests.Asked, media_type: str) -> Response:
        try:
            outcome = await self.operations.execute(self.transport, request, asked)
        except _ToBeStreamed:
            return await self.stream(request, asked)
        response = _response_to(outcome, media_type)
        await compress(response, request.headers.get("accept-encoding", ""))
        if self.tells_path:
            response.headers["Genji-Path"] = outcome.path
        if outcome.context is not None and self.finish is not None:
            self.finish(request, response, outcome.context)
        return response


async def _left(request: Request) -> None:
    """Waits until the client has left. Its request was read to the end, so that nothing else can come."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _check_method(request: Request) -> None:
    if request.method not in ("GET", "POST"):
        raise HTTPException(405, "GraphQL is asked with POST, or with GET for a query.", {"Allow": "GET, POST"})


def _negotiated(request: Request) -> str:
    """The media type of the answer. Nothing is executed for a client that couldn't take the answer: 406."""
    opens_page = request.method == "GET" and "query" not in request.query_params
    offered = _OFFERED_AT_FIRST if opens_page else _ANSWERS
    accept = request.headers.get("accept", "")
    media_type = media.preferred(accept, offered) or media.preferred(accept, _STREAMED)
    if media_type is None:
        raise HTTPException(406, f"Answers come as {' or '.join(_ANSWERS)}, and the Accept header takes neither.")
    return media_type


def _allow(request: Request, operation: OperationDefinitionNode) -> None:
    if operation.operation is OperationType.SUBSCRIPTION:
        if media.EVENT_STREAM in request.headers.get("accept", ""):
            raise _ToBeStreamed
        raise HTTPException(
            400,
            f"A subscription can't be answered with a single response. Send it with `Accept: {media.EVENT_STREAM}`, or "
            "over a WebSocket of the subprotocol graphql-transport-ws.",
        )
    _allow_streaming(request, operation)


def _allow_streaming(request: Request, operation: OperationDefinitionNode) -> None:
    if operation.operation is OperationType.MUTATION and request.method == "GET":
        raise HTTPException(405, "A mutation must be sent with POST.", {"Allow": "POST"})


def _response_to(outcome: Outcome, media_type: str) -> Response:
    if isinstance(outcome.answer, Planned):
        return _response(rendered(outcome.answer, outcome.cost), media_type, 200)
    payload = payload_of(outcome.answer, outcome.cost)
    errors = payload.get("errors", [])
    retry = _retry_after(errors)
    if "data" not in payload:
        status = _refusal_status(errors, media_type)
    else:
        # Nothing but an invitation to come back: no cache, proxy or client shall take it for an answer.
        status = 503 if retry and payload["data"] is None else 200
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
    return _response(orjson.dumps(payload, default=plain), media_type, status, headers)


def _response(body: bytes, media_type: str, status: int, headers: Any = None) -> Response:
    response = _Answer(body, status, _HEADERS[media_type])
    if headers:
        response.headers.update(headers)
    return response

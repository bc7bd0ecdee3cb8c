"""What a client asks: GraphQL's parameters, read from a body or a URL and checked."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from genji_graphql.http import media
from genji_graphql.uploads import Upload


class Indexed(Headers):
    """Headers that are found at once, and decoded when they are; Starlette searches its own from the beginning."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        # Of several lines of one name the first counts, as it does there.
        self._first = dict(reversed(self.raw))

    def get(self, key: str, default: Any = None) -> Any:
        value = self._first.get(_sent_as(key))
        return default if value is None else value.decode("latin-1")

    def __getitem__(self, key: str) -> str:
        return self._first[_sent_as(key)].decode("latin-1")

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and _sent_as(key) in self._first


@lru_cache
def _sent_as(name: str) -> bytes:
    return name.lower().encode("latin-1")


class Incoming(Request):
    """A request whose headers are asked for again and again."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self._headers = Indexed(scope)

    @property
    def headers(self) -> Headers:
        return self._headers


@dataclass(frozen=True)
class Asked:
    """The parameters of one GraphQL request."""

    query: str
    """The document; empty where a trusted one is named instead."""
    document_id: str | None
    operation_name: str | None
    variables: dict[str, Any] | None
    extensions: dict[str, Any] | None
    upload: Upload | None = None
    """The file that came with it, which stands among the variables too."""


async def read(request: Request, max_bytes: int) -> Asked:
    if request.method == "GET":
        return checked(_from_url(request, max_bytes))
    return checked(await _from_body(request, max_bytes))


async def _from_body(request: Request, max_bytes: int) -> Any:
    if not media.is_json(request.headers.get("content-type", "")):
        raise HTTPException(415, f"The body must be {media.JSON} in UTF-8, and the Content-Type must say so.")
    if declared_length(request) > max_bytes:
        raise too_large(max_bytes)
    return parsed(await _body(request, max_bytes), "The body")


def declared_length(request: Request) -> int:
    """How long the body is said to be; 0 where nothing is said."""
    # Python makes no number of thousands of digits.
    declared = request.headers.get("content-length", "").lstrip("0")[:20]
    return int(declared) if declared.isdecimal() else 0


async def _body(request: Request, max_bytes: int) -> bytearray:
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise too_large(max_bytes)
        if not message.get("more_body", False):
            return body


def _from_url(request: Request, max_bytes: int) -> dict[str, Any]:
    text: bytes = request.scope["query_string"]
    if len(text) > max_bytes:
        raise HTTPException(414, f"The address is longer than the {max_bytes} bytes that are taken. Use POST.")
    try:
        given: dict[str, Any] = dict(parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        raise HTTPException(400, "The parameters in the address aren't valid UTF-8.") from None
    # In an address, what is left empty is left out.
    asked = {name: value for name, value in given.items() if value}
    for name in asked.keys() & {"variables", "extensions"}:
        asked[name] = parsed(asked[name], f"`{name}`")
    return asked


def parsed(text: bytearray | str, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"{what} isn't valid JSON: {error}.") from None


def checked(asked: Any, upload: Upload | None = None) -> Asked:
    if not isinstance(asked, dict):
        raise HTTPException(400, "The body must be one JSON object with a `query`; a batch of several isn't taken.")
    query = _typed(asked, "query", str, "a string")
    document_id = _typed(asked, "documentId", str, "a string")
    if not query and not document_id:
        raise HTTPException(400, "The `query` is missing.")
    if query and document_id:
        raise HTTPException(400, "Send a `query` or a `documentId`, not both.")
    return Asked(
        query=query or "",
        document_id=document_id or None,
        operation_name=_typed(asked, "operationName", str, "a string") or None,
        variables=_typed(asked, "variables", dict, "an object"),
        extensions=_typed(asked, "extensions", dict, "an object"),
        upload=upload,
    )


def _typed(asked: dict[str, Any], name: str, kind: type, called: str) -> Any:
    value = asked.get(name)
    if value is None or isinstance(value, kind):
        return value
    raise HTTPException(400, f"`{name}` must be {called}.")


def too_large(max_bytes: int) -> HTTPException:
    # The rest of the body is never read, so the connection can't be used again.
    return HTTPException(413, f"The body is larger than the {max_bytes} bytes that are taken.", {"Connection": "close"})

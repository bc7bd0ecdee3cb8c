"""A file and the operation that takes it, in one body.

GraphQL multipart request specification (jaydenseric/graphql-multipart-request-spec), over RFC 7578. The operation comes
first, then the map that says which variable the file is for, then the file: so what is too much is known before it is
read. One file at a time; nothing here is held in memory but the operation.
"""

import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from genji_graphql.http import media
from genji_graphql.http.request import Asked, checked, declared_length, parsed, too_large
from genji_graphql.uploads import Upload

_LONGEST_BOUNDARY = 70


async def read(request: Request, *, max_bytes: int, max_file_bytes: int) -> Asked:
    """What is asked, its file in its place. `max_bytes` bounds all but the file.

    A file that is larger than it may be is read no further; its upload says so.
    """
    body = _Parts(request, _boundary(request))
    operations = parsed(await body.text("operations", max_bytes), "`operations`")
    places = parsed(await body.text("map", max_bytes), "`map`")
    checked(operations)
    key, path = _place(places)
    holder, name = _null(operations, path)
    fits = declared_length(request) <= max_bytes + max_file_bytes
    upload = await body.file(key, max_file_bytes if fits else 0)
    holder[name] = upload
    try:
        if not upload.is_too_large:
            await body.ends()
    except BaseException:
        upload.close()
        raise
    return checked(operations, upload)


def _boundary(request: Request) -> bytes:
    _, parameters = media.parse(request.headers.get("content-type", ""))
    boundary = parameters.get("boundary", "")
    if not (boundary.isascii() and boundary.isprintable() and 0 < len(boundary) <= _LONGEST_BOUNDARY):
        raise HTTPException(400, "The Content-Type has no `boundary` that can be taken.")
    return boundary.encode()


def _place(places: Any) -> tuple[str, list[str]]:
    """Which part is the file, and the way to its variable."""
    match places:
        case dict() if len(places) == 1:
            ((key, paths),) = places.items()
        case dict() if places:
            raise HTTPException(400, "One file at a time: the `map` names several.")
        case _:
            raise HTTPException(400, 'The `map` must say what the file is for, as in {"0": ["variables.input.file"]}.')
    if not (isinstance(paths, list) and len(paths) == 1 and isinstance(paths[0], str)):
        raise HTTPException(400, "A file is for one variable.")
    first, *path = paths[0].split(".")
    if first != "variables" or not path:
        raise HTTPException(400, "A file takes the place of a variable, as in `variables.input.file`.")
    return key, path


def _null(operations: Any, path: list[str]) -> tuple[dict[str, Any], str]:
    """Where the file goes: what holds the null that stands there, and by which name."""
    holder = operations.get("variables")
    *way, name = path
    for step in way:
        holder = holder.get(step) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or name not in holder or holder[name] is not None:
        raise HTTPException(400, f"There is no null in `operations` at `variables.{'.'.join(path)}` for the file.")
    return holder, name


class _Parts:
    """A multipart body, part by part as it comes."""

    def __init__(self, request: Request, boundary: bytes) -> None:
        self._request = request
        self._has_more = True
        self._come: deque[_Piece] = deque()
        """What was taken apart and not yet asked for: of each part its headers, its content in pieces, and None."""
        self._header, self._headers = [bytearray(), bytearray()], dict[bytes, bytes]()
        self._is_over = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._keep_header,
                "on_headers_finished": lambda: self._come.append(dict(self._headers)),
                "on_part_data": lambda data, start, end: self._come.append(data[start:end]),
                "on_part_end": lambda: self._come.append(None),
                "on_end": self._end,
            },
        )

    async def text(self, name: str, most: int) -> bytearray:
        """The whole of the next part, which must be of this name."""
        await self._begin(name)
        content = bytearray()
        async for piece in self._content():
            content += piece
            if len(content) > most:
                raise too_large(most)
        return content

    async def file(self, name: str, most: int) -> Upload:
        """The next part, which must be a file of this name."""
        told = await self._begin(name)
        if not told.get("filename"):
            raise HTTPException(400, f"The part `{name}` must be a file, with its name.")
        # Some send the way to it on their own machine, and some would like it to lead somewhere on ours.
        upload = Upload(re.split(r"[/\\]", told["filename"])[-1])
        try:
            if most <= 0:
                upload.give_up()
                return upload
            async for piece in self._content():
                if upload.size + len(piece) > most:
                    upload.give_up()
                    break
                upload.write(piece)
        except BaseException:
            upload.close()
            raise
        return upload

    async def ends(self) -> None:
        """Raises where another part follows."""
        if await self._next() is not _END:
            raise HTTPException(400, "One file at a time: nothing may follow it.")

    async def _begin(self, name: str) -> Mapping[str, str]:
        """What the headers of the next part say of it."""
        headers = await self._next()
        if headers is _END:
            raise HTTPException(
                400, f"The part `{name}` is missing: `operations`, `map` and a file come in this order."
            )
        assert isinstance(headers, dict)  # noqa: S101 - with them a part begins
        told = _parameters(headers.get(b"content-disposition", b""))
        if told.get("name") != name:
            raise HTTPException(400, f"The next part must be `{name}`: `operations`, `map` and a file, in this order.")
        return told

    async def _content(self) -> AsyncIterator[bytes]:
        """The rest of this part."""
        while (piece := await self._next()) is not None:
            assert isinstance(piece, bytes)  # noqa: S101 - of that a part consists until it ends
            yield piece

    async def _next(self) -> "_Piece":
        while not self._come:
            if self._is_over:
                return _END
            await self._read()
        return self._come.popleft()

    async def _read(self) -> None:
        if not self._has_more:
            raise HTTPException(400, "The body breaks off.")
        message = await self._request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self._has_more = message.get("more_body", False)
        try:
            self._parser.write(message.get("body", b""))
        except MultipartParseError:
            raise HTTPException(400, "The body isn't what multipart/form-data is.") from None

    def _keep_header(self) -> None:
        name, value = map(bytes, self._header)
        self._headers[name.lower()] = value
        self._header = [bytearray(), bytearray()]

    def _end(self) -> None:
        self._is_over = True


_END: Mapping[bytes, bytes] = {}
"""In place of headers: no part follows."""
_Piece = Mapping[bytes, bytes] | bytes | None


def _parameters(disposition: bytes) -> dict[str, str]:
    """`form-data; name="0"; filename="a.xml"` → its parameters. Browsers write a quotation mark as `%22`."""
    _, found = parse_options_header(disposition)
    told = {name.decode(): given.decode("utf-8", "replace") for name, given in found.items()}
    return {name: given.replace("%22", '"') for name, given in told.items()}

"""Large answers, compressed where the client asks for it (RFC 9110, sections 8.4 and 12.5.3)."""

import asyncio
import gzip
from functools import lru_cache

from starlette.responses import Response

from genji_graphql.http import media

_WORTH_IT = 16_000
"""Bytes below which an answer isn't much longer on its way than its compression takes."""
_LEVEL = 4
"""Of nine. A reading view is then a tenth as long; higher levels take twice the time for little."""


async def compress(response: Response, accept_encoding: str) -> None:
    """Compress the body of a response, if that pays and the client can read it."""
    if len(response.body) < _WORTH_IT:
        return
    response.headers["Vary"] += ", Accept-Encoding"
    if takes_gzip(accept_encoding):
        # Beside the loop, since the compression of a megabyte takes longer than many an answer.
        response.body = await asyncio.to_thread(gzip.compress, bytes(response.body), _LEVEL, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))


@lru_cache
def takes_gzip(accept_encoding: str) -> bool:
    named = dict(media.parse(part) for part in accept_encoding.split(","))
    parameters = named.get("gzip", named.get("*"))
    return parameters is not None and parameters.get("q", "1").strip("0.") != ""

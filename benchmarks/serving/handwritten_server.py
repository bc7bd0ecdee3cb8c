"""Serves the handwritten statements: `python -m benchmarks.serving.handwritten_server FORM URL PORT`.

As little as can stand between a socket and a statement: an ASGI application without a framework, and a pool whose
connections keep their statements prepared. Who asks, and for what, comes with the request as plain numbers.
"""

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import asyncpg
import orjson
import uvicorn

from benchmarks.serving.handwritten import statements

Message = MutableMapping[str, Any]


class App:
    def __init__(self, form: str, url: str, connections: int) -> None:
        self.statements = statements(form)
        self.url = url
        self.connections = connections
        self.pool: asyncpg.Pool | None = None

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            return await self.live(receive, send)
        body = await self.answer(scope["path"][1:], orjson.loads((await receive())["body"]))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return None

    async def answer(self, name: str, asked: dict[str, Any]) -> bytes:
        assert self.pool is not None
        statement = self.statements[name, "user" not in asked]
        body: bytes = await self.pool.fetchval(statement.sql, *(asked[key] for key in statement.parameters))
        return body

    async def live(self, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
        await receive()
        # Without JIT, like the server that this is compared with: to compile takes longer than to run.
        self.pool = await asyncpg.create_pool(
            self.url, min_size=self.connections, max_size=self.connections, server_settings={"jit": "off"}
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.pool.close()
        await send({"type": "lifespan.shutdown.complete"})


def main(form: str, url: str, port: str, connections: str) -> None:
    app = App(form, url, int(connections))
    uvicorn.run(
        app, port=int(port), loop="uvloop", http="httptools", access_log=False, log_level="warning", lifespan="on"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

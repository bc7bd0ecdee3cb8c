"""Subscriptions as Strawberry's documentation has them: `python -m benchmarks.live.plain URL PORT CONNECTIONS`.

Each subscriber has a queue, loads what is new for itself and has it serialised for itself. No rules of sight are asked
and no cursor is kept, and the reader goes by the id alone, which loses what commits late: all of it in its favour.
"""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
import strawberry
import uvicorn
from fastapi import FastAPI
from strawberry.fastapi import BaseContext, GraphQLRouter
from strawberry.scalars import JSON

from genji_graphql import models
from genji_graphql.reads.ids import global_id, row_id

POLL = 0.005
_NEW = "SELECT id, document_id FROM app.annotations WHERE id > $1 ORDER BY id"
_LOAD = """
SELECT note.id, note.body, note.created, users.username
FROM app.annotations AS note LEFT JOIN app.users ON users.id = note.creator_id WHERE note.id = $1
"""

_listening: dict[int, set[asyncio.Queue[int]]] = {}
"""The queues of those who listen to each document."""


@strawberry.type
class User:
    username: str


@strawberry.type
class Annotation:
    id: strawberry.ID
    body: JSON
    created: datetime
    creator: User


@strawberry.type
class Added:
    cursor: str
    annotation: Annotation


@strawberry.type
class Query:
    @strawberry.field
    def document(self, id: strawberry.ID) -> strawberry.ID:  # noqa: A002 - it is the argument's name
        return id


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def annotation_added(self, info: strawberry.Info, document: strawberry.ID) -> AsyncGenerator[Added, None]:
        queue: asyncio.Queue[int] = asyncio.Queue()
        listening = _listening.setdefault(row_id(document, models.Document) or 0, set())
        listening.add(queue)
        try:
            while True:
                number = await queue.get()
                row = await info.context.pool.fetchrow(_LOAD, number)
                annotation = Annotation(
                    id=strawberry.ID(global_id("Annotation", number)),
                    body=JSON(json.loads(row["body"])),
                    created=row["created"],
                    creator=User(username=row["username"]),
                )
                yield Added(cursor=str(number), annotation=annotation)
        finally:
            listening.discard(queue)


async def _follow(pool: Any) -> None:
    last = await pool.fetchval("SELECT coalesce(max(id), 0) FROM app.annotations")
    while True:
        for row in await pool.fetch(_NEW, last):
            last = row["id"]
            for queue in _listening.get(row["document_id"], ()):
                queue.put_nowait(last)
        await asyncio.sleep(POLL)


class Context(BaseContext):
    pool: Any


def _app(url: str, connections: int) -> FastAPI:
    context = Context()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(url, max_size=connections) as context.pool:
            following = asyncio.create_task(_follow(context.pool))
            yield
            following.cancel()

    def make_context() -> Context:
        made = Context()
        made.pool = context.pool
        return made

    app = FastAPI(lifespan=lifespan)
    schema = strawberry.Schema(Query, subscription=Subscription)
    app.include_router(GraphQLRouter(schema, context_getter=make_context), prefix="/graphql")
    return app


if __name__ == "__main__":
    uvicorn.run(
        _app(sys.argv[1], int(sys.argv[3])),
        port=int(sys.argv[2]),
        log_level="warning",
        access_log=False,
        ws_per_message_deflate=False,
    )

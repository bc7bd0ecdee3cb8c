"""The application: its routes, and what lives as long as it does."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from genji_graphql import __version__, migrations
from genji_graphql.access.viewer import Viewer
from genji_graphql.context import Context, Services
from genji_graphql.database import create_engine, reading_sessions, writing_sessions
from genji_graphql.driver import Connections
from genji_graphql.http.credentials import Credential, Credentials, with_cors
from genji_graphql.http.graphiql import account_pages, assets
from genji_graphql.http.graphql import GraphQLEndpoint
from genji_graphql.http.health import health_routes
from genji_graphql.http.metrics import metrics_app
from genji_graphql.http.seats import Audience, Seats
from genji_graphql.http.subscriptions import Subscriptions
from genji_graphql.http.websocket import WebSockets, refuse
from genji_graphql.identity.cas import Cas
from genji_graphql.identity.limits import Limits
from genji_graphql.identity.mail import Mailer
from genji_graphql.identity.viewer import Doorkeeper
from genji_graphql.live.live import Live
from genji_graphql.plans.planner import Planner
from genji_graphql.schema import schema
from genji_graphql.settings import Settings
from genji_graphql.transfer.importer import Importer
from genji_graphql.writes.purging import keep_purging

Identify = Callable[[HTTPConnection], Awaitable[Viewer]]


GRAPHQL = "/graphql"

_LEEWAY = 1.0
"""Seconds after an operation's deadline when the database ends a statement that nobody has ended."""


class Application(FastAPI):
    """Takes what is for GraphQL there past middleware and routes: a point query would feel them."""

    graphql: ASGIApp
    websockets: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == GRAPHQL:
            await self.graphql(scope, receive, send)
        elif scope["type"] == "websocket":
            if scope["path"] == GRAPHQL:
                await self.websockets(scope, receive, send)
            else:
                await receive()
                await refuse(scope, send, HTTPException(404, f"WebSockets are opened at {GRAPHQL}."))
        else:
            await super().__call__(scope, receive, send)


@asynccontextmanager
async def _beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work that goes on meanwhile, and is told to stop in the end."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def create_app(settings: Settings, identify: Identify | None = None, *, plans: bool = True) -> FastAPI:
    """The server on the settings' database. It neither waits for that database nor migrates it: `genji run` does.

    `identify` says who sends a request, in place of the session or the access token that it came with. Without `plans`
    the general executor answers everything.
    """
    engine = create_engine(settings, settings.deadline + _LEEWAY)
    writing = writing_sessions(engine)
    connections = Connections(engine, settings)
    doorkeeper = Doorkeeper(connections)
    services = Services(
        settings,
        reading_sessions(engine),
        writing,
        Limits(settings),
        Mailer(settings),
        Cas(settings),
        Importer(settings, writing),
        Live(engine, settings, doorkeeper.viewer),
    )
    credentials = Credentials(settings)
    graph = schema._schema  # noqa: SLF001 - it has no other name
    planner = Planner(graph, connections, settings.max_page_size)

    async def close() -> None:
        await services.mailer.close()
        await services.live.close()
        await connections.close()
        await engine.dispose()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # What is there from the start stays: the collector of garbage needn't look through it again and again.
        gc.collect()
        gc.freeze()
        purging = [keep_purging(services.writing, settings.purge_interval)] if settings.purge_interval else []
        async with _beside(services.importer.run(), *services.live.work, *purging):
            yield
        await close()

    def whose(connection: HTTPConnection, credential: Credential | None) -> Callable[[], Awaitable[Viewer]]:
        if identify is None:
            return partial(credentials.viewer, credential, doorkeeper)
        # A copy, because what a connection came with is forgotten when it is let in.
        headers = [*connection.scope["headers"]]
        return partial(identify, HTTPConnection({**connection.scope, "headers": headers}))

    def context_of(viewer: Viewer, token: str | None, address: str | None = None) -> Context:
        return Context(viewer, services, address=address, token=token)

    async def make_context(request: Request) -> Context:
        credential, client = None if identify else credentials.of(request), request.client
        return Context(
            await (identify(request) if identify else credentials.viewer(credential, doorkeeper)),
            services,
            address=client.host if client else None,
            is_from_our_pages=partial(credentials.is_from_our_pages, request),
            token=None if credential is None else credential.token,
        )

    def finish(_request: Request, response: Response, context: Context) -> None:
        if context.started is not None and context.started.expires_at is not None:
            credentials.keep(response, context.started.token, context.started.expires_at)
        elif context.ended:
            credentials.forget(response)

    async def acknowledged() -> dict[str, Any]:
        # From here a client can go on that is interrupted before it was told anything.
        return {"cursor": await services.live.now()}

    async def why_not_ready() -> str | None:
        return (await migrations.state(engine)).complaint

    app = Application(
        title="Genji",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # to whatever host a request names
    )
    app.state.engine = engine
    app.state.connections = connections
    app.state.importer = services.importer
    app.state.services = services
    app.state.live = services.live
    app.state.close = close
    # On connections of its own, so that nobody who asks waits behind those who listen.
    telling = Planner(graph, services.live.connections, settings.max_page_size) if plans else None
    subscriptions = Subscriptions(graph, services.live, context_of, telling)
    app.state.subscriptions = subscriptions
    app.state.audience = audience = Audience(services.live.people, Seats(settings), subscriptions)
    app.state.metrics = metrics_app(services.live, audience.seats)
    endpoint = GraphQLEndpoint(schema, make_context, settings, finish, planner if plans else None, audience)
    app.state.endpoint = endpoint
    app.graphql = with_cors(endpoint, settings)
    app.router.routes.append(Route(GRAPHQL, app.graphql))
    app.websockets = WebSockets(endpoint.operations, credentials, whose, context_of, audience, acknowledged)
    app.router.routes.extend([*account_pages, assets])
    app.router.routes.extend(health_routes(why_not_ready))
    return app

"""The application: its routes, and what lives as long as it does."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.requests import Request
from starlette.routing import Route

from genji_graphql import __version__, migrations
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.context import Context
from genji_graphql.database import create_engine, reading_sessions
from genji_graphql.http.graphiql import assets
from genji_graphql.http.graphql import GraphQLEndpoint
from genji_graphql.http.health import health_routes
from genji_graphql.reads.loaders import Loaders
from genji_graphql.schema import schema
from genji_graphql.settings import Settings

Identify = Callable[[Request], Awaitable[Viewer]]


async def anonymously(_request: Request) -> Viewer:
    """Until there are accounts, everybody is nobody."""
    return ANONYMOUS


def create_app(settings: Settings, identify: Identify = anonymously) -> FastAPI:
    """The server on the settings' database. It neither waits for that database nor migrates it: `genji run` does."""
    engine = create_engine(settings)
    sessions = reading_sessions(engine)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    async def make_context(request: Request) -> Context:
        viewer = await identify(request)
        return Context(viewer, Loaders(sessions, viewer, settings.request_connections), settings.max_page_size)

    async def why_not_ready() -> str | None:
        return (await migrations.state(engine)).complaint

    app = FastAPI(
        title="Genji", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.engine = engine
    app.router.routes.append(Route("/graphql", GraphQLEndpoint(schema, make_context, settings)))
    app.router.routes.append(assets)
    app.router.routes.extend(health_routes(why_not_ready))
    return app

"""The `genji` command."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql import embedded, migrations
from genji_graphql.database import create_engine, wait_until_ready, writing_sessions
from genji_graphql.errors import GenjiError, Invalid, Unavailable
from genji_graphql.memory import keep_what_is_freed
from genji_graphql.settings import Settings
from genji_graphql.vocabulary import Visibility

Result = TypeVar("Result")

_FAREWELL = 10.0
"""Seconds that a worker may take to end, beyond what an operation may. It gives up by itself a little earlier."""

app = typer.Typer(
    help="Genji: a GraphQL server for reading and annotating texts together.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> None:
    # SIGTERM ends a command as Ctrl-C does, so that the embedded PostgreSQL is let go. (uvicorn raises the signal
    # again after it has shut down; by default that would end the process on the spot.)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        app()
    except GenjiError as error:
        err.print(str(error), style="red", markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def run(
    host: Annotated[str | None, typer.Option(help="The address to listen on.", show_default="GENJI_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.", show_default="GENJI_PORT")] = None,
    workers: Annotated[
        int | None, typer.Option(help="How many processes serve.", min=1, show_default="GENJI_WORKERS")
    ] = None,
    migrate: Annotated[bool, typer.Option("--migrate", help="Migrate the database first, as with --demo.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Load the demonstration into an empty database.")] = False,
) -> None:
    """Run the server. Without DATABASE_URL or DB_HOST it brings a PostgreSQL of its own, and migrates it."""
    from genji_graphql.serving import serve
    from genji_graphql.workers import Workers

    keep_what_is_freed()
    settings = _settings()
    count = settings.workers if workers is None else workers
    places = _places(settings, settings.host if host is None else host, settings.port if port is None else port, count)
    with ExitStack() as stack:
        for listener in (listener for place in places for listener in place):
            stack.enter_context(listener)
        connected = stack.enter_context(_database(settings, migrate=migrate or demo))
        if demo:
            _with_engine(connected, _load_demo)
        out.print(f"Genji is at [bold]{_address(places[0][0])}/graphql[/bold]")
        for listener in (listener for place in places for listener in place[1:]):
            out.print(f"Its metrics are at {_address(listener)}/metrics")
        if count == 1:
            serve(connected, places[0])
        else:
            act = partial(serve, connected, parent=os.getpid())
            Workers(places, act, settings.deadline + _FAREWELL, lambda told: err.print(told, markup=False)).run()


@app.command()
def migrate(revision: Annotated[str, typer.Argument(help="The migration to come to.")] = "head") -> None:
    """Bring the database to the newest migration."""

    async def upgrade(engine: AsyncEngine) -> None:
        await migrations.upgrade(engine, settings, revision)
        out.print(f"The database is at migration {(await migrations.state(engine)).current}.")

    with _database(_settings(), checked=False) as settings:
        _with_engine(settings, upgrade)


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="TEI, Word or plain text files.", show_default=False)],
    collection: Annotated[str, typer.Option(help="The title of the collection; created where there is none.")],
    language: Annotated[str | None, typer.Option(help="The language of the collection, such as ja.")] = None,
    visibility: Annotated[
        Visibility | None, typer.Option(help="Who may see the collection. A new one is public unless told.")
    ] = None,
) -> None:
    """Import texts into a collection. A file that is imported again updates what it brought before."""
    from genji_graphql.transfer.files import check
    from genji_graphql.transfer.importing import Destination, Outcome, import_file

    into = Destination(collection, language, visibility)
    settings = _settings()
    for path in paths:
        check(path, settings.max_import_bytes)

    async def import_all(engine: AsyncEngine) -> int:
        sessions, claims, failed, total = writing_sessions(engine), dict[str, Path](), 0, Outcome()
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=err, transient=True
        ) as bar:
            task = bar.add_task("", total=len(paths))
            for path in paths:
                bar.update(task, description=path.name)
                try:
                    outcome = await import_file(
                        sessions, path, into, max_bytes=settings.max_import_bytes, claims=claims
                    )
                except GenjiError as error:
                    failed += 1
                    err.print(str(error), style="red", markup=False)
                else:
                    total += outcome
                    out.print(f"{path.name}: {outcome}", markup=False)
                bar.advance(task)
        out.print(f"{collection}: {total}", style="bold", markup=False)
        return failed

    with _database(settings) as connected:
        if failed := _with_engine(connected, import_all):
            raise GenjiError(f"{failed} of {len(paths)} files could not be imported." if len(paths) > 1 else "")


@app.command()
def demo() -> None:
    """Load the demonstration into an empty database."""
    with _database(_settings()) as settings:
        if not _with_engine(settings, _load_demo):
            raise Invalid("The database already holds people or texts, so the demonstration was not loaded.")


@app.command()
def purge() -> None:
    """Delete for good what was deleted more than 30 days ago. A server that runs does so itself."""
    from genji_graphql.writes import purging

    async def go(engine: AsyncEngine) -> None:
        purged = await purging.purge(writing_sessions(engine))
        out.print(f"Purged: {purging.told(purged)}.", markup=False)

    with _database(_settings()) as settings:
        _with_engine(settings, go)


@app.command()
def create_admin(
    username: Annotated[str, typer.Argument(help="The user name to sign in with.", show_default=False)],
    email: Annotated[str, typer.Argument(help="The e-mail address.", show_default=False)],
) -> None:
    """Create an administrator. The password is asked for, or read from the standard input."""
    from genji_graphql.identity import accounts

    async def create(engine: AsyncEngine) -> None:
        async with writing_sessions(engine).begin() as session:
            await accounts.create_admin(session, username=username, email=email, password=password)

    password = _new_password()
    with _database(_settings()) as settings:
        _with_engine(settings, create)
    out.print(f"{username} can sign in as an administrator.", markup=False)


@app.command()
def reset_password(
    username: Annotated[str, typer.Argument(help="A user name or an e-mail address.", show_default=False)],
    link: Annotated[bool, typer.Option("--link", help="Print a link for them to choose one themselves.")] = False,
) -> None:
    """Give somebody a new password, which is asked for or read from the standard input, or a link to choose one."""
    from genji_graphql.identity import accounts
    from genji_graphql.identity.mail import reset_link

    async def replace(engine: AsyncEngine) -> None:
        async with writing_sessions(engine).begin() as session:
            await accounts.set_password(session, await accounts.find(session, username), password)
        out.print(f"{username} has a new password, and whoever was signed in no longer is.", markup=False)

    async def make_link(engine: AsyncEngine) -> None:
        async with writing_sessions(engine).begin() as session:
            reset = await accounts.create_password_reset(session, await accounts.find(session, username))
        err.print("This link works once, within an hour:", markup=False)
        out.print(reset_link(settings, reset.token), markup=False)

    password = "" if link else _new_password()
    with _database(_settings()) as settings:
        _with_engine(settings, make_link if link else replace)


@app.command()
def schema(
    check: Annotated[Path | None, typer.Option(help="Tell whether this file holds it, instead.")] = None,
) -> None:
    """Print the GraphQL schema."""
    from genji_graphql.schema import schema as graph

    printed = graph.as_str().rstrip() + "\n"
    if check is None:
        sys.stdout.write(printed)
    elif not check.is_file() or check.read_text() != printed:
        raise Invalid(f"{check} is not the schema of the code; `./dev schema` writes it anew.")


@app.command()
def doctor() -> None:
    """Tell how the database is: its version, its extensions, its migrations, and the pool's settings."""

    async def examine(engine: AsyncEngine) -> str | None:
        async with engine.connect() as connection:
            version = await connection.scalar(text("SELECT version()"))
            extensions = await connection.scalars(text("SELECT extname || ' ' || extversion FROM pg_extension"))
            state = await migrations.state(engine)
            facts = {
                "server": version,
                "address": engine.url.render_as_string(hide_password=True),
                "extensions": ", ".join(sorted(extensions)),
                "migration": f"{state.current or 'none'} (newest: {state.head})",
                "pool": f"{settings.db_pool_size} connections for plans, {settings.db_max_overflow} for all else, "
                f"{settings.db_pool_timeout:g} s to wait for one, recycled after {settings.db_pool_recycle} s, "
                f"{'tested' if settings.db_pool_pre_ping else 'not tested'} before use",
            }
        for name, fact in facts.items():
            out.print(f"{name:11} {fact}", markup=False)
        return state.complaint

    with _database(_settings().model_copy(update={"db_max_retries": 0}), checked=False) as settings:
        if complaint := _with_engine(settings, examine):
            raise Unavailable(complaint)


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        # pydantic's own text quotes the values, and one may be a password.
        problems = "\n".join(
            f"{'.'.join(map(str, e['loc'])).upper() or 'settings'}: {e['msg']}" for e in error.errors()
        )
        raise Invalid(f"The environment holds a setting that can't be used.\n{problems}") from None


def _new_password() -> str:
    """Never an argument: those are seen by every account of the machine, and kept in the shell's history."""
    if sys.stdin.isatty():
        return str(typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def _places(settings: Settings, host: str, port: int, count: int) -> list[list[socket.socket]]:
    """Where each process listens: for all who ask, and for who wants its metrics, if somebody does.

    The addresses are taken before anything else is started.
    """
    listeners = _listen(host, port, count)
    places = [[listeners[number % len(listeners)]] for number in range(count)]
    if (first := settings.metrics_port) is not None:
        for number, place in enumerate(places):
            place += _listen(settings.metrics_host, first and first + number, 1, "GENJI_METRICS_PORT")
        if {_port(place[0]) for place in places} & {_port(place[1]) for place in places}:
            raise Invalid("The metrics need ports of their own; choose others with GENJI_METRICS_PORT.")
    return places


def _listen(host: str, port: int, count: int, setting: str = "--port") -> list[socket.socket]:
    """What several processes listen to, at one address.

    Linux deals connections out evenly to sockets of one address. Of processes that share a socket, the first to wake up
    takes most of them, and connections that last stay where they are. (Elsewhere there is nothing better.)
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
        if count == 1 or not sys.platform.startswith("linux"):
            return [listener]
        # That nobody else is there was to be seen first: sockets that may be several would be let in beside theirs.
        taken = listener.getsockname()
        listener.close()
        return [socket.create_server(taken[:2], family=family, reuse_port=True) for _ in range(count)]
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno or 0) if isinstance(error, OSError) else "there is no such port"
        raise Unavailable(f"Can't listen at {host}:{port} ({why}); choose another with {setting}.") from None


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _address(listener: socket.socket) -> str:
    address, port = listener.getsockname()[:2]
    return f"http://{f'[{address}]' if ':' in address else address}:{port}"


@contextmanager
def _database(settings: Settings, *, migrate: bool = False, checked: bool = True) -> Iterator[Settings]:
    """Settings with a database that answers: the operator's, or the embedded one for as long as this lasts.

    `checked` means that its migrations must be current; the embedded one's are made so.
    """
    if settings.uses_embedded_database:
        with embedded.running(settings.data_dir) as url, _database(settings.with_database(url), migrate=checked) as own:
            yield own
        return

    async def prepare(engine: AsyncEngine) -> None:
        await wait_until_ready(engine, settings, lambda told: err.print(told, markup=False))
        state = await migrations.state(engine)
        if state.complaint and migrate:
            await migrations.upgrade(engine, settings)
        elif state.complaint and checked:
            raise Unavailable(state.complaint)

    _with_engine(settings, prepare)
    yield settings


def _with_engine(settings: Settings, act: Callable[[AsyncEngine], Awaitable[Result]]) -> Result:
    async def go() -> Result:
        engine = create_engine(settings)
        try:
            return await act(engine)
        finally:
            await engine.dispose()

    return asyncio.run(go())


async def _load_demo(engine: AsyncEngine) -> bool:
    from genji_graphql.transfer.demo import load_demo_if_empty

    loaded = await load_demo_if_empty(engine)
    if loaded:
        out.print("Loaded the demonstration: two collections, a classroom, six people.")
    return loaded

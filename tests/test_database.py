"""The connection to PostgreSQL: waiting for it, what its sessions are like, and JSON as it stands."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import JSON, bindparam, insert, literal, select, text, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql import embedded
from genji_graphql.database import Json, create_engine, reading_sessions, wait_until_ready, writing_sessions
from genji_graphql.errors import Unavailable
from genji_graphql.models import Annotation
from genji_graphql.settings import Settings
from tests.conftest import connect

ODD_PASSWORD = "p@ss!#:/ %40?&=[]\\'\"$源氏"


@asynccontextmanager
async def engine_of(settings: Settings) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(settings)
    try:
        yield engine
    finally:
        await engine.dispose()


# Waiting


@pytest.fixture
def port() -> Iterator[socket.socket]:
    """A port that is ours and, until it listens, refuses connections."""
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))
        yield ours


def at(port: socket.socket, settings: Settings, **settings_too: Any) -> Settings:
    """The test's database, to be reached by way of this port."""
    url = settings.sqlalchemy_url
    there = URL.create(
        "postgresql", url.username, url.password or "hunter2", "127.0.0.1", port.getsockname()[1], url.database
    )
    return settings.with_database(there).model_copy(update={"db_retry_delay_seconds": 0} | settings_too)


@asynccontextmanager
async def forwarding(port: socket.socket, url: URL) -> AsyncIterator[None]:
    """Hands what comes to the port on to the server, be it on a port or a socket."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if folder := url.query.get("host"):
            there = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{url.query['port']}")
        else:
            there = await asyncio.open_connection(url.host, url.port)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(copy(reader, there[1]))
            tasks.create_task(copy(there[0], writer))

    async with await asyncio.start_server(forward, sock=port):
        yield


async def test_a_database_that_comes_up_late_is_waited_for(settings: Settings, port: socket.socket) -> None:
    told: list[str] = []
    refused_twice = asyncio.Event()

    def say(sentence: str) -> None:
        told.append(sentence)
        if len(told) == 2:
            refused_twice.set()

    late = at(port, settings, db_max_retries=10_000, db_retry_delay_seconds=0.01)
    async with asyncio.timeout(60), engine_of(late) as engine, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(wait_until_ready(engine, late, say))
        await refused_twice.wait()
        assert not waiting.done()
        async with forwarding(port, settings.sqlalchemy_url):
            await waiting
            async with engine.connect() as connection:
                assert await connection.scalar(text("SELECT current_database()")) == settings.sqlalchemy_url.database
            await engine.dispose()

    assert told[0].startswith("The database doesn't answer yet (")
    assert told[0].endswith("; attempt 1 of 10001.")
    assert "attempt 2 of 10001" in told[1]


@pytest.mark.parametrize("retries", [0, 3])
async def test_a_database_that_never_comes_is_given_up(
    settings: Settings, port: socket.socket, caplog: pytest.LogCaptureFixture, retries: int
) -> None:
    never = at(port, settings, db_max_retries=retries)
    async with engine_of(never) as engine:
        with pytest.raises(Unavailable) as given_up:
            await wait_until_ready(engine, never)

    assert len(caplog.messages) == retries + 1
    assert f"attempt {retries + 1} of {retries + 1}" in caplog.messages[-1]
    sentence = str(given_up.value)
    assert sentence.startswith(f"Gave up on the database at attempt {retries + 1}: ")
    assert "127.0.0.1" in sentence
    assert "DATABASE_URL or DB_HOST" in sentence
    assert never.sqlalchemy_url.password
    assert never.sqlalchemy_url.password not in sentence + caplog.text


async def test_a_server_that_hangs_up_is_given_up(settings: Settings, port: socket.socket) -> None:
    """As what stands before a database does while that is starting."""

    def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    told: list[str] = []
    closing = at(port, settings, db_max_retries=2)
    async with await asyncio.start_server(hang_up, sock=port), engine_of(closing) as engine:
        with pytest.raises(Unavailable, match="Gave up on the database at attempt 3: "):
            await wait_until_ready(engine, closing, told.append)
    assert len(told) == 3


async def test_a_database_that_does_not_exist_is_told(passwords: URL) -> None:
    wrong = Settings(db_max_retries=0).with_database(passwords.set(database="nosuch"))
    told: list[str] = []
    async with engine_of(wrong) as engine:
        with pytest.raises(
            Unavailable, match=r'^Gave up on the database at attempt 1: database "nosuch" does not exist\. '
        ):
            await wait_until_ready(engine, wrong, told.append)
    assert told == ['The database doesn\'t answer yet (database "nosuch" does not exist); attempt 1 of 1.']


# Passwords


@pytest.fixture(scope="module")
async def passwords() -> AsyncIterator[URL]:
    """A server that asks everyone but its superuser for a password."""
    base = Path(os.environ["GENJI_TEST_BASE"]) / f"passwords-{uuid4().hex[:8]}"
    with embedded.running(base, durable=False) as url:
        connection = await connect(url)
        await connection.execute("CREATE ROLE reader LOGIN")
        quoted = await connection.fetchval("SELECT quote_literal($1)", ODD_PASSWORD)
        await connection.execute(f"ALTER ROLE reader PASSWORD {quoted}")
        rules = Path(await connection.fetchval("SHOW hba_file"))
        await connection.close()
    rules.write_text("local all postgres trust\nlocal all all scram-sha-256\n")
    with embedded.running(base, durable=False) as url:
        yield url


async def test_a_password_of_any_characters_opens_the_door(passwords: URL) -> None:
    by_url = Settings().with_database(passwords.set(username="reader", password=ODD_PASSWORD))
    by_parts = Settings(
        database_url=None,
        db_host=str(passwords.query["host"]),
        db_name="postgres",
        db_user="reader",
        db_password=SecretStr(ODD_PASSWORD),
    )
    for settings in (by_url, by_parts):
        async with engine_of(settings) as engine, engine.connect() as connection:
            assert await connection.scalar(text("SELECT current_user")) == "reader"


@pytest.mark.parametrize(("role", "password"), [("reader", "hunter2"), ("reader", None), ("nobody", "hunter2")])
async def test_a_wrong_password_is_told_and_not_shown(
    passwords: URL, caplog: pytest.LogCaptureFixture, role: str, password: str | None
) -> None:
    wrong = Settings(db_max_retries=0).with_database(passwords.set(username=role, password=password))
    async with engine_of(wrong) as engine:
        with pytest.raises(Unavailable, match=f'password authentication failed for user "{role}"') as told:
            await wait_until_ready(engine, wrong)
    assert f'user "{role}"' in caplog.text
    assert "hunter2" not in str(told.value) + caplog.text


# Sessions


async def test_every_connection_is_in_utc_and_bears_our_name(engine: AsyncEngine, server: URL) -> None:
    connection = await connect(server)
    await connection.execute(f"ALTER DATABASE \"{engine.url.database}\" SET timezone = 'Asia/Tokyo'")
    await connection.close()

    for sessions in (reading_sessions(engine), writing_sessions(engine)):
        async with sessions() as session:
            assert await session.scalar(text("SHOW timezone")) == "UTC"
            assert await session.scalar(text("SHOW application_name")) == "genji"
            moment = await session.scalar(text("SELECT timestamptz '2026-01-01 09:00+09'"))
            assert str(moment) == "2026-01-01 00:00:00+00:00"


async def test_a_read_leaves_no_transaction_open(engine: AsyncEngine) -> None:
    other = await connect(engine.url)

    async def state_after_a_read(sessions: Any) -> object:
        async with sessions() as session:
            process = await session.scalar(text("SELECT pg_backend_pid()"))
            return await other.fetchval("SELECT state FROM pg_stat_activity WHERE pid = $1", process)

    assert await state_after_a_read(reading_sessions(engine)) == "idle"
    assert await state_after_a_read(writing_sessions(engine)) == "idle in transaction"
    # The connection is the same one, and is as good for reading afterwards.
    assert await state_after_a_read(reading_sessions(engine)) == "idle"
    await other.close()


async def test_a_write_that_fails_halfway_leaves_nothing(engine: AsyncEngine) -> None:
    async def write_and_fail() -> None:
        async with writing_sessions(engine).begin() as session:
            session.add(Annotation(motivation="commenting"))
            await session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        await write_and_fail()
    async with reading_sessions(engine)() as session:
        assert await session.scalar(text("SELECT count(*) FROM app.annotations")) == 0


async def test_a_row_stays_readable_after_its_session(engine: AsyncEngine) -> None:
    async with writing_sessions(engine).begin() as session:
        session.add(note := Annotation(motivation="commenting"))
    assert note.motivation == "commenting"


# The pool


@pytest.mark.parametrize("pre_ping", [True, False])
async def test_a_connection_that_the_server_ended_is_replaced(settings: Settings, pre_ping: bool) -> None:
    one = settings.model_copy(update={"db_pool_size": 1, "db_max_overflow": 0, "db_pool_pre_ping": pre_ping})
    other = await connect(settings.sqlalchemy_url)
    async with engine_of(one) as engine:
        async with engine.connect() as connection:
            process = await connection.scalar(text("SELECT pg_backend_pid()"))
        assert await other.fetchval("SELECT pg_terminate_backend($1, 30000)", process)

        async def process_now() -> int:
            async with engine.connect() as connection:
                found: int = await connection.scalar(text("SELECT pg_backend_pid()"))
                return found

        if pre_ping:
            assert await process_now() != process
        else:
            with pytest.raises(DBAPIError):
                await process_now()
    await other.close()


async def test_the_pool_is_as_large_as_it_is_set_and_its_queue_as_patient(settings: Settings) -> None:
    small = settings.model_copy(update={"db_max_overflow": 2, "db_pool_timeout": 0.01})
    async with engine_of(small) as engine, engine.connect(), engine.connect():
        with pytest.raises(PoolTimeout, match=r"size 1 overflow 1 reached, connection timed out, timeout 0\.01"):
            async with engine.connect():
                pass


async def test_connections_are_recycled_at_the_age_that_is_set(settings: Settings) -> None:
    async def processes(recycle: int) -> list[int]:
        found = []
        async with engine_of(settings.model_copy(update={"db_pool_recycle": recycle})) as engine:
            for _ in range(2):
                async with engine.connect() as connection:
                    found.append(await connection.scalar(text("SELECT pg_backend_pid()")))
                await asyncio.sleep(0.001)
        return found

    first, second = await processes(recycle=0)
    assert first != second
    first, second = await processes(recycle=-1)
    assert first == second


@pytest.mark.parametrize("echo", [True, False])
async def test_sql_is_logged_when_asked_for(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, echo: bool
) -> None:
    # SQLAlchemy gives its logger a handler for good, unless it has one.
    monkeypatch.setattr(logging.getLogger("sqlalchemy.engine.Engine"), "handlers", [logging.NullHandler()])
    async with engine_of(settings.model_copy(update={"db_echo": echo})) as engine, engine.connect() as connection:
        await connection.execute(text("SELECT 'a line to be found'"))
    assert any("a line to be found" in message for message in caplog.messages) is echo


# JSON


AS_STORED = [
    "1.10",
    "-0.5",
    "12345678901234567890.5",
    "123456789012345678901234567890",
    "1e400",
    "1e-30",
    "null",
    '[null, {"a": null, "b": [null, [null]]}]',
    "{}",
    "[]",
    '""',
    "true",
    '{"": {"": ""}}',
    '"𠮷野家 😀 \\u0001 \\" \\\\ \\n \\u2028"',
    '"\\ud842\\udfb7"',
    '{"b": 1, "a": 2, "aa": 3.00}',
    "[" * 200 + "]" * 200,
]


async def test_json_is_read_as_postgresql_writes_it(engine: AsyncEngine) -> None:
    connection = await connect(engine.url)
    written = await connection.fetch(
        "INSERT INTO app.annotations (body) SELECT unnest($1::text[])::jsonb RETURNING body::text AS body", AS_STORED
    )
    await connection.close()
    async with reading_sessions(engine)() as session:
        rows = list(await session.scalars(select(Annotation).order_by(Annotation.id)))
        values = list(await session.scalars(select(Annotation.body).order_by(Annotation.id)))

    expected = [row["body"] for row in written]
    assert [row.body for row in rows] == expected
    assert values == expected
    assert all(type(value) is Json for value in values)
    # As PostgreSQL writes a numeric: no digit is lost, none is added.
    assert expected[:5] == ["1.10", "-0.5", "12345678901234567890.5", "123456789012345678901234567890", "1" + "0" * 400]
    assert "𠮷野家 😀" in expected[13]
    assert expected[14] == '"𠮷"'


async def test_json_that_was_read_is_written_unchanged(engine: AsyncEngine) -> None:
    connection = await connect(engine.url)
    await connection.execute("INSERT INTO app.annotations (body) SELECT unnest($1::text[])::jsonb", AS_STORED)
    async with writing_sessions(engine).begin() as session:
        for row in list(await session.scalars(select(Annotation))):
            row.target = row.body
            await session.execute(insert(Annotation).values(target=row.body, body=row.body))
    assert await connection.fetchval("SELECT count(*) FROM app.annotations") == 2 * len(AS_STORED)
    assert await connection.fetchval("SELECT bool_and(target::text = body::text) FROM app.annotations")
    await connection.close()


async def test_values_come_back_as_they_were_written(engine: AsyncEngine) -> None:
    value: dict[str, object] = {
        "text": "いづれの御時にか 𠮷 😀 \"'\\ \n\t\u2028 %s $1 :name",
        "nested": [None, [None, {"a": None}], {}, []],
        "numbers": [0, -1, 2**53 + 1, 10**17],
        "truth": [True, False],
        "": "",
    }
    async with writing_sessions(engine).begin() as session:
        session.add(note := Annotation(body=value, target=["a", None]))
        await session.flush()
        await session.refresh(note)
        assert note.body is not None
        assert note.body.decoded() == value
        contains = select(Annotation.target).where(Annotation.body.contains({"truth": [False]}))
        assert (await session.scalars(contains)).all() == ['["a", null]']
        given = select(type_coerce(literal({"a": 1}, JSONB), JSONB), bindparam("b", {"b": 2}, JSON))
        assert (await session.execute(given)).one() == ('{"a": 1}', '{"b": 2}')


def test_json_decodes_without_losing_a_digit() -> None:
    text_of = '{"a": 1.10, "b": 12345678901234567890.5, "c": 123456789012345678901234567890, "d": 1e400, "e": 7}'
    decoded = Json(text_of).decoded()
    assert decoded == {
        "a": Decimal("1.10"),
        "b": Decimal("12345678901234567890.5"),
        "c": 123456789012345678901234567890,
        "d": Decimal("1e400"),
        "e": 7,
    }
    assert str(decoded["a"]) == "1.10"
    # And so they are written again.
    assert Json.of(decoded).decoded() == decoded
    assert '"a": 1.10' in Json.of(decoded)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_what_json_cannot_say_is_not_written(value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Json.of(value)


def test_json_holds_no_thing_that_it_cannot_name() -> None:
    with pytest.raises(TypeError, match="object"):
        Json.of(object())


def test_json_stays_what_it_is() -> None:
    written = Json('{"n": 1.10}')
    assert Json.of(written) is written
    assert Json.of("1.10") == '"1.10"'

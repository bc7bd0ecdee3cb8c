"""Where a note stands: the database keeps its document and its collection true to its element, whoever writes."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from asyncpg.exceptions import ForeignKeyViolationError
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql import migrations, models
from genji_graphql.settings import Settings
from tests.conftest import connect
from tests.world import World

BEFORE = "c6e2a9d41f73"
"""The last migration that leaves places to whoever writes."""

Place = tuple[int | None, int | None, int | None]
"""A note's element, document and collection."""


@pytest.fixture
async def connection(database: URL) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(database)
    yield connection
    await connection.close()


@pytest.fixture
async def other(database: URL) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(database)
    yield connection
    await connection.close()


async def place_of(connection: asyncpg.Connection, note: models.Annotation | int) -> Place:
    note_id = note if isinstance(note, int) else note.id
    columns = "document_element_id, document_id, document_collection_id"
    (place,) = await connection.fetch(f"SELECT {columns} FROM app.annotations WHERE id = $1", note_id)
    return place["document_element_id"], place["document_id"], place["document_collection_id"]


async def all_notes(connection: asyncpg.Connection) -> list[int]:
    return [note["id"] for note in await connection.fetch("SELECT id FROM app.annotations ORDER BY id")]


class Texts:
    """Two collections, a document in each, and an element in each of these."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def write(self) -> "Texts":
        self.collections = [await self.world.collection() for _ in range(2)]
        self.documents = [await self.world.document(collection) for collection in self.collections]
        self.elements = [await self.world.element(document) for document in self.documents]
        return self

    def on_element(self, number: int, document: int | None = None) -> Place:
        return (self.elements[number].id, *self.on_document(number if document is None else document)[1:])

    def on_document(self, number: int) -> Place:
        return (None, self.documents[number].id, self.collections[number].id)

    def on_collection(self, number: int) -> Place:
        return (None, None, self.collections[number].id)


@pytest.fixture
async def texts(world: World) -> Texts:
    return await Texts(world).write()


# What is written


@pytest.mark.parametrize("says", ["nothing", "the truth", "another"])
async def test_a_note_says_where_its_element_stands_whatever_was_written(
    connection: asyncpg.Connection, world: World, texts: Texts, says: str
) -> None:
    _, document, collection = texts.on_document(0 if says == "the truth" else 1)
    said = {} if says == "nothing" else {"document_id": document, "document_collection_id": collection}
    note = await world.note(texts.elements[0], **said)
    assert await place_of(connection, note) == texts.on_element(0)


async def test_a_note_on_a_document_says_its_collection(
    connection: asyncpg.Connection, world: World, texts: Texts
) -> None:
    note = await world.note(texts.documents[0])
    astray = await world.note(texts.documents[0], document_collection_id=texts.collections[1].id)
    assert await place_of(connection, note) == await place_of(connection, astray) == texts.on_document(0)


async def test_a_note_on_a_collection_or_on_nothing_says_no_more(
    connection: asyncpg.Connection, world: World, texts: Texts
) -> None:
    assert await place_of(connection, await world.note(texts.collections[0])) == texts.on_collection(0)
    assert await place_of(connection, await world.note()) == (None, None, None)


async def test_a_response_is_placed_by_the_same_rule_and_by_no_other(
    connection: asyncpg.Connection, world: World, texts: Texts
) -> None:
    note = await world.note(texts.elements[0])
    plain = await world.response(note)
    elsewhere = await world.response(note, document_element_id=texts.elements[1].id)
    assert await place_of(connection, plain) == (None, None, None)
    assert await place_of(connection, elsewhere) == texts.on_element(1)


CHANGES = {
    "to another element": ("document_element_id = {element}", "element 1"),
    "off its element": ("document_element_id = NULL", "document 0"),
    "off its element, to another document": ("document_element_id = NULL, document_id = {document}", "document 1"),
    "to another document in word only": ("document_id = {document}", "element 0"),
    "to another collection in word only": ("document_collection_id = {collection}", "element 0"),
    "to nowhere in word only": ("document_id = NULL, document_collection_id = NULL", "element 0"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_note_that_is_changed_says_where_it_stands_then(
    connection: asyncpg.Connection, world: World, texts: Texts, change: str
) -> None:
    note = await world.note(texts.elements[0])
    change, then = CHANGES[change]
    element, document, collection = texts.on_element(1)
    change = change.format(element=element, document=document, collection=collection)
    await connection.execute(f"UPDATE app.annotations SET {change} WHERE id = $1", note.id)
    places = {"element": texts.on_element, "document": texts.on_document}
    kind, _, number = then.partition(" ")
    assert await place_of(connection, note) == places[kind](int(number))


@pytest.mark.parametrize("column", ["document_element_id", "document_id", "document_collection_id"])
async def test_a_place_that_is_not_there_is_refused(connection: asyncpg.Connection, column: str) -> None:
    with pytest.raises(ForeignKeyViolationError, match=column):
        await connection.execute(f"INSERT INTO app.annotations ({column}) VALUES (999999)")


# What moves


async def test_an_element_takes_its_notes_along(connection: asyncpg.Connection, world: World, texts: Texts) -> None:
    moved, stays = [await world.note(element) for element in texts.elements]
    whole = await world.note(texts.documents[0])
    await connection.execute(
        "UPDATE app.document_elements SET document_id = $1 WHERE id = $2", texts.documents[1].id, texts.elements[0].id
    )
    assert await place_of(connection, moved) == texts.on_element(0, document=1)
    assert await place_of(connection, stays) == texts.on_element(1)
    assert await place_of(connection, whole) == texts.on_document(0)


async def test_a_document_takes_its_notes_and_those_on_its_elements_along(
    connection: asyncpg.Connection, world: World, texts: Texts
) -> None:
    document, there = texts.documents[0], texts.collections[1].id
    on_element, on_document = await world.note(texts.elements[0]), await world.note(document)
    on_collection = await world.note(texts.collections[0])
    await connection.execute("UPDATE app.documents SET document_collection_id = $1 WHERE id = $2", there, document.id)
    assert await place_of(connection, on_element) == (texts.elements[0].id, document.id, there)
    assert await place_of(connection, on_document) == (None, document.id, there)
    assert await place_of(connection, on_collection) == texts.on_collection(0)


async def test_all_at_once_can_be_moved(connection: asyncpg.Connection, world: World, texts: Texts) -> None:
    notes = [await world.note(element) for element in texts.elements]
    first, second = [document.id for document in texts.documents]
    await connection.execute(
        "UPDATE app.document_elements SET document_id = $1::int + $2::int - document_id", first, second
    )
    assert [await place_of(connection, note) for note in notes] == [
        texts.on_element(0, document=1),
        texts.on_element(1, document=0),
    ]


async def test_what_moves_changes_nothing_else_of_its_notes(
    connection: asyncpg.Connection, world: World, texts: Texts
) -> None:
    note = await world.note(texts.elements[0])
    rest = "SELECT to_jsonb(annotations) - 'document_collection_id' FROM app.annotations WHERE id = $1"
    before = await connection.fetchval(rest, note.id)
    await connection.execute(
        "UPDATE app.documents SET document_collection_id = $1 WHERE id = $2",
        texts.collections[1].id,
        texts.documents[0].id,
    )
    assert await connection.fetchval(rest, note.id) == before


# What moves while a note is written

MOVES = {
    "an element": "UPDATE app.document_elements SET document_id = {there[1]} WHERE id = {here[0]}",
    "a document": "UPDATE app.documents SET document_collection_id = {there[2]} WHERE id = {here[1]}",
}
WRITES = {
    "a new note": "INSERT INTO app.annotations (document_element_id) VALUES ({here[0]}) RETURNING id",
    "a note from elsewhere": (
        "UPDATE app.annotations SET document_element_id = {here[0]} WHERE document_element_id = {there[0]} RETURNING id"
    ),
}


async def waits(connection: asyncpg.Connection, by: asyncpg.Connection) -> bool:
    """Does one wait for the other, in a little while?"""
    blocking = "SELECT $1 = ANY (pg_blocking_pids($2)) FROM pg_sleep(0.01)"
    return bool(await by.fetchval(blocking, by.get_server_pid(), connection.get_server_pid()))


@pytest.mark.parametrize("first", ["the move", "the note"])
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("move", MOVES)
async def test_a_note_that_is_written_while_its_place_moves_is_taken_along(
    connection: asyncpg.Connection,
    other: asyncpg.Connection,
    world: World,
    texts: Texts,
    move: str,
    write: str,
    first: str,
) -> None:
    await world.note(texts.elements[1])
    here, there = texts.on_element(0), texts.on_element(1)
    moving, writing = [what.format(here=here, there=there) for what in (MOVES[move], WRITES[write])]
    async with asyncio.timeout(30):
        transaction = connection.transaction()
        await transaction.start()
        one, two = (moving, writing) if first == "the move" else (writing, moving)
        found = await connection.fetchval(one)
        second = asyncio.create_task(other.fetchval(two))
        while not await waits(other, connection):
            assert not second.done()
        await transaction.commit()
        note = found or await second
        await second
    moved = there[1:] if move == "an element" else (here[1], there[2])
    assert await place_of(connection, note) == (here[0], *moved)


@pytest.mark.parametrize("kind", ["document_elements SET content = '{}'", "documents SET title = 'Another'"])
async def test_who_rewrites_a_text_does_not_keep_others_from_writing_on_it(
    connection: asyncpg.Connection, other: asyncpg.Connection, texts: Texts, kind: str
) -> None:
    async with asyncio.timeout(30), connection.transaction():
        await connection.execute(f"UPDATE app.{kind}")
        await other.execute("INSERT INTO app.annotations (document_element_id) VALUES ($1)", texts.elements[0].id)


# What is deleted


@pytest.mark.parametrize("when", ["later", "in the transaction that wrote them"])
@pytest.mark.parametrize("gone", ["documents", "document_collections"])
async def test_what_is_deleted_takes_what_is_on_its_elements_and_leaves_the_rest_without_it(
    connection: asyncpg.Connection, texts: Texts, gone: str, when: str
) -> None:
    element, document, collection = texts.on_element(0)
    transaction = connection.transaction()
    await transaction.start()
    _, *others = [
        await connection.fetchval(f"INSERT INTO app.annotations ({column}) VALUES ($1) RETURNING id", number)
        for column, number in (
            ("document_element_id", element),
            ("document_id", document),
            ("document_collection_id", collection),
        )
    ]
    if when == "later":
        await transaction.commit()
    await connection.execute(f"DELETE FROM app.{gone} WHERE id = $1", document if gone == "documents" else collection)
    if when != "later":
        await transaction.commit()

    assert await all_notes(connection) == others
    for note in others:
        assert await place_of(connection, note) == (None, None, collection if gone == "documents" else None)


@pytest.mark.parametrize("gone", ["documents", "document_collections"])
async def test_it_does_not_matter_which_foreign_key_acts_first(
    connection: asyncpg.Connection, world: World, texts: Texts, gone: str
) -> None:
    """Those of a database that was restored from a dump were made in another order."""
    for table, column, target in (
        ("documents", "document_collection_id", "document_collections"),
        ("document_elements", "document_id", "documents"),
    ):
        name = f"fk_{table}_{column}"
        await connection.execute(
            f"ALTER TABLE app.{table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} "
            f"FOREIGN KEY ({column}) REFERENCES app.{target} ON DELETE CASCADE"
        )
    others = [(await world.note(thing)).id for thing in (texts.documents[0], texts.collections[0])]
    if gone == "documents":
        # With its collection PostgreSQL couldn't delete it: it would look for the element of a note that has gone.
        await world.note(texts.elements[0])
    await connection.execute(f"DELETE FROM app.{gone} WHERE id = 1")

    assert await all_notes(connection) == others
    for note in others:
        assert await place_of(connection, note) == (None, None, 1 if gone == "documents" else None)


# Rows that were written before the database saw to it


async def test_migrating_sets_right_what_was_written_before(
    engine: AsyncEngine, settings: Settings, connection: asyncpg.Connection, texts: Texts
) -> None:
    await migrations.downgrade(engine, settings, BEFORE)

    async def note(**columns: int) -> models.Annotation:
        """As it was written then, with the columns that there were."""
        names = ["motivation", *columns]
        values = ", ".join(f"${place}" for place, _ in enumerate(names, 1))
        number = await connection.fetchval(
            f"INSERT INTO app.annotations ({', '.join(names)}) VALUES ({values}) RETURNING id",
            "commenting",
            *columns.values(),
        )
        return models.Annotation(id=number)

    on_element = await note(document_element_id=texts.elements[0].id, document_id=texts.documents[1].id)
    on_document = await note(document_id=texts.documents[0].id, document_collection_id=texts.collections[1].id)
    on_collection = await note(document_collection_id=texts.collections[0].id)
    right, nowhere = await note(document_element_id=texts.elements[1].id), await note()
    assert await place_of(connection, on_element) == (texts.elements[0].id, texts.documents[1].id, None)

    await migrations.upgrade(engine, settings)
    assert await place_of(connection, on_element) == texts.on_element(0)
    assert await place_of(connection, on_document) == texts.on_document(0)
    assert await place_of(connection, on_collection) == texts.on_collection(0)
    assert await place_of(connection, right) == texts.on_element(1)
    assert await place_of(connection, nowhere) == (None, None, None)

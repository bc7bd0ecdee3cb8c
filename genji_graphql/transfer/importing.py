"""Bringing texts from files into a collection, and bringing them again without doubling them.

A file is imported whole or not at all. Its documents and elements are recognised by what the source calls them
(`source_id`); a text that came before is compared, and only what differs is written.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.database import Json, Sessions
from genji_graphql.errors import Conflict, Invalid
from genji_graphql.models import SCHEMA, SPACING, Document, DocumentCollection
from genji_graphql.transfer.files import read
from genji_graphql.transfer.source import SourceDocument, SourceElement
from genji_graphql.vocabulary import Visibility

_COLUMNS = ["document_id", "source_id", "position", "hierarchy", "content"]

Claims = dict[str, Path]
"""Which file brought the document that its source calls so."""


@dataclass(frozen=True)
class Destination:
    """The collection that texts are brought into. What is None is left as it is, or as usual for a new one."""

    title: str
    language: str | None = None
    visibility: Visibility | None = None

    def __post_init__(self) -> None:
        for name, value, longest in (("title", self.title, 255), ("language", self.language, 50)):
            if value is not None and not (value.strip() and value.isprintable() and len(value) <= longest):
                raise Invalid(f"A collection's {name} is one line of 1 to {longest} characters.")


@dataclass
class Outcome:
    """What importing a file did, in numbers."""

    new_documents: int = 0
    known_documents: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0

    def __iadd__(self, other: "Outcome") -> Self:
        for name, number in asdict(other).items():
            setattr(self, name, getattr(self, name) + number)
        return self

    def __str__(self) -> str:
        counts = {"added": self.added, "changed": self.changed, "removed": self.removed, "unchanged": self.unchanged}
        documents = _counted(self.new_documents + self.known_documents, "document")
        return ", ".join(
            [documents, *(f"{_counted(count, 'element')} {verb}" for verb, count in counts.items() if count)]
        )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


async def import_file(
    sessions: Sessions,
    path: Path,
    into: Destination,
    *,
    max_bytes: int,
    claims: Claims | None = None,
    source: BinaryIO | None = None,
) -> Outcome:
    """Import one file. Raises Invalid for what can't be read, Conflict where notes would lose their text.

    Files that are imported together share their `claims`: two that call their documents the same are told apart here,
    rather than taken for two editions of one. What is open already, such as an upload, is given as `source`, which must
    be seekable; `path` is then only what its owner calls it.
    """
    outcome, claims = Outcome(), {} if claims is None else claims
    async with sessions.begin() as session:
        collection_id: int | None = None
        for found in read(path, max_bytes=max_bytes, source=source):
            if (other := claims.setdefault(found.source_id, path)) != path:
                raise Invalid(f"{path} and {other} both call their document {found.source_id}; import them apart.")
            if collection_id is None:
                # Only now: a file that can't be read leaves no empty collection behind.
                collection_id = await _collection(session, into, found.language)
            await _import_document(session, collection_id, found, outcome)
    return outcome


async def _collection(session: AsyncSession, into: Destination, language: str | None) -> int:
    """The collection of this title; two imports that start at once don't make two of it."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"import into {into.title}"))))
    same = (
        await session.scalars(
            select(DocumentCollection)
            .where(DocumentCollection.title == into.title, DocumentCollection.deleted_at.is_(None))
            .order_by(DocumentCollection.id)
        )
    ).all()
    if len(same) > 1:
        raise Invalid(f"There are {len(same)} collections titled {into.title}; give one of them another title first.")
    if same:
        collection = same[0]
        collection.language = into.language or collection.language
        collection.visibility = into.visibility or collection.visibility
        return collection.id
    collection = DocumentCollection(
        title=into.title, language=into.language or language, visibility=into.visibility or Visibility.PUBLIC
    )
    session.add(collection)
    await session.flush()
    return collection.id


async def _import_document(session: AsyncSession, collection_id: int, source: SourceDocument, outcome: Outcome) -> None:
    document = await session.scalar(
        select(Document).where(Document.document_collection_id == collection_id, Document.source_id == source.source_id)
    )
    if document is None:
        document = Document(
            document_collection_id=collection_id,
            source_id=source.source_id,
            title=source.title,
            description=source.description,
        )
        session.add(document)
        await session.flush()
        outcome.new_documents += 1
        outcome.added += await _copy(session, "document_elements", document.id, source.elements)
    else:
        document.title, document.description = source.title, source.description
        # What was deleted and is brought again is wanted again, with the notes on it.
        document.deleted_at = None
        outcome.known_documents += 1
        await _merge(session, document, source, outcome)


async def _copy(session: AsyncSession, table: str, document_id: int, elements: Iterable[SourceElement]) -> int:
    """COPY elements into a table as they are read: however long the text, little of it is in memory."""
    last = 0

    def records() -> Iterator[tuple[int, str, int, str, str]]:
        nonlocal last
        for last, element in enumerate(elements, start=1):
            yield document_id, element.source_id, last * SPACING, Json.of(element.hierarchy), Json.of(element.content)

    connection = await session.connection()
    driver: Any = (await connection.get_raw_connection()).driver_connection
    await driver.copy_records_to_table(
        table, schema_name=None if table == "incoming" else SCHEMA, columns=_COLUMNS, records=records()
    )
    return last


# ruff: noqa: S608 - the statements below are put together from these fragments, and every value is bound
_ANNOTATED = "EXISTS (SELECT FROM app.annotations WHERE document_element_id = e.id)"
_DIFFERS = (
    "(e.position, e.hierarchy, e.content, e.deleted_at) IS DISTINCT FROM (i.position, i.hierarchy, i.content, NULL)"
)
# What a person deleted can be restored for a while.
_GONE = (
    "e.source_id IS NOT NULL AND e.deleted_at IS NULL "
    "AND NOT EXISTS (SELECT FROM incoming i WHERE i.source_id = e.source_id)"
)


async def _merge(session: AsyncSession, document: Document, source: SourceDocument, outcome: Outcome) -> None:
    """Make a known document what the source says now. Elements that people added by hand stay."""
    await session.execute(
        text("CREATE TEMP TABLE incoming (LIKE app.document_elements INCLUDING DEFAULTS) ON COMMIT DROP")
    )
    await session.execute(text("ALTER TABLE incoming ALTER id DROP NOT NULL, ALTER id DROP DEFAULT"))
    total = await _copy(session, "incoming", document.id, source.elements)
    await _refuse_to_lose_notes(session, document)
    here = {"document": document.id}
    removed = await _count(
        session, f"DELETE FROM app.document_elements e WHERE e.document_id = :document AND {_GONE}", here
    )
    changed = await _count(
        session,
        f"""UPDATE app.document_elements e
            SET position = i.position, hierarchy = i.hierarchy, content = i.content, modified = now(), deleted_at = NULL
            FROM incoming i WHERE e.document_id = :document AND e.source_id = i.source_id AND {_DIFFERS}""",
        here,
    )
    added = await _count(
        session,
        """INSERT INTO app.document_elements (document_id, source_id, position, hierarchy, content)
           SELECT document_id, source_id, position, hierarchy, content FROM incoming i WHERE NOT EXISTS (
               SELECT FROM app.document_elements e
               WHERE e.document_id = :document AND e.source_id = i.source_id)""",
        here,
    )
    await session.execute(text("DROP TABLE incoming"))
    outcome.removed += removed
    outcome.changed += changed
    outcome.added += added
    outcome.unchanged += total - changed - added


async def _refuse_to_lose_notes(session: AsyncSession, document: Document) -> None:
    """A note says where it stands in a text; were the text to change, it would point somewhere else."""
    touched: int = await _scalar(
        session,
        f"""SELECT count(*) FROM app.document_elements e LEFT JOIN incoming i ON i.source_id = e.source_id
            WHERE e.document_id = :document AND e.source_id IS NOT NULL AND {_ANNOTATED}
            AND CASE WHEN i.source_id IS NULL THEN e.deleted_at IS NULL
                     ELSE e.content ->> 'text' IS DISTINCT FROM i.content ->> 'text' END""",
        {"document": document.id},
    )
    if touched:
        elements = "an element that carries" if touched == 1 else f"{touched} elements that carry"
        raise Conflict(
            f"“{document.title}” changes the text of {elements} annotations, which can't follow it yet. "
            "Nothing was imported."
        )


async def _count(session: AsyncSession, statement: str, values: dict[str, Any]) -> int:
    result: Any = await session.execute(text(statement), values)
    return int(result.rowcount)


async def _scalar(session: AsyncSession, statement: str, values: dict[str, Any]) -> Any:
    return (await session.execute(text(statement), values)).scalar_one()

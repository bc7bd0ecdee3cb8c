"""Bringing texts from files into a collection, and bringing them again without doubling them.

A file is imported whole or not at all. Its documents and elements are recognised by what the source calls them
(`source_id`); a text that came before is compared, and only what differs is written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Self

from sqlalchemy import ARRAY, Integer, func, literal, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.anchoring.anchor import Anchor
from genji_graphql.anchoring.carrying import Carried, carry_across
from genji_graphql.database import Json, Sessions, Turn, take_turn
from genji_graphql.errors import Conflict, Invalid
from genji_graphql.models import SCHEMA, SPACING, Document, DocumentCollection, DocumentElement
from genji_graphql.reads.web_annotation import Place
from genji_graphql.transfer.editions import same_elements
from genji_graphql.transfer.files import read
from genji_graphql.transfer.source import SourceDocument, SourceElement
from genji_graphql.vocabulary import Visibility
from genji_graphql.writes.carrying import Change, Said, Tally, carry_notes, notes_on

_COLUMNS = ["document_id", "source_id", "position", "hierarchy", "content", "modified_by_id"]

Claims = dict[str, Path]
"""Which file brought the document that its source calls so."""


@dataclass(frozen=True)
class Destination:
    """A collection by its title, created where there is none. What is None is left as it is, or as usual."""

    title: str
    language: str | None = None
    visibility: Visibility | None = None

    def __post_init__(self) -> None:
        for name, value, longest in (("title", self.title, 255), ("language", self.language, 50)):
            if value is not None and not (value.strip() and value.isprintable() and len(value) <= longest):
                raise Invalid(f"A collection's {name} is one line of 1 to {longest} characters.")


@dataclass(frozen=True)
class Existing:
    """A collection that is there, and who brings texts into it, which they may: new documents are theirs."""

    collection_id: int
    by_id: int


@dataclass
class Outcome:
    """What importing a file did, in numbers."""

    new_documents: int = 0
    known_documents: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    carried: int = 0
    """Notes on texts that changed or went, which stand where they belong."""
    orphaned: int = 0
    """Those that lost their place."""

    def __iadd__(self, other: "Outcome") -> Self:
        for name, number in asdict(other).items():
            setattr(self, name, getattr(self, name) + number)
        return self

    def __str__(self) -> str:
        counts = {"added": self.added, "changed": self.changed, "removed": self.removed, "unchanged": self.unchanged}
        documents = _counted(self.new_documents + self.known_documents, "document")
        told = [documents, *(f"{_counted(count, 'element')} {verb}" for verb, count in counts.items() if count)]
        if self.carried or self.orphaned:
            told += [f"{_counted(self.carried, 'note')} carried", _counted(self.orphaned, "new orphan")]
        return ", ".join(told)


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
    """Import one file; notes on what it changes are carried along. Raises Invalid for what can't be read.

    Files that are imported together share their `claims`: two that call their documents the same are told apart here,
    rather than taken for two editions of one. What is open already, such as an upload, is given as `source`, which must
    be seekable; `path` is then only what its owner calls it.
    """
    claims = {} if claims is None else claims
    async with sessions.begin() as session:
        return await import_documents(
            session, _claimed(read(path, max_bytes=max_bytes, source=source), path, claims), into
        )


def _claimed(documents: Iterable[SourceDocument], path: Path, claims: Claims) -> Iterator[SourceDocument]:
    for document in documents:
        if (other := claims.setdefault(document.source_id, path)) != path:
            raise Invalid(f"{path} and {other} both call their document {document.source_id}; import them apart.")
        yield document


async def import_documents(
    session: AsyncSession, documents: Iterable[SourceDocument], into: Destination | Existing
) -> Outcome:
    """Import documents as they are read, in the caller's transaction: where this fails it is to be rolled back."""
    outcome, collection_id = Outcome(), None
    by_id = into.by_id if isinstance(into, Existing) else None
    for found in documents:
        if collection_id is None:
            # Only now: a file that can't be read leaves no empty collection behind.
            collection_id = await _collection(session, into, found.language)
            await take_turn(session, Turn.IMPORT_INTO, collection_id)
        await _import_document(session, collection_id, found, outcome, by_id)
    return outcome


async def _collection(session: AsyncSession, into: Destination | Existing, language: str | None) -> int:
    """The collection of this title; two imports that start at once don't make two of it."""
    if isinstance(into, Existing):
        return into.collection_id
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"import into {into.title}"))))
    titled = select(DocumentCollection).where(
        DocumentCollection.title == into.title, DocumentCollection.deleted_at.is_(None)
    )
    same = (await session.scalars(titled.order_by(DocumentCollection.id))).all()
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


async def _import_document(
    session: AsyncSession, collection_id: int, source: SourceDocument, outcome: Outcome, by_id: int | None
) -> None:
    document = await session.scalar(
        select(Document).where(Document.document_collection_id == collection_id, Document.source_id == source.source_id)
    )
    if document is None:
        document = Document(
            document_collection_id=collection_id,
            source_id=source.source_id,
            title=source.title,
            description=source.description,
            owner_id=by_id,
        )
        session.add(document)
        await session.flush()
        outcome.new_documents += 1
        outcome.added += await _copy(session, "document_elements", document.id, source.elements, by_id)
    else:
        if document.deleted_at is not None and by_id is not None:
            # To bring it back is for those who may delete it; the operator may do everything.
            raise Conflict(f"“{document.title}” was deleted. Restore it, and import it again.")
        document.title, document.description = source.title, source.description
        # What was deleted and is brought again is wanted again, with the notes on it.
        document.deleted_at = None
        outcome.known_documents += 1
        await _merge(session, document, source, outcome, by_id)


async def _copy(
    session: AsyncSession, table: str, document_id: int, elements: Iterable[SourceElement], by_id: int | None
) -> int:
    """COPY elements into a table as they are read: however long the text, little of it is in memory."""
    last = 0

    def records() -> Iterator[tuple[int, str, int, str, str, int | None]]:
        nonlocal last
        for last, element in enumerate(elements, start=1):
            hierarchy, content = Json.of(element.hierarchy), Json.of(element.content)
            yield document_id, element.source_id, last * SPACING, hierarchy, content, by_id

    connection = await session.connection()
    driver: Any = (await connection.get_raw_connection()).driver_connection
    await driver.copy_records_to_table(
        table, schema_name=None if table == "incoming" else SCHEMA, columns=_COLUMNS, records=records()
    )
    return last


# ruff: noqa: S608 - the statements below are put together from these fragments, and every value is bound
_DIFFERS = """e.deleted_at IS NOT NULL
            OR (e.position, e.hierarchy, e.content) IS DISTINCT FROM (i.position, i.hierarchy, i.content)"""
_TEXT_DIFFERS = "(e.content ->> 'text') IS DISTINCT FROM (i.content ->> 'text')"
_GONE = "e.deleted_at IS NULL AND i.source_id IS NULL"
_OF_SOURCE = """app.document_elements e LEFT JOIN incoming i ON i.source_id = e.source_id
            WHERE e.document_id = :document AND e.source_id IS NOT NULL"""


async def _merge(
    session: AsyncSession, document: Document, source: SourceDocument, outcome: Outcome, by_id: int | None
) -> None:
    """Make a known document what the source says now. Elements that people added by hand stay.

    What the source has no more is deleted as by hand: out of sight until it is purged, so that an edition which has it
    again brings it back.
    """
    await session.execute(
        text("CREATE TEMP TABLE incoming (LIKE app.document_elements INCLUDING DEFAULTS) ON COMMIT DROP")
    )
    await session.execute(text("ALTER TABLE incoming ALTER id DROP NOT NULL, ALTER id DROP DEFAULT"))
    total = await _copy(session, "incoming", document.id, source.elements, by_id)
    await session.execute(text("ANALYZE incoming"))
    rewritten = await _lock(session, document)
    notes = await notes_on(session, rewritten) if rewritten else ()
    # However long the text, it is in memory only where there are notes to be carried.
    before = await _book(session, document, rewritten) if notes else {}
    here = {"document": document.id}
    removed = await _count(
        session,
        f"""UPDATE app.document_elements SET deleted_at = now()
            WHERE id IN (SELECT e.id FROM {_OF_SOURCE} AND {_GONE})""",
        here,
    )
    # What comes from a file is its sender's, if anybody's. Whose that was which it said before stands in the revision.
    changed = await _count(
        session,
        f"""UPDATE app.document_elements e
            SET position = i.position, hierarchy = i.hierarchy, content = i.content,
                modified = now(), deleted_at = NULL,
                modified_by_id = CASE WHEN e.content IS DISTINCT FROM i.content
                    THEN i.modified_by_id ELSE e.modified_by_id END
            FROM incoming i
            WHERE e.document_id = :document AND e.source_id = i.source_id AND ({_DIFFERS})""",
        here,
    )
    added = await _count(
        session,
        """INSERT INTO app.document_elements (document_id, source_id, position, hierarchy, content, modified_by_id)
           SELECT document_id, source_id, position, hierarchy, content, modified_by_id FROM incoming i
           WHERE NOT EXISTS (
               SELECT FROM app.document_elements e
               WHERE e.document_id = :document AND e.source_id = i.source_id)""",
        here,
    )
    await session.execute(text("DROP TABLE incoming"))
    if notes:
        tally = await _carry(session, document, notes, {number: before[number] for number in rewritten}, before)
        outcome.carried += tally.carried
        outcome.orphaned += tally.orphaned
    outcome.removed += removed
    outcome.changed += changed
    outcome.added += added
    outcome.unchanged += total - changed - added


async def _lock(session: AsyncSession, document: Document) -> Sequence[int]:
    """Lock what is going to be changed, and tell which elements will say something else or nothing.

    As other writers do, from the top down, so that nobody writes meanwhile on what they said, or waits in a circle.
    """
    await session.execute(select(Document.id).where(Document.id == document.id).with_for_update(key_share=True))
    found = await session.execute(
        text(
            f"""SELECT e.id, i.source_id IS NULL OR {_TEXT_DIFFERS} FROM {_OF_SOURCE}
                AND ({_GONE} OR i.source_id IS NOT NULL AND ({_DIFFERS})) ORDER BY e.id FOR UPDATE OF e"""
        ),
        {"document": document.id},
    )
    return [number for number, is_rewritten in found if is_rewritten]


async def _carry(
    session: AsyncSession,
    document: Document,
    notes: Sequence[Any],
    rewritten: Mapping[int, Said],
    before: Mapping[int, Said],
) -> Tally:
    """Carry notes across the document: a new edition may move, split and join lines, and call them something else."""
    after = await _book(session, document)

    def carry(anchors: Sequence[tuple[int, Anchor]]) -> Sequence[Carried]:
        old, new = ({number: said.text for number, said in book.items()} for book in (before, after))
        same = same_elements(old, new)
        # Each is called by the number that it had; what is new by one that no other has.
        names = {number: same.get(number, -number) for number in new}
        numbers = {name: number for number, name in names.items()}
        carried = carry_across(list(old.items()), [(names[number], said) for number, said in new.items()], anchors)
        return [replace(one, key=numbers[one.key]) if isinstance(one.key, int) else one for one in carried]

    # What isn't found and has no element any more hangs on the document, where its readers look for what is lost.
    homes = {number: Place(Document, document.id) for number in rewritten if number not in after}
    return await carry_notes(session, notes, Change(rewritten, carry, homes, seeks_wholes=True))


async def _book(session: AsyncSession, document: Document, besides: Sequence[int] = ()) -> dict[int, Said]:
    """What the document says, in the order of reading; with these elements, which may be deleted."""
    in_sight = or_(
        DocumentElement.deleted_at.is_(None), DocumentElement.id == func.any(literal(list(besides), ARRAY(Integer)))
    )
    found = await session.execute(
        select(DocumentElement.id, func.coalesce(DocumentElement.text, ""), DocumentElement.revision)
        .where(DocumentElement.document_id == document.id, in_sight)
        .order_by(DocumentElement.position, DocumentElement.id)
    )
    return {number: Said(said, revision) for number, said, revision in found}


async def _count(session: AsyncSession, statement: str, values: dict[str, Any]) -> int:
    result: Any = await session.execute(text(statement), values)
    return int(result.rowcount)

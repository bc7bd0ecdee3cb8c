"""Writing the paragraphs of a document, changing, moving, dividing and joining them."""

from asyncio import gather
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

from genji_graphql import models
from genji_graphql.access.rules import RESTORABLE
from genji_graphql.anchoring.anchor import Unit
from genji_graphql.context import Context
from genji_graphql.reads import graph
from genji_graphql.reads.ids import global_id, row_id
from genji_graphql.schema.connection import Edge
from genji_graphql.schema.element import DocumentElement
from genji_graphql.schema.errors import Payload
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import option, plain
from genji_graphql.schema.mutation import mutation
from genji_graphql.schema.mutations.placing import after, before, beside, given_id
from genji_graphql.schema.mutations.requests import EXPECTED, KEY, deleted_id, edge_of, taken
from genji_graphql.schema.scalars import JSON
from genji_graphql.writes import contents, deleting, dividing, elements
from genji_graphql.writes.elements import MAX_ELEMENTS

_WHICH = "Its global id, or its number."
_TEXT = f"What it says, to the character, with its ends of lines: at most {models.LONGEST_TEXT:,} characters."
_CONTENT = (
    f"Its `text` with `formatting` and whatever else, such as `verse`: an object, of at most {contents.MAX_CONTENT:,} "
    "characters. Ranges in `formatting.text_styles.formatting` are `{start, end, type: [String]}`, in Unicode code "
    "points of the text."
)
_HIERARCHY = (
    f"Where it stands in the source, such as `{{page: 5}}`: an object, of at most {elements.MAX_HIERARCHY:,} "
    "characters. The order of a document doesn't follow it."
)


@strawberry.input(description="An element: its `text`, or its whole `content`.")
class NewElementInput:
    text: str | None = option(_TEXT)
    content: JSON | None = option(_CONTENT)
    hierarchy: JSON | None = option(_HIERARCHY)


@strawberry.input(description="New elements of a document.")
class CreateElementsInput:
    document_id: strawberry.ID = strawberry.field(description="The document.")
    elements: list[NewElementInput] = strawberry.field(
        description=f"From 1 to {MAX_ELEMENTS:,} elements in their order: all are written, or none. An "
        "error names its element by its place in this list: `elements.3.text`."
    )
    before_id: strawberry.ID | None = before("element of the document")
    after_id: strawberry.ID | None = after("element of the document")
    idempotency_key: str | None = option(KEY)


@strawberry.input(description="What is to be changed of an element; what is left out stays.")
class UpdateElementInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)
    text: str | None = option(
        f"{_TEXT} The rest of its content stays, but for what names places in the text as it was: ranges of "
        "formatting, verse."
    )
    content: JSON | None = option(f"{_CONTENT} It takes the place of all that there is. Not together with `text`.")
    hierarchy: JSON | None = option(f"{_HIERARCHY} Null for none.")
    expected_modified: datetime | None = option(EXPECTED)


@strawberry.input(description="An element that is to stand elsewhere.")
class MoveElementInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)
    before_id: strawberry.ID | None = before("element of that document")
    after_id: strawberry.ID | None = after("element of that document")
    document_id: strawberry.ID | None = option(
        "Another document to bring it to, with what is written on it. It is put last unless a place is given."
    )


@strawberry.input(description="An element that is to go.")
class DeleteElementInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)
    force: bool | None = option("Is it to go though annotations stand on it, with them? Not unless told.")
    expected_modified: datetime | None = option(EXPECTED)


@strawberry.input(description="An element that was deleted.")
class RestoreElementInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)


@strawberry.input(description="An element that is to be several.")
class SplitElementInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)
    at: list[int] = strawberry.field(
        description="Before which characters of its text it is cut, one after the other. Nothing is left out, and each "
        "part must have text that can be seen."
    )
    unit: Unit | None = option("What the places count: `CODE_POINT` unless told, `UTF16` as browsers do.")
    expected_modified: datetime | None = option(EXPECTED)
    idempotency_key: str | None = option(KEY)


@strawberry.input(description="Elements that are to be one.")
class MergeElementsInput:
    ids: list[strawberry.ID] = strawberry.field(
        description=f"From 2 to {MAX_ELEMENTS:,} neighbours of one document, in the order of reading."
    )
    separator: str | None = option(
        f"What is put between their texts: a line break unless told, at most {dividing.MAX_SEPARATOR} characters."
    )
    expected_modified: list[datetime] | None = option(f"Of each element, in the same order: {EXPECTED}")


@strawberry.type(description="The new elements.")
class CreateElementsPayload(Payload):
    elements: list[DocumentElement] = strawberry.field(
        default_factory=list,
        description="The elements, in the order that they were given in.",
        metadata={"at_most": MAX_ELEMENTS},
    )
    element_edges: list[Edge[DocumentElement]] = strawberry.field(
        default_factory=list,
        description="The same, each with its place among those of the document, by their order.",
        metadata={"at_most": MAX_ELEMENTS},
    )


@strawberry.type(description="The element as it is now.")
class ElementPayload(Payload):
    element: DocumentElement | None = strawberry.field(default=None, description="The element.")


@strawberry.type(description="What was deleted.")
class DeleteElementPayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(default=None, description="The id of the element.")


@strawberry.type(description="What the element has become.")
class SplitElementPayload(Payload):
    elements: list[DocumentElement] = strawberry.field(
        default_factory=list,
        description="Its parts in their order; the first is the element itself.",
        metadata={"at_most": MAX_ELEMENTS},
    )


@strawberry.type(description="The element that others have become part of.")
class MergeElementsPayload(Payload):
    element: DocumentElement | None = strawberry.field(default=None, description="The first of them, with all texts.")
    merged_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The ids of the others, which are deleted."
    )


@mutation("Writes elements of a document, last or beside another, for those who edit it.")
async def create_elements(info: Info, input: CreateElementsInput) -> CreateElementsPayload:
    async with info.context.transaction() as session:
        made = await elements.create(
            session,
            info.context.viewer,
            row_id(input.document_id, models.Document),
            plain(input.elements),
            beside=beside(input, models.DocumentElement),
            key=taken(input, "idempotency_key")[1],
        )
    rows = await _rows(info.context, made)
    edges = [edge_of(row, graph.document_elements) for row in rows]
    return CreateElementsPayload(elements=rows, element_edges=edges)


@mutation("Changes an element, for those who edit its document. What it said before is kept as a revision.")
async def update_element(info: Info, input: UpdateElementInput) -> ElementPayload:
    given, expected = taken(input, "expected_modified")
    element_id = row_id(given.pop("id"), models.DocumentElement)
    changes: Any = given
    async with info.context.transaction() as session:
        changed = await elements.update(session, info.context.viewer, element_id, changes, expected)
    return ElementPayload(element=await _row(info.context, changed))


@mutation("Moves an element within its document or to another, for those who edit both.")
async def move_element(info: Info, input: MoveElementInput) -> ElementPayload:
    async with info.context.transaction() as session:
        moved = await elements.move(
            session,
            info.context.viewer,
            row_id(input.id, models.DocumentElement),
            document_id=given_id(input.document_id, models.Document),
            beside=beside(input, models.DocumentElement),
        )
    return ElementPayload(element=await _row(info.context, moved))


@mutation(
    "Deletes an element, for those who edit its document: it is out of sight at once, for everybody, with the "
    "annotations on it, if there are any only with `force`. Links keep what else they lead to. It can be restored for "
    f"{RESTORABLE.days} days."
)
async def delete_element(info: Info, input: DeleteElementInput) -> DeleteElementPayload:
    element_id, expected = row_id(input.id, models.DocumentElement), input.expected_modified or None
    async with info.context.transaction() as session:
        gone = await deleting.delete_element(
            session, info.context.viewer, element_id, expected, force=input.force is True
        )
    return DeleteElementPayload(deleted_id=deleted_id(models.DocumentElement, gone))


@mutation("Restores an element that was deleted, with the annotations on it, for those who edit its document.")
async def restore_element(info: Info, input: RestoreElementInput) -> ElementPayload:
    async with info.context.transaction() as session:
        back = await deleting.restore_element(session, info.context.viewer, row_id(input.id, models.DocumentElement))
    return ElementPayload(element=await _row(info.context, back))


@mutation(
    "Cuts an element into several, for those who edit its document. Notes go with their passages; what is written on "
    "all of it stays with the first part."
)
async def split_element(info: Info, input: SplitElementInput) -> SplitElementPayload:
    given = plain(input)
    async with info.context.transaction() as session:
        made = await dividing.split(
            session,
            info.context.viewer,
            row_id(input.id, models.DocumentElement),
            given["at"],
            given.get("unit") or Unit.CODE_POINT,
            expected=given.get("expected_modified"),
            key=given.get("idempotency_key"),
        )
    return SplitElementPayload(elements=await _rows(info.context, made))


@mutation(
    "Joins neighbours into the first of them, for those who edit their document, with all that is written on them. The "
    "others are deleted."
)
async def merge_elements(info: Info, input: MergeElementsInput) -> MergeElementsPayload:
    given = plain(input)
    ids = [row_id(one, models.DocumentElement) for one in input.ids]
    separator = given.get("separator")
    async with info.context.transaction() as session:
        kept = await dividing.merge(
            session,
            info.context.viewer,
            ids,
            dividing.LINE_BREAK if separator is None else separator,
            given.get("expected_modified"),
        )
    merged = [strawberry.ID(global_id("DocumentElement", one)) for one in ids[1:] if one is not None]
    return MergeElementsPayload(element=await _row(info.context, kept), merged_ids=merged)


async def _rows(context: Context, element_ids: Sequence[int]) -> list[Any]:
    rows = await gather(*(_row(context, element_id) for element_id in element_ids))
    return [row for row in rows if row is not None]


async def _row(context: Context, element_id: int) -> Any:
    return await context.loaders.row(models.DocumentElement, element_id)


@strawberry.type
class ElementMutations:
    create_elements: CreateElementsPayload = create_elements
    update_element: ElementPayload = update_element
    move_element: ElementPayload = move_element
    delete_element: DeleteElementPayload = delete_element
    restore_element: ElementPayload = restore_element
    split_element: SplitElementPayload = split_element
    merge_elements: MergeElementsPayload = merge_elements

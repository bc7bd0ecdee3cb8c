"""Writing notes and links, changing them, and bringing them back."""

from asyncio import gather
from datetime import datetime
from typing import Any

import strawberry
from strawberry import UNSET

from genji_graphql import models
from genji_graphql.access.rules import RESTORABLE
from genji_graphql.anchoring.anchor import Unit
from genji_graphql.context import Context
from genji_graphql.errors import Invalid, Malformed, Several
from genji_graphql.reads import graph
from genji_graphql.reads.ids import row_id
from genji_graphql.reads.web_annotation import Place
from genji_graphql.schema.annotation import Annotation
from genji_graphql.schema.connection import Edge
from genji_graphql.schema.errors import Payload
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import option, plain
from genji_graphql.schema.mutation import mutation
from genji_graphql.schema.mutations.placing import given_id
from genji_graphql.schema.mutations.requests import EXPECTED, KEY, edge_of
from genji_graphql.schema.scalars import JSON
from genji_graphql.vocabulary import Motivation
from genji_graphql.web_annotation.check import problems
from genji_graphql.web_annotation.reading import read
from genji_graphql.writes import annotations
from genji_graphql.writes.annotations import MAX_BATCH, Changes, Draft, Passage
from genji_graphql.writes.idempotency import attempt
from genji_graphql.writes.mistakes import Mistakes
from genji_graphql.writes.targets import Selection, as_ours

_WHICH = "Its global id, or its number."
_MOTIVATION = "Why it is written: `commenting` unless told; `scholarly`, `highlighting` … The vocabulary is open."
_TEXT = "What it says, as plain text. Not together with `body`."
_BODY = "What it says, in JSON: a body of the W3C's model, or several. HTML in it is cleaned."
_SELECTOR = "Which passage of the element is meant; all of it unless told."
_TARGET = "What it is about, in JSON: targets of the W3C's model, whose sources name things of this site."
_PRIVATE = "Is it for its owner's eyes alone? Not unless told."
_CLASSROOM = "The classroom that it is for, of which the viewer is a member; for everybody unless told."
_ELEMENT = "The element that it is written on."


@strawberry.input(
    description="A passage of an element's text: by its offsets, by its words, or by both. What is stored tells both, "
    "and some of what stands around."
)
class TextSelectorInput:
    start: int | None = option("Where it begins, counted from 0.")
    end: int | None = option("Where it ends; the character there is outside.")
    unit: Unit | None = option("What the offsets count: `CODE_POINT` unless told, `UTF16` as browsers do.")
    exact: str | None = option("Its words.")
    prefix: str | None = option("What stands just before it.")
    suffix: str | None = option("What stands just after it.")


@strawberry.input(description="A new note. It stands on one element, document or collection, or says all in `jsonLd`.")
class CreateAnnotationInput:
    element_id: strawberry.ID | None = option(_ELEMENT)
    document_id: strawberry.ID | None = option("The document that it is written on as a whole.")
    collection_id: strawberry.ID | None = option("The collection that it is written on as a whole.")
    motivation: str | None = option(_MOTIVATION)
    text: str | None = option(_TEXT)
    body: JSON | None = option(_BODY)
    selector: TextSelectorInput | None = option(_SELECTOR)
    target: JSON | None = option(_TARGET + " Not together with the ids and `selector`.")
    classroom_id: strawberry.ID | None = option(_CLASSROOM)
    private: bool | None = option(_PRIVATE)
    json_ld: JSON | None = option(
        "A whole annotation of the W3C's model in JSON-LD, in place of all but the classroom, `private` and the key.",
        "jsonLd",
    )
    idempotency_key: str | None = option(KEY)


@strawberry.input(description=f"New notes, 1 to {MAX_BATCH} of them: all are written, or none.")
class BulkCreateAnnotationsInput:
    annotations: list[CreateAnnotationInput] = strawberry.field(
        description="The notes. Their own keys are not looked at; the request has one."
    )
    idempotency_key: str | None = option(KEY)


@strawberry.input(description="What is to be changed of a note; what is left out stays.")
class UpdateAnnotationInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)
    motivation: str | None = option("Why it is written.")
    text: str | None = option(_TEXT)
    body: JSON | None = option(_BODY)
    selector: TextSelectorInput | None = option("Which passage of its element is meant.")
    target: JSON | None = option(_TARGET + " It stays with the text that it was written on.")
    private: bool | None = option("Is it for its owner's eyes alone?")
    expected_modified: datetime | None = option(EXPECTED)


@strawberry.input(description="A note that is to go, or to come back.")
class DeleteAnnotationInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)
    expected_modified: datetime | None = option(EXPECTED)


@strawberry.input(description="A note that was deleted.")
class RestoreAnnotationInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)


@strawberry.input(description="A note, and which of its versions it is to be again.")
class RevertAnnotationInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)
    version: int = strawberry.field(description="The number of the version.")
    expected_modified: datetime | None = option(EXPECTED)


@strawberry.input(description="Where a note belongs whose passage has gone from the text.")
class ReattachAnnotationInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)
    selector: TextSelectorInput | None = option(
        "The passage that it belongs to now. Left out together with a given `elementId`, it is about that as a whole."
    )
    element_id: strawberry.ID | None = option(
        "The element that it belongs to now, of the same document; the one that it was lost in, unless told."
    )
    target_id: int | None = option("The `databaseId` of the target that is lost; the first that is, unless told.")
    expected_modified: datetime | None = option(EXPECTED)


@strawberry.input(description="A passage that a link leads to or from.")
class LinkTargetInput:
    element_id: strawberry.ID = strawberry.field(description="The element.")
    selector: TextSelectorInput | None = option(_SELECTOR)


@strawberry.input(description="A new link between passages.")
class CreateLinkInput:
    targets: list[LinkTargetInput] = strawberry.field(
        description=f"The passages, 2 to {annotations.MAX_TARGETS}. The link stands on the first."
    )
    text: str | None = option("What it says, as plain text.")
    body: JSON | None = option(_BODY)
    idempotency_key: str | None = option(KEY)


@strawberry.input(description="One more passage for a link.")
class AddLinkTargetInput:
    id: strawberry.ID = strawberry.field(description="The link.")
    element_id: strawberry.ID = strawberry.field(description="The element.")
    selector: TextSelectorInput | None = option(_SELECTOR)
    expected_modified: datetime | None = option(EXPECTED)


@strawberry.input(description="A passage that a link is to lose.")
class RemoveLinkTargetInput:
    id: strawberry.ID = strawberry.field(description="The link.")
    target_id: int = strawberry.field(description="The `databaseId` of the target.")
    expected_modified: datetime | None = option(EXPECTED)


@strawberry.input(description="A page of the web that a passage has to do with.")
class CreateExternalReferenceInput:
    element_id: strawberry.ID = strawberry.field(description=_ELEMENT)
    selector: TextSelectorInput | None = option(_SELECTOR)
    url: str = strawberry.field(description="Its address, with http or https.")
    title: str = strawberry.field(description="What it is called.")
    description: str | None = option("What is found there.")
    idempotency_key: str | None = option(KEY)


@strawberry.type(description="The annotation as it is now.")
class AnnotationPayload(Payload):
    annotation: Annotation | None = strawberry.field(default=None, description="The annotation.")


@strawberry.type(description="The annotation that was written.")
class CreateAnnotationPayload(Payload):
    annotation: Annotation | None = strawberry.field(default=None, description="The annotation.")
    annotation_edge: Edge[Annotation] | None = strawberry.field(
        default=None,
        description="The annotation with its place among those of its element, its document or its collection, by "
        "their order.",
    )


@strawberry.type(description="The annotations that were written.")
class BulkCreateAnnotationsPayload(Payload):
    annotations: list[Annotation] = strawberry.field(
        default_factory=list,
        description="The annotations, in the order of the input. The `field` of an error begins with the place of the "
        "annotation that is to blame, as in `annotations.3.elementId`.",
        metadata={"at_most": MAX_BATCH},
    )
    annotation_edges: list[Edge[Annotation]] = strawberry.field(
        default_factory=list,
        description="The same, each with its place among those of its element, its document or its collection.",
        metadata={"at_most": MAX_BATCH},
    )


@strawberry.type(description="The link with its new target.")
class AddLinkTargetPayload(Payload):
    annotation: Annotation | None = strawberry.field(default=None, description="The link.")
    target_id: int | None = strawberry.field(default=None, description="The `databaseId` of the new target.")


@mutation("Writes a note on an element, a document or a collection that the viewer sees.")
async def create_annotation(info: Info, input: CreateAnnotationInput) -> CreateAnnotationPayload:
    return _one(await _create(info.context, "createAnnotation", input, [_draft(info.context, input)]))


@mutation(f"Writes up to {MAX_BATCH} notes at once: all of them, or none.")
async def bulk_create_annotations(info: Info, input: BulkCreateAnnotationsInput) -> BulkCreateAnnotationsPayload:
    if not 1 <= len(input.annotations) <= MAX_BATCH:
        raise Invalid(f"From 1 to {MAX_BATCH} notes at once.", field="annotations", code="TOO_MANY")
    drafts, mistakes = [], Mistakes()
    for place, given in enumerate(input.annotations):
        within = f"annotations.{place}."
        with mistakes.noted(within):
            drafts.append(_draft(info.context, given, within))
    mistakes.check()
    notes = await _create(info.context, "bulkCreateAnnotations", input, drafts)
    return BulkCreateAnnotationsPayload(annotations=notes, annotation_edges=[_edge(note) for note in notes])


@mutation("Changes a note of one's own.")
async def update_annotation(info: Info, input: UpdateAnnotationInput) -> AnnotationPayload:
    changes = Changes()
    if input.motivation not in (UNSET, None):
        changes["motivation"] = str(input.motivation)
    if input.text is not UNSET or input.body is not UNSET:
        changes["body"] = body_of(info.context, input)
    if input.target not in (UNSET, None):
        changes["target"] = as_ours(input.target, info.context.services.settings.base_url)
    if isinstance(input.selector, TextSelectorInput):
        if "target" in changes:
            raise Invalid("Give one of `selector` and `target`.", field="selector", code="NOT_ONE")
        changes["selection"] = Selection(**_told(input.selector))
    if input.private not in (UNSET, None):
        changes["private"] = bool(input.private)
    annotation_id, expected = row_id(input.id, models.Annotation), _expected(input)
    async with info.context.transaction() as session:
        note: Any = await annotations.change(session, info.context.viewer, annotation_id, changes, expected)
    return AnnotationPayload(annotation=note)


@mutation(
    "Deletes a note, for its owner and those who moderate it: it is out of sight at once, with its replies, tags, "
    f"votes and flags. It can be restored for {RESTORABLE.days} days."
)
async def delete_annotation(info: Info, input: DeleteAnnotationInput) -> AnnotationPayload:
    async with info.context.transaction() as session:
        note: Any = await annotations.delete(
            session, info.context.viewer, row_id(input.id, models.Annotation), _expected(input)
        )
    return AnnotationPayload(annotation=note)


@mutation("Restores a note that was deleted, with all that answers it, for its owner and those who moderate it.")
async def restore_annotation(info: Info, input: RestoreAnnotationInput) -> AnnotationPayload:
    async with info.context.transaction() as session:
        note: Any = await annotations.restore(session, info.context.viewer, row_id(input.id, models.Annotation))
    return AnnotationPayload(annotation=note)


@mutation("Gives a note of one's own the words and the target of an earlier version.")
async def revert_annotation(info: Info, input: RevertAnnotationInput) -> AnnotationPayload:
    annotation_id = row_id(input.id, models.Annotation)
    async with info.context.transaction() as session:
        note: Any = await annotations.revert(
            session, info.context.viewer, annotation_id, input.version, _expected(input)
        )
    return AnnotationPayload(annotation=note)


@mutation("Says where a note belongs whose passage has gone from the text, for its owner and who may edit the text.")
async def reattach_annotation(info: Info, input: ReattachAnnotationInput) -> AnnotationPayload:
    annotation_id, target_id = row_id(input.id, models.Annotation), input.target_id or None
    selection = Selection(**_told(input.selector)) if input.selector else None
    async with info.context.transaction() as session:
        note: Any = await annotations.reattach(
            session,
            info.context.viewer,
            annotation_id,
            target_id,
            selection,
            _expected(input),
            element_id=given_id(input.element_id, models.DocumentElement),
        )
    return AnnotationPayload(annotation=note)


@mutation("Links passages of one or several texts.")
async def create_link(info: Info, input: CreateLinkInput) -> CreateAnnotationPayload:
    if not 2 <= len(input.targets) <= annotations.MAX_TARGETS:
        raise Invalid(f"A link has 2 to {annotations.MAX_TARGETS} targets.", field="targets", code="TOO_MANY")
    draft = Draft(
        motivation=Motivation.LINKING,
        body=body_of(info.context, input),
        passages=[_passage(one) for one in input.targets],
        nested=True,
    )
    return _one(await _create(info.context, "createLink", input, [draft]))


@mutation("Adds a passage to a link of one's own.")
async def add_link_target(info: Info, input: AddLinkTargetInput) -> AddLinkTargetPayload:
    link_id = row_id(input.id, models.Annotation)
    async with info.context.transaction() as session:
        note, target_id = await annotations.add_target(
            session, info.context.viewer, link_id, _passage(input), _expected(input)
        )
    return AddLinkTargetPayload(annotation=note, target_id=target_id)  # type: ignore[arg-type] # a row stands for its type


@mutation("Takes a passage from a link of one's own.")
async def remove_link_target(info: Info, input: RemoveLinkTargetInput) -> AnnotationPayload:
    link_id = row_id(input.id, models.Annotation)
    async with info.context.transaction() as session:
        note: Any = await annotations.remove_target(
            session, info.context.viewer, link_id, input.target_id, _expected(input)
        )
    return AnnotationPayload(annotation=note)


@mutation("Tells of a page of the web that a passage has to do with.")
async def create_external_reference(info: Info, input: CreateExternalReferenceInput) -> CreateAnnotationPayload:
    body = annotations.reference(input.url, input.title, input.description or None)
    draft = Draft(motivation=Motivation.EXTERNAL_REFERENCE, body=body, passages=[_passage(input)])
    return _one(await _create(info.context, "createExternalReference", input, [draft]))


async def _create(context: Context, what: str, given: Any, drafts: list[Draft]) -> list[Any]:
    key = given.idempotency_key or None
    async with context.transaction() as session:
        request = await attempt(session, context.viewer, key, what, {} if key is None else plain(given))
        if request.made is None:
            written = await annotations.create(session, context.viewer, drafts)
            await request.has_made([note.id for note in written])
            return list(written)
    # What the first request made, as it is now; what the viewer has lost sight of since isn't there any more.
    rows = await gather(*(context.loaders.row(models.Annotation, number) for number in request.made))
    return [row for row in rows if row is not None]


def _one(notes: list[Any]) -> CreateAnnotationPayload:
    if not notes:
        return CreateAnnotationPayload()
    return CreateAnnotationPayload(annotation=notes[0], annotation_edge=_edge(notes[0]))


def _edge(note: Any) -> Any:
    return edge_of(note, graph.element_annotations)


def _draft(context: Context, given: CreateAnnotationInput, prefix: str = "") -> Draft:
    shared: dict[str, Any] = {
        "classroom_id": None if given.classroom_id in (UNSET, None) else row_id(given.classroom_id, models.Group) or 0,
        "private": given.private is True,
        "field": prefix,
    }
    if given.json_ld not in (UNSET, None):
        return _of_json_ld(context, given, shared)
    passages = [_place(given)] if given.target in (UNSET, None) else []
    if not passages and any(isinstance(getattr(given, name), str) for name in _PLACES):
        raise Invalid("Give `target`, or the id of what it is about.", field="target", code="NOT_ONE")
    return Draft(
        motivation=Motivation.COMMENTING if given.motivation in (UNSET, None) else str(given.motivation),
        body=body_of(context, given),
        passages=passages,
        target=None if given.target is UNSET else as_ours(given.target, context.services.settings.base_url),
        **shared,
    )


def _of_json_ld(context: Context, given: CreateAnnotationInput, shared: dict[str, Any]) -> Draft:
    beside = (*_PLACES, "motivation", "text", "body", "selector", "target")
    if any(getattr(given, name) not in (UNSET, None) for name in beside):
        raise Invalid("With `jsonLd` only the classroom and `private` are told.", field="json_ld", code="NOT_ONE")
    if wrong := problems(given.json_ld):
        raise Several([Malformed(one.message, pointer=one.pointer, field="json_ld") for one in wrong[:10]])
    found = read(given.json_ld, context.services.settings.base_url)
    return Draft(
        motivation=found.motivation or Motivation.COMMENTING,
        body=as_ours(found.body, context.services.settings.base_url),
        target=as_ours(found.target, context.services.settings.base_url),
        generator=found.generator,
        generated=found.generated,
        other=found.other,
        **shared,
    )


_PLACES: dict[str, type[models.Base]] = {
    "element_id": models.DocumentElement,
    "document_id": models.Document,
    "collection_id": models.DocumentCollection,
}


def _place(given: CreateAnnotationInput) -> Passage:
    match [name for name in _PLACES if getattr(given, name) not in (UNSET, None)]:
        case [name]:
            model = _PLACES[name]
            place = Place(model, row_id(getattr(given, name), model) or 0)
            return Passage(place, _selection(given.selector))
    raise Invalid("Give one of elementId, documentId and collectionId.", field="element_id", code="NOT_ONE")


def _passage(given: Any) -> Passage:
    number = row_id(given.element_id, models.DocumentElement) or 0
    return Passage(Place(models.DocumentElement, number), _selection(given.selector))


def _selection(given: TextSelectorInput | None) -> Selection | None:
    return Selection(**_told(given)) if isinstance(given, TextSelectorInput) else None


def _told(given: TextSelectorInput) -> dict[str, Any]:
    names = ("start", "end", "unit", "exact", "prefix", "suffix")
    return {name: value for name in names if (value := getattr(given, name)) not in (UNSET, None)}


def body_of(context: Context, given: Any) -> Any:
    text, body = (None if one is UNSET else one for one in (given.text, given.body))
    if text is not None and body is not None:
        raise Invalid("Give one of `text` and `body`.", field="text", code="NOT_ONE")
    if text is not None:
        return {"type": "TextualBody", "value": text, "format": "text/plain"}
    return as_ours(body, context.services.settings.base_url)


def _expected(given: Any) -> datetime | None:
    return given.expected_modified or None


@strawberry.type
class AnnotationMutations:
    create_annotation: CreateAnnotationPayload = create_annotation
    bulk_create_annotations: BulkCreateAnnotationsPayload = bulk_create_annotations
    update_annotation: AnnotationPayload = update_annotation
    delete_annotation: AnnotationPayload = delete_annotation
    restore_annotation: AnnotationPayload = restore_annotation
    revert_annotation: AnnotationPayload = revert_annotation
    reattach_annotation: AnnotationPayload = reattach_annotation
    create_link: CreateAnnotationPayload = create_link
    add_link_target: AddLinkTargetPayload = add_link_target
    remove_link_target: AnnotationPayload = remove_link_target
    create_external_reference: CreateAnnotationPayload = create_external_reference

"""Answering notes: replies, tags, votes and flags."""

from typing import Any

import strawberry

from genji_graphql import models
from genji_graphql.errors import Invalid
from genji_graphql.reads import graph
from genji_graphql.reads.ids import row_id
from genji_graphql.schema.annotation import Annotation
from genji_graphql.schema.connection import Edge
from genji_graphql.schema.errors import Payload
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import option, plain
from genji_graphql.schema.mutation import mutation
from genji_graphql.schema.mutations.annotations import AnnotationPayload, body_of
from genji_graphql.schema.mutations.requests import KEY, edge_of
from genji_graphql.schema.scalars import JSON
from genji_graphql.writes import responses
from genji_graphql.writes.idempotency import attempt

_NOTE = "The annotation that is answered."


@strawberry.input(description="A reply.")
class ReplyToAnnotationInput:
    annotation_id: strawberry.ID = strawberry.field(description=_NOTE)
    text: str | None = option("What it says, as plain text. Not together with `body`.")
    body: JSON | None = option("What it says, in JSON: a body of the W3C's model.")
    idempotency_key: str | None = option(KEY)


@strawberry.input(description="A word that a note is tagged with, or no longer.")
class TagInput:
    annotation_id: strawberry.ID = strawberry.field(description=_NOTE)
    tag: str = strawberry.field(description=f"The word, of at most {responses.LONGEST_TAG} characters.")


@strawberry.input(description="A vote.")
class UpvoteInput:
    annotation_id: strawberry.ID = strawberry.field(description=_NOTE)


@strawberry.input(description="What is wrong with a note.")
class FlagAnnotationInput:
    annotation_id: strawberry.ID = strawberry.field(description="The annotation that is flagged.")
    reason: str | None = option(f"What is wrong with it, in at most {responses.LONGEST_REASON} characters.")


@strawberry.input(description="Which flag is meant.")
class FlagInput:
    flag_id: strawberry.ID = strawberry.field(description="The flag.")


@strawberry.type(description="The reply that was written.")
class ReplyPayload(Payload):
    reply: Annotation | None = strawberry.field(default=None, description="The reply.")
    reply_edge: Edge[Annotation] | None = strawberry.field(
        default=None, description="The reply with its place among those to the same annotation, by their order."
    )


@strawberry.type(description="The flag.")
class FlagPayload(Payload):
    flag: Annotation | None = strawberry.field(default=None, description="The flag.")


@mutation("Replies to an annotation, in the classroom that it is for.")
async def reply_to_annotation(info: Info, input: ReplyToAnnotationInput) -> ReplyPayload:
    body, key = body_of(info.context, input), input.idempotency_key or None
    if body is None:
        raise Invalid("Say something.", field="text", code="REQUIRED")
    viewer, number = info.context.viewer, row_id(input.annotation_id, models.Annotation)
    async with info.context.transaction() as session:
        request = await attempt(session, viewer, key, "replyToAnnotation", plain(input))
        if request.made is None:
            written: Any = await responses.reply(session, viewer, number, body)
            await request.has_made([written.id])
            return _reply(written)
    return _reply(await info.context.loaders.row(models.Annotation, request.made[0]))


def _reply(row: Any) -> ReplyPayload:
    return ReplyPayload(reply=row, reply_edge=edge_of(row, graph.annotation_replies))


@mutation("Tags an annotation with a word. To tag it again with the same changes nothing.")
async def tag_annotation(info: Info, input: TagInput) -> AnnotationPayload:
    number = row_id(input.annotation_id, models.Annotation)
    async with info.context.transaction() as session:
        _, note_id = await responses.tag(session, info.context.viewer, number, input.tag)
    return AnnotationPayload(annotation=await info.context.loaders.row(models.Annotation, note_id))


@mutation("Takes a tag of one's own from an annotation; for those who moderate it, anybody's.")
async def untag_annotation(info: Info, input: TagInput) -> AnnotationPayload:
    number = row_id(input.annotation_id, models.Annotation)
    async with info.context.transaction() as session:
        note: Any = await responses.untag(session, info.context.viewer, number, input.tag)
    return AnnotationPayload(annotation=note)


@mutation("Votes for an annotation. A person has one vote for each.")
async def upvote_annotation(info: Info, input: UpvoteInput) -> AnnotationPayload:
    number = row_id(input.annotation_id, models.Annotation)
    async with info.context.transaction() as session:
        note: Any = await responses.upvote(session, info.context.viewer, number)
    return AnnotationPayload(annotation=note)


@mutation("Takes the viewer's vote for an annotation back.")
async def remove_upvote(info: Info, input: UpvoteInput) -> AnnotationPayload:
    number = row_id(input.annotation_id, models.Annotation)
    async with info.context.transaction() as session:
        note: Any = await responses.remove_upvote(session, info.context.viewer, number)
    return AnnotationPayload(annotation=note)


@mutation("Tells those who moderate an annotation that something is wrong with it. They see who told.")
async def flag_annotation(info: Info, input: FlagAnnotationInput) -> FlagPayload:
    number = row_id(input.annotation_id, models.Annotation)
    async with info.context.transaction() as session:
        raised: Any = await responses.flag(session, info.context.viewer, number, input.reason or None)
    return FlagPayload(flag=raised)


@mutation("Dismisses a flag, for those who moderate what is flagged. What was flagged stays.")
async def dismiss_flag(info: Info, input: FlagInput) -> FlagPayload:
    async with info.context.transaction() as session:
        flag_id = row_id(input.flag_id, models.Annotation)
        raised: Any = await responses.dismiss_flag(session, info.context.viewer, flag_id)
    return FlagPayload(flag=raised)


@mutation("Deletes what was flagged, for those who moderate it. It can be restored like anything that was deleted.")
async def remove_flagged_annotation(info: Info, input: FlagInput) -> AnnotationPayload:
    async with info.context.transaction() as session:
        flag_id = row_id(input.flag_id, models.Annotation)
        note: Any = await responses.remove_flagged(session, info.context.viewer, flag_id)
    return AnnotationPayload(annotation=note)


@strawberry.type
class ResponseMutations:
    reply_to_annotation: ReplyPayload = reply_to_annotation
    tag_annotation: AnnotationPayload = tag_annotation
    untag_annotation: AnnotationPayload = untag_annotation
    upvote_annotation: AnnotationPayload = upvote_annotation
    remove_upvote: AnnotationPayload = remove_upvote
    flag_annotation: FlagPayload = flag_annotation
    dismiss_flag: FlagPayload = dismiss_flag
    remove_flagged_annotation: AnnotationPayload = remove_flagged_annotation

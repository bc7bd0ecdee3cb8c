"""Answers to notes: replies, tags, votes and flags. Each stands where what it answers stands, in the same classroom."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.rules import Action, allowed
from genji_graphql.access.viewer import Viewer
from genji_graphql.access.visibility import visible
from genji_graphql.errors import Invalid, NotAllowed, NotFound
from genji_graphql.lines import line
from genji_graphql.models import Annotation, annotation_body_ids, annotation_target_ids
from genji_graphql.reads.web_annotation import Place
from genji_graphql.vocabulary import AnnotationStatus, Motivation
from genji_graphql.web_annotation.check import body_problems
from genji_graphql.web_annotation.html import sanitised
from genji_graphql.writes.finding import find, hold_place
from genji_graphql.writes.targets import numbered, target_on

LONGEST_TAG = 100
LONGEST_REASON = 1000

_IN_USE = (AnnotationStatus.ACTIVE, AnnotationStatus.PRIVATE)


async def reply(session: AsyncSession, viewer: Viewer, annotation_id: int | None, body: Any) -> Annotation:
    for problem in body_problems(body):
        raise Invalid(f"{problem.message} (at {problem.pointer or '/'})", field="body", code="INVALID_ANNOTATION")
    note = await _answered(session, viewer, annotation_id)
    return await _respond(session, viewer, note, Motivation.REPLYING, sanitised(body))


async def tag(session: AsyncSession, viewer: Viewer, annotation_id: int | None, word: str) -> tuple[Annotation, int]:
    """The tag, and what it is of. A person's word for a note is there once, however often they say it."""
    word = _word(word)
    note = await _answered(session, viewer, annotation_id)
    theirs = select(Annotation).where(
        *_theirs(viewer, note, Motivation.TAGGING), Annotation.body["value"].astext == word
    )
    known = await session.scalar(theirs)
    body = {"type": "TextualBody", "value": word, "format": "text/plain", "purpose": "tagging"}
    return known or await _respond(session, viewer, note, Motivation.TAGGING, body), note.id


async def untag(session: AsyncSession, viewer: Viewer, annotation_id: int | None, word: str) -> Annotation:
    """What it was of. One's own tags of this word go; for who moderates, everybody's."""
    note = await find_seen(session, viewer, annotation_id)
    of_word = select(Annotation.id, allowed(Annotation, Action.DELETE, viewer)).where(
        Annotation.parent_id == note.id,
        Annotation.motivation == Motivation.TAGGING,
        Annotation.status.in_(_IN_USE),
        func.coalesce(Annotation.body["value"].astext, Annotation.body[0]["value"].astext) == _word(word),
        visible(Annotation, viewer),
    )
    found = (await session.execute(of_word)).all()
    if not found:
        raise NotFound("It has no such tag.", field="tag")
    theirs = [number for number, may in found if may]
    if not theirs:
        raise NotAllowed("You may not remove the tags of others.", field="tag")
    await _delete(session, viewer, theirs)
    return note


async def upvote(session: AsyncSession, viewer: Viewer, annotation_id: int | None) -> Annotation:
    """What was voted for. A person has one vote for a note; to give it again changes nothing."""
    note = await _answered(session, viewer, annotation_id)
    if not await session.scalar(select(Annotation.id).where(*_theirs(viewer, note, Motivation.UPVOTING)).limit(1)):
        await _respond(session, viewer, note, Motivation.UPVOTING, None)
    return note


async def remove_upvote(session: AsyncSession, viewer: Viewer, annotation_id: int | None) -> Annotation:
    """What it was for. Where there was none, nothing changes."""
    note = await find_seen(session, viewer, annotation_id)
    votes = await session.scalars(select(Annotation.id).where(*_theirs(viewer, note, Motivation.UPVOTING)))
    await _delete(session, viewer, list(votes))
    return note


async def flag(session: AsyncSession, viewer: Viewer, annotation_id: int | None, reason: str | None) -> Annotation:
    """The flag, which those see who may moderate the note. Who flags it again changes nothing."""
    reason = line(reason or "", LONGEST_REASON, "reason", "reason")
    note = await _answered(session, viewer, annotation_id)
    known = await session.scalar(select(Annotation).where(*_theirs(viewer, note, Motivation.FLAGGING)).limit(1))
    body = {"type": "TextualBody", "value": reason, "format": "text/plain"} if reason else None
    return known or await _respond(session, viewer, note, Motivation.FLAGGING, body)


async def dismiss_flag(session: AsyncSession, viewer: Viewer, flag_id: int | None) -> Annotation:
    """The flag, which is out of sight from now on; what was flagged stays."""
    raised = await _flag(session, viewer, flag_id)
    await _delete(session, viewer, [raised.id])
    return raised


async def remove_flagged(session: AsyncSession, viewer: Viewer, flag_id: int | None) -> Annotation:
    """What was flagged, which is deleted, with all that answers it. Its owner and its moderators can restore it."""
    flagged = select(Annotation.parent_id).where(Annotation.id == (flag_id or 0)).scalar_subquery()
    await session.execute(select(Annotation.id).where(Annotation.id == flagged).with_for_update())
    raised = await _flag(session, viewer, flag_id)
    note = await find(session, viewer, Annotation, raised.parent_id, Action.MODERATE, "flag_id")
    await _delete(session, viewer, [note.id])
    return note


async def find_seen(session: AsyncSession, viewer: Viewer, annotation_id: int | None) -> Annotation:
    """The note that somebody takes an answer away from: whoever sees it may, though they may answer it no more."""
    seen = select(Annotation).where(Annotation.id == (annotation_id or 0), visible(Annotation, viewer))
    note = await session.scalar(seen.with_for_update(of=Annotation, key_share=True))
    if note is None:
        raise NotFound("There is no such annotation.", field="annotation_id")
    return note


async def _answered(session: AsyncSession, viewer: Viewer, annotation_id: int | None) -> Annotation:
    # What answers it stands where it stands.
    await hold_place(session, annotation_id)
    note = await find(session, viewer, Annotation, annotation_id, Action.REPLY, "annotation_id")
    if note.status not in _IN_USE:
        raise Invalid("What is hidden or deleted can't be answered.", field="annotation_id", code="DELETED")
    return note


async def _flag(session: AsyncSession, viewer: Viewer, flag_id: int | None) -> Annotation:
    raised = await find(session, viewer, Annotation, flag_id, Action.MODERATE, "flag_id")
    if raised.motivation != Motivation.FLAGGING:
        raise NotFound("There is no such flag.", field="flag_id")
    return raised


async def _respond(
    session: AsyncSession, viewer: Viewer, note: Annotation, motivation: Motivation, body: Any
) -> Annotation:
    count = 0 if body is None else 1
    numbers = select(annotation_target_ids.next_value(), *[annotation_body_ids.next_value()] * count)
    target_id, *body_ids = (await session.execute(numbers)).one()
    written = insert(Annotation).values(
        parent_id=note.id,
        motivation=motivation,
        body=None if body is None else numbered(body, iter(body_ids)),
        target=[{"id": target_id} | target_on(Place(Annotation, note.id), None)],
        status=AnnotationStatus.ACTIVE,
        creator_id=viewer.user_id,
        owner_id=viewer.user_id,
        **_stands(note),
    )
    return (await session.scalars(written.returning(Annotation))).one()


def _stands(note: Annotation) -> Mapping[str, Any]:
    columns = ("document_element_id", "document_id", "document_collection_id", "classroom_id", "classroom_gone")
    return {name: getattr(note, name) for name in columns}


def _theirs(viewer: Viewer, note: Annotation, motivation: Motivation) -> list[Any]:
    return [
        Annotation.parent_id == note.id,
        Annotation.motivation == motivation,
        Annotation.creator_id == viewer.user_id,
        Annotation.status.in_(_IN_USE),
    ]


async def _delete(session: AsyncSession, viewer: Viewer, ids: list[int]) -> None:
    if ids:
        gone = {"status": AnnotationStatus.DELETED, "deleted_at": func.now(), "modified_by_id": viewer.user_id}
        written = update(Annotation).where(Annotation.id.in_(ids)).values(**gone).returning(Annotation)
        # What was found before is shown as it is now.
        (await session.scalars(written, execution_options={"populate_existing": True})).all()


def _word(given: str) -> str:
    word = line(given, LONGEST_TAG, "tag", "tag", "NFKC")
    if not word:
        raise Invalid("A tag needs a word.", field="tag", code="REQUIRED")
    return word

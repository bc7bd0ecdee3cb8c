"""Who is told of an event, in random worlds: all at once, and the very same as each who asks for the row."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from sqlalchemy import and_, select

from genji_graphql import models
from genji_graphql.access.viewer import Viewer
from genji_graphql.access.visibility import moderated, visible
from genji_graphql.live.event import IN_SIGHT, Event, Kind
from genji_graphql.live.people import People, Person
from genji_graphql.live.position import Position
from genji_graphql.live.sight import Question, asked
from tests.matrix.conftest import Site
from tests.matrix.statement import World
from tests.matrix.test_matrix import random_worlds
from tests.matrix.worlds import worlds

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_COLUMNS = {field.name for field in fields(Event)} & set(models.Annotation.__table__.columns.keys())


def seen(viewer: Viewer) -> Mapping[Question, Any]:
    """What a viewer who asks is given, for each question about events."""
    in_sight = models.Annotation.status.in_(IN_SIGHT)
    note = visible(models.Annotation, viewer)
    return {
        Question.IS_SEEN: select(models.Annotation.id).where(note, in_sight),
        Question.WAS_SEEN: select(models.Annotation.id).where(note, in_sight),
        Question.IS_MODERATED: select(models.Annotation.id).where(
            and_(note, moderated(models.Annotation, viewer)), in_sight
        ),
        Question.GROUP_IS_SEEN: select(models.Group.id).where(visible(models.Group, viewer)),
    }


def event_of(number: int, note: models.Annotation) -> Event:
    told = {name: getattr(note, name) for name in _COLUMNS - {"owner_id"}}
    return Event(
        Position(1, number),
        NOW,
        Kind.DELETED,
        note.id,
        owner_id=note.keeper_id,
        status_before=note.status,
        **told,
    )


@random_worlds
@given(world=worlds())
async def test_an_event_is_told_to_whoever_would_find_the_row(site: Site, world: World) -> None:
    await site.become(world)
    people = People()
    listeners = [
        people.arrive(None, await site.viewer(number), lambda: None)
        for number in (None, *(person.id for person in world.people))
    ]
    circles = {one.circle for one in listeners}
    async with site.sessions() as session:
        notes = list(await session.scalars(select(models.Annotation).order_by(models.Annotation.id)))
        groups = list(await session.scalars(select(models.Group.id)))
        expected = {
            (question, listener): set(await session.scalars(statement))
            for listener in listeners
            for question, statement in seen(listener.viewer).items()
        }
    about_notes = [event_of(number, note) for number, note in enumerate(notes) if note.status in IN_SIGHT]
    about_groups = [Event(Position(2, number), NOW, Kind.JOINED, group_id=number, user_id=1) for number in groups]
    found = {
        question: await asked(
            site.connection,
            question,
            about_groups if question is Question.GROUP_IS_SEEN else about_notes,
            circles,
            lambda circle: circle.people,
        )
        for question in Question
    }
    for question, listener in expected:
        told = {
            event.group_id or event.annotation_id
            for event, answer in found[question].items()
            if listener in answer
            # Of a response it is asked whether it would be seen beside what it answers, and whether that is.
            and (
                question is not Question.WAS_SEEN
                or event.parent_id is None
                or listener in found[Question.PARENT_IS_SEEN][event]
            )
        }
        assert told == expected[question, listener], (question, _who(listener))


def _who(listener: Person) -> Viewer:
    return listener.viewer

"""Who sees which event: the very conditions of `access`, asked for all listeners at once.

A condition is compiled with columns in the place of the viewer's numbers, and joined with a table of those who listen.
A listener without a number is asked first, and then one for each set of classrooms: what they see is seen by everybody
who is in those, since to be somebody in particular only adds to what one sees. For most events that settles it. What
remains is asked person by person, in one statement.

An annotation is seen as it is now, wherever it is told; what has left the sight of those who saw it is judged by what
it was, which the event tells (`docs/decisions/0019`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from typing import Any, cast

from sqlalchemy import and_, or_, select

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.access.visibility import moderated, visible, visible_notes
from genji_graphql.driver import Slot, compiled
from genji_graphql.live.event import IN_SIGHT, Change, Event
from genji_graphql.live.people import Circle, People, Person
from genji_graphql.models import Annotation, Group
from genji_graphql.vocabulary import AnnotationStatus, PermissionName

Driver = Any


class Rank(Enum):
    """Those for whom a condition is one and the same, with other numbers."""

    VISITOR = ANONYMOUS
    PERSON = "person"
    MODERATOR = "moderator"
    ADMINISTRATOR = "administrator"

    @classmethod
    def of(cls, viewer: Viewer) -> "Rank":
        if viewer.is_anonymous:
            return cls.VISITOR
        if viewer.is_administrator:
            return cls.ADMINISTRATOR
        return cls.MODERATOR if viewer.moderates_everything else cls.PERSON

    @property
    def viewer(self) -> Viewer:
        """Somebody of this rank, whose numbers are those of the table `listener`."""
        if self is Rank.VISITOR:
            return ANONYMOUS
        user, groups, taught = cast(
            Any,
            (
                Slot("listener", column="listener.user_id"),
                Slot("listener's groups", several=True, column="listener.groups"),
                Slot("listener's taught groups", several=True, column="listener.taught"),
            ),
        )
        return Viewer(
            user_id=user,
            group_ids=frozenset({groups}),
            taught_group_ids=frozenset({taught}),
            is_administrator=self is Rank.ADMINISTRATOR,
            permissions=frozenset({PermissionName.MANAGE_FLAGS} if self is Rank.MODERATOR else ()),
        )


class Question(Enum):
    """What is asked of an event."""

    IS_SEEN = "is seen"
    """Is the annotation in sight now?"""
    WAS_SEEN = "was seen"
    """Was it in sight before it happened? Of a response: where what it answers is seen."""
    PARENT_IS_SEEN = "parent is seen"
    """Is what it answers in sight?"""
    IS_MODERATED = "is moderated"
    """Is it in sight now, of somebody who may moderate it?"""
    GROUP_IS_SEEN = "group is seen"
    """Is the group in sight?"""


_STATUSES = ", ".join(f"'{status.value}'" for status in IN_SIGHT)
_NOW = f"""
FROM unnest($events::integer[], $annotations::integer[]) AS event (place, annotation_id)
JOIN app.annotations ON app.annotations.id = event.annotation_id AND app.annotations.status IN ({_STATUSES})
"""
# What an event tells of an annotation, in the place of the annotation itself, which may be gone.
_THEN = """
FROM (
    SELECT place, id, motivation, document_element_id, document_id, document_collection_id, classroom_id,
        classroom_gone, parent_id, owner_id, NULL::integer AS creator_id, status
    FROM unnest($events::integer[], $annotations::integer[], $motivations::text[], $elements::integer[],
        $documents::integer[], $collections::integer[], $classrooms::integer[], $classroom_gone::boolean[],
        $parents::integer[], $owners::integer[], $statuses::text[])
    AS event (place, id, motivation, document_element_id, document_id, document_collection_id, classroom_id,
        classroom_gone, parent_id, owner_id, status)
) AS event
"""
_PARENT = """
FROM unnest($events::integer[], $parents::integer[]) AS event (place, parent_id)
JOIN app.annotations ON app.annotations.id = event.parent_id
"""
_GROUP = """
FROM unnest($events::integer[], $groups::integer[]) AS event (place, group_id)
JOIN app.groups ON app.groups.id = event.group_id
"""
_LISTENERS = """
CROSS JOIN (
    SELECT place, user_id, groups::integer[] AS groups, taught::integer[] AS taught
    FROM unnest($listeners::integer[], $users::integer[], $their_groups::text[], $their_taught::text[])
    AS listener (place, user_id, groups, taught)
) AS listener
"""
_TABLES = {
    Question.IS_SEEN: _NOW,
    Question.WAS_SEEN: _THEN,
    Question.PARENT_IS_SEEN: _PARENT,
    Question.IS_MODERATED: _NOW,
    Question.GROUP_IS_SEEN: _GROUP,
}


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    fixed: Sequence[Any]
    names: Sequence[str]
    """Of the arguments after those."""


@cache
def _statement(question: Question, rank: Rank) -> _Statement:
    """Which of the events which of the listeners may be told of, as pairs of their places."""
    model = Group if question is Question.GROUP_IS_SEEN else Annotation
    condition: Any = visible(model, rank.viewer)
    if question is Question.WAS_SEEN:
        # The way up a thread would begin at the row itself, which isn't any more what it was.
        given = and_(Annotation.parent_id.is_not(None), visible(Annotation, rank.viewer, Annotation))
        condition = or_(visible_notes(rank.viewer), given)
    if question is Question.IS_MODERATED:
        condition = and_(condition, moderated(Annotation, rank.viewer))
    made = compiled(select(model.id).where(condition))
    _, found, where = made.sql.partition("\nWHERE ")
    where = where if found else "true"
    if question is Question.WAS_SEEN:
        where = where.replace("app.annotations.", "event.")
    text = f"SELECT event.place AS event, listener.place AS listener {_TABLES[question]} {_LISTENERS} WHERE {where}"
    names = [name for name in _ARGUMENTS if f"${name}::" in text]
    for number, name in enumerate(names, len(made.arguments) + 1):
        text = text.replace(f"${name}::", f"${number}::")
    return _Statement(text, made.arguments, names)


_OF_EVENTS = {
    "annotations": lambda event: event.annotation_id,
    "motivations": lambda event: event.motivation,
    "elements": lambda event: event.document_element_id,
    "documents": lambda event: event.document_id,
    "collections": lambda event: event.document_collection_id,
    "classrooms": lambda event: event.classroom_id,
    "classroom_gone": lambda event: event.classroom_gone,
    "parents": lambda event: event.parent_id,
    "owners": lambda event: event.owner_id,
    "statuses": lambda event: event.status_before,
    "groups": lambda event: event.group_id,
}
_OF_LISTENERS = {
    "users": lambda viewer: viewer.user_id or 0,
    "their_groups": lambda viewer: _array(viewer.group_ids),
    "their_taught": lambda viewer: _array(viewer.taught_group_ids),
}
_ARGUMENTS = ("events", *_OF_EVENTS, "listeners", *_OF_LISTENERS)


def _array(numbers: Iterable[int]) -> str:
    return "{" + ",".join(map(str, sorted(numbers))) + "}"


class Answer:
    """Of whom the answer is yes."""

    __slots__ = ("circles", "everybody", "people")

    def __init__(self) -> None:
        self.everybody = False
        self.circles = set[Circle]()
        self.people = set[Person]()

    def __contains__(self, person: Person) -> bool:
        return self.everybody or person.circle in self.circles or person in self.people


_NOBODY = Answer()
_Answers = Mapping[Event, Answer]
PeopleOf = Callable[[Circle], Iterable[Person]]
"""Those of a circle who listen."""


async def asked(
    driver: Driver, question: Question, events: Sequence[Event], circles: Collection[Circle], people_of: PeopleOf
) -> _Answers:
    """For each event, of whom the answer is yes."""
    answers = {event: Answer() for event in events}
    for event, _ in await _asked(driver, question, events, [ANONYMOUS]):
        answers[event].everybody = True
    open_ = [event for event in events if not answers[event].everybody]
    if not open_:
        return answers
    by_viewer = {circle.viewer: circle for circle in circles if not circle.is_everybody}
    for event, viewer in await _asked(driver, question, open_, list(by_viewer)):
        answers[event].circles.add(by_viewer[viewer])
    left: dict[frozenset[Circle], list[Event]] = {}
    for event in open_:
        if outside := frozenset(by_viewer.values()) - answers[event].circles:
            left.setdefault(outside, []).append(event)
    for outside, some in left.items():
        who: dict[Viewer, list[Person]] = {}
        for circle in outside:
            for person in people_of(circle):
                who.setdefault(replace(circle.viewer, user_id=person.viewer.user_id), []).append(person)
        for event, viewer in await _asked(driver, question, some, list(who)):
            answers[event].people.update(who[viewer])
    return answers


async def _asked(
    driver: Driver, question: Question, events: Sequence[Event], viewers: Sequence[Viewer]
) -> list[tuple[Event, Viewer]]:
    """Which of the viewers the answer is yes of, for which event."""
    found: list[tuple[Event, Viewer]] = []
    by_rank: dict[Rank, list[Viewer]] = {}
    for viewer in viewers:
        by_rank.setdefault(Rank.of(viewer), []).append(viewer)
    for rank, some in by_rank.items():
        statement = _statement(question, rank)
        values: dict[str, list[Any]] = {"events": list(range(len(events))), "listeners": list(range(len(some)))}
        values |= {name: list(map(_OF_EVENTS[name], events)) for name in statement.names if name in _OF_EVENTS}
        values |= {name: list(map(_OF_LISTENERS[name], some)) for name in statement.names if name in _OF_LISTENERS}
        rows = await driver.fetch(statement.sql, *statement.fixed, *(values[name] for name in statement.names))
        found += [(events[row["event"]], some[row["listener"]]) for row in rows]
    return found


class Sight:
    """What each of those who listen is told of each event."""

    def __init__(self, answers: Mapping[Question, _Answers], changes: int) -> None:
        self._answers = answers
        self._changes = changes

    @classmethod
    async def of(
        cls,
        driver: Driver,
        events: Sequence[Event],
        circles: Collection[Circle],
        people_of: PeopleOf,
        changes: int,
        *,
        of_flags: bool = False,
    ) -> "Sight":
        """For the people of these circles, as they are after so many changes of anybody. Asks no more than it has to:
        `of_flags` says that somebody wants to know what they may moderate.
        """
        gone = [event for event in events if event.was_in_sight and event.changes_sight]
        wanted = {
            Question.IS_SEEN: [event for event in events if event.is_in_sight],
            Question.WAS_SEEN: gone,
            Question.PARENT_IS_SEEN: [event for event in gone if event.parent_id is not None],
            Question.IS_MODERATED: [event for event in events if of_flags and event.is_flag],
            Question.GROUP_IS_SEEN: [event for event in events if event.group_id is not None],
        }
        answers = {
            question: await asked(driver, question, some, circles, people_of)
            for question, some in wanted.items()
            if some
        }
        return cls(answers, changes)

    def is_of(self, people: People) -> bool:
        """Has nobody changed since it was asked?"""
        return self._changes == people.changes

    def is_outdated(self, person: Person) -> bool:
        """Was it asked of them as they stood before? Of whoever it wasn't asked at all it knows what all see."""
        return person.since > self._changes

    def is_by_circle(self, event: Event) -> bool:
        """Is the same told to all of a circle? It is, unless something about it is seen by somebody in particular."""
        return not any(answers[event].people for answers in self._answers.values() if event in answers)

    def change(self, event: Event, person: Person) -> Change | None:
        """What happened to an annotation as this person sees it; None where they see nothing of it."""
        is_seen = self._yes(Question.IS_SEEN, event, person)
        if not event.changes_sight:
            return Change.UPDATED if is_seen else None
        was_seen = self._yes(Question.WAS_SEEN, event, person) and (
            event.parent_id is None or self._yes(Question.PARENT_IS_SEEN, event, person)
        )
        if is_seen:
            return Change.UPDATED if was_seen else Change.CREATED
        # What was active after this and isn't seen now has changed since, and of that a later event tells.
        return Change.DELETED if was_seen and event.status_after != AnnotationStatus.ACTIVE else None

    def is_moderated(self, event: Event, person: Person) -> bool:
        return self._yes(Question.IS_MODERATED, event, person)

    def sees_group(self, event: Event, person: Person) -> bool:
        return self._yes(Question.GROUP_IS_SEEN, event, person)

    def _yes(self, question: Question, event: Event, person: Person) -> bool:
        return person in self._answers.get(question, {}).get(event, _NOBODY)

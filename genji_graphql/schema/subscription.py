"""What a client can be told as it happens.

A subscription's resolver says what is wanted: a feed. The log is followed, and sight is asked, in `live`; here stands
what an event looks like to whoever is told it.
"""

from asyncio import gather
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from genji_graphql import models
from genji_graphql.context import Context
from genji_graphql.errors import Invalid, NotFound
from genji_graphql.live.event import Change, Event, Kind
from genji_graphql.live.hub import Interest
from genji_graphql.live.interests import Flags, Members, Notes
from genji_graphql.live.log import Only
from genji_graphql.reads import ids
from genji_graphql.schema.annotation import Annotation
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import StringFilter, option
from genji_graphql.schema.group import Group
from genji_graphql.schema.import_job import ImportProgress
from genji_graphql.schema.user import User
from genji_graphql.vocabulary import ImportStatus


def _same(description: str) -> Any:
    """A field that is the same for all who are told."""
    return strawberry.field(description=description, metadata={"alike": True})


_CURSOR = "Where it stands in the log: `after` it, a subscription tells all that happened since."
_AT = "When it happened."


@strawberry.interface(description="Something that happened to an annotation that the viewer sees, or saw until then.")
class AnnotationEvent:
    cursor: str = _same(_CURSOR)
    at: datetime = _same(_AT)


@strawberry.type(description="An annotation came into sight: it was written, published or restored.")
class AnnotationCreated(AnnotationEvent):
    annotation: Annotation = _same("The annotation as it is now.")


@strawberry.type(description="An annotation was changed.")
class AnnotationUpdated(AnnotationEvent):
    annotation: Annotation = _same("The annotation as it is now.")
    is_carried: bool = _same("Did it follow its text, which was changed, rather than being changed itself?")


@strawberry.type(description="An annotation left the viewer's sight: it was deleted, hidden or withdrawn.")
class AnnotationDeleted(AnnotationEvent):
    annotation_id: strawberry.ID = _same("The global id that it had, or has.")


EVENT_TYPES = (AnnotationCreated, AnnotationUpdated, AnnotationDeleted)


@strawberry.type(description="A flag was raised on something that the viewer may moderate.")
class FlagRaised:
    cursor: str = _same(_CURSOR)
    at: datetime = _same(_AT)
    flag: Annotation = _same("The flag. It answers what was flagged.")


@strawberry.enum(description="How a person's membership of a group changed.")
class MembershipChange(Enum):
    JOINED = strawberry.enum_value("joined", description="They came in.")
    LEFT = strawberry.enum_value("left", description="They left, or were removed.")


@strawberry.type(description="Somebody came into a group, or left it.")
class GroupMembershipChanged:
    cursor: str = _same(_CURSOR)
    at: datetime = _same(_AT)
    change: MembershipChange = _same("Which of the two.")
    group: Group = _same("The group.")
    user: User | None = strawberry.field(
        description="Who it is; null where the viewer doesn't see them.", metadata={"alike": False}
    )


@strawberry.input(description="Which annotations are meant. All that is said must hold, and at least one place is.")
class AnnotationEventWhere:
    element: strawberry.ID | None = option("Those on this element.")
    document: strawberry.ID | None = option("Those on this document and its elements.")
    collection: strawberry.ID | None = option("Those in this collection.")
    classroom: strawberry.ID | None = option("Those that were written for this classroom.")
    motivation: StringFilter | None = option(
        "Why they were made. Replies, tags, upvotes and flags are left out unless their motivation is named here."
    )


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a client is shown of an event, before the rows in it are read. All by the names of the type's fields."""

    shown: type[Any]
    values: Mapping[str, Any]
    rows: Mapping[str, tuple[type[models.Base], int]]
    """The numbers of rows that must be in sight, or nothing is shown."""
    perhaps: Mapping[str, tuple[type[models.Base], int]] = field(default_factory=dict)
    """Those of rows that are null otherwise."""

    @property
    def numbered(self) -> Mapping[str, Any]:
        """Its values, and the numbers of its rows."""
        return {**self.values, **{name: number for name, (_, number) in {**self.rows, **self.perhaps}.items()}}

    async def drawn(self, context: Context) -> Any:
        """With its rows; None where there is nothing to show any more."""
        needed = {name: await context.loaders.row(*row) for name, row in self.rows.items()}
        if None in needed.values():
            return None
        others = {name: await context.loaders.row(*row) for name, row in self.perhaps.items()}
        return self.shown(**self.values, **needed, **others)


Draw = Callable[[Event, Any, str], Sketch]
"""What is shown of an event: asked with what happened, and with its cursor."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What a subscription tells: what somebody wants, and from where in the log."""

    interest: Interest
    after: str | None
    draw: Draw

    def __aiter__(self) -> AsyncIterator[Any]:
        raise TypeError("A feed is followed by the hub")


@dataclass(frozen=True, slots=True)
class Watch:
    """A row that is looked at now and then until nothing about it changes any more."""

    look: Callable[[Context], Awaitable[Any]]
    """The row, or None where it isn't there."""
    state: Callable[[Any], Hashable]
    """What about it is told when it changes."""
    is_over: Callable[[Any], bool]

    def __aiter__(self) -> AsyncIterator[Any]:
        raise TypeError("A row is watched by the hub")


_AFTER = Annotated[
    str | None,
    strawberry.argument(description="A cursor: all that happened since is told first. Without it, from now on."),
]


def _place(what: str) -> Any:
    return Annotated[strawberry.ID | None, strawberry.argument(description=what)]


@strawberry.type(description="What a client can be told as it happens, over WebSocket or server-sent events.")
class Subscription:
    @strawberry.subscription(
        description="Annotations that come into the viewer's sight, as lists have them: notes proper, without replies, "
        "tags, upvotes and flags. At least one place is given."
    )
    async def annotation_added(
        self,
        info: Info,
        element: _place("On this element.") = UNSET,  # type: ignore[valid-type]
        document: _place("On this document and its elements.") = UNSET,  # type: ignore[valid-type]
        collection: _place("In this collection.") = UNSET,  # type: ignore[valid-type]
        classroom: _place("Written for this classroom.") = UNSET,  # type: ignore[valid-type]
        after: _AFTER = UNSET,
    ) -> AsyncGenerator[AnnotationCreated, None]:
        only = await _only(info.context, element=element, document=document, collection=collection, classroom=classroom)
        return _told(Feed(Notes(only, changes=frozenset({Change.CREATED})), after or None, _draw_annotation))

    @strawberry.subscription(description="All that happens to annotations that the viewer sees, or saw until then.")
    async def annotation_events(
        self,
        info: Info,
        where: Annotated[AnnotationEventWhere, strawberry.argument(description="Which annotations.")],
        after: _AFTER = UNSET,
    ) -> AsyncGenerator[AnnotationEvent, None]:
        only = await _only(
            info.context,
            element=where.element,
            document=where.document,
            collection=where.collection,
            classroom=where.classroom,
        )
        return _told(Feed(Notes(only, _motivations(where.motivation)), after or None, _draw_annotation))

    @strawberry.subscription(
        description="How far an import has come, at once and whenever it has come farther, until it has ended."
    )
    async def import_progress(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The import.")]
    ) -> AsyncGenerator[ImportProgress, None]:
        number = await _found(info.context, models.ImportJob, id, "import", "id")

        async def look(context: Context) -> Any:
            return await context.loaders.row(models.ImportJob, number)

        return _told(Watch(look, _state_of_import, lambda job: job.status not in _UNDER_WAY))

    @strawberry.subscription(description="Flags that are raised on what the viewer may moderate.")
    async def flag_raised(self, info: Info, after: _AFTER = UNSET) -> AsyncGenerator[FlagRaised, None]:
        if info.context.viewer.is_anonymous:
            raise NotFound("Sign in to be told of flags.")
        return _told(Feed(Flags(), after or None, _draw_flag))

    @strawberry.subscription(description="Who comes into a group and who leaves, for whoever sees the group.")
    async def group_membership_changed(
        self,
        info: Info,
        group: Annotated[strawberry.ID, strawberry.argument(description="The group.")],
        after: _AFTER = UNSET,
    ) -> AsyncGenerator[GroupMembershipChanged, None]:
        number = await _found(info.context, models.Group, group, "group", "group")
        return _told(Feed(Members(Only(group_id=number)), after or None, _draw_membership))


def _told(feed: Any) -> Any:
    """To Strawberry a subscription is a generator; whoever runs it finds out what it is."""
    return feed


_PLACES = {
    "element": models.DocumentElement,
    "document": models.Document,
    "collection": models.DocumentCollection,
    "classroom": models.Group,
}


async def _only(context: Context, **places: strawberry.ID | None) -> Only:
    """The places that are named, which the viewer sees. Raises NotFound and Invalid."""
    named = {name: given for name, given in places.items() if given is not UNSET and given is not None}
    if not named:
        raise Invalid(f"Say where: name one of {', '.join(_PLACES)} at least.", code="REQUIRED")
    numbers = await gather(*(_found(context, _PLACES[name], given, name, name) for name, given in named.items()))
    return Only(**{f"{name}_id": number for name, number in zip(named, numbers, strict=True)})


async def _found(context: Context, model: type[models.Base], given: str, noun: str, field: str) -> int:
    number = ids.row_id(given, model)
    if number is None or await context.loaders.row(model, number) is None:
        raise NotFound(f"There is no such {noun}.", field=field)
    return number


def _motivations(asked: StringFilter | None) -> frozenset[str | None] | None:
    if asked is None or asked is UNSET:
        return None
    named = [one for one in (asked.eq, asked.in_) if one is not UNSET]
    if not named:
        return None
    wanted = [frozenset(one) if isinstance(one, list) else frozenset({one}) for one in named]
    return frozenset.intersection(*wanted)


def _draw_annotation(event: Event, told: Any, cursor: str) -> Sketch:
    number, values = event.annotation_id or 0, {"cursor": cursor, "at": event.at}
    if told is Change.DELETED:
        gone = strawberry.ID(ids.global_id("Annotation", number))
        return Sketch(AnnotationDeleted, {**values, "annotation_id": gone}, {})
    row = {"annotation": (models.Annotation, number)}
    if told is Change.CREATED:
        return Sketch(AnnotationCreated, values, row)
    return Sketch(AnnotationUpdated, {**values, "is_carried": event.kind is Kind.MOVED}, row)


def _draw_flag(event: Event, _: Any, cursor: str) -> Sketch:
    values = {"cursor": cursor, "at": event.at}
    return Sketch(FlagRaised, values, {"flag": (models.Annotation, event.annotation_id or 0)})


def _draw_membership(event: Event, _: Any, cursor: str) -> Sketch:
    change = MembershipChange.JOINED if event.kind is Kind.JOINED else MembershipChange.LEFT
    return Sketch(
        GroupMembershipChanged,
        {"cursor": cursor, "at": event.at, "change": change},
        {"group": (models.Group, event.group_id or 0)},
        {"user": (models.User, event.user_id or 0)},
    )


_UNDER_WAY = (ImportStatus.QUEUED, ImportStatus.RUNNING)


def _state_of_import(job: Any) -> Hashable:
    return job.status, job.attempts, job.elements_read, job.bytes_read

"""Classrooms: making and ending them, and who belongs to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypedDict
from uuid import uuid4

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Subquery,
    Text,
    and_,
    delete,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.joining import is_open
from genji_graphql.access.rules import Action
from genji_graphql.access.viewer import Viewer
from genji_graphql.access.visibility import visible
from genji_graphql.errors import Invalid, NotAllowed, NotFound
from genji_graphql.identity.viewer import standing_now
from genji_graphql.lines import line
from genji_graphql.models import Group, User, folded, group_members
from genji_graphql.vocabulary import PermissionName
from genji_graphql.writes.finding import find
from genji_graphql.writes.uniqueness import write_unique

MAX_NAME, MAX_DESCRIPTION = 100, 255
MAX_PEOPLE = 500
_LONGEST_LOGIN = 255


class GroupChanges(TypedDict, total=False):
    """What is to be changed; what is left out stays."""

    name: str | None
    description: str | None
    start_date: date | None
    end_date: date | None


@dataclass(frozen=True, slots=True)
class RosterChange:
    """What came of adding or removing people."""

    group: Group
    changed: int
    """How many were added or removed."""
    unknown: list[int]
    """The places of the entries that name nobody."""


async def create(
    session: AsyncSession,
    viewer: Viewer,
    *,
    name: str,
    description: str | None = None,
    start_date: date | None = None,
    end_date: date | None = None,
) -> Group:
    """A new classroom; whoever creates it belongs to it."""
    if not viewer.may(PermissionName.CREATE_GROUP):
        raise NotAllowed("You may not create groups.")
    group = Group(
        name=_name(name),
        description=_description(description),
        start_date=start_date,
        end_date=end_date,
        created_by_id=viewer.user_id,
    )
    _check_dates(group)
    session.add(group)
    await write_unique(session, _taken())
    await session.execute(insert(group_members).values(group_id=group.id, user_id=viewer.user_id))
    return group


async def update(session: AsyncSession, viewer: Viewer, group_id: int | None, changes: GroupChanges) -> Group:
    group = await find(session, viewer, Group, group_id, Action.EDIT)
    if "name" in changes:
        group.name = _name(changes["name"])
    if "description" in changes:
        group.description = _description(changes["description"])
    if "start_date" in changes:
        group.start_date = changes["start_date"]
    if "end_date" in changes:
        group.end_date = changes["end_date"]
    _check_dates(group)
    await write_unique(session, _taken())
    return group


async def remove(session: AsyncSession, viewer: Viewer, group_id: int | None) -> int:
    """Delete a group; gives its number. What was written for it stays, out of everybody's sight but its owners'."""
    group = await find(session, viewer, Group, group_id, Action.DELETE)
    await session.delete(group)
    await session.flush()
    return group.id


async def rotate_join_link(session: AsyncSession, viewer: Viewer, group_id: int | None) -> Group:
    """A new link to join by; the one before leads nowhere."""
    group = await find(session, viewer, Group, group_id, Action.MANAGE_MEMBERS)
    group.join_token = str(uuid4())
    await session.flush()
    return group


async def join(session: AsyncSession, viewer: Viewer, *, token: str, today: date) -> Group:
    """Belong to the classroom of this link. Whoever does already is welcome to ask again."""
    # Locked, so that nobody joins a classroom that is being closed to them.
    group = await session.scalar(select(Group).where(Group.join_token == token).with_for_update(read=True))
    if group is None:
        raise NotFound("There is no such invitation. Perhaps its link was replaced by a new one.", field="token")
    # Asked only now: they may have been removed while we waited.
    if group.id in (await standing_now(session, viewer)).group_ids:
        return group
    if not is_open(group.start_date, group.end_date, today):
        raise Invalid("This group can't be joined any more. Ask its instructor to add you.", code="CLOSED")
    joining = upsert(group_members).values(group_id=group.id, user_id=viewer.user_id)
    await session.execute(joining.on_conflict_do_nothing())
    return group


async def add_members(
    session: AsyncSession, viewer: Viewer, group_id: int | None, whom: Sequence[int | str]
) -> RosterChange:
    """Add people by their numbers, user names and e-mail addresses, and tell which entries name nobody.

    A number is good for whom the viewer sees already. A stranger's name or address they must have been told.
    """
    _check_number(whom)
    group = await find(session, viewer, Group, group_id, Action.MANAGE_MEMBERS)
    found = await _found(session, whom, User.is_active.is_(True), numbered=visible(User, viewer))
    rows = select(literal(group.id), func.unnest(_array(found.values(), Integer)))
    added = upsert(group_members).from_select(["group_id", "user_id"], rows).on_conflict_do_nothing()
    return await _changed(session, group, added.returning(group_members.c.user_id), whom, found)


async def remove_members(
    session: AsyncSession, viewer: Viewer, group_id: int | None, whom: Sequence[int | str]
) -> RosterChange:
    """Remove people, and tell which entries name no member."""
    _check_number(whom)
    group = await find(session, viewer, Group, group_id, Action.MANAGE_MEMBERS)
    members = select(group_members.c.user_id).where(group_members.c.group_id == group.id)
    found = await _found(session, whom, User.id.in_(members))
    if group.created_by_id in found.values():
        raise Invalid("Whoever created the group stays in it.", code="CREATOR")
    theirs = delete(group_members).where(
        group_members.c.group_id == group.id, group_members.c.user_id == func.any(_array(found.values(), Integer))
    )
    return await _changed(session, group, theirs.returning(group_members.c.user_id), whom, found)


async def _changed(
    session: AsyncSession, group: Group, change: object, whom: Sequence[int | str], found: dict[int, int]
) -> RosterChange:
    changed = (await session.scalars(change)).all()  # type: ignore[call-overload] # an INSERT or a DELETE alike
    return RosterChange(group, len(changed), [place for place in range(len(whom)) if place not in found])


async def _found(
    session: AsyncSession,
    whom: Sequence[int | str],
    among: ColumnElement[bool],
    numbered: ColumnElement[bool] | None = None,
) -> dict[int, int]:
    """The people that these entries name, by the entries' places, in one statement."""
    numbers = {place: one for place, one in enumerate(whom) if isinstance(one, int)}
    logins = {place: one for place, one in enumerate(whom) if isinstance(one, str) and len(one) <= _LONGEST_LOGIN}
    number, login = _entries(numbers, Integer), _entries(logins, Text)
    # Addresses have an @ and user names have none, so nobody's name is another person's address.
    is_address = login.c.one.contains("@")
    named = or_(
        and_(is_address, folded(User.email) == folded(func.btrim(login.c.one))),
        and_(not_(is_address), folded(User.username) == folded(func.btrim(login.c.one))),
    )
    by_number = select(number.c.place, User.id).join(User, User.id == number.c.one).where(among)
    by_login = select(login.c.place, User.id).join(User, named).where(among)
    if numbered is not None:
        by_number = by_number.where(numbered)
    rows = await session.execute(union_all(by_number, by_login))
    return {place: user_id for place, user_id in rows}  # noqa: C416 - dict() would take a result for a mapping


def _entries(entries: dict[int, int] | dict[int, str], kind: type[Integer | Text]) -> Subquery:
    """A table of places and what stands there."""
    places = func.unnest(_array(entries.keys(), Integer)).label("place")
    return select(places, func.unnest(_array(entries.values(), kind)).label("one")).subquery()


def _array(items: Iterable[object], kind: type[Integer | Text]) -> ColumnElement[list[object]]:
    return literal(list(items), ARRAY(kind))


def _check_number(whom: Sequence[int | str]) -> None:
    if not whom:
        raise Invalid("Say whom, by `userIds` or by `logins`.", field="logins", code="REQUIRED")
    if len(whom) > MAX_PEOPLE:
        raise Invalid(f"At most {MAX_PEOPLE} people at a time, not {len(whom)}.", field="logins", code="TOO_MANY")


def _check_dates(group: Group) -> None:
    if group.start_date and group.end_date and group.start_date > group.end_date:
        raise Invalid("A group can't end before it starts.", field="end_date", code="WRONG_ORDER")


def _taken() -> dict[str, Invalid]:
    told = Invalid("There is a group of that name already.", field="name", code="TAKEN")
    return {"idx_groups_name_folded": told}


def _name(given: str | None) -> str:
    name = line(given or "", MAX_NAME, "name", "name")
    if not name:
        raise Invalid("A group needs a name.", field="name", code="REQUIRED")
    return name


def _description(given: str | None) -> str | None:
    return line(given or "", MAX_DESCRIPTION, "description", "description") or None

"""From a token to who is asking, in one statement."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Executable,
    Integer,
    LargeBinary,
    Select,
    Text,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.driver import Connections, Slot, compiled
from genji_graphql.identity.tokens import hash_of
from genji_graphql.models import (
    AccessToken,
    Group,
    Permission,
    Role,
    User,
    UserSession,
    group_members,
    role_permissions,
    user_roles,
)
from genji_graphql.vocabulary import PermissionName, RoleName, Scope

_PERSONAL = frozenset(
    {
        PermissionName.CREATE_COLLECTION,
        PermissionName.CREATE_GROUP,
        PermissionName.CREATE_SCHOLARLY_ANNOTATION,
        PermissionName.LIST_USERS,
    }
)
"""What an access token gives without the scope `administer`: the permissions that reach nobody else's things."""


async def viewer_of(session: AsyncSession, token: str) -> Viewer:
    """Who holds this session or access token. Whoever it is not, or not any more, is anonymous."""
    hashed = hash_of(token)
    rows = (await session.execute(_who([hashed]))).mappings().all()
    if used := _used(rows):
        await session.execute(_note_use(used))
    return _viewers(rows).get(hashed, ANONYMOUS)


class Doorkeeper:
    """Tells who is asking, as each request begins.

    One statement is under way at a time, and those who come meanwhile are looked up by the next, all together: for
    twenty it costs little more than for one. Nobody is told what was found before they came, so that whoever is shut
    out is shut out at once.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._waiting: list[tuple[bytes, asyncio.Future[Viewer]]] = []
        self._is_busy = False
        self._rounds: asyncio.Task[None] | None = None

    async def viewer(self, token: str) -> Viewer:
        """Who holds this session or access token. Whoever it is not, or not any more, is anonymous."""
        hashed = hash_of(token)
        if self._is_busy:
            told: asyncio.Future[Viewer] = asyncio.get_running_loop().create_future()
            self._waiting.append((hashed, told))
            return await told
        self._is_busy = True
        try:
            return (await self._look_up([hashed])).get(hashed, ANONYMOUS)
        finally:
            if self._waiting:
                self._rounds = asyncio.create_task(self._make_rounds())
            else:
                self._is_busy = False

    async def _make_rounds(self) -> None:
        while self._waiting:
            round_, self._waiting = self._waiting, []
            try:
                viewers = await self._look_up({hashed for hashed, _ in round_})
            except Exception as error:  # noqa: BLE001 - it is theirs who wait
                for _, told in round_:
                    if not told.done():
                        told.set_exception(error)
            else:
                for hashed, told in round_:
                    if not told.done():
                        told.set_result(viewers.get(hashed, ANONYMOUS))
        self._is_busy = False

    async def _look_up(self, hashes: Collection[bytes]) -> Mapping[bytes, Viewer]:
        async with self._connections.lent() as lent:
            rows = await lent.fetch(_WHO, {_HASHES: list(hashes)})
            if used := _used(rows):
                await lent.fetch(_NOTE_USE, {_USED: used})
        return _viewers(rows)


def _viewers(rows: Sequence[Any]) -> Mapping[bytes, Viewer]:
    """By the hash of what each of them came with."""
    return {row["token_hash"]: _came(row) for row in rows}


def _came(row: Any) -> Viewer:
    scopes = None if row["scopes"] is None else frozenset(row["scopes"])
    return Viewer(
        user_id=row["user_id"],
        session_id=row["session_id"],
        access_token_id=row["access_token_id"],
        scopes=scopes,
        expires_at=row["expires_at"],
        **_standing(scopes, row),
    )


def _used(rows: Sequence[Any]) -> list[int]:
    """The access tokens whose use is to be noted."""
    return [row["access_token_id"] for row in rows if row["is_use_unknown"]]


async def standing_now(session: AsyncSession, viewer: Viewer) -> Viewer:
    """The same viewer with what is theirs now; anonymous where their account, or what they came with, has ended.

    Who came with neither a session nor a token of ours is whoever they were said to be.
    """
    if viewer.session_id is None and viewer.scopes is None:
        return viewer
    return await _now(session, viewer)


async def standing_later(session: AsyncSession, user_id: int, scopes: Iterable[str] | None) -> Viewer:
    """Who this person is now, for what is done in their name after they left; anonymous where their account has ended.

    `scopes` are those of the access token that they asked for it with: it may have been revoked since, as a session
    may have ended, and what was asked for stays asked for.
    """
    return await _now(session, Viewer(user_id, scopes=None if scopes is None else frozenset(scopes)))


async def _now(session: AsyncSession, viewer: Viewer) -> Viewer:
    now = select(*_standing_of(literal(viewer.user_id, Integer))).where(
        select(User.id).where(User.id == viewer.user_id, User.is_active).exists()
    )
    if viewer.session_id is not None:
        now = now.where(select(UserSession.id).where(UserSession.id == viewer.session_id).exists())
    if viewer.access_token_id is not None:
        now = now.where(select(AccessToken.id).where(AccessToken.id == viewer.access_token_id).exists())
    row = (await session.execute(now)).mappings().one_or_none()
    return ANONYMOUS if row is None else replace(viewer, **_standing(viewer.scopes, row))


def _standing(scopes: frozenset[str] | None, row: Mapping[Any, Any]) -> dict[str, Any]:
    """The permissions and classrooms that a row tells, as a viewer who came with these scopes has them."""
    permissions = frozenset(row["permissions"])
    if scopes is not None and Scope.ADMINISTER not in scopes:
        permissions &= _PERSONAL
    created = frozenset(row["created"])
    groups = created.union(row["joined"])
    return {
        "group_ids": groups,
        "taught_group_ids": groups if RoleName.INSTRUCTOR in row["roles"] else created,
        "is_administrator": PermissionName.MANAGE_ALL_CONTENT in permissions,
        "is_instructor": PermissionName.LIST_USERS in permissions,
        "permissions": permissions,
    }


def _who(hashes: list[Any]) -> Select[Any]:
    given = func.any(literal(hashes, ARRAY(LargeBinary)))
    sessions = select(
        UserSession.token_hash,
        UserSession.user_id,
        UserSession.id.label("session_id"),
        cast(null(), Integer).label("access_token_id"),
        cast(null(), ARRAY(Text)).label("scopes"),
        UserSession.expires_at,
        false().label("is_use_unknown"),
    ).where(UserSession.token_hash == given)
    access_tokens = select(
        AccessToken.token_hash,
        AccessToken.user_id,
        null().label("session_id"),
        AccessToken.id.label("access_token_id"),
        AccessToken.scopes,
        AccessToken.expires_at,
        # Of a token's use the last minute is told, not every moment: most requests then write nothing.
        or_(AccessToken.last_used_at.is_(None), AccessToken.last_used_at < func.now() - timedelta(minutes=1)).label(
            "is_use_unknown"
        ),
    ).where(AccessToken.token_hash == given)
    came_with = union_all(sessions, access_tokens).subquery("came_with")

    # Not a join, for which the planner may read all users: it doesn't know how few rows a token has.
    is_active = select(User.is_active).where(User.id == came_with.c.user_id).scalar_subquery()
    return select(came_with, *_standing_of(came_with.c.user_id)).where(
        is_active, or_(came_with.c.expires_at.is_(None), came_with.c.expires_at > func.now())
    )


def _note_use(access_tokens: list[Any]) -> Executable:
    # One that is locked is being noted or revoked by somebody else: nobody waits for that, least of all at the door.
    free = select(AccessToken.id).where(AccessToken.id == func.any(literal(access_tokens, ARRAY(Integer))))
    return (
        update(AccessToken)
        .where(AccessToken.id.in_(free.with_for_update(skip_locked=True)))
        .values(last_used_at=func.now())
    )


def _standing_of(user_id: ColumnElement[int]) -> list[ColumnElement[Any]]:
    """What `_standing` needs to know of somebody, and works the rest out from.

    Lists, where EXISTS would do: that one PostgreSQL may answer from all roles of all people, read beforehand.
    """
    roles = (
        select(Role.name)
        .join(user_roles, user_roles.c.role_id == Role.id)
        .where(user_roles.c.user_id == user_id)
        .correlate_except(Role, user_roles)
    )
    permissions = (
        select(Permission.name)
        .join(role_permissions, role_permissions.c.permission_id == Permission.id)
        .join(user_roles, user_roles.c.role_id == role_permissions.c.role_id)
        .where(user_roles.c.user_id == user_id)
        .correlate_except(Permission, role_permissions, user_roles)
    )
    joined = select(group_members.c.group_id).where(group_members.c.user_id == user_id).correlate_except(group_members)
    created = select(Group.id).where(Group.created_by_id == user_id).correlate_except(Group)
    told = {"roles": roles, "permissions": permissions, "joined": joined, "created": created}
    return [func.array(those.scalar_subquery()).label(name) for name, those in told.items()]


_HASHES = Slot("hashes", several=True)
_WHO = compiled(_who([_HASHES]))
_USED = Slot("used", several=True)
_NOTE_USE = compiled(_note_use([_USED]))

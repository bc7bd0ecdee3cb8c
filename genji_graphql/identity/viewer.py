"""From a token to who is asking, in one statement."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    LargeBinary,
    Select,
    Text,
    cast,
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
    return _came((await session.execute(_who(hash_of(token)))).mappings().one_or_none())


async def viewer_behind(connections: Connections, token: str) -> Viewer:
    """The same, as it is asked at the beginning of each request."""
    async with connections.lent() as lent:
        rows = await lent.fetch(_WHO, {_HASH: hash_of(token)})
    return _came(rows[0] if rows else None)


def _came(row: Any) -> Viewer:
    if row is None:
        return ANONYMOUS
    scopes = None if row["scopes"] is None else frozenset(row["scopes"])
    return Viewer(
        user_id=row["user_id"],
        session_id=row["session_id"],
        access_token_id=row["access_token_id"],
        scopes=scopes,
        expires_at=row["expires_at"],
        **_standing(scopes, row),
    )


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
    groups, taught = _classrooms(literal(viewer.user_id, Integer))
    permissions = _permissions(literal(viewer.user_id, Integer))
    now = select(permissions.label("permissions"), groups.label("groups"), taught.label("taught")).where(
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
    return {
        "group_ids": frozenset(row["groups"]),
        "taught_group_ids": frozenset(row["taught"]),
        "is_administrator": PermissionName.MANAGE_ALL_CONTENT in permissions,
        "is_instructor": PermissionName.LIST_USERS in permissions,
        "permissions": permissions,
    }


def _who(token_hash: Any) -> Select[Any]:
    given = literal(token_hash, LargeBinary)
    # Of a token's use the last minute is told, not every moment: most requests then write nothing.
    used = (
        update(AccessToken)
        .where(
            AccessToken.token_hash == given,
            or_(AccessToken.last_used_at.is_(None), AccessToken.last_used_at < func.now() - timedelta(minutes=1)),
        )
        .values(last_used_at=func.now())
        .returning(AccessToken.id)
        .cte("used")
    )
    sessions = select(
        UserSession.user_id,
        UserSession.id.label("session_id"),
        cast(null(), Integer).label("access_token_id"),
        cast(null(), ARRAY(Text)).label("scopes"),
        UserSession.expires_at,
    ).where(UserSession.token_hash == given)
    access_tokens = select(
        AccessToken.user_id,
        null().label("session_id"),
        AccessToken.id.label("access_token_id"),
        AccessToken.scopes,
        AccessToken.expires_at,
    ).where(AccessToken.token_hash == given)
    came_with = union_all(sessions, access_tokens).subquery("came_with")

    # Not a join, for which the planner may read all users: it doesn't know how few rows a token has.
    is_active = select(User.is_active).where(User.id == came_with.c.user_id).scalar_subquery()
    groups, taught = _classrooms(came_with.c.user_id)
    return (
        select(
            came_with,
            _permissions(came_with.c.user_id).label("permissions"),
            groups.label("groups"),
            taught.label("taught"),
        )
        .where(is_active, or_(came_with.c.expires_at.is_(None), came_with.c.expires_at > func.now()))
        .add_cte(used)
    )


def _permissions(user_id: ColumnElement[int]) -> ColumnElement[list[str]]:
    names = (
        select(Permission.name)
        .join(role_permissions, role_permissions.c.permission_id == Permission.id)
        .join(user_roles, user_roles.c.role_id == role_permissions.c.role_id)
        .where(user_roles.c.user_id == user_id)
        .correlate_except(Permission, role_permissions, user_roles)
    )
    return func.array(names.scalar_subquery())


def _classrooms(user_id: ColumnElement[int]) -> tuple[ColumnElement[list[int]], ColumnElement[list[int]]]:
    """The classrooms that somebody belongs to or created, and those of them that they teach; one may come twice."""
    created = select(Group.id).where(Group.created_by_id == user_id).correlate_except(Group)
    joined = select(group_members.c.group_id).where(group_members.c.user_id == user_id).correlate_except(group_members)
    instructed = (
        select(group_members.c.group_id)
        .join(user_roles, user_roles.c.user_id == group_members.c.user_id)
        .join(Role, Role.id == user_roles.c.role_id)
        .where(group_members.c.user_id == user_id, Role.name == RoleName.INSTRUCTOR)
        .correlate_except(group_members, user_roles, Role)
    )
    return (
        func.array(union_all(joined, created).scalar_subquery()),
        func.array(union_all(created, instructed).scalar_subquery()),
    )


_HASH = Slot("hash")
_WHO = compiled(_who(_HASH))

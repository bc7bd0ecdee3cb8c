"""Accounts as their owners and the site's administrators change them, and what each role lets people do."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, TypedDict

from sqlalchemy import delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.rules import Action
from genji_graphql.access.viewer import Viewer
from genji_graphql.database import Json, Turn, take_turn
from genji_graphql.errors import Invalid, NotAllowed
from genji_graphql.identity import accounts, names
from genji_graphql.identity.viewer import standing_now
from genji_graphql.models import Permission, Role, User, role_permissions, user_roles
from genji_graphql.vocabulary import PermissionName, Scope
from genji_graphql.writes.finding import find
from genji_graphql.writes.uniqueness import write_unique

MAX_METADATA = 10_000

# What somebody must be able to do, so that everything else on the site can be put right again.
_ESSENTIAL = (PermissionName.MANAGE_ALL_CONTENT, PermissionName.ASSIGN_ROLES, PermissionName.MANAGE_USERS)


class PersonChanges(TypedDict, total=False):
    """What is to be changed; what is left out stays."""

    username: str | None
    email: str | None
    first_name: str | None
    last_name: str | None
    user_metadata: Any


class RoleChanges(TypedDict, total=False):
    description: str | None
    permissions: list[str] | None


async def update(session: AsyncSession, viewer: Viewer, user_id: int | None, changes: PersonChanges) -> User:
    """Change one's own account, or another's. A new address ends the way back in by the old one."""
    person = await find(session, viewer, User, user_id, Action.EDIT)
    before = person.email
    if changes.keys() & {"username", "email"}:
        _check_identity_may_change(viewer, person)
    if "username" in changes:
        person.username = names.username(changes["username"] or "")
    if "email" in changes:
        person.email = names.email(changes["email"] or "")
    if "first_name" in changes:
        person.first_name = names.person_name(changes["first_name"], "firstName")
    if "last_name" in changes:
        person.last_name = names.person_name(changes["last_name"], "lastName")
    if "user_metadata" in changes:
        person.user_metadata = _metadata(changes["user_metadata"])
    # The first statement after the changes writes them, and so must be this.
    await write_unique(session, _taken())
    if person.email != before:
        await accounts.cancel_resets(session, person.id)
    # The display name is put together by the database.
    await session.refresh(person)
    return person


async def deactivate(session: AsyncSession, viewer: Viewer, user_id: int | None) -> User:
    """Close an account. What its owner wrote stays."""
    person = await find(session, viewer, User, user_id, Action.DEACTIVATE)
    async with _someone_in_charge(session):
        await accounts.deactivate(session, person.id)
    await session.refresh(person)
    return person


async def reactivate(session: AsyncSession, viewer: Viewer, user_id: int | None) -> User:
    """Open an account again. Its sessions and access tokens have ended and stay so."""
    person = await find(session, viewer, User, user_id, Action.DEACTIVATE)
    person.is_active = True
    await session.flush()
    return person


async def assign_role(session: AsyncSession, viewer: Viewer, user_id: int | None, role_id: int | None) -> User:
    """Give somebody a role, whether they have it already or not. Nobody gives what they don't have."""
    person = await find(session, viewer, User, user_id, Action.ASSIGN_ROLES, "user_id")
    role = await find(session, viewer, Role, role_id, Action.EDIT, "role_id")
    await session.execute(upsert(user_roles).values(user_id=person.id, role_id=role.id).on_conflict_do_nothing())
    return person


async def revoke_role(session: AsyncSession, viewer: Viewer, user_id: int | None, role_id: int | None) -> User:
    """Take a role from somebody, whether they had it or not."""
    person = await find(session, viewer, User, user_id, Action.ASSIGN_ROLES, "user_id")
    role = await find(session, viewer, Role, role_id, Action.EDIT, "role_id")
    async with _someone_in_charge(session):
        await session.execute(
            delete(user_roles).where(user_roles.c.user_id == person.id, user_roles.c.role_id == role.id)
        )
    return person


async def update_role(session: AsyncSession, viewer: Viewer, role_id: int | None, changes: RoleChanges) -> Role:
    """Say anew what a role means and lets people do. Nobody gives what they don't have."""
    role = await find(session, viewer, Role, role_id, Action.EDIT)
    if "description" in changes:
        role.description = names.normalised(changes["description"] or "", 255, "description", "description") or None
    if changes.get("permissions") is not None:
        given = await _known(session, set(changes["permissions"] or ()))
        if not given.keys() <= (await standing_now(session, viewer)).permissions:
            raise NotAllowed("You may only give permissions that you have.", field="permissions")
        async with _someone_in_charge(session):
            await _give(session, role, given.values())
    await session.flush()
    return role


async def _known(session: AsyncSession, permissions: set[str]) -> dict[str, int]:
    """Permissions by their names, with their numbers."""
    # There are a handful, while a client may name more than a statement takes values.
    rows = await session.execute(select(Permission.name, Permission.id))
    found = {name: number for name, number in rows if name in permissions}
    unknown = sorted(permissions - found.keys())
    if unknown:
        raise Invalid(f"There is no permission of the name {unknown[0][:100]}.", field="permissions", code="UNKNOWN")
    return found


async def _give(session: AsyncSession, role: Role, permission_ids: Collection[int]) -> None:
    await session.execute(
        delete(role_permissions).where(
            role_permissions.c.role_id == role.id, role_permissions.c.permission_id.not_in(permission_ids)
        )
    )
    rows = select(literal(role.id), Permission.id).where(Permission.id.in_(permission_ids))
    await session.execute(
        upsert(role_permissions).from_select(["role_id", "permission_id"], rows).on_conflict_do_nothing()
    )


@asynccontextmanager
async def _someone_in_charge(session: AsyncSession) -> AsyncIterator[None]:
    """Around a change that may take the last administrator from the site, which is refused then."""
    await take_turn(session, Turn.STANDING)
    yield
    has_all = (
        select(func.count(Permission.name.distinct()))
        .select_from(user_roles)
        .join(role_permissions, role_permissions.c.role_id == user_roles.c.role_id)
        .join(Permission, Permission.id == role_permissions.c.permission_id)
        .where(user_roles.c.user_id == User.id, Permission.name.in_(_ESSENTIAL))
        .scalar_subquery()
    )
    if not await session.scalar(select(select(1).where(User.is_active, has_all == len(_ESSENTIAL)).exists())):
        raise Invalid("That would leave the site without an administrator.", code="LAST_ADMINISTRATOR")


def _check_identity_may_change(viewer: Viewer, person: User) -> None:
    # Whoever has the address can have a new password mailed to it, and so outlive the token that they came with. That
    # is more than a program is trusted with; one that administers the site may do it for others.
    if viewer.scopes is None or (Scope.ADMINISTER in viewer.scopes and person.id != viewer.user_id):
        return
    raise NotAllowed("This access token can't change user names and e-mail addresses.")


def _metadata(given: Any) -> Json | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise Invalid("The metadata must be an object.", field="user_metadata")
    try:
        text = Json.of(given)
    except (ValueError, RecursionError):
        raise Invalid("This is not a value that JSON can hold.", field="user_metadata") from None
    if len(text) > MAX_METADATA:
        raise Invalid(
            f"The metadata may have at most {MAX_METADATA} characters.", field="user_metadata", code="TOO_LONG"
        )
    return text


def _taken() -> dict[str, Invalid]:
    username = Invalid("That user name is taken.", field="username", code="TAKEN")
    email = Invalid("There is an account with that e-mail address already.", field="email", code="TAKEN")
    return {
        "uq_users_username": username,
        "idx_users_username_folded": username,
        "uq_users_email": email,
        "idx_users_email_folded": email,
    }

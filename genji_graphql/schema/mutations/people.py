"""Accounts as their owners and administrators change them, and what each role lets people do."""

import strawberry

from genji_graphql import models
from genji_graphql.reads.ids import row_id
from genji_graphql.schema.errors import Payload
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import option, plain
from genji_graphql.schema.mutation import mutation
from genji_graphql.schema.role import Role
from genji_graphql.schema.scalars import JSON
from genji_graphql.schema.user import User
from genji_graphql.vocabulary import PermissionName
from genji_graphql.writes import people

_WHO = "Their global id, or their number."
_ROLE = "The role's global id, or its number."


@strawberry.input(description="What is to be changed of an account; what is left out stays.")
class UpdateUserInput:
    id: strawberry.ID = strawberry.field(description=_WHO)
    username: str | None = option("At least 3 letters, digits, and `_.-`; nobody else's in any case.")
    email: str | None = option("The e-mail address. Links to a new password that were mailed before end with it.")
    first_name: str | None = option("The first name; null for none.")
    last_name: str | None = option("The last name; null for none.")
    user_metadata: JSON | None = option(
        f"What else is known of them: an object, of at most {people.MAX_METADATA} characters; null for nothing."
    )


@strawberry.input(description="An account that is to be closed.")
class DeactivateUserInput:
    id: strawberry.ID = strawberry.field(description=_WHO)


@strawberry.input(description="An account that is to be opened again.")
class ReactivateUserInput:
    id: strawberry.ID = strawberry.field(description=_WHO)


@strawberry.input(description="A role for a person.")
class AssignRoleInput:
    user_id: strawberry.ID = strawberry.field(description=_WHO)
    role_id: strawberry.ID = strawberry.field(description=_ROLE)


@strawberry.input(description="A role that is taken from a person.")
class RevokeRoleInput:
    user_id: strawberry.ID = strawberry.field(description=_WHO)
    role_id: strawberry.ID = strawberry.field(description=_ROLE)


@strawberry.input(description="What is to be changed of a role; what is left out stays.")
class UpdateRoleInput:
    id: strawberry.ID = strawberry.field(description=_ROLE)
    description: str | None = option("What it means.")
    permissions: list[str] | None = option("All that it is to let people do, by the permissions' names.")


@strawberry.type(description="The person as they are now.")
class UserPayload(Payload):
    user: User | None = strawberry.field(default=None, description="The person.")


@strawberry.type(description="The role as it is now.")
class RolePayload(Payload):
    role: Role | None = strawberry.field(default=None, description="The role.")


@mutation("Changes an account: one's own, or, for administrators, anybody's.")
async def update_user(info: Info, input: UpdateUserInput) -> UserPayload:
    viewer, changes = info.context.viewer, plain(input)
    if changes.keys() & {"username", "email"} and not viewer.may(PermissionName.MANAGE_USERS):
        # The answer tells which names and addresses are taken, as registering does.
        await info.context.services.limits.count("change name", account=str(viewer.user_id))
    async with info.context.transaction() as session:
        person = await people.update(session, viewer, row_id(input.id, models.User), changes)
    return UserPayload(user=person)  # type: ignore[arg-type] # a row stands for its type


@mutation("Closes an account at once and everywhere. What its owner wrote stays.")
async def deactivate_user(info: Info, input: DeactivateUserInput) -> UserPayload:
    async with info.context.transaction() as session:
        person = await people.deactivate(session, info.context.viewer, row_id(input.id, models.User))
    return UserPayload(user=person)  # type: ignore[arg-type]


@mutation("Opens an account again. Its owner has to sign in anew.")
async def reactivate_user(info: Info, input: ReactivateUserInput) -> UserPayload:
    async with info.context.transaction() as session:
        person = await people.reactivate(session, info.context.viewer, row_id(input.id, models.User))
    return UserPayload(user=person)  # type: ignore[arg-type]


@mutation("Gives somebody a role. Nobody gives permissions that they don't have.")
async def assign_role(info: Info, input: AssignRoleInput) -> UserPayload:
    whom, what = row_id(input.user_id, models.User), row_id(input.role_id, models.Role)
    async with info.context.transaction() as session:
        person = await people.assign_role(session, info.context.viewer, whom, what)
    return UserPayload(user=person)  # type: ignore[arg-type]


@mutation("Takes a role from somebody. The last administrator stays one.")
async def revoke_role(info: Info, input: RevokeRoleInput) -> UserPayload:
    whom, what = row_id(input.user_id, models.User), row_id(input.role_id, models.Role)
    async with info.context.transaction() as session:
        person = await people.revoke_role(session, info.context.viewer, whom, what)
    return UserPayload(user=person)  # type: ignore[arg-type]


@mutation("Says anew what a role lets people do. The site keeps an administrator.")
async def update_role(info: Info, input: UpdateRoleInput) -> RolePayload:
    async with info.context.transaction() as session:
        role = await people.update_role(session, info.context.viewer, row_id(input.id, models.Role), plain(input))
    return RolePayload(role=role)  # type: ignore[arg-type]


@strawberry.type
class PeopleMutations:
    update_user: UserPayload = update_user
    deactivate_user: UserPayload = deactivate_user
    reactivate_user: UserPayload = reactivate_user
    assign_role: UserPayload = assign_role
    revoke_role: UserPayload = revoke_role
    update_role: RolePayload = update_role

"""Making classrooms, ending them, and who belongs to them."""

from datetime import date

import strawberry

from genji_graphql import models
from genji_graphql.access import joining
from genji_graphql.context import Context
from genji_graphql.reads.ids import global_id, row_id
from genji_graphql.schema.errors import Payload
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import option, plain
from genji_graphql.schema.group import Group
from genji_graphql.schema.mutation import mutation
from genji_graphql.writes import groups

_WHICH = "Its global id, or its number."
_NAME = f"Its name, at most {groups.MAX_NAME} characters, which no other group has in any case."
_DESCRIPTION = f"What it is about, at most {groups.MAX_DESCRIPTION} characters."
_START = "The day it begins. Two weeks after it nobody can join by the link any more."
_END = "The last day. After it nobody can join by the link, or write for the group."


@strawberry.input(description="A new group.")
class CreateGroupInput:
    name: str = strawberry.field(description=_NAME)
    description: str | None = option(_DESCRIPTION)
    start_date: date | None = option(_START)
    end_date: date | None = option(_END)


@strawberry.input(description="What is to be changed of a group; what is left out stays.")
class UpdateGroupInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)
    name: str | None = option(_NAME)
    description: str | None = option(_DESCRIPTION)
    start_date: date | None = option(_START)
    end_date: date | None = option(_END)


@strawberry.input(description="A group that is to be deleted.")
class DeleteGroupInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)


@strawberry.input(description="A group whose link was told to the wrong people.")
class RotateJoinLinkInput:
    id: strawberry.ID = strawberry.field(description=_WHICH)


@strawberry.input(description="An invitation that is taken up.")
class JoinGroupInput:
    token: str = strawberry.field(description="The token of the link.")


@strawberry.input(description=f"Who is to belong to a group, or no longer: at most {groups.MAX_PEOPLE} at a time.")
class GroupMembersInput:
    id: strawberry.ID = strawberry.field(description="The group's global id, or its number.")
    user_ids: list[strawberry.ID] | None = option("People by their ids. To be added, the viewer must see them.")
    logins: list[str] | None = option("People by their user names or e-mail addresses, in any case.")


@strawberry.type(description="The group as it is now.")
class GroupPayload(Payload):
    group: Group | None = strawberry.field(default=None, description="The group.")


@strawberry.type(description="The group that is gone.")
class DeleteGroupPayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(default=None, description="The id that it had.")


@strawberry.type(description="The group with its new roster.")
class GroupMembersPayload(Payload):
    group: Group | None = strawberry.field(
        default=None, description="The group; null for whoever has left it by this, and doesn't see it any more."
    )
    changed: int = strawberry.field(default=0, description="How many people were added or removed.")
    not_found: list[str] = strawberry.field(
        default_factory=list,
        description="The entries, as they were given, that name no such person. The others were added or removed.",
    )


@mutation("Creates a group, such as a classroom. Whoever creates it belongs to it.")
async def create_group(info: Info, input: CreateGroupInput) -> GroupPayload:
    async with info.context.transaction() as session:
        group = await groups.create(session, info.context.viewer, **plain(input))
    return GroupPayload(group=group)  # type: ignore[arg-type] # a row stands for its type


@mutation("Changes a group's name, description or dates.")
async def update_group(info: Info, input: UpdateGroupInput) -> GroupPayload:
    async with info.context.transaction() as session:
        group = await groups.update(session, info.context.viewer, row_id(input.id, models.Group), plain(input))
    return GroupPayload(group=group)  # type: ignore[arg-type]


@mutation("Deletes a group. What was written for it stays, and only its owners and administrators see it.")
async def delete_group(info: Info, input: DeleteGroupInput) -> DeleteGroupPayload:
    async with info.context.transaction() as session:
        gone = await groups.remove(session, info.context.viewer, row_id(input.id, models.Group))
    return DeleteGroupPayload(deleted_id=strawberry.ID(global_id(models.Group.__name__, gone)))


@mutation("Makes a new link to join a group by. The one before leads nowhere from then on.")
async def rotate_join_link(info: Info, input: RotateJoinLinkInput) -> GroupPayload:
    async with info.context.transaction() as session:
        group = await groups.rotate_join_link(session, info.context.viewer, row_id(input.id, models.Group))
    return GroupPayload(group=group)  # type: ignore[arg-type]


@mutation("Joins a group by its link, until two weeks after it starts, and never after it ends.")
async def join_group(info: Info, input: JoinGroupInput) -> GroupPayload:
    async with info.context.transaction() as session:
        group = await groups.join(session, info.context.viewer, token=input.token, today=joining.today())
    return GroupPayload(group=group)  # type: ignore[arg-type]


@mutation("Adds people to a group, and tells which entries name nobody.")
async def add_group_members(info: Info, input: GroupMembersInput) -> GroupMembersPayload:
    async with info.context.transaction() as session:
        change = await groups.add_members(
            session, info.context.viewer, row_id(input.id, models.Group), [*_numbers(input), *_logins(input)]
        )
    return await _roster(info.context, input, change)


@mutation("Removes people from a group, and tells which entries name no member. Whoever created it stays.")
async def remove_group_members(info: Info, input: GroupMembersInput) -> GroupMembersPayload:
    async with info.context.transaction() as session:
        change = await groups.remove_members(
            session, info.context.viewer, row_id(input.id, models.Group), [*_numbers(input), *_logins(input)]
        )
    return await _roster(info.context, input, change)


def _numbers(given: GroupMembersInput) -> list[int]:
    return [row_id(one, models.User) or 0 for one in given.user_ids or ()]


def _logins(given: GroupMembersInput) -> list[str]:
    return list(given.logins or ())


async def _roster(context: Context, given: GroupMembersInput, change: groups.RosterChange) -> GroupMembersPayload:
    entries = [*(given.user_ids or ()), *_logins(given)]
    return GroupMembersPayload(
        group=await context.loaders.row(models.Group, change.group.id),
        changed=change.changed,
        not_found=[entries[place] for place in change.unknown],
    )


@strawberry.type
class GroupMutations:
    create_group: GroupPayload = create_group
    update_group: GroupPayload = update_group
    delete_group: DeleteGroupPayload = delete_group
    rotate_join_link: GroupPayload = rotate_join_link
    join_group: GroupPayload = join_group
    add_group_members: GroupMembersPayload = add_group_members
    remove_group_members: GroupMembersPayload = remove_group_members

"""What the viewer may do to a thing."""

from typing import Any

import strawberry

from genji_graphql.access.rules import Action
from genji_graphql.schema.fields import Info
from genji_graphql.schema.node import Row


def _ability(action: Action, description: str) -> Any:
    async def resolve(row: Row, info: Info) -> bool:
        return (await info.context.loaders.abilities(row)).get(action, False)

    return strawberry.field(resolver=resolve, description=description, metadata={"ability": action})


@strawberry.type(description="What the viewer may do to a thing. What can't be done to a thing of its kind is false.")
class Abilities:
    edit: bool = _ability(Action.EDIT, "Change it.")
    delete: bool = _ability(Action.DELETE, "Delete it.")
    restore: bool = _ability(Action.RESTORE, "Bring it back after it was deleted.")
    share: bool = _ability(Action.SHARE, "Share it, and say who may see it.")
    annotate: bool = _ability(Action.ANNOTATE, "Write a note on it.")
    reply: bool = _ability(Action.REPLY, "Answer, tag, flag and vote for it.")
    reattach: bool = _ability(Action.REATTACH, "Say where a note belongs whose passage has gone from the text.")
    moderate: bool = _ability(Action.MODERATE, "Hide and remove what others wrote on it.")
    manage_members: bool = _ability(Action.MANAGE_MEMBERS, "Add people to it and remove them.")
    deactivate: bool = _ability(Action.DEACTIVATE, "Close the account.")
    assign_roles: bool = _ability(Action.ASSIGN_ROLES, "Give and take roles.")


def viewer_can() -> Any:
    """The field of a type whose rows have rules."""

    def resolve(row: Row) -> Abilities:
        return row

    return strawberry.field(
        resolver=resolve, description="What the viewer may do to it.", metadata={"abilities": Abilities}
    )

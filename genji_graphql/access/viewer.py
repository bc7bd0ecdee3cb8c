"""Who is asking."""

from dataclasses import dataclass
from datetime import datetime

from genji_graphql.vocabulary import PermissionName, Scope


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking, settled once a request. It holds no session, so that it can outlive one."""

    user_id: int | None = None
    group_ids: frozenset[int] = frozenset()
    """The classrooms that they belong to or created."""
    taught_group_ids: frozenset[int] = frozenset()
    """Those of them that they created, or are an instructor in."""
    is_administrator: bool = False
    """Do they see and change everything? It is the permission `manage_all_content`."""
    is_instructor: bool = False
    """May they look people up? It is the permission `list_users`."""
    permissions: frozenset[str] = frozenset()
    """What their roles let them do."""

    session_id: int | None = None
    """The sign-in that they came with, for a person at a browser. A program comes with an access token instead."""
    access_token_id: int | None = None
    """That access token."""
    scopes: frozenset[str] | None = None
    """What that access token is good for; None is a person, who may do whatever they may."""
    expires_at: datetime | None = None
    """When they have to prove anew who they are; what they opened must be closed by then."""

    @property
    def is_anonymous(self) -> bool:
        return self.user_id is None

    @property
    def may_write(self) -> bool:
        """May what they came with change anything? Whether they themselves may is asked for each thing."""
        return not self.is_anonymous and (self.scopes is None or bool(self.scopes & {Scope.WRITE, Scope.ADMINISTER}))

    @property
    def moderates_everything(self) -> bool:
        """May they moderate whatever they see?"""
        return self.is_administrator or self.may(PermissionName.MANAGE_FLAGS)

    def may(self, permission: PermissionName) -> bool:
        """Does one of their roles give this permission?"""
        return permission in self.permissions

    def sees_details_of(self, user_id: int) -> bool:
        """May they see this person's e-mail, roles and metadata?"""
        return self.is_administrator or self.user_id == user_id


ANONYMOUS = Viewer()

"""Who is asking."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking, settled once a request. It holds no session, so that it can outlive one."""

    user_id: int | None = None
    group_ids: frozenset[int] = frozenset()
    """The classrooms that they belong to or created."""
    is_administrator: bool = False
    is_instructor: bool = False

    @property
    def is_anonymous(self) -> bool:
        return self.user_id is None

    def sees_details_of(self, user_id: int) -> bool:
        """May they see this person's e-mail, roles and metadata?"""
        return self.is_administrator or self.user_id == user_id


ANONYMOUS = Viewer()

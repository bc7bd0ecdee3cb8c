"""What the log says."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from genji_graphql.live.position import Position
from genji_graphql.vocabulary import AnnotationStatus, Motivation

IN_SIGHT: Final = (AnnotationStatus.ACTIVE, AnnotationStatus.PRIVATE)
"""What lists show. Who sees an annotation of another status sees it only where they ask for it."""


class Kind(StrEnum):
    """What happened, as the log has it."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    RESTORED = "restored"
    HIDDEN = "hidden"
    MOVED = "moved"
    JOINED = "joined"
    LEFT = "left"


class Change(StrEnum):
    """What happened, as somebody in particular sees it: a note that is restored comes into their sight."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """A row of the log: about an annotation, or about a member of a group."""

    position: Position
    at: datetime
    kind: Kind
    annotation_id: int | None = None
    motivation: str | None = None
    document_element_id: int | None = None
    document_id: int | None = None
    document_collection_id: int | None = None
    classroom_id: int | None = None
    classroom_gone: bool = False
    parent_id: int | None = None
    owner_id: int | None = None
    status_before: str | None = None
    status_after: str | None = None
    group_id: int | None = None
    user_id: int | None = None

    @property
    def was_in_sight(self) -> bool:
        """Was the annotation of a status that lists show?"""
        return self.status_before in IN_SIGHT

    @property
    def is_in_sight(self) -> bool:
        return self.status_after in IN_SIGHT

    @property
    def changes_sight(self) -> bool:
        """Is it another status than before, or a new annotation, or one that has gone?"""
        return self.status_before != self.status_after

    @property
    def is_flag(self) -> bool:
        """Was a flag raised?"""
        return self.kind is Kind.CREATED and self.motivation == Motivation.FLAGGING and self.is_in_sight

    @classmethod
    def of(cls, row: Any) -> "Event":
        values = dict(row)
        position = Position(int(values.pop("xid")), values.pop("seq"))
        return cls(position, values.pop("at"), Kind(values.pop("kind")), **values)

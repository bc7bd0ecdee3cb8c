"""Who may do what, in one table: for each noun, each action and the condition under which it is open.

A condition speaks of a row that the viewer sees already; `visibility` decides that. What a viewer came with, such as an
access token that may only read, is asked before any of these.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Date, FromClause, and_, case, cast, false, func, not_, or_, select, true

from genji_graphql.access.viewer import Viewer
from genji_graphql.access.visibility import among, moderated, standing_within_reach, thread, within_reach
from genji_graphql.models import (
    Annotation,
    Base,
    Document,
    DocumentCollection,
    DocumentElement,
    Group,
    ImportJob,
    Permission,
    Role,
    User,
    role_permissions,
    user_roles,
)
from genji_graphql.vocabulary import AccessLevel, PermissionName

RESTORABLE = timedelta(days=30)
"""How long what was deleted can be brought back."""

Condition = ColumnElement[bool]
Rule = Callable[[Viewer], Condition]


class Action(StrEnum):
    """What can be done to a thing."""

    EDIT = "edit"
    DELETE = "delete"
    RESTORE = "restore"
    SHARE = "share"
    ANNOTATE = "annotate"
    REPLY = "reply"
    REATTACH = "reattach"
    MODERATE = "moderate"
    MANAGE_MEMBERS = "manage_members"
    DEACTIVATE = "deactivate"
    ASSIGN_ROLES = "assign_roles"
    CANCEL = "cancel"


def reaching(model: type[Base], level: AccessLevel) -> Rule:
    """Whoever reaches this level on it."""
    return lambda viewer: within_reach(model, viewer, level)


def signed_in(viewer: Viewer) -> Condition:
    """Anybody with an account."""
    return false() if viewer.is_anonymous else true()


def permitted(permission: PermissionName) -> Rule:
    """Whoever holds a role that gives this permission."""
    return lambda viewer: true() if viewer.may(permission) else false()


def its_owner(viewer: Viewer) -> Condition:
    """Whose the annotation is."""
    return false() if viewer.is_anonymous else Annotation.keeper_id == viewer.user_id


def its_moderators(viewer: Viewer) -> Condition:
    """Whoever may moderate the annotation."""
    return moderated(Annotation, viewer)


def its_owner_or_moderators(viewer: Viewer) -> Condition:
    return or_(its_owner(viewer), its_moderators(viewer))


def its_owner_or_editors(viewer: Viewer) -> Condition:
    """Whose it is, who may edit the text that it is on, and who moderates it."""
    return or_(its_owner(viewer), its_moderators(viewer), standing_within_reach(viewer, AccessLevel.EDIT))


def in_its_classroom(viewer: Viewer) -> Condition:
    """Anybody signed in; in a classroom its people, until it ends. A response is in the classroom of its thread."""
    if viewer.is_anonymous:
        return false()
    up, note = thread(Annotation)
    in_thread = select(1).select_from(up).where(_is_in_closed_classroom(note, viewer)).exists()
    # Nearly all are notes, and a way up a thread costs more than to write a row.
    return not_(case((Annotation.parent_id.is_(None), _is_in_closed_classroom(Annotation, viewer)), else_=in_thread))


def _is_in_closed_classroom(annotation: type[Annotation], viewer: Viewer) -> Condition:
    """Is it for a classroom that is over, or that is not the viewer's?"""
    open_classroom = select(1).where(
        Group.id == annotation.classroom_id,
        among(Group.id, viewer.group_ids),
        or_(Group.end_date.is_(None), Group.end_date >= cast(func.timezone("UTC", func.now()), Date)),
    )
    return or_(annotation.classroom_gone, and_(annotation.classroom_id.is_not(None), not_(open_classroom.exists())))


def its_creator(viewer: Viewer) -> Condition:
    """Who created the classroom, and administrators."""
    if viewer.is_administrator:
        return true()
    return false() if viewer.is_anonymous else Group.created_by_id == viewer.user_id


def its_teachers(viewer: Viewer) -> Condition:
    """Who created the classroom, its instructors, and administrators."""
    return true() if viewer.is_administrator else among(Group.id, viewer.taught_group_ids)


def themselves(viewer: Viewer) -> Condition:
    return false() if viewer.is_anonymous else User.id == viewer.user_id


def their_superiors(permission: PermissionName) -> Rule:
    """Whoever has this permission and all of theirs: who may change an account could take it over."""
    given = user_roles.join(role_permissions, role_permissions.c.role_id == user_roles.c.role_id)
    return lambda viewer: and_(
        permitted(permission)(viewer), not_(_exceeds(viewer, given, user_roles.c.user_id == User.id))
    )


def themselves_or_superiors(permission: PermissionName) -> Rule:
    return lambda viewer: or_(themselves(viewer), their_superiors(permission)(viewer))


def its_superiors(permission: PermissionName) -> Rule:
    """Whoever has this permission and all that the role gives: nobody hands out what they lack, or takes it away."""
    return lambda viewer: and_(
        permitted(permission)(viewer), not_(_exceeds(viewer, role_permissions, role_permissions.c.role_id == Role.id))
    )


def _exceeds(viewer: Viewer, given: FromClause, whose: Condition) -> Condition:
    """Is there a permission among these that the viewer lacks?

    Who administers all content may lack one as well, such as to assign roles: through the account of somebody who has
    it they would get it.
    """
    names = given.join(Permission, Permission.id == role_permissions.c.permission_id)
    return select(1).select_from(names).where(whose, Permission.name.not_in(sorted(viewer.permissions))).exists()


RULES: Mapping[type[Base], Mapping[Action, Rule]] = {
    DocumentCollection: {
        Action.EDIT: reaching(DocumentCollection, AccessLevel.EDIT),
        Action.DELETE: reaching(DocumentCollection, AccessLevel.MANAGE),
        Action.RESTORE: reaching(DocumentCollection, AccessLevel.MANAGE),
        Action.SHARE: reaching(DocumentCollection, AccessLevel.MANAGE),
        Action.MODERATE: reaching(DocumentCollection, AccessLevel.MANAGE),
        Action.ANNOTATE: signed_in,
    },
    Document: {
        Action.EDIT: reaching(Document, AccessLevel.EDIT),
        Action.DELETE: reaching(Document, AccessLevel.MANAGE),
        Action.RESTORE: reaching(Document, AccessLevel.MANAGE),
        Action.SHARE: reaching(Document, AccessLevel.MANAGE),
        Action.MODERATE: reaching(Document, AccessLevel.MANAGE),
        Action.ANNOTATE: signed_in,
    },
    DocumentElement: {
        Action.EDIT: reaching(DocumentElement, AccessLevel.EDIT),
        Action.DELETE: reaching(DocumentElement, AccessLevel.EDIT),
        Action.RESTORE: reaching(DocumentElement, AccessLevel.EDIT),
        Action.MODERATE: reaching(DocumentElement, AccessLevel.MANAGE),
        Action.ANNOTATE: signed_in,
    },
    Annotation: {
        Action.EDIT: its_owner,
        Action.DELETE: its_owner_or_moderators,
        Action.RESTORE: its_owner_or_moderators,
        Action.MODERATE: its_moderators,
        Action.REPLY: in_its_classroom,
        Action.REATTACH: its_owner_or_editors,
    },
    Group: {
        Action.EDIT: its_teachers,
        Action.DELETE: its_creator,
        Action.MANAGE_MEMBERS: its_teachers,
    },
    ImportJob: {
        Action.CANCEL: signed_in,
    },
    User: {
        Action.EDIT: themselves_or_superiors(PermissionName.MANAGE_USERS),
        Action.DEACTIVATE: their_superiors(PermissionName.MANAGE_USERS),
        Action.ASSIGN_ROLES: their_superiors(PermissionName.ASSIGN_ROLES),
    },
    Role: {
        Action.EDIT: its_superiors(PermissionName.ASSIGN_ROLES),
    },
}


def allowed(model: type[Base], action: Action, viewer: Viewer) -> Condition:
    """May this viewer, who sees this row, do this to it? An action that a noun doesn't have is nobody's."""
    rule = RULES[model].get(action)
    return false() if rule is None or not viewer.may_write else rule(viewer)

"""The tables of the schema `app`; each module reads like the database's own documentation."""

from genji_graphql.models.annotation import Annotation, annotation_body_ids, annotation_target_ids
from genji_graphql.models.base import SCHEMA, SPACING, Base
from genji_graphql.models.collection import DocumentCollection
from genji_graphql.models.credential import AccessToken, PasswordReset, UserSession
from genji_graphql.models.document import Document
from genji_graphql.models.element import LONGEST_TEXT, DocumentElement
from genji_graphql.models.event import (
    annotation_events,
    event_floor,
    event_numbers,
    membership_events,
    standing_changes,
)
from genji_graphql.models.group import Group, group_members
from genji_graphql.models.history import AnnotationVersion, ElementRevision
from genji_graphql.models.idempotency import IdempotencyKey
from genji_graphql.models.import_job import ImportJob, ImportPart
from genji_graphql.models.role import Permission, Role, role_permissions, user_roles
from genji_graphql.models.share import ObjectShare
from genji_graphql.models.site_settings import SiteSettings
from genji_graphql.models.sso import SsoConfiguration, SsoIdentity
from genji_graphql.models.user import User, UserPassword, folded

__all__ = [
    "LONGEST_TEXT",
    "SCHEMA",
    "SPACING",
    "AccessToken",
    "Annotation",
    "AnnotationVersion",
    "Base",
    "Document",
    "DocumentCollection",
    "DocumentElement",
    "ElementRevision",
    "Group",
    "IdempotencyKey",
    "ImportJob",
    "ImportPart",
    "ObjectShare",
    "PasswordReset",
    "Permission",
    "Role",
    "SiteSettings",
    "SsoConfiguration",
    "SsoIdentity",
    "User",
    "UserPassword",
    "UserSession",
    "annotation_body_ids",
    "annotation_events",
    "annotation_target_ids",
    "event_floor",
    "event_numbers",
    "folded",
    "group_members",
    "membership_events",
    "role_permissions",
    "standing_changes",
    "user_roles",
]

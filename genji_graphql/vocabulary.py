"""The words that tables and schema share."""

from enum import StrEnum


class Visibility(StrEnum):
    """Who may see a collection."""

    PUBLIC = "public"
    SHARED = "shared"
    PRIVATE = "private"


class TextDirection(StrEnum):
    """How the lines of a collection run."""

    LTR = "ltr"
    RTL = "rtl"
    VERTICAL_RL = "vertical-rl"


class AccessLevel(StrEnum):
    """What a share gives; each level holds the one before."""

    VIEW = "view"
    EDIT = "edit"
    MANAGE = "manage"


class SharedObject(StrEnum):
    """What can be shared."""

    COLLECTION = "collection"
    DOCUMENT = "document"


class Recipient(StrEnum):
    """With whom something is shared."""

    USER = "user"
    GROUP = "group"


class AnnotationStatus(StrEnum):
    """The life of an annotation."""

    ACTIVE = "active"
    PRIVATE = "private"
    HIDDEN = "hidden"
    DELETED = "deleted"


class Motivation(StrEnum):
    """Why an annotation was made: the standard's thirteen and the platform's own. The vocabulary is open.

    Web Annotation Vocabulary, section 3.3.
    """

    ASSESSING = "assessing"
    BOOKMARKING = "bookmarking"
    CLASSIFYING = "classifying"
    COMMENTING = "commenting"
    DESCRIBING = "describing"
    EDITING = "editing"
    HIGHLIGHTING = "highlighting"
    IDENTIFYING = "identifying"
    LINKING = "linking"
    MODERATING = "moderating"
    QUESTIONING = "questioning"
    REPLYING = "replying"
    TAGGING = "tagging"

    SCHOLARLY = "scholarly"
    UPVOTING = "upvoting"
    FLAGGING = "flagging"
    EXTERNAL_REFERENCE = "external_reference"


RESPONSES = frozenset({Motivation.REPLYING, Motivation.TAGGING, Motivation.UPVOTING, Motivation.FLAGGING})
"""Annotations of an annotation: reached through it rather than listed among the notes proper."""


class MetadataFieldType(StrEnum):
    """What a field of a collection's metadata holds."""

    TEXT = "text"
    TEXTAREA = "textarea"
    LIST = "list"
    IMAGE = "image"


class ImportFormat(StrEnum):
    """What a file of texts is written in."""

    TEI = "tei"
    PLAIN_TEXT = "plain_text"
    WORD = "word"


class ImportStatus(StrEnum):
    """The life of an import."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RoleName(StrEnum):
    """The roles that every site begins with. Administrators may add others."""

    ADMIN = "admin"
    INSTRUCTOR = "instructor"
    VERIFIED_SCHOLAR = "verified_scholar"
    STUDENT = "student"


class PermissionName(StrEnum):
    """What a role may let people do."""

    MANAGE_ALL_CONTENT = "manage_all_content"
    CREATE_COLLECTION = "create_collection"
    CREATE_GROUP = "create_group"
    CREATE_SCHOLARLY_ANNOTATION = "create_scholarly_annotation"
    LIST_USERS = "list_users"
    MANAGE_USERS = "manage_users"
    ASSIGN_ROLES = "assign_roles"
    MANAGE_SITE_SETTINGS = "manage_site_settings"
    MANAGE_SSO = "manage_sso"
    MANAGE_FLAGS = "manage_flags"


class Scope(StrEnum):
    """What a personal access token may be used for; each holds the one before."""

    READ = "read"
    WRITE = "write"
    ADMINISTER = "administer"

"""The vocabularies as enums, each of their words explained."""

from enum import Enum
from typing import Any, TypeVar

import strawberry

from genji_graphql.anchoring.anchor import Unit
from genji_graphql.reads.deletions import DeletedKind
from genji_graphql.reads.stats import Dimension
from genji_graphql.vocabulary import (
    AccessLevel,
    AnnotationStatus,
    ImportFormat,
    ImportStatus,
    MetadataFieldType,
    Recipient,
    Scope,
    SharedObject,
    TextDirection,
    Visibility,
)

Vocabulary = TypeVar("Vocabulary", bound=type[Enum])


def _enum(vocabulary: Vocabulary, description: str, *, name: str | None = None, **words: str) -> None:
    made: Any = strawberry.enum(vocabulary, name=name, description=description)
    for value in made.__strawberry_definition__.values:
        value.description = words[value.name]


_enum(
    Visibility,
    "Who may see a collection.",
    PUBLIC="Anyone.",
    SHARED="Its owner, and those whom it is shared with.",
    PRIVATE="Its owner.",
)
_enum(
    TextDirection,
    "How the lines of a text run.",
    LTR="From left to right.",
    RTL="From right to left.",
    VERTICAL_RL="From top to bottom, the first line at the right.",
)
_enum(
    AccessLevel,
    "What a share gives; each level holds the one before.",
    VIEW="To read it.",
    EDIT="To change it.",
    MANAGE="To share and delete it.",
)
_enum(
    SharedObject,
    "What can be shared.",
    name="SharedObjectType",
    COLLECTION="A collection, with its documents.",
    DOCUMENT="A document.",
)
_enum(
    DeletedKind,
    "What can be deleted and restored.",
    COLLECTION="A collection, with its documents.",
    DOCUMENT="A document, with its elements.",
    ELEMENT="An element, with the annotations on it.",
)
_enum(Recipient, "With whom something is shared.", name="RecipientType", USER="A person.", GROUP="A group.")
_enum(
    AnnotationStatus,
    "The life of an annotation.",
    ACTIVE="In sight of all who may see what it is on.",
    PRIVATE="For its owner only.",
    HIDDEN="Taken out of sight by a moderator.",
    DELETED="Deleted; it can be restored for some time.",
)
_enum(
    MetadataFieldType,
    "What a field of a collection's metadata holds.",
    TEXT="A line of text.",
    TEXTAREA="Text of several lines.",
    LIST="Several lines of text, in an order.",
    IMAGE="An image.",
)
_enum(
    ImportFormat,
    "What a file of texts is written in.",
    TEI="TEI P5: XML.",
    PLAIN_TEXT="Plain text or Markdown, in UTF-8 or UTF-16.",
    WORD="A Word document (.docx).",
)
_enum(
    ImportStatus,
    "The life of an import.",
    QUEUED="It waits for its turn.",
    RUNNING="It is being read. Nothing of it is seen before it has succeeded.",
    SUCCEEDED="All of it is there.",
    FAILED="Nothing of it was imported; its `error` says why.",
    CANCELLED="It was called off, and nothing of it was imported.",
)
_enum(
    Scope,
    "What an access token is good for; each holds the one before.",
    name="AccessTokenScope",
    READ="To read what one may see.",
    WRITE="To change things as well.",
    ADMINISTER="To do all that one may do, to other people's things too.",
)
_enum(
    Unit,
    "What offsets in a text count.",
    name="TextUnit",
    CODE_POINT="Unicode code points, as the standard has it.",
    UTF16="Units of UTF-16, as browsers count.",
)
_enum(
    Dimension,
    "What annotations can be counted by.",
    name="AnnotationDimension",
    MOTIVATION="Why they were made. Replies, tags, upvotes and flags are counted too.",
    CREATOR="Who wrote them.",
    CLASSROOM="The classroom that they were written for.",
    COLLECTION="The collection that they are about.",
    DOCUMENT="The document that they are about.",
    ELEMENT="The element that they are about.",
    DAY="The day they were created, in UTC.",
)

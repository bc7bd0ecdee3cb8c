"""What each list can be filtered and ordered by."""

import strawberry

from genji_graphql.reads import graph
from genji_graphql.schema.filters import (
    BooleanFilter,
    DateFilter,
    DateTimeFilter,
    Filter,
    IDFilter,
    JSONFilter,
    NumberFilter,
    StringFilter,
    option,
    order_input,
)
from genji_graphql.vocabulary import AccessLevel, AnnotationStatus, Recipient, SharedObject, TextDirection, Visibility

_ALL, _SOME, _NOT = "All of these hold.", "One of these holds.", "This does not hold."


@strawberry.input(description="Which collections. All that is said must hold; what is left out filters nothing.")
class DocumentCollectionWhere:
    and_: list["DocumentCollectionWhere"] | None = option(_ALL, "and")
    or_: list["DocumentCollectionWhere"] | None = option(_SOME, "or")
    not_: "DocumentCollectionWhere | None" = option(_NOT, "not")
    id: IDFilter | None = option("The collection itself.")
    title: StringFilter | None = option("Its title.")
    visibility: Filter[Visibility] | None = option("Who may see it.")
    text_direction: Filter[TextDirection] | None = option("How its lines run.")
    language: StringFilter | None = option("Its language, such as `ja`.")
    owner: IDFilter | None = option("Whose it is.")
    created_by: IDFilter | None = option("Who created it.")
    created: DateTimeFilter | None = option("When it was created.")
    modified: DateTimeFilter | None = option("When it was last changed.")
    hierarchy: JSONFilter | None = option("How it is divided.")
    collection_metadata: JSONFilter | None = option("What is known of it.")


@strawberry.input(description="Which documents. All that is said must hold; what is left out filters nothing.")
class DocumentWhere:
    and_: list["DocumentWhere"] | None = option(_ALL, "and")
    or_: list["DocumentWhere"] | None = option(_SOME, "or")
    not_: "DocumentWhere | None" = option(_NOT, "not")
    id: IDFilter | None = option("The document itself.")
    title: StringFilter | None = option("Its title.")
    collection: IDFilter | None = option("The collection that it belongs to.")
    owner: IDFilter | None = option("Whose it is.")
    created: DateTimeFilter | None = option("When it was created.")
    modified: DateTimeFilter | None = option("When it was last changed.")


@strawberry.input(description="Which elements. All that is said must hold; what is left out filters nothing.")
class DocumentElementWhere:
    and_: list["DocumentElementWhere"] | None = option(_ALL, "and")
    or_: list["DocumentElementWhere"] | None = option(_SOME, "or")
    not_: "DocumentElementWhere | None" = option(_NOT, "not")
    id: IDFilter | None = option("The element itself.")
    created: DateTimeFilter | None = option("When it was created.")
    modified: DateTimeFilter | None = option("When it was last changed.")
    hierarchy: JSONFilter | None = option('Where it stands: `{contains: {page: "5"}}`.')
    content: JSONFilter | None = option("What it holds.")


@strawberry.input(description="Which revisions. All that is said must hold; what is left out filters nothing.")
class ElementRevisionWhere:
    and_: list["ElementRevisionWhere"] | None = option(_ALL, "and")
    or_: list["ElementRevisionWhere"] | None = option(_SOME, "or")
    not_: "ElementRevisionWhere | None" = option(_NOT, "not")
    id: IDFilter | None = option("The revision itself.")
    revision: NumberFilter | None = option("Which it is, such as the one that a target names which was carried.")
    modified: DateTimeFilter | None = option("When the element came to be so.")


@strawberry.input(description="Which annotations. All that is said must hold; what is left out filters nothing.")
class AnnotationWhere:
    and_: list["AnnotationWhere"] | None = option(_ALL, "and")
    or_: list["AnnotationWhere"] | None = option(_SOME, "or")
    not_: "AnnotationWhere | None" = option(_NOT, "not")
    id: IDFilter | None = option("The annotation itself.")
    motivation: StringFilter | None = option(
        "Why it was made. Replies, tags, upvotes and flags are left out unless their motivation is named here."
    )
    status: Filter[AnnotationStatus] | None = option("Without it, hidden and deleted ones are left out.")
    type: StringFilter | None = option("Its type.")
    annotation_type: StringFilter | None = option("Its further type.")
    context: StringFilter | None = option("Its context.")
    generator: StringFilter | None = option("The program that made it.")
    creator: IDFilter | None = option("Who wrote it.")
    owner: IDFilter | None = option("Whose it is.")
    classroom: IDFilter | None = option("The classroom that it was written for; `{eq: null}` for those of none.")
    in_classroom: strawberry.ID | None = option("Written for this classroom, or for none.")
    collection: IDFilter | None = option("The collection that it is about.")
    document: IDFilter | None = option("The document that it is about.")
    element: IDFilter | None = option("The element that it is about.")
    reply_to: IDFilter | None = option("The annotation that it answers.")
    created: DateTimeFilter | None = option("When it was created.")
    modified: DateTimeFilter | None = option("When it was last changed.")
    generated: DateTimeFilter | None = option("When a program made it.")
    body: JSONFilter | None = option("Its body.")
    target: JSONFilter | None = option("Its target.")


@strawberry.input(description="Which versions. All that is said must hold; what is left out filters nothing.")
class AnnotationVersionWhere:
    and_: list["AnnotationVersionWhere"] | None = option(_ALL, "and")
    or_: list["AnnotationVersionWhere"] | None = option(_SOME, "or")
    not_: "AnnotationVersionWhere | None" = option(_NOT, "not")
    modified: DateTimeFilter | None = option("When it became so.")
    modified_by: IDFilter | None = option("Who made it so.")


@strawberry.input(description="Which people. All that is said must hold; what is left out filters nothing.")
class UserWhere:
    and_: list["UserWhere"] | None = option(_ALL, "and")
    or_: list["UserWhere"] | None = option(_SOME, "or")
    not_: "UserWhere | None" = option(_NOT, "not")
    id: IDFilter | None = option("The person.")
    username: StringFilter | None = option("The user name.")
    search: str | None = option(
        "What a part of the user name, the first and last name, or an e-mail address that one may see is, in any case."
    )
    is_active: BooleanFilter | None = option("Is the account in use?")


@strawberry.input(description="Which groups. All that is said must hold; what is left out filters nothing.")
class GroupWhere:
    and_: list["GroupWhere"] | None = option(_ALL, "and")
    or_: list["GroupWhere"] | None = option(_SOME, "or")
    not_: "GroupWhere | None" = option(_NOT, "not")
    id: IDFilter | None = option("The group itself.")
    name: StringFilter | None = option("Its name.")
    created_by: IDFilter | None = option("Who created it.")
    created_at: DateTimeFilter | None = option("When it was created.")
    start_date: DateFilter | None = option("The day it begins.")
    end_date: DateFilter | None = option("The day it ends.")


@strawberry.input(description="Which shares. All that is said must hold; what is left out filters nothing.")
class ObjectShareWhere:
    and_: list["ObjectShareWhere"] | None = option(_ALL, "and")
    or_: list["ObjectShareWhere"] | None = option(_SOME, "or")
    not_: "ObjectShareWhere | None" = option(_NOT, "not")
    id: IDFilter | None = option("The share itself.")
    object_type: Filter[SharedObject] | None = option("What is shared.")
    shared_with_type: Filter[Recipient] | None = option("With whom.")
    access_level: Filter[AccessLevel] | None = option("What it gives.")
    created_at: DateTimeFilter | None = option("When it was shared.")


@strawberry.input(description="Which roles or permissions.")
class NameWhere:
    and_: list["NameWhere"] | None = option(_ALL, "and")
    or_: list["NameWhere"] | None = option(_SOME, "or")
    not_: "NameWhere | None" = option(_NOT, "not")
    name: StringFilter | None = option("The name.")


DocumentCollectionOrder = order_input("DocumentCollection", graph.COLLECTIONS)
DocumentOrder = order_input("Document", graph.DOCUMENTS)
DocumentElementOrder = order_input("DocumentElement", graph.ELEMENTS)
ElementRevisionOrder = order_input("ElementRevision", graph.REVISIONS)
AnnotationOrder = order_input("Annotation", graph.ANNOTATIONS)
AnnotationVersionOrder = order_input("AnnotationVersion", graph.VERSIONS)
UserOrder = order_input("User", graph.USERS)
GroupOrder = order_input("Group", graph.GROUPS)
ObjectShareOrder = order_input("ObjectShare", graph.SHARES)
RoleOrder = order_input("Role", graph.ROLES)

"""The graph: every list and every edge between the nouns, both ways."""

from sqlalchemy import Integer, func, literal, select, true
from sqlalchemy.orm import aliased

from genji_graphql.access.rules import Action, allowed
from genji_graphql.access.visibility import anybody, may_list_people, may_see_details, may_see_email, moderated
from genji_graphql.models import (
    Annotation,
    AnnotationVersion,
    Document,
    DocumentCollection,
    DocumentElement,
    ElementRevision,
    Group,
    ImportJob,
    ObjectShare,
    Permission,
    Role,
    SiteSettings,
    User,
    group_members,
    role_permissions,
    user_roles,
)
from genji_graphql.reads.edges import IN_USE, IN_USE_WORDS, Computed, Content, Through, ToMany, ToOne
from genji_graphql.reads.filters import JsonDocument, Plain, Reference, Search, Text
from genji_graphql.reads.pages import Listing, Term
from genji_graphql.vocabulary import Motivation, Recipient, SharedObject

# -- lists: how each noun can be ordered and filtered

COLLECTIONS = Listing(
    DocumentCollection,
    orders={
        "position": DocumentCollection.position,
        "title": DocumentCollection.title,
        "created": DocumentCollection.created,
        "modified": DocumentCollection.modified,
    },
    default=(Term("position"),),
    fields={
        "id": (DocumentCollection.id, Reference(DocumentCollection)),
        "title": (DocumentCollection.title, Text()),
        "visibility": (DocumentCollection.visibility, Plain()),
        "text_direction": (DocumentCollection.text_direction, Plain()),
        "language": (DocumentCollection.language, Text()),
        "owner": (DocumentCollection.keeper_id, Reference(User)),
        "created_by": (DocumentCollection.created_by_id, Reference(User)),
        "created": (DocumentCollection.created, Plain()),
        "modified": (DocumentCollection.modified, Plain()),
        "hierarchy": (DocumentCollection.hierarchy, JsonDocument()),
        "collection_metadata": (DocumentCollection.collection_metadata, JsonDocument()),
    },
)
DOCUMENTS = Listing(
    Document,
    orders={
        "position": Document.position,
        "title": Document.title,
        "created": Document.created,
        "modified": Document.modified,
    },
    default=(Term("position"),),
    fields={
        "id": (Document.id, Reference(Document)),
        "title": (Document.title, Text()),
        "collection": (Document.document_collection_id, Reference(DocumentCollection, may_be_hidden=True)),
        "owner": (Document.owner_id, Reference(User)),
        "created": (Document.created, Plain()),
        "modified": (Document.modified, Plain()),
    },
)
ELEMENTS = Listing(
    DocumentElement,
    orders={
        "position": DocumentElement.position,
        "created": DocumentElement.created,
        "modified": DocumentElement.modified,
    },
    default=(Term("position"),),
    fields={
        "id": (DocumentElement.id, Reference(DocumentElement)),
        "created": (DocumentElement.created, Plain()),
        "modified": (DocumentElement.modified, Plain()),
        "hierarchy": (DocumentElement.hierarchy, JsonDocument()),
        "content": (DocumentElement.content, JsonDocument()),
    },
)
REVISIONS = Listing(
    ElementRevision,
    orders={"revision": ElementRevision.revision},
    default=(Term("revision", descending=True),),
    fields={
        "id": (ElementRevision.id, Reference(ElementRevision)),
        "revision": (ElementRevision.revision, Plain()),
        "modified": (ElementRevision.modified, Plain()),
    },
)
ANNOTATIONS = Listing(
    Annotation,
    orders={"created": Annotation.created, "modified": Annotation.modified},
    default=(Term("created"),),
    fields={
        "id": (Annotation.id, Reference(Annotation)),
        # Which responses a list leaves out depends on the motivations that are asked for.
        "motivation": (Annotation.motivation, Text(binds=False)),
        "status": (Annotation.status, Plain()),
        "type": (Annotation.type, Text()),
        "annotation_type": (Annotation.annotation_type, Text()),
        "context": (Annotation.context, Text()),
        "generator": (Annotation.generator, Text()),
        "creator": (Annotation.creator_id, Reference(User)),
        "owner": (Annotation.keeper_id, Reference(User)),
        "classroom": (Annotation.classroom_id, Reference(Group, may_be_hidden=True, known=True)),
        "in_classroom": (Annotation.classroom_id, Reference(Group, may_be_hidden=True, known=True, or_none=True)),
        "collection": (Annotation.document_collection_id, Reference(DocumentCollection, may_be_hidden=True)),
        "document": (Annotation.document_id, Reference(Document, may_be_hidden=True)),
        "element": (Annotation.document_element_id, Reference(DocumentElement, may_be_hidden=True)),
        "reply_to": (Annotation.parent_id, Reference(Annotation)),
        "created": (Annotation.created, Plain()),
        "modified": (Annotation.modified, Plain()),
        "generated": (Annotation.generated, Plain()),
        "body": (Annotation.body, JsonDocument()),
        "target": (Annotation.target, JsonDocument()),
    },
)
VERSIONS = Listing(
    AnnotationVersion,
    orders={"version": AnnotationVersion.version},
    default=(Term("version", descending=True),),
    fields={
        "modified": (AnnotationVersion.modified, Plain()),
        "modified_by": (AnnotationVersion.modified_by_id, Reference(User)),
    },
)
USERS = Listing(
    User,
    orders={"username": User.username},
    default=(Term("username"),),
    fields={
        "id": (User.id, Reference(User)),
        "username": (User.username, Text()),
        "is_active": (User.is_active, Plain()),
        "search": (
            User.username,
            Search(((User.username, anybody), (User.display_name, anybody), (User.email, may_see_email))),
        ),
    },
)
GROUPS = Listing(
    Group,
    orders={"name": Group.name, "created_at": Group.created_at},
    default=(Term("name"),),
    fields={
        "id": (Group.id, Reference(Group)),
        "name": (Group.name, Text()),
        "created_by": (Group.created_by_id, Reference(User)),
        "created_at": (Group.created_at, Plain()),
        "start_date": (Group.start_date, Plain()),
        "end_date": (Group.end_date, Plain()),
    },
)
SHARES = Listing(
    ObjectShare,
    orders={"created_at": ObjectShare.created_at},
    default=(Term("created_at"),),
    fields={
        "id": (ObjectShare.id, Reference(ObjectShare)),
        "object_type": (ObjectShare.object_type, Plain()),
        "shared_with_type": (ObjectShare.shared_with_type, Plain()),
        "access_level": (ObjectShare.access_level, Plain()),
        "created_at": (ObjectShare.created_at, Plain()),
    },
)
ROLES = Listing(Role, orders={"name": Role.name}, default=(Term("name"),), fields={"name": (Role.name, Text())})
PERMISSIONS = Listing(
    Permission,
    orders={"name": Permission.name},
    default=(Term("name"),),
    fields={"name": (Permission.name, Text())},
)

all_collections = ToMany(COLLECTIONS)
all_documents = ToMany(DOCUMENTS)
all_annotations = ToMany(ANNOTATIONS, proper=True)
all_users = ToMany(USERS, listed_for=may_list_people)
all_groups = ToMany(GROUPS)
all_roles = ToMany(ROLES)

# -- collections

collection_owner = ToOne("keeper_id", User, DocumentCollection, seen_with=True)
collection_created_by = ToOne("created_by_id", User, DocumentCollection, seen_with=True)
collection_modified_by = ToOne("modified_by_id", User, DocumentCollection)
collection_documents = ToMany(DOCUMENTS, Document.document_collection_id, DocumentCollection)
collection_annotations = ToMany(ANNOTATIONS, Annotation.document_collection_id, DocumentCollection, proper=True)
collection_shares = ToMany(
    SHARES, ObjectShare.object_id, DocumentCollection, only=(ObjectShare.object_type == SharedObject.COLLECTION,)
)

# -- documents

document_collection = ToOne("document_collection_id", DocumentCollection, Document)
document_owner = ToOne("owner_id", User, Document, seen_with=True)
document_elements = ToMany(ELEMENTS, DocumentElement.document_id, Document)
document_annotations = ToMany(ANNOTATIONS, Annotation.document_id, Document, proper=True)
document_shares = ToMany(
    SHARES, ObjectShare.object_id, Document, only=(ObjectShare.object_type == SharedObject.DOCUMENT,)
)

# -- elements

collection_elements = ToMany(
    ELEMENTS,
    source=DocumentCollection,
    through=Through(Document.__table__.alias(), "document_collection_id", "id", joins="document_id"),
)
collection_content = Content(collection_documents, collection_elements, collection_annotations)
document_content = Content(None, document_elements, document_annotations)
element_document = ToOne("document_id", Document, DocumentElement, seen_with=True)
element_annotations = ToMany(ANNOTATIONS, Annotation.document_element_id, DocumentElement, proper=True)
element_revisions = ToMany(REVISIONS, ElementRevision.element_id, DocumentElement)
revision_element = ToOne("element_id", DocumentElement, ElementRevision, seen_with=True)
revision_modified_by = ToOne("modified_by_id", User, ElementRevision)
element_annotation_counts = Computed(
    # By motivation every annotation counts: each group is named.
    ToMany(
        ANNOTATIONS,
        Annotation.document_element_id,
        DocumentElement,
        only=(IN_USE,),
    ),
    value=lambda _: func.count(),
    default=(),
    by=Annotation.motivation,
)

# -- annotations

annotation_creator = ToOne("creator_id", User, Annotation, seen_with=True)
annotation_owner = ToOne("keeper_id", User, Annotation, seen_with=True)
annotation_classroom = ToOne("classroom_id", Group, Annotation)
annotation_collection = ToOne("document_collection_id", DocumentCollection, Annotation)
annotation_document = ToOne("document_id", Document, Annotation)
annotation_element = ToOne("document_element_id", DocumentElement, Annotation)
annotation_reply_to = ToOne("parent_id", Annotation, Annotation)
annotation_replies = ToMany(
    ANNOTATIONS, Annotation.parent_id, Annotation, only=(Annotation.motivation == Motivation.REPLYING,), in_use=True
)

_tag = func.coalesce(Annotation.body["value"].astext, Annotation.body[0]["value"].astext)
annotation_tags = Computed(
    ToMany(
        ANNOTATIONS,
        Annotation.parent_id,
        Annotation,
        only=(Annotation.motivation == Motivation.TAGGING, _tag.is_not(None), IN_USE),
    ),
    value=lambda _: func.array_agg(_tag.distinct()),
    default=(),
)
_upvotes = ToMany(
    ANNOTATIONS, Annotation.parent_id, Annotation, only=(Annotation.motivation == Motivation.UPVOTING, IN_USE)
)
annotation_upvote_count = Computed(_upvotes, value=lambda _: func.count(), default=0)
annotation_viewer_has_upvoted = Computed(
    _upvotes,
    # Compared as a bound value: to compare with None would find what nobody is named for.
    value=lambda viewer: func.coalesce(func.bool_or(Annotation.creator_id == literal(viewer.user_id, Integer)), False),
    default=False,
)

annotation_history = ToMany(VERSIONS, AnnotationVersion.annotation_id, Annotation)
annotation_modified_by = ToOne("modified_by_id", User, Annotation)
version_modified_by = ToOne("modified_by_id", User, AnnotationVersion)
_flagged = aliased(Annotation)
flags = ToMany(
    ANNOTATIONS,
    only=(
        Annotation.motivation == Motivation.FLAGGING,
        # What is deleted takes its flags with it, also for those who still see it.
        select(1).where(_flagged.id == Annotation.parent_id, _flagged.status.in_(IN_USE_WORDS)).exists(),
    ),
    listed_for=lambda viewer: moderated(Annotation, viewer),
    in_use=True,
)
orphans = ToMany(
    ANNOTATIONS,
    only=(Annotation.is_orphan == true(),),
    listed_for=lambda viewer: allowed(Annotation, Action.REATTACH, viewer),
    in_use=True,
)

# -- files that are imported

import_collection = ToOne("document_collection_id", DocumentCollection, ImportJob)
import_created_by = ToOne("created_by_id", User, ImportJob)

# -- people

user_email = Computed(
    # From a person to themselves, for whoever may be told.
    ToMany(USERS, User.id, User, listed_for=may_see_email),
    value=lambda _: func.min(User.email),
    default=None,
)
user_collections = ToMany(COLLECTIONS, DocumentCollection.keeper_id, User)
user_created_collections = ToMany(COLLECTIONS, DocumentCollection.created_by_id, User)
user_modified_collections = ToMany(COLLECTIONS, DocumentCollection.modified_by_id, User)
user_documents = ToMany(DOCUMENTS, Document.owner_id, User)
user_annotations = ToMany(ANNOTATIONS, Annotation.creator_id, User, proper=True)
user_owned_annotations = ToMany(ANNOTATIONS, Annotation.owner_id, User, proper=True)
user_groups = ToMany(GROUPS, source=User, through=Through(group_members.alias(), "user_id", "group_id"))
user_created_groups = ToMany(GROUPS, Group.created_by_id, User)
_held = user_roles.alias()
user_roles_held = ToMany(
    ROLES,
    source=User,
    through=Through(_held, "user_id", "role_id"),
    listed_for=lambda viewer: may_see_details(viewer, _held.c.user_id),
)
user_shares = ToMany(SHARES, ObjectShare.shared_with_id, User, only=(ObjectShare.shared_with_type == Recipient.USER,))

group_created_by = ToOne("created_by_id", User, Group, seen_with=True)
group_members_list = ToMany(USERS, source=Group, through=Through(group_members.alias(), "group_id", "user_id"))
group_annotations = ToMany(ANNOTATIONS, Annotation.classroom_id, Group, proper=True)
group_shares = ToMany(
    SHARES, ObjectShare.shared_with_id, Group, only=(ObjectShare.shared_with_type == Recipient.GROUP,)
)

_holding = user_roles.alias()
role_users = ToMany(
    USERS,
    source=Role,
    through=Through(_holding, "role_id", "user_id"),
    listed_for=lambda viewer: may_see_details(viewer, _holding.c.user_id),
)
role_permissions_given = ToMany(
    PERMISSIONS, source=Role, through=Through(role_permissions.alias(), "role_id", "permission_id")
)
permission_roles = ToMany(
    ROLES, source=Permission, through=Through(role_permissions.alias(), "permission_id", "role_id")
)

settings_updated_by = ToOne("updated_by_id", User, SiteSettings)
share_created_by = ToOne("created_by_id", User, ObjectShare)

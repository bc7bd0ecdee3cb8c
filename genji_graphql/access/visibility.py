"""Which rows a viewer may see, as SQL conditions, said once.

Every list, lookup, edge and count asks `visible`. What it leaves out does not exist for the viewer: no answer tells
a hidden row from a missing one.

An edge may lead from a row that the viewer was shown to rows that are seen with it (a document's elements). It names
that row's type as `given`, and only what remains is asked.
"""

from collections.abc import Callable
from functools import lru_cache

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true
from sqlalchemy.orm import aliased

from genji_graphql.access.viewer import Viewer
from genji_graphql.models import (
    Annotation,
    Base,
    Document,
    DocumentCollection,
    DocumentElement,
    Group,
    ObjectShare,
    Permission,
    Role,
    SiteSettings,
    User,
    group_members,
    role_permissions,
    user_roles,
)
from genji_graphql.vocabulary import AnnotationStatus, Motivation, Recipient, SharedObject, Visibility

Condition = ColumnElement[bool]
Model = type[Base]


# An annotation's condition takes milliseconds to put together, which is most of what a short statement costs, and half
# a megabyte to keep: kept are those of the viewers of the moment.
@lru_cache(maxsize=64)
def visible(model: Model, viewer: Viewer, given: Model | None = None) -> Condition:
    """May this viewer see this row of `model`, where they were shown the `given` row that leads to it?"""
    return _CONDITIONS[model](viewer, given)


@lru_cache(maxsize=32)
def visible_notes(viewer: Viewer, given: Model | None = None) -> Condition:
    """May this viewer see this annotation, and is it a note, which answers no other?

    Lists of notes ask this rather than `visible`: PostgreSQL takes the way up a thread for so dear that it reads a
    whole index to be spared one, even where no row has a thread.
    """
    on_text = true() if given is DocumentElement else _place(Annotation, viewer)
    return and_(Annotation.parent_id.is_(None), _in_sight(Annotation, viewer), on_text)


def may_list_people(viewer: Viewer) -> Condition:
    """The directory of people is for those who run classes and the site."""
    return true() if viewer.is_administrator or viewer.is_instructor else false()


def may_see_details(viewer: Viewer, user_id: ColumnElement[int]) -> Condition:
    """Who holds which role is told to themselves and to administrators, like `Viewer.sees_details_of`."""
    return true() if viewer.is_administrator else user_id == viewer.user_id


def _collections(viewer: Viewer, _: Model | None) -> Condition:
    """Anyone sees a public one; its keeper any; a share opens it unless it is private."""
    if viewer.is_administrator:
        return true()
    public = DocumentCollection.visibility == Visibility.PUBLIC
    if viewer.is_anonymous:
        return public
    return or_(
        public,
        DocumentCollection.keeper_id == viewer.user_id,
        and_(
            DocumentCollection.visibility == Visibility.SHARED,
            DocumentCollection.id.in_(_shared(SharedObject.COLLECTION, viewer)),
        ),
    )


def _documents(viewer: Viewer, given: Model | None) -> Condition:
    """A document is seen with its collection, by its owner, and through a share of its own unless that is private."""
    if viewer.is_administrator or given in {DocumentCollection, DocumentElement}:
        return true()
    its_collection = select(1).where(DocumentCollection.id == Document.document_collection_id)
    with_collection = its_collection.where(_collections(viewer, None)).exists()
    if viewer.is_anonymous:
        return with_collection
    return or_(
        with_collection,
        Document.owner_id == viewer.user_id,
        and_(
            Document.id.in_(_shared(SharedObject.DOCUMENT, viewer)),
            its_collection.where(DocumentCollection.visibility != Visibility.PRIVATE).exists(),
        ),
    )


def _elements(viewer: Viewer, given: Model | None) -> Condition:
    """An element is seen with its document."""
    if viewer.is_administrator or given is Document:
        return true()
    return select(1).where(Document.id == DocumentElement.document_id, _documents(viewer, None)).exists()


def _annotations(viewer: Viewer, given: Model | None) -> Condition:
    """A note is seen with the text it is on; a response with what it answers, all the way up its thread."""
    in_sight = _in_sight(Annotation, viewer)
    if given is Annotation:
        return in_sight
    return or_(visible_notes(viewer, given), and_(Annotation.parent_id.is_not(None), in_sight, _thread(viewer)))


def _in_sight(annotation: type[Annotation], viewer: Viewer) -> Condition:
    """By itself, wherever it is."""
    return and_(_life(annotation, viewer), _classroom(annotation, viewer))


def _life(annotation: type[Annotation], viewer: Viewer) -> Condition:
    """Active ones are for all who get here; the rest, and flags, for whom they belong to.

    An administrator sees what is hidden, deleted and flagged, but nobody else's private notes.
    """
    if viewer.is_administrator:
        return or_(annotation.status != AnnotationStatus.PRIVATE, annotation.keeper_id == viewer.user_id)
    everyones = and_(
        annotation.status == AnnotationStatus.ACTIVE, annotation.motivation.is_distinct_from(Motivation.FLAGGING)
    )
    return everyones if viewer.is_anonymous else or_(everyones, annotation.keeper_id == viewer.user_id)


def _classroom(annotation: type[Annotation], viewer: Viewer) -> Condition:
    """What was written for a classroom stays in it."""
    if viewer.is_administrator:
        return true()
    for_all = annotation.classroom_id.is_(None)
    if viewer.is_anonymous:
        # IS TRUE changes nothing but that no index is asked for them: there, nearly every note is.
        return for_all.is_(true())
    return or_(
        for_all,
        annotation.classroom_id.in_(sorted(viewer.group_ids)),
        annotation.keeper_id == viewer.user_id,
    )


def _place(annotation: type[Annotation], viewer: Viewer) -> Condition:
    """It follows the element it is on; without one its document; without one its collection."""
    if viewer.is_administrator:
        return true()
    element, document, collection = (
        annotation.document_element_id,
        annotation.document_id,
        annotation.document_collection_id,
    )
    places = or_(
        select(1).where(DocumentElement.id == element, _elements(viewer, None)).exists(),
        and_(element.is_(None), select(1).where(Document.id == document, _documents(viewer, None)).exists()),
        and_(
            element.is_(None),
            document.is_(None),
            select(1).where(DocumentCollection.id == collection, _collections(viewer, None)).exists(),
        ),
    )
    if viewer.is_anonymous:
        return places
    nowhere = and_(element.is_(None), document.is_(None), collection.is_(None))
    return or_(places, and_(nowhere, annotation.keeper_id == viewer.user_id))


def _thread(viewer: Viewer) -> Condition:
    """Is everything that this response answers in sight, up to the note that began the thread?"""
    above = aliased(Annotation, name="above")
    higher = aliased(Annotation, name="higher")
    parent = select(above.id, above.parent_id).where(above.id == Annotation.parent_id).correlate(Annotation)
    up = parent.cte("up", recursive=True, nesting=True)
    # UNION rather than UNION ALL: a loop of parents ends instead of running on.
    up = up.union(select(higher.id, higher.parent_id).join(up, higher.id == up.c.parent_id))
    ancestor = aliased(Annotation, name="ancestor")
    began = and_(ancestor.parent_id.is_(None), _place(ancestor, viewer))
    return (
        select(and_(func.bool_and(_in_sight(ancestor, viewer)), func.bool_or(began)))
        .select_from(up.join(ancestor, ancestor.id == up.c.id))
        .scalar_subquery()
    )


def _people(viewer: Viewer, given: Model | None) -> Condition:
    """One sees whoever wrote or owns something one sees, and one's classmates and teachers."""
    if viewer.is_administrator or given in {Annotation, Document, DocumentCollection, Group}:
        return true()
    through_work = [
        select(1).where(Annotation.creator_id == User.id, _annotations(viewer, None)).exists(),
        select(1).where(Annotation.owner_id == User.id, _annotations(viewer, None)).exists(),
        select(1).where(DocumentCollection.created_by_id == User.id, _collections(viewer, None)).exists(),
        select(1).where(DocumentCollection.owner_id == User.id, _collections(viewer, None)).exists(),
        select(1).where(Document.owner_id == User.id, _documents(viewer, None)).exists(),
    ]
    if viewer.is_anonymous:
        return or_(*through_work)
    mine = sorted(viewer.group_ids)
    return or_(
        User.id == viewer.user_id,
        User.id.in_(select(group_members.c.user_id).where(group_members.c.group_id.in_(mine))),
        User.id.in_(select(Group.created_by_id).where(Group.id.in_(mine))),
        *through_work,
    )


def _groups(viewer: Viewer, _: Model | None) -> Condition:
    """A classroom is seen by those in it."""
    return true() if viewer.is_administrator else Group.id.in_(sorted(viewer.group_ids))


def _roles(viewer: Viewer, _: Model | None) -> Condition:
    """Roles are seen by administrators, and one's own by oneself."""
    if viewer.is_administrator:
        return true()
    return Role.id.in_(select(user_roles.c.role_id).where(user_roles.c.user_id == viewer.user_id))


def _permissions(viewer: Viewer, given: Model | None) -> Condition:
    """A permission is seen with a role that gives it."""
    if viewer.is_administrator or given is Role:
        return true()
    return Permission.id.in_(
        select(role_permissions.c.permission_id)
        .join(Role, Role.id == role_permissions.c.role_id)
        .where(_roles(viewer, None))
    )


def _shares(viewer: Viewer, _: Model | None) -> Condition:
    """A share is seen by whom it is with, and by the keeper of what it shares."""
    if viewer.is_administrator:
        return true()
    if viewer.is_anonymous:
        return false()
    my_collections = select(DocumentCollection.id).where(DocumentCollection.keeper_id == viewer.user_id)
    my_documents = select(Document.id).where(
        or_(Document.owner_id == viewer.user_id, Document.document_collection_id.in_(my_collections))
    )
    return or_(
        _with(viewer),
        and_(ObjectShare.object_type == SharedObject.COLLECTION, ObjectShare.object_id.in_(my_collections)),
        and_(ObjectShare.object_type == SharedObject.DOCUMENT, ObjectShare.object_id.in_(my_documents)),
    )


def _everyones(_viewer: Viewer, _given: Model | None) -> Condition:
    return true()


def _with(viewer: Viewer) -> Condition:
    return or_(
        and_(ObjectShare.shared_with_type == Recipient.USER, ObjectShare.shared_with_id == viewer.user_id),
        and_(ObjectShare.shared_with_type == Recipient.GROUP, ObjectShare.shared_with_id.in_(sorted(viewer.group_ids))),
    )


def _shared(kind: SharedObject, viewer: Viewer) -> Select[int]:
    return select(ObjectShare.object_id).where(ObjectShare.object_type == kind, _with(viewer))


_CONDITIONS: dict[Model, Callable[[Viewer, Model | None], Condition]] = {
    Annotation: _annotations,
    Document: _documents,
    DocumentCollection: _collections,
    DocumentElement: _elements,
    Group: _groups,
    ObjectShare: _shares,
    Permission: _permissions,
    Role: _roles,
    SiteSettings: _everyones,
    User: _people,
}

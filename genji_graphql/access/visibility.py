"""Which rows a viewer may see, as SQL conditions, said once.

Every list, lookup, edge and count asks `visible`. What it leaves out does not exist for the viewer: no answer tells
a hidden row from a missing one.

An edge may lead from a row that the viewer was shown to rows that are seen with it (a document's elements). It names
that row's type as `given`, and only what remains is asked.

A text that was deleted is out of sight for everybody, administrators too, with all that hangs below it. Each row says
for itself whether it was; what lies above is asked where it is joined anyway, and else looked for among the few that
are deleted, which partial indexes hold.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    and_,
    case,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased, join
from sqlalchemy.sql.elements import SQLCoreOperations

from genji_graphql.access.viewer import Viewer
from genji_graphql.models import (
    Annotation,
    AnnotationVersion,
    Base,
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
from genji_graphql.vocabulary import AccessLevel, AnnotationStatus, Motivation, Recipient, SharedObject, Visibility

Condition = ColumnElement[bool]
Model = type[Base]

# Aliases, so that a statement about these tables isn't taken for what is looked for beside it. They are made once: that
# costs more than to run most statements.
_collection = aliased(DocumentCollection)
_document = aliased(Document)
_element = aliased(DocumentElement)
_note = aliased(Annotation)
_higher = aliased(Annotation)
_share = aliased(ObjectShare)

# What a note stands on: who was shown one of them sees the place of every note that says it stands there.
_TEXTS = {DocumentCollection, Document, DocumentElement}

_placed = join(_document, _collection, _collection.id == _document.document_collection_id)
_written = join(
    join(_element, _document, _document.id == _element.document_id),
    _collection,
    _collection.id == _document.document_collection_id,
)


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
    return and_(
        # IS TRUE keeps an index from being asked for nearly all notes: where they are few, it is for each element.
        Annotation.parent_id.is_(None).is_(true()),
        _standing(Annotation, given) if given in _TEXTS else _place(Annotation, viewer),
        _classroom(Annotation, viewer),
        _life(Annotation, viewer, _moderated_alone(Annotation, viewer)),
    )


def as_seen(column: Any, model: Model, viewer: Viewer) -> ColumnElement[Any]:
    """The id that stands in a column, or NULL where the viewer may not see what it names: as an edge would show it."""
    named = select(model.id).where(model.id == column, visible(model, viewer))
    return named.correlate_except(model).scalar_subquery()


def within_reach(model: Model, viewer: Viewer, level: AccessLevel) -> Condition:
    """Does this viewer reach this level on this collection, document or element, be it deleted or not?"""
    return _REACH[model](viewer, level)


def standing_within_reach(viewer: Viewer, level: AccessLevel) -> Condition:
    """Does this viewer reach this level on what a note stands on?"""
    return _place(Annotation, viewer, level)


def anybody(_viewer: Viewer) -> Condition:
    """Whoever sees the row."""
    return true()


def may_list_people(viewer: Viewer) -> Condition:
    """The directory of people is for those who run classes and the site."""
    return true() if viewer.is_administrator or viewer.is_instructor else false()


def may_see_details(viewer: Viewer, user_id: ColumnElement[int]) -> Condition:
    """Who holds which role is told to themselves and to administrators, like `Viewer.sees_details_of`."""
    return true() if viewer.is_administrator else user_id == viewer.user_id


def may_see_email(viewer: Viewer) -> Condition:
    """An address is told to whom it belongs, to administrators, and to those who teach that person."""
    if viewer.is_administrator:
        return true()
    if viewer.is_anonymous:
        return false()
    taught = among(group_members.c.group_id, viewer.taught_group_ids)
    return or_(User.id == viewer.user_id, User.id.in_(select(group_members.c.user_id).where(taught)))


def _collections(viewer: Viewer, _: Model | None) -> Condition:
    return and_(_kept(DocumentCollection), _collection_within_reach(viewer, AccessLevel.VIEW))


def _documents(viewer: Viewer, given: Model | None) -> Condition:
    if given is DocumentElement:
        return true()
    if given is DocumentCollection:
        return _kept(Document)
    reached = _reached(_collection, Document, viewer, AccessLevel.VIEW)
    return and_(_kept(Document), _in_collection(_kept(_collection), reached))


def _elements(viewer: Viewer, given: Model | None) -> Condition:
    if given is ElementRevision:
        return true()
    if given is Document:
        return _kept(DocumentElement)
    reached = _reached(_collection, _document, viewer, AccessLevel.VIEW)
    return and_(_kept(DocumentElement), _in_document(_kept(_document), _kept(_collection), reached))


def _revisions(viewer: Viewer, _: Model | None) -> Condition:
    """What an element said before is for those who edit it: it may have been taken out on purpose."""
    its_element = _element.id == ElementRevision.element_id
    kept = _kept(_element), _kept(_document), _kept(_collection)
    edited = _reached(_collection, _document, viewer, AccessLevel.EDIT)
    return select(1).select_from(_written).where(its_element, *kept, edited).exists()


def _kept(text: Any) -> Condition:
    """Is this collection, document or element not deleted itself?"""
    kept: Condition = text.deleted_at.is_(None)
    return kept


def _deleted(model: Any) -> Select[int]:
    """All that are, as ids. PostgreSQL looks once, at a small index, and remembers them for all rows."""
    return select(model.id).where(model.deleted_at.is_not(None)).correlate(None)


_ONE = literal_column("1", Integer)


def _kept_there(column: SQLCoreOperations[Any], model: Any) -> Condition:
    """Is what this column names not deleted itself, or does it name nothing?"""
    # A number to be compared, because the planner expects nearly all to differ from another; of a bare IN it expects
    # that half of the rows go, and then reads by another index what it could read in order.
    return case((column.in_(_deleted(model)), _ONE), else_=literal_column("0")) != _ONE


def _collection_within_reach(viewer: Viewer, level: AccessLevel) -> Condition:
    return _reached(DocumentCollection, None, viewer, level)


def _document_within_reach(viewer: Viewer, level: AccessLevel) -> Condition:
    """It takes its collection's level, its owner's, and that of its own shares, unless the collection is private."""
    return true() if viewer.is_administrator else _in_collection(_reached(_collection, Document, viewer, level))


def _element_within_reach(viewer: Viewer, level: AccessLevel) -> Condition:
    """An element takes its document's level."""
    return true() if viewer.is_administrator else _in_document(_reached(_collection, _document, viewer, level))


def _in_collection(*conditions: Condition) -> Condition:
    """Is this document in a collection of this kind?"""
    return select(1).where(_collection.id == Document.document_collection_id, *conditions).exists()


def _in_document(*conditions: Condition) -> Condition:
    """Is this element in a document of this kind, which is in a collection of this kind?"""
    its_document = _document.id == DocumentElement.document_id
    return select(1).select_from(_placed).where(its_document, *conditions).exists()


def _reached(
    collection: type[DocumentCollection], document: type[Document] | None, viewer: Viewer, level: AccessLevel
) -> Condition:
    """Anyone sees what is public; its keeper manages it; a share gives its level. A document has its own besides."""
    if viewer.is_administrator:
        return true()
    public = collection.visibility == Visibility.PUBLIC if level is AccessLevel.VIEW else false()
    if viewer.is_anonymous:
        return public
    kept = collection.keeper_id == viewer.user_id
    reached = or_(public, kept, _lent(collection, SharedObject.COLLECTION, collection.id, viewer, level))
    return reached if document is None else or_(reached, _reached_alone(collection, document, viewer, level))


def _reached_alone(
    collection: type[DocumentCollection], document: type[Document], viewer: Viewer, level: AccessLevel
) -> Condition:
    """What a document gives by itself, in whatever collection: to its owner, and by its own shares."""
    owned = document.owner_id == viewer.user_id
    return or_(owned, _lent(collection, SharedObject.DOCUMENT, document.id, viewer, level))


def _lent(
    collection: type[DocumentCollection],
    kind: SharedObject,
    shared_id: SQLCoreOperations[int],
    viewer: Viewer,
    level: AccessLevel,
) -> Condition:
    """The shares of a private collection sleep, and those of its documents."""
    return and_(collection.visibility != Visibility.PRIVATE, shared_id.in_(_shared(kind, viewer, level)))


def _annotations(viewer: Viewer, given: Model | None) -> Condition:
    """A note is seen with the text it is on; a response with what it answers, all the way up its thread."""
    if given is Annotation:
        return and_(_classroom(Annotation, viewer), _life(Annotation, viewer, moderated(Annotation, viewer)))
    return or_(visible_notes(viewer, given), and_(Annotation.parent_id.is_not(None), _thread(viewer)))


def _life(annotation: type[Annotation], viewer: Viewer, moderates: Condition) -> Condition:
    """Active ones are for all who get here; private ones their owner's.

    What is hidden or deleted, and flags, are for whom they belong to and for those who moderate.
    """
    active = annotation.status == AnnotationStatus.ACTIVE
    flag = annotation.motivation.is_not_distinct_from(Motivation.FLAGGING)
    if viewer.is_anonymous:
        return and_(active, not_(flag))
    return or_(
        and_(active, not_(flag)),
        annotation.keeper_id == viewer.user_id,
        and_(annotation.status != AnnotationStatus.PRIVATE, moderates),
    )


def moderated(annotation: type[Annotation], viewer: Viewer) -> Condition:
    """May this viewer moderate it: like everything, as a teacher of its classroom, or by managing its text?

    A response is moderated with what began its thread: it need not say where it stands itself.
    """
    if viewer.moderates_everything:
        return true()
    if viewer.is_anonymous:
        return false()
    up, note = thread(annotation)
    begun = select(1).select_from(up).where(note.parent_id.is_(None), _moderated_alone(note, viewer))
    return or_(_taught(annotation, viewer), begun.exists())


def _moderated_alone(annotation: type[Annotation], viewer: Viewer) -> Condition:
    """`moderated`, for a note that began its thread."""
    if viewer.moderates_everything:
        return true()
    if viewer.is_anonymous:
        return false()
    return or_(_taught(annotation, viewer), _place(annotation, viewer, AccessLevel.MANAGE))


def _taught(annotation: type[Annotation], viewer: Viewer) -> Condition:
    return among(annotation.classroom_id, viewer.taught_group_ids)


def _classroom(annotation: type[Annotation], viewer: Viewer) -> Condition:
    """What was written for a classroom stays in it; of one that is gone, with whom it belongs to."""
    if viewer.is_administrator:
        return true()
    for_all = and_(annotation.classroom_id.is_(None), not_(annotation.classroom_gone))
    if viewer.is_anonymous:
        # IS TRUE changes nothing but that no index is asked for them: there, nearly every note is.
        return for_all.is_(true())
    return or_(
        for_all,
        among(annotation.classroom_id, viewer.group_ids),
        annotation.keeper_id == viewer.user_id,
    )


def _place(annotation: type[Annotation], viewer: Viewer, level: AccessLevel = AccessLevel.VIEW) -> Condition:
    """It follows the element it is on; without one its document; without one its collection.

    The database sees to it that the note's own columns say where that is. Who is to see it sees nothing of what is
    deleted; who may do more was shown it.
    """
    if level is not AccessLevel.VIEW:
        return true() if viewer.is_administrator else _place_within_reach(annotation, viewer, level)
    if viewer.is_administrator:
        return and_(_standing(annotation), _kept_there(annotation.document_collection_id, _collection))
    placed = _place_within_reach(annotation, viewer, level, _kept(_collection))
    if viewer.is_anonymous:
        return and_(placed, _standing(annotation))
    nowhere = annotation.document_collection_id.is_(None)
    return and_(or_(placed, and_(nowhere, annotation.keeper_id == viewer.user_id)), _standing(annotation))


def _place_within_reach(
    annotation: type[Annotation], viewer: Viewer, level: AccessLevel, *conditions: Condition
) -> Condition:
    """Is it in a collection of this kind, and at this level?"""
    its_collection = _collection.id == annotation.document_collection_id
    reached = _reached(_collection, None, viewer, level)
    in_collection = select(1).where(its_collection, *conditions, reached).exists()
    if viewer.is_anonymous:
        return in_collection
    its_document = _document.id == annotation.document_id
    alone = _reached_alone(_collection, _document, viewer, level)
    on_document = select(1).select_from(_placed).where(its_document, *conditions, alone).exists()
    # The collection first: where it is enough, as it nearly always is, nothing else is looked at.
    return or_(in_collection, on_document)


def _standing(annotation: type[Annotation], given: Model | None = None) -> Condition:
    """Are the element and the document that it stands on not deleted? Of those below what was shown it is to ask."""
    if given is DocumentElement:
        return true()
    element = _kept_there(annotation.document_element_id, _element)
    return element if given is Document else and_(_kept_there(annotation.document_id, _document), element)


def _thread(viewer: Viewer) -> Condition:
    """Is this response, and everything that it answers, in sight, up to the note that began the thread?"""
    up, note = thread(Annotation)
    began = note.parent_id.is_(None)
    begun_in_sight = _any(and_(began, _place(note, viewer)))
    in_classrooms = _all(_classroom(note, viewer))
    # Who moderates what began the thread moderates all of it; others what was written for a classroom they teach.
    alive = _all(_life(note, viewer, _taught(note, viewer)))
    if not viewer.is_anonymous:
        alive = or_(alive, and_(_any(and_(began, _moderated_alone(note, viewer))), _all(_life(note, viewer, true()))))
    return select(and_(begun_in_sight, in_classrooms, alive)).select_from(up).scalar_subquery()


def _all(condition: Condition) -> Condition:
    # An aggregate leaves out what is unknown, such as whether a note without a creator is the viewer's.
    return func.bool_and(func.coalesce(condition, false()))


def _any(condition: Condition) -> Condition:
    return func.bool_or(func.coalesce(condition, false()))


def thread(annotation: type[Annotation]) -> tuple[FromClause, type[Annotation]]:
    """The annotation, what it answers, and so on: as a table to select from, and the annotations in it.

    Without one among them that answers nothing, it is a loop.
    """
    itself = select(annotation.id, annotation.parent_id).correlate(annotation)
    up = itself.cte("up", recursive=True, nesting=True)
    # UNION rather than UNION ALL: a loop of parents ends instead of running on.
    up = up.union(select(_higher.id, _higher.parent_id).join(up, _higher.id == up.c.parent_id))
    return up.join(_note, _note.id == up.c.id), _note


def _versions(viewer: Viewer, _: Model | None) -> Condition:
    """What a note said before is for whom it belongs to and for those who moderate it: it may have been taken back."""
    if viewer.is_anonymous:
        return false()
    theirs = or_(Annotation.keeper_id == viewer.user_id, moderated(Annotation, viewer))
    its_note = Annotation.id == AnnotationVersion.annotation_id
    seen = select(1).where(its_note, theirs, _annotations(viewer, None))
    return seen.correlate_except(Annotation).exists()


def _people(viewer: Viewer, given: Model | None) -> Condition:
    """One sees whoever wrote or owns something one sees, one's classmates and teachers, and with whom a share is."""
    if viewer.is_administrator or given in {Annotation, Document, DocumentCollection, Group, User}:
        return true()
    through_work = [
        select(1)
        .where(or_(Annotation.creator_id == User.id, Annotation.owner_id == User.id), _annotations(viewer, None))
        .exists(),
        select(1)
        .where(
            or_(_collection.created_by_id == User.id, _collection.owner_id == User.id),
            _kept(_collection),
            _reached(_collection, None, viewer, AccessLevel.VIEW),
        )
        .exists(),
        select(1)
        .select_from(_placed)
        .where(_document.owner_id == User.id, _kept(_document), _kept(_collection))
        .where(_reached(_collection, _document, viewer, AccessLevel.VIEW))
        .exists(),
    ]
    if viewer.is_anonymous:
        return or_(*through_work)
    return or_(
        User.id == viewer.user_id,
        User.id.in_(select(group_members.c.user_id).where(among(group_members.c.group_id, viewer.group_ids))),
        User.id.in_(select(Group.created_by_id).where(among(Group.id, viewer.group_ids))),
        select(1)
        .where(ObjectShare.shared_with_type == Recipient.USER, ObjectShare.shared_with_id == User.id)
        .where(_shares(viewer, None))
        .exists(),
        *through_work,
    )


def _groups(viewer: Viewer, _: Model | None) -> Condition:
    """A classroom is seen by those in it."""
    return true() if viewer.is_administrator else among(Group.id, viewer.group_ids)


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


def _import_jobs(viewer: Viewer, _: Model | None) -> Condition:
    """An import is seen by whoever asked for it."""
    if viewer.is_administrator:
        return true()
    return false() if viewer.is_anonymous else ImportJob.created_by_id == viewer.user_id


def _shares(viewer: Viewer, _: Model | None) -> Condition:
    """A share is seen by whom it is with, and by those who manage what it shares."""
    if viewer.is_anonymous:
        return false()
    if viewer.is_administrator:
        return _of_kept_things()
    collections = select(DocumentCollection.id).where(_collection_within_reach(viewer, AccessLevel.MANAGE))
    documents = select(Document.id).where(_document_within_reach(viewer, AccessLevel.MANAGE))
    return and_(
        or_(
            _with(viewer),
            and_(ObjectShare.object_type == SharedObject.COLLECTION, ObjectShare.object_id.in_(collections)),
            and_(ObjectShare.object_type == SharedObject.DOCUMENT, ObjectShare.object_id.in_(documents)),
        ),
        _of_kept_things(),
    )


def _of_kept_things() -> Condition:
    """Is what this share shares not deleted, nor the collection that it is in?"""
    within = select(_document.id).where(_document.document_collection_id.in_(_deleted(_collection))).correlate(None)
    return case(
        (
            ObjectShare.object_type == SharedObject.DOCUMENT,
            and_(ObjectShare.object_id.not_in(_deleted(_document)), ObjectShare.object_id.not_in(within)),
        ),
        else_=ObjectShare.object_id.not_in(_deleted(_collection)),
    )


def _with(viewer: Viewer, share: type[ObjectShare] = ObjectShare) -> Condition:
    return or_(
        and_(share.shared_with_type == Recipient.USER, share.shared_with_id == viewer.user_id),
        and_(share.shared_with_type == Recipient.GROUP, among(share.shared_with_id, viewer.group_ids)),
    )


def among(column: SQLCoreOperations[Any], ids: frozenset[int]) -> Condition:
    """Is it one of these ids, such as the viewer's classrooms?"""
    # One array parameter: the same statement, prepared once, for whoever is in one classroom or in ten.
    return column == func.any(literal(sorted(ids), ARRAY(Integer)))


def _shared(kind: SharedObject, viewer: Viewer, level: AccessLevel) -> Select[int]:
    """What is shared with the viewer at this level or a higher one, as ids."""
    enough = list(AccessLevel)[list(AccessLevel).index(level) :]
    return select(_share.object_id).where(
        _share.object_type == kind, _share.access_level.in_(enough), _with(viewer, _share)
    )


_REACH: dict[Model, Callable[[Viewer, AccessLevel], Condition]] = {
    Document: _document_within_reach,
    DocumentCollection: _collection_within_reach,
    DocumentElement: _element_within_reach,
}

_CONDITIONS: dict[Model, Callable[[Viewer, Model | None], Condition]] = {
    Annotation: _annotations,
    AnnotationVersion: _versions,
    Document: _documents,
    DocumentCollection: _collections,
    DocumentElement: _elements,
    ElementRevision: _revisions,
    Group: _groups,
    ImportJob: _import_jobs,
    ObjectShare: _shares,
    Permission: _permissions,
    Role: _roles,
    SiteSettings: lambda _viewer, _given: true(),
    User: _people,
}

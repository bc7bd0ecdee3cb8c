"""The matrix finds a rule that is broken: one world that has everything, and conditions that are wrong on purpose."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Integer, and_, false, func, inspect, literal, or_, select, true

from genji_graphql import models
from genji_graphql.access import rules, visibility
from genji_graphql.access.rules import RULES, Action
from genji_graphql.access.viewer import Viewer
from genji_graphql.models import (
    Annotation,
    AnnotationVersion,
    DocumentCollection,
    DocumentElement,
    ElementRevision,
    Group,
    ImportJob,
    ObjectShare,
    User,
)
from genji_graphql.reads import edges, filters, loaders
from genji_graphql.vocabulary import AccessLevel, AnnotationStatus, Motivation, PermissionName, SharedObject
from tests.matrix import questions
from tests.matrix.conftest import Site
from tests.matrix.questions import Filter, Question
from tests.matrix.statement import (
    Collection,
    Document,
    Element,
    Import,
    Note,
    Person,
    Revision,
    Role,
    Share,
    Sight,
    Version,
    World,
)
from tests.matrix.statement import Group as Classroom
from tests.matrix.test_matrix import cursors_of
from tests.matrix.worlds import ADMIN, INSTRUCTOR, NOBODY, PERMISSIONS, ROLES, STEWARD, STUDENT, numbers_of

ANYBODY = None
ADMINISTRATOR, TEACHER, PUPIL, AUTHOR, FRIEND, GONE, STRANGER, REGISTRAR = range(1, 9)
PUBLIC, SHARED, PRIVATE, DELETED = 1, 2, 3, 4
"""Collections; of the first three also the first document and element of each."""
CLASS, ENDED_CLASS = 1, 2

_TODAY = datetime.now(UTC).date()


def place(number: int) -> dict[str, Any]:
    return {"element": number, "document": number, "collection": number}


EXAMPLE = World(
    _TODAY,
    PERMISSIONS,
    (*ROLES, Role(STEWARD, "steward", numbers_of(PermissionName.MANAGE_USERS))),
    people=(
        Person(ADMINISTRATOR, frozenset({ADMIN})),
        Person(TEACHER, frozenset({INSTRUCTOR})),
        Person(PUPIL, frozenset({STUDENT})),
        Person(AUTHOR),
        Person(FRIEND),
        Person(GONE, frozenset({ADMIN}), active=False),
        Person(STRANGER),
        Person(REGISTRAR, frozenset({STEWARD})),
    ),
    groups=(
        Classroom(CLASS, TEACHER, frozenset({PUPIL, GONE})),
        Classroom(ENDED_CLASS, None, frozenset({PUPIL}), end=_TODAY - timedelta(days=3)),
    ),
    collections=(
        Collection(PUBLIC, "public", owner=AUTHOR, creator=FRIEND, modifier=STRANGER),
        Collection(SHARED, "shared", creator=AUTHOR),
        Collection(PRIVATE, "private", owner=AUTHOR, creator=STRANGER),
        Collection(DELETED, "public", owner=AUTHOR, creator=STRANGER, deleted=True),
    ),
    documents=(
        Document(1, PUBLIC),
        Document(2, SHARED),
        Document(3, PRIVATE),
        Document(4, PRIVATE, owner=FRIEND),
        Document(5, SHARED),
        Document(6, DELETED),
        Document(7, PUBLIC, owner=FRIEND, deleted=True),
    ),
    elements=(
        Element(1, 1),
        Element(2, 2),
        Element(3, 3),
        Element(4, 4),
        Element(5, 6),
        Element(6, 7),
        Element(7, 1, deleted=True),
    ),
    notes=(
        Note(1, creator=AUTHOR, **place(PUBLIC)),
        Note(2, creator=PUPIL, classroom=CLASS, **place(PUBLIC)),
        Note(3, creator=AUTHOR, status="hidden", **place(PUBLIC)),
        Note(4, creator=AUTHOR, status="private", **place(PUBLIC)),
        Note(5, "replying", creator=STRANGER, parent=3, **place(PUBLIC)),
        Note(6, "flagging", creator=STRANGER, parent=1),
        Note(7, creator=AUTHOR, element=PRIVATE, document=PUBLIC, collection=PUBLIC),
        Note(8, "replying", creator=PUPIL, parent=2),
        Note(9, status="deleted", **place(PUBLIC)),
        Note(10, "replying", creator=PUPIL, parent=9),
        Note(11, creator=PUPIL, classroom=ENDED_CLASS, **place(PUBLIC)),
        Note(12, creator=ADMINISTRATOR, **place(PUBLIC)),
        Note(13, creator=AUTHOR, element=4),
        Note(14, creator=AUTHOR, status="hidden", document=5),
        Note(15, creator=AUTHOR, collection=SHARED),
        Note(16, creator=AUTHOR),
        Note(17, creator=AUTHOR, element=5),
        Note(18, creator=AUTHOR, element=6),
        Note(19, creator=AUTHOR, element=7),
        Note(20, creator=AUTHOR, document=7),
        Note(21, creator=AUTHOR, collection=DELETED),
        Note(22, "replying", creator=PUPIL, parent=19),
    ),
    shares=(
        Share(1, "collection", SHARED, "user", FRIEND, "view", AUTHOR),
        Share(2, "collection", SHARED, "group", CLASS, "edit", AUTHOR),
        Share(3, "collection", PRIVATE, "user", FRIEND, "manage", AUTHOR),
        Share(4, "document", 5, "user", STRANGER, "manage", AUTHOR),
        Share(5, "document", NOBODY, "user", STRANGER, "manage"),
        Share(6, "document", 3, "user", PUPIL, "edit", AUTHOR),
        Share(7, "collection", DELETED, "user", PUPIL, "manage", AUTHOR),
        Share(8, "document", 6, "user", PUPIL, "view", AUTHOR),
        Share(9, "document", 7, "user", PUPIL, "view", AUTHOR),
    ),
    revisions=tuple(Revision(number, number, AUTHOR) for number in range(1, 8)),
    versions=tuple(Version(number, number, AUTHOR) for number in (1, 2, 3, 4)),
    imports=(Import(1, AUTHOR, PRIVATE), Import(2, FRIEND, PUBLIC), Import(3, STRANGER)),
)
VIEWERS = [ANYBODY, *range(ADMINISTRATOR, REGISTRAR + 1)]


def questions_of(person_id: int | None) -> Iterator[Question]:
    sight = Sight(EXAMPLE, person_id)
    yield questions.about_everything(sight, everything=True)
    for slice_ in range(questions.SLICES):
        yield questions.about_edges(sight, slice_, everything=True)
    yield questions.about_lookups(sight)
    for inverted in (False, True):
        named = [Filter(field, (number,), inverted) for field, number in _HIDDEN_FROM_SOME]
        yield questions.about_filters(sight, named, SHARED)


_HIDDEN_FROM_SOME = (("classroom", CLASS), ("inClassroom", CLASS), ("document", 3), ("element", 3))


@pytest.mark.parametrize("person_id", VIEWERS)
async def test_the_example_is_seen_as_the_rules_say(site: Site, person_id: int | None) -> None:
    await site.become(EXAMPLE)
    cursors = await cursors_of(site)
    sight = Sight(EXAMPLE, person_id)
    asked = [
        *questions_of(person_id),
        questions.about_everything(sight, everything=False),
        *(questions.about_counts(sight, dimension) for dimension in questions.DIMENSIONS),
        *(questions.about_pages(sight, name, cursors[name]) for name in questions.ROOTS),
    ]
    for question in asked:
        assert await site.differences(person_id, question) == []


Break = Callable[[pytest.MonkeyPatch], None]


def replaced(name: str, broken: Callable[..., Any]) -> Break:
    """Another function in the place of one of `visibility`, given that one first."""
    right = getattr(visibility, name)
    return lambda monkeypatch: monkeypatch.setattr(visibility, name, lambda *given: broken(right, *given))


def ruled(model: type[Any], action: Action, rule: rules.Rule) -> Break:
    return lambda monkeypatch: monkeypatch.setitem(RULES[model], action, rule)


def seen_by(model: type[Any], condition: Callable[[Viewer, Any], Any]) -> Break:
    return lambda monkeypatch: monkeypatch.setitem(visibility._CONDITIONS, model, condition)


def seen_by_all(model: type[Any]) -> Break:
    return seen_by(model, lambda _viewer, _given: true())


def _readers_of_the_note(viewer: Viewer, _: Any) -> Any:
    seen = select(Annotation.id).where(visibility._annotations(viewer, None))
    return AnnotationVersion.annotation_id.in_(seen)


def _readers_of_the_element(viewer: Viewer, _: Any) -> Any:
    seen = select(DocumentElement.id).where(visibility._elements(viewer, None))
    return ElementRevision.element_id.in_(seen)


def _awake(what: SharedObject) -> Break:
    def broken(
        right: Any, collection: Any, kind: SharedObject, shared_id: Any, viewer: Viewer, level: AccessLevel
    ) -> Any:
        if kind is not what:
            return right(collection, kind, shared_id, viewer, level)
        return shared_id.in_(visibility._shared(kind, viewer, level))

    return replaced("_lent", broken)


def _without(column: str, *levels: AccessLevel) -> Break:
    """A note's place, as if one of its columns said nothing."""

    def broken(right: Any, annotation: Any, viewer: Viewer, level: AccessLevel = AccessLevel.VIEW) -> Any:
        columns = ("document_element_id", "document_id", "document_collection_id", "keeper_id")
        placed = {name: getattr(annotation, name) for name in columns}
        if level in levels:
            placed[column] = literal(None, Integer)
        return right(SimpleNamespace(**placed), viewer, level)

    return replaced("_place", broken)


def _kept_unless(model: type[Any]) -> Break:
    """Notes, as if none of this model were deleted."""

    def broken(right: Any, column: Any, alias: Any) -> Any:
        return true() if inspect(alias).mapper.class_ is model else right(column, alias)

    return replaced("_kept_there", broken)


def _hidden_ones_too(right: Any, annotation: Any, viewer: Viewer, moderates: Any) -> Any:
    return or_(right(annotation, viewer, moderates), annotation.status == AnnotationStatus.HIDDEN)


def _flags_too(right: Any, annotation: Any, viewer: Viewer, moderates: Any) -> Any:
    return or_(right(annotation, viewer, moderates), annotation.motivation == Motivation.FLAGGING)


def _private_ones_to_administrators(right: Any, annotation: Any, viewer: Viewer, moderates: Any) -> Any:
    return true() if viewer.is_administrator else right(annotation, viewer, moderates)


def _response_alone(_right: Any, viewer: Viewer) -> Any:
    return and_(
        visibility._classroom(Annotation, viewer),
        visibility._life(Annotation, viewer, visibility._taught(Annotation, viewer)),
    )


def _counting_all(monkeypatch: pytest.MonkeyPatch) -> None:
    all_seeing = Viewer(user_id=1, is_administrator=True)
    monkeypatch.setattr(
        loaders, "count_statement", lambda edge, _viewer, *given: edges.count_statement(edge, all_seeing, *given)
    )


def _naming_hidden_things(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters.Reference, "ask", filters.Kind.ask)


MUTATIONS: dict[str, tuple[int | None, Break]] = {
    "shares of a private collection are awake": (FRIEND, _awake(SharedObject.COLLECTION)),
    "shares of documents in a private collection are awake": (PUPIL, _awake(SharedObject.DOCUMENT)),
    "any share gives every level": (
        FRIEND,
        replaced("_shared", lambda right, kind, viewer, _level: right(kind, viewer, AccessLevel.VIEW)),
    ),
    "shares with groups give nothing": (
        PUPIL,
        replaced("_with", lambda _right, viewer, share=ObjectShare: share.shared_with_id == viewer.user_id),
    ),
    "a document's own owner and shares are left out": (
        STRANGER,
        replaced("_reached_alone", lambda _right, _collection, _document, _viewer, _level: false()),
    ),
    "who created a collection keeps it beside its owner": (
        STRANGER,
        replaced(
            "_reached",
            lambda right, collection, document, viewer, level: or_(
                right(collection, document, viewer, level), collection.created_by_id == viewer.user_id
            ),
        ),
    ),
    "who created a collection without an owner isn't its keeper": (
        AUTHOR,
        replaced(
            "_reached",
            lambda right, collection, document, viewer, level: and_(
                right(collection, document, viewer, level),
                or_(
                    viewer.is_administrator,
                    collection.owner_id.is_not(None),
                    collection.created_by_id != viewer.user_id,
                ),
            ),
        ),
    ),
    "notes don't follow their collection": (ANYBODY, _without("document_collection_id", AccessLevel.VIEW)),
    "notes on a document of one's own are left out": (FRIEND, _without("document_id", AccessLevel.VIEW)),
    "who manages a collection doesn't moderate in it": (AUTHOR, _without("document_collection_id", AccessLevel.MANAGE)),
    "who manages a document doesn't moderate on it": (STRANGER, _without("document_id", AccessLevel.MANAGE)),
    "a note on nothing is seen by all": (
        STRANGER,
        replaced(
            "_place",
            lambda right, annotation, viewer, *level: or_(
                right(annotation, viewer, *level), annotation.document_collection_id.is_(None)
            ),
        ),
    ),
    "a note on nothing is seen by nobody": (
        AUTHOR,
        replaced(
            "_place",
            lambda right, annotation, viewer, *level: and_(
                right(annotation, viewer, *level), annotation.document_collection_id.is_not(None)
            ),
        ),
    ),
    "classrooms are open": (STRANGER, replaced("_classroom", lambda _right, _annotation, _viewer: true())),
    "hidden notes are seen by all": (PUPIL, replaced("_life", _hidden_ones_too)),
    "flags are seen by all": (PUPIL, replaced("_life", _flags_too)),
    "administrators see what is private": (ADMINISTRATOR, replaced("_life", _private_ones_to_administrators)),
    "teachers don't moderate": (TEACHER, replaced("_taught", lambda _right, _annotation, _viewer: false())),
    "a response is seen without what it answers": (STRANGER, replaced("_thread", _response_alone)),
    "what is unknown of a thread holds": (
        STRANGER,
        replaced("_all", lambda _right, condition: func.bool_and(condition)),
    ),
    "what is deleted is seen": (ADMINISTRATOR, replaced("_kept", lambda _right, _text: true())),
    "what is deleted is seen by whom it belongs to": (
        AUTHOR,
        replaced(
            "_kept",
            lambda right, text: (
                right(text) if text is not DocumentCollection else or_(right(text), text.owner_id == AUTHOR)
            ),
        ),
    ),
    "administrators see the notes on what is deleted": (
        ADMINISTRATOR,
        replaced("_kept_there", lambda _right, _column, _model: true()),
    ),
    "notes on a deleted element are seen": (ANYBODY, _kept_unless(DocumentElement)),
    "notes on a deleted document are seen": (ANYBODY, _kept_unless(models.Document)),
    "notes on a deleted collection are seen by administrators": (ADMINISTRATOR, _kept_unless(DocumentCollection)),
    "what lies below a text is shown with it, deleted or not": (
        ANYBODY,
        replaced("_standing", lambda right, annotation, given=None: right(annotation) if given is None else true()),
    ),
    "shares of what is deleted are seen": (PUPIL, replaced("_of_kept_things", lambda _right: true())),
    "groups are seen by all": (STRANGER, seen_by_all(Group)),
    "people are seen by all": (STRANGER, seen_by_all(User)),
    "shares are seen by all": (STRANGER, seen_by_all(ObjectShare)),
    "imports are seen by all": (STRANGER, seen_by_all(ImportJob)),
    "counts count what is hidden": (ANYBODY, _counting_all),
    "filters find by what is hidden": (ANYBODY, _naming_hidden_things),
    "moderators edit": (TEACHER, ruled(Annotation, Action.EDIT, rules.its_moderators)),
    "owners don't delete": (PUPIL, ruled(Annotation, Action.DELETE, rules.its_moderators)),
    "an ended classroom goes on": (PUPIL, ruled(Annotation, Action.REPLY, rules.signed_in)),
    "who sees a note sees what it was before": (
        ANYBODY,
        seen_by(AnnotationVersion, _readers_of_the_note),
    ),
    "who moderates reattaches, and nobody who edits": (
        PUPIL,
        ruled(Annotation, Action.REATTACH, rules.its_owner_or_moderators),
    ),
    "who sees a text sees what it said before": (
        ANYBODY,
        seen_by(ElementRevision, _readers_of_the_element),
    ),
    "who edits may share": (
        PUPIL,
        ruled(DocumentCollection, Action.SHARE, rules.reaching(DocumentCollection, AccessLevel.EDIT)),
    ),
    "who changes accounts changes those of administrators": (
        REGISTRAR,
        ruled(User, Action.DEACTIVATE, rules.permitted(PermissionName.MANAGE_USERS)),
    ),
}
"""What is broken, who has to notice it, and how it is broken."""


@pytest.fixture
def remembering_nothing(site: Site) -> Iterator[None]:
    """Conditions are remembered: those from before the break, and then those from within it, must be forgotten."""
    _forget(site)
    yield
    _forget(site)


def _forget(site: Site) -> None:
    site.service.plan_anew()
    visibility.visible.cache_clear()
    visibility.visible_notes.cache_clear()


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.usefixtures("remembering_nothing")
async def test_a_broken_rule_is_found(site: Site, monkeypatch: pytest.MonkeyPatch, mutation: str) -> None:
    await site.become(EXAMPLE)
    person_id, break_ = MUTATIONS[mutation]
    break_(monkeypatch)
    for question in questions_of(person_id):
        if await site.differences(person_id, question):
            return
    pytest.fail(f"Nobody noticed that {mutation}.")


async def test_notes_that_the_database_leaves_where_they_say_they_are_are_found(site: Site) -> None:
    await site.connection.execute("ALTER TABLE app.annotations DISABLE TRIGGER keep_place")
    try:
        await site.become(EXAMPLE)
        found = [await site.differences(ANYBODY, question) for question in questions_of(ANYBODY)]
    finally:
        await site.connection.execute("ALTER TABLE app.annotations ENABLE TRIGGER keep_place")
    assert any(found)

"""Small random sites, with all that real ones have and some rows that they shouldn't have; and how they are written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from hypothesis import strategies as st

from genji_graphql.identity.tokens import hash_of
from genji_graphql.models import Base
from genji_graphql.vocabulary import PermissionName
from tests.matrix.statement import (
    Collection,
    Document,
    Element,
    Group,
    Import,
    Note,
    Permission,
    Person,
    Revision,
    Role,
    Share,
    Version,
    World,
)

PERMISSIONS = tuple(Permission(number, name) for number, name in enumerate(PermissionName, 1))
ADMIN, INSTRUCTOR, STUDENT, STEWARD = 1, 2, 3, 4
DEEPEST = 3
NOBODY = 9
"""A number that no row has."""

_DAWN = datetime(2026, 1, 1, tzinfo=UTC)


def numbers_of(*names: PermissionName) -> frozenset[int]:
    return frozenset(permission.id for permission in PERMISSIONS if permission.name in names)


ROLES = (
    Role(ADMIN, "admin", numbers_of(*PermissionName)),
    Role(
        INSTRUCTOR,
        "instructor",
        numbers_of(
            PermissionName.CREATE_COLLECTION,
            PermissionName.CREATE_GROUP,
            PermissionName.CREATE_SCHOLARLY_ANNOTATION,
            PermissionName.LIST_USERS,
        ),
    ),
    Role(STUDENT, "student"),
)


# -- random worlds

_ROLES_HELD = st.sampled_from(
    [
        (),
        (),
        (STUDENT,),
        (STUDENT,),
        (STUDENT,),
        (INSTRUCTOR,),
        (INSTRUCTOR,),
        (INSTRUCTOR, STUDENT),
        (ADMIN,),
        (STEWARD,),
    ]
)
_MOSTLY = st.sampled_from([True, True, True, True, True, False])
_SELDOM = st.sampled_from([False] * 5 + [True])
_RARELY = st.sampled_from([False] * 9 + [True])
_COIN = st.booleans()
_LEVELS = st.sampled_from(["view", "edit", "manage"])
_VISIBILITIES = st.sampled_from(["public", "shared", "private"])
_STATUSES = st.sampled_from(["active"] * 6 + ["private", "hidden", "hidden", "deleted"])
_NOTES = st.sampled_from(["commenting"] * 4 + ["scholarly", "linking", None, "replying", "flagging"])
_RESPONSES = st.sampled_from(["replying"] * 4 + ["tagging", "upvoting", "flagging", "flagging"])
_WORDS = st.sampled_from(["moon", "snow"])
_DAYS = st.sampled_from([None, None, -3, 3])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    today = datetime.now(UTC).date()
    steward = Role(
        STEWARD, "steward", draw(st.frozensets(st.sampled_from([one.id for one in PERMISSIONS]), max_size=3))
    )
    people = tuple(
        Person(number, frozenset(draw(_ROLES_HELD)), active=draw(_MOSTLY))
        for number in range(1, draw(st.integers(2, 6)) + 1)
    )
    numbers = [person.id for person in people]
    if draw(_COIN):
        # Somebody whom nothing of all this concerns.
        people = (*people, Person(len(people) + 1, frozenset(draw(_ROLES_HELD))))
    one = st.sampled_from(numbers)
    somebody = st.sampled_from([*numbers, *numbers, None])

    def day() -> Any:
        days = draw(_DAYS)
        return None if days is None else today + timedelta(days=days)

    groups = tuple(
        Group(number, draw(somebody), draw(st.frozensets(one, max_size=4)), end=day())
        for number in range(1, draw(st.integers(1, 3)) + 1)
    )
    collections = tuple(
        Collection(
            number,
            draw(_VISIBILITIES),
            owner=draw(somebody),
            creator=draw(somebody),
            modifier=draw(somebody),
            deleted=draw(_RARELY),
        )
        for number in range(1, draw(st.integers(1, 3)) + 1)
    )
    documents = tuple(
        Document(
            number,
            draw(st.integers(1, len(collections))),
            owner=draw(st.sampled_from([None, None, *numbers])),
            deleted=draw(_RARELY),
        )
        for number in range(1, draw(st.integers(1, 4)) + 1)
    )
    elements = tuple(
        Element(number, draw(st.integers(1, len(documents))), deleted=draw(_RARELY))
        for number in range(1, draw(st.integers(1, 5)) + 1)
    )
    texts = _Texts(collections, documents, elements)
    notes: list[Note] = []
    for number in range(1, draw(st.integers(3, 10)) + 1):
        notes.append(draw(_notes(number, notes, texts, numbers, len(groups))))
    ends = st.tuples(
        st.sampled_from(
            [("collection", row.id) for row in collections] * 2
            + [("document", row.id) for row in documents] * 2
            + [("document", NOBODY)]
        ),
        st.sampled_from(
            [("user", person) for person in numbers] * 2
            + [("group", group.id) for group in groups] * 3
            + [("user", NOBODY)]
        ),
    )
    shares = tuple(
        Share(number, *shared, *recipient, draw(_LEVELS), draw(somebody))
        for number, (shared, recipient) in enumerate(draw(st.lists(ends, max_size=6, unique=True)), 1)
    )
    # One of an element at most: of several the order isn't that of their numbers.
    revisions = tuple(Revision(one.id, one.id, draw(somebody)) for one in elements if draw(_COIN))
    versions = tuple(Version(one.id, one.id, draw(somebody)) for one in notes if draw(_COIN))
    imports = tuple(
        Import(number, draw(one), draw(st.sampled_from([None, *(row.id for row in collections)])))
        for number in range(1, draw(st.integers(0, 2)) + 1)
    )
    return World(
        today,
        PERMISSIONS,
        (*ROLES, steward),
        people,
        groups,
        collections,
        documents,
        elements,
        tuple(notes),
        shares,
        revisions,
        versions,
        imports,
    )


@dataclass(frozen=True)
class _Texts:
    collections: tuple[Collection, ...]
    documents: tuple[Document, ...]
    elements: tuple[Element, ...]

    def of_element(self, element: int) -> dict[str, int]:
        document = self.elements[element - 1].document
        return {"element": element} | self.of_document(document)

    def of_document(self, document: int) -> dict[str, int]:
        return {"document": document, "collection": self.documents[document - 1].collection}


@st.composite
def _notes(draw: st.DrawFn, number: int, before: list[Note], texts: _Texts, people: list[int], groups: int) -> Note:
    """A note on some text, or a response to a note before it."""
    thread: list[Note] = []
    if draw(_COIN) and before:
        thread = [draw(st.sampled_from(before))]
        while thread[-1].parent is not None:
            thread.append(before[thread[-1].parent - 1])
    if len(thread) > DEEPEST:
        thread = thread[1:]
    answered = thread[0] if thread else None
    creator = draw(st.sampled_from([*people, *people, *people, None]))
    classroom = draw(_classrooms(answered, groups))
    motivation = draw(_RESPONSES if answered else _NOTES)
    if motivation == "upvoting" and any(
        (one.motivation, one.parent, one.creator) == ("upvoting", answered and answered.id, creator) for one in before
    ):
        # A vote is one a person.
        motivation = "tagging"
    return Note(
        number,
        motivation=motivation,
        status=draw(_STATUSES),
        creator=creator,
        owner=draw(st.sampled_from([None, None, creator, *people])),
        classroom=classroom,
        parent=answered.id if answered else None,
        says=draw(_WORDS),
        classroom_gone=draw(_SELDOM) if classroom is None else False,
        modifier=draw(st.sampled_from([None, None, *people])),
        **draw(_places(answered, texts)),
    )


def _classrooms(answered: Note | None, groups: int) -> st.SearchStrategy[int | None]:
    """A response has the classroom of what it answers, or says nothing of one, or says another."""
    inherited = [answered.classroom] * 3 if answered else []
    return st.sampled_from([*inherited, None, None, *range(1, groups + 1)])


@st.composite
def _places(draw: st.DrawFn, answered: Note | None, texts: _Texts) -> dict[str, int | None]:
    element = st.integers(1, len(texts.elements))
    document = st.integers(1, len(texts.documents))
    collection = st.integers(1, len(texts.collections))
    kinds = ["element", "element", "element alone", "document", "document alone", "collection", "anything", "nothing"]
    match draw(st.sampled_from(kinds if answered is None else ["inherited", "inherited", "nothing", "anything"])):
        case "inherited":
            assert answered is not None
            return {"element": answered.element, "document": answered.document, "collection": answered.collection}
        case "element":
            return {**texts.of_element(draw(element))}
        case "element alone":
            return {"element": draw(element)}
        case "document":
            return {**texts.of_document(draw(document))}
        case "document alone":
            return {"document": draw(document)}
        case "collection":
            return {"collection": draw(collection)}
        case "anything":
            return {
                "element": draw(st.none() | element),
                "document": draw(st.none() | document),
                "collection": draw(st.none() | collection),
            }
        case _:
            return {}


# -- and their rows


def token_of(person_id: int) -> str:
    """What a person is signed in with, active or not."""
    return f"The session of person {person_id}."


async def write(connection: asyncpg.Connection, world: World) -> None:
    """Put this world in the place of the one before."""
    async with connection.transaction():
        await connection.execute(_CLEAR)
        for table, rows in _tables(world):
            if rows:
                columns = ", ".join(rows[0])
                await connection.execute(
                    f"INSERT INTO app.{table} ({columns}) "
                    f"SELECT {columns} FROM jsonb_populate_recordset(NULL::app.{table}, $1)",
                    json.dumps(rows, default=str),
                )
        # Whoever changes a text of this world writes another revision of it, which is none of these.
        await connection.execute("SELECT setval('app.element_revisions_id_seq', 1000)")
        await connection.execute("SELECT setval('app.annotation_versions_id_seq', 1000)")


# Rows are deleted one by one: to truncate so many tables, with all their indexes, takes ten times as long.
_CLEAR = "; ".join(f"DELETE FROM {table.fullname}" for table in reversed(Base.metadata.sorted_tables))


def _tables(world: World) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows of each table, those first that others name."""
    yield "permissions", [{"id": one.id, "name": one.name} for one in world.permissions]
    yield "roles", [{"id": one.id, "name": one.name} for one in world.roles]
    yield (
        "role_permissions",
        [{"role_id": role.id, "permission_id": number} for role in world.roles for number in role.permissions],
    )
    yield (
        "users",
        [
            {
                "id": one.id,
                "username": f"person{one.id}",
                "email": f"person{one.id}@example.org",
                "is_active": one.active,
                "user_metadata": {"number": one.id},
            }
            for one in world.people
        ],
    )
    yield "user_roles", [{"user_id": one.id, "role_id": role} for one in world.people for role in one.roles]
    yield (
        "sessions",
        [
            {
                "id": one.id,
                "user_id": one.id,
                "token_hash": f"\\x{hash_of(token_of(one.id)).hex()}",
                "created_at": _DAWN,
                "expires_at": datetime.now(UTC) + timedelta(days=1),
            }
            for one in world.people
        ],
    )
    yield (
        "groups",
        [
            {
                "id": one.id,
                "name": f"Group {one.id}",
                "join_token": f"The token of group {one.id}",
                "created_at": _DAWN,
                "created_by_id": one.creator,
                "start_date": one.start,
                "end_date": one.end,
            }
            for one in world.groups
        ],
    )
    yield (
        "group_members",
        [{"group_id": one.id, "user_id": member, "joined_at": _DAWN} for one in world.groups for member in one.members],
    )
    yield from _contents(world)
    changed = {version.annotation for version in world.versions}
    yield "annotations", [_annotation(note, 2 if note.id in changed else 1) for note in world.notes]
    yield (
        "annotation_versions",
        [
            {
                "id": one.id,
                "annotation_id": one.annotation,
                "version": 1,
                "motivation": "questioning",
                "status": "active",
                "body": {"value": "Something else."},
                "modified": _DAWN,
                "modified_by_id": one.modifier,
            }
            for one in world.versions
        ],
    )
    yield (
        "object_sharing",
        [
            {
                "id": one.id,
                "object_id": one.object_id,
                "object_type": one.object_type,
                "shared_with_id": one.recipient_id,
                "shared_with_type": one.recipient_type,
                "access_level": one.level,
                "created_by_id": one.creator,
                "created_at": _DAWN,
            }
            for one in world.shares
        ],
    )


def _contents(world: World) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    now = {"created": _DAWN, "modified": _DAWN}
    yield (
        "document_collections",
        [
            {
                "id": one.id,
                "title": f"Collection {one.id}",
                "position": one.id,
                "visibility": one.visibility,
                "text_direction": "ltr",
                "owner_id": one.owner,
                "created_by_id": one.creator,
                "modified_by_id": one.modifier,
                "deleted_at": _DAWN if one.deleted else None,
                **now,
            }
            for one in world.collections
        ],
    )
    yield (
        "documents",
        [
            {
                "id": one.id,
                "title": f"Document {one.id}",
                "position": one.id,
                "document_collection_id": one.collection,
                "owner_id": one.owner,
                "deleted_at": _DAWN if one.deleted else None,
                **now,
            }
            for one in world.documents
        ],
    )
    yield (
        "import_jobs",
        [
            {
                "id": one.id,
                "document_collection_id": one.collection,
                "created_by_id": one.creator,
                "file_name": f"{one.id}.txt",
                "format": "plain_text",
                "size": 1,
                "status": "queued",
                "attempts": 0,
                "elements_read": 0,
                "bytes_read": 0,
                "created": _DAWN,
            }
            for one in world.imports
        ],
    )
    yield (
        "document_elements",
        [
            {
                "id": one.id,
                "position": one.id,
                "document_id": one.document,
                "content": {"text": f"Line {one.id}."},
                "revision": 1 + sum(revision.element == one.id for revision in world.revisions),
                "deleted_at": _DAWN if one.deleted else None,
                **now,
            }
            for one in world.elements
        ],
    )
    yield (
        "element_revisions",
        [
            {
                "id": one.id,
                "element_id": one.element,
                "revision": 1,
                "content": {"text": "Something else."},
                "modified": _DAWN,
                "modified_by_id": one.modifier,
            }
            for one in world.revisions
        ],
    )


def _annotation(note: Note, version: int) -> dict[str, Any]:
    return {
        "id": note.id,
        "motivation": note.motivation,
        "status": note.status,
        "creator_id": note.creator,
        "owner_id": note.owner,
        "classroom_id": note.classroom,
        "parent_id": note.parent,
        "document_element_id": note.element,
        "document_id": note.document,
        "document_collection_id": note.collection,
        "classroom_gone": note.classroom_gone,
        "modified_by_id": note.modifier,
        "version": version,
        "body": {"value": note.says},
        "created": _DAWN + timedelta(minutes=note.id),
        "modified": _DAWN,
    }

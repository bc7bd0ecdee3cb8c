"""A class that reads one document: its people, each with a session, and what they write and listen to."""

from typing import Any

import asyncpg

from genji_graphql.reads.ids import global_id

CLASSROOM, DOCUMENT, ELEMENTS = 1, 1, 100
TEACHER = 1

ADDED = """
subscription Added($document: ID!) {
  annotationAdded(document: $document) { cursor annotation { id body created creator { username } } }
}
"""

CREATE = """
mutation Create($input: CreateAnnotationInput!) {
  createAnnotation(input: $input) { annotation { id created } errors { message } }
}
"""

STAMP = b"@%d@%d@"
"""What a note begins with: its number, and nanoseconds of the machine's clock when it was sent to be written."""

_LINE = "In which reign was it, among the many ladies, that one who was not of the first rank was favoured above all?"

_CLASS = f"""
INSERT INTO app.users (username, email, first_name, last_name)
SELECT 'reader-' || n, 'reader-' || n || '@example.org', 'Akiko', 'Reader' FROM generate_series(1, $1) AS n;
INSERT INTO app.groups (name, created_by_id) VALUES ('Reading Genji', {TEACHER});
INSERT INTO app.group_members (group_id, user_id) SELECT {CLASSROOM}, n FROM generate_series(1, $1) AS n;
INSERT INTO app.sessions (user_id, token_hash, expires_at)
SELECT n, sha256(convert_to('session-' || n, 'UTF8')), now() + interval '10 years' FROM generate_series(1, $1) AS n;
INSERT INTO app.document_collections (title, visibility, created_by_id) VALUES ('Genji', 'public', {TEACHER});
INSERT INTO app.documents (document_collection_id, title) VALUES (1, 'Kiritsubo'), (1, 'Hahakigi');
INSERT INTO app.document_elements (document_id, content)
SELECT {DOCUMENT}, jsonb_build_object('text', n || '. {_LINE}') FROM generate_series(1, {ELEMENTS}) AS n;
"""

WRITE = f"""
INSERT INTO app.annotations (document_element_id, creator_id, owner_id, classroom_id, motivation, status, body, target)
SELECT id, $2, $2, {CLASSROOM}, 'commenting', 'active',
    jsonb_build_object('type', 'TextualBody', 'value', $3::text, 'format', 'text/plain'),
    jsonb_build_array(jsonb_build_object('type', 'Text', 'source', 'DocumentElements/' || id))
FROM app.document_elements WHERE id = $1
"""
"""A note for the class, on an element, by a member, with these words."""


async def assemble(connection: asyncpg.Connection, people: int) -> None:
    """Fill a migrated database."""
    await connection.execute(_CLASS.replace("$1", str(people)))
    await connection.execute("VACUUM (ANALYZE)")
    await connection.execute("CHECKPOINT")


def token(person: int) -> str:
    """What a member's session is proved with."""
    return f"session-{person}"


def words(number: int, nanoseconds: int) -> str:
    """What a note says."""
    return (STAMP % (number, nanoseconds)).decode() + f" Note {number}: {_LINE}"


def place(number: int) -> int:
    """The element that a note stands on."""
    return 1 + number % ELEMENTS


def listening(document: int = DOCUMENT) -> dict[str, Any]:
    """A subscription to what the class writes."""
    return {"query": ADDED, "variables": {"document": global_id("Document", document)}}


def creating(number: int, said: str) -> dict[str, Any]:
    """The same note as WRITE writes, by GraphQL."""
    note = {
        "elementId": global_id("DocumentElement", place(number)),
        "classroomId": global_id("Group", CLASSROOM),
        "text": said,
    }
    return {"query": CREATE, "variables": {"input": note}}

"""A small reading room that several people write in at the same time."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
from sqlalchemy.engine import URL
from starlette.requests import HTTPConnection

from genji_graphql.access.viewer import Viewer
from genji_graphql.database import writing_sessions
from genji_graphql.identity.accounts import start_session
from genji_graphql.identity.viewer import viewer_of
from genji_graphql.settings import Settings
from tests.conftest import connect, execute
from tests.service import Service

OWNER, STUDENT, MATE, TEACHER = PEOPLE = (1, 2, 3, 4)
CLASSROOM = 1
MEMBERS = {STUDENT, MATE, TEACHER}
COLLECTIONS, DOCUMENTS, NOTES = (1, 2), (1, 2), (1, 2, 3)

SENTENCES = (
    "In which reign was it? ",
    "Among the many ladies one was favoured. ",
    "She was not of the first rank. ",
    "The other ladies of the same rank were not pleased. ",
    "𠮟る and 源氏. ",
)
TEXTS = ("".join(SENTENCES), "".join(SENTENCES[1:4]), "".join(SENTENCES[3:]))

_PEOPLE = f"""
INSERT INTO app.users (id, username, is_active) VALUES (1, 'owner', true), (2, 'student', true), (3, 'mate', true),
    (4, 'teacher', true);
INSERT INTO app.groups (id, name, created_by_id) VALUES ({CLASSROOM}, 'Readers', {TEACHER});
INSERT INTO app.group_members (group_id, user_id) VALUES (1, {STUDENT}), (1, {MATE}), (1, {TEACHER});
"""

# A note of the student's on the first element for everybody, one for the class, and the mate's on the second; each with
# a passage, as the API stores it.
_ROOM = f"""
TRUNCATE app.document_collections, app.documents, app.document_elements, app.annotations, app.idempotency_keys
    RESTART IDENTITY CASCADE;
INSERT INTO app.document_collections (title, visibility, owner_id) VALUES ('Genji', 'public', {OWNER}),
    ('Heike', 'public', {OWNER});
INSERT INTO app.documents (document_collection_id, title, owner_id) VALUES (1, 'Kiritsubo', {OWNER}),
    (1, 'Hahakigi', {OWNER});
INSERT INTO app.document_elements (document_id, position, content)
    SELECT CASE number WHEN 3 THEN 2 ELSE 1 END, number * 1024, jsonb_build_object('text', text)
    FROM unnest($texts::text[]) WITH ORDINALITY AS given (text, number) ORDER BY number;
INSERT INTO app.annotations (motivation, creator_id, owner_id, document_element_id, classroom_id, body, target)
    SELECT 'commenting', person, person, element, classroom,
        jsonb_build_object('id', nextval('app.annotation_body_id_seq'), 'type', 'TextualBody', 'value', 'First.'),
        jsonb_build_array(jsonb_build_object('id', nextval('app.annotation_target_id_seq'), 'type', 'Text',
            'source', 'DocumentElements/' || element, 'selector', jsonb_build_array(
                jsonb_build_object('type', 'TextQuoteSelector', 'exact', substr(text, 1, 8), 'prefix', '',
                    'suffix', substr(text, 9, 32)),
                jsonb_build_object('type', 'TextPositionSelector', 'start', 0, 'end', 8))))
    FROM (VALUES ({STUDENT}, 1, NULL::int), ({STUDENT}, 1, {CLASSROOM}), ({MATE}, 2, {CLASSROOM}))
        AS note (person, element, classroom)
    JOIN LATERAL (SELECT content ->> 'text' FROM app.document_elements WHERE id = element) AS here (text) ON true;
"""


class Room(Service):
    """The application, asked by several people at once."""

    viewers: Mapping[int, Viewer]
    connection: asyncpg.Connection

    async def open(self, url: URL) -> None:
        self.connection = await connect(url)
        await self.connection.execute(_PEOPLE)
        viewers = {}
        async with writing_sessions(self.engine).begin() as session:
            for person in PEOPLE:
                issued = await start_session(session, person, timedelta(days=1))
                viewers[person] = await viewer_of(session, issued.token)
        self.viewers = viewers

    async def begin_anew(self) -> None:
        await self.connection.execute(_ROOM.replace("$texts", f"ARRAY[{', '.join(map(_quoted, TEXTS))}]"))

    async def asked_by(self, person: int, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The whole answer; unlike `answer` it knows who asks while others do."""
        response = await self.http.post(
            "/graphql", json={"query": query, "variables": variables}, headers={"x-person": str(person)}
        )
        body: dict[str, Any] = response.json()
        return body

    async def _identify(self, request: HTTPConnection) -> Viewer:
        person = request.headers.get("x-person")
        return self._viewer if person is None else self.viewers[int(person)]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@asynccontextmanager
async def opened(server: URL, template: str) -> AsyncIterator[Room]:
    """A room on a database of its own."""
    name = f"{template}_{uuid4().hex[:8]}"
    await execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    url = server.set(database=name)
    async with Room(Settings().with_database(url)) as room:
        await room.open(url)
        yield room
        await room.connection.close()
    await execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')

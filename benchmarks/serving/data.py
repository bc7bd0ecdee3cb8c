"""The texts and notes that are measured, made by SQL alone and the same each time.

Whatever the size, two things stay as they are, row by row: the measured document, and the measured collection. All else
grows around them.
"""

import asyncio
from dataclasses import dataclass
from hashlib import sha256

import asyncpg

from genji_graphql.access.viewer import Viewer

PEOPLE = 500
CLASSROOMS = 20
COLLECTIONS = 20

DOCUMENT = 1
"""The measured document: ELEMENTS elements, each with NOTES notes that anybody sees, among others that few do."""
ELEMENTS = 100
NOTES = 20

COLLECTION = 2
"""The measured collection: TREE_DOCUMENTS documents of TREE_ELEMENTS elements with TREE_NOTES notes for all each."""
TREE_DOCUMENTS = 20
TREE_ELEMENTS = 20
TREE_NOTES = 5

CREATOR = 7
"""Whose notes are looked for."""

MEMBER = Viewer(user_id=100, group_ids=frozenset({1, 2, 3}))
"""Someone in three classrooms, with whom collections and documents are shared. They own and teach nothing."""
TOKEN = "a-session-for-measuring"
"""What the member signs in with."""

# On each element of the measured document stand, beside the notes for all, two for a classroom of the member's, one for
# another classroom, one that is private and one that is hidden. Then the responses: two replies to each of the first
# five notes, two tags on each of the first four, three votes for each of the first eight, and a flag.
_NOTES_EACH = NOTES + 5
_REPLIES, _TAGS, _VOTES, _FLAGS = 10, 8, 24, 1
_RESPONSES_EACH = _REPLIES + _TAGS + _VOTES + _FLAGS
# On each element of the measured collection stand, beside the notes for all, one for a classroom and a private one.
_TREE_NOTES_EACH = TREE_NOTES + 2
_TREE_SIZE = TREE_DOCUMENTS * TREE_ELEMENTS

MEASURED_DOCUMENTS = 1 + TREE_DOCUMENTS
MEASURED_ELEMENTS = ELEMENTS + _TREE_SIZE
MEASURED_ANNOTATIONS = ELEMENTS * (_NOTES_EACH + _RESPONSES_EACH) + _TREE_SIZE * _TREE_NOTES_EACH

PASSAGE = (
    "In whose reign was it? There was one, not of the first rank, whom His Majesty favoured above all the others. "
    "いづれの御時にか、女御更衣あまたさぶらひたまひけるなかに、いとやむごとなき際にはあらぬが、"
    "すぐれて時めきたまふありけり。 "
    'Those who had "always" thought that each of them would be the one despised her; her equals, and those below, '
    "were all the less at ease.\nShe fell ill under the weight of it, and was ever more often at home. "
    "はじめより我はと思ひあがりたまへる御方がた、めざましきものにおとしめそねみたまふ。 "
    "He could do without her less and less, and no longer cared who blamed him for it: \\ the court looked away — it "
    "was too bright to look at. "
)
"""What texts and notes are cut from: several scripts, and all that has to be escaped in JSON."""


@dataclass(frozen=True)
class Size:
    """How much there is: a third as many elements as annotations, and a document for every 750."""

    annotations: int = 300_000

    def __post_init__(self) -> None:
        if self.annotations < 10_000:
            raise ValueError("The measured texts alone have nearly 10,000 annotations; there can't be fewer.")

    @property
    def elements(self) -> int:
        return self.annotations // 3

    @property
    def documents(self) -> int:
        return max(self.annotations // 750, MEASURED_DOCUMENTS + COLLECTIONS - 2)


async def load(url: str, size: Size) -> None:
    """Fill a migrated database. The role must be a superuser: triggers and foreign keys rest meanwhile.

    What they would see to, such as where a note stands, is written as they would have it.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        indexes = await _drop_indexes(connection)
        for statement in (*_people(), *_texts(size), *_annotations(size)):
            await connection.execute(statement)
        await _create_indexes(url, indexes)
        await _move_sequences(connection)
        # So that nothing is left to be done while others are measured.
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


# -- indexes


async def _drop_indexes(connection: asyncpg.Connection) -> list[str]:
    """An index that is built over all its rows at once takes a fraction of the time."""
    found = await connection.fetch("""
        SELECT format('%I.%I', schemaname, indexname) AS name, indexdef FROM pg_indexes
        WHERE schemaname = 'app' AND tablename IN ('annotations', 'document_elements') AND NOT EXISTS (
            SELECT FROM pg_constraint WHERE conindid = format('%I.%I', schemaname, indexname)::regclass
        )
    """)
    for index in found:
        await connection.execute(f"DROP INDEX {index['name']}")
    return [index["indexdef"] for index in found]


async def _create_indexes(url: str, definitions: list[str]) -> None:
    # Two at a time, and the slowest first, so that both are done at about the same time.
    waiting = sorted(definitions, key=lambda definition: "USING gin" in definition)

    async def build() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("SET maintenance_work_mem = '1GB'; SET synchronous_commit = off")
        while waiting:
            await connection.execute(waiting.pop())
        await connection.close()

    await asyncio.gather(build(), build())


async def _move_sequences(connection: asyncpg.Connection) -> None:
    for table in ("users", "groups", "document_collections", "documents", "document_elements", "annotations"):
        await connection.execute(
            f"SELECT setval(pg_get_serial_sequence('app.{table}', 'id'), (SELECT max(id) FROM app.{table}))"
        )


# -- people


def _people() -> list[str]:
    groups = ", ".join(map(str, sorted(MEMBER.group_ids)))
    return [
        # One in ten has told no name, and goes by the user name.
        f"""
        INSERT INTO app.users (id, username, email, first_name, last_name)
        SELECT n, 'reader-' || n, 'reader-' || n || '@example.org',
               CASE WHEN n % 10 > 0 THEN (ARRAY['Akiko', 'Odile', 'Tomás', 'Ren', 'Amina'])[1 + n % 5] END,
               CASE WHEN n % 10 > 0 THEN (ARRAY['Ōe', 'Murasaki', 'Brandt', 'Okafor'])[1 + n % 4] END
        FROM generate_series(1, {PEOPLE}) AS n
        """,
        f"""
        INSERT INTO app.user_roles (user_id, role_id)
        SELECT users.id, roles.id FROM app.users JOIN app.roles ON roles.name = CASE
            WHEN users.id = 1 THEN 'admin' WHEN users.id <= 1 + {CLASSROOMS} THEN 'instructor' ELSE 'student' END
        """,
        f"""
        INSERT INTO app.groups (id, name, created_by_id)
        SELECT n, 'Classroom ' || n, 1 + n FROM generate_series(1, {CLASSROOMS}) AS n
        """,
        f"""
        INSERT INTO app.group_members (group_id, user_id)
        SELECT 1 + n % {CLASSROOMS}, n FROM generate_series(1, {PEOPLE}) AS n
        UNION SELECT unnest(ARRAY[{groups}]), {MEMBER.user_id}
        """,
        f"""
        INSERT INTO app.sessions (user_id, token_hash, expires_at)
        VALUES ({MEMBER.user_id}, '\\x{sha256(TOKEN.encode()).hexdigest()}', now() + interval '10 years')
        """,
    ]


# -- texts


def _texts(size: Size) -> list[str]:
    return [
        # Of the collections that aren't measured, one in six is shared and one private.
        f"""
        INSERT INTO app.document_collections (
            id, title, visibility, text_direction, language, created, modified, created_by_id, owner_id, position,
            collection_metadata
        )
        SELECT n, 'Collection ' || n,
               CASE WHEN n > 2 AND n % 6 = 4 THEN 'shared' WHEN n > 2 AND n % 6 = 5 THEN 'private' ELSE 'public' END,
               CASE n % 4 WHEN 0 THEN 'vertical-rl' ELSE 'ltr' END, CASE n % 4 WHEN 0 THEN 'ja' ELSE 'en' END,
               {_moment("n")}, {_moment("n")}, 1 + n, CASE WHEN n % 2 = 0 THEN 30 + n END, n * 65536,
               jsonb_build_object('author', 'Author ' || n, 'year', 1000 + n, 'genre', 'tale')
        FROM generate_series(1, {COLLECTIONS}) AS n
        """,
        f"""
        INSERT INTO app.documents (
            id, document_collection_id, owner_id, title, description, created, modified, position
        )
        SELECT n, CASE WHEN n = {DOCUMENT} THEN 1 WHEN n <= {MEASURED_DOCUMENTS} THEN {COLLECTION}
                  ELSE {_collection("n")} END,
               CASE WHEN n % 3 = 0 THEN 40 + n % 50 END, 'Document ' || n, 'What document ' || n || ' tells of',
               {_moment("n")}, {_moment("n")}, n::bigint * 65536
        FROM generate_series(1, {size.documents}) AS n
        """,
        _elements(f"SELECT n, {DOCUMENT}, n FROM generate_series(1, {ELEMENTS}) AS n"),
        _elements(f"""
            SELECT {ELEMENTS} + n, 1 + {DOCUMENT} + (n - 1) / {TREE_ELEMENTS}, 1 + (n - 1) % {TREE_ELEMENTS}
            FROM generate_series(1, {_TREE_SIZE}) AS n
        """),
        _elements(
            f"SELECT n, {_document('n', size)}, n FROM generate_series({MEASURED_ELEMENTS + 1}, {size.elements}) AS n"
        ),
        *_shares(size),
    ]


def _elements(places: str) -> str:
    """Of rows (id, document, place)."""
    return f"""
        INSERT INTO app.document_elements (id, document_id, created, modified, hierarchy, content, position)
        SELECT id, document, {_moment("id")}, {_moment("id")},
               jsonb_build_object('document', document, 'element_order', place),
               jsonb_build_object('text', {_words("id * 37 % 290", "80 + id * 53 % 160")}), place::bigint * 65536
        FROM ({places}) AS places (id, document, place)
    """


def _shares(size: Size) -> list[str]:
    insert = """
        INSERT INTO app.object_sharing (
            object_type, object_id, shared_with_type, shared_with_id, access_level, created_by_id
        )
    """
    member = MEMBER.user_id
    return [
        # With the member, with a classroom of theirs, with another; and one that sleeps, as its collection is private.
        f"""
        {insert} VALUES
        ('collection', 4, 'user', {member}, 'view', 5), ('collection', 10, 'group', 2, 'edit', 11),
        ('collection', 16, 'group', 9, 'view', 17), ('collection', 5, 'user', {member}, 'view', 6)
        """,
        # Single documents of a collection that isn't shared with the member as a whole.
        f"""
        {insert} SELECT 'document', id, 'user', {member}, 'view', 17 FROM app.documents
        WHERE document_collection_id = 16 ORDER BY id LIMIT 2
        """,
        # With others, to be passed over.
        f"""
        {insert} SELECT 'document', 1 + n % {size.documents}, 'user', {member} + n, 'edit', 1
        FROM generate_series(1, 300) AS n
        """,
    ]


def _document(element: str, size: Size) -> str:
    """The document of an element that isn't measured: they are spread evenly."""
    elements, documents = size.elements - MEASURED_ELEMENTS, size.documents - MEASURED_DOCUMENTS
    return f"{MEASURED_DOCUMENTS + 1} + (({element})::bigint - {MEASURED_ELEMENTS + 1}) * {documents} / {elements}"


def _collection(document: str) -> str:
    """The collection of a document that isn't measured."""
    return f"{COLLECTION + 1} + ({document}) % {COLLECTIONS - COLLECTION}"


# -- annotations


def _annotations(size: Size) -> list[str]:
    first_response = ELEMENTS * _NOTES_EACH
    first_in_tree = first_response + ELEMENTS * _RESPONSES_EACH
    return [
        # The moments let the notes of classrooms stand among the others, rather than behind them all.
        _written(f"""
            SELECT n + 1, 1, {DOCUMENT}, element, NULL::int, element * 1000 + place * 7 % {_NOTES_EACH},
                   CASE WHEN place = {NOTES + 5} THEN 55 ELSE 1 + (element * 17 + place * 29) % 99 END,
                   CASE WHEN place IN ({NOTES + 1}, {NOTES + 2}) THEN 1 WHEN place = {NOTES + 3} THEN 12 END,
                   CASE place % 4 WHEN 0 THEN 'scholarly' ELSE 'commenting' END,
                   CASE place WHEN {NOTES + 4} THEN 'private' WHEN {NOTES + 5} THEN 'hidden' ELSE 'active' END
            FROM generate_series(0, {ELEMENTS * _NOTES_EACH - 1}) AS n,
                 LATERAL (SELECT 1 + n / {_NOTES_EACH} AS element, 1 + n % {_NOTES_EACH} AS place) AS at
        """),
        _written(f"""
            SELECT {first_response} + n + 1, 1, {DOCUMENT}, element, {_NOTES_EACH} * (element - 1) + note,
                   element * 1000 + 500 + place,
                   CASE WHEN motivation = 'upvoting' AND (note + place) % 5 = 0 THEN {MEMBER.user_id}
                   ELSE 1 + (element * 13 + place * 31) % 99 END,
                   NULL::int, motivation,
                   CASE WHEN place = {_REPLIES - 1} THEN 'hidden' ELSE 'active' END
            FROM generate_series(0, {ELEMENTS * _RESPONSES_EACH - 1}) AS n,
                 LATERAL (SELECT 1 + n / {_RESPONSES_EACH} AS element, n % {_RESPONSES_EACH} AS place) AS at,
                 LATERAL (SELECT
                     CASE WHEN place < {_REPLIES} THEN 'replying' WHEN place < {_REPLIES + _TAGS} THEN 'tagging'
                     WHEN place < {_REPLIES + _TAGS + _VOTES} THEN 'upvoting' ELSE 'flagging' END AS motivation,
                     CASE WHEN place < {_REPLIES} THEN 1 + place / 2
                     WHEN place < {_REPLIES + _TAGS} THEN 1 + (place - {_REPLIES}) / 2
                     WHEN place < {_REPLIES + _TAGS + _VOTES} THEN 1 + (place - {_REPLIES + _TAGS}) / 3
                     ELSE 6 END AS note
                 ) AS response
        """),
        _written(f"""
            SELECT {first_in_tree} + n + 1, {COLLECTION}, 1 + {DOCUMENT} + element / {TREE_ELEMENTS},
                   {ELEMENTS + 1} + element, NULL::int, element * 1000 + place * 3 % {_TREE_NOTES_EACH},
                   1 + (element * 17 + place * 29) % 99, CASE place WHEN {TREE_NOTES + 1} THEN 2 END,
                   CASE place % 4 WHEN 0 THEN 'scholarly' ELSE 'commenting' END,
                   CASE place WHEN {TREE_NOTES + 2} THEN 'private' ELSE 'active' END
            FROM generate_series(0, {_TREE_SIZE * _TREE_NOTES_EACH - 1}) AS n,
                 LATERAL (SELECT n / {_TREE_NOTES_EACH} AS element, 1 + n % {_TREE_NOTES_EACH} AS place) AS at
        """),
        _other_annotations(size),
    ]


def _other_annotations(size: Size) -> str:
    """Of each hundred ninety are notes, of all kinds and for all kinds of people; the rest answers the first ten.

    They come to their elements in no order, as people write, so that the notes of one element lie far apart.
    """
    elements = size.elements - MEASURED_ELEMENTS
    # Over two years, of which the measured notes are written in the midst.
    begin, seconds = -365 * 86_400, 730 * 86_400 / size.annotations
    return _written(f"""
        SELECT {MEASURED_ANNOTATIONS + 1} + n, {_collection("document")}, document, element,
               CASE WHEN kind >= 90 THEN {MEASURED_ANNOTATIONS + 1} + note END, {begin} + n / 2 * 2 * {seconds},
               CASE WHEN kind IN (86, 87, 99) THEN 101 + n / 100 % 300
               ELSE 1 + (n / 100 * 7 + kind * 13) % {PEOPLE} END,
               CASE WHEN kind BETWEEN 70 AND 79 THEN 1 + n / 100 % {CLASSROOMS} END,
               CASE WHEN kind < 60 OR kind BETWEEN 70 AND 87 THEN 'commenting' WHEN kind < 70 THEN 'scholarly'
               WHEN kind < 90 THEN 'linking' WHEN kind < 95 THEN 'replying' WHEN kind < 97 THEN 'tagging'
               WHEN kind < 99 THEN 'upvoting' ELSE 'flagging' END,
               CASE WHEN kind BETWEEN 80 AND 84 THEN 'private' WHEN kind IN (85, 86) THEN 'hidden'
               WHEN kind = 87 THEN 'deleted' ELSE 'active' END
        FROM generate_series(0, {size.annotations - MEASURED_ANNOTATIONS - 1}) AS n,
             LATERAL (SELECT n % 100 AS kind, CASE WHEN n % 100 >= 90 THEN n - 90 ELSE n END AS note) AS at,
             LATERAL (SELECT {MEASURED_ELEMENTS + 1} + note::bigint * 2654435761 % 4294967296 % {elements} AS element)
             AS elements,
             LATERAL (SELECT {_document("element", size)} AS document) AS documents
    """)


def _written(rows: str) -> str:
    """Of rows (id, collection, document, element, parent, seconds, creator, classroom, motivation, status)."""
    return f"""
        INSERT INTO app.annotations (
            id, document_collection_id, document_id, document_element_id, parent_id, created, modified, creator_id,
            owner_id, classroom_id, motivation, status, type, body, target
        )
        SELECT id, collection, document, element, parent, {_moment("seconds")}, {_moment("seconds")}, creator,
               CASE id % 7 WHEN 0 THEN creator END, classroom, motivation, status, 'Annotation',
               jsonb_build_object('id', id, 'type', 'TextualBody', 'value', CASE motivation
                   WHEN 'tagging' THEN (ARRAY['court', 'autumn', 'poem', 'to ask'])[1 + id % 4]
                   ELSE {_words("id * 31 % 290", "20 + id * 17 % 60")} END, 'format', 'text/plain', 'language', 'en'),
               CASE WHEN parent IS NULL THEN jsonb_build_array(jsonb_build_object(
                   'id', id, 'type', 'Text', 'source', 'DocumentElements/' || element, 'selector', jsonb_build_object(
                       'type', 'TextQuoteSelector', 'value', {_words("element * 37 % 290 + id % 40", "12")},
                       'refined_by', jsonb_build_object(
                           'type', 'TextPositionSelector', 'start', id % 40, 'end', 12 + id % 40))))
               ELSE jsonb_build_array(jsonb_build_object(
                   'id', id, 'type', 'Annotation', 'source', 'Annotation/' || parent)) END
        FROM ({rows}) AS written (
            id, collection, document, element, parent, seconds, creator, classroom, motivation, status
        )
    """


def _moment(seconds: str) -> str:
    return f"timestamptz '2025-06-01 00:00:00Z' + interval '1 second' * ({seconds})"


def _words(begin: str, length: str) -> str:
    """So much of the passage, from there on."""
    return f"substr($passage${PASSAGE}$passage$, 1 + ({begin})::int, ({length})::int)"

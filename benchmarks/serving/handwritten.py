"""What somebody would write by hand for these workloads: one SQL statement each, that gives the answer as JSON.

Each comes in two forms: with json_build_object and json_agg, as one would begin, and with its JSON put together as
text, as one would go on for speed. Both ask the server's own conditions of visibility.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from benchmarks.serving.sight import SOMEBODY, VISITOR, Sight, Statement
from genji_graphql.access.rules import Action

_IN_USE = "app.annotations.status IN ('active', 'private')"
_NAME = "coalesce(nullif(btrim(concat_ws(' ', first_name, last_name)), ''), username)"
_TAG = "coalesce(app.annotations.body ->> 'value', app.annotations.body -> 0 ->> 'value')"


class Json(ABC):
    """A way to write JSON in SQL; whatever comes in and goes out is an SQL expression."""

    @abstractmethod
    def object(self, **fields: str) -> str: ...

    @abstractmethod
    def rows(self, item: str, source: str) -> str:
        """An array of the rows of a FROM clause, in their order."""

    @abstractmethod
    def one(self, item: str, source: str) -> str:
        """The only row of a FROM clause, or null."""

    @abstractmethod
    def text(self, value: str) -> str: ...

    @abstractmethod
    def json(self, value: str) -> str: ...

    @abstractmethod
    def truth(self, value: str) -> str: ...

    @abstractmethod
    def answer(self, item: str) -> str:
        """The statement that gives the whole answer, in bytes."""


class JsonAgg(Json):
    def object(self, **fields: str) -> str:
        return f"json_build_object({', '.join(f'{name!r}, {value}' for name, value in fields.items())})"

    def rows(self, item: str, source: str) -> str:
        return f"(SELECT coalesce(json_agg(item), '[]') FROM (SELECT {item} AS item {source}) AS items)"

    def one(self, item: str, source: str) -> str:
        return f"(SELECT {item} {source})"

    def text(self, value: str) -> str:
        return value

    def json(self, value: str) -> str:
        return value

    def truth(self, value: str) -> str:
        return value

    def answer(self, item: str) -> str:
        return f"SELECT convert_to(({item})::text, 'UTF8')"


class Concat(Json):
    def object(self, **fields: str) -> str:
        pieces = (f"""'{"," if place else "{"}"{name}":', {fields[name]}""" for place, name in enumerate(fields))
        return f"concat({', '.join(pieces)}, '}}')"

    def rows(self, item: str, source: str) -> str:
        return f"concat('[', (SELECT string_agg(item, ',') FROM (SELECT {item} AS item {source}) AS items), ']')"

    def one(self, item: str, source: str) -> str:
        return f"coalesce((SELECT {item} {source}), 'null')"

    def text(self, value: str) -> str:
        return f"coalesce(to_json({value})::text, 'null')"

    def json(self, value: str) -> str:
        return f"coalesce({value}::text, 'null')"

    def truth(self, value: str) -> str:
        return f"CASE WHEN {value} THEN 'true' ELSE 'false' END"

    def answer(self, item: str) -> str:
        return f"SELECT convert_to({item}, 'UTF8')"


def _person(json: Json, key: str) -> str:
    return json.one(json.object(id="id", displayName=json.text(_NAME)), f"FROM app.users WHERE id = {key}")


def _notes(json: Json, sight: Sight, size: int, **more: str) -> str:
    """A page of an element's notes."""
    note = json.object(
        id="app.annotations.id",
        motivation=json.text("app.annotations.motivation"),
        body=json.json("app.annotations.body"),
        created=json.text("app.annotations.created"),
        **more,
    )
    return json.rows(
        note,
        f"""
        FROM app.annotations
        WHERE app.annotations.document_element_id = elements.id AND {sight.notes} AND {_IN_USE}
        ORDER BY app.annotations.created, app.annotations.id LIMIT {size}
        """,
    )


def _elements(json: Json, document: str, size: int, **fields: str) -> str:
    return json.rows(
        json.object(id="elements.id", text=json.text("elements.content ->> 'text'"), **fields),
        f"""
        FROM app.document_elements AS elements WHERE elements.document_id = {document}
        ORDER BY elements.position, elements.id LIMIT {size}
        """,
    )


def _document(json: Json, sight: Sight, **fields: str) -> str:
    """The visible document of an id."""
    document = json.one(
        json.object(**fields), f"FROM app.documents WHERE app.documents.id = %(id)s::int AND {sight.documents}"
    )
    return json.answer(json.object(document=document))


def reading_view(json: Json, sight: Sight) -> str:
    notes = _notes(json, sight, 20, creator=_person(json, "app.annotations.creator_id"))
    return _document(
        json,
        sight,
        id="app.documents.id",
        title=json.text("app.documents.title"),
        elements=_elements(json, "app.documents.id", 100, annotations=notes),
    )


def reading(json: Json, sight: Sight) -> str:
    collection = json.one(
        json.object(
            id="app.document_collections.id",
            title=json.text("title"),
            textDirection=json.text("text_direction"),
            language=json.text("language"),
        ),
        f"""
        FROM app.document_collections
        WHERE app.document_collections.id = app.documents.document_collection_id AND {sight.collections}
        """,
    )
    return _document(
        json,
        sight,
        title=json.text("app.documents.title"),
        collection=collection,
        elements=_reading_elements(json, sight),
    )


def _reading_elements(json: Json, sight: Sight) -> str:
    # The whole page is looked at twice, for its rows and for what comes after it: a document has not many elements.
    page = json.object(
        hasNextPage=json.truth("count(*) > 50"),
        endCursor=json.text("(array_agg(places.id ORDER BY places.position, places.id))[least(50, count(*))]"),
    )
    nodes = _elements(
        json,
        "app.documents.id",
        50,
        content=json.json("elements.content"),
        hierarchy=json.json("elements.hierarchy"),
        annotations=_reading_notes(json, sight),
    )
    places = """FROM (SELECT id, position FROM app.document_elements WHERE document_id = app.documents.id
                ORDER BY position, id LIMIT 51) AS places"""
    return json.object(pageInfo=json.one(page, places), nodes=nodes)


def _reading_notes(json: Json, sight: Sight) -> str:
    """The notes of an element, with all that hangs on them.

    What hangs on a note reads the same table, so the notes come out of a subquery, by whose name they are known there.
    """
    reply = json.object(
        id="app.annotations.id",
        body=json.json("app.annotations.body"),
        created=json.text("app.annotations.created"),
        creator=json.one(
            json.object(displayName=json.text(_NAME)), "FROM app.users WHERE id = app.annotations.creator_id"
        ),
    )
    answering = f"FROM app.annotations WHERE app.annotations.parent_id = notes.id AND {sight.responses}"
    tags = f"(SELECT array_agg(DISTINCT {_TAG}) {answering} AND motivation = 'tagging' AND {_TAG} IS NOT NULL)"
    upvotes = f"{answering} AND motivation = 'upvoting'"
    note = json.object(
        id="notes.id",
        motivation=json.text("notes.motivation"),
        body=json.json("notes.body"),
        target=json.json("notes.target"),
        created=json.text("notes.created"),
        creator=_person(json, "notes.creator_id"),
        upvoteCount=f"(SELECT count(*) {upvotes})",
        viewerHasUpvoted=json.truth(f"(SELECT coalesce(bool_or({sight.own}), false) {upvotes})"),
        tags=json.text(f"coalesce({tags}, '{{}}')"),
        viewerCan=json.object(
            edit=json.truth("notes.may_edit"),
            delete=json.truth("notes.may_delete"),
            reply=json.truth("notes.may_reply"),
        ),
        replies=json.rows(
            reply,
            f"""
            {answering} AND motivation = 'replying'
            ORDER BY app.annotations.created, app.annotations.id LIMIT 20
            """,
        ),
    )
    return json.rows(
        note,
        f"""
        FROM (
            SELECT app.annotations.*, {sight.may(Action.EDIT)} AS may_edit, {sight.may(Action.DELETE)} AS may_delete,
                   {sight.may(Action.REPLY)} AS may_reply
            FROM app.annotations
            WHERE app.annotations.document_element_id = elements.id AND {sight.notes} AND {_IN_USE}
            ORDER BY app.annotations.created, app.annotations.id LIMIT 50
        ) AS notes
        """,
    )


def deep_tree(json: Json, sight: Sight) -> str:
    documents = json.rows(
        json.object(
            id="documents.id",
            title=json.text("documents.title"),
            elements=_elements(json, "documents.id", 20, annotations=_notes(json, sight, 5)),
        ),
        """
        FROM app.documents AS documents WHERE documents.document_collection_id = app.document_collections.id
        ORDER BY documents.position, documents.id LIMIT 20
        """,
    )
    collection = json.one(
        json.object(id="app.document_collections.id", title=json.text("title"), documents=documents),
        f"""
        FROM app.document_collections WHERE app.document_collections.id = %(id)s::int AND {sight.collections}
        """,
    )
    return json.answer(json.object(collection=collection))


def point(json: Json, sight: Sight) -> str:
    return _document(
        json,
        sight,
        id="app.documents.id",
        title=json.text("title"),
        description=json.text("description"),
        created=json.text("created"),
    )


def flat_list(json: Json, sight: Sight) -> str:
    note = json.object(
        id="app.annotations.id",
        motivation=json.text("motivation"),
        status=json.text("status"),
        body=json.json("body"),
        target=json.json("target"),
        created=json.text("created"),
        modified=json.text("modified"),
    )
    source = f"FROM app.annotations WHERE {sight.notes_anywhere} AND {_IN_USE} ORDER BY created, id LIMIT 1000"
    return json.answer(json.object(annotations=json.rows(note, source)))


def filtered(json: Json, sight: Sight) -> str:
    found = f"""
        FROM app.annotations
        WHERE app.annotations.creator_id = %(creator)s::int AND app.annotations.motivation = 'commenting'
        AND {sight.notes_anywhere} AND {_IN_USE}
    """
    document = json.one(
        json.object(id="app.documents.id", title=json.text("title")),
        f"FROM app.documents WHERE app.documents.id = app.annotations.document_id AND {sight.documents}",
    )
    note = json.object(
        id="app.annotations.id",
        body=json.json("app.annotations.body"),
        created=json.text("app.annotations.created"),
        document=document,
    )
    nodes = json.rows(note, f"{found} ORDER BY app.annotations.created DESC, app.annotations.id DESC LIMIT 50")
    page = json.object(totalCount=f"(SELECT count(*) {found})", nodes=nodes)
    return json.answer(json.object(annotations=page))


def collections(json: Json, sight: Sight) -> str:
    documents = "SELECT count(*) FROM app.documents WHERE document_collection_id = app.document_collections.id"
    collection = json.object(
        id="app.document_collections.id",
        title=json.text("title"),
        visibility=json.text("visibility"),
        language=json.text("language"),
        textDirection=json.text("text_direction"),
        collectionMetadata=json.json("collection_metadata"),
        createdBy=_person(json, "app.document_collections.created_by_id"),
        documents=json.object(totalCount=f"({documents})"),
    )
    found = f"FROM app.document_collections WHERE {sight.collections}"
    nodes = json.rows(collection, f"{found} ORDER BY position, app.document_collections.id LIMIT 50")
    return json.answer(json.object(collections=json.object(totalCount=f"(SELECT count(*) {found})", nodes=nodes)))


FORMS: Mapping[str, Json] = {"json_agg": JsonAgg(), "concat": Concat()}

WRITTEN: Mapping[str, Callable[[Json, Sight], str]] = {
    "reading-view": reading_view,
    "reading": reading,
    "deep-tree": deep_tree,
    "point": point,
    "flat-list": flat_list,
    "filtered": filtered,
    "collections": collections,
}


def statements(form: str) -> dict[tuple[str, bool], Statement]:
    """The statement of each workload, for an anonymous viewer or not."""
    return {
        (name, sight is VISITOR): Statement.of(write(FORMS[form], sight))
        for name, write in WRITTEN.items()
        for sight in (VISITOR, SOMEBODY)
    }

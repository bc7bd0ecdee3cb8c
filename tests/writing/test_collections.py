"""Collections: who makes, changes and reorders them, what is told of them, and what follows."""

import asyncio
import base64
from typing import Any

import pytest
from sqlalchemy import select, update

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.models import DocumentCollection, SiteSettings
from genji_graphql.vocabulary import AccessLevel, Visibility
from tests.service import Service
from tests.writing.asking import WHO, Shelf, changed, denied, expected_of, id_of, read, refused

WHOLE = """collection {
  databaseId title visibility textDirection language hierarchy collectionMetadata
  owner { username } createdBy { username } modifiedBy { username } viewerCan { edit share delete }
}"""
TITLES = "query { collections(first: 100) { nodes { title } } }"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
IMAGE = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
ASKED = [
    {"key": "author", "label": "Author", "required": True, "type": "text"},
    {"key": "the_summary", "label": "Summary", "required": False, "type": "textarea"},
    {"key": "editors", "label": "Editors", "required": True, "type": "list"},
    {"key": "cover", "label": "Cover", "required": False, "type": "image"},
]
GOOD = {"author": "Murasaki Shikibu", "editors": ["Waley"]}


async def ask_for_metadata(shelf: Shelf) -> None:
    admin = shelf.people["administrator"]
    settings = SiteSettings(site_title="Genji", updated_by_id=admin.id, collection_metadata_schema=ASKED)
    await shelf.world.add(settings)


async def creator(shelf: Shelf) -> Viewer:
    return await shelf.viewer(await shelf.person("instructor", username="murasaki"))


async def titles(service: Service, viewer: Viewer) -> list[str]:
    return [one["title"] for one in (await service.ask(TITLES, viewer=viewer))["collections"]["nodes"]]


async def place_of(shelf: Shelf) -> list[int]:
    return await shelf.all(select(DocumentCollection.id).order_by(DocumentCollection.position, DocumentCollection.id))


# Making


async def test_who_creates_a_collection_owns_it(service: Service, shelf: Shelf) -> None:
    viewer = await creator(shelf)

    made = await changed(
        service,
        viewer,
        "createCollection",
        f"{WHOLE} collectionEdge {{ cursor node {{ title }} }}",
        title=" 源氏物語 ",
        visibility="PUBLIC",
        textDirection="VERTICAL_RL",
        language="ja",
        hierarchy={"levels": ["chapter", "page"]},
        collectionMetadata={"author": "Murasaki Shikibu", "year": 1008},
    )

    collection = made["collection"]
    assert await place_of(shelf) == [shelf.collection.id, collection.pop("databaseId")]
    me = {"username": "murasaki"}
    assert collection == {
        "title": "源氏物語",
        "visibility": "PUBLIC",
        "textDirection": "VERTICAL_RL",
        "language": "ja",
        "hierarchy": {"levels": ["chapter", "page"]},
        "collectionMetadata": {"author": "Murasaki Shikibu", "year": 1008},
        "owner": me,
        "createdBy": me,
        "modifiedBy": None,
        "viewerCan": {"edit": True, "share": True, "delete": True},
    }
    # The cursor is one of the list of collections, where the new one is the last.
    edge = made["collectionEdge"]
    query = "query($after: String) { collections(after: $after) { nodes { id } } }"
    assert (await service.ask(query, {"after": edge["cursor"]}, viewer=viewer))["collections"]["nodes"] == []
    seen = await read(service, ANONYMOUS, "{ collections { nodes { title } edges { cursor } } }")
    assert seen["collections"] == {"nodes": [edge["node"]], "edges": [{"cursor": edge["cursor"]}]}


async def test_a_collection_is_private_unless_told(service: Service, shelf: Shelf) -> None:
    made = await changed(
        service, await creator(shelf), "createCollection", WHOLE, title="Mine", visibility=None, language=None
    )
    assert (made["collection"]["visibility"], made["collection"]["textDirection"]) == ("PRIVATE", "LTR")
    assert made["collection"]["language"] is None
    assert await titles(service, await shelf.who("stranger")) == []


@pytest.mark.parametrize("who", WHO)
async def test_collections_are_created_by_those_with_the_permission(service: Service, shelf: Shelf, who: str) -> None:
    if who == "administrator":
        await changed(service, await shelf.who(who), "createCollection", WHOLE, title="Mine")
    else:
        told = await denied(service, shelf, await shelf.who(who), "createCollection", title="Mine")
        assert told == ("PermissionDenied", "FORBIDDEN", None)


async def test_an_instructors_writing_token_creates_and_their_reading_token_does_not(
    service: Service, shelf: Shelf
) -> None:
    person = await shelf.person("instructor")
    told = await denied(service, shelf, await shelf.program(person, "read"), "createCollection", title="Mine")
    assert told[0] == "PermissionDenied"
    await changed(service, await shelf.program(person, "write"), "createCollection", WHOLE, title="Mine")


async def test_a_request_that_comes_again_makes_nothing_more(service: Service, shelf: Shelf) -> None:
    viewer = await creator(shelf)
    given = {"title": "Once", "collectionMetadata": {"b": 1, "a": 2}, "idempotencyKey": "k"}
    first = await changed(service, viewer, "createCollection", WHOLE, **given)

    before = await shelf.contents()
    again = await changed(service, viewer, "createCollection", WHOLE, **given)
    assert again == first
    assert await shelf.contents() == before
    told = await denied(service, shelf, viewer, "createCollection", **given | {"title": "Twice"})
    assert told == ("ValidationError", "KEY_REUSED", "idempotencyKey")
    # Another person's key is another key.
    other = await changed(service, await shelf.who("administrator"), "createCollection", WHOLE, **given)
    assert other["collection"]["databaseId"] != first["collection"]["databaseId"]


async def test_a_request_that_comes_many_times_at_once_makes_one(service: Service, shelf: Shelf) -> None:
    viewer = await creator(shelf)
    given = {"title": "Once", "idempotencyKey": "k"}

    made = await asyncio.gather(*(changed(service, viewer, "createCollection", WHOLE, **given) for _ in range(8)))

    assert len({one["collection"]["databaseId"] for one in made}) == 1
    assert len(await place_of(shelf)) == 2


async def test_what_failed_can_be_sent_again_with_its_key(service: Service, shelf: Shelf) -> None:
    viewer = await creator(shelf)
    await denied(service, shelf, viewer, "createCollection", title="", idempotencyKey="k")
    await changed(service, viewer, "createCollection", WHOLE, title="Once", idempotencyKey="k")


async def test_collections_that_are_made_at_once_have_places_of_their_own(service: Service, shelf: Shelf) -> None:
    viewer = await creator(shelf)
    await asyncio.gather(*(changed(service, viewer, "createCollection", WHOLE, title=f"One of {n}") for n in range(6)))
    positions = await shelf.all(select(DocumentCollection.position))
    assert len(set(positions)) == 7


# Changing


@pytest.mark.parametrize("who", WHO)
async def test_a_collection_is_changed_by_those_who_edit_it(service: Service, shelf: Shelf, who: str) -> None:
    viewer = await shelf.who(who)
    given = {"id": id_of(shelf.collection), "title": "The Tale"}
    if (error := expected_of(who, level=AccessLevel.EDIT)) is None:
        collection = (await changed(service, viewer, "updateCollection", WHOLE, **given))["collection"]
        assert (collection["title"], collection["modifiedBy"]) == ("The Tale", {"username": who})
        assert await titles(service, await shelf.who("reader")) == ["The Tale"]
    else:
        assert (await denied(service, shelf, viewer, "updateCollection", **given))[:2] == error


@pytest.mark.parametrize("who", ["owner", "manager", "editor", "administrator"])
async def test_who_may_see_a_collection_is_said_by_those_who_manage_it(
    service: Service, shelf: Shelf, who: str
) -> None:
    viewer, given = await shelf.who(who), {"id": id_of(shelf.collection), "title": "New"}
    if who == "editor":
        told = await denied(service, shelf, viewer, "updateCollection", visibility="PUBLIC", **given)
        assert told == ("PermissionDenied", "FORBIDDEN", "visibility")
        # To say what it is already changes nothing.
        await changed(service, viewer, "updateCollection", WHOLE, visibility="SHARED", **given)
    else:
        await changed(service, viewer, "updateCollection", WHOLE, visibility="PUBLIC", **given)
        assert await titles(service, ANONYMOUS) == ["New"]


async def test_who_closes_a_collection_to_themselves_is_told_nothing_of_it(service: Service, shelf: Shelf) -> None:
    given = {"id": id_of(shelf.collection), "visibility": "PRIVATE"}
    payload = await changed(service, await shelf.who("manager"), "updateCollection", WHOLE, **given)
    assert payload["collection"] is None
    assert await titles(service, await shelf.who("owner")) == ["Genji"]


async def test_what_is_left_out_stays_and_null_is_none(service: Service, shelf: Shelf) -> None:
    viewer, given = await shelf.who("owner"), {"id": str(shelf.collection.id)}
    filled = {"language": "ja", "hierarchy": {"a": 1}, "collectionMetadata": {"b": [1, None]}}
    await changed(service, viewer, "updateCollection", WHOLE, **given, **filled)

    kept = (await changed(service, viewer, "updateCollection", WHOLE, **given, title="New"))["collection"]
    assert {name: kept[name] for name in filled} == filled
    emptied = await changed(service, viewer, "updateCollection", WHOLE, **given, **dict.fromkeys(filled))
    assert {emptied["collection"][name] for name in filled} == {None}
    for field in ("title", "visibility", "textDirection"):
        told = await denied(service, shelf, viewer, "updateCollection", **given, **{field: None})
        assert told == ("ValidationError", "REQUIRED", field)


async def test_bad_input_names_the_field_and_changes_nothing(service: Service, shelf: Shelf) -> None:
    for values, field, code in (
        ({"title": " \u3000"}, "title", "REQUIRED"),
        ({"title": "T" * 256}, "title", "TOO_LONG"),
        ({"title": "Gen\nji"}, "title", "INVALID_CHARACTERS"),
        ({"title": "Gen\u202eji"}, "title", "INVALID_CHARACTERS"),
        ({"title": "Gen\0ji"}, "title", "INVALID"),
        ({"title": "T", "language": "l" * 51}, "language", "TOO_LONG"),
        ({"title": "T", "hierarchy": [1]}, "hierarchy", "NOT_AN_OBJECT"),
        ({"title": "T", "hierarchy": "levels"}, "hierarchy", "NOT_AN_OBJECT"),
        ({"title": "T", "hierarchy": {"a": "x" * 100_001}}, "hierarchy", "TOO_LONG"),
        ({"title": "T", "hierarchy": {"a": "\0"}}, "hierarchy", "INVALID"),
        ({"title": "T", "hierarchy": {"\0": 1}}, "hierarchy", "INVALID"),
        ({"title": "T", "collectionMetadata": [1]}, "collectionMetadata", "NOT_AN_OBJECT"),
        ({"title": "T", "collectionMetadata": {"a": "x" * 3_000_001}}, "collectionMetadata", "TOO_LONG"),
    ):
        told = await denied(
            service, shelf, await shelf.who("owner"), "updateCollection", id=str(shelf.collection.id), **values
        )
        assert told[1:] == (code, field), str(values)[:100]
        told = await denied(service, shelf, await shelf.who("administrator"), "createCollection", **values)
        assert told[1:] == (code, field), str(values)[:100]


async def test_a_number_that_json_cannot_hold_is_refused(service: Service, shelf: Shelf) -> None:
    viewer = await shelf.who("owner")
    query = f"""mutation {{ updateCollection(input: {{id: "{shelf.collection.id}", hierarchy: {{a: 1e999}}}}) {{
        errors {{ field }} }} }}"""
    told = await service.ask(query, viewer=viewer)
    assert told["updateCollection"]["errors"] == [{"field": "hierarchy"}]


async def test_all_that_is_wrong_is_told_at_once(service: Service, shelf: Shelf) -> None:
    await ask_for_metadata(shelf)
    told = await refused(
        service,
        shelf,
        await shelf.who("administrator"),
        "createCollection",
        title="",
        language="l" * 51,
        collectionMetadata={"editors": ["Waley", 1], "the_summary": 2},
    )
    assert [(error["field"], error["code"]) for error in told] == [
        ("title", "REQUIRED"),
        ("language", "TOO_LONG"),
        ("collectionMetadata.author", "REQUIRED"),
        ("collectionMetadata.the_summary", "WRONG_TYPE"),
        ("collectionMetadata.editors.1", "WRONG_TYPE"),
    ]


# What the site asks about each


async def test_what_the_site_asks_is_asked_of_every_new_collection(service: Service, shelf: Shelf) -> None:
    await ask_for_metadata(shelf)
    viewer = await shelf.who("administrator")
    for given in ({}, {"collectionMetadata": None}, {"collectionMetadata": {"author": " ", "editors": [""]}}):
        told = await refused(service, shelf, viewer, "createCollection", title="New", **given)
        assert [error["field"] for error in told] == ["collectionMetadata.author", "collectionMetadata.editors"]
    good = GOOD | {"the_summary": "One.\n\nTwo.", "cover": IMAGE, "mine": {"of": 1.5}}
    made = await changed(service, viewer, "createCollection", WHOLE, title="New", collectionMetadata=good)
    assert made["collection"]["collectionMetadata"] == good


async def test_an_older_collection_is_asked_where_its_metadata_is_given_anew(service: Service, shelf: Shelf) -> None:
    await ask_for_metadata(shelf)
    viewer, given = await shelf.who("editor"), {"id": id_of(shelf.collection)}
    await changed(service, viewer, "updateCollection", WHOLE, **given, title="New")
    told = await refused(service, shelf, viewer, "updateCollection", **given, collectionMetadata={})
    assert {error["code"] for error in told} == {"REQUIRED"}
    await changed(service, viewer, "updateCollection", WHOLE, **given, collectionMetadata=GOOD)


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"author": 5}, "author", "WRONG_TYPE"),
        ({"author": "One\nTwo"}, "author", "INVALID_CHARACTERS"),
        ({"author": "a" * 1001}, "author", "TOO_LONG"),
        ({"author": {"name": "x"}}, "author", "WRONG_TYPE"),
        ({"the_summary": ["x"]}, "the_summary", "WRONG_TYPE"),
        ({"the_summary": "a\x07b"}, "the_summary", "INVALID_CHARACTERS"),
        ({"the_summary": "a" * 20_001}, "the_summary", "TOO_LONG"),
        ({"editors": "Waley"}, "editors", "WRONG_TYPE"),
        ({"editors": ["Waley", None]}, "editors.1", "WRONG_TYPE"),
        ({"editors": ["x"] * 501}, "editors", "TOO_MANY"),
        ({"cover": "http://example.org/a.png"}, "cover", "WRONG_TYPE"),
        ({"cover": "javascript:alert(1)"}, "cover", "WRONG_TYPE"),
        ({"cover": "https://"}, "cover", "WRONG_TYPE"),
        ({"cover": "https://example.org/a b"}, "cover", "WRONG_TYPE"),
        ({"cover": "data:image/svg+xml;base64,PHN2Zy8+"}, "cover", "WRONG_TYPE"),
        ({"cover": "data:text/html;base64,PHN2Zy8+"}, "cover", "WRONG_TYPE"),
        ({"cover": "data:image/png;base64,PHN2Zy8+"}, "cover", "UNKNOWN_IMAGE_TYPE"),
        ({"cover": "data:image/png;base64,###"}, "cover", "INVALID_BASE64"),
        ({"cover": 5}, "cover", "WRONG_TYPE"),
    ],
)
async def test_metadata_of_another_kind_than_the_site_asks_for_is_refused(
    service: Service, shelf: Shelf, given: dict[str, Any], field: str, code: str
) -> None:
    await ask_for_metadata(shelf)
    viewer, whole = await shelf.who("editor"), {"id": id_of(shelf.collection), "collectionMetadata": GOOD | given}
    told = await denied(service, shelf, viewer, "updateCollection", **whole)
    assert told == ("ValidationError", code, f"collectionMetadata.{field}")


async def test_an_image_may_stand_elsewhere(service: Service, shelf: Shelf) -> None:
    await ask_for_metadata(shelf)
    metadata = GOOD | {"cover": "https://example.org/cover.png?size=2"}
    given = {"id": id_of(shelf.collection), "collectionMetadata": metadata}
    await changed(service, await shelf.who("editor"), "updateCollection", WHOLE, **given)


# Somebody else was first


async def test_a_stale_change_is_a_conflict_and_tells_what_is_there_now(service: Service, shelf: Shelf) -> None:
    viewer, given = await shelf.who("editor"), {"id": id_of(shelf.collection)}
    query = "query($id: ID!) { collection(id: $id) { modified } }"
    known = (await service.ask(query, given, viewer=viewer))["collection"]["modified"]
    await changed(service, viewer, "updateCollection", WHOLE, **given, title="First", expectedModified=known)

    (told,) = await refused(service, shelf, viewer, "updateCollection", **given, title="Second", expectedModified=known)
    assert (told["__typename"], told["field"], told["current"]) == ("Conflict", "expectedModified", given)


async def test_of_two_who_know_the_same_one_is_refused(service: Service, shelf: Shelf) -> None:
    viewer, given = await shelf.who("editor"), {"id": id_of(shelf.collection)}
    query = "query($id: ID!) { collection(id: $id) { modified } }"
    known = (await service.ask(query, given, viewer=viewer))["collection"]["modified"]

    async def change(title: str) -> int:
        text = "mutation($input: UpdateCollectionInput!) { updateCollection(input: $input) { errors { code } } }"
        values = {"input": given | {"title": title, "expectedModified": known}}
        return len((await service.ask(text, values, viewer=viewer))["updateCollection"]["errors"])

    assert sorted(await asyncio.gather(*map(change, "abcd"))) == [0, 1, 1, 1]


# Seen at once


async def test_a_change_is_seen_by_what_comes_after_it(service: Service, shelf: Shelf) -> None:
    viewer, one = await shelf.who("owner"), id_of(shelf.collection)
    many = f"""mutation {{
      first: updateCollection(input: {{id: "{one}", title: "One"}}) {{ collection {{ title documents {{ nodes {{
        collection {{ title }} }} }} }} }}
      second: updateCollection(input: {{id: "{one}", title: "Two"}}) {{ collection {{ title documents {{ nodes {{
        collection {{ title }} }} }} }} }}
    }}"""

    made = await service.ask(many, viewer=viewer)

    for alias, title in (("first", "One"), ("second", "Two")):
        documents = {"nodes": [{"collection": {"title": title}}]}
        assert made[alias]["collection"] == {"title": title, "documents": documents}
    seen = await read(
        service,
        await shelf.who("reader"),
        "query($id: ID!) { collection(id: $id) { title modifiedBy { username } } }",
        id=one,
    )
    assert seen["collection"]["title"] == "Two"


# Their order


async def shelves(shelf: Shelf, number: int, **columns: Any) -> list[DocumentCollection]:
    """Collections that the owner has beside the one that is there."""
    columns = {"owner_id": shelf.owner.id} | columns
    return [await shelf.world.collection(Visibility.PUBLIC, title=f"C{n}", **columns) for n in range(number)]


REORDERED = "collections { title }"


async def test_collections_take_the_places_that_they_had_among_themselves(service: Service, shelf: Shelf) -> None:
    a, b, c, d, e = await shelves(shelf, 5)
    before = await shelf.all(select(DocumentCollection.modified).order_by(DocumentCollection.id))

    payload = await changed(
        service, await shelf.who("owner"), "reorderCollections", REORDERED, ids=[id_of(e), str(a.id), id_of(c)]
    )

    assert [one["title"] for one in payload["collections"]] == ["C4", "C0", "C2"]
    assert await place_of(shelf) == [shelf.collection.id, e.id, b.id, a.id, d.id, c.id]
    assert await shelf.all(select(DocumentCollection.modified).order_by(DocumentCollection.id)) == before
    seen = await read(service, ANONYMOUS, TITLES)
    assert [one["title"] for one in seen["collections"]["nodes"]] == ["C4", "C1", "C0", "C3", "C2"]


@pytest.mark.parametrize("who", WHO)
async def test_collections_are_reordered_by_those_who_edit_each(service: Service, shelf: Shelf, who: str) -> None:
    (mine,) = await shelves(shelf, 1, owner_id=shelf.people.get(who, shelf.owner).id)
    viewer, given = await shelf.who(who), {"ids": [id_of(mine), id_of(shelf.collection)]}
    if (error := expected_of(who, level=AccessLevel.EDIT)) is None:
        await changed(service, viewer, "reorderCollections", REORDERED, **given)
        assert await place_of(shelf) == [mine.id, shelf.collection.id]
    else:
        place = None if who in {"visitor", "reading token"} else "ids.1"
        assert await denied(service, shelf, viewer, "reorderCollections", **given) == (*error, place)


async def test_a_bad_order_names_each_place_and_changes_nothing(service: Service, shelf: Shelf) -> None:
    (public,) = await shelves(shelf, 1, owner_id=None)
    (hidden,) = [await shelf.world.collection(Visibility.PRIVATE)]
    viewer, mine = await shelf.who("owner"), id_of(shelf.collection)

    told = await refused(
        service,
        shelf,
        viewer,
        "reorderCollections",
        ids=[id_of(public), mine, id_of(hidden), "x", id_of(shelf.document)],
    )
    assert [(error["field"], error["code"]) for error in told] == [
        ("ids.0", "FORBIDDEN"),
        ("ids.2", "NOT_FOUND"),
        ("ids.3", "NOT_FOUND"),
        ("ids.4", "NOT_FOUND"),
    ]
    for ids, field, code in (
        ([], "ids", "REQUIRED"),
        ([mine, str(shelf.collection.id)], "ids.1", "TWICE"),
        ([mine] * 501, "ids", "TOO_MANY"),
    ):
        told_one = await denied(service, shelf, viewer, "reorderCollections", ids=ids)
        assert told_one == ("ValidationError", code, field)


async def test_a_hidden_collection_costs_what_a_missing_one_costs(service: Service, shelf: Shelf) -> None:
    hidden = await shelf.world.collection(Visibility.PRIVATE)
    viewer = await shelf.who("owner")
    for name, rest in (("updateCollection", {"title": "x"}), ("reorderCollections", {})):
        told, costs = [], set()
        for one in (id_of(hidden), "999999", "x"):
            given = rest | ({"id": one} if rest else {"ids": [one]})
            told.append(await refused(service, shelf, viewer, name, **given))
            costs.add(len(service.statements))
        assert told[0] == told[1] == told[2]
        assert len(costs) == 1


async def test_collections_in_one_place_get_places_of_their_own(service: Service, shelf: Shelf) -> None:
    a, b, c = await shelves(shelf, 3)
    together = update(DocumentCollection).where(DocumentCollection.id != shelf.collection.id).values(position=7)
    await shelf.world.run(together)

    await changed(service, await shelf.who("owner"), "reorderCollections", REORDERED, ids=[id_of(c), id_of(a)])

    assert await place_of(shelf) == [c.id, b.id, a.id, shelf.collection.id]


async def test_of_two_orders_at_once_one_holds(service: Service, shelf: Shelf) -> None:
    rows = await shelves(shelf, 6)
    viewer, ids = await shelf.who("owner"), [id_of(row) for row in rows]
    orders = [ids[::-1], ids[3:] + ids[:3], ids]

    await asyncio.gather(
        *(changed(service, viewer, "reorderCollections", REORDERED, ids=order) for order in orders * 3)
    )

    numbers = {id_of(row): row.id for row in rows}
    assert (await place_of(shelf))[1:] in [[numbers[one] for one in order] for order in orders]


async def test_many_are_reordered_in_the_statements_of_two(service: Service, shelf: Shelf) -> None:
    rows = await shelves(shelf, 40)
    viewer, costs = await shelf.who("owner"), set()
    for number in (2, 40):
        await changed(service, viewer, "reorderCollections", REORDERED, ids=[id_of(row) for row in rows[:number]][::-1])
        costs.add(len(service.statements))
    assert len(costs) == 1

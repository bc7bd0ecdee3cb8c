"""Who sees what, in lookups, lists, edges, counts and filters: what one may not see isn't there."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from genji_graphql import models
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.reads.ids import global_id
from genji_graphql.vocabulary import RESPONSES, AnnotationStatus, Visibility
from tests.access.crawl import Seen, crawl
from tests.access.house import BY_ID_ALONE, PEOPLE, SIGHT, VIEWERS, House, mark
from tests.access.sight import sight
from tests.service import Service
from tests.world import World

LOOKUPS = {
    models.DocumentCollection: "collection",
    models.Document: "document",
    models.DocumentElement: "element",
    models.Annotation: "annotation",
    models.User: "user",
    models.Group: "group",
    models.ImportJob: "importJob",
}


@pytest.mark.parametrize("name", VIEWERS)
async def test_a_viewer_finds_what_they_may_see_and_nothing_else(house: House, name: str) -> None:
    assert await sight(house, name) == house.seen_by(name)


@pytest.fixture(scope="module")
async def walks(house: House) -> dict[str, Seen]:
    """What each viewer comes across on a walk through the whole graph."""
    return {name: await crawl(house.place.service, house.viewer(name)) for name in VIEWERS}


@pytest.mark.parametrize("name", VIEWERS)
async def test_a_viewer_reaches_what_they_may_see_and_nothing_else(
    house: House, walks: dict[str, Seen], name: str
) -> None:
    seen = walks[name]
    reached = {label for label in SIGHT if house.id(label) in seen.ids}
    assert reached == house.seen_by(name) - BY_ID_ALONE
    read = {label for label in SIGHT if mark(label) in seen.text}
    assert read <= house.seen_by(name)


@pytest.mark.parametrize("name", ["visitor", "friend", "administrator"])
async def test_what_is_hidden_and_what_is_missing_are_answered_alike(house: House, name: str) -> None:
    service, viewer = house.place.service, house.viewer(name)

    async def asked(model: Any, row_id: int) -> tuple[Any, list[str]]:
        """What the lookups say, and what they cost."""
        lookup = LOOKUPS.get(model)
        by_number = (
            f"byNumber: {lookup}(id: $number) {{ id }} byId: {lookup}(id: $id) {{ __typename }}" if lookup else ""
        )
        query = f"node(id: $id) {{ __typename id }} nodes(ids: [$id, $id, $number]) {{ id }} {by_number}"
        variables = {"id": global_id(model.__name__, row_id), "number": str(row_id)}
        answer = await service.answer(f"query Ask($id: ID!, $number: ID!) {{ {query} }}", variables, viewer=viewer)
        return answer, list(service.statements)

    hidden = [house[label] for label in sorted(house.hidden_from(name))]
    assert hidden
    for model in {type(row) for row in hidden}:
        answer, statements = missing = await asked(model, house.missing)
        assert answer == {"data": dict.fromkeys(answer["data"]) | {"nodes": [None, None, None]}}
        assert len(statements) == 1
        for row in hidden:
            if type(row) is model:
                assert await asked(model, row.id) == missing


@pytest.mark.parametrize("name", ["visitor", "friend", "guest", "pupil", "author"])
async def test_a_filter_tells_nothing_of_what_is_hidden(house: House, name: str) -> None:
    """Asking for what is at a hidden thing, or for what is not, is asking for a missing one."""
    service, viewer = house.place.service, house.viewer(name)
    references = {
        "collection": models.DocumentCollection,
        "document": models.Document,
        "element": models.DocumentElement,
        "classroom": models.Group,
        "inClassroom": models.Group,
        "creator": models.User,
        "owner": models.User,
        "replyTo": models.Annotation,
        "id": models.Annotation,
    }
    everything = {
        "motivation": {"in": ["commenting", *RESPONSES]},
        "status": {"in": [s.name for s in AnnotationStatus]},
    }

    async def found(field: str, *ids: int) -> Any:
        asked = str(ids[0]) if field == "inClassroom" else {"in": [str(row_id) for row_id in ids]}
        query = """query Found($is: AnnotationWhere, $not: AnnotationWhere) {
            is: annotations(where: $is) { totalCount nodes { id } } not: annotations(where: $not) { totalCount } }"""
        where = {"is": {field: asked, **everything}, "not": {"not": {field: asked}, **everything}}
        return await service.ask(query, where, viewer=viewer)

    for field, model in references.items():
        missing = await found(field, house.missing)
        hidden = [house[label].id for label in house.hidden_from(name) if isinstance(house[label], model)]
        assert hidden
        assert await found(field, *hidden) == missing
        assert await found(field, *hidden[::-1]) == missing


async def test_a_document_tells_no_hidden_collection_even_to_a_filter(house: House) -> None:
    query = "query Found($where: DocumentWhere) { documents(where: $where) { nodes { title collection { id } } } }"

    async def found(collection: str, name: str) -> Any:
        where = {"collection": {"in": [house.id(collection)]}}
        data = await house.place.service.ask(query, {"where": where}, viewer=house.viewer(name))
        return data["documents"]["nodes"]

    assert await found("lent", "guest") == []
    assert {node["title"] for node in await found("lent", "friend")} == {
        mark("lent chapter"),
        mark("lent other chapter"),
    }


async def test_a_document_that_is_shared_alone_opens_no_collection(house: House) -> None:
    query = """query Read($id: ID!) { document(id: $id) { title collection { id } elements { nodes { text } }
        annotations { nodes { context collection { id } document { id } element { id } } } } }"""
    read = await house.place.service.ask(query, {"id": house.id("lent chapter")}, viewer=house.viewer("guest"))
    document = read["document"]
    assert (document["title"], document["collection"]) == (mark("lent chapter"), None)
    assert [line["text"] for line in document["elements"]["nodes"]] == [mark("lent line")]
    notes = {note["context"]: note for note in document["annotations"]["nodes"]}
    assert set(notes) == {mark("note on the lent chapter"), mark("note on the lent line")}
    note = notes[mark("note on the lent line")]
    assert note["collection"] is None
    assert (note["document"], note["element"]) == ({"id": house.id("lent chapter")}, {"id": house.id("lent line")})


async def test_a_note_leads_to_where_it_stands_and_not_into_rooms_that_it_merely_names(house: House) -> None:
    query = """query Read($id: ID!) { annotation(id: $id) { document { id } collection { id } element { id }
        targets { ... on SpecificResource { source place { id } } } } }"""
    id_ = house.id("note on the open line that names closed")
    note = (await house.place.service.ask(query, {"id": id_}))["annotation"]
    stands = {"document": "open chapter", "collection": "open", "element": "open line"}
    assert {name: note[name] for name in stands} == {name: {"id": house.id(label)} for name, label in stands.items()}
    places = [target["place"] for target in note["targets"]]
    assert places == [None, None, None, {"id": house.id("open line")}, None, {"id": house.id("note")}]


async def test_responses_out_of_sight_are_in_no_count(house: House) -> None:
    query = """query Read($id: ID!) { annotation(id: $id) { tags upvoteCount viewerHasUpvoted
        replies { totalCount nodes { context } } } }"""
    note = (await house.place.service.ask(query, {"id": house.id("note")}))["annotation"]
    assert note == {
        "tags": [mark("tag")],
        "upvoteCount": 1,
        "viewerHasUpvoted": False,
        "replies": {"totalCount": 1, "nodes": [{"context": mark("reply")}]},
    }


async def test_nobodys_upvote_is_not_a_visitors_own(service: Service, world: World) -> None:
    note = await world.note(await world.element(await world.document(await world.collection())))
    await world.response(note, "upvoting", creator_id=None)
    asked = await service.ask("{ annotations { nodes { upvoteCount viewerHasUpvoted } } }")
    assert asked["annotations"]["nodes"] == [{"upvoteCount": 1, "viewerHasUpvoted": False}]


# Counts, against those of the table


def note_of(house: House, label: str) -> models.Annotation | None:
    row = house[label]
    return row if isinstance(row, models.Annotation) else None


def counted(house: House, name: str, *, responses: bool) -> list[models.Annotation]:
    """The annotations that a viewer's counts are made of."""
    notes = [note for label in house.seen_by(name) if (note := note_of(house, label))]
    return [
        note
        for note in notes
        if note.status in {AnnotationStatus.ACTIVE, AnnotationStatus.PRIVATE}
        and (responses or note.motivation not in RESPONSES)
    ]


@pytest.mark.parametrize("name", VIEWERS)
async def test_annotations_are_counted_as_far_as_the_viewer_sees(house: House, name: str) -> None:
    query = """{ motivation: annotationStats(by: [MOTIVATION]) { count motivation }
        creator: annotationStats(by: [CREATOR]) { count creator { databaseId } }
        element: annotationStats(by: [ELEMENT]) { count element { databaseId } }
        classroom: annotationStats(by: [CLASSROOM]) { count classroom { databaseId } }
        all: annotationStats(by: [DAY]) { count } }"""
    stats = await house.place.service.ask(query, viewer=house.viewer(name))

    every, notes = counted(house, name, responses=True), counted(house, name, responses=False)
    assert {stat["motivation"]: stat["count"] for stat in stats["motivation"]} == Counter(n.motivation for n in every)
    for by, column in (("creator", "creator_id"), ("element", "document_element_id"), ("classroom", "classroom_id")):
        seen = Counter(getattr(note, column) for note in notes)
        assert sorted(stat["count"] for stat in stats[by]) == sorted(seen.values())
    creators = {stat["creator"] and stat["creator"]["databaseId"]: stat["count"] for stat in stats["creator"]}
    assert creators == Counter(note.creator_id for note in notes)
    assert sum(stat["count"] for stat in stats["all"]) == len(notes)


@pytest.mark.parametrize("name", VIEWERS)
async def test_a_collections_and_a_documents_content_is_counted_as_far_as_the_viewer_sees(
    house: House, name: str
) -> None:
    service, viewer = house.place.service, house.viewer(name)
    seen = [house[label] for label in house.seen_by(name)]
    documents = [row for row in seen if isinstance(row, models.Document)]
    elements = [row for row in seen if isinstance(row, models.DocumentElement)]
    notes = counted(house, name, responses=False)
    stats = "stats { documents elements annotations comments scholarlyNotes }"
    read = await service.ask(
        f"""{{ collections {{ nodes {{ databaseId {stats} }} }} documents {{ nodes {{ databaseId {stats} }} }} }}""",
        viewer=viewer,
    )

    for node in read["collections"]["nodes"]:
        inside = {row.id for row in documents if row.document_collection_id == node["databaseId"]}
        of_it = [note for note in notes if note.document_collection_id == node["databaseId"]]
        assert node["stats"] == {
            "documents": len(inside),
            "elements": len([row for row in elements if row.document_id in inside]),
            "annotations": len(of_it),
            "comments": len(of_it),
            "scholarlyNotes": 0,
        }
    for node in read["documents"]["nodes"]:
        of_it = [note for note in notes if note.document_id == node["databaseId"]]
        assert node["stats"] == {
            "documents": 1,
            "elements": len([row for row in elements if row.document_id == node["databaseId"]]),
            "annotations": len(of_it),
            "comments": len(of_it),
            "scholarlyNotes": 0,
        }


@pytest.mark.parametrize("name", VIEWERS)
async def test_an_elements_annotations_are_counted_as_far_as_the_viewer_sees(house: House, name: str) -> None:
    query = "query Read($id: ID!) { element(id: $id) { annotationCounts { motivation count } } }"
    read = await house.place.service.ask(query, {"id": house.id("open line")}, viewer=house.viewer(name))
    notes = [n for n in counted(house, name, responses=True) if n.document_element_id == house["open line"].id]
    assert read["element"]["annotationCounts"] == [{"motivation": "commenting", "count": len(notes)}]


# People


@pytest.mark.parametrize("name", VIEWERS)
def test_e_mail_and_metadata_are_told_to_themselves_and_to_administrators(walks: dict[str, Seen], name: str) -> None:
    seen = walks[name]
    told = {person for person in PEOPLE if mark(f"{person}'s address") in seen.text}
    assert told == {person for person in PEOPLE if mark(f"{person}'s metadata") in seen.text}
    assert told == (set(PEOPLE) if name == "administrator" else {name} - {"visitor"})


@pytest.mark.parametrize(
    ("name", "held", "holders"),
    [
        ("visitor", {}, None),
        ("keeper", {}, None),
        ("author", {"author": ["role"]}, ["author"]),
        ("writer", {"writer": ["role"]}, ["writer"]),
        ("administrator", {"author": ["role"], "writer": ["role"], "hermit": ["other role"]}, ["author", "writer"]),
    ],
)
async def test_roles_are_told_to_themselves_and_to_administrators(
    house: House, name: str, held: dict[str, list[str]], holders: list[str] | None
) -> None:
    """Not even who shares one's role."""
    query = """query Read($ids: [ID!]!, $role: ID!) {
        nodes(ids: $ids) { ... on User { username roles { totalCount nodes { name } } } }
        node(id: $role) { ... on Role { users { totalCount nodes { username } } } } }"""
    ids = [house.id(person) for person in PEOPLE]
    read = await house.place.service.ask(query, {"ids": ids, "role": house.id("role")}, viewer=house.viewer(name))

    roles = {person["username"]: person["roles"] for person in read["nodes"] if person}
    assert roles
    for username, told in roles.items():
        expected = [{"name": mark(role)} for person, some in held.items() if mark(person) == username for role in some]
        assert told == {"totalCount": len(expected), "nodes": expected}
    if holders is None:
        assert read["node"] is None
    else:
        assert [person["username"] for person in read["node"]["users"]["nodes"]] == sorted(map(mark, holders))
        assert read["node"]["users"]["totalCount"] == len(holders)


async def test_people_are_listed_for_administrators_and_instructors(house: House) -> None:
    query = "{ users { totalCount nodes { username } } }"

    async def listed(viewer: Viewer) -> Any:
        return (await house.place.service.ask(query, viewer=viewer))["users"]

    for name in VIEWERS:
        everybody = sorted(map(mark, PEOPLE)) if name == "administrator" else []
        assert [person["username"] for person in (await listed(house.viewer(name)))["nodes"]] == everybody
    instructor = await listed(replace(house.viewer("writer"), is_instructor=True))
    seen = sorted(mark(person) for person in house.seen_by("writer") & set(PEOPLE))
    assert [person["username"] for person in instructor["nodes"]] == seen
    assert instructor["totalCount"] == len(seen)


# What changes


async def test_a_share_sleeps_while_its_collection_is_private(service: Service, world: World) -> None:
    keeper, friend, guest = [await world.person(name) for name in ("keeper", "friend", "guest")]
    collection = await world.collection(Visibility.PRIVATE, owner_id=keeper.id)
    document = await world.document(collection)
    classroom = await world.group(guest)
    await world.share(collection, friend)
    await world.share(document, classroom)
    query = "{ collections { totalCount } documents { totalCount } }"
    viewers = {
        "keeper": Viewer(keeper.id),
        "friend": Viewer(friend.id),
        "guest": Viewer(guest.id, frozenset({classroom.id})),
        "visitor": ANONYMOUS,
    }

    async def seen() -> dict[str, tuple[int, int]]:
        answers = {name: await service.ask(query, viewer=viewer) for name, viewer in viewers.items()}
        return {name: (a["collections"]["totalCount"], a["documents"]["totalCount"]) for name, a in answers.items()}

    assert await seen() == {"keeper": (1, 1), "friend": (0, 0), "guest": (0, 0), "visitor": (0, 0)}
    await world.run(update(models.DocumentCollection).values(visibility=Visibility.SHARED))
    assert await seen() == {"keeper": (1, 1), "friend": (1, 1), "guest": (0, 1), "visitor": (0, 0)}
    await world.run(update(models.DocumentCollection).values(visibility=Visibility.PUBLIC))
    assert await seen() == {"keeper": (1, 1), "friend": (1, 1), "guest": (1, 1), "visitor": (1, 1)}


async def test_who_leaves_a_classroom_loses_sight_of_its_notes_and_keeps_their_own(house: House) -> None:
    pupil = house.viewer("pupil")
    query = "{ annotations(first: 100) { nodes { context } } }"

    async def notes(viewer: Viewer) -> set[str]:
        answer = await house.place.service.ask(query, viewer=viewer)
        return {note["context"] for note in answer["annotations"]["nodes"]}

    lost = await notes(pupil) - await notes(replace(pupil, group_ids=frozenset()))
    # With the class went what its reading room had shown.
    assert lost == {mark("class note of one who left"), mark("nobody's class note"), mark("note on the reader line")}

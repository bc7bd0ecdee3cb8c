"""Attacks by reading: whatever is asked, and however, what a viewer may not see isn't there."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLUnionType, get_named_type, is_required_argument
from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql import models
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.reads.ids import global_id
from genji_graphql.schema import schema
from genji_graphql.schema.query import NODE_TYPES
from genji_graphql.vocabulary import AccessLevel, AnnotationStatus, RoleName, Visibility
from tests.access.conftest import house as house
from tests.access.crawl import EVERYTHING, dictionaries
from tests.access.house import PEOPLE, House, mark
from tests.people.site import Site
from tests.service import Service
from tests.world import World

TYPES: dict[str, Any] = schema._schema.type_map
LOOKUPS = {
    "collection": "DocumentCollection",
    "document": "Document",
    "element": "DocumentElement",
    "annotation": "Annotation",
    "user": "User",
    "group": "Group",
}
ABILITIES = f"viewerCan {{ {' '.join(TYPES['Abilities'].fields)} }}"


@pytest.fixture
def site(engine: AsyncEngine, world: World) -> Site:
    return Site(engine, world)


async def asked(
    service: Service, query: str, variables: dict[str, Any] | None = None, *, viewer: Viewer = ANONYMOUS
) -> tuple[dict[str, Any], list[str]]:
    """The whole answer, and the statements that it cost; several run at a time."""
    answer = await service.answer(query, variables, viewer=viewer)
    return answer, sorted(service.statements)


# Guessing ids


@pytest.mark.parametrize("name", ["visitor", "writer", "guest"])
async def test_a_stranger_who_guesses_every_id_finds_no_more_than_they_see(house: House, name: str) -> None:
    service, viewer = house.place.service, house.viewer(name)
    seen = {house.id(label) for label in house.seen_by(name)}
    guesses = [global_id(type_.__name__, number) for type_ in NODE_TYPES for number in range(1, 91)]
    assert {house.id(label) for label in house.rows} <= set(guesses)

    found: set[str] = set()
    for start in range(0, len(guesses), 100):
        some = {"ids": guesses[start : start + 100]}
        nodes = (await service.ask("query N($ids: [ID!]!) { nodes(ids: $ids) { id } }", some, viewer=viewer))["nodes"]
        found |= {node["id"] for node in nodes if node}
    for lookup, type_name in LOOKUPS.items():
        for ids in (range(1, 91), [global_id(type_name, number) for number in range(1, 91)]):
            fields = " ".join(f'f{place}: {lookup}(id: "{one}") {{ id }}' for place, one in enumerate(ids))
            read = await service.ask(f"{{ {fields} }}", viewer=viewer)
            assert {node["id"] for node in read.values() if node} == {one for one in seen if one in guessed(type_name)}

    assert found & {house.id(label) for label in house.rows} == seen


def guessed(type_name: str) -> set[str]:
    return {global_id(type_name, number) for number in range(1, 91)}


# Addresses


PERSON = "... on User { username email userMetadata roles { totalCount } }"


def ways_to_people(type_: Any, prefix: str) -> Iterator[str]:
    """Every field of a type that leads to people, as a selection of what only some may be told of them."""
    for name, field in type_.fields.items():
        named = get_named_type(field.type)
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        if named is TYPES["UserConnection"]:
            yield f"{prefix}{name}: {name}(first: 100) {{ nodes {{ {PERSON} }} edges {{ node {{ {PERSON} }} }} }}"
        elif named is TYPES["User"] or (isinstance(named, GraphQLUnionType) and TYPES["User"] in named.types):
            yield f"{prefix}{name}: {name} {{ {PERSON} }}"


EVERY_WAY = [
    f"... on {type_.__name__} {{ {way} }}"
    for type_ in NODE_TYPES
    for way in ways_to_people(TYPES[type_.__name__], f"{type_.__name__}_")
]
FROM_THE_ROOT = [
    *ways_to_people(TYPES["Query"], ""),
    *(f"annotationStats(by: [CREATOR]) {{ {way} }}" for way in ways_to_people(TYPES["AnnotationStat"], "")),
    *(f"siteSettings {{ {way} }}" for way in ways_to_people(TYPES["SiteSettings"], "")),
]


def test_there_are_many_ways_to_people() -> None:
    assert len(EVERY_WAY) >= 11
    assert len(FROM_THE_ROOT) == 4


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("visitor", ""),
        ("writer", "writer"),
        ("keeper", "keeper"),
        ("guest", "guest"),
        ("pupil", "pupil"),
        ("teacher", "teacher pupil classmate"),
        ("administrator", " ".join(PEOPLE)),
    ],
)
async def test_no_way_to_a_person_leads_to_their_address(house: House, name: str, addresses: str) -> None:
    service, viewer = house.place.service, house.viewer(name)
    if name == "teacher":
        classroom = frozenset({house["class"].id})
        viewer = replace(viewer, group_ids=classroom, taught_group_ids=classroom, is_instructor=True)
    labels = list(house.rows)
    met: list[dict[str, Any]] = []
    for start in range(0, len(labels), 100):
        some = {"ids": [house.id(label) for label in labels[start : start + 100]]}
        selections = f"nodes(ids: $ids) {{ {PERSON} {' '.join(EVERY_WAY)} }} {' '.join(FROM_THE_ROOT)}"
        answer = await service.ask(f"query Meet($ids: [ID!]!) {{ {selections} }}", some, viewer=viewer)
        met += [one for one in dictionaries(answer) if "username" in one]

    assert len({person["username"] for person in met}) >= 5
    told = {person["username"] for person in met if person["email"] is not None}
    assert told == {mark(person) for person in addresses.split()}
    own = set(PEOPLE) if name == "administrator" else {name} - {"visitor"}
    assert {person["username"] for person in met if person["userMetadata"]} == set(map(mark, own))
    assert {person["username"] for person in met if person["roles"]["totalCount"]} <= set(map(mark, own))


# Widening


@pytest.mark.parametrize(
    ("name", "start", "chain", "end"),
    [
        ("guest", "lent chapter", "Document { collection { title } }", [None]),
        ("guest", "lent chapter", "Document { annotations { nodes { collection { title } } } }", [None, None]),
        ("guest", "lent line", "DocumentElement { document { collection { title } } }", [None]),
        ("guest", "note on the lent line", "Annotation { collection { title } }", [None]),
        ("guest", "note on the lent line", "Annotation { element { document { collection { title } } } }", [None]),
        ("author", "closed own chapter", "Document { collection { title } }", [None]),
        # What it names besides its element isn't kept: it leads to where it stands, and nowhere else.
        (
            "visitor",
            "note on the open line that names closed",
            "Annotation { document { title } }",
            [mark("open chapter")],
        ),
        ("visitor", "note on the open line that names closed", "Annotation { collection { title } }", [mark("open")]),
        ("keeper", "note on the closed line that names open", "Annotation { collection { title } }", [mark("closed")]),
        ("author", "class note of one who left", "Annotation { classroom { name } }", [None]),
        ("friend", "share of closed with friend", "ObjectShare { object { __typename } }", [None]),
        ("friend", "share of closed with friend", "ObjectShare { createdBy { username } }", [None]),
        ("guest", "share of the closed chapter with guest", "ObjectShare { object { __typename } }", [None]),
        ("visitor", "open", "DocumentCollection { modifiedBy { username } }", [None]),
        ("author", "role", "Role { users { nodes { username } } }", [mark("author")]),
    ],
)
async def test_a_chain_of_edges_ends_where_the_viewers_sight_ends(
    house: House, name: str, start: str, chain: str, end: list[Any]
) -> None:
    query = f"query Follow($id: ID!) {{ node(id: $id) {{ ... on {chain} }} }}"
    answer = await house.place.service.ask(query, {"id": house.id(start)}, viewer=house.viewer(name))
    assert list(ends(answer["node"])) == end


def ends(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from ends(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from ends(inner)
    else:
        yield value


@pytest.mark.parametrize("name", ["visitor", "guest", "author", "pupil"])
async def test_neither_what_is_answered_nor_what_is_targeted_opens_hidden_things(house: House, name: str) -> None:
    query = """query Follow($where: AnnotationWhere) { annotations(first: 100, where: $where) { nodes {
        replyTo { id replyTo { id } element { id document { id collection { id } } } }
        targets { ... on SpecificResource { place { id } } ... on ExternalResource { place { id } } } } } }"""
    answer = await house.place.service.ask(query, {"where": EVERYTHING}, viewer=house.viewer(name))
    reached = {one["id"] for one in dictionaries(answer) if "id" in one}
    assert len(reached) > 3
    assert reached <= {house.id(label) for label in house.seen_by(name)}


async def test_a_reply_that_claims_to_be_on_open_text_opens_no_hidden_thread(service: Service, world: World) -> None:
    author, stranger = await world.person(), await world.person()
    closed = await world.element(await world.document(await world.collection(Visibility.PRIVATE, owner_id=author.id)))
    collection = await world.collection()
    document = await world.document(collection)
    line = await world.element(document)
    open_: dict[str, Any] = {
        "document_element_id": line.id,
        "document_id": document.id,
        "document_collection_id": collection.id,
    }
    for status, on in ((AnnotationStatus.ACTIVE, closed), (AnnotationStatus.PRIVATE, line)):
        note = await world.note(on, creator_id=author.id, status=status)
        reply = await world.response(note, creator_id=author.id, **open_)
        await world.response(reply, "tagging", creator_id=author.id, **open_)
    query = """query Read($where: AnnotationWhere, $element: ID!, $reply: ID!) {
        annotations(where: $where) { totalCount } stats: annotationStats(by: [MOTIVATION]) { count }
        collections { nodes { annotations(where: $where) { totalCount } } }
        documents { nodes { annotations(where: $where) { totalCount } } }
        element(id: $element) { annotations(where: $where) { totalCount } annotationCounts { count } }
        reply: annotation(id: $reply) { id } }"""
    asks = {"where": EVERYTHING, "element": str(line.id), "reply": str(reply.id)}
    nothing: dict[str, Any] = {"totalCount": 0}

    for viewer in (ANONYMOUS, Viewer(stranger.id)):
        assert await service.ask(query, asks, viewer=viewer) == {
            "annotations": nothing,
            "stats": [],
            "collections": {"nodes": [{"annotations": nothing}]},
            "documents": {"nodes": [{"annotations": nothing}]},
            "element": {"annotations": nothing, "annotationCounts": []},
            "reply": None,
        }


# Filters and orders as oracles


@pytest.mark.parametrize(
    ("list_", "argument", "field"),
    [
        *(("users", "where", name) for name in ("email", "userMetadata", "firstName", "roles", "password", "groups")),
        *(("users", "orderBy", name) for name in ("EMAIL", "CREATED", "USER_METADATA", "FIRST_NAME")),
        *(("groups", "where", name) for name in ("joinToken", "members", "annotations")),
        *(("groups", "orderBy", name) for name in ("JOIN_TOKEN", "MEMBERS")),
        *(("documents", "where", name) for name in ("sourceId", "position", "shares", "elements")),
        *(("collections", "where", name) for name in ("modifiedBy", "shares", "position", "documents")),
        *(("annotations", "where", name) for name in ("classroomGone", "replies", "flags", "upvoteCount")),
        *(("annotations", "orderBy", name) for name in ("UPVOTE_COUNT", "STATUS", "CREATOR", "BODY")),
    ],
)
async def test_nobody_can_filter_or_order_by_what_not_everybody_sees(
    service: Service, list_: str, argument: str, field: str
) -> None:
    value = f'{{{field}: {{eq: "x"}}}}' if argument == "where" else f"[{{field: {field}}}]"
    answer = await service.answer(f"{{ {list_}({argument}: {value}) {{ totalCount }} }}")
    assert answer.keys() == {"errors"}
    assert field in answer["errors"][0]["message"]
    assert service.statements == []


BY_THEIR_TEXT = {
    "collections": (models.DocumentCollection, "DocumentCollectionWhere", "title"),
    "documents": (models.Document, "DocumentWhere", "title"),
    "annotations": (models.Annotation, "AnnotationWhere", "context"),
    "users": (models.User, "UserWhere", "username"),
    "groups": (models.Group, "GroupWhere", "name"),
}


@pytest.mark.parametrize("list_", BY_THEIR_TEXT)
@pytest.mark.parametrize("name", ["visitor", "guest", "pupil", "author"])
async def test_a_guess_at_a_hidden_rows_text_is_not_confirmed(house: House, name: str, list_: str) -> None:
    model, where_type, field = BY_THEIR_TEXT[list_]
    hidden = [mark(label) for label in house.hidden_from(name) if isinstance(house[label], model)]
    query = f"""query Guess($is: {where_type}, $not: {where_type}) {{
        is: {list_}(where: $is) {{ totalCount nodes {{ id }} pageInfo {{ hasNextPage }} }}
        not: {list_}(where: $not) {{ totalCount }} }}"""
    more = EVERYTHING if list_ == "annotations" else {}

    async def told(words: list[str]) -> Any:
        variables = {"is": {field: {"in": words}, **more}, "not": {"not": {field: {"in": words}}, **more}}
        return await asked(house.place.service, query, variables, viewer=house.viewer(name))

    missing = [f"No such thing {place}" for place in range(len(hidden))]
    assert hidden
    assert await told(hidden) == await told(missing)


@pytest.mark.parametrize(
    ("list_", "where"),
    [
        ("collections", {"collectionMetadata": {"contains": {"about": mark("closed")}}}),
        ("collections", {"collectionMetadata": {"path": {"path": ["about"], "eq": mark("closed")}}}),
        ("annotations", {"body": {"contains": {"value": mark("private note")}}}),
        ("annotations", {"body": {"path": {"path": ["value"], "in": [mark("class note"), mark("hidden note")]}}}),
        ("annotations", {"target": {"contains": []}, "status": {"in": ["HIDDEN", "DELETED", "PRIVATE"]}}),
        ("annotations", {"motivation": {"eq": "flagging"}}),
    ],
)
async def test_a_guess_at_hidden_json_is_not_confirmed(house: House, list_: str, where: dict[str, Any]) -> None:
    where_type = BY_THEIR_TEXT[list_][1]
    query = f"query Guess($where: {where_type}) {{ {list_}(where: $where) {{ totalCount nodes {{ id }} }} }}"
    for viewer in (ANONYMOUS, house.viewer("writer")):
        answer = await house.place.service.ask(query, {"where": where}, viewer=viewer)
        assert answer == {list_: {"totalCount": 0, "nodes": []}}
    seen = await house.place.service.ask(query, {"where": where}, viewer=house.viewer("administrator"))
    assert seen[list_]["totalCount"] or "private note" in str(where)


async def test_asking_for_what_names_nothing_does_not_tell_who_names_a_hidden_thing(
    service: Service, world: World
) -> None:
    """`null` is what the fields of these rows show, whether something hidden is named or nothing."""
    hidden = await world.collection(Visibility.PRIVATE)
    chapter = await world.document(hidden)
    note = await world.note(await world.element(await world.document(await world.collection())))
    # A note stands where its element does; what answers it may say that it stands anywhere, or nothing of it.
    await world.response(note)
    await world.response(note, document_id=chapter.id)
    query = """query Guess($null: IDFilter, $replies: StringFilter) {
        collection: annotations(where: {motivation: $replies, collection: $null}) {
            totalCount nodes { collection { id } } }
        not: annotations(where: {motivation: $replies, not: {collection: $null}}) {
            totalCount nodes { collection { id } } }
        document: annotations(where: {motivation: $replies, document: $null}) {
            totalCount nodes { document { id } } } }"""
    variables = {"null": {"eq": None}, "replies": {"eq": "replying"}}

    assert await service.ask(query, variables) == {
        "collection": {"totalCount": 2, "nodes": [{"collection": None}] * 2},
        "not": {"totalCount": 0, "nodes": []},
        "document": {"totalCount": 2, "nodes": [{"document": None}] * 2},
    }
    seen = await service.ask(query, variables, viewer=Viewer(999, is_administrator=True))
    assert [seen[name]["totalCount"] for name in ("collection", "not", "document")] == [1, 1, 1]


# Counts, pages and other people's cursors as oracles


ROOTS = {
    "collections": "TITLE",
    "documents": "TITLE",
    "annotations": "CREATED",
    "groups": "NAME",
    "users": "USERNAME",
}


@pytest.mark.parametrize("list_", ROOTS)
@pytest.mark.parametrize("name", ["visitor", "guest", "pupil"])
async def test_a_cursor_from_an_administrator_shows_no_more_of_a_list(house: House, name: str, list_: str) -> None:
    service, viewer = house.place.service, house.viewer(name)
    where = ", where: $where" if list_ == "annotations" else ""
    declared = "$cursor: String, $where: AnnotationWhere" if where else "$cursor: String"
    order = f"orderBy: [{{field: {ROOTS[list_]}}}]"
    everything = {"where": EVERYTHING} if where else {}

    async def read(arguments: str, as_viewer: Viewer, cursor: str | None = None) -> Any:
        page = "totalCount pageInfo { hasNextPage hasPreviousPage } edges { cursor node { id } }"
        query = f"query Read({declared}) {{ {list_}({arguments}, {order}{where}) {{ {page} }} }}"
        return (await service.ask(query, {"cursor": cursor, **everything}, viewer=as_viewer))[list_]

    every = await read("first: 100, after: $cursor", house.viewer("administrator"))
    own = await read("first: 100, after: $cursor", viewer)
    ids = [edge["node"]["id"] for edge in own["edges"]]
    seen = {house.id(label) for label in house.seen_by(name)}
    assert set(ids) <= seen
    assert own["totalCount"] == len(ids)
    assert own["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": False}
    assert not own["edges"] or {edge["cursor"] for edge in own["edges"]} < {edge["cursor"] for edge in every["edges"]}

    for place, edge in enumerate(every["edges"]):
        passed = [other["node"]["id"] for other in every["edges"][: place + 1]]
        after = await read("first: 100, after: $cursor", viewer, edge["cursor"])
        assert [one["node"]["id"] for one in after["edges"]] == [one for one in ids if one not in passed]
        assert (after["totalCount"], after["pageInfo"]["hasNextPage"]) == (len(ids), False)
        before = await read("last: 100, before: $cursor", viewer, edge["cursor"])
        assert [one["node"]["id"] for one in before["edges"]] == [one for one in ids if one in passed[:-1]]
        assert before["pageInfo"]["hasPreviousPage"] is False


# What is hidden and what is missing


HIDDEN_AND_MISSING = {
    **{f"lookup of a {name}": (f"{name}(id: $id) {{ id {ABILITIES} }}", of) for name, of in LOOKUPS.items()},
    **{
        f"node of {type_.__name__}": ("node(id: $id) { id } nodes(ids: [$id]) { __typename }", type_.__name__)
        for type_ in NODE_TYPES
    },
    **{
        f"notes by {field}": (
            f"annotations(where: {{{field}: {{eq: $id}}}}) {{ totalCount nodes {{ id }} pageInfo {{ endCursor }} }} "
            f"annotationStats(by: [DAY], where: {{not: {{{field}: {{in: [$id]}}}}}}) {{ count }}",
            of,
        )
        for field, of in {
            "id": "Annotation",
            "replyTo": "Annotation",
            "creator": "User",
            "owner": "User",
            "classroom": "Group",
            "collection": "DocumentCollection",
            "document": "Document",
            "element": "DocumentElement",
        }.items()
    },
    "notes in a classroom": ("annotations(where: {inClassroom: $id}) { totalCount nodes { id } }", "Group"),
    "documents by id": ("documents(where: {id: {eq: $id}}) { totalCount nodes { id } }", "Document"),
    "documents by collection": ("documents(where: {collection: {in: [$id]}}) { totalCount }", "DocumentCollection"),
    "documents by owner": ("documents(where: {not: {owner: {eq: $id}}}) { totalCount }", "User"),
    "collections by id": ("collections(where: {id: {in: [$id]}}) { totalCount nodes { id } }", "DocumentCollection"),
    "collections by owner": ("collections(where: {owner: {eq: $id}}) { totalCount nodes { id } }", "User"),
    "collections by creator": ("collections(where: {not: {createdBy: {eq: $id}}}) { totalCount }", "User"),
    "groups by id": ("groups(where: {id: {eq: $id}}) { totalCount nodes { id } }", "Group"),
    "groups by creator": ("groups(where: {createdBy: {eq: $id}}) { totalCount nodes { id } }", "User"),
    "people by id": ("users(where: {id: {eq: $id}}) { totalCount nodes { id } }", "User"),
}


@pytest.mark.parametrize("name", ["visitor", "guest", "pupil"])
@pytest.mark.parametrize("question", HIDDEN_AND_MISSING)
async def test_a_hidden_thing_is_answered_like_a_missing_one_and_costs_the_same(
    house: House, question: str, name: str
) -> None:
    asks, of = HIDDEN_AND_MISSING[question]
    hidden = [house.id(label) for label in sorted(house.hidden_from(name)) if type(house[label]).__name__ == of]

    async def told(id_: str) -> Any:
        answer, statements = await asked(
            house.place.service, f"query Ask($id: ID!) {{ {asks} }}", {"id": id_}, viewer=house.viewer(name)
        )
        assert "errors" not in answer
        return answer, statements

    missing, cost = await told(global_id(of, house.missing))
    assert cost
    assert hidden or (name, of) in {("guest", "Role"), ("pupil", "Permission")}
    for id_ in hidden:
        assert await told(id_) == (missing, cost)


# What hidden things leave behind in counts


COUNTS = """query Count($where: AnnotationWhere, $class: ID!) {
    byMotivation: annotationStats(by: [MOTIVATION]) { count motivation }
    byCreator: annotationStats(by: [CREATOR, DAY]) { count creator { username } }
    byPlace: annotationStats(by: [COLLECTION, DOCUMENT, ELEMENT, CLASSROOM]) { count element { text } }
    collections { totalCount pageInfo { hasNextPage } nodes { title documents { totalCount } annotations { totalCount }
        shares { totalCount } stats { documents elements annotations comments scholarlyNotes } } }
    documents { totalCount nodes { title elements { totalCount } annotations { totalCount } shares { totalCount }
        stats { elements annotations comments scholarlyNotes } } }
    annotations(where: $where) { totalCount pageInfo { hasNextPage endCursor } nodes { tags upvoteCount
        viewerHasUpvoted replies(where: $where) { totalCount } viewerCan { edit delete moderate reply }
        creator { username groups { totalCount } createdGroups { totalCount } roles { totalCount }
            collections { totalCount } documents { totalCount } shares { totalCount }
            annotations(where: $where) { totalCount } ownedAnnotations(where: $where) { totalCount } }
        element { annotationCounts { motivation count } annotations(where: $where) { totalCount } } } }
    inClass: annotations(where: {inClassroom: $class}) { totalCount }
    users { totalCount } groups { totalCount } roles { name } }"""

Hide = Callable[[World, models.User, models.Annotation], Awaitable[Any]]


async def _private_collection(world: World, author: models.User, _: models.Annotation) -> None:
    document = await world.document(await world.collection(Visibility.PRIVATE, owner_id=author.id))
    await world.note(await world.element(document), document_id=document.id, creator_id=author.id)


async def _share(world: World, author: models.User, _: models.Annotation) -> None:
    collection = await world.collection(Visibility.SHARED, owner_id=author.id)
    await world.share(collection, author, AccessLevel.MANAGE)
    await world.share(collection, await world.group(author), AccessLevel.VIEW)


async def _role(world: World, author: models.User, _: models.Annotation) -> None:
    role = await world.add(models.Role(name="reader"))
    await world.run(models.user_roles.insert().values(user_id=author.id, role_id=role.id))


def _note(*, in_class: bool = False, **columns: Any) -> Hide:
    """A note beside the one that is seen, which only its author, or their class, is to know of."""

    async def hide(world: World, author: models.User, note: models.Annotation) -> None:
        classroom = {"classroom_id": (await world.group(author)).id} if in_class else {}
        element = {"document_element_id": note.document_element_id, "document_id": note.document_id}
        place = element | {"document_collection_id": note.document_collection_id}
        await world.note(**place | {"creator_id": author.id} | classroom | columns)

    return hide


def _response(motivation: str, *, in_class: bool = False, **columns: Any) -> Hide:
    async def hide(world: World, author: models.User, note: models.Annotation) -> None:
        classroom = {"classroom_id": (await world.group(author)).id} if in_class else {}
        # Each by somebody else: a vote is one a person.
        somebody = await world.person()
        await world.response(note, motivation, **{"creator_id": somebody.id} | classroom | columns)

    return hide


HIDDEN: dict[str, Hide] = {
    "a private collection": _private_collection,
    "a share": _share,
    "a role": _role,
    "a classroom": lambda world, author, _: world.group(author, created_by_id=author.id),
    "a person": lambda world, _author, _note: world.person(),
    "a private note": _note(status=AnnotationStatus.PRIVATE),
    "a hidden note": _note(status=AnnotationStatus.HIDDEN),
    "a deleted scholarly note": _note(status=AnnotationStatus.DELETED, motivation="scholarly"),
    "a class note": _note(in_class=True),
    "a flag": _response("flagging"),
    **{
        f"a {status} {motivation} response": _response(motivation, status=status)
        for motivation in ("replying", "tagging", "upvoting")
        for status in (AnnotationStatus.PRIVATE, AnnotationStatus.HIDDEN)
    },
    **{
        f"a {motivation} response in class": _response(motivation, in_class=True)
        for motivation in ("replying", "tagging", "upvoting")
    },
}


async def test_hidden_things_change_nothing_that_a_stranger_is_told(service: Service, world: World) -> None:
    author, stranger = await world.person("author"), await world.person("stranger")
    collection = await world.collection(owner_id=author.id)
    document = await world.document(collection, owner_id=author.id)
    note = await world.note(
        await world.element(document),
        document_id=document.id,
        document_collection_id=collection.id,
        creator_id=author.id,
    )
    for motivation in ("replying", "tagging", "upvoting"):
        await world.response(note, motivation, creator_id=author.id)
    viewers = [ANONYMOUS, Viewer(stranger.id, is_instructor=True)]

    async def told() -> list[Any]:
        variables = {"where": EVERYTHING, "class": "1"}
        return [await service.ask(COUNTS, variables, viewer=viewer) for viewer in viewers]

    before = await told()
    for thing, hide in HIDDEN.items():
        await hide(world, author, note)
        assert await told() == before, thing


async def test_a_deleted_classrooms_comments_are_nobodys_to_count(service: Service, site: Site, world: World) -> None:
    teacher, writer, classmate = [await site.person() for _ in range(3)]
    classroom = await world.group(teacher, writer, classmate, created_by_id=teacher.id)
    owner = await site.person()
    document = await world.document(await world.collection(owner_id=owner.id))
    element = await world.element(document)
    note = await world.note(element, document_id=document.id, creator_id=writer.id, classroom_id=classroom.id)
    await world.response(note, creator_id=writer.id, classroom_id=classroom.id)
    viewers = {name: await site.viewer(one) for name, one in (("teacher", teacher), ("classmate", classmate))}
    viewers |= {"owner": await site.viewer(owner), "visitor": ANONYMOUS}
    query = """query Read($id: ID!, $element: ID!, $where: AnnotationWhere, $class: ID!) {
        annotation(id: $id) { id } annotations(where: $where) { totalCount }
        none: annotations(where: {classroom: {eq: null}}) { totalCount }
        gone: annotations(where: {inClassroom: $class}) { totalCount }
        stats: annotationStats(by: [CLASSROOM]) { count }
        element(id: $element) { annotationCounts { count } annotations(where: $where) { totalCount } } }"""
    ids = {"id": str(note.id), "element": str(element.id), "class": str(classroom.id)}

    await world.run(delete(models.Group))

    nothing: dict[str, Any] = {"totalCount": 0}
    for name, viewer in viewers.items():
        # Who signed in before is still in the class for this request, and it is no way in.
        assert await service.ask(query, {"where": EVERYTHING, **ids}, viewer=viewer) == {
            "annotation": None,
            "annotations": nothing,
            "none": nothing,
            "gone": nothing,
            "stats": [],
            "element": {"annotationCounts": [], "annotations": nothing},
        }, name
    own = await service.ask(query, {"where": EVERYTHING, **ids}, viewer=await site.viewer(writer))
    assert own["annotations"] == {"totalCount": 2}


# A document that is shared out of a hidden collection


async def test_a_guest_cannot_tell_hidden_collections_apart_by_what_is_lent_from_them(
    service: Service, world: World
) -> None:
    keeper, guest = await world.person(), await world.person()
    collections = [await world.collection(Visibility.SHARED, owner_id=keeper.id) for _ in range(2)]
    query = """query Read($in: DocumentWhere, $of: AnnotationWhere) {
        documents { totalCount nodes { collection { id } owner { id } stats { documents } } }
        in: documents(where: $in) { totalCount } of: annotations(where: $of) { totalCount }
        annotationStats(by: [COLLECTION]) { count collection { id } } collections { totalCount } }"""
    ids = [str(collection.id) for collection in collections]
    where = {"in": {"collection": {"in": ids}}, "of": {"collection": {"in": ids}}}

    async def lend(*from_: models.DocumentCollection) -> Any:
        """What the guest is told, lent a chapter of each of these."""
        await world.run(delete(models.Document))
        await world.run(delete(models.Annotation))
        for collection in from_:
            chapter = await world.document(collection)
            await world.document(collection)
            await world.share(chapter, guest)
            line = await world.element(chapter)
            await world.note(line, document_id=chapter.id, document_collection_id=collection.id)
        return await asked(service, query, where, viewer=Viewer(guest.id))

    first, second = collections
    answer, cost = await lend(first, first)
    assert answer["data"] == {
        "documents": {
            "totalCount": 2,
            "nodes": [{"collection": None, "owner": None, "stats": {"documents": 1}}] * 2,
        },
        "in": {"totalCount": 0},
        "of": {"totalCount": 0},
        "annotationStats": [{"count": 2, "collection": None}],
        "collections": {"totalCount": 0},
    }
    assert await lend(first, second) == await lend(second, first) == (answer, cost)


# Shares, rosters, roles


OTHERS = """query Read($ids: [ID!]!) { nodes(ids: $ids) { __typename
    ... on User { roles { totalCount nodes { name } } groups { totalCount nodes { name } }
        createdGroups { totalCount } shares { totalCount nodes { accessLevel } } }
    ... on Group { name joinToken members { totalCount } shares { totalCount } annotations { totalCount } }
    ... on ObjectShare { accessLevel sharedWithId sharedWith { __typename } object { __typename } }
    ... on Role { name permissions { totalCount } users { totalCount } }
    ... on Permission { name roles { totalCount } }
    ... on DocumentCollection { shares { totalCount nodes { sharedWithId } } }
    ... on Document { shares { totalCount nodes { sharedWithId } } } } }"""


async def test_a_reader_is_told_nothing_of_others_shares_rosters_and_roles(
    service: Service, site: Site, world: World
) -> None:
    keeper = await site.person(RoleName.VERIFIED_SCHOLAR)
    friend = await site.person(RoleName.STUDENT)
    classroom = await world.group(keeper, friend, created_by_id=keeper.id)
    collection = await world.collection(owner_id=keeper.id)
    document = await world.document(collection, owner_id=keeper.id)
    await world.note(await world.element(document), creator_id=friend.id)
    shares = [
        await world.share(what, whom, AccessLevel.EDIT)
        for what in (collection, document)
        for whom in (friend, classroom)
    ]
    (role,) = await site.all(
        models.Role.__table__.select()
        .with_only_columns(models.Role.id)
        .where(models.Role.name == RoleName.VERIFIED_SCHOLAR)
    )
    rows = [keeper, friend, classroom, collection, document, *shares]
    ids = [global_id(type(row).__name__, row.id) for row in rows] + [
        global_id("Role", role),
        global_id("Permission", 1),
    ]
    none: dict[str, Any] = {"totalCount": 0, "nodes": []}
    person = {"__typename": "User", "roles": none, "groups": none, "createdGroups": {"totalCount": 0}, "shares": none}

    for viewer in (ANONYMOUS, await site.viewer(await site.person())):
        nodes = (await service.ask(OTHERS, {"ids": ids}, viewer=viewer))["nodes"]
        assert nodes == [
            person,
            person,
            None,
            {"__typename": "DocumentCollection", "shares": none},
            {"__typename": "Document", "shares": none},
            *[None] * 6,
        ]

    # A member is told of the class and of what was shared with them and with it, and no secret.
    nodes = (await service.ask(OTHERS, {"ids": ids}, viewer=await site.viewer(friend)))["nodes"]
    assert nodes[0] == person | {
        "groups": {"totalCount": 1, "nodes": [{"name": classroom.name}]},
        "createdGroups": {"totalCount": 1},
    }
    assert nodes[2]["joinToken"] is None
    assert [node["shares"]["totalCount"] for node in nodes[3:5]] == [2, 2]
    assert nodes[-2:] == [None, None]


# The link to join by


INVITATION = "query Invited($token: String!) { invitation(token: $token) { name instructorName } }"


async def test_a_link_is_for_its_teachers_and_tells_its_holders_no_more_than_an_invitation(
    service: Service, site: Site, world: World
) -> None:
    teacher, pupil = await site.person(RoleName.INSTRUCTOR), await site.person(RoleName.STUDENT)
    classroom = await world.group(teacher, pupil, created_by_id=teacher.id, join_token="Wisteria_7")
    query = "query Read($id: ID!) { group(id: $id) { joinToken } groups { nodes { joinToken } } }"
    stranger = await site.viewer(await site.person(RoleName.INSTRUCTOR))

    async def read(viewer: Viewer) -> Any:
        return await service.ask(query, {"id": str(classroom.id)}, viewer=viewer)

    told = {"group": {"joinToken": "Wisteria_7"}, "groups": {"nodes": [{"joinToken": "Wisteria_7"}]}}
    assert await read(await site.viewer(teacher)) == told
    hidden = {"group": {"joinToken": None}, "groups": {"nodes": [{"joinToken": None}]}}
    assert await read(await site.viewer(pupil)) == hidden
    assert await read(await site.program(teacher, "read")) == hidden
    assert await read(stranger) == await read(ANONYMOUS) == {"group": None, "groups": {"nodes": []}}

    held, cost = await asked(service, INVITATION, {"token": "Wisteria_7"})
    assert held["data"]["invitation"] == {"name": classroom.name, "instructorName": teacher.username}
    assert set(TYPES["GroupInvitation"].fields) == {
        *("name", "description", "startDate", "endDate", "instructorName", "isOpen")
    }
    for guess in ("", "wisteria_7", "Wisteria%", "Wisteria\\_7", "%", "Wisteria_", "Wisteria_77", str(classroom.id)):
        assert await asked(service, INVITATION, {"token": guess}) == ({"data": {"invitation": None}}, cost)


async def test_a_fault_writes_no_link_into_the_log(
    service: Service, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await world.run(text("ALTER TABLE app.groups RENAME COLUMN description TO renamed"))

    answer = await service.answer(INVITATION, {"token": "Wisteria-7"})

    assert "app.groups" not in str(answer)
    assert "Unexpected error" in caplog.text
    assert "Wisteria" not in caplog.text


# What the viewer can do to what isn't there


@pytest.mark.parametrize("name", ["visitor", "writer", "guest"])
async def test_nobody_is_told_what_they_could_do_to_a_hidden_thing(house: House, name: str) -> None:
    service, viewer = house.place.service, house.viewer(name)
    ruled = [type_.__name__ for type_ in NODE_TYPES if "viewerCan" in TYPES[type_.__name__].fields]
    query = "query Can($ids: [ID!]!) {{ nodes(ids: $ids) {{ {} }} }}".format(
        " ".join(f"... on {of} {{ {ABILITIES} }}" for of in ruled)
    )
    hidden = [house.id(label) for label in house.hidden_from(name) if type(house[label]).__name__ in ruled]
    missing = [global_id(of, house.missing) for of in ruled]
    for ids in (hidden[:100], hidden[100:], missing):
        answer = await service.ask(query, {"ids": ids}, viewer=viewer)
        assert answer["nodes"] == [None] * len(ids)
        assert len(service.statements) <= len(ruled)

    seen = [house.id(label) for label in sorted(house.seen_by(name)) if type(house[label]).__name__ in ruled]
    answer = await service.ask(query, {"ids": seen[:100]}, viewer=viewer)
    assert all(node is not None for node in answer["nodes"])
    if name == "visitor":
        assert {may for node in answer["nodes"] for may in node["viewerCan"].values()} == {False}

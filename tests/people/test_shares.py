"""Sharing: who may share what with whom, what wakes, and what ends with a share."""

import asyncio
from typing import Any

import asyncpg
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql import migrations, models
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.database import create_engine
from genji_graphql.reads.ids import global_id
from genji_graphql.settings import Settings
from genji_graphql.vocabulary import AccessLevel, PermissionName, Visibility
from tests.conftest import connect
from tests.service import Service
from tests.waiting import waiting_for_a_lock
from tests.world import World

SHARE = """
mutation ($input: ShareObjectInput!) {
  shareObject(input: $input) {
    share { id accessLevel sharedWithId createdBy { username } object { ... on Node { id } } }
    wokenCollection { id visibility modifiedBy { username } }
    errors { __typename message code field }
  }
}
"""
UPDATE = """
mutation ($input: UpdateShareInput!) {
  updateShare(input: $input) { share { accessLevel } errors { __typename message code field } }
}
"""
REVOKE = """
mutation ($input: RevokeShareInput!) {
  revokeShare(input: $input) {
    revokedShareId object { ... on Node { id } } errors { __typename message code field }
  }
}
"""
COLLECTION = "query ($id: ID!) { collection(id: $id) { title viewerCan { edit share } } }"
DOCUMENT = "query ($id: ID!) { document(id: $id) { title viewerCan { edit share } collection { id } } }"


def id_of(row: Any) -> str:
    return global_id(type(row).__name__, row.id)


def viewer_of(person: models.User, *groups: models.Group) -> Viewer:
    return Viewer(user_id=person.id, group_ids=frozenset(group.id for group in groups))


def administrator(person: models.User) -> Viewer:
    return Viewer(user_id=person.id, is_administrator=True, permissions=frozenset(PermissionName))


class People:
    """An owner of things, and a classmate of theirs to share with."""

    def __init__(self, owner: models.User, mate: models.User, stranger: models.User, classroom: models.Group) -> None:
        self.owner, self.mate, self.stranger, self.classroom = owner, mate, stranger, classroom

    @property
    def as_owner(self) -> Viewer:
        return viewer_of(self.owner, self.classroom)

    @property
    def as_mate(self) -> Viewer:
        return viewer_of(self.mate, self.classroom)


@pytest.fixture
async def people(world: World) -> People:
    owner, mate = await world.person("murasaki"), await world.person("sei")
    return People(owner, mate, await world.person("izumi"), await world.group(owner, mate))


async def asked(service: Service, mutation: str, viewer: Viewer, **given: Any) -> dict[str, Any]:
    """The payload of a mutation."""
    (payload,) = (await service.ask(mutation, {"input": given}, viewer=viewer)).values()
    result: dict[str, Any] = payload
    return result


async def refused(
    service: Service, mutation: str, viewer: Viewer, rows: AsyncEngine, **given: Any
) -> tuple[str, str, str | None]:
    """The kind, code and field of the one error of a mutation that changed nothing."""
    before = await everything(rows)
    payload = await asked(service, mutation, viewer, **given)
    (error,) = payload.pop("errors")
    assert set(payload.values()) == {None}
    assert await everything(rows) == before
    return error["__typename"], error["code"], error["field"]


async def everything(engine: AsyncEngine) -> list[Any]:
    """All that sharing could change."""
    tables = (models.ObjectShare.__table__, models.DocumentCollection.__table__)
    async with engine.connect() as connection:
        return [sorted((await connection.execute(select(table))).all()) for table in tables]


async def shares(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        return list(await connection.scalars(select(models.ObjectShare.access_level).order_by(models.ObjectShare.id)))


# Sharing


@pytest.mark.parametrize("level", AccessLevel)
async def test_a_person_gets_what_a_share_gives(
    service: Service, world: World, people: People, level: AccessLevel
) -> None:
    collection = await world.collection(Visibility.SHARED, title="Genji", owner_id=people.owner.id)
    assert (await service.ask(COLLECTION, {"id": id_of(collection)}, viewer=people.as_mate))["collection"] is None

    payload = await asked(
        service,
        SHARE,
        people.as_owner,
        objectId=id_of(collection),
        userId=id_of(people.mate),
        accessLevel=level.name,
    )

    assert payload["errors"] == []
    assert payload["wokenCollection"] is None
    assert payload["share"]["accessLevel"] == level.name
    assert payload["share"]["sharedWithId"] == people.mate.id
    assert payload["share"]["createdBy"] == {"username": "murasaki"}
    assert payload["share"]["object"] == {"id": id_of(collection)}
    seen = (await service.ask(COLLECTION, {"id": id_of(collection)}, viewer=people.as_mate))["collection"]
    can = {"edit": level is not AccessLevel.VIEW, "share": level is AccessLevel.MANAGE}
    assert seen == {"title": "Genji", "viewerCan": can}


async def test_a_group_gets_what_a_share_gives_as_long_as_one_belongs_to_it(
    service: Service, world: World, people: People
) -> None:
    document = await world.document(await world.collection(Visibility.SHARED), owner_id=people.owner.id)

    payload = await asked(
        service,
        SHARE,
        people.as_owner,
        objectId=id_of(document),
        groupId=id_of(people.classroom),
        accessLevel="EDIT",
    )

    assert payload["errors"] == []
    seen = (await service.ask(DOCUMENT, {"id": id_of(document)}, viewer=people.as_mate))["document"]
    # A document that is shared alone doesn't open its collection.
    assert seen == {"title": document.title, "viewerCan": {"edit": True, "share": False}, "collection": None}
    gone = await service.ask(DOCUMENT, {"id": id_of(document)}, viewer=viewer_of(people.mate))
    assert gone["document"] is None


async def test_sharing_again_changes_the_level(
    service: Service, world: World, people: People, engine: AsyncEngine
) -> None:
    collection = await world.collection(owner_id=people.owner.id)
    given = {"objectId": id_of(collection), "userId": id_of(people.mate)}

    first = await asked(service, SHARE, people.as_owner, accessLevel="MANAGE", **given)
    again = await asked(service, SHARE, people.as_owner, accessLevel="VIEW", **given)

    assert again["errors"] == []
    assert again["share"]["id"] == first["share"]["id"]
    assert await shares(engine) == [AccessLevel.VIEW]


async def test_sharing_at_once_gives_one_share(
    service: Service, world: World, people: People, engine: AsyncEngine
) -> None:
    document = await world.document(await world.collection(Visibility.PRIVATE, owner_id=people.owner.id))
    given = {"objectId": id_of(document), "userId": id_of(people.mate)}

    payloads = await asyncio.gather(
        *(asked(service, SHARE, people.as_owner, accessLevel=level.name, **given) for level in [*AccessLevel] * 3)
    )

    assert [payload["errors"] for payload in payloads] == [[]] * 9
    assert len({payload["share"]["id"] for payload in payloads}) == 1
    # One of them woke the collection, and the others found it awake.
    assert len([payload for payload in payloads if payload["wokenCollection"]]) == 1
    assert len(await shares(engine)) == 1


async def test_who_is_given_manage_may_share_on(service: Service, world: World, people: People) -> None:
    collection = await world.collection(Visibility.SHARED, owner_id=people.owner.id)
    await world.share(collection, people.mate, AccessLevel.MANAGE)

    payload = await asked(
        service,
        SHARE,
        people.as_mate,
        objectId=id_of(collection),
        groupId=id_of(people.classroom),
        accessLevel="MANAGE",
    )

    assert payload["errors"] == []


@pytest.mark.parametrize("level", [AccessLevel.VIEW, AccessLevel.EDIT])
async def test_nobody_below_manage_shares_at_any_level(
    service: Service, world: World, people: People, engine: AsyncEngine, level: AccessLevel
) -> None:
    collection = await world.collection(Visibility.SHARED, owner_id=people.owner.id)
    share = await world.share(collection, people.mate, level)
    given = {"objectId": id_of(collection), "groupId": id_of(people.classroom)}

    for wanted in AccessLevel:
        denied = await refused(service, SHARE, people.as_mate, engine, accessLevel=wanted.name, **given)
        assert denied == ("PermissionDenied", "FORBIDDEN", "objectId")
        denied = await refused(service, UPDATE, people.as_mate, engine, id=id_of(share), accessLevel=wanted.name)
        assert denied == ("PermissionDenied", "FORBIDDEN", "id")
    denied = await refused(service, REVOKE, people.as_mate, engine, id=id_of(share))
    assert denied == ("PermissionDenied", "FORBIDDEN", "id")


async def test_what_is_hidden_is_shared_by_nobody_like_what_is_missing(
    service: Service, world: World, people: People, engine: AsyncEngine
) -> None:
    hidden = await world.collection(Visibility.PRIVATE, owner_id=people.owner.id)
    document = await world.document(hidden)
    asleep = await world.share(hidden, people.stranger)
    given = {"userId": id_of(people.owner), "accessLevel": "VIEW"}

    costs = set()
    for thing in (
        id_of(hidden),
        global_id("DocumentCollection", 999),
        id_of(document),
        global_id("Document", 999),
    ):
        found = await refused(service, SHARE, people.as_mate, engine, objectId=thing, **given)
        assert found == ("NotFound", "NOT_FOUND", "objectId")
        costs.add(len(service.statements))
    assert len(costs) == 1
    for share in (id_of(asleep), global_id("ObjectShare", 999), "x", "0"):
        for mutation, more in ((UPDATE, {"accessLevel": "MANAGE"}), (REVOKE, {})):
            found = await refused(service, mutation, people.as_mate, engine, id=share, **more)
            assert found == ("NotFound", "NOT_FOUND", "id")


@pytest.mark.parametrize("thing", ["", "1", "x", global_id("User", 1), global_id("DocumentElement", 1)])
async def test_only_collections_and_documents_are_shared(
    service: Service, people: People, engine: AsyncEngine, thing: str
) -> None:
    given = {"objectId": thing, "userId": id_of(people.mate), "accessLevel": "VIEW"}

    assert await refused(service, SHARE, people.as_owner, engine, **given) == ("NotFound", "NOT_FOUND", "objectId")


async def test_somebody_who_is_not_signed_in_shares_nothing(
    service: Service, world: World, people: People, engine: AsyncEngine
) -> None:
    share = await world.share(collection := await world.collection(), people.mate)
    given = {"objectId": id_of(collection), "userId": id_of(people.stranger), "accessLevel": "VIEW"}

    denied = ("PermissionDenied", "FORBIDDEN", None)
    assert await refused(service, SHARE, ANONYMOUS, engine, **given) == denied
    assert await refused(service, UPDATE, ANONYMOUS, engine, id=id_of(share), accessLevel="EDIT") == denied
    assert await refused(service, REVOKE, ANONYMOUS, engine, id=id_of(share)) == denied


# Recipients


async def test_anybody_can_be_named_by_their_exact_user_name(
    service: Service, world: World, people: People, engine: AsyncEngine
) -> None:
    collection = await world.collection(Visibility.SHARED, owner_id=people.owner.id)
    given = {"objectId": id_of(collection), "accessLevel": "VIEW"}

    payload = await asked(service, SHARE, people.as_owner, username=" Izumi ", **given)

    assert payload["errors"] == []
    assert payload["share"]["sharedWithId"] == people.stranger.id
    for name in ("izum", "izumi%", "", "x" * 100_000):
        found = await refused(service, SHARE, people.as_owner, engine, username=name, **given)
        assert found == ("NotFound", "NOT_FOUND", "username")


async def test_an_e_mail_address_finds_nobody(
    service: Service, world: World, people: People, engine: AsyncEngine
) -> None:
    await world.person("akiko", email="akiko@example.org")
    await world.person("older@example.org", email="older@example.org")
    collection = await world.collection(owner_id=people.owner.id)

    answers = set()
    for name in ("akiko@example.org", "older@example.org", "nobody@example.org"):
        given = {"objectId": id_of(collection), "username": name, "accessLevel": "VIEW"}
        payload = await asked(service, SHARE, people.as_owner, **given)
        answers.add((payload["errors"][0]["message"], len(service.statements)))
    assert len(answers) == 1
    assert await shares(engine) == []


async def test_a_hidden_person_and_a_missing_one_are_the_same(
    service: Service, world: World, people: People, engine: AsyncEngine
) -> None:
    collection = await world.collection(owner_id=people.owner.id)
    closed = await world.person("closed", is_active=False)
    classmate = await world.person("classmate", is_active=False)
    group = await world.group(people.owner, classmate)
    other = await world.group(people.stranger)
    viewer = viewer_of(people.owner, people.classroom, group)
    given = {"objectId": id_of(collection), "accessLevel": "VIEW"}

    costs = set()
    for field, whom in (
        ("userId", id_of(people.stranger)),
        ("userId", global_id("User", 999)),
        ("userId", "x"),
        ("userId", id_of(people.classroom)),
        ("userId", id_of(classmate)),
        ("username", "closed"),
        ("username", "nobody"),
        ("groupId", id_of(other)),
        ("groupId", global_id("Group", 999)),
        ("groupId", id_of(people.mate)),
    ):
        found = await refused(service, SHARE, viewer, engine, **{field: whom}, **given)
        assert found == ("NotFound", "NOT_FOUND", field), whom
        costs.add(len(service.statements))
    assert closed.id != classmate.id
    assert len(costs) == 1


async def test_one_does_not_share_with_oneself_or_the_owner(
    service: Service, world: World, people: People, engine: AsyncEngine
) -> None:
    collection = await world.collection(Visibility.SHARED, created_by_id=people.owner.id)
    document = await world.document(collection, owner_id=people.mate.id)
    await world.share(collection, people.mate, AccessLevel.MANAGE)
    owner, mate = id_of(people.owner), id_of(people.mate)

    for viewer, thing, whom, code in (
        (people.as_owner, collection, owner, "SELF"),
        (people.as_mate, collection, mate, "SELF"),
        (people.as_mate, collection, owner, "OWNER"),
        (people.as_owner, document, mate, "OWNER"),
        (people.as_mate, document, mate, "SELF"),
        (administrator(people.stranger), document, id_of(people.stranger), "SELF"),
    ):
        given = {"objectId": id_of(thing), "userId": whom, "accessLevel": "VIEW"}
        assert await refused(service, SHARE, viewer, engine, **given) == ("ValidationError", code, "userId")
    given = {"objectId": id_of(collection), "username": "MURASAKI", "accessLevel": "VIEW"}
    assert await refused(service, SHARE, people.as_owner, engine, **given) == ("ValidationError", "SELF", "username")


async def test_there_is_one_recipient(service: Service, world: World, people: People, engine: AsyncEngine) -> None:
    collection = await world.collection(owner_id=people.owner.id)
    user, group = {"userId": id_of(people.mate)}, {"groupId": id_of(people.classroom)}

    for whom in ({}, user | group, user | {"username": "sei"}, {"userId": None}):
        given = {"objectId": id_of(collection), "accessLevel": "VIEW"} | whom
        assert await refused(service, SHARE, people.as_owner, engine, **given) == (
            "ValidationError",
            "NOT_ONE",
            "userId",
        )
    given = {"objectId": id_of(collection), "accessLevel": "VIEW", "groupId": None} | user
    assert (await asked(service, SHARE, people.as_owner, **given))["errors"] == []


# Waking


async def test_sharing_a_private_collection_wakes_it_and_all_its_shares(
    service: Service, world: World, people: People
) -> None:
    collection = await world.collection(Visibility.PRIVATE, owner_id=people.owner.id)
    await world.share(collection, people.stranger)
    stranger = viewer_of(people.stranger)
    assert (await service.ask(COLLECTION, {"id": id_of(collection)}, viewer=stranger))["collection"] is None

    given = {"objectId": id_of(collection), "userId": id_of(people.mate), "accessLevel": "VIEW"}
    payload = await asked(service, SHARE, people.as_owner, **given)

    assert payload["errors"] == []
    assert payload["wokenCollection"] == {
        "id": id_of(collection),
        "visibility": "SHARED",
        "modifiedBy": {"username": "murasaki"},
    }
    for viewer in (people.as_mate, stranger):
        assert (await service.ask(COLLECTION, {"id": id_of(collection)}, viewer=viewer))["collection"]


async def test_sharing_a_document_of_a_private_collection_wakes_the_collection(
    service: Service, world: World, people: People
) -> None:
    collection = await world.collection(Visibility.PRIVATE, owner_id=people.owner.id)
    document = await world.document(collection)

    given = {"objectId": id_of(document), "userId": id_of(people.mate), "accessLevel": "VIEW"}
    payload = await asked(service, SHARE, people.as_owner, **given)

    assert payload["errors"] == []
    assert payload["wokenCollection"]["id"] == id_of(collection)
    assert (await service.ask(DOCUMENT, {"id": id_of(document)}, viewer=people.as_mate))["document"]
    assert (await service.ask(COLLECTION, {"id": id_of(collection)}, viewer=people.as_mate))["collection"] is None


async def test_the_owner_of_a_document_does_not_wake_anothers_private_collection(
    service: Service, world: World, people: People, engine: AsyncEngine
) -> None:
    collection = await world.collection(Visibility.PRIVATE, owner_id=people.stranger.id)
    document = await world.document(collection, owner_id=people.owner.id)

    given = {"objectId": id_of(document), "userId": id_of(people.mate), "accessLevel": "VIEW"}
    denied = await refused(service, SHARE, people.as_owner, engine, **given)

    assert denied == ("PermissionDenied", "FORBIDDEN", None)


@pytest.mark.parametrize("visibility", [Visibility.SHARED, Visibility.PUBLIC])
async def test_what_is_awake_stays_as_it_is(
    service: Service, world: World, people: People, engine: AsyncEngine, visibility: Visibility
) -> None:
    collection = await world.collection(visibility, owner_id=people.owner.id)
    before = (await everything(engine))[1]

    given = {"objectId": id_of(collection), "userId": id_of(people.mate), "accessLevel": "EDIT"}
    payload = await asked(service, SHARE, people.as_owner, **given)

    assert payload["errors"] == []
    assert payload["wokenCollection"] is None
    assert (await everything(engine))[1] == before


# Changing and ending shares


async def test_a_share_is_changed_and_ends_at_once(
    service: Service, world: World, people: People, engine: AsyncEngine
) -> None:
    collection = await world.collection(Visibility.SHARED, owner_id=people.owner.id)
    share = await world.share(collection, people.mate, AccessLevel.EDIT)
    question = {"id": id_of(collection)}

    payload = await asked(service, UPDATE, people.as_owner, id=id_of(share), accessLevel="VIEW")
    assert payload == {"share": {"accessLevel": "VIEW"}, "errors": []}
    seen = (await service.ask(COLLECTION, question, viewer=people.as_mate))["collection"]
    assert seen["viewerCan"]["edit"] is False

    payload = await asked(service, REVOKE, people.as_owner, id=id_of(share))
    assert payload == {"revokedShareId": id_of(share), "object": question, "errors": []}
    assert (await service.ask(COLLECTION, question, viewer=people.as_mate))["collection"] is None
    assert await shares(engine) == []
    again = await refused(service, REVOKE, people.as_owner, engine, id=id_of(share))
    assert again == ("NotFound", "NOT_FOUND", "id")


async def test_who_revokes_their_own_share_sees_the_thing_no_more(
    service: Service, world: World, people: People
) -> None:
    collection = await world.collection(Visibility.SHARED, owner_id=people.owner.id)
    share = await world.share(collection, people.mate, AccessLevel.MANAGE)

    payload = await asked(service, REVOKE, people.as_mate, id=id_of(share))

    assert payload == {"revokedShareId": id_of(share), "object": None, "errors": []}


async def test_a_share_that_sleeps_is_changed_without_waking(
    service: Service, world: World, people: People, engine: AsyncEngine
) -> None:
    collection = await world.collection(Visibility.PRIVATE, owner_id=people.owner.id)
    share = await world.share(collection, people.mate, AccessLevel.VIEW)
    before = (await everything(engine))[1]

    payload = await asked(service, UPDATE, people.as_owner, id=id_of(share), accessLevel="MANAGE")

    assert payload["errors"] == []
    assert (await everything(engine))[1] == before
    # The recipient sees that there is a share, and not what it is of.
    found = await refused(service, REVOKE, people.as_mate, engine, id=id_of(share))
    assert found == ("NotFound", "NOT_FOUND", "id")


async def test_revoking_and_changing_at_once_ends_the_share(
    service: Service, world: World, people: People, engine: AsyncEngine
) -> None:
    collection = await world.collection(Visibility.SHARED, owner_id=people.owner.id)
    share = await world.share(collection, people.mate, AccessLevel.VIEW)
    changes = [asked(service, UPDATE, people.as_owner, id=id_of(share), accessLevel="EDIT") for _ in range(3)]
    ends = [asked(service, REVOKE, people.as_owner, id=id_of(share)) for _ in range(3)]

    payloads = await asyncio.gather(*changes, *ends)

    ended = [payload for payload in payloads if payload.get("revokedShareId")]
    assert len(ended) == 1
    assert {error["code"] for payload in payloads for error in payload["errors"]} <= {"NOT_FOUND"}
    assert await shares(engine) == []


# In the database


@pytest.fixture
async def connection(engine: AsyncEngine) -> Any:
    connection = await connect(engine.url)
    yield connection
    await connection.close()


@pytest.mark.parametrize("end", ["documents", "document_collections", "users", "groups"])
async def test_a_share_ends_with_either_of_its_ends(
    world: World, people: People, connection: asyncpg.Connection, end: str
) -> None:
    collection, other = await world.collection(), await world.collection()
    document, kept = await world.document(collection), await world.document(other)
    stays = [
        await world.share(other, people.owner),
        await world.share(kept, people.owner),
        await world.share(kept, await world.group()),
    ]
    if end in {"documents", "document_collections"}:
        # With its collection a document goes, and with it its shares.
        await world.share(document, people.mate)
        await world.share(document, people.classroom)
        gone = (document if end == "documents" else collection).id
        if end == "document_collections":
            await world.share(collection, people.mate)
        else:
            stays.append(await world.share(collection, people.mate))
    else:
        leaving = people.mate if end == "users" else people.classroom
        await world.share(collection, leaving)
        await world.share(kept, leaving)
        gone = leaving.id

    await connection.execute(f"DELETE FROM app.{end} WHERE id = $1", gone)

    left = await connection.fetch("SELECT id FROM app.object_sharing ORDER BY id")
    assert [row["id"] for row in left] == sorted(share.id for share in stays)


async def test_nothing_is_shared_with_a_person_who_is_being_deleted(
    service: Service, world: World, people: People, connection: asyncpg.Connection, engine: AsyncEngine
) -> None:
    collection = await world.collection(owner_id=people.owner.id)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("DELETE FROM app.users WHERE id = $1", people.mate.id)

    given = {"objectId": id_of(collection), "userId": id_of(people.mate), "accessLevel": "VIEW"}
    sharing = asyncio.create_task(asked(service, SHARE, people.as_owner, **given))
    await waiting_for_a_lock(engine.url)
    await transaction.commit()

    assert (await sharing)["errors"][0]["code"] == "NOT_FOUND"
    assert await shares(engine) == []


async def test_of_shares_that_doubled_the_highest_stays(engine: AsyncEngine, settings: Settings, world: World) -> None:
    person, collection = await world.person(), await world.collection()
    group, document = await world.group(), await world.document(collection)
    await migrations.downgrade(engine, settings, "a41c7e9d5b20-1")
    twice = [AccessLevel.VIEW, AccessLevel.MANAGE, AccessLevel.EDIT, AccessLevel.MANAGE]
    first = [(await world.share(collection, person, level)).id for level in twice][1]
    kept = {
        first: AccessLevel.MANAGE,
        (await world.share(document, person, AccessLevel.VIEW)).id: AccessLevel.VIEW,
        (await world.share(collection, group, AccessLevel.EDIT)).id: AccessLevel.EDIT,
    }
    await world.share(collection, group, AccessLevel.VIEW)

    again = create_engine(settings)  # what was prepared before a migration may not fit any more
    await migrations.upgrade(again, settings)

    async with again.connect() as connection:
        left = await connection.execute(select(models.ObjectShare.id, models.ObjectShare.access_level))
        assert {row.id: row.access_level for row in left} == kept
    await again.dispose()

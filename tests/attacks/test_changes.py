"""Attacks on what can be changed: what isn't offered, what isn't one's own, and what can't be taken."""

import asyncio
import base64
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull, GraphQLScalarType
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import Viewer
from genji_graphql.models import Group, ObjectShare, Role, User, group_members, user_roles
from genji_graphql.reads.ids import global_id
from genji_graphql.vocabulary import AccessLevel, RoleName, Visibility
from tests.people.site import Site
from tests.schema.test_mutations import PUBLIC, SIGNED_IN, least, mutations
from tests.service import Service
from tests.world import World

MUTATIONS = sorted(PUBLIC | SIGNED_IN.keys())
DENIED = {"PermissionDenied", "NotFound"}


@pytest.fixture
def site(engine: AsyncEngine, world: World) -> Site:
    return Site(engine, world)


def query(name: str, fields: str = "") -> str:
    given = mutations()[name].args["input"].type
    asked = f"{name}(input: $input) {{ {fields} errors {{ __typename code field message }} }}"
    return f"mutation($input: {given}) {{ {asked} }}"


async def change(service: Service, viewer: Viewer, name: str, fields: str = "", /, **given: Any) -> Any:
    """What a mutation gives; never an error of the whole answer."""
    return (await service.ask(query(name, fields), {"input": given}, viewer=viewer))[name]


async def denied(service: Service, site: Site, viewer: Viewer, name: str, /, **given: Any) -> Any:
    """The one error of a mutation that changes no row of any table."""
    before = await site.contents()
    (error,) = (await change(service, viewer, name, **given))["errors"]
    assert await site.contents() == before
    return error


# What isn't offered

NEVER = [
    "isActive",
    "isAdministrator",
    "roles",
    "roleIds",
    "permissions",
    "ownerId",
    "createdById",
    "createdBy",
    "updatedById",
    "joinToken",
    "hashedPassword",
    "tokenHash",
    "visibility",
    "objectType",
    "sharedWithId",
    "databaseId",
    "createdAt",
    "modifiedById",
    "position",
    "revision",
    "sourceId",
    "classroomGone",
]


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_field_that_is_not_offered_is_refused_with_all_the_rest(
    service: Service, site: Site, name: str
) -> None:
    admin = await site.viewer(await site.administrator())
    given = mutations()[name].args["input"].type
    before = await site.contents()
    for field in set(NEVER) - given.of_type.fields.keys():
        answer = await service.answer(query(name), {"input": least(given) | {field: "1"}}, viewer=admin)
        assert field in str(answer["errors"])
        assert answer.get("data") is None
        assert service.statements == []
    assert await site.contents() == before


# Others' accounts


@pytest.mark.parametrize("who", ["classmate", "teacher", "stranger", "former classmate"])
@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("updateUser", {"firstName": "No"}),
        ("updateUser", {"email": "thief@example.org"}),
        ("updateUser", {"userMetadata": {"role": "admin"}}),
        ("deactivateUser", {}),
        ("reactivateUser", {}),
    ],
)
async def test_nobody_changes_anothers_account(
    service: Service, site: Site, world: World, who: str, name: str, given: dict[str, Any]
) -> None:
    victim, attacker = await site.person("student"), await site.person("instructor")
    teacher = attacker if who == "teacher" else None
    group = await world.group(victim, attacker, created_by_id=teacher and teacher.id)
    if who in {"stranger", "former classmate"}:
        await world.run(delete(group_members).where(group_members.c.user_id == attacker.id))
    viewer = await site.viewer(attacker)

    told = await denied(service, site, viewer, name, id=str(victim.id), **given)

    assert told["__typename"] in DENIED
    if who in {"stranger", "former classmate"}:
        cost = len(service.statements)
        assert told == await denied(service, site, viewer, name, id="999999", **given)
        assert len(service.statements) == cost
    assert group.id


# Ladders


@pytest.mark.parametrize("held", ["assign_roles", "manage_users", "manage_site_settings", "list_users"])
async def test_nobody_climbs_by_what_they_may_do(service: Service, site: Site, held: str) -> None:
    admin, puppet = await site.administrator(), await site.person("student")
    role = await site.role("helper", held)
    helper = await site.person("helper")
    viewer = await site.viewer(helper)
    above = await site.role_id(RoleName.ADMIN)

    steps: list[tuple[str, dict[str, Any]]] = [
        ("assignRole", {"userId": str(helper.id), "roleId": above}),
        ("assignRole", {"userId": str(puppet.id), "roleId": above}),
        ("updateRole", {"id": str(role.id), "permissions": [held, "manage_all_content"]}),
        ("updateRole", {"id": above, "permissions": []}),
        ("revokeRole", {"userId": str(admin.id), "roleId": above}),
        ("updateUser", {"id": str(admin.id), "email": "thief@example.org"}),
        ("updateUser", {"id": str(admin.id), "username": "thief"}),
        ("deactivateUser", {"id": str(admin.id)}),
    ]
    for name, given in steps:
        assert (await denied(service, site, viewer, name, **given))["__typename"] in DENIED, name


async def test_permissions_are_taken_from_nobody_who_has_more(service: Service, site: Site) -> None:
    await site.administrator()
    await site.role("helper", "assign_roles")
    both = await site.role("both", "assign_roles", "manage_users")
    helper, other = await site.person("helper"), await site.person("both")
    viewer = await site.viewer(helper)

    for name, given in (
        ("revokeRole", {"userId": str(other.id), "roleId": str(both.id)}),
        ("updateRole", {"id": str(both.id), "permissions": ["assign_roles"]}),
    ):
        assert (await denied(service, site, viewer, name, **given))["__typename"] in DENIED


# The last administrator


async def ways_out(site: Site, admin: User) -> list[tuple[str, dict[str, Any]]]:
    role = await site.role_id(RoleName.ADMIN)
    return [
        ("deactivateUser", {"id": str(admin.id)}),
        ("revokeRole", {"userId": str(admin.id), "roleId": role}),
        ("updateRole", {"id": role, "permissions": []}),
        ("updateRole", {"id": role, "permissions": ["manage_all_content", "manage_users"]}),
        ("updateRole", {"id": role, "permissions": ["assign_roles", "manage_users"]}),
        ("updateRole", {"id": role, "permissions": ["assign_roles", "manage_all_content"]}),
    ]


async def test_the_last_administrator_stays_by_every_way_out(service: Service, site: Site, world: World) -> None:
    admin, gone = await site.administrator(), await site.administrator()
    await world.run(update(User).where(User.id == gone.id).values(is_active=False))
    viewer = await site.viewer(admin)

    for name, given in await ways_out(site, admin):
        assert (await denied(service, site, viewer, name, **given))["code"] == "LAST_ADMINISTRATOR", name


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("second", [0, 1, 2])
async def test_of_two_who_leave_at_once_one_stays_an_administrator(
    site: Site, service: Service, first: int, second: int
) -> None:
    one, other = await site.administrator(), await site.administrator()
    viewer = await site.viewer(one)
    ways = (await ways_out(site, one))[first], (await ways_out(site, other))[second]

    told = await asyncio.gather(*(change(service, viewer, name, **given) for name, given in ways))

    assert sorted(len(one["errors"]) for one in told) == [0, 1]
    role = int(await site.role_id(RoleName.ADMIN))
    holders = select(User.id).join(user_roles).where(User.is_active, user_roles.c.role_id == role)
    assert await site.all(holders) != []


# Join links


async def classroom(site: Site, world: World) -> tuple[Group, User, User]:
    teacher, student = await site.person("instructor"), await site.person("student")
    return await world.group(teacher, student, created_by_id=teacher.id), teacher, student


async def test_a_link_cannot_be_guessed(service: Service, site: Site, world: World) -> None:
    group, _, _ = await classroom(site, world)
    viewer = await site.viewer(await site.person("student"))
    token = group.join_token

    for guess in ("", "%", token[:-1], token.upper(), f" {token}", token.replace("-", ""), "x" * 10_000, str(group.id)):
        assert (await denied(service, site, viewer, "joinGroup", token=guess))["__typename"] == "NotFound"
        cost = len(service.statements)
        assert (await service.ask("query($t: String!) { invitation(token: $t) { name } }", {"t": guess})) == {
            "invitation": None
        }
        assert (len(service.statements), cost) == (1, cost)


async def test_an_old_link_lets_nobody_in(service: Service, site: Site, world: World) -> None:
    group, teacher, _ = await classroom(site, world)
    await change(service, await site.viewer(teacher), "rotateJoinLink", id=str(group.id))

    told = await denied(service, site, await site.viewer(await site.person()), "joinGroup", token=group.join_token)
    assert told["__typename"] == "NotFound"


@pytest.mark.parametrize(("start", "end"), [(-15, None), (-15, 30), (-3, -1), (None, -1), (3, -1)])
async def test_a_link_that_is_out_of_date_lets_nobody_in(
    service: Service, site: Site, world: World, start: int | None, end: int | None
) -> None:
    group, _, _ = await classroom(site, world)
    today = datetime.now(UTC).date()
    dates = {"start_date": start, "end_date": end}
    days = {name: None if day is None else today + timedelta(days=day) for name, day in dates.items()}
    await world.run(update(Group).where(Group.id == group.id).values(**days))

    told = await denied(service, site, await site.viewer(await site.person()), "joinGroup", token=group.join_token)
    assert told["code"] == "CLOSED"


async def test_no_answer_to_a_member_holds_the_link(service: Service, site: Site, world: World) -> None:
    group, _, student = await classroom(site, world)
    viewer = await site.viewer(student)
    asked = """
    query($id: ID!, $node: ID!) {
      group(id: $id) { joinToken name } groups { nodes { joinToken } }
      node(id: $node) { ... on Group { joinToken } } viewer { groups { nodes { joinToken } } }
    }"""

    seen = await service.ask(asked, {"id": str(group.id), "node": global_id("Group", group.id)}, viewer=viewer)
    assert group.join_token not in str(seen)
    joined = await change(service, viewer, "joinGroup", "group { joinToken }", token=group.join_token)
    assert joined["group"] == {"joinToken": None}


# Rosters


@pytest.mark.parametrize("who", ["member", "former member", "former teacher", "teacher of another", "stranger"])
async def test_only_its_teachers_change_a_classroom(service: Service, site: Site, world: World, who: str) -> None:
    group, _, student = await classroom(site, world)
    match who:
        case "member":
            attacker = student
        case "former member":
            attacker = await site.person("instructor")
            await change(service, await site.viewer(attacker), "joinGroup", token=group.join_token)
            await world.run(delete(group_members).where(group_members.c.user_id == attacker.id))
        case "former teacher":
            attacker = await site.person("student")
            await world.run(group_members.insert().values(group_id=group.id, user_id=attacker.id))
        case "teacher of another":
            _, attacker, _ = await classroom(site, world)
        case _:
            attacker = await site.person("student")
    viewer = await site.viewer(attacker)

    for name, given in (
        ("updateGroup", {"name": "Mine"}),
        ("updateGroup", {"endDate": "2020-01-01"}),
        ("rotateJoinLink", {}),
        ("deleteGroup", {}),
        ("addGroupMembers", {"logins": [attacker.username]}),
        ("addGroupMembers", {"userIds": [str(student.id)]}),
        ("removeGroupMembers", {"userIds": [str(student.id)]}),
    ):
        told = await denied(service, site, viewer, name, id=str(group.id), **given)
        assert told["__typename"] in DENIED, name
        if told["__typename"] == "NotFound":
            cost = len(service.statements)
            assert await denied(service, site, viewer, name, id="999999", **given) == told
            assert len(service.statements) == cost


async def test_who_removes_themselves_sees_the_roster_no_more(service: Service, site: Site, world: World) -> None:
    group, _, student = await classroom(site, world)
    leaving = await site.person("instructor")
    await world.run(group_members.insert().values(group_id=group.id, user_id=leaving.id))
    viewer = await site.viewer(leaving)

    left = await change(
        service,
        viewer,
        "removeGroupMembers",
        "changed group { members { nodes { username } } }",
        id=str(group.id),
        userIds=[str(leaving.id)],
    )

    assert (left["changed"], left["group"]) == (1, None)
    assert student.username not in str(left)


# Shares


async def test_a_share_with_somebody_who_cannot_have_it_is_none(service: Service, site: Site, world: World) -> None:
    owner, hidden, closed = await site.person(), await site.person(), await site.person(is_active=False)
    group = await world.group(hidden)
    thing = await world.collection(Visibility.PRIVATE, created_by_id=owner.id)
    viewer = await site.viewer(owner)
    told = {}
    recipients: dict[str, dict[str, Any]] = {
        "missing": {"userId": "999999"},
        "hidden": {"userId": str(hidden.id)},
        "closed": {"userId": str(closed.id)},
        "another type": {"userId": global_id("Group", hidden.id)},
        "missing name": {"username": "nobody"},
        "closed name": {"username": closed.username},
        "address": {"username": hidden.email},
        "missing group": {"groupId": "999999"},
        "hidden group": {"groupId": str(group.id)},
        "oneself": {"userId": str(owner.id)},
        "own name": {"username": owner.username.upper()},
    }
    for name, whom in recipients.items():
        given = {"objectId": global_id("DocumentCollection", thing.id), "accessLevel": "VIEW", **whom}
        told[name] = (await denied(service, site, viewer, "shareObject", **given)), len(service.statements)

    assert told["missing"] == told["hidden"] == told["closed"] == told["another type"]
    assert told["missing name"] == told["closed name"] == told["address"]
    assert told["missing group"] == told["hidden group"]
    assert {told["oneself"][0]["code"], told["own name"][0]["code"]} == {"SELF"}


@pytest.mark.parametrize("level", [AccessLevel.VIEW, AccessLevel.EDIT])
async def test_who_may_only_edit_shares_nothing(service: Service, site: Site, world: World, level: AccessLevel) -> None:
    owner, editor, friend = await site.person(), await site.person(), await site.person()
    thing = await world.collection(Visibility.SHARED, created_by_id=owner.id)
    document = await world.document(thing)
    share = await world.share(thing, editor, level)
    viewer = await site.viewer(editor)

    for kind, row in (("DocumentCollection", thing), ("Document", document)):
        told = await denied(
            service,
            site,
            viewer,
            "shareObject",
            objectId=global_id(kind, row.id),
            accessLevel="MANAGE",
            username=friend.username,
        )
        assert told["__typename"] == "PermissionDenied"
    raised = await denied(service, site, viewer, "updateShare", id=str(share.id), accessLevel="MANAGE")
    assert raised["__typename"] == "PermissionDenied"
    assert (await denied(service, site, viewer, "revokeShare", id=str(share.id)))["__typename"] == "PermissionDenied"


@pytest.mark.parametrize("by", ["owner of the document", "manager of the document"])
async def test_a_document_does_not_wake_anothers_private_collection(
    service: Service, site: Site, world: World, by: str
) -> None:
    owner, attacker, friend = await site.person(), await site.person(), await site.person()
    thing = await world.collection(Visibility.PRIVATE, created_by_id=owner.id)
    mine = by == "owner of the document"
    document = await world.document(thing, owner_id=attacker.id if mine else None)
    await world.share(document, attacker, AccessLevel.MANAGE)

    told = await denied(
        service,
        site,
        await site.viewer(attacker),
        "shareObject",
        objectId=global_id("Document", document.id),
        accessLevel="VIEW",
        username=friend.username,
    )
    assert told["__typename"] == ("PermissionDenied" if mine else "NotFound")


async def test_sharing_and_revoking_at_once_leave_one_share_or_none(service: Service, site: Site, world: World) -> None:
    owner, friend = await site.person(), await site.person()
    thing = await world.collection(Visibility.SHARED, created_by_id=owner.id)
    share, viewer = await world.share(thing, friend), await site.viewer(owner)
    given = {"objectId": global_id("DocumentCollection", thing.id), "username": friend.username}

    told = await asyncio.gather(
        change(service, viewer, "shareObject", **given, accessLevel="EDIT"),
        change(service, viewer, "revokeShare", id=str(share.id)),
        change(service, viewer, "updateShare", id=str(share.id), accessLevel="MANAGE"),
        change(service, viewer, "shareObject", **given, accessLevel="VIEW"),
    )

    assert len(await site.all(select(ObjectShare.id))) <= 1
    assert {error["__typename"] for one in told for error in one["errors"]} <= {"NotFound"}


@pytest.mark.parametrize("how", ["revoked", "left the group", "the group is gone", "put to sleep"])
async def test_what_a_share_gave_ends_at_once(service: Service, site: Site, world: World, how: str) -> None:
    owner, friend = await site.person("instructor"), await site.person()
    group = await world.group(friend, created_by_id=owner.id)
    thing = await world.collection(Visibility.SHARED, created_by_id=owner.id)
    document = await world.document(thing)
    share = await world.share(thing, group, AccessLevel.MANAGE)
    keeper = await site.viewer(owner)
    both = "query($c: ID!, $d: ID!) { collection(id: $c) { id } document(id: $d) { id } }"
    given = {"c": str(thing.id), "d": str(document.id)}
    assert None not in (await service.ask(both, given, viewer=await site.viewer(friend))).values()

    match how:
        case "revoked":
            await change(service, keeper, "revokeShare", id=str(share.id))
        case "left the group":
            await change(service, keeper, "removeGroupMembers", id=str(group.id), userIds=[str(friend.id)])
        case "the group is gone":
            await change(service, keeper, "deleteGroup", id=str(group.id))
        case _:
            await world.run(update(type(thing)).values(visibility=Visibility.PRIVATE))

    viewer = await site.viewer(friend)
    assert await service.ask(both, given, viewer=viewer) == {"collection": None, "document": None}
    told = await denied(
        service,
        site,
        viewer,
        "shareObject",
        objectId=global_id("DocumentCollection", thing.id),
        accessLevel="VIEW",
        username=owner.username,
    )
    assert told["__typename"] == "NotFound"


# Images

PNG = b"\x89PNG\r\n\x1a\n"


def png(width: int, height: int, rest: bytes = b"") -> bytes:
    return PNG + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x02\0\0\0\0\0\0\0" + rest


def jpeg(width: int, height: int) -> bytes:
    return b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", height, width) + b"\x03" * 20


def icon(image: bytes, offset: int = 22, length: int | None = None) -> bytes:
    said = len(image) if length is None else length
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 32, 32, 0, 0, 1, 32, said, offset) + image


NO_IMAGES = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "html": b"<html><script>alert(1)</script>",
    "gif": b"GIF89a\x01\x00\x01\x00",
    "webp": b"RIFF\x24\0\0\0WEBPVP8 ",
    "pdf": b"%PDF-1.4",
    "zip": b"PK\x03\x04",
    "page before an image": b"<script>" + png(32, 32),
    "nothing": b"",
    "a signature alone": PNG,
    "truncated": png(32, 32)[:20],
    "no header first": PNG + struct.pack(">I4sII", 13, b"IDAT", 32, 32),
    "a bomb": png(65_535, 65_535),
    "the largest bomb": png(2**32 - 1, 2**32 - 1),
    "no width": png(0, 32),
    "jpeg of no height": jpeg(32, 0),
    "jpeg bomb": jpeg(65_535, 65_535),
    "jpeg without a frame": b"\xff\xd8\xff\xd9",
    "jpeg of endless segments": b"\xff\xd8" + b"\xff\xe0\x00\x02" * 5_000,
    "icon that holds a bomb": icon(png(65_535, 65_535)),
    "icon that points outside": icon(png(32, 32), offset=2**31),
    "icon that is longer than itself": icon(png(32, 32), length=2**31),
    "icon of nothing": struct.pack("<HHH", 0, 1, 0),
    "icon of many": struct.pack("<HHH", 0, 1, 65_535) + b"\0" * 1_000,
    "icon of a page": icon(b"<html>" + b"\0" * 40),
}


@pytest.mark.parametrize("name", ["uploadSiteLogo", "uploadSiteFavicon"])
@pytest.mark.parametrize("image", NO_IMAGES)
async def test_what_is_no_image_of_that_size_is_not_kept(service: Service, site: Site, name: str, image: str) -> None:
    admin = await site.viewer(await site.administrator())
    data = base64.b64encode(NO_IMAGES[image]).decode()

    told = await denied(service, site, admin, name, data=data)

    assert told["field"] == "data"
    assert told["code"] in {"UNKNOWN_IMAGE_TYPE", "WRONG_IMAGE_SIZE"}


@pytest.mark.parametrize(
    "data",
    [
        "é",
        "====",
        "A",
        "iVBOR w0KGgo=",
        "iVBORw0KGgo=\n",
        "data:image/png;base64,iVBORw0KGgo=",
        "-_-_",
        "A" * 3_000_000,
    ],
    ids=lambda data: data[:24],
)
async def test_what_is_no_base64_is_not_kept(service: Service, site: Site, data: str) -> None:
    admin = await site.viewer(await site.administrator())

    assert (await denied(service, site, admin, "uploadSiteLogo", data=data))["field"] == "data"


async def test_an_image_that_is_a_page_too_is_kept_as_an_image_alone(service: Service, site: Site) -> None:
    admin = await site.viewer(await site.administrator())
    both = base64.b64encode(png(32, 32, b"<script>alert(1)</script>")).decode()

    for name in ("uploadSiteLogo", "uploadSiteFavicon"):
        kept = await change(service, admin, name, "siteSettings { siteLogoMimeType siteFaviconMimeType }", data=both)
        assert set(kept["siteSettings"].values()) <= {"image/png", None}


# Text

TEXTS = {
    "nothing": "",
    "spaces": " \t\u3000",
    "NUL": "a\0b",
    "control": "a\x07b\x1b[31m",
    "lines": "a\r\nBcc: thief@example.org",
    "separators": "a\u2028b\u2029c",
    "bidi": "a\u202eb\u2066c",
    "invisible": "a\u200b\ufeffb\u00ad",
    "noncharacters": "a\ufffe\uffff\U0010ffff",
    "private use": "\ue000\U000f0000",
    "grows": "\ufdfa" * 50,
    "accents": "a" + "\u0301\u0316" * 100_000,
    "long": "x" * 100_000,
    "quotes": "'; DROP TABLE app.users; --\"\\",
    "pattern": "%_\\%",
    "escape": "\\u0000 \\x00 %00 \\",
    "markup": "<script>alert(1)</script>",
    "format": "%s {0} ${x} {{y}}",
    "beyond": "𠮟る👩‍👩‍👧",
    "right to left": "كتاب",
}


def texts(given: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where text may stand in an input, and as which scalar."""
    match given:
        case GraphQLNonNull():
            yield from texts(given.of_type, path)
        case GraphQLList():
            yield from texts(given.of_type, (*path, 0))
        case GraphQLInputObjectType():
            for name, field in given.fields.items():
                yield from texts(field.type, (*path, name))
        case GraphQLScalarType() if given.name in {"String", "ID", "JSON"}:
            yield path, given.name


def put(given: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """An input with this value at that place."""
    match path:
        case ():
            return value
        case (0, *rest):
            inside = given[0] if given else {}
            return [put(inside, tuple(rest), value)]
        case (str(name), *rest):
            return (given or {}) | {name: put((given or {}).get(name), tuple(rest), value)}
    raise AssertionError(path)


PLACES = [
    pytest.param(name, path, kind, id=f"{name} {'.'.join(map(str, path))}")
    for name in MUTATIONS
    for path, kind in texts(mutations()[name].args["input"].type)
]


@pytest.mark.parametrize(("name", "path", "kind"), PLACES)
async def test_no_text_in_any_place_is_a_fault_of_ours(
    service: Service, site: Site, world: World, name: str, path: tuple[str | int, ...], kind: str
) -> None:
    person = await site.administrator()
    viewer = await site.viewer(person)
    await world.group(person, created_by_id=person.id)
    await world.share(await world.collection(created_by_id=person.id), person)
    least_of_all = least(mutations()[name].args["input"].type)
    if "key" in path or "label" in path:
        least_of_all["collectionMetadataSchema"] = [{"key": "k", "label": "l", "type": "TEXT"}]

    for called, text in TEXTS.items():
        before = await site.contents()
        value = {text: [text, {"a": text}]} if kind == "JSON" else text
        answer = await service.answer(query(name), {"input": put(least_of_all, path, value)}, viewer=viewer)
        assert "errors" not in answer, (called, answer["errors"])
        if answer["data"][name]["errors"]:
            after = await site.contents()
            assert after == before, called
        assert max((len(word) for word in str(answer).split()), default=0) < 5_000


@pytest.mark.parametrize("text", ["\\ud800", "\\udc00\\ud800", "a\\ud83d"])
@pytest.mark.parametrize("name", ["signIn", "register", "createGroup", "updateUser"])
async def test_half_of_a_surrogate_pair_is_no_text(service: Service, site: Site, name: str, text: str) -> None:
    """JSON can name one; it is refused before anything is done."""
    before = await site.contents()
    given = mutations()[name].args["input"].type
    for path, kind in texts(given):
        if kind == "String":
            asked = put(least(given), path, "HERE")
            body = service.http.build_request(
                "POST", "/graphql", json={"query": query(name), "variables": {"input": asked}}
            )
            raw = body.content.replace(b"HERE", text.encode())
            response = await service.http.post("/graphql", content=raw, headers={"Content-Type": "application/json"})
            assert response.status_code == 400
    assert await site.contents() == before


SPELLINGS = ["MURASAKI", "Murasaki", "ｍｕｒａｓａｋｉ", "murasakİ", "muraſaki", " murasaki "]


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_what_is_taken_is_taken_in_every_spelling(
    service: Service, site: Site, world: World, spelling: str
) -> None:
    await site.person(username="murasaki")
    attacker = await site.person("instructor")
    group = await world.group(attacker, created_by_id=attacker.id)
    await world.group(name="murasaki")
    viewer = await site.viewer(attacker)
    own, password = {"id": str(attacker.id)}, "Under-the-wisteria-7"
    address = f"{spelling.strip()}@example.org"

    for name, given, field in (
        ("register", {"username": spelling, "email": "new@example.org", "password": password}, "username"),
        ("register", {"username": "newcomer", "email": address, "password": password}, "email"),
        ("updateUser", own | {"username": spelling}, "username"),
        ("updateUser", own | {"email": address}, "email"),
        ("updateUser", own | {"username": spelling, "email": "new@example.org", "firstName": "No"}, "username"),
        ("createGroup", {"name": spelling}, "name"),
        ("updateGroup", {"id": str(group.id), "name": spelling, "description": "No"}, "name"),
    ):
        told = await denied(service, site, viewer, name, **given)
        assert (told["code"], told["field"]) == ("TAKEN", field), name


# Ids

ID_PLACES = [place for place in PLACES if place.values[2] == "ID"]


OF_ANNOTATIONS = {
    *("updateAnnotation", "deleteAnnotation", "restoreAnnotation", "revertAnnotation", "reattachAnnotation"),
    *("addLinkTarget", "removeLinkTarget", "replyToAnnotation", "tagAnnotation", "untagAnnotation"),
    *("upvoteAnnotation", "removeUpvote", "flagAnnotation", "dismissFlag", "removeFlaggedAnnotation"),
}


@pytest.mark.parametrize(("name", "path", "kind"), ID_PLACES)
async def test_an_id_of_another_type_is_none(
    service: Service, site: Site, world: World, name: str, path: tuple[str | int, ...], kind: str
) -> None:
    person = await site.administrator()
    viewer = await site.viewer(person)
    collection = await world.collection(created_by_id=person.id)
    others = {
        "Annotation": (await world.note(collection, creator_id=person.id)).id,
        "SiteSettings": 1,
        "UserSession": 1,
        "user": person.id,
        "": 1,
    }
    if name in OF_ANNOTATIONS:
        others["Document"] = others.pop("Annotation")
    own = least(mutations()[name].args["input"].type) | ({"username": "x"} if name == "shareObject" else {})
    if path in {("userId",), ("groupId",)} and name == "shareObject":
        own = {"objectId": global_id("DocumentCollection", collection.id), "accessLevel": "VIEW"}
    before = await site.contents()

    ids = [global_id(kind_of, number) for kind_of, number in others.items()]
    for one in (
        *ids,
        "0",
        "-1",
        "2147483648",
        "99999999999999999999",
        "1.0",
        "1e0",
        "0x1",
        "１",
        " 1",
        "null",
        "VXNlcjox\n",
    ):
        answer = await change(service, viewer, name, **put(own, path, one))
        assert answer["errors"] or answer.get("changed", 0) == 0, one
    assert await site.contents() == before
    assert kind == "ID"


# Days


@pytest.mark.parametrize(
    ("start", "end"), [("2026-02-02", "2026-02-01"), ("9999-12-31", "0001-01-01"), ("9999-12-31", "9999-12-30")]
)
async def test_no_classroom_ends_before_it_starts(
    service: Service, site: Site, world: World, start: str, end: str
) -> None:
    group, teacher, _ = await classroom(site, world)
    viewer = await site.viewer(teacher)
    given = {"startDate": start, "endDate": end}

    assert (await denied(service, site, viewer, "createGroup", name="New", **given))["code"] == "WRONG_ORDER"
    assert (await denied(service, site, viewer, "updateGroup", id=str(group.id), **given))["code"] == "WRONG_ORDER"
    assert not (await change(service, viewer, "updateGroup", id=str(group.id), startDate=start))["errors"]
    alone = await denied(service, site, viewer, "updateGroup", id=str(group.id), endDate=end)
    assert alone["code"] == "WRONG_ORDER"


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2024-02-29"])
async def test_the_edges_of_the_calendar_are_days(service: Service, site: Site, world: World, day: str) -> None:
    group, teacher, student = await classroom(site, world)
    viewer = await site.viewer(teacher)

    kept = await change(
        service, viewer, "updateGroup", "group { startDate endDate }", id=str(group.id), startDate=day, endDate=day
    )
    assert kept["group"] == {"startDate": day, "endDate": day}
    joined = await change(service, await site.viewer(student), "joinGroup", "group { name }", token=group.join_token)
    assert joined["errors"] == []
    await change(service, await site.viewer(await site.person()), "joinGroup", token=group.join_token)


@pytest.mark.parametrize("day", ["2026-02-30", "0000-01-01", "10000-01-01", "-0001-01-01", "today", "", "infinity", 0])
async def test_what_is_no_day_is_refused_whole(service: Service, site: Site, day: Any) -> None:
    viewer = await site.viewer(await site.person("instructor"))
    before = await site.contents()

    answer = await service.answer(query("createGroup"), {"input": {"name": "New", "startDate": day}}, viewer=viewer)

    assert answer.get("data") is None
    assert "errorId" not in str(answer)
    assert await site.contents() == before


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00Z",
        "2026-01-01T00:00:00",
        "infinity",
    ],
)
async def test_a_token_that_ends_at_no_moment_to_come_is_not_made(service: Service, site: Site, moment: str) -> None:
    viewer = await site.viewer(await site.person())
    before = await site.contents()

    given = {"name": "x", "scopes": ["READ"], "expiresAt": moment}
    answer = await service.answer(query("createAccessToken"), {"input": given}, viewer=viewer)

    assert "errorId" not in str(answer)
    assert "errors" in answer or answer["data"]["createAccessToken"]["errors"]
    assert await site.contents() == before


# More than a statement takes


async def test_more_values_than_a_statement_takes_are_no_fault_of_ours(service: Service, site: Site) -> None:
    viewer = await site.viewer(await site.administrator())
    many = [f"p{number}" for number in range(40_000)]
    (role,) = await site.all(select(Role.id).where(Role.name == RoleName.STUDENT))

    assert (await denied(service, site, viewer, "updateRole", id=str(role), permissions=many))["code"] == "UNKNOWN"
    for name in ("addGroupMembers", "removeGroupMembers"):
        assert (await denied(service, site, viewer, name, id="1", logins=many))["code"] == "TOO_MANY"
        assert (await denied(service, site, viewer, name, id="1", userIds=many))["code"] == "TOO_MANY"
    fields = [{"key": one, "label": one, "type": "TEXT"} for one in many]
    told = await denied(service, site, viewer, "updateSiteSettings", collectionMetadataSchema=fields)
    assert told["code"] == "TOO_MANY"

"""Attacks on what can be changed: what isn't offered, what isn't one's own, and what can't be taken."""

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull, GraphQLScalarType
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import Viewer
from genji_graphql.models import Group, Role, User, group_members
from genji_graphql.vocabulary import RoleName
from tests.people.site import Site
from tests.schema.test_mutations import PUBLIC, SIGNED_IN, mutations
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
    "classroomGone",
]


# Others' accounts


# Ladders


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


# Join links


async def classroom(site: Site, world: World) -> tuple[Group, User, User]:
    teacher, student = await site.person("instructor"), await site.person("student")
    return await world.group(teacher, student, created_by_id=teacher.id), teacher, student


# Rosters


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


# Days


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

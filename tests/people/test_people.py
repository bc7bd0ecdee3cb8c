"""Accounts as their owners and administrators change them, and the site that always keeps an administrator."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.errors import GenjiError
from genji_graphql.identity import accounts
from genji_graphql.models import PasswordReset, Role, User, UserSession, user_roles
from genji_graphql.writes import people
from tests.people.site import Site
from tests.service import Service
from tests.waiting import waiting_for_a_lock
from tests.world import World

UPDATE = """
mutation($input: UpdateUserInput!) { updateUser(input: $input) {
  user { databaseId username displayName firstName lastName email userMetadata }
  errors { __typename code field message } } }
"""
DEACTIVATE = """
mutation($input: DeactivateUserInput!) { deactivateUser(input: $input) {
  user { databaseId isActive } errors { __typename code field message } } }
"""
REACTIVATE = """
mutation($input: ReactivateUserInput!) { reactivateUser(input: $input) {
  user { databaseId isActive } errors { __typename code field message } } }
"""
ASSIGN = """
mutation($input: AssignRoleInput!) { assignRole(input: $input) {
  user { databaseId roles { nodes { name } } } errors { __typename code field message } } }
"""
REVOKE = """
mutation($input: RevokeRoleInput!) { revokeRole(input: $input) {
  user { databaseId roles { nodes { name } } } errors { __typename code field message } } }
"""
UPDATE_ROLE = """
mutation($input: UpdateRoleInput!) { updateRole(input: $input) {
  role { name description permissions { nodes { name } } } errors { __typename code field message } } }
"""


@pytest.fixture
def site(engine: AsyncEngine, world: World) -> Site:
    return Site(engine, world)


async def changed(service: Service, mutation: str, viewer: Viewer, **values: Any) -> dict[str, Any]:
    """What came of a change that was made."""
    (payload,) = (await service.ask(mutation, {"input": values}, viewer=viewer)).values()
    assert payload.pop("errors") == []
    (thing,) = payload.values()
    found: dict[str, Any] = thing
    return found


async def refused(service: Service, site: Site, mutation: str, viewer: Viewer, **values: Any) -> dict[str, str]:
    """Why a change was not made; it left every table as it was."""
    before = await site.contents()
    (payload,) = (await service.ask(mutation, {"input": values}, viewer=viewer)).values()
    assert await site.contents() == before
    (error,) = payload.pop("errors")
    assert list(payload.values()) == [None]
    told: dict[str, str] = error
    return told


def names(listed: dict[str, Any]) -> list[str]:
    return [node["name"] for node in listed["nodes"]]


# Looking people up

SEARCH = "query($text: String!) { users(where: {search: $text}) { totalCount nodes { username email } } }"


async def found(service: Service, text: str, viewer: Viewer) -> list[str]:
    listed = (await service.ask(SEARCH, {"text": text}, viewer=viewer))["users"]
    assert listed["totalCount"] == len(listed["nodes"])
    return [person["username"] for person in listed["nodes"]]


@pytest.mark.parametrize("text", ["SEI", "shōnagon", "sei shō", " Shōnagon\u3000", "ｓｅｉ", "sei@example"])
async def test_an_administrator_finds_people_by_a_part_of_what_they_are_called(
    service: Service, site: Site, text: str
) -> None:
    administrator = await site.viewer(await site.administrator())
    await site.person(username="sei", first_name="Sei", last_name="Shōnagon", email="sei@example.org")
    await site.person(username="izumi", first_name="Izumi", last_name="Shikibu")

    assert await found(service, text, administrator) == ["sei"]


@pytest.mark.parametrize("text", ["%", "_", "\\", "/", "'; --", "sei%"])
async def test_what_people_search_for_is_no_pattern(service: Service, site: Site, text: str) -> None:
    administrator = await site.viewer(await site.administrator())
    await site.person(username="sei", first_name="Sei", last_name="Shōnagon")

    assert await found(service, text, administrator) == []


async def test_an_instructor_finds_pupils_by_their_addresses_and_nobody_else(service: Service, site: Site) -> None:
    teacher, pupil = await site.person("instructor"), await site.person(username="pupil", email="one@school.example")
    other = await site.person(username="classmate", email="two@school.example")
    await site.world.group(pupil, created_by_id=teacher.id)
    # Seen because they belong to a class of somebody else's, in which the instructor is a pupil.
    await site.world.group(other, await site.world.person("learner"), created_by_id=other.id)
    instructor = await site.viewer(teacher)

    assert await found(service, "school.example", instructor) == ["pupil"]
    assert await found(service, "l", await site.viewer(other)) == []


async def test_a_search_that_is_too_long_is_refused(service: Service, site: Site) -> None:
    administrator = await site.viewer(await site.administrator())
    (error,) = (await service.answer(SEARCH, {"text": "a" * 1001}, viewer=administrator))["errors"]
    assert error["message"] == "A search takes at most 1000 characters."
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


# One's own account


async def test_one_changes_ones_own_account(service: Service, site: Site) -> None:
    sei = await site.person(username="sei")

    found = await changed(
        service,
        UPDATE,
        await site.viewer(sei),
        id=str(sei.id),
        username="sei.shonagon",
        email="Sei@Example.org",
        firstName=" Sei ",
        lastName="Shōnagon",
        userMetadata={"tutorialSeen": True, "at": 1.5},
    )

    assert found == {
        "databaseId": sei.id,
        "username": "sei.shonagon",
        "displayName": "Sei Shōnagon",
        "firstName": "Sei",
        "lastName": "Shōnagon",
        "email": "Sei@Example.org",
        "userMetadata": {"tutorialSeen": True, "at": 1.5},
    }


async def test_what_is_left_out_stays_and_null_takes_away(service: Service, site: Site) -> None:
    sei = await site.person(username="sei", first_name="Sei", last_name="Shonagon", user_metadata={"a": 1})
    viewer = await site.viewer(sei)

    found = await changed(service, UPDATE, viewer, id=str(sei.id), lastName=None)
    assert (found["firstName"], found["lastName"], found["userMetadata"]) == ("Sei", None, {"a": 1})
    found = await changed(service, UPDATE, viewer, id=str(sei.id), firstName="", userMetadata=None)
    assert (found["firstName"], found["userMetadata"], found["displayName"]) == (None, None, "sei")


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"username": "se"}, "username", "TOO_SHORT"),
    ({"username": None}, "username", "TOO_SHORT"),
    ({"username": "s" * 65}, "username", "TOO_LONG"),
    ({"username": "sei@example.org"}, "username", "INVALID_CHARACTERS"),
    ({"username": "sei\u202e"}, "username", "INVALID_CHARACTERS"),
    ({"username": "sei\0"}, "username", "INVALID"),
    ({"email": "nowhere"}, "email", "INVALID"),
    ({"email": None}, "email", "INVALID"),
    ({"firstName": "S" * 256}, "firstName", "TOO_LONG"),
    ({"lastName": "S\ni"}, "lastName", "INVALID_CHARACTERS"),
    ({"userMetadata": ["a", "list"]}, "userMetadata", "INVALID"),
    ({"userMetadata": {"a": "b" * 10_000}}, "userMetadata", "TOO_LONG"),
    ({"userMetadata": {"a\0": 1}}, "userMetadata", "INVALID"),
    ({"userMetadata": {"a": {"b": ["\0"]}}}, "userMetadata", "INVALID"),
]


async def test_bad_input_names_the_field_and_changes_nothing(service: Service, site: Site) -> None:
    sei = await site.person(username="sei")
    viewer = await site.viewer(sei)

    for values, field, code in BAD:
        told = await refused(service, site, UPDATE, viewer, **{"id": str(sei.id), "firstName": "Sei"} | values)
        assert (told["__typename"], told["field"], told["code"]) == ("ValidationError", field, code), values


async def test_a_taken_name_is_refused_in_any_case_and_form(service: Service, site: Site) -> None:
    await site.person(username="murasaki", email="m@example.org")
    sei = await site.person(username="sei")
    viewer = await site.viewer(sei)

    for field, taken in (
        ("username", ["murasaki", "MURASAKI", "ｍurasaki"]),
        ("email", ["m@example.org", "M@Example.ORG", "ｍ@example.org"]),
    ):
        for name in taken:
            told = await refused(service, site, UPDATE, viewer, **{"id": str(sei.id), "lastName": "S", field: name})
            assert (told["__typename"], told["field"], told["code"]) == ("ValidationError", field, "TAKEN"), name


async def test_ones_own_name_may_change_its_case(service: Service, site: Site) -> None:
    sei = await site.person(username="sei")

    found = await changed(service, UPDATE, await site.viewer(sei), id=str(sei.id), username="Sei")

    assert found["username"] == "Sei"


async def test_one_of_several_gets_a_name_that_all_ask_for_at_once(site: Site) -> None:
    viewers = [await site.viewer(await site.person()) for _ in range(4)]

    async def ask(viewer: Viewer) -> str | None:
        try:
            async with site.sessions.begin() as session:
                await people.update(session, viewer, viewer.user_id, {"username": "genji"})
        except GenjiError as error:
            return str(error)
        return None

    outcomes = await asyncio.gather(*map(ask, viewers))

    assert sorted(outcomes, key=str) == [None, *["That user name is taken."] * 3]


async def resets(site: Site, person: User) -> int:
    return len(await site.all(select(PasswordReset.id).where(PasswordReset.user_id == person.id)))


async def test_a_new_address_makes_links_to_the_old_one_worthless(service: Service, site: Site) -> None:
    sei, other = await site.person(username="sei"), await site.person()
    viewer = await site.viewer(sei)
    for person in (sei, other):
        async with site.sessions.begin() as session:
            await accounts.create_password_reset(session, person.id)

    await changed(service, UPDATE, viewer, id=str(sei.id), firstName="Sei", email=sei.email)
    assert await resets(site, sei) == 1
    await changed(service, UPDATE, viewer, id=str(sei.id), email="new@example.org")
    assert (await resets(site, sei), await resets(site, other)) == (0, 1)


async def test_a_program_with_a_token_cannot_take_the_account_over(service: Service, site: Site) -> None:
    sei = await site.person(username="sei")
    writing = await site.program(sei, "write")

    for values in ({"email": "thief@example.org"}, {"username": "thief"}):
        told = await refused(service, site, UPDATE, writing, id=str(sei.id), **values)
        assert told["__typename"] == "PermissionDenied"
    assert (await changed(service, UPDATE, writing, id=str(sei.id), firstName="Sei"))["firstName"] == "Sei"
    reading = await site.program(sei, "read")
    assert (await refused(service, site, UPDATE, reading, id=str(sei.id), firstName="S"))["code"] == "FORBIDDEN"


# Another's account


async def test_an_administrator_changes_anybodys_account(service: Service, site: Site) -> None:
    sei, admin = await site.person(username="sei"), await site.administrator()

    found = await changed(service, UPDATE, await site.viewer(admin), id=str(sei.id), email="new@example.org")

    assert found["email"] == "new@example.org"


async def test_a_classmate_may_not_change_an_account_and_a_stranger_does_not_find_it(
    service: Service, site: Site, world: World
) -> None:
    sei, classmate, stranger = await site.person(), await site.person(), await site.person("instructor")
    await world.group(sei, classmate)

    told = await refused(service, site, UPDATE, await site.viewer(classmate), id=str(sei.id), firstName="No")
    assert told["__typename"] == "PermissionDenied"
    hidden = await refused(service, site, UPDATE, await site.viewer(stranger), id=str(sei.id), firstName="No")
    missing = await refused(service, site, UPDATE, await site.viewer(stranger), id="999999", firstName="No")
    other_type = await refused(service, site, UPDATE, await site.viewer(stranger), id="R3JvdXA6MQ==", firstName="No")
    assert hidden == missing == other_type
    assert hidden["__typename"] == "NotFound"


@pytest.mark.parametrize("mutation", [UPDATE, DEACTIVATE, REACTIVATE])
async def test_nobody_who_is_not_signed_in_changes_an_account(service: Service, site: Site, mutation: str) -> None:
    sei = await site.person()

    told = await refused(service, site, mutation, ANONYMOUS, id=str(sei.id))

    assert told["code"] == "FORBIDDEN"


@pytest.mark.parametrize("more", [(), ("manage_all_content",)], ids=["accounts alone", "and all content"])
async def test_who_looks_after_accounts_does_not_get_at_those_who_may_do_more(
    service: Service, site: Site, world: World, more: tuple[str, ...]
) -> None:
    await site.role("helper", "manage_users", "assign_roles", *more)
    helper, admin, student = await site.person("helper"), await site.administrator(), await site.person("student")
    await world.group(helper, admin, student)
    viewer = await site.viewer(helper)

    for mutation, values in (
        (UPDATE, {"id": str(admin.id), "email": "thief@example.org"}),
        (DEACTIVATE, {"id": str(admin.id)}),
        (ASSIGN, {"userId": str(admin.id), "roleId": await site.role_id("helper")}),
        (REVOKE, {"userId": str(admin.id), "roleId": await site.role_id("helper")}),
    ):
        assert (await refused(service, site, mutation, viewer, **values))["__typename"] == "PermissionDenied"
    assert await changed(service, UPDATE, viewer, id=str(student.id), email="new@example.org")
    can = "query($id: ID!) { user(id: $id) { viewerCan { edit deactivate assignRoles } } }"
    for person, may in ((admin, False), (student, True)):
        found = await service.ask(can, {"id": str(person.id)}, viewer=viewer)
        assert set(found["user"]["viewerCan"].values()) == {may}


async def test_a_field_that_is_not_offered_cannot_be_changed(service: Service, site: Site) -> None:
    sei = await site.person()
    viewer = await site.viewer(sei)
    before = await site.contents()

    for stray in ("isActive", "roles", "databaseId", "hashedPassword"):
        answer = await service.answer(UPDATE, {"input": {"id": str(sei.id), stray: True}}, viewer=viewer)
        assert answer["errors"]
    assert await site.contents() == before


# Closing an account


async def test_a_closed_account_is_closed_everywhere_and_can_be_opened_again(service: Service, site: Site) -> None:
    sei, admin = await site.person(username="sei"), await site.viewer(await site.administrator())
    await site.viewer(sei)
    await site.program(sei, "read")

    assert await changed(service, DEACTIVATE, admin, id=str(sei.id)) == {"databaseId": sei.id, "isActive": False}
    assert await site.all(select(UserSession.id).where(UserSession.user_id == sei.id)) == []
    assert await changed(service, REACTIVATE, admin, id=str(sei.id)) == {"databaseId": sei.id, "isActive": True}
    assert (await site.viewer(sei)).user_id == sei.id


async def test_what_a_person_wrote_stays_when_the_account_is_closed(service: Service, site: Site, world: World) -> None:
    sei, admin = await site.person(username="sei"), await site.viewer(await site.administrator())
    note = await world.note(await world.element(await world.document(await world.collection())), creator_id=sei.id)
    query = "query($id: ID!) { annotation(id: $id) { creator { username isActive } } }"

    await changed(service, DEACTIVATE, admin, id=str(sei.id))

    found = await service.ask(query, {"id": str(note.id)})
    assert found["annotation"]["creator"] == {"username": "sei", "isActive": False}


async def test_nobody_but_administrators_closes_an_account_their_own_included(
    service: Service, site: Site, world: World
) -> None:
    sei, teacher = await site.person(), await site.person("instructor")
    await world.group(sei, created_by_id=teacher.id)

    for person, viewer in ((sei, sei), (sei, teacher)):
        told = await refused(service, site, DEACTIVATE, await site.viewer(viewer), id=str(person.id))
        assert told["__typename"] == "PermissionDenied"


async def test_the_last_administrator_stays(service: Service, site: Site) -> None:
    one, two = await site.administrator(), await site.administrator()
    await site.person("instructor")
    viewer = await site.viewer(one)

    assert not (await changed(service, DEACTIVATE, await site.viewer(two), id=str(two.id)))["isActive"]
    for mutation, values in (
        (DEACTIVATE, {"id": str(one.id)}),
        (REVOKE, {"userId": str(one.id), "roleId": await site.role_id("admin")}),
        (UPDATE_ROLE, {"id": await site.role_id("admin"), "permissions": ["manage_all_content"]}),
        (UPDATE_ROLE, {"id": await site.role_id("admin"), "permissions": []}),
    ):
        told = await refused(service, site, mutation, viewer, **values)
        assert (told["__typename"], told["code"]) == ("ValidationError", "LAST_ADMINISTRATOR")


@pytest.mark.parametrize("how", ["deactivate", "revoke", "one of each"])
async def test_of_two_administrators_who_go_at_once_one_stays(site: Site, how: str) -> None:
    admins = [await site.administrator() for _ in range(2)]
    viewers = [await site.viewer(admin) for admin in admins]
    admin_role = int(await site.role_id("admin"))

    both_are_here, has_gone = asyncio.Barrier(2), asyncio.Event()

    async def go(place: int) -> str | None:
        person, viewer = admins[place], viewers[1 - place]
        try:
            async with site.sessions.begin() as session:
                await session.connection()
                await both_are_here.wait()
                if how == "deactivate" or (how == "one of each" and place):
                    await people.deactivate(session, viewer, person.id)
                else:
                    await people.revoke_role(session, viewer, person.id, admin_role)
                if not has_gone.is_set():  # both are under way before the first commits
                    has_gone.set()
                    await waiting_for_a_lock(site.engine.url)
        except GenjiError as error:
            return str(error)
        return None

    outcomes = await asyncio.gather(go(0), go(1))

    # Who has lost the role meanwhile doesn't even see it any more.
    refused = "There is no such role." if how == "revoke" else "That would leave the site without an administrator."
    assert sorted(outcomes, key=str) == [None, refused]
    active = select(User.id).join(user_roles).where(User.is_active, user_roles.c.role_id == admin_role)
    assert len(await site.all(active)) == 1


# Roles


async def test_an_administrator_gives_and_takes_a_role(service: Service, site: Site) -> None:
    sei, admin = await site.person("student"), await site.viewer(await site.administrator())
    values = {"userId": str(sei.id), "roleId": await site.role_id("instructor")}

    for _ in range(2):
        assert names((await changed(service, ASSIGN, admin, **values))["roles"]) == ["instructor", "student"]
    assert "create_group" in (await site.viewer(sei)).permissions
    for _ in range(2):
        assert names((await changed(service, REVOKE, admin, **values))["roles"]) == ["student"]
    assert "create_group" not in (await site.viewer(sei)).permissions


async def test_nobody_makes_themselves_administrator(service: Service, site: Site) -> None:
    await site.administrator()
    for role in ("student", "instructor", "verified_scholar"):
        person = await site.person(role)
        told = await refused(
            service,
            site,
            ASSIGN,
            await site.viewer(person),
            userId=str(person.id),
            roleId=await site.role_id("admin"),
        )
        assert told["__typename"] == "PermissionDenied"


async def test_nobody_gives_what_they_do_not_have(service: Service, site: Site) -> None:
    await site.administrator()
    await site.role("helper", "assign_roles", "create_group")
    helper = await site.person("helper")
    viewer = await site.viewer(helper)

    told = await refused(service, site, ASSIGN, viewer, userId=str(helper.id), roleId=await site.role_id("admin"))
    assert told["__typename"] == "NotFound"
    told = await refused(
        service, site, UPDATE_ROLE, viewer, id=await site.role_id("helper"), permissions=["manage_all_content"]
    )
    assert (told["__typename"], told["field"]) == ("PermissionDenied", "permissions")
    found = await changed(service, UPDATE_ROLE, viewer, id=await site.role_id("helper"), permissions=["assign_roles"])
    assert names(found["permissions"]) == ["assign_roles"]


async def test_an_administrator_says_anew_what_a_role_lets_people_do(service: Service, site: Site) -> None:
    admin = await site.viewer(await site.administrator())
    student = await site.person("student")

    found = await changed(
        service,
        UPDATE_ROLE,
        admin,
        id=await site.role_id("student"),
        description="Reads along.",
        permissions=["create_group", "create_group", "create_collection"],
    )

    assert (found["name"], found["description"]) == ("student", "Reads along.")
    assert names(found["permissions"]) == ["create_collection", "create_group"]
    assert (await site.viewer(student)).permissions == {"create_collection", "create_group"}
    found = await changed(service, UPDATE_ROLE, admin, id=await site.role_id("student"), permissions=[])
    assert (found["description"], names(found["permissions"])) == ("Reads along.", [])


async def test_a_permission_that_does_not_exist_is_refused(service: Service, site: Site) -> None:
    admin = await site.viewer(await site.administrator())

    told = await refused(
        service, site, UPDATE_ROLE, admin, id=await site.role_id("student"), permissions=["create_group", "fly"]
    )

    assert (told["__typename"], told["field"], told["code"]) == ("ValidationError", "permissions", "UNKNOWN")


async def test_ones_own_role_is_not_ones_to_change(service: Service, site: Site) -> None:
    teacher = await site.person("instructor")

    told = await refused(
        service,
        site,
        UPDATE_ROLE,
        await site.viewer(teacher),
        id=await site.role_id("instructor"),
        permissions=["manage_all_content"],
    )

    assert told["__typename"] == "PermissionDenied"
    assert await site.all(select(Role.id).where(Role.name == "instructor"))


async def test_a_program_without_the_scope_does_not_administer(service: Service, site: Site) -> None:
    admin, sei = await site.administrator(), await site.person()

    told = await refused(service, site, DEACTIVATE, await site.program(admin, "write"), id=str(sei.id))
    assert told["__typename"] == "NotFound"
    program = await site.program(admin, "administer")
    assert not (await changed(service, DEACTIVATE, program, id=str(sei.id)))["isActive"]


async def test_metadata_that_is_nested_too_deeply_is_no_fault_of_ours(service: Service, site: Site) -> None:
    sei = await site.person()
    service._viewer = await site.viewer(sei)
    before = await site.contents()

    for depth, status, message in ((1000, 200, "nested too deeply"), (1100, 400, "depth limit exceeded")):
        nested = '{"a": ' * depth + "1" + "}" * depth
        body = f'{{"query": {json.dumps(UPDATE)}, "variables": {{"input": {{"id": "1", "userMetadata": {nested}}}}}}}'
        answer = await service.http.post("/graphql", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, message in answer.text) == (status, True), answer.text[:500]
    assert await site.contents() == before

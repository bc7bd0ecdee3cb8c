"""Classrooms: who makes and ends them, who belongs to them, and what that opens to whom."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import update
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql import migrations
from genji_graphql.access.joining import today
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.database import create_engine
from genji_graphql.errors import Invalid, NotFound
from genji_graphql.models import Annotation, Group, User, group_members
from genji_graphql.settings import Settings
from genji_graphql.vocabulary import AccessLevel, AnnotationStatus, Visibility
from genji_graphql.writes import groups
from tests.conftest import connect
from tests.people.site import Site
from tests.service import Service
from tests.waiting import waiting_for_a_lock
from tests.world import World

ERRORS = "errors { __typename code field message }"
GROUP = "group { databaseId name description startDate endDate joinToken members { nodes { username } } }"
CREATE = f"mutation($input: CreateGroupInput!) {{ createGroup(input: $input) {{ {GROUP} {ERRORS} }} }}"
UPDATE = f"mutation($input: UpdateGroupInput!) {{ updateGroup(input: $input) {{ {GROUP} {ERRORS} }} }}"
DELETE = f"mutation($input: DeleteGroupInput!) {{ deleteGroup(input: $input) {{ deletedId {ERRORS} }} }}"
ROTATE = f"mutation($input: RotateJoinLinkInput!) {{ rotateJoinLink(input: $input) {{ {GROUP} {ERRORS} }} }}"
JOIN = f"mutation($input: JoinGroupInput!) {{ joinGroup(input: $input) {{ {GROUP} {ERRORS} }} }}"
ADD = (
    f"mutation($input: GroupMembersInput!) {{ addGroupMembers(input: $input) {{ {GROUP} changed notFound {ERRORS} }} }}"
)
REMOVE = (
    "mutation($input: GroupMembersInput!) { removeGroupMembers(input: $input) "
    f"{{ {GROUP} changed notFound {ERRORS} }} }}"
)
INVITATION = """
query($token: String!) { invitation(token: $token) {
  name description startDate endDate instructorName isOpen } }
"""
NOTES = "query($id: ID!) { element(id: $id) { annotations { totalCount nodes { databaseId } } } }"
NOTE = "query($id: ID!) { annotation(id: $id) { databaseId status classroom { name } } }"


@pytest.fixture
def site(engine: AsyncEngine, world: World) -> Site:
    return Site(engine, world)


@pytest.fixture
async def connection(database: URL) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(database)
    yield connection
    await connection.close()


async def changed(service: Service, mutation: str, viewer: Viewer, **values: Any) -> dict[str, Any]:
    """What came of a change that was made."""
    (payload,) = (await service.ask(mutation, {"input": values}, viewer=viewer)).values()
    assert payload.pop("errors") == []
    found: dict[str, Any] = payload
    return found


async def refused(service: Service, site: Site, mutation: str, viewer: Viewer, **values: Any) -> dict[str, str]:
    """Why a change was not made; it left every table as it was."""
    before = await site.contents()
    (payload,) = (await service.ask(mutation, {"input": values}, viewer=viewer)).values()
    assert await site.contents() == before
    (error,) = payload["errors"]
    assert payload.get("group", payload.get("deletedId")) is None
    told: dict[str, str] = error
    return told


def usernames(group: dict[str, Any]) -> list[str]:
    return [member["username"] for member in group["members"]["nodes"]]


async def classroom(site: Site, *members: User, **columns: Any) -> tuple[User, Group]:
    """A teacher and their classroom."""
    teacher = await site.person("instructor", username=f"teacher-{columns.get('name', 'one')}".replace(" ", "-"))
    return teacher, await site.world.group(teacher, *members, created_by_id=teacher.id, **columns)


# Making and changing


async def test_who_creates_a_classroom_belongs_to_it_and_has_its_link(service: Service, site: Site) -> None:
    teacher = await site.person("instructor", username="murasaki")

    made = await changed(
        service,
        CREATE,
        await site.viewer(teacher),
        name=" 源氏物語（春） ",
        description="Read together.",
        startDate="2026-09-01",
        endDate="2026-12-18",
    )

    group = made["group"]
    token = group.pop("joinToken")
    assert len(token) >= 32
    assert usernames(group) == ["murasaki"]
    assert (group["name"], group["description"]) == ("源氏物語（春）", "Read together.")
    assert (group["startDate"], group["endDate"]) == ("2026-09-01", "2026-12-18")
    assert (await site.viewer(teacher)).taught_group_ids == {group["databaseId"]}


async def test_in_the_same_answer_the_creator_may_do_what_creators_may(service: Service, site: Site) -> None:
    teacher = await site.viewer(await site.person("instructor"))
    two = """mutation { one: createGroup(input: {name: "One"}) { group { viewerCan { edit delete manageMembers } } }
      two: createGroup(input: {name: "Two"}) { group { createdBy { createdGroups { nodes { name joinToken } } } } } }"""

    made = await service.ask(two, viewer=teacher)

    assert set(made["one"]["group"]["viewerCan"].values()) == {True}
    both = made["two"]["group"]["createdBy"]["createdGroups"]["nodes"]
    assert [one["name"] for one in both] == ["One", "Two"]
    assert len({one["joinToken"] for one in both} - {None}) == 2


async def test_students_and_visitors_create_no_classroom(service: Service, site: Site) -> None:
    for viewer in (await site.viewer(await site.person("student")), ANONYMOUS):
        assert (await refused(service, site, CREATE, viewer, name="Mine"))["__typename"] == "PermissionDenied"


async def test_bad_input_names_the_field_and_changes_nothing(service: Service, site: Site) -> None:
    teacher, group = await classroom(site, name="Genji", start_date=date(2026, 9, 1))
    await site.world.group(name="ÉTUDES")
    viewer = await site.viewer(teacher)

    for values, field, code in (
        ({"name": ""}, "name", "REQUIRED"),
        ({"name": " \u3000"}, "name", "REQUIRED"),
        ({"name": "G" * 101}, "name", "TOO_LONG"),
        ({"name": "Gen\nji"}, "name", "INVALID_CHARACTERS"),
        ({"name": "Gen\u202eji"}, "name", "INVALID_CHARACTERS"),
        ({"name": "Gen\0ji"}, "name", "INVALID"),
        ({"name": "études"}, "name", "TAKEN"),
        ({"name": "e\u0301tudes"}, "name", "TAKEN"),
        ({"name": "ｅ\u0301ｔｕｄｅｓ"}, "name", "TAKEN"),
        ({"name": "New", "description": "d" * 256}, "description", "TOO_LONG"),
        ({"name": "New", "startDate": "2026-09-02", "endDate": "2026-09-01"}, "endDate", "WRONG_ORDER"),
    ):
        for mutation, more in ((CREATE, {}), (UPDATE, {"id": str(group.id)})):
            told = await refused(service, site, mutation, viewer, **values, **more)
            assert (told["__typename"], told["field"], told["code"]) == ("ValidationError", field, code), values
    # Each day alone is good; together with the one that stands they are not.
    told = await refused(service, site, UPDATE, viewer, id=str(group.id), endDate="2026-08-31")
    assert told["code"] == "WRONG_ORDER"
    assert (await refused(service, site, UPDATE, viewer, id=str(group.id), name=None))["code"] == "REQUIRED"


async def test_what_is_left_out_of_a_change_stays(service: Service, site: Site) -> None:
    teacher, group = await classroom(site, name="Genji", start_date=date(2026, 9, 1), end_date=date(2026, 9, 1))
    viewer = await site.viewer(teacher)

    found = (await changed(service, UPDATE, viewer, id=str(group.id), name="GENJI", description="Read."))["group"]
    assert (found["name"], found["description"], found["startDate"]) == ("GENJI", "Read.", "2026-09-01")
    found = (await changed(service, UPDATE, viewer, id=str(group.id), startDate=None, description=None))["group"]
    assert (found["name"], found["description"], found["startDate"], found["endDate"]) == (
        "GENJI",
        None,
        None,
        "2026-09-01",
    )


async def test_of_two_who_ask_for_one_name_at_once_one_gets_it(site: Site) -> None:
    teacher = await site.viewer(await site.person("instructor"))

    async def create(name: str) -> str:
        try:
            async with site.sessions.begin() as session:
                await groups.create(session, teacher, name=name)
                await asyncio.sleep(0.05)  # the others are under way before the first commits
        except Invalid as error:
            return error.code
        return "made"

    assert sorted(await asyncio.gather(*map(create, ("Genji", "GENJI", "ｇenji")))) == ["TAKEN", "TAKEN", "made"]


async def test_each_thing_that_can_be_done_to_a_classroom_is_for_those_who_may(service: Service, site: Site) -> None:
    member, colleague, stranger = (
        await site.person("student"),
        await site.person("instructor"),
        await site.person("instructor"),
    )
    _, group = await classroom(site, member, colleague)
    other = await site.person(username="other")
    asked: list[tuple[str, dict[str, Any]]] = [
        (UPDATE, {"name": "Mine"}),
        (ROTATE, {}),
        (ADD, {"logins": [other.username]}),
        (REMOVE, {"logins": [member.username]}),
        (DELETE, {}),
    ]

    for mutation, values in asked:
        told = await refused(service, site, mutation, await site.viewer(member), id=str(group.id), **values)
        assert told["__typename"] == "PermissionDenied"
        hidden = await refused(service, site, mutation, await site.viewer(stranger), id=str(group.id), **values)
        cost = len(service.statements)
        missing = await refused(service, site, mutation, await site.viewer(stranger), id="999999", **values)
        assert hidden == missing
        assert len(service.statements) == cost
        assert hidden["__typename"] == "NotFound"
        told = await refused(service, site, mutation, ANONYMOUS, id=str(group.id), **values)
        assert told["message"] == "Sign in to do this."
        told = await refused(service, site, mutation, await site.program(colleague, "read"), id=str(group.id), **values)
        assert told["message"] == "This access token may only read."
    # An instructor who belongs to it may do all but delete it.
    teaching = await site.viewer(colleague)
    for mutation, values in asked[:-1]:
        await changed(service, mutation, teaching, id=str(group.id), **values)
    told = await refused(service, site, DELETE, teaching, id=str(group.id))
    assert told["__typename"] == "PermissionDenied"


# The link


async def test_the_link_is_told_to_those_alone_who_may_add_members(service: Service, site: Site) -> None:
    member, colleague, stranger = (
        await site.person("student"),
        await site.person("instructor"),
        await site.person("instructor"),
    )
    teacher, group = await classroom(site, member, colleague)
    query = "query($id: ID!) { group(id: $id) { joinToken } groups { nodes { joinToken } } }"

    async def told(viewer: Viewer) -> set[str | None]:
        found = await service.ask(query, {"id": str(group.id)}, viewer=viewer)
        return {one["joinToken"] for one in ([found["group"]] if found["group"] else []) + found["groups"]["nodes"]}

    for person in (teacher, colleague, await site.administrator()):
        assert await told(await site.viewer(person)) == {group.join_token}
    assert await told(await site.viewer(member)) == {None}
    assert await told(await site.viewer(stranger)) == await told(ANONYMOUS) == set()
    # A token that may only read must not open a door.
    assert await told(await site.program(teacher, "read")) == {None}


async def test_a_page_of_links_costs_the_same_for_two_and_for_twenty(service: Service, site: Site) -> None:
    teacher = await site.person("instructor")
    counts = []
    for number in (2, 18):
        for _ in range(number):
            await site.world.group(teacher, created_by_id=teacher.id)
        viewer = await site.viewer(teacher)
        found = await service.ask("{ groups { nodes { joinToken } } }", viewer=viewer)
        assert all(one["joinToken"] for one in found["groups"]["nodes"])
        counts.append(len(service.statements))
    assert counts == [1, 1]


async def test_whoever_holds_the_link_reads_the_invitation(service: Service, site: Site) -> None:
    _, group = await classroom(
        site, name="Genji", description="Read.", start_date=today(), end_date=today() + timedelta(days=90)
    )
    await site.world.run(update(User).where(User.id == group.created_by_id).values(first_name="Murasaki"))

    found = (await service.ask(INVITATION, {"token": group.join_token}))["invitation"]
    cost = list(service.statements)

    assert found == {
        "name": "Genji",
        "description": "Read.",
        "startDate": group.start_date and group.start_date.isoformat(),
        "endDate": group.end_date and group.end_date.isoformat(),
        "instructorName": "Murasaki",
        "isOpen": True,
    }
    for wrong in ("", "nothing", group.join_token[:-1], group.join_token.upper(), str(group.id), "a\0b"):
        assert (await service.ask(INVITATION, {"token": wrong}))["invitation"] is None
        assert service.statements == cost


async def test_an_invitation_is_open_as_long_as_one_can_join(service: Service, site: Site) -> None:
    over = await site.world.group(end_date=today() - timedelta(days=1))
    asked = "query($token: String!) { invitation(token: $token) { isOpen instructorName } }"

    found = await service.ask(asked, {"token": over.join_token})

    assert found["invitation"] == {"isOpen": False, "instructorName": None}


async def test_a_student_joins_by_the_link_and_is_welcome_to_ask_again(service: Service, site: Site) -> None:
    student = await site.person("student", username="sei")
    _, group = await classroom(site, start_date=today() - timedelta(days=3))

    joined = await changed(service, JOIN, await site.viewer(student), token=group.join_token)

    assert usernames(joined["group"]) == ["sei", "teacher-one"]
    assert joined["group"]["joinToken"] is None
    assert (await site.viewer(student)).group_ids == {group.id}
    before = await site.contents()
    await changed(service, JOIN, await site.viewer(student), token=group.join_token)
    after = await site.contents()
    assert after["group_members"] == before["group_members"]


async def test_an_instructor_who_joins_teaches_in_the_same_answer(service: Service, site: Site) -> None:
    colleague = await site.person("instructor")
    _, group = await classroom(site)

    joined = await changed(service, JOIN, await site.viewer(colleague), token=group.join_token)

    assert joined["group"]["joinToken"] == group.join_token


async def test_a_link_that_leads_nowhere_and_one_of_long_ago_let_nobody_in(service: Service, site: Site) -> None:
    student = await site.viewer(await site.person("student"))
    _, over = await classroom(site, end_date=today() - timedelta(days=1))

    told = await refused(service, site, JOIN, student, token="nothing")
    assert (told["__typename"], told["field"]) == ("NotFound", "token")
    told = await refused(service, site, JOIN, student, token=over.join_token)
    assert (told["__typename"], told["code"]) == ("ValidationError", "CLOSED")
    told = await refused(service, site, JOIN, ANONYMOUS, token=over.join_token)
    assert told["__typename"] == "PermissionDenied"


async def test_the_last_days_to_join_are_counted_from_the_day_that_it_is(site: Site) -> None:
    start, end = date(2026, 9, 1), date(2026, 9, 20)
    _, group = await classroom(site, start_date=start, end_date=end)
    _, ending = await classroom(site, name="Brief", start_date=start, end_date=date(2026, 9, 5))

    for token, on, is_let_in in (
        (group.join_token, date(2026, 9, 16), False),
        (group.join_token, date(2026, 9, 15), True),
        (ending.join_token, date(2026, 9, 6), False),
        (ending.join_token, date(2026, 9, 5), True),
    ):
        viewer = await site.viewer(await site.person())
        async with site.sessions.begin() as session:
            if is_let_in:
                assert await groups.join(session, viewer, token=token, today=on)
            else:
                with pytest.raises(Invalid):
                    await groups.join(session, viewer, token=token, today=on)


async def test_a_new_link_makes_the_old_one_worthless(service: Service, site: Site) -> None:
    teacher, group = await classroom(site)
    student = await site.viewer(await site.person("student"))

    new = (await changed(service, ROTATE, await site.viewer(teacher), id=str(group.id)))["group"]["joinToken"]

    assert new != group.join_token
    assert (await refused(service, site, JOIN, student, token=group.join_token))["__typename"] == "NotFound"
    assert await changed(service, JOIN, student, token=new)


async def test_a_row_that_another_program_writes_has_a_link_of_its_own(connection: asyncpg.Connection) -> None:
    await connection.execute("INSERT INTO app.groups (name) VALUES ('One'), ('Two')")

    tokens = await connection.fetch("SELECT join_token FROM app.groups")

    assert len({row["join_token"] for row in tokens}) == 2


# The roster


async def test_people_are_added_and_removed_in_bulk(service: Service, site: Site) -> None:
    seen = await site.person(username="seen")
    teacher, group = await classroom(site)
    await site.world.group(teacher, seen)
    for name in ("aoi", "yugao", "Ｒokujo", "gone"):
        await site.person(username=name, is_active=name != "gone")
    viewer = await site.viewer(teacher)
    values = {
        "id": str(group.id),
        "userIds": [str(seen.id), "999999", "nonsense"],
        "logins": [
            " AOI ",
            "yugao@EXAMPLE.org",
            "rokujo",
            "Aoi",
            "gone",
            "nobody",
            "nobody@example.org",
            "",
            "x" * 300,
        ],
    }

    added = await changed(service, ADD, viewer, **values)

    unknown = ["999999", "nonsense", "gone", "nobody", "nobody@example.org", "", "x" * 300]
    assert (added["changed"], added["notFound"]) == (4, unknown)
    assert usernames(added["group"]) == ["aoi", "seen", "teacher-one", "yugao", "Ｒokujo"]
    assert (await changed(service, ADD, viewer, **values))["changed"] == 0
    removed = await changed(service, REMOVE, viewer, **values)
    assert (removed["changed"], removed["notFound"]) == (4, unknown)
    assert usernames(removed["group"]) == ["teacher-one"]


async def test_of_somebody_hidden_a_teacher_learns_no_more_than_of_nobody(service: Service, site: Site) -> None:
    hidden = await site.person(username="hidden")
    teacher, group = await classroom(site)
    viewer = await site.viewer(teacher)

    # A number can be guessed. An address or a name must be known.
    added = await changed(service, ADD, viewer, id=str(group.id), userIds=[str(hidden.id), "999999"])
    assert (added["changed"], added["notFound"]) == (0, [str(hidden.id), "999999"])
    # Who isn't a member can't be told from who isn't there.
    removed = await changed(service, REMOVE, viewer, id=str(group.id), logins=["hidden", "nobody"])
    assert (removed["changed"], removed["notFound"]) == (0, ["hidden", "nobody"])


async def test_adding_five_hundred_costs_as_much_as_adding_one(service: Service, site: Site) -> None:
    teacher, group = await classroom(site)
    people = [f"p{number}" for number in range(500)]
    async with site.sessions.begin() as session:
        session.add_all([User(username=f"p{number}") for number in range(500)])
    viewer = await site.viewer(teacher)
    for mutation in (ADD, REMOVE):
        short = mutation.replace(GROUP, "group { databaseId }")
        costs = []
        for logins in (people[:1], people[1:]):
            done = await changed(service, short, viewer, id=str(group.id), logins=logins)
            assert (done["changed"], done["notFound"]) == (len(logins), [])
            costs.append(len(service.statements))
        assert len(set(costs)) == 1
    for mutation in (ADD, REMOVE):
        told = await refused(service, site, mutation, viewer, id=str(group.id), logins=[*people, "one-more"])
        assert (told["code"], told["field"]) == ("TOO_MANY", "logins")
        assert (await refused(service, site, mutation, viewer, id=str(group.id)))["code"] == "REQUIRED"


async def test_whoever_created_a_classroom_stays_in_it(service: Service, site: Site) -> None:
    member, colleague = await site.person("student"), await site.person("instructor")
    teacher, group = await classroom(site, member, colleague)

    for viewer in (await site.viewer(colleague), await site.viewer(teacher)):
        told = await refused(
            service, site, REMOVE, viewer, id=str(group.id), logins=[member.username, teacher.username]
        )
        assert (told["__typename"], told["code"]) == ("ValidationError", "CREATOR")


# What membership opens


async def a_class_reads(site: Site) -> tuple[Any, ...]:
    """A classroom of two, a public text, a comment for the class and one for everybody."""
    writer, reader = await site.person(username="writer"), await site.person(username="reader")
    teacher, group = await classroom(site, writer, reader)
    element = await site.world.element(await site.world.document(await site.world.collection()))
    note = await site.world.note(element, creator_id=writer.id, classroom_id=group.id)
    await site.world.note(element, creator_id=writer.id)
    return teacher, writer, reader, group, element, note


async def notes_seen(service: Service, element: Any, viewer: Viewer) -> int:
    found = (await service.ask(NOTES, {"id": str(element.id)}, viewer=viewer))["element"]["annotations"]
    assert len(found["nodes"]) == found["totalCount"]
    number: int = found["totalCount"]
    return number


async def test_whoever_leaves_a_classroom_loses_sight_of_its_comments_and_keeps_their_own(
    service: Service, site: Site
) -> None:
    teacher, writer, reader, group, element, note = await a_class_reads(site)
    assert await notes_seen(service, element, await site.viewer(reader)) == 2

    await changed(
        service, REMOVE, await site.viewer(teacher), id=str(group.id), logins=[reader.username, writer.username]
    )

    assert await notes_seen(service, element, await site.viewer(reader)) == 1
    assert await notes_seen(service, element, await site.viewer(writer)) == 2
    found = await service.ask(NOTE, {"id": str(note.id)}, viewer=await site.viewer(reader))
    assert found["annotation"] is None


async def test_what_is_shared_with_a_classroom_is_shared_as_long_as_one_belongs_to_it(
    service: Service, site: Site
) -> None:
    student = await site.person("student")
    teacher, group = await classroom(site, student)
    collection = await site.world.collection(Visibility.SHARED)
    await site.world.share(collection, group, AccessLevel.EDIT)
    query = "query($id: ID!) { collection(id: $id) { viewerCan { edit share } } collections { totalCount } }"

    async def seen() -> Any:
        return await service.ask(query, {"id": str(collection.id)}, viewer=await site.viewer(student))

    assert (await seen())["collection"] == {"viewerCan": {"edit": True, "share": False}}
    await changed(service, REMOVE, await site.viewer(teacher), id=str(group.id), logins=[student.username])
    assert await seen() == {"collection": None, "collections": {"totalCount": 0}}


async def test_a_teacher_sees_the_addresses_of_their_members_and_nobody_elses(service: Service, site: Site) -> None:
    one, two, stranger = (
        await site.person(username="one"),
        await site.person(username="two"),
        await site.person(username="stranger"),
    )
    colleague = await site.person("instructor", username="colleague")
    teacher, group = await classroom(site, one, two, colleague)
    text = await site.world.collection(owner_id=stranger.id)
    roster = """query($group: ID!, $collection: ID!) {
      group(id: $group) { members { nodes { username email userMetadata roles { totalCount } } } }
      collection(id: $collection) { owner { email } } }"""

    async def addresses(person: User) -> tuple[set[str], Any]:
        found = await service.ask(
            roster, {"group": str(group.id), "collection": str(text.id)}, viewer=await site.viewer(person)
        )
        members = found["group"]["members"]["nodes"]
        if person is not teacher and person is not colleague:
            return {node["username"] for node in members if node["email"]}, found["collection"]["owner"]["email"]
        others = [node for node in members if node["username"] != person.username]
        assert all(node["userMetadata"] is None and node["roles"]["totalCount"] == 0 for node in others)
        return {node["username"] for node in members if node["email"]}, found["collection"]["owner"]["email"]

    everybody = {"one", "two", "colleague", "teacher-one"}
    assert await addresses(teacher) == (everybody, None)
    assert await addresses(colleague) == (everybody, None)
    assert await addresses(one) == ({"one"}, None)
    assert await addresses(await site.administrator()) == (everybody, "stranger@example.org")

    # An address is told no longer than one teaches.
    await changed(service, REMOVE, await site.viewer(teacher), id=str(group.id), logins=["one"])
    asked = "query($id: ID!) { user(id: $id) { email } }"
    await site.world.collection(owner_id=one.id)
    found = await service.ask(asked, {"id": str(one.id)}, viewer=await site.viewer(teacher))
    assert found["user"] == {"email": None}
    assert (await service.ask(asked, {"id": str(one.id)}))["user"] == {"email": None}


async def test_a_roster_with_addresses_costs_the_same_for_two_and_for_twenty(service: Service, site: Site) -> None:
    teacher, group = await classroom(site)
    asked = "query($id: ID!) { group(id: $id) { members { nodes { email } } } }"
    costs = []
    for number in (1, 18):
        for _ in range(number):
            member = await site.person()
            await site.world.run(group_members.insert().values(group_id=group.id, user_id=member.id))
        viewer = await site.viewer(teacher)
        found = await service.ask(asked, {"id": str(group.id)}, viewer=viewer)
        assert all(node["email"] for node in found["group"]["members"]["nodes"])
        costs.append(len(service.statements))
    assert costs == [3, 3]


# A classroom that is gone


@pytest.mark.parametrize("how", ["deleteGroup", "SQL"])
async def test_comments_of_a_deleted_classroom_stay_and_only_their_owners_and_administrators_see_them(
    service: Service, site: Site, connection: asyncpg.Connection, how: str
) -> None:
    teacher, writer, reader, group, element, note = await a_class_reads(site)
    owner, admin = await site.person(), await site.administrator()
    await site.world.run(
        update(Annotation).where(Annotation.id == note.id).values(body={"value": "For the class alone."})
    )
    reply = await site.world.response(note, creator_id=reader.id, classroom_id=group.id)
    unmarked = await site.world.response(note, creator_id=reader.id)
    hidden, deleted = [
        await site.world.note(element, creator_id=writer.id, classroom_id=group.id, status=status)
        for status in (AnnotationStatus.HIDDEN, AnnotationStatus.DELETED)
    ]
    await connection.execute("UPDATE app.document_collections SET owner_id = $1", owner.id)
    before = await connection.fetch("SELECT id, status, body FROM app.annotations ORDER BY id")

    if how == "SQL":
        await connection.execute("DELETE FROM app.groups WHERE id = $1", group.id)
    else:
        gone = await changed(service, DELETE, await site.viewer(teacher), id=str(group.id))
        assert gone["deletedId"]

    assert await connection.fetch("SELECT id, status, body FROM app.annotations ORDER BY id") == before
    assert await connection.fetchval("SELECT count(classroom_id) FROM app.annotations") == 0
    assert await connection.fetchval("SELECT count(*) FROM app.group_members") == 0

    async def seen(viewer: Viewer) -> set[int]:
        every = (note, reply, unmarked, hidden, deleted)
        return {one.id for one in every if (await service.ask(NOTE, {"id": str(one.id)}, viewer=viewer))["annotation"]}

    async def listed(viewer: Viewer) -> int:
        status = "{ annotations(where: {status: {in: [ACTIVE, PRIVATE, HIDDEN, DELETED]}}) { totalCount } }"
        number: int = (await service.ask(status, viewer=viewer))["annotations"]["totalCount"]
        return number

    # One of the notes is for everybody.
    for person in (reader, teacher, owner):
        assert await seen(await site.viewer(person)) == set()
        assert await listed(await site.viewer(person)) == 1
        assert await notes_seen(service, element, await site.viewer(person)) == 1
    assert (await seen(ANONYMOUS), await listed(ANONYMOUS)) == (set(), 1)
    # An answer that names no classroom is seen with what it answers.
    assert await seen(await site.viewer(writer)) == {note.id, unmarked.id, hidden.id, deleted.id}
    assert await notes_seen(service, element, await site.viewer(writer)) == 2
    assert await seen(await site.viewer(admin)) == {note.id, reply.id, unmarked.id, hidden.id, deleted.id}
    # Whatever becomes of their status later, they are nobody else's.
    await connection.execute("UPDATE app.annotations SET status = 'active'")
    assert await listed(ANONYMOUS) == await listed(await site.viewer(owner)) == 1
    assert await listed(await site.viewer(writer)) == 4


async def test_a_comment_of_a_deleted_classroom_is_not_answered(service: Service, site: Site) -> None:
    teacher, writer, _, group, _, note = await a_class_reads(site)
    asked = "query($id: ID!) { annotation(id: $id) { viewerCan { edit delete reply } } }"

    await changed(service, DELETE, await site.viewer(teacher), id=str(group.id))

    found = await service.ask(asked, {"id": str(note.id)}, viewer=await site.viewer(writer))
    assert found["annotation"]["viewerCan"] == {"edit": True, "delete": True, "reply": False}


async def test_a_comment_that_is_written_while_its_classroom_is_deleted_is_not_for_everybody(
    site: Site, database: URL, connection: asyncpg.Connection
) -> None:
    *_, group, element, _ = await a_class_reads(site)
    writing = connection.transaction()
    await writing.start()
    late = await connection.fetchval(
        "INSERT INTO app.annotations (document_element_id, classroom_id) VALUES ($1, $2) RETURNING id",
        element.id,
        group.id,
    )
    other = await connect(database)
    deleting = asyncio.create_task(other.execute("DELETE FROM app.groups WHERE id = $1", group.id))
    await waiting_for_a_lock(database)
    await writing.commit()
    await deleting
    await other.close()

    row = await connection.fetchrow("SELECT classroom_id, classroom_gone FROM app.annotations WHERE id = $1", late)
    assert tuple(row or ()) == (None, True)


async def test_a_deleted_classroom_is_found_by_nobody_and_its_link_leads_nowhere(service: Service, site: Site) -> None:
    teacher, writer, _, group, *_ = await a_class_reads(site)
    viewer = await site.viewer(teacher)

    await changed(service, DELETE, viewer, id=str(group.id))

    assert (await service.ask(INVITATION, {"token": group.join_token}))["invitation"] is None
    assert (await refused(service, site, DELETE, viewer, id=str(group.id)))["__typename"] == "NotFound"
    async with site.sessions.begin() as session:
        with pytest.raises(NotFound):
            await groups.join(session, await site.viewer(writer), token=group.join_token, today=today())


# Groups that were there before


async def test_names_that_are_alike_are_told_apart_when_the_tables_are_migrated(
    empty_database: URL,
) -> None:
    settings = Settings().with_database(empty_database)
    engine = create_engine(settings)
    await migrations.upgrade(engine, settings, "5c1d0e7fa2b4")
    connection = await connect(empty_database)
    long = "x" * 100
    for name in ("Genji", "GENJI", "genji (2)", "ｇenji", "Other", long, long):
        await connection.execute("INSERT INTO app.groups (name) VALUES ($1)", name)

    await migrations.upgrade(engine, settings)

    rows = await connection.fetch("SELECT name, join_token FROM app.groups ORDER BY id")
    assert [row["name"] for row in rows] == [
        "Genji",
        "GENJI (2-2)",
        "genji (2)",
        "ｇenji (4)",
        "Other",
        long,
        "x" * 96 + " (7)",
    ]
    assert len({row["join_token"] for row in rows}) == 7
    await connection.close()
    await engine.dispose()


async def test_going_back_leaves_the_comments_of_a_deleted_classroom_to_their_owners(
    engine: AsyncEngine, settings: Settings, site: Site, connection: asyncpg.Connection
) -> None:
    *_, group, _, note = await a_class_reads(site)
    await connection.execute("DELETE FROM app.groups WHERE id = $1", group.id)
    await connection.execute("DELETE FROM app.sessions")

    await migrations.downgrade(engine, settings, "5c1d0e7fa2b4")

    assert await connection.fetchval("SELECT status FROM app.annotations WHERE id = $1", note.id) == "private"
    assert await connection.fetchval("SELECT count(*) FROM app.annotations WHERE status = 'active'") == 1

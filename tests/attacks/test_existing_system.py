"""What the platform's older system let anybody do, defect by defect: nobody can do it here."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.app import create_app
from genji_graphql.reads.ids import global_id
from genji_graphql.settings import Settings
from genji_graphql.vocabulary import AccessLevel, RoleName, Visibility
from tests.people.site import Site
from tests.service import Service
from tests.world import World

ERRORS = "errors { __typename code }"
PASSWORD = "Under-the-wisteria-7"


@pytest.fixture
def site(engine: AsyncEngine, world: World) -> Site:
    return Site(engine, world)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The default rate, less what a test would have to wait for."""
    return settings.model_copy(update={"sign_ins_per_account": "2 per hour"})


@pytest.fixture
async def http(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """The server as the network meets it: who is asking is read from the request alone."""
    app = create_app(settings)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=settings.base_url) as client:
        yield client
    await app.state.close()


async def attempt(service: Service, mutation: str, values: dict[str, Any], viewer: Viewer) -> str:
    """Ask for a change; the code of the one error that came of it, or nothing where it was made."""
    type_name = f"{mutation[0].upper()}{mutation[1:]}Input".replace("AddG", "G").replace("RemoveG", "G")
    query = f"mutation($input: {type_name}!) {{ {mutation}(input: $input) {{ {ERRORS} }} }}"
    payload = (await service.ask(query, {"input": values}, viewer=viewer))[mutation]
    return ", ".join(error["code"] for error in payload["errors"])


async def strangers(site: Site) -> dict[str, Viewer]:
    """Whoever has nothing to do with anything."""
    return {
        "a visitor": ANONYMOUS,
        "a student": await site.viewer(await site.person(RoleName.STUDENT)),
        "an instructor": await site.viewer(await site.person(RoleName.INSTRUCTOR)),
    }


# Reading


async def test_a_stranger_cannot_read_a_private_collection(service: Service, site: Site, world: World) -> None:
    collection = await world.collection(Visibility.PRIVATE, owner_id=(await site.person()).id)
    document = await world.document(collection)
    element = await world.element(document)
    note = await world.note(element, document_id=document.id, document_collection_id=collection.id)
    query = """query Read($c: ID!, $d: ID!, $e: ID!, $a: ID!, $ids: [ID!]!) {
        collection(id: $c) { title } document(id: $d) { title } element(id: $e) { text } annotation(id: $a) { body }
        nodes(ids: $ids) { id } collections { totalCount } documents { totalCount } annotations { totalCount } }"""
    rows = {"c": collection, "d": document, "e": element, "a": note}
    ids = {name: global_id(type(row).__name__, row.id) for name, row in rows.items()}

    for viewer in (await strangers(site)).values():
        assert await service.ask(query, ids | {"ids": list(ids.values())}, viewer=viewer) == {
            **dict.fromkeys(("collection", "document", "element", "annotation")),
            "nodes": [None] * 4,
            **{name: {"totalCount": 0} for name in ("collections", "documents", "annotations")},
        }


async def test_a_stranger_cannot_list_people_or_read_their_addresses(
    service: Service, site: Site, world: World
) -> None:
    author, hermit = await site.person(), await site.person()
    await world.note(await world.element(await world.document(await world.collection())), creator_id=author.id)
    query = """query Read($author: ID!, $hermit: ID!) { users { nodes { id email } }
        author: user(id: $author) { username email } hermit: user(id: $hermit) { username }
        annotations { nodes { creator { email } owner { email } } } }"""
    for name, viewer in (await strangers(site)).items():
        read = await service.ask(query, {"author": str(author.id), "hermit": str(hermit.id)}, viewer=viewer)

        assert read["author"] == {"username": author.username, "email": None}
        assert read["hermit"] is None
        assert read["annotations"]["nodes"] == [{"creator": {"email": None}, "owner": {"email": None}}]
        # An instructor lists whom they see anyway, and of these only their own address.
        listed = {one["id"]: one["email"] for one in read["users"]["nodes"]}
        own = {global_id("User", viewer.user_id or 0)}
        assert {one for one, email in listed.items() if email} == (own if listed else set())
        assert listed.keys() == (own | {global_id("User", author.id)} if name == "an instructor" else set())


async def test_visibility_and_shares_decide_who_reads(service: Service, site: Site, world: World) -> None:
    owner, friend, pupil, stranger = [await site.person() for _ in range(4)]
    classroom = await world.group(pupil)
    for visibility in Visibility:
        collection = await world.collection(visibility, title=visibility.value, owner_id=owner.id)
        await world.document(collection, title=visibility.value)
        await world.share(collection, friend, AccessLevel.VIEW)
        await world.share(collection, classroom, AccessLevel.VIEW)
    query = "{ collections { nodes { title } } documents { nodes { title } } }"

    async def read(viewer: Viewer) -> set[str]:
        answer = await service.ask(query, viewer=viewer)
        collections, documents = ({row["title"] for row in answer[name]["nodes"]} for name in answer)
        assert collections == documents
        return collections

    assert await read(ANONYMOUS) == {"public"}
    assert await read(await site.viewer(stranger)) == {"public"}
    assert await read(await site.viewer(friend)) == {"public", "shared"}
    assert await read(await site.viewer(pupil)) == {"public", "shared"}
    assert await read(await site.viewer(owner)) == {"public", "shared", "private"}


async def test_a_visitor_cannot_read_what_was_written_for_a_classroom(
    service: Service, site: Site, world: World
) -> None:
    pupil = await site.person()
    classroom = await world.group(pupil)
    element = await world.element(await world.document(await world.collection()))
    await world.note(element, creator_id=pupil.id, classroom_id=classroom.id)
    query = """query Read($class: ID!, $element: ID!) {
        annotations { totalCount } inClass: annotations(where: {inClassroom: $class}) { totalCount }
        element(id: $element) { annotations { totalCount } annotationCounts { count } } }"""
    asked = {"class": str(classroom.id), "element": str(element.id)}

    def answer(notes: int) -> dict[str, Any]:
        counted = {"totalCount": notes}
        counts = [{"count": notes}] if notes else []
        return {
            "annotations": counted,
            "inClass": counted,
            "element": {"annotations": counted, "annotationCounts": counts},
        }

    for viewer in (await strangers(site)).values():
        assert await service.ask(query, asked, viewer=viewer) == answer(0)
    assert await service.ask(query, asked, viewer=await site.viewer(pupil)) == answer(1)


# Other people's things


async def test_a_stranger_cannot_close_an_account_or_make_an_administrator(service: Service, site: Site) -> None:
    administrator, victim = await site.administrator(), await site.person(RoleName.STUDENT)
    viewers = await strangers(site)
    admin_role, student_role = [await site.role_id(name) for name in (RoleName.ADMIN, RoleName.STUDENT)]
    before = await site.contents()

    for viewer in viewers.values():
        me = str(viewer.user_id or victim.id)
        for whom in (str(administrator.id), str(victim.id), me):
            for mutation, values in (
                ("deactivateUser", {"id": whom}),
                ("reactivateUser", {"id": whom}),
                ("assignRole", {"userId": whom, "roleId": admin_role}),
                ("revokeRole", {"userId": whom, "roleId": student_role}),
            ):
                assert await attempt(service, mutation, values, viewer) in {"FORBIDDEN", "NOT_FOUND"}
        for role in (admin_role, student_role):
            given = {"id": role, "permissions": ["manage_all_content"]}
            assert await attempt(service, "updateRole", given, viewer) in {"FORBIDDEN", "NOT_FOUND"}
        for whom in (str(administrator.id), str(victim.id)):
            values = {"id": whom, "email": "mine@example.org"}
            assert await attempt(service, "updateUser", values, viewer) in {"FORBIDDEN", "NOT_FOUND"}

    assert await site.contents() == before


async def test_a_login_cannot_edit_or_delete_anothers_annotation(service: Service, site: Site, world: World) -> None:
    writer = await site.person()
    element = await world.element(await world.document(await world.collection()))
    note = await world.note(element, creator_id=writer.id)
    query = "query Read($id: ID!) { annotation(id: $id) { viewerCan { edit delete restore moderate } } }"

    for viewer in (await strangers(site)).values():
        read = await service.ask(query, {"id": str(note.id)}, viewer=viewer)
        assert set(read["annotation"]["viewerCan"].values()) == {False}
    read = await service.ask(query, {"id": str(note.id)}, viewer=await site.viewer(writer))
    assert read["annotation"]["viewerCan"]["edit"]


async def test_a_stranger_cannot_add_anyone_to_a_classroom_or_remove_them(
    service: Service, site: Site, world: World
) -> None:
    teacher, pupil, outsider = [await site.person() for _ in range(3)]
    classroom = await world.group(teacher, pupil, created_by_id=teacher.id)
    viewers = await strangers(site) | {"a pupil": await site.viewer(pupil)}
    before = await site.contents()

    for name, viewer in viewers.items():
        code = "FORBIDDEN" if name in {"a visitor", "a pupil"} else "NOT_FOUND"
        for mutation in ("addGroupMembers", "removeGroupMembers"):
            for whom in (pupil, outsider):
                for named in ({"userIds": [str(whom.id)]}, {"logins": [whom.username]}):
                    assert await attempt(service, mutation, {"id": str(classroom.id), **named}, viewer) == code
        for mutation in ("updateGroup", "deleteGroup", "rotateJoinLink"):
            assert await attempt(service, mutation, {"id": str(classroom.id)}, viewer) == code

    assert await site.contents() == before


async def test_a_stranger_cannot_rewrite_single_sign_on_or_the_site_settings(service: Service, site: Site) -> None:
    await site.administrator()
    viewers = await strangers(site)
    before = await site.contents()

    for viewer in viewers.values():
        for mutation, values in (
            ("updateSsoConfiguration", {"serverUrl": "https://cas.evil.example"}),
            ("updateSiteSettings", {"siteTitle": "Mine"}),
            ("uploadSiteLogo", {"data": None}),
            ("uploadSiteFavicon", {"data": None}),
        ):
            assert await attempt(service, mutation, values, viewer) == "FORBIDDEN"

    assert await site.contents() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"X-User-Id": "1", "X-User-Role": "admin", "X-Is-Admin": "true"},
        {"X-Forwarded-User": "admin", "X-Remote-User": "admin", "Remote-User": "admin", "X-Auth-Request-User": "admin"},
        {"Authorization": "Basic YWRtaW46YWRtaW4="},
        {"Cookie": "genji=1; __Host-genji=1; user=admin; session=1"},
        {"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
        {"X-Http-Method-Override": "PUT", "X-Original-Url": "/admin"},
    ],
)
async def test_a_spoofed_header_makes_nobody_an_administrator(
    http: httpx2.AsyncClient, site: Site, headers: dict[str, str]
) -> None:
    administrator = await site.administrator(username="admin")
    assert administrator.id == 1
    before = await site.contents()
    query = f'mutation {{ updateSiteSettings(input: {{siteTitle: "Mine"}}) {{ {ERRORS} }} }}'

    sent = headers | {"X-Requested-With": "XMLHttpRequest"}
    answer = await http.post("/graphql", json={"query": query}, headers=sent)

    assert answer.json()["data"]["updateSiteSettings"]["errors"] == [
        {"__typename": "PermissionDenied", "code": "FORBIDDEN"}
    ]
    assert await site.contents() == before


# Sessions, origins, rates


async def over_http(http: httpx2.AsyncClient, query: str, **values: Any) -> Any:
    ours = {"Origin": str(http.base_url).rstrip("/")}
    answer = (await http.post("/graphql", json={"query": query, "variables": values}, headers=ours)).json()
    assert "errors" not in answer, answer
    return next(iter(answer["data"].values()))


async def register(http: httpx2.AsyncClient) -> None:
    query = f"mutation($input: RegisterInput!) {{ register(input: $input) {{ {ERRORS} }} }}"
    given = {"username": "murasaki", "email": "murasaki@example.org", "password": PASSWORD}
    assert await over_http(http, query, input=given) == {"errors": []}


SIGN_IN = f"mutation($input: SignInInput!) {{ signIn(input: $input) {{ {ERRORS} }} }}"


async def test_a_cookie_that_was_copied_opens_nothing_after_signing_out(http: httpx2.AsyncClient) -> None:
    await register(http)
    assert await over_http(http, SIGN_IN, input={"login": "murasaki", "password": PASSWORD}) == {"errors": []}
    copied = dict(http.cookies)
    assert await over_http(http, "{ viewer { username } }") == {"username": "murasaki"}

    assert await over_http(http, f"mutation {{ signOut(input: {{}}) {{ {ERRORS} }} }}") == {"errors": []}

    http.cookies.update(copied)
    assert await over_http(http, "{ viewer { username } }") is None


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8000.evil.example"])
async def test_a_page_of_another_site_is_not_let_in(http: httpx2.AsyncClient, origin: str) -> None:
    await register(http)
    await over_http(http, SIGN_IN, input={"login": "murasaki", "password": PASSWORD})
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }

    preflight = await http.options("/graphql", headers=asked)
    answer = await http.post("/graphql", json={"query": "{ viewer { username } }"}, headers={"Origin": origin})

    assert answer.status_code == 403
    for response in (preflight, answer):
        assert "access-control-allow-origin" not in response.headers
        assert origin not in response.headers.values()


async def test_a_guesser_of_passwords_is_stopped_whether_there_is_an_account_or_not(http: httpx2.AsyncClient) -> None:
    await register(http)

    for login in ("murasaki", "nobody"):
        given = [{"login": login, "password": f"Guess-number-{n}"} for n in range(4)]
        guesses = [await over_http(http, SIGN_IN, input=one) for one in given]
        assert [guess["errors"][0]["code"] for guess in guesses[2:]] == ["TOO_MANY_ATTEMPTS"] * 2
        assert "TOO_MANY_ATTEMPTS" not in {guess["errors"][0]["code"] for guess in guesses[:2]}
    # Now that the account is closed to guessers, not even the right password tells itself apart.
    last = await over_http(http, SIGN_IN, input={"login": "murasaki", "password": PASSWORD})
    assert last["errors"][0]["code"] == "TOO_MANY_ATTEMPTS"


# What failed with a fault


async def test_a_group_that_has_comments_and_a_person_who_wrote_some_can_go(
    service: Service, site: Site, world: World
) -> None:
    administrator, teacher, pupil = await site.administrator(), await site.person(), await site.person()
    classroom = await world.group(teacher, pupil, created_by_id=teacher.id)
    element = await world.element(await world.document(await world.collection()))
    note = await world.note(element, creator_id=pupil.id, classroom_id=classroom.id)
    await world.response(note, creator_id=teacher.id)

    assert await attempt(service, "deleteGroup", {"id": str(classroom.id)}, await site.viewer(teacher)) == ""
    assert await attempt(service, "deactivateUser", {"id": str(pupil.id)}, await site.viewer(administrator)) == ""

    left = await site.contents()
    assert (len(left["annotations"]), left["groups"], left["group_members"], len(left["users"])) == (2, [], [], 3)
    assert (await service.ask("{ annotations { totalCount } }"))["annotations"]["totalCount"] == 0


@pytest.mark.parametrize("argument", ["first: -1", "last: -1", "first: 0", "first: 101", "first: 2147483647"])
async def test_a_page_that_cannot_be_is_a_mistake_and_no_fault(service: Service, world: World, argument: str) -> None:
    await world.collection()

    answer = await service.answer(f"{{ collections({argument}) {{ nodes {{ id }} }} }}")

    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert "from 1 to 100" in error["message"]


async def test_a_long_list_is_in_order_and_nothing_of_it_is_cut_off_silently(service: Service, world: World) -> None:
    collection = await world.collection()
    await world.run(
        text(
            "INSERT INTO app.documents (document_collection_id, title, position) "
            f"SELECT {collection.id}, 'Chapter ' || n, 1000 - n FROM generate_series(1, 150) n"
        )
    )
    query = """query Walk($after: String) { documents(first: 100, after: $after) {
        totalCount nodes { title } pageInfo { hasNextPage endCursor } } }"""

    walked: list[str] = []
    after = None
    for left in (True, False):
        page = (await service.ask(query, {"after": after}))["documents"]
        assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (150, left)
        walked += [one["title"] for one in page["nodes"]]
        after = page["pageInfo"]["endCursor"]

    assert walked == [f"Chapter {n}" for n in range(150, 0, -1)]


@pytest.mark.parametrize("path", ["/graphql/", "/sign-in/", "//evil.example/graphql", "/reset-password/"])
async def test_nobody_is_sent_elsewhere_by_the_host_that_a_request_names(service: Service, path: str) -> None:
    answer = await service.http.get(f"http://genji.test{path}", headers={"Host": "evil.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers


async def test_a_length_that_no_number_holds_is_refused_like_any_other(service: Service) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"{}"

    headers = {"Content-Type": "application/json", "Content-Length": "9" * 5_000}
    answer = await service.http.post("/graphql", content=body(), headers=headers)
    assert (answer.status_code, "larger than" in answer.text) == (413, True)

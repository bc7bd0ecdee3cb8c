"""Attacks by way of files: sent with what takes none, by whom they aren't taken from, and to be read elsewhere."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from tests.schema.test_mutations import SIGNED_IN, least, mutations
from tests.service import Service
from tests.transfer.press import IMPORT, Press, form
from tests.world import World
from tests.writing.asking import Shelf

TEXT = b"The river rose."


@pytest.fixture
async def press(service: Service, shelf: Shelf) -> Press:
    return Press(service, shelf)


@pytest.fixture
async def shelf(engine: Any, world: World) -> Shelf:
    return await Shelf(engine, world).fill()


async def post(press: Press, viewer: Viewer, query: str, variables: Any, path: str) -> httpx2.Response:
    press.service._viewer = viewer
    fields = {
        "operations": json.dumps({"query": query, "variables": variables}),
        "map": json.dumps({"0": [path]}),
    }
    return await press.service.http.post("/graphql", data=fields, files={"0": ("flood.txt", TEXT)})


async def refused(press: Press, viewer: Viewer, query: str, variables: Any, path: str) -> str:
    """Why a request is answered with nothing but that; it changed nothing."""
    before = await press.shelf.contents()
    response = await post(press, viewer, query, variables, path)
    assert response.status_code == 400
    ((error,),) = response.json().values()
    assert await press.shelf.contents() == before
    return str(error["message"])


@pytest.mark.parametrize("name", sorted(SIGNED_IN.keys() - {"importDocument"}))
async def test_a_file_is_taken_by_no_other_mutation(press: Press, name: str) -> None:
    given = mutations()[name].args["input"].type
    query = f"mutation($input: {given}) {{ {name}(input: $input) {{ errors {{ message }} }} }}"
    variables = {"input": least(given) | {"file": None}, "file": None}
    administrator = await press.shelf.who("administrator")

    for path in ("variables.input.file", "variables.file"):
        assert "importDocument" in await refused(press, administrator, query, variables, path)


BESIDE = "errors { message }"
SEVERAL = [
    "mutation($input: ImportDocumentInput!) { a: importDocument(input: $input) { %s } "
    "b: importDocument(input: $input) { %s } }",
    "mutation($input: ImportDocumentInput!) { importDocument(input: $input) { %s } signOut(input: {}) { %s } }",
    "mutation($input: ImportDocumentInput!) { ...F } fragment F on Mutation { importDocument(input: $input) { %s } "
    "... on Mutation { signOut(input: {}) { %s } } }",
]


@pytest.mark.parametrize("query", SEVERAL)
async def test_nothing_stands_beside_a_file(press: Press, query: str) -> None:
    variables = {"input": {"file": None, "collectionId": str(press.collection.id)}}
    owner = await press.shelf.who("owner")
    told = await refused(press, owner, query % (BESIDE, BESIDE), variables, "variables.input.file")
    assert "nothing beside it" in told


async def test_a_query_takes_no_file(press: Press) -> None:
    owner = await press.shelf.who("owner")
    told = await refused(
        press, owner, "query($file: ID!) { importJob(id: $file) { id } }", {"file": None}, "variables.file"
    )
    assert "importDocument" in told


@pytest.mark.parametrize("place", ["collectionId", "idempotencyKey", "format"])
async def test_a_file_in_the_place_of_something_else_is_no_fault_of_ours(press: Press, place: str) -> None:
    owner = await press.shelf.who("owner")
    given = {"collectionId": str(press.collection.id), "file": "flood.txt"} | {place: None}
    before = await press.shelf.contents()

    response = await post(press, owner, IMPORT, {"input": given}, f"variables.input.{place}")

    assert response.status_code == 200
    assert place in response.json()["errors"][0]["message"]
    assert "data" not in response.json()
    assert await press.shelf.contents() == before


@pytest.mark.parametrize("given", ["flood.txt", "/etc/passwd", "file:///etc/passwd", {"name": "a"}, ["a"], 1, True])
async def test_what_is_no_file_is_none(press: Press, given: Any) -> None:
    owner = await press.shelf.who("owner")
    variables = {"input": {"file": given, "collectionId": str(press.collection.id)}}
    before = await press.shelf.contents()

    payload = (await press.service.ask(IMPORT, variables, viewer=owner))["importDocument"]

    (error,) = payload["errors"]
    assert (error["code"], error["field"]) == ("NOT_A_FILE", "file")
    assert await press.shelf.contents() == before


@pytest.mark.parametrize("who", ["visitor", "reading token"])
async def test_of_those_who_may_change_nothing_no_file_is_read(press: Press, who: str) -> None:
    press.service._viewer = ANONYMOUS if who == "visitor" else await press.shelf.who(who)
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 1_000

    response = await press.service.http.post(
        "/graphql", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )

    assert response.status_code == 403
    assert read <= 1


async def test_a_file_that_has_no_end_is_read_no_further_than_may_be(press: Press) -> None:
    settings = press.service.app.state.endpoint.settings.model_copy(update={"max_import_bytes": 5_000})
    press.service.app.state.endpoint.settings = settings
    press.service._viewer = await press.shelf.who("owner")
    whole = form(b"", collectionId=str(press.collection.id))
    request = press.service.http.build_request("POST", "/graphql", **whole)
    content = await request.aread()
    headers = {"Content-Type": request.headers["content-type"]}
    head = content[: content.rindex(b"\r\n--")]
    read = 0

    async def endless() -> Any:
        nonlocal read
        yield head
        while True:
            read += 1
            yield b"x" * 1_000

    response = await press.service.http.post("/graphql", content=endless(), headers=headers)

    (error,) = response.json()["data"]["importDocument"]["errors"]
    assert error["code"] == "TOO_LARGE"
    assert read < 10


async def test_nobody_sends_many_files_at_once(press: Press) -> None:
    press.service._viewer = await press.shelf.who("owner")
    begun, enough = asyncio.Event(), asyncio.Event()

    async def slow() -> Any:
        yield b"--x\r\n"
        begun.set()
        await enough.wait()

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    first = asyncio.create_task(press.service.http.post("/graphql", content=slow(), headers=headers))
    await begun.wait()
    second = await press.service.http.post("/graphql", content=b"--x", headers=headers)
    enough.set()

    assert (second.status_code, second.headers["retry-after"]) == (429, "1")
    assert (await first).status_code == 400
    assert (await press.send("owner", TEXT))["errors"] == []


async def test_another_sites_page_sends_no_file_in_a_readers_name(press: Press) -> None:
    """A form of any page can send this type of body; that it can't send the reader's cookie is tested with accounts."""
    response = await post(
        press, ANONYMOUS, IMPORT, {"input": {"file": None, "collectionId": "1"}}, "variables.input.file"
    )
    assert response.status_code == 403
    assert response.json()["errors"][0]["message"].startswith("Sign in to send a file")

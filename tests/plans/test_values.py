"""Every value that the database can hold comes through a plan as it does through the general executor."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.database import Json
from genji_graphql.vocabulary import PermissionName, TextDirection, Visibility
from tests.lasting import Lasting, lasting
from tests.plans.both import Both, plain
from tests.plans.operations import Operation

ADMINISTRATOR = Viewer(user_id=1, is_administrator=True, permissions=frozenset(PermissionName))

TEXTS = {
    "every control character": "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f",
    "quotes and backslashes": '"\'\\" \\\\ \\u0041 \\n $1 :name %s {} </script>',
    "astral characters": "🌙 𠮷野家 \U0010ffff e\u0301 \u200f\u2028\u2029\ufeff\ufffe",
    "nothing": "",
    "what looks like JSON": '{"a": null}',
}
DOCUMENTS = {
    "null": "null",
    "nested nulls": '{"a": null, "b": [null, {"c": null}, []], "": {}}',
    "numbers": "[1.50, 1e400, -0.0, 123456789012345678901234567890, 0.1234567890123456789, 9223372036854775807]",
    "texts": json.dumps(TEXTS),
    "a text": '"\\u0007 \\"moon\\" \\\\"',
    "depth": "[" * 200 + "]" * 200,
}
MOMENTS = [
    "2026-01-01 00:00:00Z",
    "2026-01-01 00:00:00.1Z",
    "2026-01-01 00:00:00.000001Z",
    "2026-01-01 00:00:00.999999Z",
    "2026-01-01 12:00:00.12+05:45",
    "0001-01-01 00:00:00Z",
    "9999-12-31 23:59:59.999999Z",
    "infinity",
    "-infinity",
]
DAYS = ["2026-02-28", "0001-01-01", "9999-12-31", "infinity", "-infinity"]
LARGEST = 2**31 - 1


@pytest.fixture(scope="module")
async def site(server: URL, template: str) -> AsyncIterator[Lasting]:
    async with lasting(server, template) as site:
        yield site


async def told(site: Lasting, query: str, viewer: Viewer = ANONYMOUS) -> Any:
    """The data of an answer that both paths agree on."""
    both = Both(site.service)
    ours, general = await both.ask(Operation(query, {}, None), viewer)
    assert ours.path == "plan"
    assert ours.body == general.body
    return plain(ours.body)["data"]


@pytest.mark.parametrize("value", TEXTS.values(), ids=TEXTS)
async def test_a_text_comes_through(site: Lasting, value: str) -> None:
    collection = await site.world.collection(title=value, language=value[:50])
    read = (await told(site, f'{{ collection(id: "{collection.id}") {{ title language }} }}'))["collection"]
    assert read == {"title": value, "language": value[:50]}


@pytest.mark.parametrize("written", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_json_comes_through(site: Lasting, written: str) -> None:
    collection = await site.world.collection()
    await site.world.run(
        text("UPDATE app.document_collections SET hierarchy = CAST(:written AS jsonb) WHERE id = :id").bindparams(
            written=written, id=collection.id
        )
    )
    read = (await told(site, f'{{ collection(id: "{collection.id}") {{ hierarchy collectionMetadata }} }}'))[
        "collection"
    ]
    assert read["hierarchy"] == json.loads(written, parse_float=Decimal, parse_int=Decimal)
    assert read["collectionMetadata"] is None


BODY = """{ annotation(id: "%s") { bodies { __typename ... on TextualBody { value language json }
    ... on Choice { items { ... on TextualBody { value } } } ... on ExternalResource { iri json }
    ... on OpaqueResource { json } } } }"""


@pytest.mark.parametrize("value", TEXTS.values(), ids=TEXTS)
async def test_a_text_in_a_body_comes_through(site: Lasting, value: str) -> None:
    body = {"value": value, "language": [value], "": {value: value}}
    note = await site.world.note(body=Json.of([body, value, {"items": [body, value]}]))
    textual, external, choice = (await told(site, BODY % note.id, ADMINISTRATOR))["annotation"]["bodies"]
    assert textual == {"__typename": "TextualBody", "value": value, "language": value, "json": body}
    assert external == {"__typename": "ExternalResource", "iri": value, "json": value}
    assert choice["items"][0] == {"value": value}


@pytest.mark.parametrize("written", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_json_in_a_body_comes_through(site: Lasting, written: str) -> None:
    note = await site.world.note(body=Json(f'{{"strange": {written}}}'))
    (body,) = (await told(site, BODY % note.id, ADMINISTRATOR))["annotation"]["bodies"]
    read = json.loads(written, parse_float=Decimal, parse_int=Decimal)
    assert body == {"__typename": "OpaqueResource", "json": {"strange": read}}


async def test_a_null_in_a_body_where_none_may_be_is_told_by_the_general_executor(site: Lasting) -> None:
    note = await site.world.note(body=Json("[null]"))
    ours, general = await Both(site.service).ask(Operation(BODY % note.id, {}, None), ADMINISTRATOR)
    assert ours.path == 'general; why="what may not be null is"'
    assert plain(ours.body)["data"] == {"annotation": None}
    assert ours.body == general.body


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_moment_comes_through(site: Lasting, moment: str) -> None:
    collection = await site.world.collection()
    await site.world.run(
        text(
            "UPDATE app.document_collections SET created = CAST(:moment AS text)::timestamptz WHERE id = :id"
        ).bindparams(moment=moment, id=collection.id)
    )
    read = await told(
        site,
        f'{{ collection(id: "{collection.id}") {{ created }} collections(where: {{id: {{eq: "{collection.id}"}}}}, '
        "orderBy: [{field: CREATED}]) { edges { cursor node { created } } } }",
    )
    assert read["collection"]["created"] == read["collections"]["edges"][0]["node"]["created"]


@pytest.mark.parametrize("day", DAYS)
async def test_a_day_comes_through(site: Lasting, day: str) -> None:
    group = await site.world.group()
    await site.world.run(
        text("UPDATE app.groups SET start_date = CAST(:day AS text)::date WHERE id = :id").bindparams(
            day=day, id=group.id
        )
    )
    read = (await told(site, f'{{ group(id: "{group.id}") {{ startDate endDate }} }}', ADMINISTRATOR))["group"]
    assert read["startDate"].count("-") == 2
    assert read["endDate"] is None


@pytest.mark.parametrize("number", [1_000_000, LARGEST - 1, LARGEST])
async def test_the_number_of_a_row_comes_through(site: Lasting, number: int) -> None:
    await site.world.collection(id=number, position=number)
    read = (await told(site, f'{{ collection(id: "{number}") {{ id databaseId }} }}'))["collection"]
    assert read["databaseId"] == number


@pytest.mark.parametrize("position", [-(2**63), -1, 0, 2**63 - 1])
async def test_a_cursor_holds_a_bigint(site: Lasting, position: int) -> None:
    collection = await site.world.collection()
    document = await site.world.document(collection, position=position)
    other = await site.world.document(collection, position=position)
    page = (
        f'{{ collection(id: "{collection.id}") {{ documents(first: 1%s) {{ '
        "pageInfo { endCursor } nodes { databaseId } } } }"
    )
    first = (await told(site, page % ""))["collection"]["documents"]
    second = (await told(site, page % f', after: "{first["pageInfo"]["endCursor"]}"'))["collection"]["documents"]
    assert [one["nodes"][0]["databaseId"] for one in (first, second)] == [document.id, other.id]


@pytest.mark.parametrize("direction", TextDirection)
@pytest.mark.parametrize("visibility", Visibility)
async def test_a_word_goes_out_by_its_name(site: Lasting, visibility: Visibility, direction: TextDirection) -> None:
    collection = await site.world.collection(visibility, text_direction=direction)
    query = f'{{ collection(id: "{collection.id}") {{ visibility textDirection }} }}'
    read = (await told(site, query, ADMINISTRATOR))["collection"]
    assert read == {"visibility": visibility.name, "textDirection": direction.name}

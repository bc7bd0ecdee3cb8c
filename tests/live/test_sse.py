"""GraphQL over server-sent events, one connection for each operation."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest

from genji_graphql.access.viewer import Viewer
from genji_graphql.http import sse
from genji_graphql.live.sink import Message
from genji_graphql.settings import Settings
from tests.live.house import TICKS, House, message, opened, serving, until

EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.WARNING):
        yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= 40] == []


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=house.http_url, headers=EVENTS, timeout=20) as client:
        yield client


class Heard:
    """A stream's events as they come."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.lines = response.aiter_lines()

    async def event(self) -> dict[str, str] | None:
        """The next, or None where there is none any more."""
        event: dict[str, str] = {}
        async for line in self.lines:
            name, _, value = line.partition(":")
            if name:
                event[name] = value.removeprefix(" ")
            elif event:
                return event
        return None

    async def rest(self) -> list[dict[str, str]]:
        events = []
        while (event := await self.event()) is not None:
            events.append(event)
        return events


@asynccontextmanager
async def listening(client: httpx2.AsyncClient, query: str = TICKS, **headers: str) -> AsyncIterator[Heard]:
    async with client.stream("POST", "", json={"query": query}, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield Heard(response)


def next_(number: int) -> dict[str, str]:
    return {"event": "next", "id": str(number), "data": f'{{"data":{{"ticks":{number}}}}}'}


COMPLETE = {"event": "complete", "data": ""}


async def test_a_subscription_is_a_stream_of_events(house: House, client: httpx2.AsyncClient) -> None:
    async with listening(client) as heard:
        for name, value in {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-store",
            "x-accel-buffering": "no",
        }.items():
            assert heard.response.headers[name] == value
        assert "content-encoding" not in heard.response.headers
        await house.listened(1)
        assert await house.tell(message(1)) == [True]
        assert await heard.event() == next_(1)
        await house.tell(message(2), message(3))
        assert [await heard.event(), await heard.event()] == [next_(2), next_(3)]
        await house.within(next(iter(house.hub.listeners)).sink.complete)
        assert await heard.rest() == [COMPLETE]
    await house.listened(0)
    await until(lambda: (len(house.people), house.seats.connections, house.seats.subscriptions) == (0, 0, 0))


async def test_events_may_be_told_before_the_stream_is_read(house: House, client: httpx2.AsyncClient) -> None:
    query = {"query": "subscription Few($limit: Int) { ticks(limit: $limit) }", "variables": {"limit": 1}}
    answer = await client.post("", json=query)
    assert answer.text == ":\n\n" + 'event: next\nid: 1\ndata: {"data":{"ticks":1}}\n\n' + "event: complete\ndata:\n\n"
    await house.listened(0)


async def test_errors_that_end_a_subscription_are_told(house: House, client: httpx2.AsyncClient) -> None:
    async with listening(client) as heard:
        await house.listened(1)
        sink = next(iter(house.hub.listeners)).sink
        await house.within(lambda: sink.complete([{"message": "Too slow."}]))
        assert await heard.rest() == [{"event": "next", "data": '{"errors":[{"message":"Too slow."}]}'}, COMPLETE]


async def test_who_comes_back_says_what_they_had_last(house: House, client: httpx2.AsyncClient) -> None:
    async with listening(client, **{"Last-Event-ID": "17"}), listening(client):
        await house.listened(2)
        assert {one.last_event_id for one in house.hub.begun} == {"17", None}


async def test_whoever_is_told_nothing_yet_is_told_where_it_begins(house: House, client: httpx2.AsyncClient) -> None:
    house.hub.cursor = "16"
    async with listening(client) as heard:
        assert heard.response.headers["genji-cursor"] == "16"
        assert await heard.event() == {"id": "16"}


async def test_a_subscription_may_be_asked_for_in_the_address(house: House, client: httpx2.AsyncClient) -> None:
    async with client.stream("GET", "", params={"query": TICKS}) as response:
        await house.listened(1)
        await house.tell(message(1))
        assert await Heard(response).event() == next_(1)


async def test_queries_and_mutations_have_one_event(client: httpx2.AsyncClient) -> None:
    for query, data in (("{ hello }", '{"hello":"Hello, world!"}'), ("mutation { change }", '{"change":1}')):
        answer = await client.post("", json={"query": query})
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.text == f'event: next\ndata: {{"data":{data}}}\n\nevent: complete\ndata:\n\n'
    answer = await client.get("", params={"query": "mutation { change }"})
    assert (answer.status_code, House.changes) == (405, 1)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"query": "{"}, 400),
        ({"query": "subscription { nonsense }"}, 400),
        ({"query": "subscription ($limit: Int!) { ticks(limit: $limit) }"}, 400),
        ({"query": "subscription ($limit: Int) { ticks(limit: $limit) }", "variables": {"limit": 0}}, 400),
        ({"documentId": "sha256:0"}, 400),
        ({}, 400),
        ([], 400),
    ],
)
async def test_what_is_wrong_is_told_as_json_before_a_stream_begins(
    house: House, client: httpx2.AsyncClient, asked: Any, status: int
) -> None:
    answer = await client.post("", json=asked)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert answer.json()["errors"][0]["message"]
    assert (house.seats.connections, len(house.people)) == (0, 0)


async def test_a_plain_request_is_told_how_to_subscribe(client: httpx2.AsyncClient) -> None:
    for accept in ("application/json", "*/*"):
        answer = await client.post("", json={"query": TICKS}, headers={"Accept": accept})
        assert answer.status_code == 400
        assert "`Accept: text/event-stream`" in answer.json()["errors"][0]["message"]


async def test_where_either_will_do_a_subscription_is_streamed(house: House, client: httpx2.AsyncClient) -> None:
    either = {"Accept": "application/graphql-response+json, application/json, text/event-stream"}
    async with listening(client, **either) as heard:
        await house.listened(1)
        await house.tell(message(1))
        assert await heard.event() == next_(1)
    answer = await client.post("", json={"query": "{ hello }"}, headers=either)
    assert answer.json() == {"data": {"hello": "Hello, world!"}}


async def test_who_leaves_is_told_no_more(house: House, client: httpx2.AsyncClient) -> None:
    async with listening(client):
        await house.listened(1)
    await house.listened(0)
    await until(lambda: house.seats.connections == 0)
    assert await house.within(lambda: house.hub.begun[0].sink.push(message(1))) is False


async def test_a_stream_ends_when_what_it_was_opened_with_does(house: House, client: httpx2.AsyncClient) -> None:
    house.viewers["brief"] = Viewer(user_id=1, session_id=1, expires_at=datetime.now(UTC) + timedelta(seconds=3))
    async with listening(client, Authorization="Bearer brief") as heard:
        await until(lambda: len(house.hub.begun) == 1)
        assert await heard.rest() == []  # not even that it is complete: the client asks again, and is told
    async with listening(client, Authorization="Bearer token-of-1") as heard:
        await house.listened(1)
        await house.within(house.hub.begun[-1].person.end)
        assert await heard.rest() == []
    answer = await client.post("", json={"query": TICKS}, headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401


async def test_a_cookie_is_believed_from_our_own_pages_alone(house: House, client: httpx2.AsyncClient) -> None:
    cookie = {"Cookie": "genji=token-of-2"}
    for headers in (cookie, cookie | {"Origin": "https://evil.example"}):
        assert (await client.post("", json={"query": TICKS}, headers=headers)).status_code == 403
    async with listening(client, **cookie, Origin=f"http://{urlsplit(house.http_url).netloc}"):
        await house.listened(1)
        assert house.hub.begun[0].person.viewer.user_id == 2


async def test_streams_are_counted_with_the_sockets() -> None:
    limits = Settings(connections_per_address=3, connections_per_account=1)
    with serving(House(limits)) as house:
        async with httpx2.AsyncClient(base_url=house.http_url, headers=EVENTS, timeout=20) as client:
            mine = {"Authorization": "Bearer token-of-1"}
            async with listening(client, **mine), opened(house, init={}):
                await house.listened(1)
                answer = await client.post("", json={"query": TICKS}, headers=mine)
                assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
                async with listening(client):
                    answer = await client.post("", json={"query": TICKS})
                    assert answer.status_code == 429
                    assert (await client.post("", json={"query": "{ hello }"})).status_code == 200
            await until(lambda: house.seats.connections == 0)


async def test_who_does_not_read_gets_no_more(house: House, client: httpx2.AsyncClient) -> None:
    async with listening(client) as heard:
        await house.listened(1)
        sink, big, taken = house.hub.begun[0].sink, message(1, "x" * 50_000), 0
        while await house.within(lambda: sink.push(big)):
            taken += 1
            assert taken < 1_000
            await asyncio.sleep(0)
        room = asyncio.create_task(house.within(sink.room))
        for _ in range(taken):
            assert await heard.event() is not None
        await room
        assert await house.within(lambda: sink.push(message(2)))


async def test_something_is_heard_of_a_quiet_stream(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "_HEARTBEAT", 0.05)
    async with client.stream("POST", "", json={"query": TICKS}) as response:
        received = b""
        async for piece in response.aiter_raw():
            received += piece
            if len(received) >= 9:
                break
        assert received.replace(b":\n\n", b"") == b""


async def test_when_the_server_goes_streams_end() -> None:
    with serving(House(Settings())) as house:
        async with httpx2.AsyncClient(base_url=house.http_url, headers=EVENTS, timeout=20) as client:  # noqa: SIM117
            # Two, of whom one doesn't read.
            async with listening(client) as heard, listening(client):
                await house.listened(2)
                deaf = house.hub.begun[1].sink
                for _ in range(100):
                    await house.within(lambda: deaf.push(message(1, "x" * 50_000)))
                house.stop()
                with pytest.raises(httpx2.RemoteProtocolError):
                    await heard.rest()
                async with asyncio.timeout(20):
                    await asyncio.get_running_loop().run_in_executor(None, house.ended)


def test_line_ends_within_an_answer_end_no_event() -> None:
    told = Message("1", b'{"data":{\n"stored":\r\n1}}')
    event = sse.next_event(told.body, told.cursor).decode()
    assert event.splitlines()[:2] == ["event: next", "id: 1"]
    assert orjson.loads(event.splitlines()[2].removeprefix("data: ")) == {"data": {"stored": 1}}

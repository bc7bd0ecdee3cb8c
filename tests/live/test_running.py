"""The server as it is run, over real sockets: who writes, who is told, and what they are told when it goes."""

import asyncio
import signal
from typing import Any

import httpx2
import orjson
from sqlalchemy.engine import URL
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from genji_graphql.http.websocket import PROTOCOL
from tests.command import running
from tests.live.house import Client
from tests.test_killed import Desk, desk_at

NOTED = "subscription ($element: ID!) { annotationAdded(element: $element) { cursor annotation { body } } }"
NOTE = "mutation ($input: CreateAnnotationInput!) { createAnnotation(input: $input) { errors { message } } }"


def socket(address: str, **more: Any) -> connect:
    url = address.replace("http://", "ws://")
    return connect(url, subprotocols=[Subprotocol(PROTOCOL)], proxy=None, **more)


async def write(writer: Client, desk: Desk, text: str) -> None:
    note = {"elementId": str(desk.element_id), "selector": {"exact": "many ladies"}, "text": text}
    answer = await writer.ask(NOTE, "note", variables={"input": note})
    assert answer["payload"]["data"]["createAnnotation"]["errors"] == []


async def test_what_is_written_over_one_connection_is_told_over_others(database: URL) -> None:
    desk = await desk_at(database)
    element = {"element": str(desk.element_id)}
    with running(url=database) as (process, address):
        async with (
            socket(address) as writing,
            socket(address) as listening,
            httpx2.AsyncClient(timeout=20) as http,
            http.stream(
                "POST", address, json={"query": NOTED, "variables": element}, headers={"Accept": "text/event-stream"}
            ) as stream,
        ):
            writer, listener = Client(writing), Client(listening)
            # Nothing is compressed for each of them anew.
            assert listening.protocol.extensions == []
            await writer.init({"authorization": f"Bearer {desk.token}"})
            acknowledged = await listener.init()
            assert acknowledged["payload"]["cursor"]
            await listener.subscribe(NOTED, "notes", variables=element)
            assert (await listener.ask("{ __typename }"))["payload"]["data"] == {"__typename": "Query"}

            for number in range(3):
                await write(writer, desk, f"note {number}")
            told = [await listener.receive() for _ in range(3)]
            events = [each["payload"]["data"]["annotationAdded"] for each in told]
            assert [event["annotation"]["body"]["value"] for event in events] == ["note 0", "note 1", "note 2"]

            lines = [line async for line in lines_of(stream, 3)]
            assert [line["id"] for line in lines] == [event["cursor"] for event in events]
            assert [orjson.loads(line["data"]) for line in lines] == [each["payload"] for each in told]

            # Resumed from a cursor on another connection, the rest is told.
            async with http.stream(
                "GET",
                address,
                params={"query": NOTED, "variables": orjson.dumps(element).decode()},
                headers={"Accept": "text/event-stream", "Last-Event-ID": events[0]["cursor"]},
            ) as again:
                assert [line["id"] async for line in lines_of(again, 2)] == [event["cursor"] for event in events[1:]]

            process.send_signal(signal.SIGTERM)
            assert (await listener.closed())[0] == 1012
            assert (await writer.closed())[0] == 1012
            assert await asyncio.to_thread(process.wait, 20) == 0


async def test_a_frame_that_is_too_large_is_refused(database: URL) -> None:
    with running(url=database) as (_, address):
        async with socket(address) as opened:
            client = Client(opened)
            await client.init()
            await opened.send("x" * 65_537)
            assert (await client.closed())[0] == 1009


async def lines_of(stream: httpx2.Response, count: int) -> Any:
    """So many events that hold something, each by its fields."""
    event: dict[str, str] = {}
    async with asyncio.timeout(20):
        async for line in stream.aiter_lines():
            name, _, value = line.partition(": ")
            if value:
                event[name] = value
            elif "data" not in event:
                event = {}  # where it begins, which is no event
            else:
                yield event
                event = {}
                count -= 1
                if not count:
                    return

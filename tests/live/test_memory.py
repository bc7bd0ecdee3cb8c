"""Memory stays flat, whatever a client sends or doesn't read."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from genji_graphql.http import websocket
from tests.live.house import EMPTY_PING, TICKS, House, message, opened, raw, send_without_reading, text_frame, until

MEGABYTE = 1024 * 1024

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@asynccontextmanager
async def flat(room: int = 12 * MEGABYTE) -> AsyncIterator[None]:
    """Within it this process takes no more memory than this."""
    gc.collect()
    before = resident()
    yield
    grown = resident() - before
    assert grown < room, f"{grown / MEGABYTE:.1f} MB"


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def aside(act: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, act, *arguments)


SUBSCRIBE = b"".join(
    text_frame({"type": "subscribe", "id": str(number), "payload": {"query": "{ sleep(seconds: 1) }"}})
    for number in range(10_000)
)
FLOODS = {
    "operations": SUBSCRIBE * 20,
    "pings of the protocol": text_frame({"type": "ping"}) * 500_000,
    "pings of WebSocket": EMPTY_PING * 2_000_000,
    "completions of nothing": text_frame({"type": "complete", "id": "1"}) * 500_000,
    "empty pieces": b"\x01\x80\0\0\0\0" + b"\0\x80\0\0\0\0" * 2_000_000,
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_takes_no_memory_and_others_are_answered(house: House, flood: str) -> None:
    async with opened(house, init={}) as other:
        async with flat():
            with closing(raw(house)) as wire:
                wire.sendall(text_frame({"type": "connection_init"}))
                sending = asyncio.create_task(aside(flood_for_a_moment, wire, FLOODS[flood]))
                while not sending.done():
                    assert (await other.ask("{ hello }"))["type"] == "next"
        await until(lambda: house.seats.connections == 1, seconds=40)


def flood_for_a_moment(wire: Any, data: bytes) -> None:
    try:
        send_without_reading(wire, data)
    except OSError:
        assert data in FLOODS.values()  # closed by the server


async def test_what_is_not_read_is_not_kept(house: House) -> None:
    wires = [raw(house) for _ in range(8)]
    for wire in wires:
        wire.sendall(text_frame({"type": "connection_init"}))
        wire.sendall(text_frame({"type": "subscribe", "id": "1", "payload": {"query": TICKS}}))
    await house.listened(8)
    async with flat():
        for number in range(5_000):
            told = await house.tell(message(number, "x" * 5_000))
        assert not any(told)
    for wire in wires:
        wire.close()
    await house.listened(0)


async def test_who_comes_and_goes_leaves_nothing_behind(house: House) -> None:
    async def come_and_go(number: int) -> None:
        async with opened(house, init={}) as client:
            await client.subscribe(TICKS, str(number))
            await client.ask("{ hello }", "other")

    for number in range(100):
        await come_and_go(number)
    await until(lambda: house.seats.connections == 0)
    assert (len(house.people), len(house.hub.listeners), house.seats.subscriptions) == (0, 0, 0)
    house.hub.begun.clear()

    def left() -> int:
        gc.collect()
        kinds = (websocket._Socket, websocket._Operation)
        return sum(isinstance(one, kinds) for one in gc.get_objects())

    await until(lambda: left() == 0)


def test_floods_are_what_they_say() -> None:
    assert orjson.loads(SUBSCRIBE[6 : 6 + (SUBSCRIBE[1] & 127)])["type"] == "subscribe"

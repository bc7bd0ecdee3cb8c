"""What somebody sends who doesn't speak the protocol, or wants to do harm: the right code, and others unharmed."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from genji_graphql.access.viewer import Viewer
from genji_graphql.errors import TimedOut
from genji_graphql.http import frames, protocol
from genji_graphql.settings import Settings
from tests.live.house import (
    EMPTY_PING,
    TICKS,
    Client,
    House,
    message,
    opened,
    raw,
    read_through,
    send_without_reading,
    serving,
    text_frame,
    until,
)

DEEP = "[" * 30_000 + "]" * 30_000


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a client does isn't a fault of ours."""
    with caplog.at_level(logging.WARNING):
        yield
    assert [record.getMessage() for record in caplog.records if record.exc_info or record.levelno >= 40] == []


# Who is let in


@pytest.mark.parametrize("protocol", ["graphql-ws", "chat", None])
async def test_other_subprotocols_are_closed(house: House, protocol: str | None) -> None:
    async with opened(house, protocol=protocol) as client:
        assert client.socket.subprotocol is None
        assert await client.closed() == (4406, "The subprotocol must be graphql-transport-ws.")


async def test_a_page_of_another_site_is_not_let_in_whatever_it_brings(house: House) -> None:
    for headers in ({}, {"Cookie": "genji=token-of-1"}, {"Authorization": "Bearer token-of-1"}):
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
            refusal = await refused(house, origin=origin, additional_headers=headers)
            assert refusal.response.status_code == 403
            assert b"GENJI_CORS_ORIGINS" in (refusal.response.body or b"")
    assert house.seats.connections == 0


async def test_a_cookie_is_believed_from_our_own_pages_alone(house: House) -> None:
    cookie = {"Cookie": "genji=token-of-2"}
    assert (await refused(house, additional_headers=cookie)).response.status_code == 403
    ours: Any = f"http://{urlsplit(house.url).netloc}"
    async with opened(house, init={}, origin=ours, additional_headers=cookie) as client:
        await client.subscribe(TICKS)
        await house.listened(1)
        assert house.hub.begun[0].person.viewer.user_id == 2


async def test_a_token_that_is_not_valid_is_forbidden(house: House) -> None:
    for payload in ({"authorization": "Bearer nonsense"}, {"authorization": "Basic YTpi"}, {"token": "nonsense"}):
        async with opened(house) as client:
            await client.send(type="connection_init", payload=payload)
            assert (await client.closed())[0] == 4403
    async with opened(house, additional_headers={"Authorization": "Bearer nonsense"}) as client:
        await client.send(type="connection_init")
        assert (await client.closed())[0] == 4403


async def test_a_page_where_nobody_is_signed_in_is_let_in(house: House) -> None:
    for payload in ({"authorization": "Bearer "}, {"authorization": ""}, {"authorization": None}, {}, None):
        async with opened(house) as client:
            await client.init(payload)


async def test_while_the_database_is_away_clients_are_told_to_come_back(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(house) as client:
        await client.send(type="connection_init", payload={"token": "away"})
        assert (await client.closed())[0] == 1013
    async with opened(house) as client:
        await client.send(type="connection_init", payload={"token": "broken"})
        code, reason = await client.closed()
        assert code == 4500
        assert "hunter2" not in reason
    caplog.clear()


async def test_where_the_log_cannot_be_asked_clients_are_told_to_come_back(house: House) -> None:
    async def acknowledged() -> dict[str, Any]:
        raise TimedOut("This took too long.")

    house.websockets.acknowledged = acknowledged
    async with opened(house) as client:
        await client.send(type="connection_init")
        assert await client.closed() == (1013, "This took too long.")
    await until(lambda: (house.seats.connections, len(house.people)) == (0, 0))


async def test_who_says_nothing_is_closed() -> None:
    with serving(House(Settings(init_timeout=0.2))) as house:
        async with opened(house) as client:
            with suppress(ConnectionClosed):
                await client.send(type="ping")
            assert await client.closed() == (4408, "There was no connection_init within 0.2 seconds.")
        async with AsyncExitStack() as stack:
            client = await in_time(stack, house)
            await asyncio.sleep(0.4)
            assert (await client.ask("{ hello }"))["type"] == "next"


async def in_time(stack: AsyncExitStack, house: House) -> Client:
    """One that was let in. Where the machine is busy, so short a time may be over before its connection_init comes."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await stack.enter_async_context(opened(house, init={}))
            except ConnectionClosed as end:
                if end.rcvd is None or end.rcvd.code != 4408:
                    raise


async def test_a_second_init_is_one_too_many(house: House) -> None:
    async with opened(house, init={}) as client:
        await client.send(type="connection_init")
        assert (await client.closed())[0] == 4429
    async with opened(house) as client:
        await client.send(type="connection_init")
        await client.send(type="connection_init")
        assert (await client.closed())[0] == 4429


async def test_an_operation_before_init_is_unauthorized(house: House) -> None:
    async with opened(house) as client:
        await client.subscribe("{ hello }")
        assert (await client.closed())[0] == 4401


async def test_other_paths_are_not_found(settings: Settings) -> None:
    from genji_graphql.app import create_app

    with serving(House(settings)) as house:
        app = create_app(settings)
        house.websockets = app  # type: ignore[assignment]
        for path in ("/", "/graphql/", "/health", "/elsewhere"):
            address = house.url.removesuffix("/graphql") + path
            with pytest.raises(InvalidStatus) as told:
                await connect(address, proxy=None)
            assert told.value.response.status_code == 404
        await house.within(app.state.close)


# Messages


MALFORMED: list[Any] = [
    "",
    "[]",
    "1",
    "null",
    '"ping"',
    "{",
    "{}",
    DEEP,
    f'{{"type": "ping", "payload": {DEEP}}}',
    b"{}",
    b'{"type": "ping"}',
    '{"type": 1}',
    '{"type": null}',
    '{"type": {"a": 1}}',
    '{"type": "nonsense"}',
    '{"type": "start", "id": "1", "payload": {"query": "{ hello }"}}',
    '{"type": "next", "id": "1"}',
    '{"type": "connection_ack"}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": {}, "payload": {"query": "{ hello }"}}',
    '{"type": "subscribe", "id": {"a": 1}, "payload": {"query": "{ hello }"}}',
    '{"type": "subscribe", "id": 1, "payload": {"query": "{ hello }"}}',
    '{"type": "subscribe", "id": null, "payload": {"query": "{ hello }"}}',
    '{"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}}',
    '{"type": "subscribe", "id": "%s", "payload": {"query": "{ hello }"}}' % ("x" * 129),
    '{"type": "subscribe", "id": "1"}',
    '{"type": "subscribe", "id": "1", "payload": "{ hello }"}',
    '{"type": "subscribe", "id": "1", "payload": ["{ hello }"]}',
    '{"type": "complete"}',
    '{"type": "complete", "id": []}',
]


@pytest.mark.parametrize("malformed", MALFORMED, ids=lambda each: str(each)[:60])
async def test_what_is_no_message_closes_the_connection(house: House, malformed: str | bytes) -> None:
    async with opened(house, init={}) as client, opened(house, init={}) as other:
        await client.socket.send(malformed)
        code, reason = await client.closed()
        assert code == 4400
        assert 10 < len(reason.encode()) <= 123
        assert (await other.ask("{ hello }"))["type"] == "next"


@pytest.mark.parametrize("payload", ["Bearer x", ["Bearer x"], 1, True, {"authorization": 1}, {"token": {}}])
async def test_an_init_with_something_else_is_a_bad_request(house: House, payload: Any) -> None:
    async with opened(house) as client:
        await client.send(type="connection_init", payload=payload)
        assert (await client.closed())[0] == 4400


async def test_what_is_not_utf8_is_no_message(house: House) -> None:
    async with opened(house, init={}) as client:
        await client.socket.send(b'{"type": "ping", "payload": "\xff"}', text=True)
        assert await client.closed() == (4400, "Messages must be text in UTF-8.")


MISTAKEN: list[dict[str, Any]] = [
    {},
    {"query": None},
    {"query": 1},
    {"query": ["{ hello }"]},
    {"query": "{ hello }", "variables": "x"},
    {"query": "{ hello }", "variables": []},
    {"query": "{ hello }", "variables": 1},
    {"query": "{ hello }", "operationName": {}},
    {"query": "{ hello }", "extensions": []},
    {"query": "{ hello }", "documentId": "sha256:0"},
    {"documentId": "sha256:0"},
    {"documentId": []},
    {"query": "{ hello("},
    {"query": "query ($name: String) { hello(name: $name) }", "variables": {"name": 1}},
    {"query": "query ($name: String) { hello(name: $name) }", "variables": {"name": {"a": [None]}}},
    {"query": "{" + "a{" * 500},
    {"query": "{ hello }" * 900},
    {"query": "{ a: __typename " + " ".join(f"a{n}: __typename" for n in range(900)) + "}"},
]


@pytest.mark.parametrize("payload", MISTAKEN, ids=lambda each: str(each)[:60])
async def test_a_mistaken_operation_ends_alone(house: House, payload: dict[str, Any]) -> None:
    async with opened(house, init={}) as client:
        await client.send(type="subscribe", id="mistaken", payload=payload)
        answer = await client.receive()
        assert (answer["type"], answer["id"]) == ("error", "mistaken")
        assert all(error["message"] for error in answer["payload"])
        assert (await client.ask("{ hello }", "mistaken"))["type"] == "next"


async def test_where_only_trusted_documents_are_answered_others_are_refused() -> None:
    with serving(House(Settings(trusted_only=True))) as house:
        async with opened(house, init={}) as client:
            for query in ("{ hello }", TICKS):
                answer = await client.ask(query)
                assert (answer["type"], "trusted documents" in answer["payload"][0]["message"]) == ("error", True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
messages = json_values | st.fixed_dictionaries(
    {"type": st.sampled_from(["subscribe", "complete", "ping", "pong", "connection_init"]) | json_values},
    optional={
        "id": st.sampled_from(["1", "2"]) | json_values,
        "payload": json_values
        | st.fixed_dictionaries(
            {},
            optional={
                "query": st.sampled_from(["{ hello }", TICKS, "{ nonsense }", "{"]) | json_values,
                "variables": json_values,
                "operationName": json_values,
            },
        ),
    },
)


@pytest.fixture(scope="module")
def lasting_house() -> Iterator[House]:
    with serving(House(Settings())) as house:
        yield house


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(messages, min_size=1, max_size=6))
async def test_whatever_is_sent_is_answered_or_closed_with_a_code(lasting_house: House, drawn: list[Any]) -> None:
    async with opened(lasting_house, init={}) as client:
        with suppress(ConnectionClosed):
            for each in [*drawn, "nonsense"]:
                await client.socket.send(json.dumps(each))
        code, _ = await client.closed()
        assert code in (4400, 4409, 4429)


# An opcode, whether there is more of it, a length that may be a lie, and what follows.
wire_frames = st.builds(
    lambda first, length, body: bytes([first, 0x80 | length, 0, 0, 0, 0]) + body,
    st.integers(0, 255),
    st.integers(0, 127),
    st.binary(max_size=130),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(wire_frames | st.binary(max_size=40) | st.just(EMPTY_PING), min_size=1, max_size=5))
async def test_whatever_comes_over_the_wire_is_no_fault_of_ours(lasting_house: House, drawn: list[bytes]) -> None:
    with raw(lasting_house) as wire, suppress(OSError):
        wire.sendall(text_frame({"type": "connection_init"}))
        for each in drawn:
            wire.sendall(each)
    async with opened(lasting_house, init={}) as other:
        assert (await other.ask("{ hello }"))["type"] == "next"
    await until(lambda: lasting_house.seats.connections == 0)


async def test_an_id_is_used_once_at_a_time(house: House) -> None:
    async with opened(house, init={}) as client:
        await client.subscribe(TICKS)
        await client.subscribe("{ hello }")
        assert (await client.closed())[0] == 4409
        await house.listened(0)


# Too much


async def test_a_message_that_is_too_large_ends_the_connection(house: House) -> None:
    async with opened(house, init={}) as client:
        await client.socket.send('{"type": "ping", "payload": "%s"}' % ("x" * 65_536))
        assert (await client.closed())[0] == 1009
    async with opened(house, init={}) as client:
        await client.socket.send("x" * 20_000 for _ in range(4))
        assert (await client.closed())[0] == 1009
    async with opened(house, init={}) as client:
        await client.ask("{ hello }", extensions={"filling": "x" * 60_000})


async def test_a_message_in_countless_pieces_ends_the_connection(house: House) -> None:
    async with opened(house, init={}) as client:
        with suppress(ConnectionClosed):
            await client.socket.send("" for _ in range(3_000))
        # It may be gone before its farewell is read.
        assert (await client.closed())[0] in (1009, 1006)


async def test_connections_of_one_address_are_counted() -> None:
    with serving(House(Settings(connections_per_address=3))) as house:
        async with AsyncExitStack() as stack:
            for _ in range(3):
                await stack.enter_async_context(opened(house))
            refusal = await refused(house)
            assert refusal.response.status_code == 429
            assert refusal.response.headers["Retry-After"] == "30"
        await until(lambda: house.seats.connections == 0)
        async with opened(house, init={}):
            pass


async def test_connections_of_one_process_are_counted() -> None:
    with serving(House(Settings(connections=2))) as house:
        async with opened(house), opened(house):
            assert (await refused(house)).response.status_code == 503


async def test_connections_of_one_account_are_counted() -> None:
    with serving(House(Settings(connections_per_account=2))) as house:
        mine = {"token": "token-of-1"}
        async with opened(house, init=mine) as first, opened(house, init=mine):
            async with opened(house) as third:
                await third.send(type="connection_init", payload=mine)
                # Clients come back after this code, and may find that another tab has been closed.
                assert (await third.closed())[0] == 1013
            async with opened(house, init={"token": "token-of-2"}), opened(house, init={}):
                await first.socket.close()
            await until(lambda: house.seats.connections == 1)
            async with opened(house, init=mine):
                pass


async def test_subscriptions_are_counted() -> None:
    limits = Settings(subscriptions_per_connection=2, subscriptions_per_account=3)
    with serving(House(limits)) as house:
        mine = {"token": "token-of-1"}
        async with opened(house, init=mine) as one, opened(house, init=mine) as other:
            await one.subscribe(TICKS, "a")
            await one.subscribe(TICKS, "b")
            assert await refused_subscription(one)
            await other.subscribe(TICKS, "a")
            await house.listened(3)
            assert await refused_subscription(other)
            assert (await other.ask("{ hello }"))["type"] == "next"
            await one.send(type="complete", id="a")
            await house.listened(2)
            await other.subscribe(TICKS, "b")
            await house.listened(3)
        async with opened(house, init=mine) as one:
            await one.subscribe(TICKS)
            await house.listened(1)


async def test_a_flood_is_read_no_faster_than_it_is_answered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(House, "morning", asyncio.Event(), raising=False)
    async with opened(house, init={}) as client, opened(house, init={}) as other:
        flood = asyncio.create_task(_flood(client))
        await until(lambda: House.asleep == 10)
        for _ in range(20):
            assert (await other.ask("{ hello }"))["type"] == "next"
        assert House.asleep == 10
        flood.cancel()
        client.socket.transport.abort()
    # While one more waits nothing is read, not even that the client has gone: the next answer finds that out.
    await house.within(House.morning.set)
    # What was read is forgotten with the connection.
    await until(lambda: house.seats.connections == 0 and House.asleep == 0, seconds=40)


async def _flood(client: Client) -> None:
    for number in range(100_000):
        await client.subscribe("{ sleepUntilMorning }", str(number))


async def test_a_flood_of_pings_leaves_room_for_others(house: House) -> None:
    async with opened(house, init={}) as other:
        with raw(house) as wire:
            await asyncio.get_running_loop().run_in_executor(None, send_without_reading, wire, EMPTY_PING * 500_000)
            for _ in range(20):
                assert (await other.ask("{ hello }"))["type"] == "next"
    await until(lambda: house.seats.connections == 0)


async def test_who_does_not_read_gets_no_more(house: House) -> None:
    async with opened(house, init={}) as other:
        await other.subscribe(TICKS)
        with raw(house) as wire:
            wire.sendall(text_frame({"type": "connection_init"}))
            wire.sendall(text_frame({"type": "subscribe", "id": "1", "payload": {"query": TICKS}}))
            await house.listened(2)
            slow = house.hub.begun[1].sink
            big = message(1, "x" * 50_000)
            taken = 0
            while await house.within(lambda: slow.push(big)):
                taken += 1
                assert taken < 1_000
            # Another is told at once, and this one again when it has read.
            await house.tell(message(2))
            assert (await other.receive())["payload"]["data"]["ticks"] == 2
            room = asyncio.create_task(house.within(slow.room))
            _, waiting = await asyncio.wait([room], timeout=0.1)
            assert waiting
            await asyncio.get_running_loop().run_in_executor(None, read_through, wire, taken * 50_000)
            await room
            assert await house.within(lambda: slow.push(message(3)))


async def test_who_never_reads_is_let_go_though_they_answer_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "PATIENCE", 0.3)
    monkeypatch.setattr(protocol, "PATIENCE", 0.3)
    with serving(House(Settings())) as house:
        with raw(house) as wire:
            wire.sendall(text_frame({"type": "connection_init"}))
            await until(lambda: len(house.people) == 1)
            for number in range(12):
                query = "{ long(size: 2000000) }"
                wire.sendall(text_frame({"type": "subscribe", "id": str(number), "payload": {"query": query}}))
            await until(lambda: house.seats.connections == 0)
        async with httpx2.AsyncClient() as client:
            streaming = {"Accept": "text/event-stream"}
            async with client.stream("POST", house.http_url, json={"query": TICKS}, headers=streaming):
                await house.listened(1)
                sink = house.hub.begun[-1].sink
                for _ in range(300):
                    await house.within(lambda: sink.push(message(1, "x" * 100_000)))
                await until(lambda: house.seats.connections == 0)


async def test_who_does_not_read_is_closed_all_the_same() -> None:
    with serving(House(Settings())) as house, raw(house) as wire:
        wire.sendall(text_frame({"type": "connection_init", "payload": {"token": "token-of-1"}}))
        wire.sendall(text_frame({"type": "subscribe", "id": "1", "payload": {"query": TICKS}}))
        await house.listened(1)
        person, slow = house.hub.begun[0].person, house.hub.begun[0].sink
        while await house.within(lambda: slow.push(message(1, "x" * 50_000))):
            pass
        await house.within(person.end)
        await house.listened(0)
        await until(lambda: house.seats.connections == 0)


# The end


async def test_a_connection_ends_when_what_it_was_opened_with_expires(house: House) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    house.viewers["brief"] = Viewer(user_id=1, session_id=1, expires_at=soon)
    async with opened(house, init={"token": "brief"}) as client:
        await client.subscribe(TICKS)
        await until(lambda: len(house.hub.begun) == 1)
        assert (await client.closed())[0] == 4403
    await house.listened(0)


async def test_a_connection_ends_when_its_person_is_told_to_go(house: House) -> None:
    async with opened(house, init={"token": "token-of-1"}) as client:
        await client.subscribe(TICKS)
        await house.listened(1)
        await house.within(house.hub.begun[0].person.end)
        code, reason = await client.closed()
        assert (code, reason) == (4403, "What proved who you are isn't good any more. Sign in again.")


async def test_an_operation_after_signing_out_ends_the_connection(house: House) -> None:
    for headers in ({}, {"Cookie": "genji=token-of-1", "Origin": f"http://{urlsplit(house.url).netloc}"}):
        payload = {} if headers else {"token": "token-of-1"}
        async with opened(house, init=payload, additional_headers=headers) as client:
            assert (await client.ask("{ hello }"))["type"] == "next"
            gone = house.viewers.pop("token-of-1")
            await client.subscribe("{ hello }")
            assert (await client.closed())[0] == 4403
            house.viewers["token-of-1"] = gone


async def test_when_the_server_goes_clients_are_told_to_come_back() -> None:
    with serving(House(Settings())) as house:
        async with opened(house, init={}) as client, opened(house, init={}) as busy:
            await client.subscribe(TICKS)
            await busy.subscribe("{ sleep(seconds: 30) }")
            await house.listened(1)
            await until(lambda: House.asleep == 1)
            with raw(house) as deaf:
                deaf.sendall(text_frame({"type": "connection_init"}))
                deaf.sendall(text_frame({"type": "subscribe", "id": "1", "payload": {"query": TICKS}}))
                await house.listened(2)
                while all(await house.tell(message(1, "x" * 50_000))):
                    await client.receive()
                house.stop()
                assert (await client.closed())[0] == 1012
                assert (await busy.closed())[0] == 1012
                async with asyncio.timeout(20):
                    await asyncio.get_running_loop().run_in_executor(None, house.ended)


async def test_who_answers_no_ping_is_let_go() -> None:
    # Time enough for the other client, which answers in this thread, whatever else the machine is doing.
    with serving(House(Settings()), ws_ping_interval=0.2, ws_ping_timeout=3) as house:
        async with opened(house, init={}) as client:
            with raw(house) as wire:
                wire.sendall(text_frame({"type": "connection_init"}))
                wire.sendall(text_frame({"type": "subscribe", "id": "1", "payload": {"query": TICKS}}))
                await until(lambda: len(house.hub.begun) == 1)
                await until(lambda: len(house.people) == 1)
                await house.listened(0)
            # While this one is too busy to be read, for longer than that, it isn't taken for dead.
            for number in range(12):
                await client.subscribe(f"{{ sleep(seconds: {4 if number < 10 else 0}) }}", str(number))
            for _ in range(24):
                await client.receive()


async def refused(house: House, **options: Any) -> InvalidStatus:
    with pytest.raises(InvalidStatus) as told:
        async with opened(house, **options):
            pass
    return told.value


async def refused_subscription(client: Client) -> bool:
    answer = await client.ask(TICKS, "refused")
    return bool(answer["payload"][0]["extensions"]["code"] == "TOO_MANY_REQUESTS")

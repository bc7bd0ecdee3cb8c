"""GraphQL over WebSocket, as a client that does it right meets it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLError
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from genji_graphql.http.frames import SocketProtocol
from genji_graphql.settings import Settings
from tests.live.house import TICKS, House, message, opened, serving, until


@pytest.fixture(params=[SocketProtocol, WebSocketsSansIOProtocol], ids=["our frames", "another server"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    House.asleep = House.woken = House.changes = 0
    with serving(House(Settings()), ws=request.param) as house:
        yield house


async def test_a_query_is_answered_and_completed(house: House) -> None:
    async with opened(house, init={}) as client:
        answer = await client.ask("query Greet($name: String!) { hello(name: $name) }", variables={"name": "Genji"})
        assert answer["payload"] == {"data": {"hello": "Hello, Genji!"}}
        assert (await client.ask("{ hello }"))["type"] == "next"  # its id is free again


async def test_a_mutation_is_made(house: House) -> None:
    async with opened(house, init={}) as client:
        assert (await client.ask("mutation { change }"))["payload"] == {"data": {"change": 1}}


async def test_a_subscription_is_told_until_it_is_over(house: House) -> None:
    async with opened(house, init={}) as client:
        await client.subscribe(TICKS, "mine")
        await house.listened(1)
        assert await house.tell(message(1), message(2)) == [True, True]
        for number in (1, 2):
            assert await client.receive() == {"id": "mine", "type": "next", "payload": {"data": {"ticks": number}}}
        await house.within(lambda: next(iter(house.hub.listeners)).sink.complete())
        assert await client.receive() == {"id": "mine", "type": "complete"}
        await until(lambda: (len(house.hub.listeners), house.seats.subscriptions) == (0, 0))


async def test_a_subscription_may_be_over_before_it_has_begun(house: House) -> None:
    async with opened(house, init={}) as client:
        query = "subscription Few($limit: Int) { ticks(limit: $limit) }"
        answer = await client.ask(query, variables={"limit": 1})
        assert answer["payload"] == {"data": {"ticks": 1}}
        assert (await client.ask(query, variables={"limit": 0}))["payload"] == [
            {"message": "Nothing is nothing to wait for."}
        ]
        await until(lambda: house.seats.subscriptions == 0)
        assert not house.hub.listeners


async def test_a_subscriber_that_completes_hears_no_more(house: House) -> None:
    async with opened(house, init={}) as client:
        await client.subscribe(TICKS, "first")
        await client.subscribe(TICKS, "second")
        await house.listened(2)
        await client.send(type="complete", id="first")
        await house.listened(1)
        await house.tell(message(7))
        assert (await client.receive())["id"] == "second"
        assert (await client.ask("{ hello }", "first"))["id"] == "first"


async def test_operations_are_answered_as_they_are_ready(house: House) -> None:
    async with opened(house, init={}) as client:
        await client.subscribe("{ sleep(seconds: 20) }", "slow")
        assert (await client.ask("{ hello }", "quick"))["payload"]["data"]["hello"]
        await client.send(type="complete", id="slow")
        await until(lambda: House.woken == 1)


@pytest.mark.parametrize("later", ["{ hello }", "mutation { change }"])
async def test_what_is_sent_after_a_subscription_is_done_once_that_has_begun(house: House, later: str) -> None:
    house.hub.is_open.clear()
    async with opened(house, init={}) as client:
        await client.subscribe(TICKS, "first")
        await client.subscribe(later, "second")
        await client.send(type="ping")
        assert await client.receive() == {"type": "pong"}
        # A mistake waits for nobody: whatever else is ready by now has been answered before it.
        await client.subscribe("{", "third")
        assert (await client.receive())["id"] == "third"
        assert House.changes == 0
        await house.within(house.hub.is_open.set)
        assert (await client.receive())["id"] == "second"
        assert len(house.hub.listeners) == 1


async def test_what_waits_for_a_subscription_waits_no_more_when_that_is_not_wanted(house: House) -> None:
    house.hub.is_open.clear()
    async with opened(house, init={}) as client:
        await client.subscribe(TICKS, "first")
        await client.subscribe("{ hello }", "second")
        await client.subscribe("{ hello }", "third")
        await client.send(type="complete", id="second")
        await client.send(type="complete", id="first")
        assert (await client.receive())["id"] == "third"


async def test_what_waits_for_a_subscription_that_does_not_begin_is_told_so_and_not_done() -> None:
    House.changes = 0

    async def begin(*_: Any) -> list[GraphQLError]:
        return [GraphQLError("", original_error=ConnectionRefusedError(111, "Connect call failed"))]

    with serving(House(Settings().model_copy(update={"deadline": 0.5}))) as house:
        house.hub.begin = begin  # type: ignore[assignment] # whatever it is given
        async with opened(house, init={}) as client:
            await client.subscribe(TICKS, "first")
            answer = await client.ask("mutation { change }", "second")
            assert answer["payload"][0]["extensions"]["code"] == "TIMEOUT"
        await until(lambda: house.seats.connections == 0)
    assert House.changes == 0


async def test_a_change_that_waits_for_a_subscription_is_made_though_its_client_leaves(house: House) -> None:
    house.hub.is_open.clear()
    async with opened(house, init={}) as client:
        await client.subscribe(TICKS, "first")
        await client.subscribe("mutation { change }", "second")
        await client.send(type="ping")
        assert await client.receive() == {"type": "pong"}
    await until(lambda: House.changes == 1)
    await until(lambda: house.seats.connections == 0)


async def test_whoever_has_as_many_answered_as_may_be_can_give_one_up_and_leave(house: House) -> None:
    async with opened(house, init={}) as client:
        for number in range(10):
            await client.subscribe("{ sleep(seconds: 60) }", str(number))
        await until(lambda: House.asleep == 10)
        await client.send(type="ping")
        assert await client.receive() == {"type": "pong"}
        await client.send(type="complete", id="3")
        await until(lambda: House.woken == 1)
        await client.subscribe("{ sleep(seconds: 60) }", "3")
        await until(lambda: House.asleep == 10)
    await until(lambda: House.woken == 11)


async def test_a_change_is_made_though_whoever_asked_for_it_left(house: House) -> None:
    async with opened(house, init={}) as client:
        await client.subscribe("mutation { change(seconds: 0.3) }", "1")
        await client.subscribe("mutation { change(seconds: 0.3) }", "2")
        await client.subscribe("{ sleep(seconds: 20) }", "3")
        await until(lambda: House.asleep == 1)
        await client.send(type="complete", id="1")
    await until(lambda: House.changes == 2)
    await until(lambda: house.seats.connections == 0)
    assert House.woken == 1


async def test_ping_is_answered_with_pong(house: House) -> None:
    async with opened(house) as client:
        await client.send(type="ping", payload={"at": 1})
        assert await client.receive() == {"type": "pong"}
        await client.init()
        await client.send(type="pong")
        assert (await client.ask("{ hello }"))["type"] == "next"


async def test_a_mistake_in_an_operation_is_told_to_it_alone(house: House) -> None:
    async with opened(house, init={}) as client:
        await client.subscribe(TICKS, "bystander")
        for query in ("{ hello", "{ unknown }", "{ hello } query Other { hello }", "query ($a: Int!) { hello }"):
            answer = await client.ask(query, "mistaken")
            assert answer["type"] == "error", answer
            assert answer["payload"][0]["message"]
        assert (await client.ask("{ refused }"))["payload"]["errors"][0]["message"] == "Not like this."
        await house.tell(message(1))
        assert (await client.receive())["id"] == "bystander"


async def test_a_fault_of_ours_is_told_by_its_id(house: House) -> None:
    async with opened(house, init={}) as client:
        payload = (await client.ask("{ broken }"))["payload"]
        assert payload["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert "hunter2" not in str(payload)


async def test_who_says_nothing_of_themselves_is_nobody(house: House) -> None:
    async with opened(house) as client:
        assert await client.init() == {"type": "connection_ack", "payload": {}}
        await client.subscribe(TICKS)
        await house.listened(1)
        assert house.hub.begun[0].person.viewer.is_anonymous


async def test_a_token_says_who_is_there(house: House) -> None:
    for number, payload in enumerate(
        ({"authorization": "Bearer token-of-3"}, {"Authorization": "bearer token-of-3"}, {"token": "token-of-3"})
    ):
        async with opened(house, init=payload) as client:
            await client.subscribe(TICKS)
            await until(lambda expected=number + 1: len(house.hub.begun) == expected)  # type: ignore[misc]
            person = house.hub.begun[-1].person
            assert (person.viewer.user_id, person.token) == (3, "token-of-3")
    async with opened(house, init={}, additional_headers={"Authorization": "Bearer token-of-4"}) as client:
        await client.subscribe(TICKS)
        await until(lambda: len(house.hub.begun) == 4)
        assert house.hub.begun[-1].person.viewer.user_id == 4


async def test_everybody_is_known_while_they_are_here(house: House) -> None:
    async with opened(house, init={}), opened(house, init={}):
        assert len(house.people) == 2
    await until(lambda: (len(house.people), house.seats.connections) == (0, 0))


async def test_a_long_answer_comes_whole(house: House) -> None:
    async with opened(house, init={}) as client:
        answer = await client.ask("{ long(size: 3000000) }")
        assert len(answer["payload"]["data"]["long"]) == 3_000_000


async def test_many_subscribers_hear_the_same(house: House) -> None:
    async with asyncio.TaskGroup() as group:
        heard = [group.create_task(_hear(house, number)) for number in range(30)]
        await house.listened(30)
        await house.tell(*[message(number, "源氏" * number) for number in range(100)])
    assert all(task.result() == list(range(100)) for task in heard)


async def _hear(house: House, number: int) -> list[int]:
    async with opened(house, init={}) as client:
        await client.subscribe(TICKS, f"name of {number % 15}")
        return [(await client.receive())["payload"]["data"]["ticks"] for _ in range(100)]

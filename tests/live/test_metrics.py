"""What an operator sees of the live system, and who else does."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.engine import URL
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.typing import Subprotocol

from genji_graphql.access.viewer import ANONYMOUS
from tests.annotating.room import Room, id_of
from tests.command import genji_command, running
from tests.conftest import connect, execute
from tests.live.listening import PATIENCE, Audience, Ear, at_work, settled

ADDED = "subscription ($document: ID) { annotationAdded(document: $document) { annotation { id } } }"

Metrics = dict[str, float]


def read(text: str) -> Metrics:
    """By name; of a histogram, with its step, and of what is counted by source, with that."""
    return {
        " ".join(
            [sample.name, *(sample.labels[name] for name in ("le", "source") if name in sample.labels)]
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def metrics_of(app: FastAPI) -> Metrics:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app.state.metrics), base_url="http://genji") as http:
        response = await http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    return read(response.text)


async def until(app: FastAPI, hold: Callable[[Metrics], bool]) -> Metrics:
    async with asyncio.timeout(PATIENCE):
        while not hold(metrics := await metrics_of(app)):  # noqa: ASYNC110 - what changes is asked for
            await asyncio.sleep(0.01)
    return metrics


async def test_what_was_read_and_delivered_is_counted_and_nothing_was_dropped(
    room: Room, audience: Audience, database: URL
) -> None:
    app = room.service.app
    await settled(database)
    before = await metrics_of(app)
    ears = [await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document)) for _ in range(3)]
    for _ in range(4):
        await room.note()
    for ear in ears:
        await ear.hears(4)

    told = await until(app, lambda metrics: metrics["genji_delivery_seconds_count"] == 4)
    assert told["genji_events_read_total log"] - before["genji_events_read_total log"] == 4
    assert told["genji_deliveries_total"] == 12
    assert told["genji_delivery_seconds_bucket +Inf"] == 4
    assert told["genji_delivery_seconds_sum"] > 0
    assert told["genji_events_dropped_total"] == told["genji_overflows_total"] == 0
    assert told["genji_database_up"] == told["genji_info"] == 1
    assert told["process_resident_memory_bytes"] > 0


async def test_a_subscriber_that_cannot_keep_up_is_counted(room: Room, audience: Audience) -> None:
    ear = await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document), ear=Ear(room=1))
    for _ in range(3):
        await room.note()
    await until(room.service.app, lambda metrics: metrics["genji_overflows_total"] > 0)
    ear.make_room(10)
    await ear.hears(3)
    await until(room.service.app, lambda metrics: metrics["genji_deliveries_total"] == 3)


async def test_a_write_transaction_held_open_delays_events_behind_it_loses_none_and_is_shown(
    room: Room, audience: Audience, database: URL
) -> None:
    app = room.service.app
    first = await room.note()
    await settled(database)
    ear = await audience.listen(
        "subscription ($where: AnnotationEventWhere!) { annotationEvents(where: $where) { __typename cursor } }",
        ANONYMOUS,
        where={"document": id_of(room.document)},
    )
    held: asyncpg.Connection = await connect(database)
    transaction = held.transaction()
    await transaction.start()
    other = """UPDATE app.annotations SET body = '{"type": "TextualBody", "value": "Another."}' WHERE id = $1"""
    await held.execute(other, first["databaseId"])

    for _ in range(3):
        await room.note()
    shown = await until(app, lambda metrics: metrics["genji_log_lag_seconds"] > 0.3)
    assert shown["genji_oldest_write_seconds"] > shown["genji_log_lag_seconds"]
    assert ear.told == []

    # Others write on the same server, and who was the oldest before may have ended.
    await until(
        app,
        lambda metrics: all(
            metrics[name] > shown[name] for name in ("genji_log_lag_seconds", "genji_oldest_write_seconds")
        ),
    )
    assert ear.told == []

    await transaction.commit()
    await held.close()
    events = await ear.hears(4)
    assert [event["__typename"] for event in events] == ["AnnotationUpdated", *["AnnotationCreated"] * 3]
    after = await until(app, lambda metrics: metrics["genji_log_lag_seconds"] == 0)
    assert after["genji_delivery_seconds_bucket +Inf"] == 4
    # How long they had to wait is seen afterwards, too.
    assert after["genji_delivery_seconds_sum"] > shown["genji_log_lag_seconds"]


async def test_while_nobody_listens_nothing_lags(room: Room) -> None:
    async with at_work(room.service.app):
        await room.note()
        assert (await metrics_of(room.service.app))["genji_log_lag_seconds"] == 0


async def test_a_writer_elsewhere_on_the_database_server_is_shown_as_well(
    room: Room, server: URL, database: URL, audience: Audience
) -> None:
    await audience.listen(ADDED, ANONYMOUS, document=id_of(room.document))
    elsewhere: asyncpg.Connection = await connect(server)
    transaction = elsewhere.transaction()
    await transaction.start()
    number = int(await elsewhere.fetchval("SELECT pg_current_xact_id()::text"))
    here: asyncpg.Connection = await connect(database)
    assert int(await here.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")) <= number
    await here.close()
    await until(room.service.app, lambda metrics: metrics["genji_oldest_write_seconds"] > 0)
    await transaction.rollback()
    await elsewhere.close()


async def test_without_its_database_a_process_still_tells_the_rest(room: Room, server: URL, database: URL) -> None:
    app = room.service.app
    await execute(server, f'ALTER DATABASE "{database.database}" ALLOW_CONNECTIONS false')
    metrics = await metrics_of(app)
    await execute(server, f'ALTER DATABASE "{database.database}" ALLOW_CONNECTIONS true')
    assert metrics["genji_database_up"] == 0
    assert metrics["genji_events_dropped_total"] == 0
    assert "genji_log_lag_seconds" not in metrics


async def socket_at(address: str) -> ClientConnection:
    socket = await open_socket(
        address.replace("http:", "ws:"), subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None
    )
    await socket.send(json.dumps({"type": "connection_init"}))
    assert json.loads(await socket.recv())["type"] == "connection_ack"
    return socket


async def test_each_worker_tells_its_own_where_only_metrics_are_told(database: URL) -> None:
    with running("--workers", "2", url=database, GENJI_METRICS_PORT="0") as (process, address):
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        places = [line.split()[-1] for line in lines]
        sockets = [await socket_at(address) for _ in range(40)]

        counts = [read(httpx2.get(place, timeout=60).text)["genji_connections"] for place in places]
        assert sum(counts) == 40
        assert min(counts) > 0

        site, metrics = address.removesuffix("/graphql"), places[0].removesuffix("/metrics")
        assert httpx2.get(f"{site}/metrics", timeout=60).status_code == 404
        assert httpx2.post(f"{metrics}/graphql", json={"query": "{ __typename }"}, timeout=60).status_code == 404
        assert httpx2.get(f"{metrics}/health", timeout=60).status_code == 404
        with pytest.raises(Exception, match="403"):
            await socket_at(f"{metrics}/graphql")
        for socket in sockets:
            await socket.close()


def test_metrics_have_a_port_of_their_own() -> None:
    ended: Any = genji_command("run", "--port", "1", GENJI_HOST="127.0.0.2", GENJI_METRICS_PORT="1")
    assert ended.returncode == 1
    assert "GENJI_METRICS_PORT" in ended.stderr

"""What Prometheus is told of one process, at an address of its own: not where the site is, but where an operator looks.

Each process counts for itself, in plain numbers (`live/tally.py`), of which these are made when somebody asks.
"""

import asyncio
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from genji_graphql import __version__
from genji_graphql.http.seats import Seats
from genji_graphql.live.live import Lags, Live
from genji_graphql.live.reader import Reader
from genji_graphql.live.tally import STEPS, Tally

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds that the database has to answer."""


def metrics_app(live: Live, seats: Seats) -> ASGIApp:
    """Answers GET /metrics, and nothing else."""
    process = CollectorRegistry()
    ProcessCollector(registry=process)
    PlatformCollector(registry=process)
    GCCollector(registry=process)

    async def metrics(request: Request) -> Response:
        told = _Told(
            [
                *_of_process(),
                *_of_connections(seats),
                *_of_reader(live.reader),
                *_of_tally(live.tally),
                *_of_lags(await _lags(live)),
            ],
            process,
        )
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(told), media_type=content_type, headers={"Cache-Control": "no-store"})

    return Starlette(routes=[Route("/metrics", metrics)])


class Doors:
    """What comes to the port of the metrics goes to them; what comes to any other never does."""

    def __init__(self, port: int, metrics: ASGIApp, application: ASGIApp) -> None:
        self._port = port
        self._metrics = metrics
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server = scope.get("server")
        behind = self._metrics if server is not None and server[1] == self._port else self._application
        await behind(scope, receive, send)


class _Told(CollectorRegistry):
    """What is told once."""

    def __init__(self, families: Sequence[Metric], process: Collector) -> None:
        super().__init__()
        self._families = families
        self._process = process

    def collect(self) -> Iterator[Metric]:
        yield from self._families
        yield from self._process.collect()


async def _lags(live: Live) -> Lags | None:
    """None where the database doesn't answer."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await live.lags()
    except Exception:
        log.debug("The database wasn't there to be asked for metrics.", exc_info=True)
        return None


def _of_process() -> Iterable[Metric]:
    info = GaugeMetricFamily("genji_info", "Which process this is, and of which version.", labels=["pid", "version"])
    info.add_metric([str(os.getpid()), __version__], 1)
    yield info


def _of_connections(seats: Seats) -> Iterable[Metric]:
    yield _gauge("connections", "WebSockets and streams of events that are open.", seats.connections)
    yield _gauge("subscriptions", "Subscriptions that are open.", seats.subscriptions)


def _of_reader(reader: Reader) -> Iterable[Metric]:
    yield _gauge("relay_up", "1 while this process is told by Redis what happens.", reader.is_led)
    yield _gauge("relay_leading", "1 while this process is the one that tells Redis.", reader.is_leading)


def _of_tally(tally: Tally) -> Iterable[Metric]:
    read = CounterMetricFamily("genji_events_read", "Events that were read, by where from.", labels=["source"])
    read.add_metric(["log"], tally.read)
    read.add_metric(["relay"], tally.relayed)
    yield read
    yield _counter("deliveries", "Events that were handed to a subscription's connection.", tally.delivered)
    sums = list(accumulate(tally.latencies))
    yield HistogramMetricFamily(
        "genji_delivery_seconds",
        "From when an event was written until all who are told it alike were handed it.",
        buckets=[*zip(map(floatToGoString, STEPS), sums, strict=False), ("+Inf", sums[-1])],
        sum_value=tally.latency,
    )
    yield _counter("overflows", "How often a subscriber couldn't keep up and went back to the log.", tally.overflows)
    yield _counter("slow_consumers", "Subscriptions that were ended with SLOW_CONSUMER.", tally.given_up)
    # There is no way to lose one: whoever can't be told reads the log.
    yield _counter("events_dropped", "Events that were lost. Always 0.", 0)
    if tally.looked_at is not None:
        looked = tally.looked_at.timestamp()
        yield _gauge("log_looked_at_seconds", "When the log was last looked at, in seconds of Unix time.", looked)


def _of_lags(lags: Lags | None) -> Iterable[Metric]:
    yield _gauge("database_up", "1 where the database answered.", lags is not None)
    if lags is not None:
        yield _gauge("log_lag_seconds", "Since when the oldest event waits that isn't told yet.", lags.untold)
        yield _gauge(
            "oldest_write_seconds",
            "Since when the oldest writing transaction of the database server is open. Later events wait for it.",
            lags.writing,
        )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"genji_{name}", text, value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"genji_{name}", text, value)

"""`./dev bench [NAME …] [OPTIONS]`: run the measurements of these names, or all."""

import asyncio
import signal
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from benchmarks import anchoring, importing, memory, writing
from benchmarks.live import run as live
from benchmarks.live import writers
from benchmarks.serving import growth
from benchmarks.serving import run as serving
from benchmarks.stopped import Stopped
from genji_graphql import embedded
from genji_graphql.settings import Settings

BENCHMARKS: dict[str, Callable[[URL, Namespace], Coroutine[Any, Any, bool]]] = {
    "import": lambda server, _: importing.measure(server),
    "memory": lambda server, _: memory.measure(server),
    "writing": lambda server, _: writing.measure(server),
    "anchoring": lambda server, _: anchoring.measure(server),
    "live": live.measure,
    "live-writing": writers.measure,
    "serving": serving.measure,
    "growth": growth.measure,
}

_READING = {"serving", "growth"}
"""Those that only read what they loaded: a server that may lose its data loads them faster."""


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_intermixed_args(arguments)
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    # As Ctrl-C does, so that all the servers that were started are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    held = []
    for name in options.names or BENCHMARKS:
        with _server(durable=name not in _READING) as url:
            try:
                held.append(asyncio.run(BENCHMARKS[name](url, options)))
            except Stopped as reason:
                print(f"{name}: {reason}", file=sys.stderr)
                held.append(False)
    return 0 if all(held) else 1


def _parser() -> ArgumentParser:
    parser = ArgumentParser("./dev bench", description="Measure. Ends with 1 where something owed isn't reached.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all unless told")
    serving.add_options(parser.add_argument_group("serving and growth"))
    live.add_options(parser.add_argument_group("live"))
    growth.add_options(parser.add_argument_group("growth"))
    return parser


@contextmanager
def _server(*, durable: bool) -> Iterator[URL]:
    """The server of the environment, or an embedded one that is thrown away afterwards."""
    settings = Settings()
    if not settings.uses_embedded_database:
        yield settings.sqlalchemy_url
        return
    with tempfile.TemporaryDirectory(prefix="genji-bench-") as folder:
        Path(folder).chmod(0o755)
        with embedded.running(Path(folder), durable=durable) as url:
            yield url


sys.exit(main(sys.argv[1:]))

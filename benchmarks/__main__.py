"""`./dev bench [NAME …]`: run the measurements of these names, or all."""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from benchmarks import importing, memory
from genji_graphql import embedded
from genji_graphql.settings import Settings

BENCHMARKS: dict[str, Callable[[URL], Coroutine[Any, Any, bool]]] = {
    "import": importing.measure,
    "memory": memory.measure,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    with _server() as url:
        held = [asyncio.run(BENCHMARKS[name](url)) for name in names or BENCHMARKS]
    return 0 if all(held) else 1


@contextmanager
def _server() -> Iterator[URL]:
    """The server of the environment, or an embedded one that is thrown away afterwards."""
    settings = Settings()
    if not settings.uses_embedded_database:
        yield settings.sqlalchemy_url
        return
    with tempfile.TemporaryDirectory(prefix="genji-bench-") as folder:
        Path(folder).chmod(0o755)
        with embedded.running(Path(folder)) as url:
            yield url


sys.exit(main(sys.argv[1:]))

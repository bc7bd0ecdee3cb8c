"""What a proxy says of the client that it speaks for."""

from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_SAID = {b"x-forwarded-for", b"x-forwarded-proto"}


class Forwarded(ProxyHeadersMiddleware):
    """Uvicorn's, which looks first whether the client is a proxy that it trusts. Most say nothing to be believed."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if _SAID.isdisjoint(dict(scope.get("headers", ()))):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

"""A CAS server for tests, which listens on this machine and can be told to misbehave."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

XMLNS = "xmlns:cas='http://www.yale.edu/tp/cas'"
FAILURE = f"""<cas:serviceResponse {XMLNS}>
  <cas:authenticationFailure code="INVALID_TICKET">Ticket not recognized</cas:authenticationFailure>
</cas:serviceResponse>"""
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def success(user: str, inside: str = "") -> str:
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<cas:serviceResponse {XMLNS}><cas:authenticationSuccess>"
        f"<cas:user>{user}</cas:user>{inside}</cas:authenticationSuccess></cas:serviceResponse>"
    )


class CasServer:
    """Speaks CAS 2 and 3: a ticket is good for one service and once."""

    def __init__(self) -> None:
        self.tickets: dict[str, tuple[str, str, dict[str, str | list[str]]]] = {}
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.port = 0
        self.answer: Answer | None = None
        """How it answers instead, when it means no good."""

    def give(
        self, user: str, ticket: str = "ST-1", service: str = "http://127.0.0.1:8000/sign-in", **attributes: Any
    ) -> str:
        self.tickets[ticket] = (service, user, attributes)
        return ticket

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode()
            url = urlsplit(line.split()[1])
            self.asked.append((url.path, parse_qs(url.query)))
            if self.answer is not None:
                await self.answer(writer)
            elif url.path.endswith("/login"):
                service = parse_qs(url.query)["service"][0]
                ticket = next(iter(self.tickets))
                writer.write(http(b"", "302 Found", f"Location: {service}?ticket={ticket}"))
            else:
                writer.write(http(self.validate(url.path, parse_qs(url.query))))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def validate(self, path: str, query: dict[str, list[str]]) -> bytes:
        service, user, attributes = self.tickets.pop(query["ticket"][0], (None, "", {}))
        if service != query["service"][0]:
            return FAILURE.encode()
        told = ""
        if path.endswith("/p3/serviceValidate"):
            pairs = [
                (name, one)
                for name, value in attributes.items()
                for one in ([value] if isinstance(value, str) else value)
            ]
            told = "".join(f"<cas:{name}>{escape(value)}</cas:{name}>" for name, value in pairs)
            told = f"<cas:attributes>{told}</cas:attributes>"
        return success(escape(user), told).encode()


def http(body: bytes, head: str = "200 OK", *more: str) -> bytes:
    lines = [f"HTTP/1.1 {head}", f"Content-Length: {len(body)}", "Connection: close", *more, "", ""]
    return "\r\n".join(lines).encode() + body


def says(body: str | bytes, head: str = "200 OK", *more: str) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(http(body.encode() if isinstance(body, str) else body, head, *more))

    return answer

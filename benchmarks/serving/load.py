"""Puts load on a server, and costs next to nothing itself: `python -m benchmarks.serving.load`.

The clients of asyncio cost more than the servers that are measured here, and on the same machine what they take is
missing there. So this is one loop over raw sockets that stay open: the bytes of the request are made beforehand, a
response is read into one buffer until it is as long as it says, and of each request only two moments are kept.

It reads a task a line from its standard input, as JSON, and answers each with a line.
"""

import json
import select
import socket
import sys
from resource import RUSAGE_SELF, getrusage
from time import perf_counter

BUFFER = 4_000_000
CHUNK = 1 << 18
PATIENCE = 60.0


class Failure(Exception):
    """What makes a figure worthless: an error, or a response that isn't the one expected."""


class Client:
    """One connection, with one request under way at a time."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK * 4)
        self.began = 0.0
        self.missing = -1  # bytes of the response that haven't come yet; -1 before the first


def drive(
    address: tuple[str, int], request: bytes, *, clients: int, seconds: float, length: int | None
) -> dict[str, object]:
    """Ask with so many clients for so long, and let the last requests be answered. `length` is that of each body."""
    poll = select.epoll()
    connected: dict[int, Client] = {}
    try:
        for _ in range(clients):
            client = Client(address)
            connected[client.socket.fileno()] = client
            poll.register(client.socket, select.EPOLLIN)
        return _drive(poll, connected, request, seconds, length)
    finally:
        poll.close()
        for client in connected.values():
            client.socket.close()


def _drive(
    poll: select.epoll, connected: dict[int, Client], request: bytes, seconds: float, length: int | None
) -> dict[str, object]:
    buffer = bytearray(BUFFER)
    view = memoryview(buffer)
    taken: list[float] = []
    before, began = getrusage(RUSAGE_SELF), perf_counter()
    end = began + seconds
    for client in connected.values():
        client.began = perf_counter()
        client.socket.send(request)
    waiting = len(connected)
    while waiting:
        events = poll.poll(PATIENCE)
        if not events:
            raise Failure(f"No answer came within {PATIENCE:g} seconds.")
        for descriptor, _ in events:
            client = connected[descriptor]
            received = client.socket.recv_into(view)
            if not received:
                raise Failure("The server closed a connection.")
            if client.missing < 0:
                client.missing = _rest(buffer, received, length)
            else:
                client.missing -= received
            if client.missing:
                continue
            now = perf_counter()
            taken.append(now - client.began)
            client.missing = -1
            if now < end:
                client.began = now
                client.socket.send(request)
            else:
                waiting -= 1
    elapsed = perf_counter() - began
    after = getrusage(RUSAGE_SELF)
    taken.sort()
    return {
        "requests": len(taken),
        "rate": len(taken) / elapsed,
        "p50": taken[len(taken) // 2],
        "p99": taken[min(len(taken) - 1, len(taken) * 99 // 100)],
        "elapsed": elapsed,
        "cpu": after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime,
    }


def _rest(buffer: bytearray, received: int, length: int | None) -> int:
    """How much of a response is missing, whose beginning has come."""
    if buffer[:12] != b"HTTP/1.1 200":
        raise Failure(f"The server answered {bytes(buffer[:200])!r}.")
    head = buffer.find(b"\r\n\r\n", 0, received)
    if head < 0:
        raise Failure("The head of a response came in pieces.")
    named = buffer[:head].lower().find(b"content-length:")
    if named < 0:
        raise Failure("A response doesn't say how long it is.")
    told = int(buffer[named + 15 : buffer.find(b"\r", named)])
    if length is not None and told != length:
        raise Failure(f"A response has {told} bytes instead of {length}.")
    missing = head + 4 + told - received
    if missing < 0:
        raise Failure("A response is longer than it says.")
    return missing


def main() -> None:
    for line in sys.stdin:
        task = json.loads(line)
        try:
            answer = drive(
                (task["host"], task["port"]),
                task["request"].encode(),
                clients=task["clients"],
                seconds=task["seconds"],
                length=task["length"],
            )
        except (Failure, OSError) as failure:
            answer = {"failure": str(failure)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

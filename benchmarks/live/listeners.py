"""Those who listen: `python -m benchmarks.live.listeners`.

A thousand WebSockets in one loop over raw sockets, since a client that parses what it is sent costs more than the
server that is measured, on the same machine. All are sent the same bytes but for a head, so of each note only the first
frame is looked at, and the others are compared with it. Each listener must get every note, in the one order that all
others got them in.

It reads a task a line from its standard input, as JSON, and answers each with a line.
"""

import json
import re
import resource
import select
import socket
import sys
from array import array
from bisect import bisect_right
from math import inf
from resource import RUSAGE_SELF, getrusage
from time import monotonic, monotonic_ns
from typing import Any

PATIENCE = 60.0
"""Seconds for what must come: a handshake, an acknowledgement."""
LATE = 250_000_000
"""Nanoseconds after which a note is late."""
QUIET = 5.0
"""Seconds without anything after which nothing more is waited for."""
_AT_ONCE = 100
"""Connections that are opened at a time."""
_BUFFER = 1 << 18
_STAMP = re.compile(rb"@(\d+)@(\d+)@")
_TEXT, _PING = 0x81, 0x89

_HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


class Failure(Exception):
    """What makes a figure worthless: a refusal, a connection that was closed, a frame that isn't expected."""


class Listener:
    """One connection with one subscription."""

    __slots__ = ("heard", "rest", "socket")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(PATIENCE)
        self.heard = 0
        self.rest = b""
        """The beginning of a frame whose end hasn't come."""

    def say(self, message: dict[str, Any]) -> None:
        self.socket.sendall(masked(0x81, json.dumps(message).encode()))

    def shake_hands(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (data := self.socket.recv(_BUFFER)):
                raise Failure("The server closed a connection before it was a WebSocket.")
            head += data
        if not head.startswith(b"HTTP/1.1 101"):
            raise Failure(f"The server answered {head[:300]!r}.")

    def hear(self) -> bytes:
        """The next text. What comes with it is kept."""
        while True:
            frames, self.rest = frames_in(self.rest)
            if frames:
                opcode, text = frames[0]
                self.rest = b"".join(_framed(*frame) for frame in frames[1:]) + self.rest
                if opcode == _TEXT:
                    return text
                self.answer(opcode, text)
            else:
                data = self.socket.recv(_BUFFER)
                if not data:
                    raise Failure("The server closed a connection.")
                self.rest += data

    def answer(self, opcode: int, payload: bytes) -> None:
        if opcode != _PING:
            raise Failure(f"A frame of the kind {opcode:#x} came: {payload!r}.")
        self.socket.sendall(masked(0x8A, payload))


def masked(opcode: int, payload: bytes) -> bytes:
    """A frame as a client sends it. A mask of zeros changes nothing."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes((opcode,)) + length + b"\0\0\0\0" + payload


def _framed(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    return bytes((opcode,)) + (bytes((size,)) if size < 126 else b"\x7e" + size.to_bytes(2, "big")) + payload


def frames_in(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The whole frames that a server sent, and the beginning of the next."""
    frames, place = [], 0
    while len(data) - place >= 2:
        size, begin = data[place + 1], place + 2
        if size == 126:
            size, begin = int.from_bytes(data[begin : begin + 2], "big"), begin + 2
        elif size == 127:
            size, begin = int.from_bytes(data[begin : begin + 8], "big"), begin + 8
        if begin > len(data) or begin + size > len(data):
            break
        frames.append((data[place], data[begin : begin + size]))
        place = begin + size
    return frames, data[place:]


class Listeners:
    """All of them."""

    def __init__(self) -> None:
        self.by_descriptor: dict[int, Listener] = {}
        self.poll = select.epoll()
        self._was_pinged = False
        """Was there a ping in what was read last? Each must be answered, however alike they are."""

    def open(self, port: int, tokens: list[str], payload: dict[str, Any]) -> dict[str, Any]:
        """Connect, one for each session, and subscribe."""
        began = monotonic()
        for place in range(0, len(tokens), _AT_ONCE):
            some = [(Listener(("127.0.0.1", port)), token) for token in tokens[place : place + _AT_ONCE]]
            for listener, _ in some:
                listener.socket.sendall(_HANDSHAKE)
            for listener, token in some:
                listener.shake_hands()
                listener.say({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
            for listener, _ in some:
                if b'"connection_ack"' not in (text := listener.hear()):
                    raise Failure(f"In place of an acknowledgement came {text!r}.")
                listener.say({"id": "1", "type": "subscribe", "payload": payload})
                self._add(listener)
            self._attend()
        return {"opened": len(self.by_descriptor), "seconds": monotonic() - began}

    def _add(self, listener: Listener) -> None:
        if listener.rest:
            raise Failure(f"Before anything was asked for came {listener.rest!r}.")
        listener.socket.setblocking(False)
        self.by_descriptor[listener.socket.fileno()] = listener
        self.poll.register(listener.socket, select.EPOLLIN)

    def _attend(self) -> None:
        """Answer the pings of those who came first, who are let go otherwise."""
        for descriptor, _ in self.poll.poll(0):
            listener = self.by_descriptor[descriptor]
            data = listener.socket.recv(_BUFFER)
            if not data:
                raise Failure("The server closed a connection while others came.")
            _, listener.rest = self._read(listener, listener.rest + data)

    def close(self) -> dict[str, Any]:
        for listener in self.by_descriptor.values():
            listener.socket.close()
        self.by_descriptor.clear()
        return {}

    def rest(self, seconds: float) -> dict[str, Any]:
        """Be there, and hear nothing."""
        heard = self._listen(monotonic() + seconds, 0, 1, 0.0, 0.0)
        if heard["heard"]:
            raise Failure("Something was told though nothing happened.")
        return heard

    def listen(self, first: int, notes: int, seconds: float, grace: float) -> dict[str, Any]:
        """Hear the notes of these numbers: for as long as they are written, and then until nothing comes any more, but
        not for longer than the grace.
        """
        return self._listen(monotonic() + seconds, first, notes, QUIET, grace)

    def probe(self, number: int, seconds: float) -> dict[str, Any]:
        """How many hear the note of this number, written to find out who listens already."""
        return {"heard": self._listen(monotonic() + seconds, number, 1, 1.0, 1.0)["heard"]}

    def _listen(self, end: float, first: int, notes: int, quiet: float, grace: float) -> dict[str, Any]:
        by_descriptor, poll = self.by_descriptor, self.poll
        for listener in by_descriptor.values():
            listener.heard = 0
        order: list[int] = []
        taken = array("q")
        strangers = astray = 0
        expected = notes * len(by_descriptor)
        last_data = b""
        last_stamps: list[tuple[int, int]] = []
        before = getrusage(RUSAGE_SELF)
        began = monotonic()
        heard_at, counted = end, 0
        while len(taken) < expected:
            events = poll.poll(0.1)
            if monotonic() > min(max(end, heard_at + quiet), end + grace):
                break
            for descriptor, _ in events:
                listener = by_descriptor[descriptor]
                data = listener.socket.recv(_BUFFER)
                now = monotonic_ns()
                if not data:
                    raise Failure("The server closed a connection.")
                if listener.rest:
                    data, listener.rest = listener.rest + data, b""
                if data == last_data:
                    stamps = last_stamps
                else:
                    stamps, listener.rest = self._read(listener, data)
                    if not listener.rest and not self._was_pinged:
                        last_data, last_stamps = data, stamps
                for number, nanoseconds in stamps:
                    if not first <= number < first + notes:
                        strangers += 1
                        continue
                    heard = listener.heard
                    listener.heard = heard + 1
                    if heard == len(order):
                        order.append(number)
                    elif order[heard] != number:
                        astray += 1
                    taken.append(now - nanoseconds)
            if len(taken) > counted:
                heard_at, counted = monotonic(), len(taken)
        after = getrusage(RUSAGE_SELF)
        elapsed = monotonic() - began
        return {
            "heard": len(taken),
            "expected": expected,
            "astray": astray + (len(order) - len(set(order))),
            "strangers": strangers,
            "elapsed": elapsed,
            "cpu": after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime,
            **_times(taken, expected),
        }

    def _read(self, listener: Listener, data: bytes) -> tuple[list[tuple[int, int]], bytes]:
        """The stamps of the notes that came, and the beginning of a frame whose end hasn't."""
        frames, rest = frames_in(data)
        stamps = []
        self._was_pinged = False
        for opcode, text in frames:
            if opcode != _TEXT:
                listener.answer(opcode, text)
                self._was_pinged = True
            elif found := _STAMP.search(text):
                stamps.append((int(found[1]), int(found[2])))
            else:
                raise Failure(f"This came: {text[:500]!r}.")
        return stamps, rest


def _times(taken: "array[int]", expected: int) -> dict[str, float]:
    """Of the deliveries, in milliseconds, what never came being last; and how many were in time."""
    ordered = sorted(taken)

    def after(share: float) -> float:
        place = min(expected - 1, int(expected * share))
        return ordered[place] / 1e6 if place < len(ordered) else inf

    return {"in_time": bisect_right(ordered, LATE), "p50": after(0.5), "p99": after(0.99), "most": after(1.0)}


def main() -> None:
    # Each listener is an open file, and the usual limit is 1,024.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    listeners = Listeners()
    for line in sys.stdin:
        task = json.loads(line)
        try:
            answer = getattr(listeners, task.pop("do"))(**task)
        except (Failure, OSError) as failure:
            answer = {"failure": str(failure) or type(failure).__name__}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

"""What goes over the wire, seen from a bare socket."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

BODY = b'{"query": "{ hello }"}'
HEAD = b"POST /graphql HTTP/1.1\r\nHost: genji\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(BODY)
ANSWER = b'{"data":{"hello":"Hello, world!"}}'


@pytest.fixture
def wire(server_url: str) -> Iterator[socket.socket]:
    address = urlsplit(server_url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as wire:
        yield wire


def until(wire: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        piece = wire.recv(65536)
        assert piece, received
        received += piece
    return received


def test_an_answer_comes_in_one_piece(wire: socket.socket) -> None:
    for _ in range(20):
        wire.sendall(HEAD + b"\r\n" + BODY)
        answer = wire.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\n" + ANSWER)


def test_an_answer_without_a_body_comes_too(wire: socket.socket) -> None:
    for _ in range(2):
        wire.sendall(b"HEAD /health HTTP/1.1\r\nHost: genji\r\n\r\n")
        assert b"\r\ncontent-length: " in until(wire, b"\r\n\r\n")


def test_the_last_answer_of_a_connection_is_whole(wire: socket.socket) -> None:
    wire.sendall(HEAD + b"Connection: close\r\n\r\n" + BODY)
    assert until(wire, ANSWER)
    assert wire.recv(1) == b""


def test_who_asks_whether_to_go_on_is_told_before_they_do(wire: socket.socket) -> None:
    wire.sendall(HEAD + b"Expect: 100-continue\r\n\r\n")
    assert until(wire, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.sendall(BODY)
    assert until(wire, ANSWER).startswith(b"HTTP/1.1 200 OK\r\n")


def test_questions_that_come_at_once_are_answered_in_turn(wire: socket.socket) -> None:
    wire.sendall((HEAD + b"\r\n" + BODY) * 3)
    received = b""
    while received.count(ANSWER) < 3:
        received += wire.recv(65536)
    assert [part[:12] for part in received.split(ANSWER)[:3]] == [b"HTTP/1.1 200"] * 3

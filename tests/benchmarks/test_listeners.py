"""Those who listen in a benchmark count each note once, and notice what is lost or comes in another order."""

import json
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from threading import Timer
from time import monotonic_ns
from typing import Any

import pytest

from benchmarks.live import listeners as module
from benchmarks.live.classroom import words
from benchmarks.live.listeners import Failure, Listener, Listeners, frames_in, masked

Script = Callable[[int, socket.socket], None]


def framed(text: bytes, opcode: int = 0x81) -> bytes:
    size = len(text)
    return bytes((opcode,)) + (bytes((size,)) if size < 126 else b"\x7e" + size.to_bytes(2, "big")) + text


def note(number: int, age: int = 0) -> bytes:
    """One that was written so many nanoseconds ago."""
    return framed(json.dumps({"type": "next", "payload": {"body": words(number, monotonic_ns() - age)}}).encode())


@contextmanager
def listening(people: int) -> Iterator[tuple[Listeners, Sequence[socket.socket]]]:
    """Listeners, and the server's ends of their connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        listeners, ends = Listeners(), []
        for _ in range(people):
            listeners._add(Listener(server.getsockname()))
            end, _ = server.accept()
            end.settimeout(30)
            ends.append(end)
        yield listeners, ends
        listeners.close()
        for end in ends:
            end.close()


def heard(listeners: Listeners, notes: int, seconds: float = 30) -> dict[str, Any]:
    """What is told of it all: as soon as it has come, or after so long where something never does."""
    return listeners.listen(first=0, notes=notes, seconds=seconds, grace=0.0)


def test_frames_are_taken_apart_wherever_they_were_cut() -> None:
    sent = framed(b"one") + framed(b"x" * 300) + framed(b"", 0x89)
    whole = [(0x81, b"one"), (0x81, b"x" * 300), (0x89, b"")]
    for cut in range(len(sent) + 1):
        first, rest = frames_in(sent[:cut])
        second, nothing = frames_in(rest + sent[cut:])
        assert (first + second, nothing) == (whole, b"")


def test_every_note_is_counted_once_for_each_listener_however_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    # Later than anything is here, however busy the machine.
    monkeypatch.setattr(module, "LATE", 60 * 10**9)
    with listening(3) as (listeners, ends):
        sent = note(0) + note(1) + note(2, age=61 * 10**9)
        ends[0].sendall(sent)
        ends[1].sendall(sent[:-20])
        rest = Timer(0.05, ends[1].sendall, [sent[-20:]])
        rest.start()
        ends[2].sendall(sent)
        told = heard(listeners, 3)
        rest.join()
    assert (told["heard"], told["expected"], told["astray"]) == (9, 9, 0)
    assert 0 < told["p50"] <= told["p99"] <= told["most"]
    assert told["p50"] < 60_000 < told["p99"]
    assert told["in_time"] == 6


def test_what_is_lost_is_missed() -> None:
    with listening(2) as (listeners, ends):
        sent = note(0)
        ends[0].sendall(sent)
        told = heard(listeners, 1, seconds=2)
    assert (told["heard"], told["expected"]) == (1, 2)
    assert told["p99"] == inf


@pytest.mark.parametrize("order", [(1, 0), (0, 0)])
def test_another_order_and_a_repeat_are_noticed(order: tuple[int, int]) -> None:
    with listening(2) as (listeners, ends):
        notes = [note(0), note(1)]
        ends[0].sendall(notes[0] + notes[1])
        ends[1].sendall(b"".join(notes[place] for place in order))
        assert heard(listeners, 2)["astray"] > 0


@pytest.mark.parametrize("beside", [b"", note(0)], ids=["alone", "beside a note"])
def test_a_ping_is_answered_by_each_however_alike_they_are(beside: bytes) -> None:
    with listening(3) as (listeners, ends):
        for end in ends:
            end.sendall(framed(b"1234", 0x89) + beside)
        assert heard(listeners, 1, seconds=30 if beside else 2)["heard"] == (3 if beside else 0)
        assert [end.recv(100) for end in ends] == [masked(0x8A, b"1234")] * 3


def test_a_connection_that_is_closed_is_no_measurement() -> None:
    with listening(1) as (listeners, (end,)):
        end.close()
        with pytest.raises(Failure, match="closed"):
            heard(listeners, 1)

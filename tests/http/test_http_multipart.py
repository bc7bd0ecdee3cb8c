"""Bodies with a file: what is taken apart, however it comes, and what is refused."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from genji_graphql.http import multipart

QUERY = "mutation($input: I!) { importDocument(input: $input) { errors { message } } }"
OPERATIONS = {"query": QUERY, "variables": {"input": {"file": None, "collectionId": "1"}}}
MAP = {"0": ["variables.input.file"]}


def part(name: str, content: bytes | str, filename: str | None = None, end: bytes = b"\r\n") -> bytes:
    named = "" if filename is None else f'; filename="{filename}"\r\nContent-Type: text/plain'
    content = content.encode() if isinstance(content, str) else content
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + end


def body(
    content: bytes = b"The river rose.",
    *,
    operations: Any = OPERATIONS,
    places: Any = MAP,
    filename: str = "flood.txt",
    more: bytes = b"",
) -> bytes:
    parts = [part("operations", json.dumps(operations)), part("map", json.dumps(places)), part("0", content, filename)]
    return b"".join(parts) + more + b"--x--\r\n"


def request(chunks: list[bytes], content_type: str = "multipart/form-data; boundary=x", **headers: str) -> Request:
    messages: Iterator[dict[str, Any]] = iter(
        [
            {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
            for number, chunk in enumerate(chunks, 1)
        ]
    )

    async def receive() -> Any:
        return next(messages, {"type": "http.disconnect"})

    told = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode()) for name, value in told.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


class Taken(NamedTuple):
    """What was read of a body."""

    query: str
    variables: Any
    name: str
    size: int
    is_too_large: bool
    content: bytes


def read(*chunks: bytes, max_bytes: int = 10_000, max_file_bytes: int = 1_000_000, length: int | None = None) -> Taken:
    asked = request(list(chunks), **({} if length is None else {"content_length": str(length)}))
    taken = asyncio.run(multipart.read(asked, max_bytes=max_bytes, max_file_bytes=max_file_bytes))
    upload = taken.upload
    assert upload is not None
    assert taken.variables is not None
    assert taken.variables["input"].pop("file") is upload
    content = b"".join(upload.parts(7))
    upload.close()
    return Taken(taken.query, taken.variables, upload.name, upload.size, upload.is_too_large, content)


def refusal(*chunks: bytes, **given: Any) -> tuple[int, str]:
    with pytest.raises(HTTPException) as refused:
        read(*chunks, **given)
    return refused.value.status_code, refused.value.detail


def test_a_file_takes_the_place_of_its_variable() -> None:
    assert read(body()) == (QUERY, {"input": {"collectionId": "1"}}, "flood.txt", 15, False, b"The river rose.")


NEARLY = [b"\r\n", b"\r", b"\n", b"-", b"--", b"--x", b"\r\n--", b"\r\n-", b"--x--", b"\0", b"text"]


@given(
    pieces=st.lists(st.sampled_from(NEARLY) | st.binary(max_size=20), max_size=12),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=30),
)
def test_a_file_is_what_was_sent_however_it_comes(pieces: list[bytes], sizes: list[int]) -> None:
    content = b"".join(pieces)
    if b"\r\n--x" in b"\r\n" + content:
        content = content.replace(b"--x", b"--y")
    whole = body(content)
    chunks: list[bytes] = []
    at = 0
    while at < len(whole):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(whole[at : at + size])
        at += size

    taken = read(*chunks)

    assert (taken.content, taken.size) == (content, len(content))


@given(cut=st.integers(0, len(body()) - 5))
def test_a_body_that_breaks_off_is_refused(cut: int) -> None:
    status, _ = refusal(body()[:cut])
    assert status == 400


def test_a_client_that_leaves_is_not_waited_for() -> None:
    asked = request([body()[:50], b""])

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    asked._receive = receive
    with pytest.raises(ClientDisconnect):
        asyncio.run(multipart.read(asked, max_bytes=1_000, max_file_bytes=1_000))


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\Texts\\\\flood.txt", "flood.txt"),
        ("桐壺.xml", "桐壺.xml"),
        ("a %22b%22.txt", 'a "b".txt'),
        ('a \\"b\\".txt', 'a "b".txt'),
        ("a; name=operations.txt", "a; name=operations.txt"),
    ],
)
def test_a_file_is_called_by_the_last_of_its_path(filename: str, name: str) -> None:
    assert read(body(filename=filename)).name == name


@pytest.mark.parametrize("told", [True, False])
def test_a_file_that_is_too_large_is_read_no_further(told: bool) -> None:
    whole = body(b"x" * 5_000)
    length = len(whole) + 50_000 if told else None
    taken = read(whole[:2_000], whole[2_000:], max_file_bytes=1_000, length=length)
    assert taken.is_too_large
    assert taken.size <= 1_000


def test_a_file_may_be_as_long_as_it_may_be() -> None:
    taken = read(body(b"x" * 1_000), max_file_bytes=1_000)
    assert (taken.is_too_large, taken.size) == (False, 1_000)


REFUSED: dict[str, tuple[bytes, str]] = {
    "two files in the map": (body(places={"0": ["variables.input.file"], "1": ["variables.other"]}), "One file"),
    "two files in the body": (body(more=part("1", b"y", "b.txt")), "One file at a time"),
    "a file for two variables": (body(places={"0": ["variables.input.file", "variables.x"]}), "for one variable"),
    "no map": (body(places={}), "`map` must say"),
    "a list for a map": (body(places=["variables.input.file"]), "`map` must say"),
    "a map that is no JSON": (
        part("operations", json.dumps(OPERATIONS)) + part("map", "{") + b"--x--",
        "`map` isn't valid",
    ),
    "the query itself": (body(places={"0": ["query"]}), "place of a variable"),
    "all variables": (body(places={"0": ["variables"]}), "place of a variable"),
    "another's place": (body(places={"0": ["extensions.x"]}), "place of a variable"),
    "a place that isn't there": (body(places={"0": ["variables.input.picture"]}), "no null"),
    "a place in a text": (body(places={"0": ["variables.input.collectionId.0"]}), "no null"),
    "a place that is taken": (body(places={"0": ["variables.input.collectionId"]}), "no null"),
    "several operations": (body(operations=[OPERATIONS]), "one JSON object"),
    "no query": (body(operations={"variables": {"input": {"file": None}}}), "`query` is missing"),
    "no name": (body(filename=""), "with its name"),
    "no file": (
        b"".join([part("operations", json.dumps(OPERATIONS)), part("map", json.dumps(MAP))]) + b"--x--",
        "missing",
    ),
    "the file first": (part("0", b"x", "a.txt") + body(), "must be `operations`"),
    "the map first": (part("map", json.dumps(MAP)) + body(), "must be `operations`"),
    "something before": (b"preamble\r\n" + body(), "isn't what multipart"),
    "no boundary in the body": (b"The river rose.", "isn't what multipart"),
    "headers without end": (b"--x\r\n" + b"a: b\r\n" * 5_000, "isn't what multipart"),
    "a header without end": (b"--x\r\n" + b"a" * 50_000, "isn't what multipart"),
    "another boundary": (body().replace(b"--x\r\n", b"--xy\r\n"), "isn't what multipart"),
    "nothing": (b"", "breaks off"),
    "nothing but an end": (b"--x--", "missing"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_operation_with_its_file_is_refused(what: str) -> None:
    content, words = REFUSED[what]
    status, message = refusal(content)
    assert status == 400
    assert words in message


def test_an_operation_is_no_longer_than_others_are() -> None:
    status, message = refusal(body(operations={"query": "x" * 20_000}))
    assert (status, message) == (413, "The body is larger than the 10000 bytes that are taken.")


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'x' * 71}"],
)
def test_a_boundary_must_be_said(content_type: str) -> None:
    with pytest.raises(HTTPException, match="boundary"):
        asyncio.run(multipart.read(request([body()], content_type), max_bytes=1_000, max_file_bytes=1_000))

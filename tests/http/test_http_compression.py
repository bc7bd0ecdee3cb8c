"""Who asks for a large answer to be compressed, and what they get."""

import gzip
import json

import pytest

from tests.lasting import Lasting

LARGE = """{ documents(first: 100) { nodes { id title description created modified
    elements { nodes { id text content hierarchy created modified } } } } }"""
SMALL = "{ documents(first: 1) { nodes { id } } }"


async def ask(crowd: Lasting, query: str, accepts: str) -> tuple[dict[str, str], bytes]:
    request = crowd.service.http.build_request(
        "POST", "/graphql", json={"query": query}, headers={"Accept-Encoding": accepts}
    )
    response = await crowd.service.http.send(request, stream=True)
    body = b"".join([chunk async for chunk in response.aiter_raw()])
    await response.aclose()
    return dict(response.headers), body


@pytest.mark.parametrize("accepts", ["gzip", "br, gzip;q=0.5", "*", "GZIP"])
async def test_a_large_answer_is_compressed_for_who_asks(crowd: Lasting, accepts: str) -> None:
    _, plain = await ask(crowd, LARGE, "identity")
    headers, body = await ask(crowd, LARGE, accepts)
    assert headers["content-encoding"] == "gzip"
    assert int(headers["content-length"]) == len(body) < len(plain) / 4
    assert json.loads(gzip.decompress(body))["data"] == json.loads(plain)["data"]


@pytest.mark.parametrize("accepts", ["", "identity", "br", "gzip;q=0", "*;q=0.0", "gzip;q=0, *"])
async def test_nobody_else_gets_what_they_may_not_be_able_to_read(crowd: Lasting, accepts: str) -> None:
    headers, body = await ask(crowd, LARGE, accepts)
    assert "content-encoding" not in headers
    assert "Accept-Encoding" in headers["vary"]
    assert len(json.loads(body)["data"]["documents"]["nodes"]) == 100


async def test_a_small_answer_is_sent_as_it_is(crowd: Lasting) -> None:
    headers, body = await ask(crowd, SMALL, "gzip")
    assert "content-encoding" not in headers
    assert json.loads(body)["data"]

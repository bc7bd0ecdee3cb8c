"""GraphQL over HTTP, spoken by a real server: what is answered, refused and told."""

import json
import logging
import re
import socket
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest
from starlette.requests import Request

from genji_graphql.http.errors import describe
from genji_graphql.http.graphql import GraphQLEndpoint
from genji_graphql.settings import Settings

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
LIMIT = Settings().max_body_bytes


def ask(
    client: httpx2.Client,
    query: str,
    variables: dict[str, Any] | None = None,
    accept: str = GRAPHQL,
    **headers: str,
) -> httpx2.Response:
    sent = {"Accept": accept} | {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/graphql", json={"query": query, "variables": variables}, headers=sent)


def post(client: httpx2.Client, body: bytes, content_type: str = JSON, accept: str = GRAPHQL) -> httpx2.Response:
    return client.post("/graphql", content=body, headers={"Content-Type": content_type, "Accept": accept})


def only_message(response: httpx2.Response) -> str:
    """The text of the one error in an answer without data."""
    answer = response.json()
    assert "data" not in answer
    (error,) = answer["errors"]
    return str(error["message"])


def logged_errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


# What is answered


def test_a_query_is_answered(client: httpx2.Client) -> None:
    response = ask(client, "query ($name: String!) { hello(name: $name) }", {"name": "源氏"})
    assert response.status_code == 200
    assert response.json() == {"data": {"hello": "Hello, 源氏!"}}
    assert response.headers["Content-Type"] == f"{GRAPHQL}; charset=utf-8"
    assert response.headers["Content-Length"] == str(len(response.content))
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Vary"] == "Accept, Origin"


def test_a_query_is_answered_over_get(client: httpx2.Client) -> None:
    response = client.get(
        "/graphql",
        params={
            "query": "query A($name: String!) { hello(name: $name) } query B { counted }",
            "operationName": "A",
            "variables": '{"name": "紫"}',
            "extensions": "",
        },
    )
    assert response.json() == {"data": {"hello": "Hello, 紫!"}}


def test_a_mutation_is_answered_over_post(client: httpx2.Client) -> None:
    before = ask(client, "{ counted }").json()["data"]["counted"]
    assert ask(client, "mutation { count }").json() == {"data": {"count": before + 1}}


def test_json_of_the_database_is_passed_through_as_it_stands(client: httpx2.Client) -> None:
    response = ask(client, "{ stored }")
    assert '"kept":{"π":3.14159265358979323846264338327950288}' in response.text
    assert response.json()["data"]["stored"]["price"] == "1.10"


def test_a_query_is_parsed_once(client: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse_again(*_: object, **__: object) -> None:
        raise AssertionError("the endpoint has parsed it already")

    monkeypatch.setattr("strawberry.schema.schema.parse", parse_again)
    assert ask(client, "{ hello }").json() == {"data": {"hello": "Hello, world!"}}


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (f"{JSON}; charset=utf-8", JSON),
        (GRAPHQL, GRAPHQL),
        (GRAPHQL.upper(), GRAPHQL),
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", JSON),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{JSON}, {GRAPHQL};q=0.9", JSON),
        (f"{GRAPHQL};q=0.5, */*;q=0.1", GRAPHQL),
        (f"{JSON};q=0, */*", GRAPHQL),
        (f"*/*, {GRAPHQL}", GRAPHQL),
        (f"multipart/mixed, text/event-stream, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL};q=much, {JSON};q=0.1", JSON),
        (BROWSER, JSON),
    ],
)
def test_the_answer_has_the_type_that_the_client_prefers(client: httpx2.Client, accept: str, answered: str) -> None:
    response = ask(client, "{ hello }", accept=accept)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == f"{answered}; charset=utf-8"


@pytest.mark.parametrize("accept", ["text/plain", "image/*", f"{JSON};q=0", "*/*;q=0", "nonsense", "*/*;q=nan"])
def test_nothing_is_executed_for_a_client_that_takes_no_answer(client: httpx2.Client, accept: str) -> None:
    before = ask(client, "{ counted }").json()
    response = ask(client, "mutation { count }", accept=accept)
    assert response.status_code == 406
    assert "Accept header" in only_message(response)
    assert ask(client, "{ counted }").json() == before


# What is refused


def test_a_mutation_over_get_is_refused(client: httpx2.Client) -> None:
    before = ask(client, "{ counted }").json()
    response = client.get("/graphql", params={"query": "mutation { count }"})
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert "POST" in only_message(response)
    assert ask(client, "{ counted }").json() == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_another_method_is_refused(client: httpx2.Client, method: str) -> None:
    response = client.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_subscription_is_refused(client: httpx2.Client, method: str) -> None:
    query = "subscription { ticks }"
    response = client.get("/graphql", params={"query": query}) if method == "GET" else ask(client, query)
    assert response.status_code == 400
    assert "subscription" in only_message(response)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "xapplication/jsonx",
        "application/json; charset=iso-8859-1",
    ],
)
def test_a_body_that_is_not_json_by_its_type_is_refused(client: httpx2.Client, content_type: str) -> None:
    response = post(client, b'{"query": "{ hello }"}', content_type)
    assert response.status_code == 415
    assert JSON in only_message(response)


@pytest.mark.parametrize(
    "content_type", ["Application/JSON", "application/json;charset=UTF-8", 'application/json; charset="utf-8"']
)
def test_json_may_name_its_charset(client: httpx2.Client, content_type: str) -> None:
    assert post(client, b'{"query": "{ hello }"}', content_type).status_code == 200


@pytest.mark.parametrize("accept", [JSON, GRAPHQL])
@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "valid JSON"),
        (b"{", "valid JSON"),
        (b'{"query": "{ hello }"} {}', "valid JSON"),
        (b'{"query": "\xff"}', "valid JSON"),
        (b'{"query": "\\ud800"}', "valid JSON"),
        (b'{"query": "{ hello }", "variables": NaN}', "valid JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "valid JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "valid JSON"),
        (b'"x"', "one JSON object"),
        (b"1", "one JSON object"),
        (b"null", "one JSON object"),
        (b"true", "one JSON object"),
        (b"[]", "one JSON object"),
        (b'[{"query": "{ hello }"}]', "one JSON object"),
        (b"{}", "`query` is missing"),
        (b'{"query": null}', "`query` is missing"),
        (b'{"query": ""}', "`query` is missing"),
        (b'{"query": 1}', "`query` must be a string"),
        (b'{"query": {}}', "`query` must be a string"),
        (b'{"query": []}', "`query` must be a string"),
        (b'{"query": "{ hello }", "variables": []}', "`variables` must be an object"),
        (b'{"query": "{ hello }", "variables": "{}"}', "`variables` must be an object"),
        (b'{"query": "{ hello }", "operationName": {}}', "`operationName` must be a string"),
        (b'{"query": "{ hello }", "extensions": 0}', "`extensions` must be an object"),
    ],
)
def test_a_body_that_asks_nothing_is_a_mistake_of_the_client(
    client: httpx2.Client, caplog: pytest.LogCaptureFixture, body: bytes, told: str, accept: str
) -> None:
    response = post(client, body, accept=accept)
    assert response.status_code == 400
    assert told in only_message(response)
    assert not logged_errors(caplog)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ("", "`query` is missing"),
        ("query=", "`query` is missing"),
        ("query=%FF", "valid UTF-8"),
        ("query={hello}&variables={", "`variables` isn't valid JSON"),
        ("query={hello}&variables=[]", "`variables` must be an object"),
        ("query={hello}&extensions=1", "`extensions` must be an object"),
        ("query={hello}&variables=" + "[" * 20_000, "`variables` isn't valid JSON"),
    ],
)
def test_an_address_that_asks_nothing_is_a_mistake_of_the_client(
    client: httpx2.Client, parameters: str, told: str
) -> None:
    response = client.get(f"/graphql?{parameters}")
    assert response.status_code == 400
    assert told in only_message(response)


def test_a_body_may_be_as_large_as_the_limit_and_no_larger(client: httpx2.Client) -> None:
    body = b'{"query": "{ hello }"}'
    assert post(client, body.ljust(LIMIT)).status_code == 200
    response = post(client, body.ljust(LIMIT + 1))
    assert response.status_code == 413
    assert str(LIMIT) in only_message(response)


def test_a_body_said_to_be_too_large_is_not_waited_for(server_url: str) -> None:
    answer = exchange(server_url, f"Content-Length: {LIMIT + 1}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_in_chunks_is_read_up_to_the_limit(server_url: str) -> None:
    spaces = b" " * 50_000
    chunk = b"%x\r\n%s\r\n" % (len(spaces), spaces)
    # No last chunk: the answer comes in the middle of the body, and the connection closes.
    answer = exchange(server_url, b"Transfer-Encoding: chunked\r\n\r\n" + chunk * (LIMIT // len(spaces) + 1))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


def test_a_body_in_chunks_below_the_limit_is_answered(client: httpx2.Client) -> None:
    response = client.post("/graphql", content=iter([b'{"query": ', b'"{ hello }"}']), headers={"Content-Type": JSON})
    assert response.json() == {"data": {"hello": "Hello, world!"}}


def test_a_client_that_leaves_in_the_middle_of_its_body_leaves_no_trace(
    server_url: str, client: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with connection(server_url) as leaving:
        leaving.sendall(HEAD + b'Content-Length: 100\r\n\r\n{"query"')
    assert ask(client, "{ hello }").status_code == 200
    assert not logged_errors(caplog)


async def test_an_address_has_the_same_limit(endpoint: GraphQLEndpoint) -> None:
    small = GraphQLEndpoint(endpoint.operations.schema, endpoint.make_context, Settings(max_body_bytes=1_000))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(small), base_url="http://genji") as client:
        query = "query={hello}&"
        assert (await client.get("/graphql?" + query.ljust(1_000, "&"))).status_code == 200
        response = await client.get("/graphql?" + query.ljust(1_001, "&"))
    assert response.status_code == 414
    assert "1000 bytes" in only_message(response)


def test_an_address_beyond_reason_is_refused(server_url: str) -> None:
    with connection(server_url) as talking:
        talking.sendall(b"GET /graphql?query={hello}&" + b"&" * 100_000 + b" HTTP/1.1\r\nHost: genji\r\n\r\n")
        assert talking.recv(65_536).startswith(b"HTTP/1.1 4")


# What is told


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("{", "Syntax Error"),
        (" ", "Syntax Error"),
        ('{ hello(name: "\\u{110000}") }', "Syntax Error"),
        ("{ nothing }", "Cannot query field 'nothing' on type 'Query'."),
        ("{ hello(name: 1) }", "String cannot represent a non string value"),
        ('{ day(at: "yesterday") }', "Value cannot represent a DateTime"),
        ("{ ...Missing }", "Unknown fragment 'Missing'."),
        ("query ($name: String!) { hello(name: $name) }", "Variable '$name'"),
        ("query A { hello } query B { counted }", "several operations"),
        ("fragment A on Query { hello }", "no operation"),
        ("{again" * 5_000 + "}" * 5_000, "nested too deeply"),
        ("{ hello(name: " + "[" * 5_000 + "]" * 5_000 + ") }", "nested too deeply"),
    ],
)
def test_a_mistake_in_the_query_is_told_in_full(
    client: httpx2.Client, caplog: pytest.LogCaptureFixture, query: str, told: str
) -> None:
    for accept, status in ((GRAPHQL, 400), (JSON, 200)):
        response = ask(client, query, accept=accept)
        assert response.status_code == status
        assert "data" not in response.json()
        assert told in response.json()["errors"][0]["message"]
    assert not logged_errors(caplog)


def test_a_mistake_is_told_with_its_place(client: httpx2.Client) -> None:
    (error,) = ask(client, "{\n  nothing\n}").json()["errors"]
    assert error["locations"] == [{"line": 2, "column": 3}]


def test_an_unknown_operation_is_told_by_its_name(client: httpx2.Client) -> None:
    response = client.post("/graphql", json={"query": "query A { hello }", "operationName": "Z"})
    assert only_message(response) == 'The document has no operation named "Z".'


@pytest.mark.parametrize(
    ("query", "variables", "told"),
    [
        ("query ($at: DateTime!) { day(at: $at) }", {"at": "yesterday"}, "cannot represent a DateTime"),
        ("query ($at: DateTime!) { day(at: $at) }", {}, "Variable '$at'"),
        ("query ($name: String) { hello(name: $name) }", {"name": None}, "'name'"),
        ("query ($id: ID!) { byId(id: $id) }", {"id": "!"}, "cannot represent a GlobalID"),
        ("query ($name: String) { hello(name: $name) }", {"name": ["x"]}, "Variable '$name'"),
    ],
)
def test_a_mistake_in_a_variable_is_told_in_full(
    client: httpx2.Client, caplog: pytest.LogCaptureFixture, query: str, variables: dict[str, Any], told: str
) -> None:
    (error,) = ask(client, query, variables).json()["errors"]
    assert told in error["message"]
    assert "code" not in error.get("extensions", {})
    assert not logged_errors(caplog)


def test_variables_nested_beyond_reason_are_a_mistake_of_the_client(
    client: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    value = '{"inner":' * 900 + "null" + "}" * 900
    body = f'{{"query": "query ($v: Nested) {{ nested(value: $v) }}", "variables": {{"v": {value}}}}}'
    response = post(client, body.encode())
    assert response.status_code == 400
    assert "nested too deeply" in only_message(response)
    assert not logged_errors(caplog)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("Invalid", "BAD_USER_INPUT"),
        ("NotFound", "NOT_FOUND"),
        ("NotAllowed", "FORBIDDEN"),
        ("Conflict", "CONFLICT"),
        ("Unavailable", "UNAVAILABLE"),
    ],
)
def test_an_error_on_purpose_is_told_with_its_code(
    client: httpx2.Client, caplog: pytest.LogCaptureFixture, kind: str, code: str
) -> None:
    response = ask(client, "query ($kind: String!) { planned(kind: $kind) hello }", {"kind": kind})
    assert response.status_code == 200
    assert response.json()["data"] == {"planned": None, "hello": "Hello, world!"}
    (error,) = response.json()["errors"]
    assert error["message"] == f"{kind} is told."
    assert error["path"] == ["planned"]
    assert error["extensions"] == {"code": code}
    assert not logged_errors(caplog)


@pytest.mark.parametrize("field", ["broken", "allBroken", "raised"])
def test_a_fault_of_ours_is_masked_and_logged_with_its_id(
    client: httpx2.Client, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    response = ask(client, f"{{ {field} }}")
    assert response.status_code == 200
    assert "SELECT" not in response.text
    assert "hunter2" not in response.text
    (error,) = response.json()["errors"]
    assert error["message"].startswith("Something went wrong on our side.")
    assert error["path"] == [field]
    assert error["extensions"]["code"] == "INTERNAL"
    (record,) = logged_errors(caplog)
    assert error["extensions"]["errorId"] in record.getMessage()
    assert "hunter2" in caplog.text, "the traceback is for us"


def test_a_value_that_does_not_fit_the_schema_is_a_fault_of_ours(
    client: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    (error,) = ask(client, "{ misfit }").json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert len(logged_errors(caplog)) == 1


def test_one_fault_of_many_rows_is_logged_once(client: httpx2.Client, caplog: pytest.LogCaptureFixture) -> None:
    errors = ask(client, "{ rows { text } }").json()["errors"]
    assert [error["path"] for error in errors] == [["rows", number, "text"] for number in range(20)]
    assert len({error["extensions"]["errorId"] for error in errors}) == 1
    assert len(logged_errors(caplog)) == 1


def test_a_database_that_is_away_is_told_without_its_address(
    client: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    response = ask(client, "{ unreachable }")
    (error,) = response.json()["errors"]
    assert error["message"] == "The database can't be reached at the moment."
    assert error["extensions"] == {"code": "UNAVAILABLE"}
    assert not re.search(r"127\.0|hunter2|SELECT", response.text)
    (record,) = logged_errors(caplog)
    assert "can't be reached" in record.getMessage()


def test_an_answer_that_json_cannot_hold_is_a_fault_of_ours(
    client: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    response = ask(client, "{ notJson }")
    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert len(logged_errors(caplog)) == 1


@pytest.mark.parametrize("accept", [JSON, GRAPHQL])
@pytest.mark.parametrize(
    ("context", "status", "code"),
    [("broken", 500, "INTERNAL"), ("away", 503, "UNAVAILABLE")],
)
def test_a_request_that_fails_before_it_is_executed_says_so_in_its_status(
    client: httpx2.Client, context: str, status: int, code: str, accept: str
) -> None:
    response = ask(client, "{ hello }", accept=accept, X_Context=context)
    assert response.status_code == status
    assert "data" not in response.json()
    assert response.json()["errors"][0]["extensions"]["code"] == code
    assert not re.search(r"10\.0\.0\.5|hunter2|SELECT", response.text)


async def test_a_fault_after_the_execution_is_told_in_json_too(
    endpoint: GraphQLEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    async def make_context(_request: Request) -> object:
        return object()

    def finish(*_: object) -> None:
        raise RuntimeError("hunter2")

    failing = GraphQLEndpoint(endpoint.operations.schema, make_context, Settings(), finish)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(failing), base_url="http://genji") as client:
        response = await client.post("/graphql", json={"query": "{ hello }"})

    assert response.status_code == 500
    assert "hunter2" not in response.text
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert len(logged_errors(caplog)) == 1


def test_a_credential_that_is_refused_is_told(client: httpx2.Client) -> None:
    response = ask(client, "{ hello }", X_Context="refused")
    assert response.status_code == 400
    assert only_message(response) == "This token has expired."
    assert response.json()["errors"][0]["extensions"] == {"code": "FORBIDDEN"}


def test_a_refusal_in_http_keeps_its_status_and_headers(client: httpx2.Client) -> None:
    response = ask(client, "{ hello }", X_Context="unauthorized")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert only_message(response) == "Sign in first."


HEAD = b"POST /graphql HTTP/1.1\r\nHost: genji\r\nContent-Type: application/json\r\n"


def connection(server_url: str) -> socket.socket:
    address = urlsplit(server_url)
    return socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10)


def exchange(server_url: str, rest: bytes) -> bytes:
    """Everything the server says to a request, until it closes the connection."""
    with connection(server_url) as talking:
        talking.sendall(HEAD + rest)
        answer = b"".join(iter(lambda: talking.recv(65_536), b""))
    json.loads(answer.partition(b"\r\n\r\n")[2])
    return answer


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (asyncpg.ConnectionDoesNotExistError("closed in the middle of operation"), "UNAVAILABLE"),
        (asyncpg.AdminShutdownError("terminating connection"), "UNAVAILABLE"),
        (asyncpg.InternalClientError("cannot switch to state 12"), "UNAVAILABLE"),
        (asyncpg.QueryCanceledError("canceling statement"), "TIMEOUT"),
        (asyncpg.UndefinedTableError("no such table"), "INTERNAL"),
    ],
)
def test_what_the_driver_says_itself_is_told_as_what_comes_through_sqlalchemy(fault: Exception, code: str) -> None:
    assert describe(fault)["extensions"]["code"] == code

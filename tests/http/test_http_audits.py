"""The audits of the reference implementation of GraphQL over HTTP, run by Node against a real server."""

import json

from tests.node import run


def test_every_audit_of_graphql_over_http_passes(node: str, server_url: str) -> None:
    ended = run(node, "audits.mjs", f"{server_url}/graphql")
    assert ended.returncode == 0, ended.stderr.decode()
    results = json.loads(ended.stdout)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 61

"""The audits of the reference implementation of GraphQL over HTTP, run by Node against a real server."""

import json
import subprocess

from tests.node import WEB


def test_every_audit_of_graphql_over_http_passes(node: str, server_url: str) -> None:
    run = subprocess.run([node, "audits.mjs", f"{server_url}/graphql"], cwd=WEB, capture_output=True, timeout=60)
    assert run.returncode == 0, run.stderr.decode()
    results = json.loads(run.stdout)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 61

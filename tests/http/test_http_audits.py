"""The audits of the reference implementation of GraphQL over HTTP, run by Node against a real server."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.omissions import omit

WEB = Path(__file__).parents[2] / "web"


@pytest.fixture(scope="module")
def node() -> str:
    """The machine's Node, or the one that was installed beside Python."""
    found = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    if not found:
        omit("Node")
    if not (WEB / "node_modules" / "graphql-http").is_dir():
        omit("the audits of GraphQL over HTTP (npm ci in web)")
    return found


def test_every_audit_of_graphql_over_http_passes(node: str, server_url: str) -> None:
    run = subprocess.run([node, "audits.mjs", f"{server_url}/graphql"], cwd=WEB, capture_output=True, timeout=60)
    assert run.returncode == 0, run.stderr.decode()
    results = json.loads(run.stdout)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 61

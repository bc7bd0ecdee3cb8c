"""Node, and the packages of npm that `web/` is built with."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.omissions import omit

WEB = Path(__file__).parents[1] / "web"


@pytest.fixture(scope="session")
def node() -> str:
    """The machine's Node, or the one that was installed beside Python."""
    found = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    if not found:
        omit("Node")
    if not (WEB / "node_modules").is_dir():
        omit("the packages of web (npm ci in web)")
    return found

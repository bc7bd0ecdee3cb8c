"""Node, and the packages of npm that `web/` is built with."""

import os
import shutil
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from contextlib import suppress
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


def run(node: str, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """A script of `web/`, from its beginning to its end."""
    with subprocess.Popen(
        [node, *arguments], cwd=WEB, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            said, complained = process.communicate(timeout=60)
        finally:
            end_all(process)
    return subprocess.CompletedProcess(arguments, process.returncode, said, complained)


def end_all(process: "Process | subprocess.Popen[bytes]") -> None:
    """With all that it started, in a session of its own.

    Where Node was installed beside Python, `node` is a program that has another run as its child, and that one would
    keep the pipes open, whose end is waited for.
    """
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)

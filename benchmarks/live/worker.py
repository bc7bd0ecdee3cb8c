"""Processes that do what they are told, and answer with numbers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.stopped import Stopped


class Worker:
    def __init__(self, name: str, process: "subprocess.Popen[str]") -> None:
        self.name = name
        self._process = process

    def begin(self, **task: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """What came of the task that was begun."""
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or '{"failure": "It ended."}')
        if "failure" in answer:
            raise Stopped(f"{self.name}: {answer['failure']}")
        return answer

    def do(self, **task: Any) -> dict[str, Any]:
        self.begin(**task)
        return self.end()


@contextmanager
def working(module: str) -> Iterator[Worker]:
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Worker(module, process)

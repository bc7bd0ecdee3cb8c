"""What the server keeps of the memory that it frees."""

import platform
import subprocess
import sys

import pytest

_FAULTS = """
import resource
from genji_graphql.memory import keep_what_is_freed
if {keeps}:
    keep_what_is_freed()
def answer():
    [b"x" * 100_000 for _ in range(50)]
for _ in range(3):
    answer()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    answer()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _pages_mapped(*, keeps: bool) -> int:
    """How many pages the system maps for twenty answers of 5 MB in pieces, one after the other."""
    code = _FAULTS.format(keeps=keeps)
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives memory back at once")
def test_the_memory_of_one_answer_serves_the_next() -> None:
    assert _pages_mapped(keeps=True) < _pages_mapped(keeps=False) / 5

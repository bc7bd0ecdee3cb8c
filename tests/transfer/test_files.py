"""Opening files: which reader is chosen, and what is refused before anything is read."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from genji_graphql.errors import Invalid
from genji_graphql.transfer.files import read
from tests.transfer.library import MAX_BYTES, Library, refusal

TEI = '<TEI xmlns="http://www.tei-c.org/ns/1.0"><text><p>One</p></text></TEI>'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("a.xml", TEI), ("a.TEI", TEI), ("a.txt", f"\ufeff<?xml version='1.0'?>{TEI}"), ("a", TEI)),
        *(("a.txt", "One"), ("a.MD", "One"), ("a.markdown", "One"), ("README", "One")),
    ],
)
def test_the_reader_is_chosen_by_name_and_content(library: Library, name: str, content: str) -> None:
    ((_, found),) = library.documents(content, name)
    assert [element.text for element in found] == ["One"]


@pytest.mark.parametrize("name", ["a.pdf", "a.xlsx", "a.html", "a.xml.gz"])
def test_other_files_are_refused(library: Library, name: str) -> None:
    assert library.refusal("One", name) == (
        "is neither TEI (.xml), nor plain text (.txt, .md), nor a Word document (.docx)."
    )


def test_a_file_of_xml_is_read_as_xml_only(library: Library) -> None:
    assert library.refusal("One", "a.xml") == "is not XML: syntax error, line 1."


def test_an_empty_file_is_refused(library: Library) -> None:
    assert library.refusal("", "a.xml") == "is empty."


def test_a_file_that_is_too_large_is_refused_before_it_is_opened(library: Library) -> None:
    path = library.folder / "a.xml"
    with path.open("wb") as sparse:
        sparse.truncate(200_000_000)
    assert refusal(path) == (
        "has 200,000,000 bytes, more than the 100,000,000 that may be imported at a time (GENJI_MAX_IMPORT_BYTES)."
    )
    assert refusal(library.write("12345", "a.txt"), max_bytes=4).startswith("has 5 bytes, more than the 4 ")


def test_a_folder_is_refused_with_a_hint(library: Library) -> None:
    assert refusal(library.folder) == f"is a folder; name its files, as in {library.folder}/*.xml."


def test_a_missing_file_is_refused(library: Library) -> None:
    assert refusal(library.folder / "a.xml") == "does not exist."
    assert refusal(library.write("One", "a.txt") / "b.xml") == "can't be read: not a directory."
    assert refusal(library.folder / ("a" * 300)) == "can't be read: file name too long."


def test_a_named_pipe_is_refused_without_waiting_for_it(library: Library) -> None:
    os.mkfifo(library.folder / "a.xml")
    assert refusal(library.folder / "a.xml") == "is not an ordinary file."


def test_a_file_without_permission_is_refused(library: Library) -> None:
    path = library.write(TEI, "a.xml")
    path.chmod(0)
    with as_an_ordinary_user():
        assert refusal(path) == "can't be read: permission denied."


@contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """Root may read any file."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(0)


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(Invalid, match=r"^'a.x00b' is not a file name\.$"):
        next(read(Path("a\0b"), max_bytes=MAX_BYTES))


def test_what_is_open_already_is_read_as_a_file_is() -> None:
    upload = BytesIO(TEI.encode())
    upload.read()
    ((source_id, found),) = (
        (document.source_id, list(document.elements))
        for document in read(Path("mine.xml"), max_bytes=MAX_BYTES, source=upload)
    )
    assert (source_id, [element.text for element in found]) == ("mine.xml", ["One"])


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "a.xml", "a.xml is empty."),
        (b"One", "a\n.txt", r"'a\n.txt' is not a file name."),
        (
            b"12345",
            "a.txt",
            "a.txt has 5 bytes, more than the 4 that may be imported at a time (GENJI_MAX_IMPORT_BYTES).",
        ),
    ],
)
def test_what_is_open_already_is_checked_as_a_file_is(content: bytes, name: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        list(read(Path(name), max_bytes=4, source=BytesIO(content)))
    assert str(refused.value) == reason


MOST_GROWTH = 16
"""Megabytes for a file of any size."""

GROWTH = """
import re, resource, sys
from pathlib import Path
from genji_graphql.transfer.files import read

def peak():
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024**2
    # There ru_maxrss begins with what the process had that started this one.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024

def count(path):
    found = (element for document in read(Path(path), max_bytes=10**9) for element in document.elements)
    return len(list(found)) if "keep" in sys.argv else sum(1 for _ in found)

count(sys.argv[1])
before = peak()
print(count(sys.argv[2]), peak() - before)
"""


def growth(*given: Path | str) -> tuple[int, int]:
    """How many elements a process finds in the second file, and by how many megabytes it grows beyond the first."""
    done = subprocess.run([sys.executable, "-c", GROWTH, *given], capture_output=True, text=True, check=True)
    found, megabytes = map(int, done.stdout.split())
    return found, megabytes


LINE = "いつれの御時にか女御更衣あまたさふらひ給けるなかに" * 10


@pytest.mark.parametrize(
    ("name", "around", "repeated"),
    [
        ("a.xml", TEI, f"<p>{LINE}</p>\n"),
        ("one-paragraph.xml", TEI, f"<lb/><seg>{LINE}</seg>\n"),
        ("a.txt", "One", f"{LINE}\n\n"),
    ],
)
def test_30_mb_are_read_in_little_memory(library: Library, name: str, around: str, repeated: str) -> None:
    count = 30_000_000 // len(repeated.encode())
    short = library.write(around.replace("One", repeated * 10), f"short-{name}")
    long = library.write(around.replace("One", repeated * count), name)

    found, megabytes = growth(short, long)
    assert found == count
    assert megabytes < MOST_GROWTH


def test_it_would_be_seen_if_30_mb_were_kept(library: Library) -> None:
    short, long = library.write(f"{LINE}\n\n", "short.txt"), library.write(f"{LINE}\n\n" * 40_000, "long.txt")
    assert growth(short, long, "keep")[1] > MOST_GROWTH

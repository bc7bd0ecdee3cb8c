"""The `genji` command, run as an operator runs it: what it prints, how it ends, what it leaves."""

import signal
from pathlib import Path

import httpx2
import pytest
from sqlalchemy.engine import URL

from tests.command import genji_command, running
from tests.data import genji

NOWHERE = "postgresql://genji:hunter2@127.0.0.1:9/genji"


def ask(address: str, query: str) -> object:
    return httpx2.post(address, json={"query": query}, timeout=60).json()["data"]


async def test_run_serves_the_demonstration_and_ends_with_its_signal(empty_database: URL) -> None:
    with running("--demo", url=empty_database) as (process, address):
        assert ask(address, "{ collections { totalCount } }") == {"collections": {"totalCount": 2}}
        ready = httpx2.get(address.replace("/graphql", "/ready"), timeout=60)
        assert (ready.status_code, ready.json()) == (200, {"status": "ok"})
    assert process.returncode in (0, -signal.SIGTERM)


async def test_run_refuses_a_database_that_is_not_migrated(empty_database: URL) -> None:
    ended = genji_command("run", "--port", "0", url=empty_database)

    assert ended.returncode == 1
    assert "Run `genji migrate`" in ended.stderr
    assert genji_command("migrate", url=empty_database).returncode == 0
    with running(url=empty_database) as (_, address):
        assert ask(address, "{ viewer { id } }") == {"viewer": None}


async def test_run_says_that_its_address_is_taken(database: URL) -> None:
    with running(url=database) as (_, address):
        port = address.rsplit(":", 1)[1].split("/")[0]
        ended = genji_command("run", "--port", port, url=database)

    assert ended.returncode == 1
    assert ended.stderr == f"Can't listen at 127.0.0.1:{port} (Address already in use); choose another with --port.\n"


async def test_the_doctor_tells_how_the_database_is(database: URL, empty_database: URL) -> None:
    well, ill = genji_command("doctor", url=database), genji_command("doctor", url=empty_database)

    assert well.returncode == 0
    for fact in ("PostgreSQL ", "plpgsql", "newest: ", "5 connections for plans, 10 for all else, 5 s"):
        assert fact in well.stdout
    assert ill.returncode == 1
    assert "The database is not migrated" in ill.stderr


def test_the_doctor_says_that_there_is_no_database_and_keeps_the_password() -> None:
    ended = genji_command("doctor", url=NOWHERE)

    assert ended.returncode == 1
    assert "Gave up on the database" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("setting", [{"url": "mysql://genji:hunter2@host/x"}, {"DB_POOL_SIZE": "many"}])
def test_a_setting_that_cannot_be_used_is_named(setting: dict[str, str]) -> None:
    ended = genji_command("doctor", **setting)

    assert ended.returncode == 1
    assert next(iter(setting)).replace("url", "database_url").lower() in ended.stderr.lower()
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr


async def test_import_says_what_it_did(database: URL) -> None:
    chapter = genji()[0]

    first = genji_command("import", chapter, "--collection", "源氏物語", "--language", "ja", url=database)
    second = genji_command("import", chapter, "--collection", "源氏物語", url=database)

    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout.splitlines() == [
        "01.xml: 1 document, 328 elements added",
        "源氏物語: 1 document, 328 elements added",
    ]
    assert second.stdout.splitlines()[-1] == "源氏物語: 1 document, 328 elements unchanged"


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("missing.xml", None, "does not exist"),
        ("empty.xml", b"", "is empty"),
        ("page.xml", b"<html><body><p>Hello</p></body></html>", "page.xml"),
        ("broken.xml", b"<TEI xmlns='http://www.tei-c.org/ns/1.0'><text>", "broken.xml"),
        (
            "bomb.xml",
            b'<?xml version="1.0"?><!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><t>&b;</t>',
            "bomb.xml",
        ),
        ("leak.xml", b'<?xml version="1.0"?><!DOCTYPE t [<!ENTITY x SYSTEM "/etc/passwd">]><t>&x;</t>', "leak.xml"),
        ("latin.txt", "Caf\u00e9".encode("latin-1"), "latin.txt"),
        ("huge.txt", b"x" * 5_000, "GENJI_MAX_IMPORT_BYTES"),
    ],
)
async def test_a_file_that_cannot_be_read_ends_in_a_sentence(
    database: URL, tmp_path: Path, name: str, content: bytes | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    ended = genji_command("import", tmp_path / name, "--collection", "X", url=database, GENJI_MAX_IMPORT_BYTES="4000")

    assert ended.returncode == 1
    assert complaint in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "root:" not in ended.stderr


async def test_a_folder_or_a_missing_file_stops_the_import_before_it_begins(database: URL, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("Once upon a time.")

    ended = genji_command("import", tmp_path / "good.txt", tmp_path, "--collection", "X", url=database)

    assert ended.returncode == 1
    assert ended.stderr == f"{tmp_path} is a folder; name its files, as in {tmp_path}/*.xml.\n"
    with running(url=database) as (_, address):
        assert ask(address, "{ collections { totalCount } }") == {"collections": {"totalCount": 0}}


async def test_one_bad_file_among_good_ones_is_named_and_the_good_ones_are_in(database: URL, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("Once upon a time.")
    (tmp_path / "bad.xml").write_text("<TEI")

    ended = genji_command("import", tmp_path / "good.txt", tmp_path / "bad.xml", "--collection", "X", url=database)

    assert ended.returncode == 1
    assert "good.txt: 1 document, 1 element added" in ended.stdout
    assert "bad.xml" in ended.stderr
    assert "1 of 2 files could not be imported." in ended.stderr


async def test_files_that_call_their_documents_the_same_are_told_apart(database: URL, tmp_path: Path) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "01.txt").write_text(f"The {folder} book.")

    ended = genji_command("import", *tmp_path.glob("*/01.txt"), "--collection", "X", url=database)

    assert ended.returncode == 1
    assert "both call their document 01.txt; import them apart." in ended.stderr


def test_the_schema_is_printed_and_checked(tmp_path: Path) -> None:
    printed = genji_command("schema").stdout
    file = tmp_path / "schema.graphql"
    file.write_text(printed)

    assert "type DocumentElement implements Node" in printed
    assert genji_command("schema", "--check", file).returncode == 0
    file.write_text(printed + "\n# something else")
    assert genji_command("schema", "--check", file).returncode == 1

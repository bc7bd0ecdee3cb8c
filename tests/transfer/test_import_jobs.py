"""Importing over the API: who may, what they are told of it, and that it is whole or not at all."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, text, update

from genji_graphql.database import Turn, writing_sessions
from genji_graphql.models import DocumentCollection, ImportJob, ObjectShare, User
from genji_graphql.settings import DatabaseProfile
from genji_graphql.transfer import importer as importing
from genji_graphql.transfer.importer import Importer
from genji_graphql.transfer.jobs import MOST_WAITING, forget_finished
from genji_graphql.transfer.source import SourceDocument
from genji_graphql.vocabulary import AccessLevel, ImportStatus, Visibility
from tests.transfer.press import EDITION, EDITION_LINES, FIRST_EDITION, Press, chapters, tei, until
from tests.transfer.word_files import by_hand, made, paragraph
from tests.world import World
from tests.writing.asking import WHO, expected_of

FLOOD = chapters("The river rose.", "Nobody slept.")


async def files(press: Press) -> list[Any]:
    return await press.rows("SELECT job_id FROM app.import_parts")


async def test_a_file_is_taken_at_once_and_imported_afterwards(press: Press) -> None:
    job = await press.sent("editor", FLOOD)

    assert await press.lines() == []
    assert await press.told(job) == {
        "id": job,
        "databaseId": 1,
        "status": "QUEUED",
        "fileName": "flood.md",
        "format": "PLAIN_TEXT",
        "progress": {"elements": 0, "bytesRead": 0, "bytes": len(FLOOD), "fraction": 0},
        "outcome": None,
        "error": None,
        "collection": {"title": "Genji"},
        "createdBy": {"username": "editor"},
    }

    assert await press.importer.run_next()

    told = await press.told(job, "editor")
    assert told["status"] == "SUCCEEDED"
    assert told["progress"] == {"elements": 2, "bytesRead": len(FLOOD), "bytes": len(FLOOD), "fraction": 1}
    assert told["outcome"] == {
        "newDocuments": 2,
        "knownDocuments": 0,
        "added": 2,
        "changed": 0,
        "removed": 0,
        "unchanged": 0,
        "carried": 0,
        "orphaned": 0,
    }
    assert await press.lines() == ["The river rose.", "Nobody slept."]
    assert await files(press) == []
    assert not await press.importer.run_next()


async def test_what_is_imported_belongs_to_whoever_sent_it(press: Press) -> None:
    await press.imported("editor", FLOOD)
    await press.imported("manager", chapters("The river rose.", "Nobody could sleep."))

    people = {press.shelf.people[name].id: name for name in ("editor", "manager")}
    ours = "WHERE title LIKE 'Chapter%' ORDER BY position"
    owners = await press.rows(f"SELECT owner_id FROM app.documents {ours}")
    assert [people[number] for (number,) in owners] == ["editor", "editor"]
    writers = await press.rows("SELECT modified_by_id FROM app.document_elements ORDER BY document_id, position")
    assert [people[number] for (number,) in writers] == ["editor", "manager"]
    assert await press.rows("SELECT content ->> 'text', modified_by_id FROM app.element_revisions") == [
        ("Nobody slept.", press.shelf.people["editor"].id)
    ]


async def test_a_file_that_is_sent_again_updates_what_it_brought(press: Press) -> None:
    await press.imported("editor", FLOOD)
    told = await press.imported("editor", chapters("The river rose.", "Nobody could sleep."))

    assert (told["outcome"]["knownDocuments"], told["outcome"]["changed"], told["outcome"]["unchanged"]) == (2, 1, 1)
    assert await press.lines() == ["The river rose.", "Nobody could sleep."]


async def test_a_new_edition_carries_the_notes_and_tells_how_many(press: Press, world: World) -> None:
    await press.imported("editor", FLOOD)
    ((line,),) = await press.rows("SELECT id FROM app.document_elements WHERE content ->> 'text' = 'Nobody slept.'")
    await world.note(document_element_id=line)

    told = await press.imported("editor", chapters("The river rose.", "Nobody could sleep."))

    assert (told["outcome"]["carried"], told["outcome"]["orphaned"]) == (1, 0)


async def test_a_deleted_document_is_not_brought_back_by_those_who_only_edit(press: Press) -> None:
    await press.imported("editor", FLOOD)
    await press.rows("UPDATE app.documents SET deleted_at = now() WHERE title = 'Chapter 2' RETURNING id")
    before = await press.texts()

    told = await press.imported("editor", chapters("The river rose and rose.", "Nobody could sleep."))

    assert told["status"] == "FAILED"
    assert told["error"]["message"] == "“Chapter 2” was deleted. Restore it, and import it again."
    assert await press.texts() == before


async def test_a_collection_is_known_by_its_id_though_another_has_its_title(press: Press, world: World) -> None:
    other = await world.collection(Visibility.SHARED, title="Genji", language="fr", owner_id=press.shelf.owner.id)

    told = await press.imported("owner", FLOOD, collectionId=str(other.id))

    assert told["status"] == "SUCCEEDED"
    held = "SELECT document_collection_id, count(*) FROM app.documents WHERE title LIKE 'Chapter%' GROUP BY 1"
    assert await press.rows(held) == [(other.id, 2)]
    kept = "SELECT visibility, language FROM app.document_collections WHERE id = :id"
    assert await press.rows(kept, id=other.id) == [("shared", "fr")]


# Who may


@pytest.mark.parametrize("who", [who for who in WHO if who not in {"visitor", "reading token"}])
async def test_those_who_edit_a_collection_import_into_it(press: Press, who: str) -> None:
    expected = expected_of(who, level=AccessLevel.EDIT)
    viewer = await press.shelf.who(who)
    before = await press.shelf.contents()

    payload = await press.send(viewer, FLOOD)

    if expected is None:
        assert payload["errors"] == []
        return
    (error,) = payload["errors"]
    assert (error["__typename"], error["code"], error["field"]) == (*expected, "collectionId")
    assert await press.shelf.contents() == before


@pytest.mark.parametrize("who", WHO)
async def test_an_import_is_seen_by_whoever_sent_it_and_by_administrators(press: Press, who: str) -> None:
    job = await press.sent("editor", FLOOD)
    assert (await press.told(job, who) is not None) is (who in {"editor", "administrator"})
    assert await press.told("999999", who) is None


@pytest.mark.parametrize("who", WHO)
async def test_an_import_is_called_off_by_whoever_sent_it_and_by_administrators(press: Press, who: str) -> None:
    job = await press.sent("editor", FLOOD)
    viewer = await press.shelf.who(who)
    before = await press.shelf.contents()

    payload = await press.cancel(viewer, job)

    if who in {"editor", "administrator"}:
        assert payload == {"job": {"status": "CANCELLED"}, "errors": []}
        assert await files(press) == []
        assert not await press.importer.run_next()
        assert await press.lines() == []
        return
    (error,) = payload["errors"]
    assert error["__typename"] == ("PermissionDenied" if who in {"visitor", "reading token"} else "NotFound")
    assert await press.shelf.contents() == before
    (missing,) = (await press.cancel(viewer, "999999"))["errors"]
    assert missing == error


async def revoke(press: Press, world: World) -> None:
    await world.run(delete(ObjectShare).where(ObjectShare.shared_with_id == press.shelf.people["editor"].id))


LOSSES = {
    "share": ("NOT_FOUND", "The collection isn't there any more."),
    "level": ("FORBIDDEN", "You may not change this collection any more."),
    "account": ("NOT_FOUND", "The collection isn't there any more."),
    "collection": ("NOT_FOUND", "The collection isn't there any more."),
}


async def lose(press: Press, world: World, what: str) -> None:
    editor = press.shelf.people["editor"].id
    match what:
        case "share":
            await world.run(delete(ObjectShare).where(ObjectShare.shared_with_id == editor))
        case "level":
            theirs = update(ObjectShare).where(ObjectShare.shared_with_id == editor)
            await world.run(theirs.values(access_level=AccessLevel.VIEW))
        case "account":
            await world.run(update(User).where(User.id == editor).values(is_active=False))
        case "collection":
            await world.run(delete(DocumentCollection).where(DocumentCollection.id == press.collection.id))


@pytest.mark.parametrize("what", LOSSES)
async def test_who_has_lost_what_they_had_brings_nothing_any_more(press: Press, world: World, what: str) -> None:
    job = await press.sent("editor", FLOOD)
    await lose(press, world, what)

    assert await press.importer.run_next()

    told = await press.told(job)
    assert (told["status"], told["outcome"]) == ("FAILED", None)
    assert (told["error"]["code"], told["error"]["message"]) == LOSSES[what]
    assert await press.lines() == []
    assert await files(press) == []


async def test_who_loses_what_they_had_while_it_runs_brings_nothing(press: Press, world: World) -> None:
    await press.imported("editor", FIRST_EDITION)
    before = await press.texts()
    job = await press.sent("editor", EDITION)

    async with press.held_up() as go_on:
        running = asyncio.create_task(press.importer.run_next())
        await press.comes_to_a_halt(job)
        await lose(press, world, "level")
        await go_on()
        await running

    assert (await press.told(job))["error"]["code"] == "FORBIDDEN"
    assert await press.texts() == before


async def test_what_an_access_token_may_is_all_that_its_import_may(press: Press) -> None:
    administrator = press.shelf.people["administrator"]
    narrow = await press.shelf.program(administrator, "write")
    (error,) = (await press.send(narrow, FLOOD))["errors"]
    assert error["code"] == "NOT_FOUND"

    wide = await press.shelf.program(administrator, "write", "administer")
    job = await press.sent(wide, FLOOD)
    assert await press.rows("SELECT scopes FROM app.import_jobs") == [(["administer", "write"],)]
    assert await press.importer.run_next()
    assert (await press.told(job))["status"] == "SUCCEEDED"


async def test_an_import_goes_on_after_whoever_asked_for_it_has_signed_out(press: Press, world: World) -> None:
    job = await press.sent("editor", FLOOD)
    await world.run(text("DELETE FROM app.sessions"))
    assert await press.importer.run_next()
    assert (await press.told(job))["status"] == "SUCCEEDED"


# What is no file to be imported


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "flood.md", "REQUIRED"),
        (b"x" * 5_001, "flood.txt", "TOO_LARGE"),
        (b"\x89PNG\r\n\x1a\n", "flood.png", "UNKNOWN_FORMAT"),
        (b"text", "x" * 252 + ".txt", "TOO_LONG"),
        (b"text", "a\u202etxt.exe", "INVALID_CHARACTERS"),
        (b"text", "..", "REQUIRED"),
    ],
    ids=["empty", "too large", "a picture", "a long name", "a name that turns round", "no name"],
)
async def test_what_cannot_be_imported_is_told_at_once(
    press: Press, monkeypatch: pytest.MonkeyPatch, content: bytes, name: str, code: str
) -> None:
    smaller = press.service.app.state.endpoint.settings.model_copy(update={"max_import_bytes": 5_000})
    monkeypatch.setattr(press.service.app.state.endpoint, "settings", smaller)
    before = await press.rows("SELECT count(*) FROM app.import_jobs")

    payload = await press.send("editor", content, name)

    (error,) = payload["errors"]
    assert (error["__typename"], error["code"], error["field"]) == ("ValidationError", code, "file")
    assert payload["job"] is None
    assert await press.rows("SELECT count(*) FROM app.import_jobs") == before


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Texts\\flood.txt", "flood.txt"),
        ("桐壺.txt", "桐壺.txt"),
        ('the "flood".txt', 'the "flood".txt'),
        ("a;b=c.txt", "a;b=c.txt"),
    ],
)
async def test_a_file_is_called_by_its_name_without_the_way_there(press: Press, name: str, kept: str) -> None:
    told = await press.imported("editor", b"The river rose.", name)
    assert (told["status"], told["fileName"]) == ("SUCCEEDED", kept)
    assert await press.rows("SELECT source_id FROM app.documents WHERE source_id IS NOT NULL") == [(kept,)]


async def test_the_format_may_be_said(press: Press) -> None:
    told = await press.imported("editor", b"The river rose.", "flood.dat", format="PLAIN_TEXT")
    assert (told["status"], told["format"]) == ("SUCCEEDED", "PLAIN_TEXT")

    told = await press.imported("editor", b"The river rose.", "flood.txt", format="WORD")
    assert (told["status"], told["error"]["code"]) == ("FAILED", "INVALID")


async def test_nobody_has_more_files_waiting_than_some(press: Press) -> None:
    for number in range(MOST_WAITING):
        await press.sent("editor", FLOOD, f"{number}.md")

    (error,) = (await press.send("editor", FLOOD))["errors"]

    assert (error["code"], error["field"]) == ("TOO_MANY", "file")
    await press.sent("owner", FLOOD)
    assert await press.importer.run_next()
    await press.sent("editor", FLOOD)


async def test_a_request_that_comes_twice_is_one_import(press: Press) -> None:
    job = await press.sent("editor", FLOOD, idempotencyKey="flood")
    assert await press.sent("editor", FLOOD, idempotencyKey="flood") == job
    assert len(await press.rows("SELECT id FROM app.import_jobs")) == 1

    for content, name in ((EDITION, "flood.md"), (FLOOD, "other.md")):
        (error,) = (await press.send("editor", content, name, idempotencyKey="flood"))["errors"]
        assert (error["code"], error["field"]) == ("KEY_REUSED", "idempotencyKey")


# Word


async def test_a_word_document_is_imported(press: Press) -> None:
    def write(document: Any) -> None:
        document.add_heading("The flood", 1)
        document.add_paragraph("The river ").add_run("rose").italic = True

    told = await press.imported("editor", made(write), "flood.docx")

    assert (told["status"], told["format"], told["outcome"]["added"]) == ("SUCCEEDED", "WORD", 2)
    assert await press.lines() == ["The flood", "The river rose"]
    ranges = "SELECT content -> 'formatting' -> 'text_styles' -> 'formatting' ->> 0 FROM app.document_elements"
    assert ('{"end": 14, "type": ["italic"], "start": 10}',) in await press.rows(ranges)


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (by_hand(paragraph("One") + " " * 20_000_000), "a.docx", "packed tighter than any text"),
        (b"PK\x03\x04 and nothing more", "a.docx", "is damaged"),
        (b"No Word document.", "a.docx", "is not a Word document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "a.doc", "from an old Word (.doc)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "a.docx", "is locked with a password"),
        (b"<TEI><text>", "a.xml", "a.xml"),
        (b"\x00\x01\x02", "a.txt", "a.txt"),
    ],
    ids=["a bomb", "half a file", "another's name", "an old one", "a locked one", "half a TEI", "no text"],
)
async def test_what_is_wrong_with_a_file_is_told_in_words(press: Press, content: bytes, name: str, reason: str) -> None:
    before = await press.texts()

    told = await press.imported("editor", content, name)

    assert told["status"] == "FAILED"
    assert told["error"]["code"] == "INVALID"
    assert reason in told["error"]["message"]
    assert await press.texts() == before
    assert await files(press) == []


async def test_a_file_that_is_bad_at_its_end_brings_nothing(press: Press) -> None:
    await press.imported("editor", tei(["The river rose."]), "flood.xml")
    before = await press.texts()

    told = await press.imported("editor", tei(["Nobody slept."] * 3_000).removesuffix(b"</TEI>"), "flood.xml")

    assert told["status"] == "FAILED"
    assert told["progress"]["elements"] > 0
    assert await press.texts() == before


# Called off, interrupted, at once


async def test_an_import_that_is_called_off_in_the_middle_leaves_nothing(press: Press) -> None:
    await press.imported("editor", FIRST_EDITION)
    before = await press.texts()
    job = await press.sent("editor", EDITION)

    async with press.held_up():
        running = asyncio.create_task(press.importer.run_next())
        await press.comes_to_a_halt(job)
        assert (await press.cancel("editor", job))["job"] == {"status": "CANCELLED"}
        await running

    assert (await press.told(job))["status"] == "CANCELLED"
    assert await press.texts() == before
    assert await files(press) == []
    assert not await press.importer.run_next()


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "CANCELLED"])
async def test_what_has_ended_cannot_be_called_off(press: Press, status: str) -> None:
    job = await press.sent("editor", b"\x00" if status == "FAILED" else FLOOD)
    if status == "CANCELLED":
        await press.cancel("editor", job)
    await press.importer.run_next()
    before = await press.texts()

    (error,) = (await press.cancel("editor", job))["errors"]

    assert (error["__typename"], error["field"], error["current"]) == ("Conflict", "id", {"id": job})
    assert (await press.told(job))["status"] == status
    assert await press.texts() == before


async def test_to_be_done_and_to_be_called_off_cannot_both_happen(press: Press) -> None:
    """Of the two the first one holds, whenever they come."""
    for number in range(12):
        name = f"{number}.txt"
        job = await press.sent("editor", b"The river rose.", name)
        running = asyncio.create_task(press.importer.run_next())
        await asyncio.sleep(0.02 * number)
        cancelled = (await press.cancel("editor", job))["errors"] == []
        await running

        status = (await press.told(job))["status"]
        brought = await press.rows("SELECT id FROM app.documents WHERE source_id = :name", name=name)
        assert (status, len(brought)) == (("CANCELLED", 0) if cancelled else ("SUCCEEDED", 1))


async def test_a_server_that_is_shut_down_puts_back_what_it_was_at(press: Press) -> None:
    await press.imported("editor", FIRST_EDITION)
    before = await press.texts()
    job = await press.sent("editor", EDITION)

    async with press.held_up():
        running = asyncio.create_task(press.importer.run())
        await press.comes_to_a_halt(job)
        running.cancel()
        await asyncio.wait({running})

    assert await press.texts() == before
    told = await press.told(job)
    assert (told["status"], told["progress"]["elements"]) == ("QUEUED", 0)
    assert await press.rows("SELECT attempts FROM app.import_jobs WHERE status = 'queued'") == [(0,)]
    assert await press.importer.run_next()
    assert await press.lines() == EDITION_LINES


async def test_what_a_process_left_in_the_middle_is_taken_up(press: Press, world: World) -> None:
    job = await press.sent("editor", FLOOD)
    await world.run(update(ImportJob).values(status=ImportStatus.RUNNING, attempts=2, started=func.now()))

    assert await press.importer.run_next()

    assert (await press.told(job))["status"] == "SUCCEEDED"
    assert await press.lines() == ["The river rose.", "Nobody slept."]


async def test_what_takes_its_process_with_it_is_given_up_after_three_times(press: Press, world: World) -> None:
    job = await press.sent("editor", FLOOD)
    await world.run(update(ImportJob).values(status=ImportStatus.RUNNING, attempts=3))

    assert await press.importer.run_next()

    told = await press.told(job)
    assert (told["status"], told["error"]["code"]) == ("FAILED", "INTERRUPTED")
    assert told["error"]["message"] == "The server was interrupted at it 3 times. Nothing was imported."
    assert await press.lines() == []
    assert await files(press) == []


async def test_an_import_whose_connection_is_lost_is_tried_again(press: Press) -> None:
    await press.imported("editor", FIRST_EDITION)
    job = await press.sent("editor", EDITION)
    # Of this database: the imports of other tests are on the same server.
    here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    turns = f"locktype = 'advisory' AND classid = {Turn.IMPORT.value} AND objsubid = 2 AND {here}"
    at_it = f"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE {turns}"

    async with press.held_up():
        running = asyncio.create_task(press.importer.run_next())
        await press.comes_to_a_halt(job)
        await press.rows(at_it)
        with pytest.raises(Exception, match=r"terminat|clos"):
            await running
    assert (await press.told(job))["status"] == "RUNNING"

    # The connection is gone before PostgreSQL has undone what it did, and until then its turn is taken.
    await until(press.importer.run_next)
    assert (await press.told(job))["status"] == "SUCCEEDED"
    assert await press.rows("SELECT attempts FROM app.import_jobs WHERE id = 2") == [(2,)]
    assert await press.lines() == EDITION_LINES


async def test_each_import_is_done_by_one_of_two_processes(press: Press) -> None:
    other = Importer(press.service.app.state.endpoint.settings, writing_sessions(press.engine))
    jobs = [await press.sent("editor", chapters("One.", "Two."), f"{number}.md") for number in range(6)]

    async def all_of_them(importer: Importer) -> None:
        while await importer.run_next():
            pass

    await asyncio.gather(all_of_them(press.importer), all_of_them(other))

    assert {(await press.told(job))["status"] for job in jobs} == {"SUCCEEDED"}
    assert await press.rows("SELECT DISTINCT attempts FROM app.import_jobs") == [(1,)]
    assert len(await press.lines()) == 12


async def test_files_that_hold_the_same_document_come_one_after_the_other(press: Press) -> None:
    other = Importer(press.service.app.state.endpoint.settings, writing_sessions(press.engine))
    jobs = [await press.sent("editor", FLOOD) for _ in range(2)]

    await asyncio.gather(press.importer.run_next(), other.run_next())
    while await other.run_next():
        pass

    outcomes = [(await press.told(job))["outcome"]["newDocuments"] for job in jobs]
    assert sorted(outcomes) == [0, 2]
    assert await press.lines() == ["The river rose.", "Nobody slept."]


async def test_requests_are_answered_while_a_file_is_read(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def read_for_long(*_: Any, **__: Any) -> Iterator[SourceDocument]:
        assert answered.wait(60)
        return iter(())

    monkeypatch.setattr(importing, "read", read_for_long)
    job = await press.sent("editor", FLOOD)
    running = asyncio.create_task(press.importer.run_next())

    async def is_running() -> bool:
        return bool((await press.told(job))["status"] == "RUNNING")

    await until(is_running)
    answered.set()
    await running


async def test_a_fault_of_ours_is_logged_and_told_by_its_id(
    press: Press, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*_: Any, **__: Any) -> Iterator[SourceDocument]:
        raise RuntimeError("SELECT secret FROM app.users")

    monkeypatch.setattr(importing, "read", break_down)
    error = (await press.imported("editor", FLOOD))["error"]

    assert error["code"] == "INTERNAL"
    assert "secret" not in error["message"]
    assert error["message"].rstrip(".").split()[-1] in caplog.text


async def test_what_ended_long_ago_is_forgotten(press: Press, world: World) -> None:
    old, recent, waiting = [await press.sent("editor", FLOOD, f"{number}.md") for number in range(3)]
    for number, days in ((1, 31), (2, 29)):
        ended = func.now() - timedelta(days=days)
        await world.run(
            update(ImportJob).where(ImportJob.id == number).values(status=ImportStatus.SUCCEEDED, finished=ended)
        )

    async with writing_sessions(press.engine).begin() as session:
        await forget_finished(session)

    assert [await press.told(job) is None for job in (old, recent, waiting)] == [True, False, False]


async def test_an_import_is_begun_as_soon_as_it_is_asked_for(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "LOOK_EVERY", 3_600)
    running = asyncio.create_task(press.importer.run())
    try:
        # As soon as that: before it is told of it may have begun, or be done.
        payload = await press.send("editor", FLOOD)
        assert payload["errors"] == []
        job = payload["job"]["id"]
        await press.ends(job)
    finally:
        running.cancel()
        await asyncio.wait({running})
    assert (await press.told(job))["status"] == "SUCCEEDED"


@pytest.mark.parametrize("profile", DatabaseProfile)
async def test_a_database_that_sleeps_is_not_woken_to_be_looked_at(
    press: Press, monkeypatch: pytest.MonkeyPatch, profile: DatabaseProfile
) -> None:
    monkeypatch.setattr(importing, "LOOK_EVERY", 0.01)
    looks = 0

    async def look(_importer: Importer) -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(Importer, "_do_all", look)
    settings = press.service.app.state.endpoint.settings.model_copy(update={"db_profile": profile})
    importer = Importer(settings, writing_sessions(press.engine))
    running = asyncio.create_task(importer.run())

    async def have_looked(times: int) -> None:
        async def has() -> bool:
            return looks >= times

        await until(has)

    if profile is DatabaseProfile.SERVERLESS:
        for times in (1, 2):
            await have_looked(times)
            await asyncio.sleep(0.1)
            assert looks == times
            importer.wake()
    else:
        await have_looked(5)
    running.cancel()
    await asyncio.wait({running})

"""Does the imports that people asked for, one after the other, beside the requests.

An import is one transaction, in which its job's turn is taken: whoever finds a job that is running without anybody
having its turn knows that a process has died at it, of which nothing has stayed. The same transaction says that it
succeeded, so that to be cancelled and to be done can't both happen. How far it has come is told on another connection.

It runs in a thread with an event loop and connections of its own: to read a file and to write what is in it keeps a
loop busy for minutes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO
from uuid import uuid4

from sqlalchemy import Update, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.database import Json, Sessions, Turn, create_engine, plain_reason, took_turn, writing_sessions
from genji_graphql.errors import Conflict, GenjiError, Invalid, NotAllowed, NotFound
from genji_graphql.identity.viewer import standing_later
from genji_graphql.models import ImportJob, ImportPart
from genji_graphql.settings import DatabaseProfile, Settings
from genji_graphql.transfer.files import read
from genji_graphql.transfer.importing import Existing, Outcome, import_documents
from genji_graphql.transfer.jobs import WAITING, check_may_import, forget_file, forget_finished
from genji_graphql.transfer.source import SourceDocument, SourceElement
from genji_graphql.vocabulary import ImportStatus

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds after which somebody looks whether another process left something to do."""
TELL_EVERY = 0.5
"""Seconds after which it is told how far an import has come, and looked whether it was cancelled."""
MOST_ATTEMPTS = 3
"""A file that takes its process with it whenever it is read isn't read for ever."""

_NOBODY_HAS_ITS_TURN = text(
    f"""NOT EXISTS (
        SELECT FROM pg_locks AS held
        WHERE held.locktype = 'advisory' AND held.classid = {Turn.IMPORT.value}
        AND held.objid = import_jobs.id::oid AND held.objsubid = 2
        AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database()))"""  # noqa: S608
)


class Importer:
    """Looks for imports to be done, and does them."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._settings = settings
        self._sessions = sessions
        # A database that sleeps when nobody asks is let sleep.
        self._looks_around = settings.db_profile is not DatabaseProfile.SERVERLESS
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled. What was being imported then is put back, for another process or another day."""
        await _trying(self._forget)
        while True:
            self._woken.clear()
            went_well = await _trying(self._do_all)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_EVERY if self._looks_around or not went_well else None)

    async def _do_all(self) -> None:
        while await self.run_next():
            await self._forget()

    async def run_next(self) -> bool:
        """Do what has waited longest; tells whether there was anything."""
        job_id = await self._next()
        if job_id is None:
            return False
        attempt = Attempt(self._settings, job_id)
        working = asyncio.ensure_future(asyncio.to_thread(attempt.run))
        try:
            while not (await asyncio.wait({working}, timeout=TELL_EVERY))[0]:
                if not await self._still_wanted(attempt):
                    attempt.stop()
        except BaseException:
            attempt.stop()
            await asyncio.wait({working})
            if (fault := working.exception()) is not None:
                _tell_of(fault)
            await self._put_back(attempt)
            raise
        working.result()
        return True

    async def _next(self) -> int | None:
        waiting = select(ImportJob.id).where(ImportJob.status.in_(WAITING), _NOBODY_HAS_ITS_TURN)
        async with self._sessions() as session:
            return await session.scalar(waiting.order_by(ImportJob.id).limit(1))

    async def _still_wanted(self, attempt: "Attempt") -> bool:
        """Tell how far it has come. Of one that was cancelled that can't be told any more."""
        if not attempt.number or attempt.is_over:
            return True
        told = attempt.mine().values(elements_read=attempt.elements, bytes_read=attempt.bytes)
        try:
            return await self._did(told)
        except (DBAPIError, OSError, PoolTimeoutError):
            return True  # that nobody is told of it is no reason to end it

    async def _put_back(self, attempt: "Attempt") -> None:
        if attempt.number:
            back = {
                "status": ImportStatus.QUEUED,
                "attempts": ImportJob.attempts - 1,
                "elements_read": 0,
                "bytes_read": 0,
            }
            try:
                await self._did(attempt.mine().values(back))
            except (DBAPIError, OSError, PoolTimeoutError) as fault:
                _tell_of(fault)  # it will be found, with nobody at it

    async def _forget(self) -> None:
        async with self._sessions.begin() as session:
            await forget_finished(session)

    async def _did(self, change: Update) -> bool:
        async with self._sessions.begin() as session:
            return await _did(session, change)


class Attempt:
    """One try at one import."""

    def __init__(self, settings: Settings, job_id: int) -> None:
        self.job_id = job_id
        self.number = 0
        """Which it is, from 1; 0 until it has begun."""
        self.is_over = False
        self.elements = 0
        self.bytes = 0
        self._settings = settings
        self._stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    def mine(self) -> Update:
        """A change of the job, for as long as it is this attempt's."""
        return update(ImportJob).where(
            ImportJob.id == self.job_id,
            ImportJob.status == ImportStatus.RUNNING,
            ImportJob.attempts == self.number,
        )

    def run(self) -> None:
        """The whole of it, in the thread that calls. Raises what isn't the file's fault and may pass."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """End it, from another thread; nothing of it stays unless it has ended already."""
        if self._stopped or self.is_over:
            return  # twice would disturb it while it undoes what it did
        self._stopped = True
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # its loop is closed
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _run(self) -> None:
        self._task, self._loop = asyncio.current_task(), asyncio.get_running_loop()
        # Without a deadline: an import takes its time.
        engine = create_engine(self._settings)
        try:
            if not self._stopped:
                await self._import(writing_sessions(engine))
        except (_Stopped, asyncio.CancelledError):
            pass
        finally:
            self.is_over = True
            await engine.dispose()

    async def _import(self, sessions: Sessions) -> None:
        async with sessions.begin() as session:
            if not await took_turn(session, Turn.IMPORT, self.job_id):
                return
            job = await self._begin(sessions)
            if job is None:
                return
            try:
                async with session.begin_nested():
                    outcome = await self._read_into(session, job)
            except GenjiError as error:
                await self._fail(session, _code(error), str(error))
            except _Stopped:
                raise
            except Exception as fault:
                if _may_pass(fault):
                    raise
                error_id = str(uuid4())
                log.exception("Unexpected error %s in the import %s", error_id, self.job_id)
                await self._fail(
                    session, "INTERNAL", f"Something went wrong on our side. The error has the id {error_id}."
                )
            else:
                await self._succeed(session, outcome)

    async def _begin(self, sessions: Sessions) -> ImportJob | None:
        """Seen by all from now on. None where it was done or cancelled meanwhile, or tried too often."""
        async with sessions.begin() as session:
            waiting = select(ImportJob).where(ImportJob.id == self.job_id, ImportJob.status.in_(WAITING))
            job = await session.scalar(waiting.with_for_update())
            if job is None:
                return None
            if job.attempts >= MOST_ATTEMPTS:
                job.status, job.finished = ImportStatus.FAILED, func.now()
                job.error_code = "INTERRUPTED"
                job.error_message = f"The server was interrupted at it {job.attempts} times. Nothing was imported."
                await forget_file(session, job.id)
                return None
            job.status, job.attempts, job.started = ImportStatus.RUNNING, job.attempts + 1, func.now()
            job.elements_read = job.bytes_read = 0
            await session.flush()
            await session.refresh(job)
        self.number = job.attempts
        return job

    async def _read_into(self, session: AsyncSession, job: ImportJob) -> Outcome:
        await _check(session, job)
        assert job.document_collection_id is not None  # noqa: S101 - it was found
        with TemporaryFile() as file:
            await _fetch(session, job, file)
            path, most = Path(job.file_name), self._settings.max_import_bytes
            documents = read(path, max_bytes=most, source=file, written_in=job.format)
            into = Existing(job.document_collection_id, job.created_by_id)
            outcome = await import_documents(session, self._watched(documents, file), into)
        # It may have taken minutes.
        await _check(session, job)
        return outcome

    def _watched(self, documents: Iterable[SourceDocument], file: BinaryIO) -> Iterator[SourceDocument]:
        for document in documents:
            yield replace(document, elements=self._counted(document.elements, file))

    def _counted(self, elements: Iterable[SourceElement], file: BinaryIO) -> Iterator[SourceElement]:
        for element in elements:
            if self._stopped:
                # While elements are read nothing else has its turn in this loop.
                raise _Stopped
            self.elements += 1
            if not file.closed:  # as a reader may leave it that came to the end
                self.bytes = max(self.bytes, file.tell())
            yield element

    async def _succeed(self, session: AsyncSession, outcome: Outcome) -> None:
        done = self.mine().values(
            status=ImportStatus.SUCCEEDED,
            outcome=Json.of(asdict(outcome)),
            elements_read=self.elements,
            bytes_read=ImportJob.size,
            finished=func.clock_timestamp(),
        )
        if not await _did(session, done):
            raise _Stopped
        await forget_file(session, self.job_id)

    async def _fail(self, session: AsyncSession, code: str, message: str) -> None:
        failed = self.mine().values(
            status=ImportStatus.FAILED,
            error_code=code,
            error_message=message,
            elements_read=self.elements,
            bytes_read=self.bytes,
            finished=func.clock_timestamp(),
        )
        if await _did(session, failed):
            await forget_file(session, self.job_id)


class _Stopped(Exception):
    """It isn't wanted any more."""


async def _did(session: AsyncSession, change: Update) -> bool:
    result: Any = await session.execute(change)
    return bool(result.rowcount)


async def _check(session: AsyncSession, job: ImportJob) -> None:
    """Whoever asked for it may have lost what they had then."""
    viewer = await standing_later(session, job.created_by_id, job.scopes)
    try:
        await check_may_import(session, viewer, job.document_collection_id)
    except NotFound:
        raise NotFound("The collection isn't there any more.") from None
    except NotAllowed:
        raise NotAllowed("You may not change this collection any more.") from None


async def _fetch(session: AsyncSession, job: ImportJob, file: BinaryIO) -> None:
    """The file, piece by piece, out of the database."""
    place = 0
    while file.tell() < job.size:
        piece = select(ImportPart.data).where(ImportPart.job_id == job.id, ImportPart.place == place)
        data = await session.scalar(piece)
        if data is None:
            raise _Stopped  # whoever cancels takes the file away
        file.write(data)
        place += 1


def _code(error: GenjiError) -> str:
    match error:
        case NotFound():
            return "NOT_FOUND"
        case NotAllowed():
            return "FORBIDDEN"
        case Conflict():
            return "CONFLICT"
        case Invalid():
            return error.code
    return "INVALID"


def _may_pass(fault: Exception) -> bool:
    """Was the database away, or somebody in the way, so that another try may go well?"""
    cause = fault.orig if isinstance(fault, DBAPIError) and fault.orig else fault
    state = getattr(cause, "sqlstate", None) or ""
    is_away = isinstance(cause, OSError | PoolTimeoutError) or getattr(fault, "connection_invalidated", False)
    return is_away or state.startswith(("08", "40", "53", "57P"))


async def _trying(do: Callable[[], Awaitable[None]]) -> bool:
    """Tells whether it went well."""
    try:
        await do()
    except Exception as fault:  # noqa: BLE001 - the next time may find things better
        _tell_of(fault)
        return False
    return True


def _tell_of(fault: BaseException) -> None:
    if isinstance(fault, DBAPIError | OSError | PoolTimeoutError):
        log.warning("Imports have to wait: %s", plain_reason(fault))
    else:
        log.error("Imports have to wait", exc_info=fault)

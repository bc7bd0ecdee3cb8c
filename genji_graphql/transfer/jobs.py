"""Imports that people ask for over the API: the file is kept in the database until some process has imported it.

So it doesn't matter which process took the request, nor that the one which set to it is there still.
"""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from genji_graphql.access.rules import Action
from genji_graphql.access.viewer import Viewer
from genji_graphql.errors import Invalid, NotAllowed
from genji_graphql.identity.viewer import standing_now
from genji_graphql.lines import line
from genji_graphql.models import DocumentCollection, ImportJob, ImportPart
from genji_graphql.transfer.files import START, format_of
from genji_graphql.uploads import Upload
from genji_graphql.vocabulary import ImportFormat, ImportStatus
from genji_graphql.writes.finding import conflict, find, judge, missing
from genji_graphql.writes.idempotency import attempt

WAITING = (ImportStatus.QUEUED, ImportStatus.RUNNING)
MOST_WAITING = 20
"""How many files of one person may wait at a time."""
KEPT = timedelta(days=30)
"""How long it is known what came of an import."""

_LONGEST_NAME = 255
_PART = 1_000_000


async def queue(
    session: AsyncSession,
    viewer: Viewer,
    collection_id: int | None,
    upload: object,
    written_in: ImportFormat | None = None,
    key: str | None = None,
    *,
    max_bytes: int,
) -> int:
    """Keep a file that is to be imported into a collection; gives the number of the job."""
    if not isinstance(upload, Upload):
        raise Invalid(
            "Send the file itself, in a request of the type multipart/form-data.", field="file", code="NOT_A_FILE"
        )
    _check_size(upload, max_bytes)
    name = line(upload.name, _LONGEST_NAME, "file", "name of the file")
    if name in {"", ".", ".."}:
        raise Invalid("The file has no name.", field="file", code="REQUIRED")
    given = {"collection": collection_id, "name": name, "format": written_in, "sha256": upload.sha256}
    request = await attempt(session, viewer, key, "importDocument", given)
    if request.made is not None:
        return request.made[0]
    await check_may_import(session, viewer, collection_id)
    await _check_patience(session, viewer)
    job = ImportJob(
        document_collection_id=collection_id,
        created_by_id=viewer.user_id,
        scopes=None if viewer.scopes is None else sorted(viewer.scopes),
        file_name=name,
        format=written_in or _format_of(name, upload),
        size=upload.size,
    )
    session.add(job)
    await session.flush()
    for place, data in enumerate(upload.parts(_PART)):
        await session.execute(insert(ImportPart).values(job_id=job.id, place=place, data=data))
    await request.has_made([job.id])
    return job.id


async def check_may_import(session: AsyncSession, viewer: Viewer, collection_id: int | None) -> None:
    """Raises NotFound or NotAllowed. The collection stays until the transaction ends; others go on writing in it."""
    number = collection_id or 0
    viewer = await standing_now(session, viewer)
    judged = await judge(session, viewer, DocumentCollection, [number], Action.EDIT)
    if number not in judged:
        raise missing(DocumentCollection, "collection_id")
    if not judged[number][1]:
        raise NotAllowed("You may not change this collection.", field="collection_id")


async def cancel(session: AsyncSession, viewer: Viewer, job_id: int | None) -> int:
    """Nothing of it is imported. Who is at it learns so where they would end it, and undoes what they did."""
    job = await find(session, viewer, ImportJob, job_id, Action.CANCEL)
    if job.status not in WAITING:
        raise conflict(job, "This import has ended already.", "id")
    job.status, job.finished = ImportStatus.CANCELLED, func.now()
    await forget_file(session, job.id)
    return job.id


async def forget_file(session: AsyncSession, job_id: int) -> None:
    await session.execute(delete(ImportPart).where(ImportPart.job_id == job_id))


async def forget_finished(session: AsyncSession) -> None:
    """Forget the imports that ended long ago, but nothing that they brought."""
    await session.execute(delete(ImportJob).where(ImportJob.finished < func.now() - KEPT))


def _check_size(upload: Upload, max_bytes: int) -> None:
    if upload.is_too_large or upload.size > max_bytes:
        raise Invalid(f"The file may have at most {max_bytes:,} bytes.", field="file", code="TOO_LARGE")
    if not upload.size:
        raise Invalid("The file is empty.", field="file", code="REQUIRED")


async def _check_patience(session: AsyncSession, viewer: Viewer) -> None:
    theirs = select(func.count()).where(ImportJob.created_by_id == viewer.user_id, ImportJob.status.in_(WAITING))
    if (await session.scalar(theirs) or 0) >= MOST_WAITING:
        raise Invalid(
            f"You have {MOST_WAITING} files waiting to be imported; send more when some are done.",
            field="file",
            code="TOO_MANY",
        )


def _format_of(name: str, upload: Upload) -> ImportFormat:
    try:
        return format_of(Path(name), upload.start(START))
    except Invalid as error:
        error.field = "file"
        raise

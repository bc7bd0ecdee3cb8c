"""Sending files of texts to be imported."""

import strawberry

from genji_graphql import models
from genji_graphql.context import Context
from genji_graphql.reads.ids import row_id
from genji_graphql.schema.errors import Payload
from genji_graphql.schema.fields import Info
from genji_graphql.schema.filters import option
from genji_graphql.schema.import_job import ImportJob
from genji_graphql.schema.mutation import mutation
from genji_graphql.schema.mutations.requests import KEY, taken
from genji_graphql.transfer import jobs
from genji_graphql.uploads import Upload
from genji_graphql.vocabulary import ImportFormat


@strawberry.input(description="A file of texts, and where they belong.")
class ImportDocumentInput:
    collection_id: strawberry.ID = strawberry.field(description="The collection.")
    file: Upload = strawberry.field(description="The file.")
    format: ImportFormat | None = option("What it is written in. Unless told, how it begins and its name tell.")
    idempotency_key: str | None = option(KEY)


@strawberry.input(description="An import that isn't wanted any more.")
class CancelImportInput:
    id: strawberry.ID = strawberry.field(description="Its global id, or its number.")


@strawberry.type(description="The import as it is now.")
class ImportJobPayload(Payload):
    job: ImportJob | None = strawberry.field(default=None, description="The import.")


@mutation(
    "Takes a file of TEI, plain text or Word, for those who edit the collection. It is imported in the background, "
    "whole or not at all; sent again, it updates what it brought before."
)
async def import_document(info: Info, input: ImportDocumentInput) -> ImportJobPayload:
    given, key = taken(input, "idempotency_key")
    async with info.context.transaction() as session:
        made = await jobs.queue(
            session,
            info.context.viewer,
            row_id(input.collection_id, models.DocumentCollection),
            input.file,
            given.get("format"),
            key,
            max_bytes=info.context.services.settings.max_import_bytes,
        )
    info.context.services.importer.wake()
    return await _payload(info.context, made)


@mutation(
    "Calls off an import that hasn't ended, for whoever asked for it and for administrators. Nothing of it stays."
)
async def cancel_import(info: Info, input: CancelImportInput) -> ImportJobPayload:
    async with info.context.transaction() as session:
        cancelled = await jobs.cancel(session, info.context.viewer, row_id(input.id, models.ImportJob))
    return await _payload(info.context, cancelled)


async def _payload(context: Context, job_id: int) -> ImportJobPayload:
    row = await context.loaders.row(models.ImportJob, job_id)
    return ImportJobPayload(job=row)


@strawberry.type
class ImportMutations:
    import_document: ImportJobPayload = import_document
    cancel_import: ImportJobPayload = cancel_import

"""Files that are being imported."""

from datetime import datetime
from typing import Any

import strawberry

from genji_graphql.database import Json
from genji_graphql.reads import graph
from genji_graphql.schema.collection import DocumentCollection
from genji_graphql.schema.fields import column, made, to_one
from genji_graphql.schema.node import Node, Row
from genji_graphql.schema.user import User
from genji_graphql.transfer.importing import Outcome
from genji_graphql.vocabulary import ImportFormat, ImportStatus


@strawberry.type(description="How far an import has come.")
class ImportProgress:
    status: ImportStatus = strawberry.field(description="What became of it so far.")
    elements: int = column("elements_read", "How many elements were read so far.")
    bytes_read: int = strawberry.field(description="How far in the file that was.")
    bytes: int = column("size", "How long the file is.")

    @strawberry.field(description="How much of the file was read, from 0 to 1.")
    def fraction(row: Row) -> float:
        return float(row.bytes_read / row.size)


@strawberry.type(description="What an import did, in numbers.")
class ImportOutcome:
    new_documents: int = strawberry.field(description="How many documents it made.")
    known_documents: int = strawberry.field(description="How many documents were there already.")
    added: int = strawberry.field(description="How many elements are new.")
    changed: int = strawberry.field(description="How many elements aren't what they were.")
    removed: int = strawberry.field(description="How many elements the file doesn't have any more.")
    unchanged: int = strawberry.field(description="How many elements are as they were.")
    carried: int = strawberry.field(description="How many notes on texts that changed or went stand where they belong.")
    orphaned: int = strawberry.field(description="How many notes lost their place.")


@strawberry.type(description="Why nothing was imported.")
class ImportFailure:
    code: str = column("error_code", "The same for programs.")
    message: str = column("error_message", "What is wrong, in a sentence.")


def _outcome(told: Json | None) -> Outcome | None:
    return None if told is None else Outcome(**told.decoded())


@strawberry.type(
    description="A file that is imported in the background, for whoever sent it and for administrators. It is "
    "forgotten 30 days after it ended."
)
class ImportJob(Node):
    status: ImportStatus = strawberry.field(description="What became of it so far.")
    file_name: str = strawberry.field(description="What its owner calls the file.")
    format: ImportFormat = strawberry.field(description="What it is written in.")
    outcome: ImportOutcome | None = made(_outcome, "outcome", "What it did; null until it has succeeded.")
    created: datetime = strawberry.field(description="When the file was sent.")
    started: datetime | None = strawberry.field(description="When it was begun, the last time.")
    finished: datetime | None = strawberry.field(description="When it had ended.")
    collection: DocumentCollection | None = to_one(
        graph.import_collection, "Where its documents belong; null where that is hidden or gone."
    )
    created_by: User | None = to_one(graph.import_created_by, "Who sent it.")

    @strawberry.field(description="How far it has come.")
    def progress(row: Row) -> ImportProgress:
        told: Any = row
        return told

    @strawberry.field(description="Why it has failed; null where it hasn't.")
    def error(row: Row) -> ImportFailure | None:
        told: Any = None if row.error_code is None else row
        return told

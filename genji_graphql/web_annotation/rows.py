"""Annotations as JSON-LD, from their rows."""

from genji_graphql.database import Json
from genji_graphql.models import Annotation, Document, DocumentCollection, DocumentElement, User
from genji_graphql.reads.web_annotation import Place
from genji_graphql.web_annotation.writing import Creator, Stored, encoded, json_ld


def written(row: Annotation, creator: User | None, base_url: str) -> Json:
    """A valid annotation of the W3C's model, with IRIs under this address."""
    stored = Stored(
        id=row.id,
        target=row.target,
        motivation=row.motivation,
        body=row.body,
        created=row.created,
        modified=row.modified,
        generated=row.generated,
        generator=row.generator,
        creator=None if creator is None else Creator(creator.id, creator.display_name),
        other=row.other,
        parent_id=row.parent_id,
        about=_place(row),
    )
    return Json(encoded(json_ld(stored, base_url)).decode())


def _place(row: Annotation) -> Place | None:
    named = (
        (DocumentElement, row.document_element_id),
        (Document, row.document_id),
        (DocumentCollection, row.document_collection_id),
    )
    return next((Place(model, number) for model, number in named if number is not None), None)

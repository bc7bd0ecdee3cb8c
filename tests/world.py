"""Rows for tests: each method writes one thing and gives its row, with what isn't said left plain."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql import models
from genji_graphql.database import writing_sessions
from genji_graphql.vocabulary import AccessLevel, AnnotationStatus, Recipient, SharedObject, Visibility

DAWN = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    def __init__(self, engine: AsyncEngine) -> None:
        self._sessions = writing_sessions(engine)
        self._numbers = count(1)

    async def add(self, row: Any) -> Any:
        """Write a row of any table, and read back what the database added."""
        async with self._sessions.begin() as session:
            session.add(row)
            await session.flush()
            await session.refresh(row)
        return row

    async def run(self, statement: Any) -> None:
        async with self._sessions.begin() as session:
            await session.execute(statement)

    async def person(self, username: str | None = None, **columns: Any) -> models.User:
        row: models.User = await self.add(models.User(username=username or f"person{next(self._numbers)}", **columns))
        return row

    async def group(self, *members: models.User, **columns: Any) -> models.Group:
        row: models.Group = await self.add(models.Group(**{"name": f"Group {next(self._numbers)}"} | columns))
        for member in members:
            await self.run(insert(models.group_members).values(group_id=row.id, user_id=member.id))
        return row

    async def collection(self, visibility: Visibility = Visibility.PUBLIC, **columns: Any) -> models.DocumentCollection:
        title = f"Collection {next(self._numbers)}"
        row: models.DocumentCollection = await self.add(
            models.DocumentCollection(**{"title": title, "visibility": visibility} | columns)
        )
        return row

    async def document(self, collection: models.DocumentCollection, **columns: Any) -> models.Document:
        row: models.Document = await self.add(
            models.Document(
                **{"document_collection_id": collection.id, "title": f"Document {next(self._numbers)}"} | columns
            )
        )
        return row

    async def element(self, document: models.Document, text: str = "A line.", **columns: Any) -> models.DocumentElement:
        row: models.DocumentElement = await self.add(
            models.DocumentElement(**{"document_id": document.id, "content": {"text": text}} | columns)
        )
        return row

    async def elements(self, document: models.Document, number: int) -> list[models.DocumentElement]:
        return [await self.element(document, f"Line {place}.") for place in range(1, number + 1)]

    async def note(
        self, on: models.DocumentElement | models.Document | models.DocumentCollection | None = None, **columns: Any
    ) -> models.Annotation:
        """An annotation of a text; each is created a minute after the one before."""
        number = next(self._numbers)
        plain = {
            "motivation": "commenting",
            "status": AnnotationStatus.ACTIVE,
            "body": {"type": "TextualBody", "value": f"Note {number}", "format": "text/plain"},
            "created": DAWN + timedelta(minutes=number),
        }
        match on:
            case models.DocumentElement():
                plain |= {"document_element_id": on.id, "target": {"source": f"document_element:{on.id}"}}
            case models.Document():
                plain |= {"document_id": on.id}
            case models.DocumentCollection():
                plain |= {"document_collection_id": on.id}
        row: models.Annotation = await self.add(models.Annotation(**plain | columns))
        return row

    async def response(self, to: models.Annotation, motivation: str = "replying", **columns: Any) -> models.Annotation:
        """A reply, tag, upvote or flag, as the platform's older clients write them."""
        target = {"target": [{"source": f"Annotation/{to.id}"}]}
        return await self.note(**{"motivation": motivation} | target | columns)

    async def share(
        self,
        what: models.DocumentCollection | models.Document,
        whom: models.User | models.Group,
        level: AccessLevel = AccessLevel.VIEW,
        **columns: Any,
    ) -> models.ObjectShare:
        row: models.ObjectShare = await self.add(
            models.ObjectShare(
                object_id=what.id,
                object_type=SharedObject.DOCUMENT if isinstance(what, models.Document) else SharedObject.COLLECTION,
                shared_with_id=whom.id,
                shared_with_type=Recipient.GROUP if isinstance(whom, models.Group) else Recipient.USER,
                access_level=level,
                **columns,
            )
        )
        return row

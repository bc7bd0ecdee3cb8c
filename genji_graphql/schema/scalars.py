"""Scalars beyond GraphQL's own."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NewType

import orjson
import strawberry
from strawberry.types.scalar import ScalarDefinition

from genji_graphql import moments
from genji_graphql.database import Json
from genji_graphql.uploads import Upload

JSON = NewType("JSON", object)
UPLOAD = "Upload"


def _json(value: Any) -> orjson.Fragment:
    # Stored JSON goes out as PostgreSQL wrote it, and a part of it with its numbers as they were.
    return orjson.Fragment(value.encode() if isinstance(value, Json) else orjson.dumps(value, default=_digits))


def _digits(number: Decimal) -> orjson.Fragment:
    return orjson.Fragment(f"{number:f}")


def _parse_json(value: Any) -> Any:
    return value


def _parse_upload(value: Any) -> Any:
    # What is no file is told to whoever sent it, as one of the payload's errors.
    return value


def _no_output(_value: Any) -> Any:
    raise TypeError("a file is sent, and never answered")


def _parse_moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError("a moment is written like 2026-01-31T09:30:00Z, with its offset from UTC")


def _parse_day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("a day is written like 2026-01-31") from None


SCALARS: dict[object, ScalarDefinition] = {
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value: an object, a list, a string, a number, true, false or null.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=_json,
        parse_value=_parse_json,
    ),
    Upload: strawberry.scalar(
        name=UPLOAD,
        description="A file, in a request of the type `multipart/form-data`: `operations` with null in its place, "
        "`map`, then the file. One at a time.",
        specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
        serialize=_no_output,
        parse_value=_parse_upload,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment (ISO 8601), such as `2026-01-31T09:30:00Z`. Without an offset from UTC it is refused.",
        serialize=moments.written,
        parse_value=_parse_moment,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day (ISO 8601), such as `2026-01-31`.",
        serialize=date.isoformat,
        parse_value=_parse_day,
    ),
}

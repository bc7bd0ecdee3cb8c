"""Values that an input may hold: bounded, and of a kind that the tables can keep."""

import re
from typing import Any

from genji_graphql.database import Json
from genji_graphql.errors import Invalid
from genji_graphql.lines import line

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def required_line(given: str | None, most: int, field: str, called: str) -> str:
    text = line(given or "", most, field, called)
    if not text:
        raise Invalid(f"The {called} can't be empty.", field=field, code="REQUIRED")
    return text


def optional_line(given: str | None, most: int, field: str, called: str) -> str | None:
    return line(given or "", most, field, called) or None


def prose(given: str, most: int, field: str, called: str) -> str:
    """Text of any number of lines, to the character."""
    if len(given) > most:
        raise Invalid(f"The {called} may have at most {most:,} characters.", field=field, code="TOO_LONG")
    if _CONTROLS.search(given):
        raise Invalid(
            f"The {called} can't have control characters but tabs and ends of lines.",
            field=field,
            code="INVALID_CHARACTERS",
        )
    return given


def json_object(given: Any, most: int, field: str, called: str) -> Json | None:
    """An object in JSON; null is none."""
    if given is None:
        return None
    if not isinstance(given, dict):
        raise Invalid(f"The {called} must be an object.", field=field, code="NOT_AN_OBJECT")
    try:
        text = Json.of(given)
    except (ValueError, RecursionError):
        raise Invalid(f"The {called} is not a value that JSON can hold.", field=field) from None
    if len(text) > most:
        raise Invalid(f"The {called} may have at most {most:,} characters of JSON.", field=field, code="TOO_LONG")
    return text

"""What an element holds: its text, and what is said of parts of it by places within the text."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, func, literal
from sqlalchemy.dialects.postgresql import JSONB

from genji_graphql.database import Json
from genji_graphql.errors import Invalid
from genji_graphql.models import LONGEST_TEXT, DocumentElement
from genji_graphql.writes.mistakes import Mistakes
from genji_graphql.writes.values import json_object, prose

MAX_CONTENT = 1_000_000
"""Characters of JSON."""
MAX_RANGES = 10_000


def content_of(given: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The content that an input gives, either whole or as its text alone."""
    text, content = given.get("text"), given.get("content")
    if (text is None) == (content is None):
        raise Invalid("Give either `text` or `content`.", field=f"{path}text", code="NOT_ONE")
    return {"text": checked_text(text, f"{path}text")} if content is None else checked(content, f"{path}content")


def checked_text(given: Any, field: str) -> str:
    """The text to the character: notes say by places in it where they stand."""
    if not isinstance(given, str):
        raise Invalid("The text must be a string.", field=field, code="WRONG_TYPE")
    if not given.strip():
        raise Invalid("The text can't be empty.", field=field, code="REQUIRED")
    return prose(given, LONGEST_TEXT, field, "text")


def checked(given: Any, field: str) -> dict[str, Any]:
    """A whole content. What is neither text nor formatting is kept as it came: verse, page breaks, source."""
    json_object(given, MAX_CONTENT, field, "content")
    content: dict[str, Any] = dict(given)
    text = checked_text(content.get("text"), f"{field}.text")
    _check_formatting(content.get("formatting"), len(text), f"{field}.formatting")
    return content


def with_text(content: Json | None, text: str) -> ColumnElement[Any]:
    """The content of a row with another text: what was said of places in the old one isn't there any more."""
    # The database puts it together: to it a number is all its digits.
    written = func.jsonb_build_object("text", literal(text, Text))
    before = None if content is None else content.decoded()
    if not isinstance(before, dict):
        return written
    kept: ColumnElement[Any] = DocumentElement.content.op("-")(literal(list(_OF_PLACES), ARRAY(Text)))
    if _has_ranges(before):
        kept = func.jsonb_set(kept, literal(list(_RANGES), ARRAY(Text)), literal([], JSONB))
    return kept.op("||")(written)


_OF_PLACES = ("verse",)
"""Parts of a content that name places in its text, and so have no meaning for another."""
_RANGES = ("formatting", "text_styles", "formatting")


def _has_ranges(content: Any) -> bool:
    for name in _RANGES:
        content = content.get(name) if isinstance(content, dict) else None
    return isinstance(content, list)


def _check_formatting(formatting: Any, length: int, field: str) -> None:
    """How it is set: `{alignment, indent, text_styles: {is_bold, is_italic, formatting: [{start, end, type}]}}`."""
    if formatting is None:
        return
    styles = _object(formatting, field).get("text_styles")
    if styles is None:
        return
    ranges = _object(styles, f"{field}.text_styles").get("formatting", [])
    field = f"{field}.text_styles.formatting"
    if not isinstance(ranges, list):
        raise Invalid("The ranges of the formatting must be a list.", field=field, code="WRONG_TYPE")
    if len(ranges) > MAX_RANGES:
        raise Invalid(f"The formatting may have at most {MAX_RANGES:,} ranges.", field=field, code="TOO_MANY")
    mistakes = Mistakes()
    for place, one in enumerate(ranges):
        with mistakes.noted():
            _check_range(one, length, f"{field}.{place}")
    mistakes.check()


def _check_range(given: Any, length: int, field: str) -> None:
    """From the first character to that after the last, in Unicode code points."""
    start, end = (_object(given, field).get(name) for name in ("start", "end"))
    # A truth is a number to Python, and to nobody else.
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= length:
        raise Invalid(
            f"A range begins and ends within the text: 0 ≤ start < end ≤ {length}.", field=field, code="OUT_OF_RANGE"
        )
    types = given.get("type", [])
    if not isinstance(types, list) or not all(isinstance(one, str) for one in types):
        raise Invalid("What a range is set in is a list of words.", field=f"{field}.type", code="WRONG_TYPE")


def _object(given: Any, field: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Invalid("This must be an object.", field=field, code="NOT_AN_OBJECT")
    return given

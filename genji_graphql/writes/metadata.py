"""What is told of a collection, held against what the site asks about each."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from genji_graphql.database import Json
from genji_graphql.errors import Invalid
from genji_graphql.lines import line
from genji_graphql.vocabulary import MetadataFieldType
from genji_graphql.writes import images
from genji_graphql.writes.images import MediaType, Size, Use
from genji_graphql.writes.mistakes import Mistakes
from genji_graphql.writes.values import json_object, prose

MAX_METADATA = 3_000_000
"""Characters of JSON: an image and more."""
MAX_LINE, MAX_PROSE, MAX_ITEMS, MAX_URL = 1_000, 20_000, 500, 2_000
MAX_IMAGE_BYTES = 2_000_000

_WHOLE = "collection_metadata"
_DATA = re.compile(r"data:(image/[a-z]+);base64,")
_URL = re.compile(r"https://[^\s/?#<>\"\\]+[^\s<>\"\\]*")
_LONGEST_SIDE = 10_000


def _can_be_shown(size: Size) -> bool:
    return all(1 <= side <= _LONGEST_SIDE for side in size)


_IMAGE = Use(
    "image",
    (MediaType.PNG, MediaType.JPEG),
    MAX_IMAGE_BYTES,
    _can_be_shown,
    f"at most {_LONGEST_SIDE:,} pixels wide and high",
)


def checked(given: Any, asked: Sequence[Mapping[str, Any]]) -> Json | None:
    """The metadata as it is kept. What the site doesn't ask for is kept as it came.

    All that is wrong is told at once, each with the key that is to blame.
    """
    json_object(given, MAX_METADATA, _WHOLE, "metadata")
    told: dict[str, Any] = {} if given is None else dict(given)
    mistakes = Mistakes()
    for field in asked:
        with mistakes.noted():
            _check_field(told, field)
    mistakes.check()
    return None if given is None else json_object(told, MAX_METADATA, _WHOLE, "metadata")


def _check_field(told: dict[str, Any], asked: Mapping[str, Any]) -> None:
    key, path, called = asked["key"], f"{_WHOLE}.{asked['key']}", f"field “{asked['label']}”"
    value = told.get(key)
    if not _is_empty(value):
        told[key] = _KINDS[MetadataFieldType(asked["type"])](value, path, called)
    elif asked["required"]:
        raise Invalid(f"The {called} must be filled in.", field=path, code="REQUIRED")


def _is_empty(value: Any) -> bool:
    match value:
        case str():
            return not value.strip()
        case list():
            return all(_is_empty(item) for item in value)
        case _:
            return value is None


def _line(value: Any, field: str, called: str) -> str:
    if not isinstance(value, str):
        raise _wrong("a line of text", field, called)
    return line(value, MAX_LINE, field, called)


def _prose(value: Any, field: str, called: str) -> str:
    if not isinstance(value, str):
        raise _wrong("text", field, called)
    return prose(value, MAX_PROSE, field, called)


def _lines(value: Any, field: str, called: str) -> list[str]:
    if not isinstance(value, list):
        raise _wrong("a list of lines of text", field, called)
    if len(value) > MAX_ITEMS:
        raise Invalid(f"The {called} may have at most {MAX_ITEMS} lines.", field=field, code="TOO_MANY")
    return [_line(item, f"{field}.{place}", called) for place, item in enumerate(value)]


def _image(value: Any, field: str, called: str) -> str:
    """An address, or the image itself. Of what comes as data the bytes decide, not what they are said to be."""
    if isinstance(value, str) and len(value) <= MAX_URL and _URL.fullmatch(value):
        return value
    data = _DATA.match(value) if isinstance(value, str) else None
    if data is None:
        raise _wrong("an https address, or a PNG or JPEG image as a data: address in base64", field, called)
    image = images.read(value[data.end() :], _IMAGE, field)
    return f"data:{image.media_type};base64,{image.base64}"


def _wrong(wanted: str, field: str, called: str) -> Invalid:
    return Invalid(f"The {called} must be {wanted}.", field=field, code="WRONG_TYPE")


_KINDS: Mapping[MetadataFieldType, Callable[[Any, str, str], Any]] = {
    MetadataFieldType.TEXT: _line,
    MetadataFieldType.TEXTAREA: _prose,
    MetadataFieldType.LIST: _lines,
    MetadataFieldType.IMAGE: _image,
}

"""Global ids: opaque to clients, a type and a row's number to us.

GraphQL Global Object Identification Specification (Relay), section 2.
"""

import binascii
import re
from base64 import b64decode, b64encode
from functools import lru_cache

from sqlalchemy import ColumnElement, Text, cast, func, literal

from genji_graphql.models import Base

_LARGEST = 2**31 - 1  # PostgreSQL's integer
_PLAIN = re.compile(r"[0-9]{1,10}", re.ASCII)
_NAMED = re.compile(r"([A-Za-z]{1,40}):([0-9]{1,10})", re.ASCII)
_LONGEST = 68
"""Characters of the longest that can be one, so that none which are remembered are large."""


def global_id(type_name: str, row_id: int) -> str:
    return b64encode(f"{type_name}:{row_id}".encode()).decode()


def global_id_of(type_name: str, row_id: ColumnElement[int]) -> ColumnElement[str]:
    """`global_id`, made by the database."""
    return func.encode(func.textsend(literal(f"{type_name}:") + cast(row_id, Text)), "base64")


def parse(text: str) -> tuple[str, int] | None:
    """The type's name and the row's number; None for whatever isn't a global id."""
    return _parsed(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=5000)
def _parsed(text: str) -> tuple[str, int] | None:
    try:
        named = _NAMED.fullmatch(b64decode(text, validate=True).decode("ascii"))
    except (binascii.Error, ValueError):
        return None
    if named is None:
        return None
    row_id = in_range(named[2])
    return None if row_id is None else (named[1], row_id)


def row_id(text: str, model: type[Base]) -> int | None:
    """The number of a row of this model, from its global id or, for a person's convenience, the number itself."""
    if _PLAIN.fullmatch(text):
        return in_range(text)
    parsed = parse(text)
    return parsed[1] if parsed and parsed[0] == model.__name__ else None


def in_range(digits: str) -> int | None:
    """A number that a row can have, or None."""
    number = int(digits)
    return number if 1 <= number <= _LARGEST else None

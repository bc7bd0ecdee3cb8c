"""The words and forms that checking, reading and writing share."""

import re
from datetime import UTC, datetime

from genji_graphql import moments
from genji_graphql.reads.web_annotation import JsonValue
from genji_graphql.vocabulary import Motivation

CONTEXT = "http://www.w3.org/ns/anno.jsonld"
SETS = frozenset({"Choice", "Composite", "List", "Independents"})
"""Resources that hold resources. Section 3.2.7 and the appendix on sets."""

MAX_IRI = 2048
MAX_MOTIVATION = 100
"""How many characters the column `motivation` holds."""
MAX_GENERATOR = 255
"""How many characters the column `generator` holds."""


def several(value: JsonValue) -> list[JsonValue]:
    """What JSON-LD lets one write alone or in a list, as a list."""
    return [] if value is None else value if isinstance(value, list) else [value]


def types_of(value: dict[str, JsonValue]) -> set[str]:
    return {each for each in several(value.get("type")) if isinstance(each, str)}


# IRIs

_IRI = re.compile(r'[a-z][a-z0-9+.-]*:[^\x00-\x20<>"{}|\\^`\x7f-\x9f]+', re.IGNORECASE)
_SCRIPTS = ("javascript:", "vbscript:")


def is_iri(value: JsonValue) -> bool:
    """Is it an absolute IRI that a client may follow? One that runs a script is none."""
    return (
        isinstance(value, str)
        and len(value) <= MAX_IRI
        and _IRI.fullmatch(value) is not None
        and not value.lower().startswith(_SCRIPTS)
    )


# Moments

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)", re.ASCII)


def moment_of(value: JsonValue) -> datetime | None:
    """The moment of an xsd:dateTime with a zone, in UTC and to the microsecond; None if it isn't one.

    Of the years only 1 to 9999, as PostgreSQL and Python both have them; of the two ways to write midnight only 00:00.
    """
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    zone = "+00:00" if found[3] == "Z" else found[3]
    try:
        return datetime.fromisoformat(f"{found[1]}.{(found[2] or '0')[:6]:0<6}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def written(moment: datetime) -> str:
    """As xsd:dateTime in UTC, which the standard wants to end with Z. Section 3.3.1."""
    return moments.written(moment.astimezone(UTC)).removesuffix("+00:00") + "Z"


# What of a member its column holds

_KNOWN = frozenset(Motivation)
_PREFIXES = ("oa:", "http://www.w3.org/ns/oa#")


def motivation_of(given: JsonValue) -> str | None:
    """The first of the words that the site knows, else the first that its column holds."""
    words = [_word(each) for each in several(given) if isinstance(each, str)]
    known = (word for word in words if word in _KNOWN)
    fitting = (word for word in words if 0 < len(word) <= MAX_MOTIVATION)
    return next(known, None) or next(fitting, None)


def _word(motivation: str) -> str:
    """The word of the standard, where its IRI or `oa:` stands before it."""
    for prefix in _PREFIXES:
        if motivation.startswith(prefix):
            return motivation.removeprefix(prefix)
    return motivation


def generator_of(given: JsonValue) -> str | None:
    """The IRI of the software, or its name, if the column holds it; of several the first."""
    first = next(iter(several(given)), None)
    names = [first.get("id"), *several(first.get("name"))] if isinstance(first, dict) else [first]
    return next((name for name in names if isinstance(name, str) and 0 < len(name) <= MAX_GENERATOR), None)


# The numbers of bodies and targets

_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)


def numbered(own: str, kind: str, number: int) -> str:
    """The IRI of a body or target that has a number of ours: a fragment of its annotation's."""
    return f"{own}#{kind}-{number}"


def number_of(iri: JsonValue, own: str, kind: str) -> int | None:
    """The number in an IRI that `numbered` has made for the same annotation."""
    start = f"{own}#{kind}-"
    if not isinstance(iri, str) or not iri.startswith(start) or not _NUMBER.fullmatch(iri.removeprefix(start)):
        return None
    number = int(iri.removeprefix(start))
    return number if number < 2**31 else None

"""Media types: what a body is, and which kind of answer a client prefers."""

import re
from functools import lru_cache

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
HTML = "text/html"
EVENT_STREAM = "text/event-stream"
MULTIPART = "multipart/form-data"

_WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


def parse(value: str) -> tuple[str, dict[str, str]]:
    """`text/html; charset="utf-8"` → `text/html` and its parameters."""
    media_type, *rest = value.split(";")
    named = (parameter.partition("=") for parameter in rest)
    return media_type.strip().lower(), {name.strip().lower(): given.strip(' \t"') for name, _, given in named}


@lru_cache
def is_json(content_type: str) -> bool:
    """JSON is UTF-8 (RFC 8259); another charset is another format."""
    media_type, parameters = parse(content_type)
    return media_type == JSON and parameters.get("charset", "utf-8").lower() in {"utf-8", "utf8"}


def is_multipart(content_type: str) -> bool:
    # Asked of each request, of which nearly none is.
    return content_type[:1] in "mM " and parse(content_type)[0] == MULTIPART


@lru_cache
def preferred(accept: str, offered: tuple[str, ...]) -> str | None:
    """The offered type that an Accept header likes best (RFC 9110, 12.5.1), or None where it takes none of them.

    Between equals the more exactly named wins, then the one named first, then the one offered first.
    """
    ranges = [parse(part) for part in accept.split(",") if part.strip()] or [("*/*", {})]
    ranks = {media_type: _rank(media_type, ranges) for media_type in offered}
    best = max(offered, key=ranks.__getitem__)  # of equals, max takes the first
    return best if ranks[best][0] > 0 else None


def _rank(media_type: str, ranges: list[tuple[str, dict[str, str]]]) -> tuple[float, int, int]:
    """Weight, exactness and place of the range that speaks for a type: the most exact one, even if it says no."""
    patterns = ("*/*", media_type.partition("/")[0] + "/*", media_type)
    exactness, place, parameters = max(
        ((patterns.index(named), -i, given) for i, (named, given) in enumerate(ranges) if named in patterns),
        key=lambda match: match[:2],
        default=(0, 0, {"q": "0"}),
    )
    weight = parameters.get("q", "1")
    return float(weight) if _WEIGHT.fullmatch(weight) else 0.0, exactness, place

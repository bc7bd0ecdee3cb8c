"""Answers in one form, whoever gave them, so that they can be compared value by value and in their order."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

_GLOBAL_ID = re.compile(rb"[A-Za-z]+:([0-9]+)")
_MOMENTS = {"created", "modified"}
_WORDS = {"status", "visibility", "textDirection"}
_OPAQUE = {"endCursor"}
_THROUGH_RELATIONS: Mapping[str, Callable[[Any], Any]] = {
    "upvoteCount": lambda votes: votes["totalCount"],
    "viewerHasUpvoted": lambda votes: bool(votes["nodes"]),
    "tags": lambda tags: sorted({tag["body"]["value"] for tag in tags["nodes"]}),
}
"""What one contestant computes for a thing, and another reads from the rows that it is computed from."""


def comparable(body: bytes) -> Any:
    """What an answer says: of a connection that holds nothing but rows its rows, of a global id the number."""
    answer = json.loads(body)
    if "errors" in answer:
        raise ValueError(f"An answer has errors: {json.dumps(answer['errors'], ensure_ascii=False)[:2000]}")
    return _plain(answer.get("data", answer))


def difference(one: Any, other: Any, path: str = "") -> str | None:
    """Where two answers differ first, or None."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return next(_differences((f"{path}.{key}", one[key], other[key]) for key in one), None)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return next(_differences((f"{path}[{place}]", *pair) for place, pair in pairs), None)
    if one == other and type(one) is type(other):
        return None
    return f"{path or 'the whole'}: {_short(one)} against {_short(other)}"


def _differences(pairs: Iterator[tuple[str, Any, Any]]) -> Iterator[str]:
    for path, one, other in pairs:
        if (found := difference(one, other, path)) is not None:
            yield found


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)"


def _plain(value: Any, key: str = "") -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        if key in _THROUGH_RELATIONS:
            return _THROUGH_RELATIONS[key](value)
        if value.keys() == {"nodes"}:
            return _plain(value["nodes"])
        plain = {name: _plain(item, name) for name, item in value.items() if name not in _OPAQUE}
        return plain | plain.pop("viewerCan", {})
    if isinstance(value, str):
        return _plain_text(value, key)
    return value


def _plain_text(text: str, key: str) -> Any:
    if key == "id" and (named := _GLOBAL_ID.fullmatch(b64decode(text))):
        return int(named[1])
    if key in _MOMENTS:
        return datetime.fromisoformat(text).astimezone(UTC)
    if key in _WORDS:
        return text.lower().replace("_", "-")
    return text

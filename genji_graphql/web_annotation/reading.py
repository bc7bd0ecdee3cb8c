"""An annotation in the W3C's form, taken apart into what the columns of `annotations` hold.

Web Annotation Data Model, section 3. What no column holds, or not exactly, goes whole into `other`, for the column of
that name; `writing` puts it together again.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from genji_graphql.errors import Invalid
from genji_graphql.reads.web_annotation import MAX_NESTING, JsonValue, Place, place_of
from genji_graphql.web_annotation.check import problems
from genji_graphql.web_annotation.html import sanitised
from genji_graphql.web_annotation.terms import (
    CONTEXT,
    generator_of,
    moment_of,
    motivation_of,
    number_of,
    several,
    written,
)


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A thing of this site that a target names, and the JSON Pointer, within the targets, of where it does."""

    pointer: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What is to be stored of an annotation."""

    iri: str | None
    """The id that it came with. The site gives its own; see `adopted`."""
    motivation: str | None
    body: JsonValue
    """As given, but for harmful HTML and for numbers of ours; None where there is none."""
    target: JsonValue
    """As given, like the body."""
    creator: JsonValue
    """As given. The site sets its own; this one stays in `other`."""
    generator: str | None
    generated: datetime | None
    created: datetime | None
    """When it says it was made, for those who import; the site sets its own. In `other` it is as given."""
    modified: datetime | None
    other: dict[str, JsonValue]
    """The members that have no column, and those of which a column can't hold all, as given."""
    places: tuple[NamedPlace, ...]


_HELD = frozenset({"@context", "id", "type", "motivation", "body", "bodyValue", "target", "generator", "generated"})


def read(annotation: JsonValue, base_url: str) -> Parsed:
    """What is to be stored of an annotation, already decoded, on the site of this address.

    Raises Invalid with the first of its problems, whose pointer is the field. Where all are to be told, ask
    `check.problems` before.
    """
    for problem in problems(annotation):
        raise Invalid(problem.message, field=problem.pointer, code="INVALID_ANNOTATION")
    own = _own(annotation.get("id"), base_url)
    target = _with_numbers(sanitised(annotation["target"]), own, "target")
    return Parsed(
        iri=annotation.get("id"),
        motivation=motivation_of(annotation.get("motivation")),
        body=_with_numbers(_body(annotation), own, "body"),
        target=target,
        creator=annotation.get("creator"),
        generator=generator_of(annotation.get("generator")),
        generated=moment_of(annotation.get("generated")),
        created=moment_of(annotation.get("created")),
        modified=moment_of(annotation.get("modified")),
        other=_other(annotation),
        places=tuple(places(target, base_url)),
    )


def adopted(parsed: Parsed) -> dict[str, JsonValue]:
    """The `other` of an annotation that was at another IRI before: it is told under `via`.

    Web Annotation Protocol, section 5.1 (creating annotations): the server gives its own id, and keeps the one that
    came. Section 3.3.7 of the data model.
    """
    known = several(parsed.other.get("via"))
    if parsed.iri is None or parsed.iri in known:
        return parsed.other
    return {**parsed.other, "via": [*known, parsed.iri] if known else parsed.iri}


def places(target: JsonValue, base_url: str | None, at: str = "", depth: int = 0) -> Iterator[NamedPlace]:
    """The things of this site that the targets name: by a source, an id, or as an item of a set, in any dialect."""
    if depth > MAX_NESTING:
        return
    if isinstance(target, str):
        place = place_of(target, base_url)
        if place is not None:
            yield NamedPlace(at, place)
    elif isinstance(target, list):
        for n, item in enumerate(target):
            yield from places(item, base_url, f"{at}/{n}", depth + 1)
    elif isinstance(target, dict):
        name = next((name for name in ("source", "items", "id") if target.get(name) is not None), None)
        if name is not None:
            yield from places(target[name], base_url, f"{at}/{name}", depth + 1)


def text_body(value: str) -> dict[str, JsonValue]:
    """What a `bodyValue` stands for. Section 3.2.5."""
    return {"type": "TextualBody", "value": value, "format": "text/plain"}


def _body(annotation: dict[str, JsonValue]) -> JsonValue:
    if "bodyValue" in annotation:
        return text_body(annotation["bodyValue"])
    return sanitised(annotation.get("body"))


def _other(annotation: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """A member that a column holds is kept here too, unless `writing` makes the same of the column."""
    generated = moment_of(annotation.get("generated"))
    made_again: dict[str, Any] = {
        "@context": CONTEXT,
        "type": "Annotation",
        "motivation": motivation_of(annotation.get("motivation")),
        "generator": generator_of(annotation.get("generator")),
        "generated": None if generated is None else written(generated),
    }
    without_column = {name: value for name, value in annotation.items() if name not in _HELD}
    inexact = {
        name: annotation[name]
        for name in ("@context", "type", "motivation", "generator", "generated", "bodyValue")
        if name in annotation and annotation[name] != made_again.get(name)
    }
    return without_column | inexact


# Numbers of ours, which are IRIs outside


def _own(iri: JsonValue, base_url: str) -> str | None:
    """The id of an annotation, if it is one of this site."""
    ours = re.compile(re.escape(base_url.rstrip("/")) + "/annotations/[1-9][0-9]{0,9}", re.ASCII)
    return iri if isinstance(iri, str) and ours.fullmatch(iri) else None


def _with_numbers(value: JsonValue, own: str | None, kind: str, depth: int = 0) -> JsonValue:
    """The IRIs of bodies or targets that `writing` made of numbers, as numbers again.

    Only within the annotation that they belong to: in another they are IRIs like any other.
    """
    if own is None or depth > MAX_NESTING:
        return value
    if isinstance(value, list):
        return [_with_numbers(item, own, kind, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    number = number_of(value.get("id"), own, kind)
    changed = {} if number is None else {"id": number}
    if isinstance(value.get("items"), list):
        changed["items"] = _with_numbers(value["items"], own, kind, depth + 1)
    return {**value, **changed}

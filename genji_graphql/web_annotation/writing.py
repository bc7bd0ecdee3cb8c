"""A stored annotation in the W3C's form, with IRIs of this site.

Web Annotation Data Model, sections 3 and 4. What `reading` took apart comes together as it was, but for what the site
sets: id, creator, created and modified; and HTML that could do harm. (A creator or a moment that came along is
written where the site has set none.) What other clients stored in their own dialects is put into the standard's:

    "source": "document_element:42"             "https://genji.example/elements/42"
    "id": 12, in a body of annotation 7         "https://genji.example/annotations/7#body-12", or #target-12
    "type": "Text" beside such a source         "SpecificResource"
    "refined_by", and a quote under "value"     "refinedBy", "exact"
    [[a, b], c], the passages of a link         a, b and c side by side, each with its "genji:passage"
    a selector that isn't valid                 under "genji:selector"
    what is no resource at all                  the place it names, with the rest under "genji:stored"; or its JSON,
                                                as the text of a TextualBody

A name with a colon is an IRI to JSON-LD, so those that begin with `genji:` need no context of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import orjson

from genji_graphql.database import Json
from genji_graphql.models import Annotation
from genji_graphql.reads.web_annotation import (
    MAX_NESTING,
    PASSAGE,
    JsonValue,
    Place,
    decoded,
    flat,
    iri_of,
    place_of,
)
from genji_graphql.web_annotation.check import resource_problems, selector_problems
from genji_graphql.web_annotation.reading import places, text_body
from genji_graphql.web_annotation.terms import (
    CONTEXT,
    generator_of,
    is_iri,
    moment_of,
    motivation_of,
    numbered,
    several,
    types_of,
    written,
)

Column = TypeVar("Column")


@dataclass(frozen=True, slots=True)
class Creator:
    """The person who wrote it."""

    id: int
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What the row of an annotation holds. JSON is given as text, or as `Json.decoded` has it."""

    id: int
    target: JsonValue
    motivation: str | None = None
    body: JsonValue = None
    created: datetime | None = None
    modified: datetime | None = None
    generated: datetime | None = None
    generator: str | None = None
    creator: Creator | None = None
    other: JsonValue = None
    parent_id: int | None = None
    about: Place | None = None
    """What it is about by its columns, for the few whose target says nothing."""


def json_ld(stored: Stored, base_url: str) -> dict[str, JsonValue]:
    """A valid annotation, as `check.problems` has it, if what is stored keeps to its limits."""
    site = base_url.rstrip("/")
    known = decoded(stored.other) if isinstance(stored.other, Json) else stored.other
    other = known if isinstance(known, dict) else {}
    made = {
        "@context": other.get("@context", CONTEXT),
        "id": _own(stored.id, site),
        "type": other["type"] if "Annotation" in types_of(other) else "Annotation",
        "motivation": _motivation(_said(stored.motivation), other.get("motivation")),
        "created": written(stored.created) if stored.created else other.get("created"),
        "modified": written(stored.modified) if stored.modified else other.get("modified"),
        "creator": _creator(stored.creator, site) if stored.creator else other.get("creator"),
        "generator": _as_given(_said(stored.generator), other.get("generator"), generator_of, _generator),
        "generated": _as_given(stored.generated, other.get("generated"), moment_of, written),
        **_body(stored, other, site),
        "target": _target(stored, site),
    }
    said = {name: value for name, value in made.items() if value is not None}
    return said | {name: value for name, value in other.items() if name not in {*made, "body", "bodyValue"}}


def encoded(annotation: JsonValue) -> bytes:
    """Its JSON, with all digits of the numbers that `Json.decoded` reads as Decimals."""
    return orjson.dumps(annotation, default=_digits)


def _digits(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(type(value).__name__)


# What columns hold


def _own(annotation_id: int, site: str) -> str:
    return iri_of(Place(Annotation, annotation_id), site)


def _said(text: str | None) -> str | None:
    return text if text and text.strip() else None


def _creator(creator: Creator, site: str) -> dict[str, JsonValue]:
    """Section 3.3.2."""
    named = {"name": creator.name} if _said(creator.name) else {}
    return {"id": f"{site}/users/{creator.id}", "type": "Person"} | named


def _generator(name: str) -> JsonValue:
    return name if is_iri(name) else {"type": "Software", "name": name}


def _as_given(
    column: Column | None,
    given: JsonValue,
    column_of: Callable[[JsonValue], Column | None],
    write: Callable[[Column], JsonValue],
) -> JsonValue:
    """The member as it was given, as long as the column still says the same."""
    if given is not None and column_of(given) == column:
        return given
    return None if column is None else write(column)


def _motivation(column: str | None, given: JsonValue) -> JsonValue:
    """Section 3.3.5. Where the column was changed, the further motivations stay."""
    first = motivation_of(given)
    if given is not None and first == column:
        return given
    further = [each for each in several(given) if motivation_of(each) not in (first, column)]
    words = [*([] if column is None else [column]), *further]
    return words if len(words) > 1 else words[0] if words else None


# Bodies and targets


def _body(stored: Stored, other: dict[str, JsonValue], site: str) -> dict[str, JsonValue]:
    value = _decoded(stored.body)
    given = other.get("bodyValue")
    if isinstance(given, str) and isinstance(value, dict) and {**value, "id": 0} == {**text_body(given), "id": 0}:
        return {"bodyValue": given}
    form = _Form(site, _own(stored.id, site), "body")
    return {"body": [form.resource(item) for item in flat(value)] if isinstance(value, list) else form.some(value)}


def _target(stored: Stored, site: str) -> JsonValue:
    """Section 3.2.6: there has to be one. A note that says nothing of it is about what its columns name."""
    value = _decoded(stored.target)
    form = _Form(site, _own(stored.id, site), "target")
    nested = isinstance(value, list) and any(isinstance(item, list) for item in value)
    targets = form.passages(value) if nested else form.some(value)
    if targets is not None and targets != []:
        return targets
    if stored.parent_id is not None:
        return _own(stored.parent_id, site)
    return f"{site}/" if stored.about is None else iri_of(stored.about, site)


def _decoded(value: JsonValue) -> JsonValue:
    return decoded(value) if isinstance(value, Json) else value


@dataclass(frozen=True, slots=True)
class _Form:
    """Puts the bodies, or the targets, of one annotation into the standard's form."""

    site: str
    own: str
    kind: str

    def some(self, value: JsonValue) -> JsonValue:
        if value is None:
            return None
        return [self.resource(item) for item in value] if isinstance(value, list) else self.resource(value)

    def passages(self, groups: list[JsonValue]) -> list[JsonValue]:
        return [
            {**(resource if isinstance(resource, dict) else {"id": resource}), PASSAGE: passage}
            for passage, group in enumerate(groups)
            for resource in map(self.resource, flat(group))
        ]

    def resource(self, value: JsonValue) -> JsonValue:
        """A valid resource, whatever it is; what is valid already stays as it is."""
        form = self._form(value)
        if not resource_problems(form):
            return form
        mended = _without_invalid_selectors(_without_nulls(form))
        return self._kept(value) if resource_problems(mended) else mended

    def _form(self, value: JsonValue, depth: int = 0) -> JsonValue:
        if isinstance(value, str) and not isinstance(value, Json):
            return self._iri(value)
        if not isinstance(value, dict) or depth > MAX_NESTING:
            return value
        form = dict(value)
        identifier, source = value.get("id"), value.get("source")
        if isinstance(identifier, int | str) and not isinstance(identifier, bool):
            form["id"] = self._iri(identifier) if isinstance(identifier, str) else self._numbered(identifier)
        if isinstance(source, str | dict):
            form["source"] = self._form(source, depth + 1)
        if isinstance(source, str) and form["source"] != source:
            form["type"] = _specific(value.get("type"))
        if isinstance(value.get("items"), list):
            form["items"] = [self._form(item, depth + 1) for item in value["items"]]
        if isinstance(value.get("scope"), str | dict):
            form["scope"] = self._form(value["scope"], depth + 1)
        for name in ("selector", "state"):
            if name in value:
                form[name] = _selectors(value[name])
        return form

    def _iri(self, name: str) -> str:
        place = place_of(name)
        return name if place is None else iri_of(place, self.site)

    def _numbered(self, number: int) -> JsonValue:
        return numbered(self.own, self.kind, number) if 0 <= number < 2**31 else number

    def _kept(self, value: JsonValue) -> dict[str, JsonValue]:
        """What is no resource: as what it names, or else as a text."""
        named = next(places(value, self.site), None)
        if named is not None and not isinstance(value, str):
            return {"id": iri_of(named.place, self.site), "genji:stored": value}
        if isinstance(value, str) and not isinstance(value, Json):
            return text_body(value)
        text = value if isinstance(value, Json) else encoded(value).decode()
        return {"type": "TextualBody", "value": str(text), "format": "application/json"}


def _specific(given: JsonValue) -> JsonValue:
    """The type of a specific resource that had another. `Text` says nothing of it that the source doesn't."""
    further = [each for each in several(given) if each not in ("Text", "SpecificResource")]
    return ["SpecificResource", *further] if further else "SpecificResource"


def _selectors(value: JsonValue, depth: int = 0) -> JsonValue:
    """Selectors with the standard's names for their members."""
    if depth > MAX_NESTING:
        return value
    if isinstance(value, list):
        return [_selectors(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    names = {}
    if "refined_by" in value:
        names["refined_by"] = "genji:refined_by" if "refinedBy" in value else "refinedBy"
    if "TextQuoteSelector" in types_of(value) and value.get("exact") is None and isinstance(value.get("value"), str):
        names["value"] = "exact"
    form = {names.get(name, name): item for name, item in value.items() if not (name == "exact" and "value" in names)}
    inner = ("refinedBy", "startSelector", "endSelector")
    return form | {name: _selectors(form[name], depth + 1) for name in inner if name in form}


def _without_nulls(value: JsonValue) -> JsonValue:
    """To JSON-LD a member that is null isn't there."""
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _without_nulls(item) for name, item in value.items() if item is not None}


def _without_invalid_selectors(value: JsonValue) -> JsonValue:
    if not isinstance(value, dict) or "selector" not in value:
        return value
    selectors = several(value["selector"])
    valid = [each for each in selectors if not selector_problems(each)]
    if len(valid) == len(selectors):
        return value
    form = {**value, "selector": valid, "genji:selector": [each for each in selectors if each not in valid]}
    return form if valid else {name: item for name, item in form.items() if name != "selector"}

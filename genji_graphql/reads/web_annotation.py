"""Bodies and targets of annotations, read from their JSON.

Three dialects are read alike: the W3C's, the schema document's (one object, `"source": "document_element:42"`) and
that of the platform's older clients (arrays that may nest, `"source": "DocumentElements/2"`, a quote under `value`,
`refined_by`). What fits none of them is kept as it is, as an `OpaqueResource`; reading never fails and never loses:
each resource carries its own JSON. Where the address of this site is given, its IRIs are known as places too.

Web Annotation Data Model, sections 3.2 (bodies and targets) and 4 (specific resources and selectors).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from genji_graphql.database import Json
from genji_graphql.models import Annotation, Base, Document, DocumentCollection, DocumentElement
from genji_graphql.reads import ids

JsonValue = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TextQuoteSelector:
    """The text itself, with some of what stands before and after it. Section 4.2.4."""

    exact: str | None
    prefix: str | None
    suffix: str | None
    refined_by: "Selector | None"
    json: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPositionSelector:
    """A range of code points, the start counted from 0, the end exclusive. Section 4.2.5."""

    start: int | None
    end: int | None
    refined_by: "Selector | None"
    json: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPositionSelector:
    """A range of bytes. Section 4.2.6."""

    start: int | None
    end: int | None
    refined_by: "Selector | None"
    json: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentSelector:
    """The fragment of an IRI, in the syntax of a media type. Section 4.2.1."""

    value: str | None
    conforms_to: str | None
    refined_by: "Selector | None"
    json: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class CssSelector:
    """A CSS selector. Section 4.2.2."""

    value: str | None
    refined_by: "Selector | None"
    json: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class XPathSelector:
    """An XPath. Section 4.2.3."""

    value: str | None
    refined_by: "Selector | None"
    json: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class SvgSelector:
    """An area, drawn in SVG. Section 4.2.7."""

    value: str | None
    refined_by: "Selector | None"
    json: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeSelector:
    """All from where one selector begins to where another begins. Section 4.2.8."""

    start_selector: "Selector | None"
    end_selector: "Selector | None"
    refined_by: "Selector | None"
    json: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class OpaqueSelector:
    """A selector of a type that the standard doesn't have."""

    json: JsonValue


Selector = (
    TextQuoteSelector
    | TextPositionSelector
    | DataPositionSelector
    | FragmentSelector
    | CssSelector
    | XPathSelector
    | SvgSelector
    | RangeSelector
    | OpaqueSelector
)


@dataclass(frozen=True, slots=True)
class Place:
    """A row of ours that a resource speaks of."""

    model: type[Base]
    row_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What all bodies and targets share: the number or the IRI that they are known by, and their JSON."""

    database_id: int | None = None
    iri: str | None = None
    json: JsonValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextualBody(Resource):
    """Text that is part of the annotation. Section 3.2.4."""

    value: str
    format: str | None = None
    language: str | None = None
    text_direction: str | None = None
    purposes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalResource(Resource):
    """A resource of the web, known by its IRI alone. Section 3.2.1."""

    type: str | None = None
    format: str | None = None
    language: str | None = None
    purposes: list[str] = field(default_factory=list)
    place: Place | None = None
    passage: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecificResource(Resource):
    """A part or a use of another resource. Section 4."""

    source: str
    selectors: list[Selector] = field(default_factory=list)
    purposes: list[str] = field(default_factory=list)
    place: Place | None = None
    passage: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Resource):
    """Resources of which one is to be used, the best first. Section 3.2.8."""

    items: "list[AnyResource]"
    passage: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpaqueResource(Resource):
    """What is none of the standard's resources, as it was stored."""

    passage: int = 0


AnyResource = TextualBody | ExternalResource | SpecificResource | Choice | OpaqueResource

MAX_NESTING = 20
"""How deep resources and selectors stand in each other and are still read."""
MAX_DEPTH = 100
"""How deep any JSON may be nested and still be taken apart."""

_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')


PASSAGE = "genji:passage"
"""The member in which a target that came out of an inner array, and flat into the world, says its `passage`."""


def bodies(stored: Json | None, base_url: str | None = None) -> list[AnyResource]:
    return [_resource(item, base_url) for item in _several(decoded(stored))]


def targets(stored: Json | None, base_url: str | None = None) -> list[AnyResource]:
    """The targets in their order. Those that older clients nest in one inner array share a `passage`."""
    return [
        _resource(target, base_url, passage=_passage(target, passage))
        for passage, group in enumerate(_several(decoded(stored)))
        for target in flat(group)
    ]


def _passage(target: JsonValue, counted: int) -> int:
    said = _number(target, PASSAGE) if isinstance(target, dict) else None
    return counted if said is None else said


def decoded(stored: Json | None) -> JsonValue:
    """The values of a JSON document. One that is nested so deeply that Python's stack might end stays text."""
    if stored is None:
        return None
    brackets = stored.count("[") + stored.count("{")
    return stored if brackets > MAX_DEPTH and _depth(stored) > MAX_DEPTH else stored.decoded()


def _depth(text: str) -> int:
    turns = ((bracket in "[{") - (bracket in "]}") for bracket in _STRING.sub("", text))
    return max(accumulate(turns))


def _several(value: JsonValue) -> list[JsonValue]:
    return [] if value is None else value if isinstance(value, list) else [value]


def flat(value: JsonValue, depth: int = 0) -> Iterator[JsonValue]:
    if isinstance(value, list) and depth < MAX_NESTING:
        for item in value:
            yield from flat(item, depth + 1)
    else:
        yield value


def _resource(value: JsonValue, base_url: str | None, passage: int = 0, depth: int = 0) -> AnyResource:
    if isinstance(value, Json):
        return OpaqueResource(json=value, passage=passage)
    if isinstance(value, str):
        return ExternalResource(iri=value, place=place_of(value, base_url), passage=passage, json=value)
    if not isinstance(value, dict) or depth > MAX_NESTING:
        return OpaqueResource(json=value, passage=passage)
    known = _known_by(value)
    purposes = _texts(value.get("purpose"))
    if _text(value, "type") in {None, "Choice"} and isinstance(value.get("items"), list):
        items = [_resource(item, base_url, depth=depth + 1) for item in value["items"]]
        return Choice(**known, items=items, passage=passage, json=value)
    source = value.get("source")
    if source is not None:
        name = source.get("id") if isinstance(source, dict) else source
        if isinstance(name, str):
            selectors = [_selector(item) for item in _several(value.get("selector"))]
            return SpecificResource(
                **known,
                source=name,
                selectors=selectors,
                purposes=purposes,
                place=place_of(name, base_url),
                passage=passage,
                json=value,
            )
    if isinstance(value.get("value"), str):
        return TextualBody(
            **known,
            value=value["value"],
            format=_text(value, "format"),
            language=_text(value, "language"),
            text_direction=_text(value, "textDirection"),
            purposes=purposes,
            json=value,
        )
    if known["iri"] is not None:
        return ExternalResource(
            **known,
            type=_text(value, "type"),
            format=_text(value, "format"),
            language=_text(value, "language"),
            purposes=purposes,
            place=place_of(known["iri"], base_url),
            passage=passage,
            json=value,
        )
    return OpaqueResource(**known, json=value, passage=passage)


def _known_by(value: dict[str, JsonValue]) -> dict[str, Any]:
    """The standard's `id` is an IRI; the platform's is a number of its own sequence."""
    identifier = value.get("id")
    number = isinstance(identifier, int) and not isinstance(identifier, bool) and 0 <= identifier < 2**31
    return {
        "database_id": identifier if number else None,
        "iri": identifier if isinstance(identifier, str) else None,
    }


def _selector(value: JsonValue, depth: int = 0) -> Selector:
    if not isinstance(value, dict) or depth > MAX_NESTING:
        return OpaqueSelector(json=value)

    def inner(*names: str) -> Selector | None:
        found = next((value[name] for name in names if value.get(name) is not None), None)
        return None if found is None else _selector(found, depth + 1)

    refined = inner("refinedBy", "refined_by")
    match value.get("type"):
        case "TextQuoteSelector":
            exact = _text(value, "exact")
            return TextQuoteSelector(
                exact=_text(value, "value") if exact is None else exact,
                prefix=_text(value, "prefix"),
                suffix=_text(value, "suffix"),
                refined_by=refined,
                json=value,
            )
        case "TextPositionSelector":
            return TextPositionSelector(
                start=_number(value, "start"), end=_number(value, "end"), refined_by=refined, json=value
            )
        case "DataPositionSelector":
            return DataPositionSelector(
                start=_number(value, "start"), end=_number(value, "end"), refined_by=refined, json=value
            )
        case "FragmentSelector":
            return FragmentSelector(
                value=_text(value, "value"), conforms_to=_text(value, "conformsTo"), refined_by=refined, json=value
            )
        case "CssSelector":
            return CssSelector(value=_text(value, "value"), refined_by=refined, json=value)
        case "XPathSelector":
            return XPathSelector(value=_text(value, "value"), refined_by=refined, json=value)
        case "SvgSelector":
            return SvgSelector(value=_text(value, "value"), refined_by=refined, json=value)
        case "RangeSelector":
            return RangeSelector(
                start_selector=inner("startSelector"),
                end_selector=inner("endSelector"),
                refined_by=refined,
                json=value,
            )
        case _:
            return OpaqueSelector(json=value)


_PLACE = re.compile(
    r"(?:(?P<element>document_?elements?|elements?)|(?P<document>documents?)"
    r"|(?P<collection>(?:document_?)?collections?)|(?P<annotation>annotations?))[/:](?P<id>[0-9]{1,10})",
    re.ASCII | re.IGNORECASE,
)
_MODELS: dict[str, type[Base]] = {
    "element": DocumentElement,
    "document": Document,
    "collection": DocumentCollection,
    "annotation": Annotation,
}
PLACES = tuple(_MODELS.values())
"""Of what models a place may be."""

_PATHS: dict[type[Base], str] = {
    DocumentElement: "elements",
    Document: "documents",
    DocumentCollection: "collections",
    Annotation: "annotations",
}
_MODELS_BY_PATH = {path: model for model, path in _PATHS.items()}
_MODELS_BY_NAME = {model.__name__: model for model in PLACES}
_PATH = re.compile(r"/([a-z]+)/([0-9]{1,10})(?:#.*)?", re.ASCII)


def place_of(name: str, base_url: str | None = None) -> Place | None:
    """The row that a source such as `document_element:42`, `DocumentElements/42` or a global id names.

    With the address of this site also its IRIs, such as `https://genji.example/elements/42`, and their fragments.
    """
    found = _PLACE.fullmatch(name)
    if found is not None:
        kind = next(kind for kind in _MODELS if found[kind])
        return _place(_MODELS[kind], ids.in_range(found["id"]))
    site = None if base_url is None else base_url.rstrip("/")
    path = _PATH.fullmatch(name[len(site) :]) if site is not None and name.startswith(site) else None
    if path is not None:
        return _place(_MODELS_BY_PATH.get(path[1]), ids.in_range(path[2]))
    named = ids.parse(name)
    return None if named is None else _place(_MODELS_BY_NAME.get(named[0]), named[1])


def _place(model: type[Base] | None, row_id: int | None) -> Place | None:
    return None if model is None or row_id is None else Place(model, row_id)


def iri_of(place: Place, base_url: str) -> str:
    """The IRI of a place on the site of this address; `place_of` reads it back."""
    return f"{base_url.rstrip('/')}/{_PATHS[place.model]}/{place.row_id}"


def _text(value: dict[str, JsonValue], name: str) -> str | None:
    found = value.get(name)
    if isinstance(found, list) and found:
        found = found[0]
    return found if isinstance(found, str) else None


def _texts(value: JsonValue) -> list[str]:
    return [item for item in _several(value) if isinstance(item, str)]


def _number(value: dict[str, JsonValue], name: str) -> int | None:
    found = value.get(name)
    whole = isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**31
    return found if whole else None

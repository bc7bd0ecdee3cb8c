"""What a note is about, as it is stored: which rows of ours its targets name, and where in their text.

A target that selects a passage of an element carries both its position and its quote with what stands around it,
whichever of them a client sent; the selectors are alternatives (Web Annotation Data Model, section 4.2).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genji_graphql.anchoring.anchor import Anchor, Unit, resolve
from genji_graphql.errors import Invalid
from genji_graphql.models import Annotation, Base, Document, DocumentCollection, DocumentElement
from genji_graphql.reads.web_annotation import MAX_NESTING, Place, iri_of, place_of

JsonValue = Any

_NAMES: Mapping[type[Base], str] = {
    Annotation: "Annotation",
    Document: "Documents",
    DocumentCollection: "DocumentCollections",
    DocumentElement: "DocumentElements",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """A passage as a client selected it: by its offsets, by its words, or by both."""

    start: int | None = None
    end: int | None = None
    unit: Unit = Unit.CODE_POINT
    exact: str | None = None
    prefix: str | None = None
    suffix: str | None = None

    def found_in(self, text: str, field: str) -> Anchor:
        """Where it is in a text. Raises Invalid, with the nearest passage where there is one."""
        try:
            return resolve(
                text,
                start=self.start,
                end=self.end,
                unit=self.unit,
                exact=self.exact,
                prefix=self.prefix,
                suffix=self.suffix,
            )
        except Invalid as error:
            error.field = field
            raise


def source_of(place: Place) -> str:
    """How the platform's clients name a row, such as `DocumentElements/42`."""
    return f"{_NAMES[place.model]}/{place.row_id}"


_OLDER_NAMES: Mapping[type[Base], str] = {
    Annotation: "annotation",
    Document: "document",
    DocumentCollection: "collection",
    DocumentElement: "document_element",
}


def names_of(model: type[Base]) -> Sequence[str]:
    """What stands before a row's number where clients name it."""
    return f"{_NAMES[model]}/", f"{_OLDER_NAMES[model]}:"


def without(target: JsonValue, gone: Collection[Place]) -> JsonValue:
    """The targets without those that name one of these rows; None where nothing is left."""
    if isinstance(target, list):
        return [one for one in (without(one, gone) for one in target) if one not in (None, [])]
    return None if place_in(target) in gone else target


def target_on(place: Place, anchor: Anchor | None) -> dict[str, JsonValue]:
    """A target in the words of the platform's clients."""
    if place.model is Annotation:
        return {"type": "Annotation", "source": source_of(place)}
    target: dict[str, JsonValue] = {"type": "Text", "source": source_of(place)}
    if anchor is not None:
        target["selector"] = selectors_of(anchor)
    return target


def selectors_of(anchor: Anchor) -> list[dict[str, JsonValue]]:
    return [
        {"type": "TextQuoteSelector", "exact": anchor.exact, "prefix": anchor.prefix, "suffix": anchor.suffix},
        {"type": "TextPositionSelector", "start": anchor.start, "end": anchor.end},
    ]


def places_in(target: JsonValue) -> list[Place]:
    """The rows of ours that targets name, in their order."""
    return [place for one in each(target) if (place := place_in(one)) is not None]


def elements_of(target: JsonValue) -> set[int]:
    """The elements among them, by their numbers."""
    return {place.row_id for place in places_in(target) if place.model is DocumentElement}


def place_in(target: JsonValue) -> Place | None:
    """The row of ours that one target names."""
    source = _source(target)
    return None if source is None else place_of(source)


def each(target: JsonValue, depth: int = 0) -> Iterator[JsonValue]:
    """The targets one by one, however they are nested."""
    if isinstance(target, list) and depth < MAX_NESTING:
        for one in target:
            yield from each(one, depth + 1)
    else:
        yield target


def replaced(target: JsonValue, others: Iterator[JsonValue], depth: int = 0) -> JsonValue:
    """The targets with others in their places: as many as `each` tells, in that order."""
    if isinstance(target, list) and depth < MAX_NESTING:
        return [replaced(one, others, depth + 1) for one in target]
    return next(others)


def put_in(target: JsonValue, place: Place) -> JsonValue:
    """The target, as another one, with the name of this place for that which it has."""
    name = source_of(place)
    if isinstance(target, str):
        # An IRI alone has no room for how it came there, and needs none while it is about the same text.
        return name if place.model is DocumentElement else {"type": "Text", "source": name}
    if isinstance(target.get("source"), dict):
        return target | {"source": target["source"] | {"id": name}}
    return target | {"source" if "source" in target else "id": name}


def as_ours(target: JsonValue, base_url: str, depth: int = 0) -> JsonValue:
    """Targets, or bodies, with IRIs of this site's things in the platform's own words, so that its address may change.

    Nothing is lost by it: to read them as JSON-LD gives the IRIs back. But what the site says of how a target came to
    its place is taken from nobody else.
    """
    if depth > MAX_NESTING:
        return target
    if isinstance(target, list):
        return [as_ours(one, base_url, depth + 1) for one in target]
    if isinstance(target, str):
        place = place_of(target, base_url)
        return target if place is None or target != iri_of(place, base_url) else source_of(place)
    if isinstance(target, dict):
        parts = {name: target[name] for name, kind in _NAMING.items() if isinstance(target.get(name), kind)}
        ours = target | {name: as_ours(part, base_url, depth + 1) for name, part in parts.items()}
        ours.pop(_SAID_BY_US, None)
        return ours
    return target


_SAID_BY_US = "genji:anchoring"
"""How a target was carried is for the site to say: one that claims to be lost would be left where it is."""
_NAMING: Mapping[str, Any] = {"id": str, "source": str | dict, "items": list, "scope": str | dict}
"""What names something in a resource: itself, what it is a part of, what is to be chosen, where it was seen."""


def _source(target: JsonValue) -> str | None:
    if isinstance(target, str):
        return target
    if not isinstance(target, dict):
        return None
    source = target.get("source", target.get("id"))
    if isinstance(source, dict):
        source = source.get("id")
    return source if isinstance(source, str) else None


def anchored(target: JsonValue, texts: Mapping[int, str], field: str) -> JsonValue:
    """The targets with each passage of an element where its text says that it is. Raises Invalid.

    `texts` are those of the elements, by their numbers.
    """
    if isinstance(target, list):
        return [anchored(one, texts, field) for one in target]
    if not isinstance(target, dict) or "selector" not in target:
        return target
    place = place_in(target)
    if place is None or place.model is not DocumentElement:
        return target
    given = target["selector"] if isinstance(target["selector"], list) else [target["selector"]]
    selection = selection_of(given)
    if selection is None:
        return target
    anchor = selection.found_in(texts[place.row_id], field)
    others = [one for one in given if not is_of_text(one)]
    return target | {"selector": [*selectors_of(anchor), *others]}


def selection_of(selectors: list[JsonValue]) -> Selection | None:
    """The passage that selectors speak of together, where any of them is of text."""
    quote = next((one for one in _with_inner(selectors) if _type(one) == "TextQuoteSelector"), {})
    position = next((one for one in _with_inner(selectors) if _type(one) == "TextPositionSelector"), {})
    if not quote and not position:
        return None
    return Selection(
        start=position.get("start"),
        end=position.get("end"),
        exact=quote.get("exact", quote.get("value")),
        prefix=quote.get("prefix"),
        suffix=quote.get("suffix"),
    )


def _with_inner(selectors: list[JsonValue]) -> Iterator[dict[str, JsonValue]]:
    """The selectors, and those of older clients that stand in another, as `refined_by`, and say the same as it."""
    for one in selectors:
        if isinstance(one, dict):
            yield one
            inner = one.get("refinedBy", one.get("refined_by"))
            if isinstance(inner, dict) and is_of_text(inner) and is_of_text(one):
                yield inner


def is_of_text(selector: JsonValue) -> bool:
    return _type(selector) in {"TextQuoteSelector", "TextPositionSelector"}


def _type(selector: JsonValue) -> str | None:
    found = selector.get("type") if isinstance(selector, dict) else None
    return found if isinstance(found, str) else None


def numbered(value: JsonValue, numbers: Iterator[int]) -> JsonValue:
    """Bodies or targets with numbers of the site's own, but for those that have a name already.

    What is known by its IRI alone stays a string.
    """
    if isinstance(value, list):
        return [numbered(one, numbers) for one in value]
    if isinstance(value, dict) and "id" not in value:
        return {"id": next(numbers)} | value
    return value


def unnumbered(value: JsonValue) -> int:
    """How many numbers that takes."""
    return sum(1 for one in each(value) if isinstance(one, dict) and "id" not in one)

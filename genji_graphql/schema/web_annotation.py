"""Bodies, targets and selectors of annotations, typed.

Web Annotation Data Model, sections 3 and 4. The classes of `reads.web_annotation` hold what these types show.
"""

from typing import Annotated, Any

import strawberry

from genji_graphql.reads.web_annotation import PLACES, Place
from genji_graphql.schema.fields import Info
from genji_graphql.schema.node import Node, Row
from genji_graphql.schema.scalars import JSON

# Selectors refine selectors, and a choice offers bodies: these names stand for unions that are written further down.
_HERE = strawberry.lazy("genji_graphql.schema.web_annotation")
LazySelector = Annotated["Selector", _HERE]
LazyBody = Annotated["AnnotationBody", _HERE]


class Read:
    """A type that shows an object of the same name, read from an annotation's JSON."""

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return type(value).__name__ == cls.__name__


_REFINED = "A selector within what this one selects."
_JSON = "The JSON that this was read from."
_PURPOSES = "Why it is part of the annotation."
_DATABASE_ID = "Its number on this site."
_IRI = "Its IRI."
_PASSAGE = "Targets of one passage of a link have the same number here, counted from 0."
_PLACE = "What it speaks of on this site, where the viewer may see it."


@strawberry.type(description="The text itself, with some of what stands before and after it.")
class TextQuoteSelector(Read):
    exact: str | None = strawberry.field(description="The text that is meant.")
    prefix: str | None = strawberry.field(description="The text just before it.")
    suffix: str | None = strawberry.field(description="The text just after it.")
    refined_by: LazySelector | None = strawberry.field(description=_REFINED)
    json: JSON = strawberry.field(description=_JSON)


@strawberry.type(description="A range of Unicode code points.")
class TextPositionSelector(Read):
    start: int | None = strawberry.field(description="The first, counted from 0.")
    end: int | None = strawberry.field(description="The one after the last.")
    refined_by: LazySelector | None = strawberry.field(description=_REFINED)
    json: JSON = strawberry.field(description=_JSON)


@strawberry.type(description="A range of bytes.")
class DataPositionSelector(Read):
    start: int | None = strawberry.field(description="The first, counted from 0.")
    end: int | None = strawberry.field(description="The one after the last.")
    refined_by: LazySelector | None = strawberry.field(description=_REFINED)
    json: JSON = strawberry.field(description=_JSON)


@strawberry.type(description="The fragment of an IRI.")
class FragmentSelector(Read):
    value: str | None = strawberry.field(description="The fragment, without its #.")
    conforms_to: str | None = strawberry.field(description="The specification of its syntax.")
    refined_by: LazySelector | None = strawberry.field(description=_REFINED)
    json: JSON = strawberry.field(description=_JSON)


@strawberry.type(description="A CSS selector.")
class CssSelector(Read):
    value: str | None = strawberry.field(description="The selector.")
    refined_by: LazySelector | None = strawberry.field(description=_REFINED)
    json: JSON = strawberry.field(description=_JSON)


@strawberry.type(description="An XPath.")
class XPathSelector(Read):
    value: str | None = strawberry.field(description="The path.")
    refined_by: LazySelector | None = strawberry.field(description=_REFINED)
    json: JSON = strawberry.field(description=_JSON)


@strawberry.type(description="An area of an image.")
class SvgSelector(Read):
    value: str | None = strawberry.field(description="The area, drawn in SVG.")
    refined_by: LazySelector | None = strawberry.field(description=_REFINED)
    json: JSON = strawberry.field(description=_JSON)


@strawberry.type(description="All from where one selector begins to where another begins.")
class RangeSelector(Read):
    start_selector: LazySelector | None = strawberry.field(description="Where it begins.")
    end_selector: LazySelector | None = strawberry.field(description="Where it ends; that place is outside.")
    refined_by: LazySelector | None = strawberry.field(description=_REFINED)
    json: JSON = strawberry.field(description=_JSON)


@strawberry.type(description="A selector of a type that the standard doesn't have.")
class OpaqueSelector(Read):
    json: JSON = strawberry.field(description=_JSON)


Selector = Annotated[
    TextQuoteSelector
    | TextPositionSelector
    | DataPositionSelector
    | FragmentSelector
    | CssSelector
    | XPathSelector
    | SvgSelector
    | RangeSelector
    | OpaqueSelector,
    strawberry.union("Selector", description="Which part of a resource is meant."),
]


def _place() -> Any:
    async def resolve(row: Row, info: Info) -> Node | None:
        place: Place | None = row.place
        found: Any = place and await info.context.loaders.row(place.model, place.row_id)
        return found

    return strawberry.field(resolver=resolve, description=_PLACE, metadata={"places": PLACES, "of": "place"})


@strawberry.type(description="Text that is part of the annotation.")
class TextualBody(Read):
    database_id: int | None = strawberry.field(description=_DATABASE_ID)
    iri: str | None = strawberry.field(description=_IRI)
    value: str = strawberry.field(description="The text.")
    format: str | None = strawberry.field(description="Its media type, such as `text/plain`.")
    language: str | None = strawberry.field(description="Its language (BCP 47).")
    text_direction: str | None = strawberry.field(description="`ltr`, `rtl` or `auto`.")
    purposes: list[str] = strawberry.field(description=_PURPOSES)
    json: JSON = strawberry.field(description=_JSON)


@strawberry.type(description="A resource that is known by its IRI alone.")
class ExternalResource(Read):
    database_id: int | None = strawberry.field(description=_DATABASE_ID)
    iri: str = strawberry.field(description=_IRI)
    type: str | None = strawberry.field(description="What it is, such as `Image`.")
    format: str | None = strawberry.field(description="Its media type.")
    language: str | None = strawberry.field(description="Its language (BCP 47).")
    purposes: list[str] = strawberry.field(description=_PURPOSES)
    place: Node | None = _place()
    passage: int = strawberry.field(description=_PASSAGE)
    json: JSON = strawberry.field(description=_JSON)


@strawberry.type(description="A part or a use of another resource.")
class SpecificResource(Read):
    database_id: int | None = strawberry.field(description=_DATABASE_ID)
    iri: str | None = strawberry.field(description=_IRI)
    source: str = strawberry.field(description="The other resource.")
    selectors: list[Selector] = strawberry.field(description="Which part of it is meant; several say the same.")
    purposes: list[str] = strawberry.field(description=_PURPOSES)
    place: Node | None = _place()
    passage: int = strawberry.field(description=_PASSAGE)
    json: JSON = strawberry.field(description=_JSON)


@strawberry.type(description="Resources of which one is to be used, the best first.")
class Choice(Read):
    database_id: int | None = strawberry.field(description=_DATABASE_ID)
    iri: str | None = strawberry.field(description=_IRI)
    items: list[LazyBody] = strawberry.field(description="The resources to choose from.")
    json: JSON = strawberry.field(description=_JSON)


@strawberry.type(description="What is none of the standard's resources, as it was stored.")
class OpaqueResource(Read):
    database_id: int | None = strawberry.field(description=_DATABASE_ID)
    iri: str | None = strawberry.field(description=_IRI)
    json: JSON = strawberry.field(description=_JSON)


AnnotationBody = Annotated[
    TextualBody | ExternalResource | SpecificResource | Choice | OpaqueResource,
    strawberry.union("AnnotationBody", description="What an annotation says."),
]
AnnotationTarget = Annotated[
    SpecificResource | ExternalResource | TextualBody | Choice | OpaqueResource,
    strawberry.union("AnnotationTarget", description="What an annotation is about."),
]

"""Valid annotations of all sorts, and ways to spoil them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from genji_graphql.web_annotation.terms import CONTEXT
from tests.web_annotation.examples import BASE, OWN

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
WORDS = st.sampled_from(["en", "ja", "Text", "rank", "https://scholars.example/#x", "源氏"])
IRIS = st.sampled_from(
    [
        "https://library.example/genji", "urn:uuid:1", "http://a.example/#b", "https://例え.example/源氏",
        f"{BASE}/elements/42", f"{BASE}/annotations/1", f"{BASE}/collections/3#c", f"{OWN}#body-1", f"{OWN}#target-2",
        f"{BASE}/users/1", f"{BASE}/elements/0", f"{BASE}/elements/99999999999", f"{OWN}#body-01", "mailto:a@b.example",
    ]
)  # fmt: skip
MOMENTS = st.builds(
    lambda moment, zone: moment.isoformat() + zone,
    st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["Z", "+00:00", "-05:30", "+14:00"]),
)
MOTIVATIONS = st.sampled_from(
    ["commenting", "oa:tagging", "http://www.w3.org/ns/oa#linking", "scholarly", "urn:x:glossing", "urn:x:" + "g" * 120]
)
EXTRA_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
EXTRAS = st.dictionaries(TEXTS.map("urn:x:{}".format), EXTRA_VALUES, max_size=2)


def some(values: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[Any]:
    """One, or several in a list."""
    return values | st.lists(values, min_size=least, max_size=3)


def objects(needed: dict[str, Any], may: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with members that it needs, that it may have, and that nobody knows."""
    known = st.fixed_dictionaries(needed, optional=may)
    return st.builds(lambda extra, members: {**extra, **members}, EXTRAS, known)


def typed(name: str) -> st.SearchStrategy[Any]:
    return st.sampled_from([name, [name], [name, "urn:x:More"], ["urn:x:More", name]])


AGENTS = IRIS | objects(
    {},
    {
        "id": IRIS,
        "type": some(st.sampled_from(["Person", "Organization", "Software"])),
        "name": some(WORDS),
        "nickname": WORDS,
        "email": some(st.just("mailto:a@b.example")),
        "email_sha1": some(st.just("0" * 40)),
        "homepage": some(IRIS),
    },
)
ABOUT = {
    "created": MOMENTS,
    "modified": MOMENTS,
    "creator": some(AGENTS),
    "generator": some(AGENTS),
    "generated": MOMENTS,
    "audience": some(IRIS | objects({}, {"id": IRIS, "type": some(WORDS)})),
    "accessibility": some(TEXTS),
    "rights": some(IRIS),
    "canonical": IRIS,
    "via": some(IRIS),
}
DESCRIBED = {
    **ABOUT,
    "format": some(st.sampled_from(["text/plain", "text/markdown", "image/png"])),
    "language": some(WORDS),
    "processingLanguage": WORDS,
    "textDirection": st.sampled_from(["ltr", "rtl", "auto"]),
    "purpose": some(MOTIVATIONS),
}


def _positions(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    ends = st.tuples(st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1)).map(sorted)
    return st.builds(lambda name, pair: {"type": name, "start": pair[0], "end": pair[1]}, typed(kind), ends)


def _selectors(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    may = {"id": IRIS, "refinedBy": some(inner)}
    valued = st.sampled_from(["FragmentSelector", "CssSelector", "XPathSelector", "SvgSelector"]).flatmap(
        lambda kind: objects({"type": typed(kind), "value": TEXTS}, {**may, "conformsTo": IRIS})
    )
    quotes = objects({"type": typed("TextQuoteSelector"), "exact": TEXTS}, {**may, "prefix": TEXTS, "suffix": TEXTS})
    ranges = objects({"type": typed("RangeSelector"), "startSelector": inner, "endSelector": inner}, may)
    return valued | quotes | ranges


SELECTORS = st.recursive(
    IRIS
    | _positions("TextPositionSelector")
    | _positions("DataPositionSelector")
    | objects({"type": st.just("urn:x:Selector")}, {}),
    _selectors,
    max_leaves=4,
)
STATES = (
    IRIS
    | objects({"type": typed("HttpRequestState"), "value": TEXTS}, {"refinedBy": some(SELECTORS)})
    | objects({"type": typed("TimeState")}, {"sourceDate": some(MOMENTS), "cached": some(IRIS)})
)
TEXTUAL = objects({"type": typed("TextualBody"), "value": TEXTS}, {**DESCRIBED, "id": IRIS})
EXTERNAL = IRIS | objects({"id": IRIS}, {**DESCRIBED, "type": some(WORDS)})
SPECIFIC = objects(
    {"source": EXTERNAL},
    {
        **DESCRIBED,
        "id": IRIS,
        "type": typed("SpecificResource"),
        "selector": some(SELECTORS),
        "state": some(STATES),
        "styleClass": some(WORDS),
        "renderedVia": some(AGENTS),
        "scope": some(IRIS),
    },
)


def _sets(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    kinds = st.sampled_from(["Choice", "Composite", "List", "Independents"]).flatmap(typed)
    return objects({"type": kinds, "items": st.lists(inner, min_size=1, max_size=3)}, {"id": IRIS})


RESOURCES = st.recursive(EXTERNAL | TEXTUAL | SPECIFIC, _sets, max_leaves=3)
_MAY = {
    **ABOUT,
    "id": st.sampled_from([OWN, "urn:uuid:9", f"{BASE}/annotations/8"]),
    "motivation": some(MOTIVATIONS),
    "stylesheet": IRIS | objects({"value": TEXTS}, {"type": st.just("CssStylesheet"), "id": IRIS}),
}
_NEEDED = {
    "@context": st.just(CONTEXT) | st.just([CONTEXT, {"sch": "https://scholars.example/#"}]),
    "type": typed("Annotation"),
    "target": some(RESOURCES, 1),
}
ANNOTATIONS = objects(_NEEDED, {**_MAY, "body": some(RESOURCES)}) | objects(_NEEDED, {**_MAY, "bodyValue": TEXTS})

WRONG: list[Any] = [None, 5, -1.5, True, "\0", [[]], [None]]
"""No member of an annotation that the standard knows may be one of these."""
MEMBERS = [*ABOUT, "@context", "id", "type", "motivation", "body", "bodyValue", "target", "stylesheet"]
_INNER = {
    "body", "target", "items", "source", "selector", "state", "refinedBy", "startSelector", "endSelector", "creator",
    "generator", "audience", "renderedVia", "scope", "stylesheet",
}  # fmt: skip


def objects_in(value: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of an annotation that the standard knows, with their pointers."""
    if isinstance(value, list):
        for n, item in enumerate(value):
            yield from objects_in(item, f"{at}/{n}")
    elif isinstance(value, dict):
        yield at, value
        for name in _INNER & value.keys():
            yield from objects_in(value[name], f"{at}/{name}")

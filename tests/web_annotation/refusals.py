"""What is no annotation, and the pointer to why."""

from typing import Any

from genji_graphql.web_annotation import check
from genji_graphql.web_annotation.terms import CONTEXT
from tests.web_annotation.examples import TEXT, annotation, selected, specific


def without(name: str) -> dict[str, Any]:
    return {each: value for each, value in annotation().items() if each != name}


def body(**members: Any) -> dict[str, Any]:
    return annotation(body=members)


def textual(**members: Any) -> dict[str, Any]:
    return body(type="TextualBody", value="v") | {"body": {"type": "TextualBody", "value": "v"} | members}


def state(**members: Any) -> dict[str, Any]:
    return specific(state=members)


def nested(depth: int) -> Any:
    value: Any = "inmost"
    for _ in range(depth):
        value = [value]
    return value


_MOMENT = "2026-01-31T12:00:00Z"
_POSITION = {"type": "TextPositionSelector", "start": 1, "end": 2}
_TOO_DEEP = "/urn:x:1" + "/0" * (check.MAX_DEPTH - 1)

REFUSALS: dict[str, tuple[Any, str]] = {
    # 3.1 Annotations
    "nothing": (None, ""),
    "a list": ([annotation()], ""),
    "a text": ("Annotation", ""),
    "no context": (without("@context"), "/@context"),
    "another context": (annotation(**{"@context": "https://schema.org"}), "/@context"),
    "contexts without the standard's": (annotation(**{"@context": ["https://schema.org", {}]}), "/@context"),
    "a context that is a number": (annotation(**{"@context": [CONTEXT, 5]}), "/@context/1"),
    "a context that is null": (annotation(**{"@context": None}), "/@context"),
    "a number for an id": (annotation(id=7), "/id"),
    "two ids": (annotation(id=["urn:x:1", "urn:x:2"]), "/id"),
    "an id that is relative": (annotation(id="/annotations/7"), "/id"),
    "an id with a blank": (annotation(id="https://scholars.example/a b"), "/id"),
    "an id by its keyword": (annotation(**{"@id": "urn:x:1"}), "/@id"),
    "a type by its keyword": (annotation(**{"@type": "Annotation"}), "/@type"),
    "no type": (without("type"), "/type"),
    "another type": (annotation(type="Text"), "/type"),
    "types without the standard's": (annotation(type=["Text", "Image"]), "/type"),
    "a type that is null": (annotation(type=["Annotation", None]), "/type/1"),
    "no target": (without("target"), "/target"),
    "an empty list of targets": (annotation(target=[]), "/target"),
    "a target that is null": (annotation(target=None), "/target"),
    # 3.2 Bodies and targets
    "a target that is relative": (annotation(target="chapter-1"), "/target"),
    "a target that is empty": (annotation(target=""), "/target"),
    "a target that is a number": (annotation(target=[TEXT, 5]), "/target/1"),
    "a target in an inner list": (annotation(target=[[TEXT]]), "/target/0"),
    "a target in our dialect": (annotation(target="element:42"), "/target"),
    "a target that runs a script": (annotation(target="javascript:alert(1)"), "/target"),
    "a resource without an id": (annotation(target={"type": "Text"}), "/target/id"),
    "a resource with a number for an id": (annotation(target={"id": 3, "type": "Text"}), "/target/id"),
    "a resource with two ids": (annotation(target={"id": ["urn:x:1"]}), "/target/id"),
    "a body that is a plain text": (annotation(body="I think so."), "/body"),
    "a body that is null": (annotation(body=None), "/body"),
    "a format that is a number": (body(id="urn:x:1", format=["text/html", 5]), "/body/format/1"),
    "a language that is empty": (body(id="urn:x:1", language=""), "/body/language"),
    "two languages to process": (textual(processingLanguage=["en", "ja"]), "/body/processingLanguage"),
    "a direction that isn't one": (textual(textDirection="vertical-rl"), "/body/textDirection"),
    "a textual body without a text": (body(type="TextualBody"), "/body/value"),
    "a textual body with a source": (body(type="TextualBody", source=TEXT), "/body/value"),
    "a textual body of two texts": (textual(value=["a", "b"]), "/body/value"),
    "a textual body of a number": (textual(value=5), "/body/value"),
    "a text that is null, untyped": (body(value=None), "/body/value"),
    "a textual body with a plain id": (textual(id="body-1"), "/body/id"),
    "a purpose that is null": (textual(purpose=None), "/body/purpose"),
    "a body and a string": (annotation(body=TEXT, bodyValue="v"), "/bodyValue"),
    "two strings as bodies": (annotation(bodyValue=["a", "b"]), "/bodyValue"),
    "a string with its language": (annotation(bodyValue={"@value": "a", "@language": "en"}), "/bodyValue"),
    "a choice of nothing": (body(type="Choice"), "/body/items"),
    "a choice of an empty list": (body(type="Choice", items=[]), "/body/items"),
    "a choice that is no list": (body(type="Choice", items=TEXT), "/body/items"),
    "a choice of a number": (body(type="Choice", items=[TEXT, 1]), "/body/items/1"),
    "an item without a text": (body(type="Choice", items=[{"type": "TextualBody"}]), "/body/items/0/value"),
    "a composite of nothing": (annotation(target={"type": "Composite"}), "/target/items"),
    "a list of nothing": (annotation(target={"type": "List"}), "/target/items"),
    "independents of a number": (annotation(target={"type": "Independents", "items": [1]}), "/target/items/0"),
    "untyped items that are none": (annotation(target={"items": [None]}), "/target/items/0"),
    # 3.3 Other properties
    "a day": (annotation(created="2026-01-31"), "/created"),
    "a moment without a zone": (annotation(modified="2026-01-31T12:00:00"), "/modified"),
    "a moment that isn't": (annotation(generated="2026-02-30T12:00:00Z"), "/generated"),
    "a moment with a blank": (annotation(generated="2026-01-31 12:00:00Z"), "/generated"),
    "a moment beyond the calendar": (annotation(created="0001-01-01T00:00:00+14:00"), "/created"),
    "a zone beyond the world": (annotation(created="2026-01-31T12:00:00+15:00"), "/created"),
    "two moments": (annotation(created=[_MOMENT, _MOMENT]), "/created"),
    "a body's moment": (textual(created="yesterday"), "/body/created"),
    "a creator's name alone": (annotation(creator="Murasaki"), "/creator"),
    "a creator that is a number": (annotation(creator=[3]), "/creator/0"),
    "a creator without an IRI": (annotation(creator={"id": "Murasaki", "type": "Person"}), "/creator/id"),
    "a creator's type": (annotation(creator={"type": 1}), "/creator/type"),
    "a creator's names": (annotation(creator={"name": ["a", ""]}), "/creator/name/1"),
    "a creator's nicknames": (annotation(creator={"nickname": ["a", "b"]}), "/creator/nickname"),
    "a creator's mail without its scheme": (annotation(creator={"email": "a@court.example"}), "/creator/email"),
    "a creator's hash": (annotation(creator={"email_sha1": "0123"}), "/creator/email_sha1"),
    "a creator's home": (annotation(creator={"homepage": ["urn:x:1", "home"]}), "/creator/homepage/1"),
    "a body's creator": (textual(creator={"homepage": "vbscript:x"}), "/body/creator/homepage"),
    "a generator": (annotation(generator={"name": {}}), "/generator/name"),
    "an audience without an IRI": (annotation(audience="students"), "/audience"),
    "an audience's id": (annotation(audience=[{"id": "students"}]), "/audience/0/id"),
    "an accessibility that is true": (annotation(accessibility=True), "/accessibility"),
    "a motivation that is a number": (annotation(motivation=["tagging", 5]), "/motivation/1"),
    "a motivation that is empty": (annotation(motivation=""), "/motivation"),
    "rights in words": (annotation(rights=["https://rights.example/1", "all reserved"]), "/rights/1"),
    "a body's rights": (body(id="urn:x:1", rights=""), "/body/rights"),
    "two canonical IRIs": (annotation(canonical=["urn:x:1", "urn:x:2"]), "/canonical"),
    "an origin that isn't an IRI": (annotation(via="elsewhere"), "/via"),
    # 4 Specific resources
    "no source": (annotation(target={"type": "SpecificResource"}), "/target/source"),
    "two sources": (annotation(target={"source": [TEXT, TEXT]}), "/target/source"),
    "a source in our dialect": (annotation(target={"source": "document_element:42"}), "/target/source"),
    "a source without an id": (annotation(target={"source": {"type": "Text"}}), "/target/source/id"),
    "a selector that is null": (selected(None), "/target/selector"),
    "a selector that isn't an IRI": (selected("paragraph 1"), "/target/selector"),
    "a selector without a type": (selected({"value": "p"}), "/target/selector/type"),
    "a fragment without a value": (selected({"type": "FragmentSelector"}), "/target/selector/value"),
    "a fragment's syntax": (
        selected({"type": "FragmentSelector", "value": "x", "conformsTo": "media"}), "/target/selector/conformsTo",
    ),
    "CSS without a value": (selected({"type": "CssSelector"}), "/target/selector/value"),
    "XPath with two": (selected([{"type": "XPathSelector", "value": ["/a", "/b"]}]), "/target/selector/0/value"),
    "a quote without its text": (selected({"type": "TextQuoteSelector", "value": "x"}), "/target/selector/exact"),
    "a quote of two": (selected({"type": "TextQuoteSelector", "exact": ["a", "b"]}), "/target/selector/exact"),
    "two prefixes": (
        selected({"type": "TextQuoteSelector", "exact": "a", "prefix": ["b", "c"]}), "/target/selector/prefix",
    ),
    "a suffix that is null": (
        selected({"type": "TextQuoteSelector", "exact": "a", "suffix": None}), "/target/selector/suffix",
    ),
    "a position without its start": (selected({"type": "TextPositionSelector", "end": 2}), "/target/selector/start"),
    "a position without its end": (selected({"type": "TextPositionSelector", "start": 2}), "/target/selector/end"),
    "a position before the text": (selected(_POSITION | {"start": -1}), "/target/selector/start"),
    "a position between characters": (selected(_POSITION | {"end": 2.5}), "/target/selector/end"),
    "a position that is true": (selected(_POSITION | {"start": True}), "/target/selector/start"),
    "a position that is a text": (selected(_POSITION | {"end": "2"}), "/target/selector/end"),
    "a position that runs backwards": (selected(_POSITION | {"start": 3}), "/target/selector/end"),
    "a position too far": (selected(_POSITION | {"end": 2**53}), "/target/selector/end"),
    "data that run backwards": (
        selected({"type": "DataPositionSelector", "start": 9, "end": 8}), "/target/selector/end",
    ),
    "an area that isn't drawn": (selected({"type": "SvgSelector"}), "/target/selector/value"),
    "an area of a number": (selected({"type": "SvgSelector", "value": 1}), "/target/selector/value"),
    "a range without its end": (
        selected({"type": "RangeSelector", "startSelector": _POSITION}), "/target/selector/endSelector",
    ),
    "a range from two places": (
        selected({"type": "RangeSelector", "startSelector": [_POSITION], "endSelector": _POSITION}),
        "/target/selector/startSelector",
    ),
    "a range to nowhere": (
        selected({"type": "RangeSelector", "startSelector": _POSITION, "endSelector": {"type": "CssSelector"}}),
        "/target/selector/endSelector/value",
    ),
    "a refinement that isn't valid": (
        selected(_POSITION | {"refinedBy": {"type": "CssSelector", "refinedBy": 1, "value": "p"}}),
        "/target/selector/refinedBy/refinedBy",
    ),
    "a refinement in our dialect": (selected(_POSITION | {"refined_by": _POSITION}), "/target/selector/refined_by"),
    "a state without a type": (state(sourceDate=_MOMENT), "/target/state/type"),
    "a state that is a number": (specific(state=[1]), "/target/state/0"),
    "a time without a zone": (state(type="TimeState", sourceDate="2026-01-31T12:00:00"), "/target/state/sourceDate"),
    "a time without an end": (state(type="TimeState", sourceDateStart=_MOMENT), "/target/state/sourceDateEnd"),
    "a time without a start": (state(type="TimeState", sourceDateEnd=_MOMENT), "/target/state/sourceDateStart"),
    "a moment and a time": (
        state(type="TimeState", sourceDate=_MOMENT, sourceDateStart=_MOMENT, sourceDateEnd=_MOMENT),
        "/target/state/sourceDateStart",
    ),
    "a time that runs backwards": (
        state(type="TimeState", sourceDateStart=_MOMENT, sourceDateEnd="2026-01-31T12:00:00+01:00"),
        "/target/state/sourceDateEnd",
    ),
    "a copy that isn't an IRI": (state(type="TimeState", cached=["copy"]), "/target/state/cached/0"),
    "a request of nothing": (state(type="HttpRequestState"), "/target/state/value"),
    "a request of two": (state(type="HttpRequestState", value=["a", "b"]), "/target/state/value"),
    "a state's refinement": (
        state(type="HttpRequestState", value="a", refinedBy={"type": "TimeState", "sourceDate": "x"}),
        "/target/state/refinedBy/sourceDate",
    ),
    "two stylesheets": (annotation(stylesheet=["urn:x:1", "urn:x:2"]), "/stylesheet"),
    "a stylesheet of nothing": (annotation(stylesheet={"type": "CssStylesheet"}), "/stylesheet/value"),
    "a stylesheet of another type": (annotation(stylesheet={"type": "Xsl", "value": ""}), "/stylesheet/type"),
    "a class that is a number": (specific(styleClass=["a", 1]), "/target/styleClass/1"),
    "a renderer in words": (specific(renderedVia="a browser"), "/target/renderedVia"),
    "a scope in words": (specific(scope=["urn:x:1", "the page"]), "/target/scope/1"),
    # Limits, and what a database can't hold
    "U+0000 in a text": (textual(value="a\0b"), "/body/value"),
    "U+0000 in a member's name": (textual(**{"a\0b": 1}), "/body"),
    "half a character": (textual(value="a\ud83d"), "/body/value"),
    "infinity": (annotation(**{"urn:x:1": float("inf")}), "/urn:x:1"),
    "not a number": (annotation(**{"urn:x:1": [float("nan")]}), "/urn:x:1/0"),
    "a number of many digits": (annotation(**{"urn:x:1": 10**2000}), "/urn:x:1"),
    "what JSON has not": (annotation(**{"urn:x:1": {1, 2}}), "/urn:x:1"),
    "a pointer that is escaped": (annotation(**{"https://x.example/~a": "\0"}), "/https:~1~1x.example~1~0a"),
    "too deep": (annotation(**{"urn:x:1": nested(check.MAX_DEPTH)}), _TOO_DEEP),
    "endlessly deep": (annotation(**{"urn:x:1": nested(100_000)}), _TOO_DEEP),
    "a long text": (textual(value="a" * (check.MAX_STRING + 1)), "/body/value"),
    "a long word": (textual(language="a" * (check.MAX_WORD + 1)), "/body/language"),
    "a long IRI": (annotation(target=f"urn:x:{'a' * 2048}"), "/target"),
    "too large": (annotation(**{f"urn:x:{n}": "あ" * 10_000 for n in range(9)}), ""),
    "too many members": (annotation(**{"urn:x:1": dict.fromkeys(map(str, range(check.MAX_MEMBERS + 1)))}), "/urn:x:1"),
    "too many bodies": (annotation(body=["urn:x:1"] * (check.MAX_BODIES + 1)), "/body"),
    "too many targets": (annotation(target=["urn:x:1"] * (check.MAX_TARGETS + 1)), "/target"),
    "too many selectors": (selected([_POSITION] * (check.MAX_SELECTORS + 1)), "/target/selector"),
}  # fmt: skip

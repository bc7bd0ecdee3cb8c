"""Annotations as the recommendation describes them, in its order, one for each construct, on matters of our own."""

from typing import Any

from genji_graphql.web_annotation.terms import CONTEXT

BASE = "https://genji.example"
OWN = f"{BASE}/annotations/7"
TEXT = "https://library.example/genji/chapter-1"


def annotation(**members: Any) -> dict[str, Any]:
    """A whole annotation, of the text unless it says of what."""
    return {"@context": CONTEXT, "id": OWN, "type": "Annotation", "target": TEXT} | members


def specific(**members: Any) -> dict[str, Any]:
    return annotation(target={"type": "SpecificResource", "source": TEXT} | members)


def selected(selector: Any) -> dict[str, Any]:
    return specific(selector=selector)


_QUOTE = {"type": "TextQuoteSelector", "exact": "いづれの御時にか", "prefix": "", "suffix": "、女御、更衣"}
_POSITION = {"type": "TextPositionSelector", "start": 0, "end": 8}
_XPATH = {"type": "XPathSelector", "value": "/html/body/p[1]"}

EXAMPLES: dict[str, dict[str, Any]] = {
    # 3.1 Annotations
    "the least": {"@context": CONTEXT, "id": OWN, "type": "Annotation", "target": TEXT},
    "without an id": {"@context": CONTEXT, "type": "Annotation", "target": TEXT},
    "another id": {"@context": CONTEXT, "id": "urn:uuid:4c5b6a1e", "type": "Annotation", "target": TEXT},
    "a context in a list": annotation(**{"@context": [CONTEXT]}),
    "further contexts": annotation(
        **{"@context": ["https://scholars.example/context.jsonld", CONTEXT, {"sch": "https://scholars.example/#"}]},
        **{"sch:certainty": 0.5, "sch:seen": [None, {"sch:by": {"deep": ["a", 1, True]}}]},
    ),
    "further types": annotation(type=["Annotation", "https://scholars.example/#Gloss"]),
    "a body and a target": annotation(body="https://scholars.example/essay"),
    # 3.2 Bodies and targets
    "external resources": annotation(
        body={"id": "https://media.example/reading.mp3", "type": "Sound", "format": "audio/mpeg", "language": "ja"},
        target={"id": TEXT, "type": "Text", "format": "text/html", "language": ["ja", "ojp"]},
    ),
    "several types and formats": annotation(
        body={
            "id": "https://media.example/scroll",
            "type": ["Image", "Dataset"],
            "format": ["image/png", "image/webp"],
            "processingLanguage": "ja",
            "textDirection": "rtl",
        }
    ),
    "a segment by its IRI": annotation(target=f"{TEXT}#char=0,8"),
    "a textual body": annotation(
        body={"type": "TextualBody", "value": "The lady has no rank.", "format": "text/plain", "language": "en"}
    ),
    "a textual body in HTML": annotation(
        body={
            "type": "TextualBody",
            "value": '<p lang="ja">身分の<b>低い</b>人</p>',
            "format": "text/html",
            "language": ["ja", "en"],
            "processingLanguage": "ja",
            "textDirection": "ltr",
        }
    ),
    "a textual body without a type": annotation(body={"value": "a note", "id": "urn:uuid:11"}),
    "a string as body": annotation(bodyValue="Which reign was it?"),
    "no body in a list": annotation(body=[]),
    "several bodies and targets": annotation(
        body=[
            "https://scholars.example/essay",
            {"type": "TextualBody", "value": "rank", "purpose": "tagging"},
            {"type": "TextualBody", "value": "On rank at court", "purpose": ["describing", "oa:commenting"]},
        ],
        target=[TEXT, {"id": "https://library.example/genji/chapter-2"}],
    ),
    "one of each in lists": annotation(body=["https://scholars.example/essay"], target=[TEXT]),
    "a choice of bodies": annotation(
        body={
            "id": "https://scholars.example/choice",
            "type": "Choice",
            "items": [
                {"type": "TextualBody", "value": "Which reign?", "language": "en"},
                {"type": "TextualBody", "value": "いつの御代か", "language": "ja"},
                {"id": "https://scholars.example/essay", "language": "fr"},
            ],
        }
    ),
    "a choice in a choice": annotation(
        body={"type": "Choice", "items": [{"type": "Choice", "items": ["urn:x:1", {"value": "1"}]}, "urn:x:2"]}
    ),
    "a choice of targets": annotation(target={"type": "Choice", "items": [TEXT, {"source": TEXT, "selector": _QUOTE}]}),
    # 3.3 Other properties
    "its life": annotation(
        creator="https://scholars.example/people/3",
        created="2026-01-31T12:00:00Z",
        modified="2026-02-01T12:00:00.25Z",
        generator="https://tools.example/margin",
        generated="2026-02-02T08:30:00Z",
        body={
            "type": "TextualBody",
            "value": "older than the annotation",
            "creator": "https://scholars.example/people/4",
            "created": "2025-01-01T00:00:00Z",
            "modified": "2025-01-02T00:00:00Z",
        },
    ),
    "moments of other zones": annotation(generated="2026-02-02T17:30:00.1234567+09:00"),
    "agents": annotation(
        creator={
            "id": "https://scholars.example/people/3",
            "type": "Person",
            "name": "Murasaki",
            "nickname": "purple",
            "email": "mailto:murasaki@court.example",
            "email_sha1": "0123456789abcdef0123456789abcdef01234567",
            "homepage": "https://scholars.example/people/3/home",
        },
        generator={"id": "https://tools.example/margin", "type": "Software", "name": "Margin", "homepage": "urn:x:1"},
    ),
    "several agents": annotation(
        creator=[
            {
                "type": "Organization",
                "name": ["Bureau", "Office"],
                "email": ["mailto:a@court.example", "mailto:b@c.ex"],
            },
            "https://scholars.example/people/4",
        ],
        generator=["https://tools.example/margin", {"type": ["Software", "Person"], "name": "?"}],
    ),
    "software without an IRI": annotation(generator={"type": "Software", "name": "Margin", "version": 2}),
    "software of neither name nor IRI": annotation(generator={"type": "Software"}),
    "an audience": annotation(
        audience={"id": "urn:x:class", "type": "schema:EducationalAudience", "schema:educationalRole": "student"}
    ),
    "several audiences": annotation(audience=["https://school.example/class", {"type": ["schema:Audience"]}]),
    "accessibility": annotation(
        accessibility="tactileGraphic",
        target={"id": TEXT, "accessibility": ["captions", "largePrint"]},
    ),
    "a motivation": annotation(motivation="questioning"),
    "a motivation with its prefix": annotation(motivation="oa:questioning"),
    "a motivation's IRI": annotation(motivation="http://www.w3.org/ns/oa#linking"),
    "several motivations": annotation(motivation=["https://scholars.example/#glossing", "oa:tagging", "commenting"]),
    "a motivation of others": annotation(motivation="https://scholars.example/#glossing"),
    "a long motivation": annotation(motivation=f"https://scholars.example/#{'g' * 100}"),
    "a purpose": annotation(body={"type": "TextualBody", "value": "rank", "purpose": "tagging"}),
    "rights": annotation(
        rights="https://creativecommons.org/licenses/by/4.0/",
        body={"id": "urn:x:1", "rights": ["https://rights.example/1", "https://rights.example/2"]},
    ),
    "other identities": annotation(
        canonical="urn:uuid:8c9f",
        via=["https://elsewhere.example/1", "https://elsewhere.example/2"],
        body={"id": "urn:x:1", "canonical": "urn:x:2", "via": "urn:x:3"},
    ),
    # 4 Specific resources
    "a purpose for an external resource": annotation(
        body={"source": "https://places.example/kyoto", "purpose": "tagging"}
    ),
    "a source that is described": annotation(
        body={
            "id": "urn:x:part",
            "type": ["SpecificResource", "Text"],
            "source": {"id": TEXT, "type": "Text", "format": "text/html", "rights": "https://rights.example/1"},
        }
    ),
    "a selector by its IRI": selected("https://selectors.example/paragraph-1"),
    "a fragment": selected(
        {"type": "FragmentSelector", "conformsTo": "http://tools.ietf.org/rfc/rfc5147", "value": "char=0,8"}
    ),
    "CSS": selected({"type": "CssSelector", "value": "#chapter > p:first-of-type"}),
    "XPath": selected(_XPATH),
    "a quote": selected(_QUOTE),
    "a quote alone": selected({"type": "TextQuoteSelector", "exact": "御時"}),
    "a position in the text": selected(_POSITION),
    "a position in the data": selected({"type": "DataPositionSelector", "start": 4096, "end": 4096}),
    "an area": selected({"id": "https://media.example/area.svg", "type": "SvgSelector"}),
    "an area that is drawn": selected({"type": "SvgSelector", "value": "<svg:svg><svg:circle r='5'/></svg:svg>"}),
    "a range": selected(
        {"type": "RangeSelector", "startSelector": _XPATH, "endSelector": {"type": "CssSelector", "value": "p + p"}}
    ),
    "a refined selector": selected({**_XPATH, "refinedBy": {**_QUOTE, "refinedBy": [_POSITION, _XPATH]}}),
    "several selectors": selected([_QUOTE, _POSITION, "https://selectors.example/1"]),
    "a selector of others": selected({"type": "https://scholars.example/#Line", "line": 3, "value": None}),
    "a selector of two types": selected({"type": ["TextQuoteSelector", "urn:x:Fuzzy"], "exact": "a", "urn:x:d": 2}),
    "a time": specific(state={"type": "TimeState", "sourceDate": "2026-01-31T12:00:00Z", "cached": "urn:x:copy"}),
    "several times": specific(
        state={
            "type": "TimeState",
            "sourceDate": ["2026-01-31T12:00:00Z", "2026-02-01T12:00:00+09:00"],
            "cached": ["https://archive.example/1", "https://archive.example/2"],
        }
    ),
    "from a time to another": specific(
        state={
            "type": "TimeState",
            "sourceDateStart": "2026-01-31T12:00:00Z",
            "sourceDateEnd": "2026-02-01T12:00:00Z",
        }
    ),
    "a request": specific(state={"type": "HttpRequestState", "value": "Accept: application/pdf"}),
    "a refined state": specific(
        state={
            "type": "TimeState",
            "sourceDate": "2026-01-31T12:00:00Z",
            "refinedBy": {
                "type": "HttpRequestState",
                "value": "Accept: application/pdf",
                "refinedBy": {"type": "FragmentSelector", "value": "page=10"},
            },
        },
        selector=_QUOTE,
    ),
    "states by IRI and of others": specific(state=["https://states.example/1", {"type": "urn:x:State", "x": []}]),
    "styles": specific(styleClass="rank") | {"stylesheet": "https://styles.example/court.css"},
    "styles of its own": specific(styleClass=["rank", "court"])
    | {"stylesheet": {"type": "CssStylesheet", "value": ".rank { color: purple }"}},
    "software that rendered": specific(
        renderedVia={"id": "https://tools.example/pdf", "type": "Software", "schema:softwareVersion": "2.5"}
    ),
    "software of several kinds": specific(renderedVia=["https://tools.example/pdf", {"type": "Software"}]),
    "a scope": specific(scope="https://library.example/genji"),
    "several scopes": specific(scope=["https://library.example/genji", {"id": "urn:x:1", "type": "Text"}]),
    # The appendix on sets
    "all of them together": annotation(target={"type": "Composite", "items": [TEXT, "https://library.example/map"]}),
    "one after another": annotation(target={"type": "List", "items": [TEXT, "https://library.example/map"]}),
    "each by itself": annotation(target={"id": "urn:x:set", "type": "Independents", "items": [TEXT, {"source": TEXT}]}),
    # Extensions, and this site
    "members of others": annotation(
        **{"schema:keywords": ["a", "b"], "genji:thing": {"x": None}, "label": "", "previous": 12.25},
        body={"type": "TextualBody", "value": "v", "confidence": 0.75, "ja": None},
    ),
    "an element of this site": annotation(
        target={
            "id": f"{OWN}#target-3",
            "type": "SpecificResource",
            "source": f"{BASE}/elements/42",
            "selector": _QUOTE,
        }
    ),
    "numbers of this site": annotation(
        body=[
            {"id": f"{OWN}#body-12", "type": "TextualBody", "value": "a"},
            {"id": f"{OWN}#body-13", "type": "Choice", "items": [{"id": f"{OWN}#body-14", "value": "b"}, "urn:x:1"]},
            {"id": f"{OWN}#body-0015", "value": "not ours"},
            {"id": f"{OWN}#target-1", "value": "not ours"},
            {"id": f"{BASE}/annotations/8#body-1", "value": "another's"},
        ],
        target=[{"id": f"{OWN}#target-0", "source": f"{BASE}/documents/3"}, f"{OWN}#target-0"],
    ),
    "a reply": annotation(motivation="replying", target=f"{BASE}/annotations/1", bodyValue="I think so."),
    "the site's own motivation": annotation(motivation="scholarly"),
    "a link": annotation(
        motivation="linking",
        target=[
            {"source": f"{BASE}/elements/1", "genji:passage": 0},
            {"source": f"{BASE}/elements/2", "genji:passage": 0},
            {"source": f"{BASE}/elements/3", "genji:passage": 1},
        ],
    ),
}

"""Bodies, targets and selectors: three dialects read alike, nothing lost, and nothing that can't be read."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.engine import URL

from genji_graphql.database import Json
from genji_graphql.models import Annotation, Base, Document, DocumentCollection, DocumentElement
from genji_graphql.reads import ids, web_annotation
from genji_graphql.reads.web_annotation import (
    MAX_DEPTH,
    MAX_NESTING,
    Choice,
    CssSelector,
    DataPositionSelector,
    ExternalResource,
    FragmentSelector,
    OpaqueResource,
    OpaqueSelector,
    Place,
    RangeSelector,
    SpecificResource,
    SvgSelector,
    TextPositionSelector,
    TextQuoteSelector,
    TextualBody,
    XPathSelector,
)
from tests.lasting import Lasting, lasting


def bodies(value: Any) -> Any:
    return web_annotation.bodies(Json.of(value))


def targets(value: Any) -> Any:
    return web_annotation.targets(Json.of(value))


def body(value: Any) -> Any:
    (read,) = bodies(value)
    return read


def target(value: Any) -> Any:
    (read,) = targets(value)
    return read


def selector(value: Any) -> Any:
    (read,) = target({"source": "https://example.org/text", "selector": value}).selectors
    return read


# The schema document's dialect


def test_a_comment_as_the_schema_document_has_it() -> None:
    comment = {"type": "TextualBody", "value": "The theme.", "format": "text/plain", "language": "en"}
    assert bodies(comment) == [TextualBody(value="The theme.", format="text/plain", language="en", json=comment)]


def test_a_tag_as_the_schema_document_has_it() -> None:
    tag = {"type": "TextualBody", "value": "symbolism", "purpose": "tagging"}
    assert bodies(tag) == [TextualBody(value="symbolism", purposes=["tagging"], json=tag)]


def test_a_target_as_the_schema_document_has_it() -> None:
    quote = {"type": "TextQuoteSelector", "exact": "the green light", "prefix": "believed in ", "suffix": ", the"}
    stored = {"source": "document_element:42", "selector": quote}
    assert targets(stored) == [
        SpecificResource(
            source="document_element:42",
            place=Place(DocumentElement, 42),
            selectors=[
                TextQuoteSelector(
                    exact="the green light", prefix="believed in ", suffix=", the", refined_by=None, json=quote
                )
            ],
            json=stored,
        )
    ]


# The dialect of the platform's older clients


def test_a_comment_as_older_clients_write_it() -> None:
    comment = {"id": 1, "type": "TextualBody", "value": "…", "format": "text/plain", "language": "en"}
    assert bodies(comment) == [
        TextualBody(database_id=1, value="…", format="text/plain", language="en", json=comment)
    ]  # fmt: skip


def test_a_target_as_older_clients_write_it() -> None:
    position = {"type": "TextPositionSelector", "start": 3, "end": 10}
    quote = {"type": "TextQuoteSelector", "value": "my youn", "refined_by": position}
    stored = {"id": 1, "type": "Text", "source": "DocumentElements/2", "selector": quote}
    read = target([stored])
    assert (read.database_id, read.place, read.json) == (1, Place(DocumentElement, 2), stored)
    assert read.selectors == [
        TextQuoteSelector(
            exact="my youn",
            prefix=None,
            suffix=None,
            refined_by=TextPositionSelector(start=3, end=10, refined_by=None, json=position),
            json=quote,
        )
    ]


def test_a_reply_points_at_its_annotation() -> None:
    assert target([{"id": 9, "source": "Annotation/1"}]).place == Place(Annotation, 1)


def test_a_link_keeps_its_passages_apart() -> None:
    """One inner array for each passage; targets that are added later stand beside them."""
    one, two, three, four = ({"id": n, "source": f"DocumentElements/{n}"} for n in range(1, 5))
    read = targets([[one, two], [three], four])
    assert [(resource.database_id, resource.passage) for resource in read] == [(1, 0), (2, 0), (3, 1), (4, 2)]
    assert [resource.json for resource in read] == [one, two, three, four]


def test_targets_side_by_side_are_passages_of_their_own() -> None:
    assert [read.passage for read in targets(["https://a.example", {"source": "Annotation/1"}])] == [0, 1]


def test_an_external_reference_keeps_its_string() -> None:
    value = json.dumps({"title": "A page", "url": "https://example.org", "description": 'with "quotes"'})
    read = body({"id": 3, "type": "TextualBody", "value": value, "format": "application/json"})
    assert (read.value, read.format) == (value, "application/json")


# The W3C's


def test_an_iri_is_a_resource_of_the_web() -> None:
    assert body("https://example.org/post") == ExternalResource(
        iri="https://example.org/post", json="https://example.org/post"
    )


def test_a_resource_of_the_web_is_described() -> None:
    stored = {
        "id": "https://example.org/video",
        "type": "Video",
        "format": ["video/ogg", "video/mp4"],
        "language": "fr",
        "purpose": ["describing", "tagging"],
    }
    assert body(stored) == ExternalResource(
        iri="https://example.org/video",
        type="Video",
        format="video/ogg",
        language="fr",
        purposes=["describing", "tagging"],
        json=stored,
    )


def test_a_text_in_several_languages_gives_the_first_and_keeps_all() -> None:
    stored = {"type": "TextualBody", "value": "Genji 源氏", "language": ["en", "ja"], "textDirection": "auto"}
    read = body(stored)
    assert (read.language, read.text_direction, read.json) == ("en", "auto", stored)


def test_several_bodies_keep_their_order() -> None:
    read = bodies(["https://example.org/a", {"value": "b"}, {"source": "https://example.org/c", "purpose": "linking"}])
    assert [type(each) for each in read] == [ExternalResource, TextualBody, SpecificResource]


def test_a_choice_offers_bodies() -> None:
    items = [{"type": "TextualBody", "value": "one"}, "https://example.org/two", {"source": "https://example.org/3"}]
    stored = {"id": "https://example.org/choice", "type": "Choice", "items": items}
    read = body(stored)
    assert isinstance(read, Choice)
    assert [type(item) for item in read.items] == [TextualBody, ExternalResource, SpecificResource]
    assert [item.json for item in read.items] == items
    assert (read.iri, read.json) == ("https://example.org/choice", stored)


@pytest.mark.parametrize("type_", ["List", "Composite", "Independents"])
def test_what_offers_no_choice_is_kept_as_it_is(type_: str) -> None:
    stored = {"type": type_, "items": ["https://example.org/a"]}
    assert body(stored) == OpaqueResource(json=stored)


def test_a_source_may_be_described() -> None:
    read = target({"source": {"id": "https://example.org/page", "format": "text/html"}, "purpose": "describing"})
    assert (read.source, read.purposes, read.selectors) == ("https://example.org/page", ["describing"], [])


def test_several_selectors_are_alternatives() -> None:
    read = target({"source": "https://example.org", "selector": [{"type": "CssSelector", "value": "p"}, {"type": "X"}]})
    assert [type(each) for each in read.selectors] == [CssSelector, OpaqueSelector]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({"type": "CssSelector", "value": "#a > b"}, (CssSelector, {"value": "#a > b"})),
        ({"type": "XPathSelector", "value": "/p[1]"}, (XPathSelector, {"value": "/p[1]"})),
        ({"type": "SvgSelector", "value": "<svg/>"}, (SvgSelector, {"value": "<svg/>"})),
        (
            {"type": "FragmentSelector", "value": "t=1", "conformsTo": "http://www.w3.org/TR/media-frags/"},
            (FragmentSelector, {"value": "t=1", "conforms_to": "http://www.w3.org/TR/media-frags/"}),
        ),
        ({"type": "TextPositionSelector", "start": 0, "end": 9}, (TextPositionSelector, {"start": 0, "end": 9})),
        ({"type": "DataPositionSelector", "start": 4, "end": 4}, (DataPositionSelector, {"start": 4, "end": 4})),
        (
            {"type": "TextQuoteSelector", "exact": "", "value": "no"},
            (TextQuoteSelector, {"exact": "", "prefix": None, "suffix": None}),
        ),
        ({"type": "TextPositionSelector", "start": -1, "end": 1.5}, (TextPositionSelector, {"start": None})),
        ({"type": "TextPositionSelector", "start": True, "end": "9"}, (TextPositionSelector, {"start": None})),
        ({"type": "TextPositionSelector", "start": 2**31, "end": 10**30}, (TextPositionSelector, {"start": None})),
        ({"type": "CssSelector"}, (CssSelector, {"value": None})),
        ({"type": "CssSelector", "value": 5}, (CssSelector, {"value": None})),
        ({"type": ["CssSelector"], "value": "p"}, (OpaqueSelector, {})),
        ({"value": "p"}, (OpaqueSelector, {})),
        ("https://example.org/selector", (OpaqueSelector, {})),
        (5, (OpaqueSelector, {})),
    ],
)  # fmt: skip
def test_a_selector_is_read_as_far_as_it_can_be(stored: Any, expected: tuple[Any, dict[str, Any]]) -> None:
    read = selector(stored)
    kind, values = expected
    assert isinstance(read, kind)
    assert {name: getattr(read, name) for name in values} == values
    assert Json.of(stored).decoded() == read.json


def test_a_range_goes_from_one_selector_to_another() -> None:
    start, end = {"type": "XPathSelector", "value": "/p[1]"}, {"type": "XPathSelector", "value": "/p[2]"}
    read = selector({"type": "RangeSelector", "startSelector": start, "endSelector": end})
    assert isinstance(read, RangeSelector)
    assert (read.start_selector, read.end_selector) == (
        XPathSelector(value="/p[1]", refined_by=None, json=start),
        XPathSelector(value="/p[2]", refined_by=None, json=end),
    )


def test_selectors_refine_each_other() -> None:
    inmost = {"type": "TextPositionSelector", "start": 1, "end": 2}
    middle = {"type": "TextQuoteSelector", "exact": "a", "refined_by": inmost}
    read = selector({"type": "FragmentSelector", "value": "p", "refinedBy": middle})
    assert [type(read), type(read.refined_by), type(read.refined_by.refined_by)] == [
        FragmentSelector,
        TextQuoteSelector,
        TextPositionSelector,
    ]


# Sources that are ours


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("document_element:42", Place(DocumentElement, 42)),
        ("DocumentElements/42", Place(DocumentElement, 42)),
        ("element:42", Place(DocumentElement, 42)),
        ("Document/1", Place(Document, 1)),
        ("documents:1", Place(Document, 1)),
        ("document_collection:3", Place(DocumentCollection, 3)),
        ("collections/3", Place(DocumentCollection, 3)),
        ("Annotation/2147483647", Place(Annotation, 2147483647)),
        ("Annotation/2147483648", None),
        ("Annotation/99999999999", None),
        ("Annotation/0", None),
        ("Annotation/", None),
        ("Annotation/1/2", None),
        ("Annotation/１", None),
        ("Annotation/1\n", None),
        ("https://example.org/Annotation/1", None),
        ("users/1", None),
        (ids.global_id("Document", 3), Place(Document, 3)),
        (ids.global_id("User", 3), None),
        ("https://genji.example/elements/42", None),
        ("", None),
    ],
)
def test_a_source_names_a_row_of_ours_or_does_not(source: str, place: Place | None) -> None:
    assert target({"source": source}).place == place
    assert target([source]).place == place


@pytest.mark.parametrize("base_url", ["https://genji.example", "https://genji.example/"])
@pytest.mark.parametrize("model", web_annotation.PLACES)
def test_an_iri_of_this_site_names_a_row(base_url: str, model: type[Base]) -> None:
    place = Place(model, 42)
    iri = web_annotation.iri_of(place, base_url)
    assert iri.startswith("https://genji.example/")
    for stored in (iri, {"id": iri}, {"source": f"{iri}#char=0,8"}, {"source": {"id": iri}}):
        (read,) = web_annotation.targets(Json.of(stored), base_url)
        assert isinstance(read, ExternalResource | SpecificResource)
        assert read.place == place
    assert web_annotation.place_of(iri) is web_annotation.place_of(iri, "https://elsewhere.example") is None


def test_flat_targets_may_say_their_passage() -> None:
    stored = [{"source": "element:1", "genji:passage": 0}, {"source": "element:2", "genji:passage": 0}, "element:3"]
    assert [read.passage for read in targets(stored)] == [0, 0, 2]


# Whatever there is


def test_nothing_is_no_body_and_no_target() -> None:
    for nothing in (None, Json("null"), Json("[]")):
        assert web_annotation.bodies(nothing) == []
        assert web_annotation.targets(nothing) == []


WORDS = st.sampled_from(
    [
        "id", "type", "value", "items", "source", "selector", "refinedBy", "refined_by", "startSelector", "endSelector",
        "purpose", "format", "language", "exact", "start", "end", "TextualBody", "Choice", "RangeSelector",
        "TextQuoteSelector", "TextPositionSelector", "FragmentSelector", "document_element:1", "Annotation/1",
    ]
)  # fmt: skip
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=5),
    max_leaves=30,
)


def flat(value: Any) -> list[Any]:
    return [inner for item in value for inner in flat(item)] if isinstance(value, list) else [value]


@given(value=ANY_JSON)
@settings(max_examples=200, deadline=None)
def test_any_json_is_read_and_none_of_it_lost(value: Any) -> None:
    stored = Json.of(value)
    whole = stored.decoded()
    several = [] if whole is None else whole if isinstance(whole, list) else [whole]
    assert [read.json for read in web_annotation.bodies(stored)] == several
    assert [read.json for read in web_annotation.targets(stored)] == [inner for item in several for inner in flat(item)]


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"items":[', "]}"), ('{"source":"a","selector":', "}")])
@pytest.mark.parametrize("depth", [1, MAX_NESTING, MAX_DEPTH // 2, MAX_DEPTH, 1_000, 100_000])
def test_json_is_read_to_some_depth_and_kept_whole_below(opens: str, closes: str, depth: int) -> None:
    stored = Json(f"{opens * depth}1{closes * depth}")
    for read in (web_annotation.bodies(stored), web_annotation.targets(stored)):
        (resource,) = read
        if depth > MAX_DEPTH:
            assert resource == OpaqueResource(json=stored)
            assert isinstance(resource.json, Json)


def test_brackets_in_a_text_are_not_depth() -> None:
    value = '[{"' * 1_000 + '\\"'
    assert body({"value": value}).value == value


def test_many_beside_each_other_are_not_deep() -> None:
    stored = [[{"id": n, "source": f"Annotation/{n}"}] for n in range(1, 1_001)]
    assert [read.passage for read in targets(stored)] == list(range(1_000))


def test_selectors_are_followed_to_some_depth() -> None:
    stored: Any = {"type": "CssSelector", "value": "inmost"}
    for _ in range(MAX_NESTING + 5):
        stored = {"type": "CssSelector", "value": "p", "refinedBy": stored}
    read, followed = selector(stored), 0
    while isinstance(read, CssSelector):
        read, followed = read.refined_by, followed + 1
    assert followed == MAX_NESTING + 1
    assert "inmost" in json.dumps(read.json)


# All the way to the client

QUERY = """{ annotation(id: 1) { body target
    bodies { __typename
        ... on TextualBody { value json } ... on ExternalResource { iri json } ... on OpaqueResource { json }
        ... on SpecificResource { source selectors { __typename ... on OpaqueSelector { json } } json }
        ... on Choice { items { __typename ... on OpaqueResource { json } } json } }
    targets { __typename
        ... on TextualBody { value json } ... on OpaqueResource { json } ... on ExternalResource { iri json }
        ... on SpecificResource { source selectors { ... on TextQuoteSelector { exact refinedBy {
            ... on TextPositionSelector { start end } } json } } json } } } }"""


@pytest.fixture(scope="module")
async def margin(server: URL, template: str) -> AsyncIterator[Lasting]:
    """A page with one note."""
    async with lasting(server, template) as margin:
        world = margin.world
        await world.note(await world.element(await world.document(await world.collection())))
        yield margin


async def stored_and_read(margin: Lasting, value: str) -> tuple[str, str]:
    """A JSON document as PostgreSQL writes it, and the answer in which it comes out, as text."""
    write = text("UPDATE app.annotations SET body = CAST(:value AS jsonb), target = CAST(:value AS jsonb)")
    await margin.world.run(write.bindparams(value=value))
    async with margin.engine.connect() as connection:
        written = (await connection.execute(text("SELECT body::text FROM app.annotations"))).scalar_one()
    response = await margin.service.http.post("/graphql", json={"query": QUERY})
    assert response.status_code == 200
    assert '"errors"' not in response.text
    return str(written), response.text


@pytest.mark.parametrize(
    "value",
    [
        "1.10", "-0.0", "0.10000000000000000000000000000001", "1e400", "-1e-400", "12345678901234567890.123",
        "9223372036854775808", "123456789012345678901234567890", "1e5000", "2.0", "0",
        "true", "null", "[]", "{}", '""', '"𠮷"', '"源氏"', '"\\ud83d\\ude00"',
        '"\\"quoted\\" \\\\ \\u0001 \\u2028 </script>"',
    ],
)  # fmt: skip
async def test_json_comes_out_as_postgresql_wrote_it(margin: Lasting, value: str) -> None:
    written, answer = await stored_and_read(margin, f'{{"strange": {value}}}')
    assert f'"body":{written},"target":{written}' in answer
    inside = written.removeprefix('{"strange": ').removesuffix("}")
    if any(letter in inside for letter in "\\\u2028"):  # which may be escaped in more than one way
        inside = json.dumps(json.loads(inside), ensure_ascii=False)
    assert answer.count(f'"json":{{"strange":{inside}}}') == 2


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}"), ('{"items":[', "]}")])
@pytest.mark.parametrize("depth", [10, 250, 1_000])
async def test_deeply_nested_json_comes_out(margin: Lasting, opens: str, closes: str, depth: int) -> None:
    written, answer = await stored_and_read(margin, f"{opens * depth}1{closes * depth}")
    assert f'"body":{written},"target":{written}' in answer
    assert "1" in answer.split('"bodies":')[1]


async def test_all_dialects_come_out_typed(margin: Lasting) -> None:
    position = {"type": "TextPositionSelector", "start": 3, "end": 5}
    quote = {"type": "TextQuoteSelector", "value": "my", "refined_by": position}
    one = {"id": 1, "source": "DocumentElements/2", "selector": quote}
    stored = json.dumps([[one], "https://example.org", {"value": "v"}])
    written, answer = await stored_and_read(margin, stored)
    read = json.loads(answer)["data"]["annotation"]
    assert [each["__typename"] for each in read["targets"]] == ["SpecificResource", "ExternalResource", "TextualBody"]
    assert [each["__typename"] for each in read["bodies"]] == ["OpaqueResource", "ExternalResource", "TextualBody"]
    (selector_,) = read["targets"][0]["selectors"]
    assert (selector_["exact"], selector_["refinedBy"]) == ("my", {"start": 3, "end": 5})
    assert [each["json"] for each in read["bodies"]] == json.loads(written)

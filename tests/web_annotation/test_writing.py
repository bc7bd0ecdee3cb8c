"""Stored annotations in the standard's form, whatever was stored."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from genji_graphql.database import Json
from genji_graphql.models import Document
from genji_graphql.reads import web_annotation
from genji_graphql.reads.web_annotation import Place
from genji_graphql.web_annotation.check import problems
from genji_graphql.web_annotation.reading import read
from genji_graphql.web_annotation.terms import CONTEXT
from genji_graphql.web_annotation.writing import Creator, Stored, encoded, json_ld
from tests.reads.test_web_annotation import ANY_JSON
from tests.web_annotation.examples import BASE, OWN, TEXT


def written(**columns: Any) -> dict[str, Any]:
    """The annotation, which is always valid."""
    members: dict[str, Any] = {"id": 7, "target": TEXT, **columns}
    annotation = json_ld(Stored(**members), BASE)
    assert problems(annotation) == []
    return annotation


def body(value: Any) -> Any:
    return written(body=Json.of(value))["body"]


def target(value: Any) -> Any:
    return written(target=Json.of(value))["target"]


def test_a_row_becomes_an_annotation() -> None:
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert written(
        motivation="commenting",
        body={"id": 12, "type": "TextualBody", "value": "a"},
        created=moment,
        modified=moment.replace(microsecond=250_000),
        generated=moment,
        generator="Word import",
        creator=Creator(3, "Murasaki"),
    ) == {
        "@context": CONTEXT,
        "id": OWN,
        "type": "Annotation",
        "motivation": "commenting",
        "created": "2026-01-31T12:00:00Z",
        "modified": "2026-01-31T12:00:00.25Z",
        "creator": {"id": f"{BASE}/users/3", "type": "Person", "name": "Murasaki"},
        "generator": {"type": "Software", "name": "Word import"},
        "generated": "2026-01-31T12:00:00Z",
        "body": {"id": f"{OWN}#body-12", "type": "TextualBody", "value": "a"},
        "target": TEXT,
    }


@pytest.mark.parametrize("name", [None, "", " "])
def test_a_person_may_have_no_name(name: str | None) -> None:
    assert written(creator=Creator(3, name))["creator"] == {"id": f"{BASE}/users/3", "type": "Person"}


def test_who_wrote_it_elsewhere_is_told_where_nobody_here_did() -> None:
    other = {"creator": "urn:x:murasaki", "created": "2026-01-31T12:00:00+09:00"}
    assert written(other=other)["creator"] == "urn:x:murasaki"
    assert written(other=other)["created"] == "2026-01-31T12:00:00+09:00"
    assert written(other=other, creator=Creator(3, "a"))["creator"]["id"] == f"{BASE}/users/3"


def test_blank_columns_say_nothing() -> None:
    assert written(motivation=" ", generator="") == written()


# Columns that were changed after what they were read from


def test_a_changed_motivation_keeps_the_further_ones() -> None:
    given = {"motivation": ["oa:tagging", "urn:x:glossing"]}
    assert written(motivation="tagging", other=given)["motivation"] == ["oa:tagging", "urn:x:glossing"]
    assert written(motivation="linking", other=given)["motivation"] == ["linking", "urn:x:glossing"]
    assert written(motivation=None, other=given)["motivation"] == "urn:x:glossing"
    assert written(motivation="linking", other={"motivation": "oa:tagging"})["motivation"] == "linking"
    assert "motivation" not in written(other={"motivation": "oa:tagging"})


def test_a_changed_generator_is_told() -> None:
    given = {"generator": {"id": "urn:x:margin", "type": "Software"}}
    assert written(generator="urn:x:margin", other=given)["generator"] == given["generator"]
    assert written(generator="urn:x:other", other=given)["generator"] == "urn:x:other"
    assert "generator" not in written(other=given)


def test_a_changed_text_is_told() -> None:
    text = {"type": "TextualBody", "value": "v", "format": "text/plain"}
    assert written(body=text, other={"bodyValue": "v"})["bodyValue"] == "v"
    assert "bodyValue" in written(body={"id": 5, **text}, other={"bodyValue": "v"})
    changed = written(body={**text, "value": "w"}, other={"bodyValue": "v"})
    assert (changed["body"]["value"], "bodyValue" in changed) == ("w", False)
    assert "bodyValue" not in written(other={"bodyValue": "v"})


@pytest.mark.parametrize("other", [None, 5, [], "x", {}, {"type": "Text"}, {"id": "urn:x:1", "target": 5, "body": 5}])
def test_what_other_holds_never_comes_before_the_columns(other: Any) -> None:
    assert written(other=other) == {"@context": CONTEXT, "id": OWN, "type": "Annotation", "target": TEXT}


# The three dialects

QUOTE = {"type": "TextQuoteSelector", "exact": "my youn"}
POSITION = {"type": "TextPositionSelector", "start": 3, "end": 10}


def test_the_schema_documents_target() -> None:
    assert target({"source": "document_element:42", "selector": QUOTE}) == {
        "type": "SpecificResource", "source": f"{BASE}/elements/42", "selector": QUOTE,
    }  # fmt: skip


def test_an_older_clients_target() -> None:
    selector = {"type": "TextQuoteSelector", "value": "my youn", "refined_by": POSITION}
    assert target([{"id": 1, "type": "Text", "source": "DocumentElements/2", "selector": selector}]) == [
        {
            "id": f"{OWN}#target-1",
            "type": "SpecificResource",
            "source": f"{BASE}/elements/2",
            "selector": {**QUOTE, "refinedBy": POSITION},
        }
    ]


def test_a_response() -> None:
    assert target([{"id": 9, "source": "Annotation/1"}]) == [
        {"id": f"{OWN}#target-9", "source": f"{BASE}/annotations/1", "type": "SpecificResource"}
    ]


def test_a_link_lies_flat_and_keeps_its_passages() -> None:
    stored = [[{"id": 1, "source": "DocumentElements/1"}, "https://a.example"], [], [["element:3"]], {"source": TEXT}]
    flat = target(stored)
    assert [each.get("source", each.get("id")) for each in flat] == [
        f"{BASE}/elements/1", "https://a.example", f"{BASE}/elements/3", TEXT,
    ]  # fmt: skip
    assert [each["genji:passage"] for each in flat] == [0, 0, 2, 3]
    came_back = Json.of(read(written(target=Json.of(stored)), BASE).target)

    def seen(targets: Json) -> list[Any]:
        read_: list[Any] = web_annotation.targets(targets, BASE)
        return [(each.passage, each.place, each.database_id) for each in read_]

    assert seen(came_back) == seen(Json.of(stored))


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        (None, "SpecificResource"),
        ("Text", "SpecificResource"),
        ("SpecificResource", "SpecificResource"),
        ("Image", ["SpecificResource", "Image"]),
        (["Text", "Image"], ["SpecificResource", "Image"]),
    ],
)
def test_the_type_of_a_converted_target(type_: Any, expected: Any) -> None:
    assert target({"type": type_, "source": "element:1"})["type"] == expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"type": "TextQuoteSelector", "value": "a", "exact": None}, {"type": "TextQuoteSelector", "exact": "a"}),
        (
            {"type": "TextQuoteSelector", "value": "a", "exact": "b"},
            {"type": "TextQuoteSelector", "value": "a", "exact": "b"},
        ),
        (QUOTE | {"prefix": None}, QUOTE),
        (
            [QUOTE, {**QUOTE, "refined_by": [{**QUOTE, "refined_by": POSITION}]}],
            [QUOTE, {**QUOTE, "refinedBy": [{**QUOTE, "refinedBy": POSITION}]}],
        ),
        (
            {
                "type": "RangeSelector",
                "startSelector": {"type": "TextQuoteSelector", "value": "a"},
                "endSelector": {**QUOTE, "refined_by": POSITION},
            },
            {
                "type": "RangeSelector",
                "startSelector": {"type": "TextQuoteSelector", "exact": "a"},
                "endSelector": {**QUOTE, "refinedBy": POSITION},
            },
        ),
        (
            {**QUOTE, "refinedBy": POSITION, "refined_by": QUOTE},
            {**QUOTE, "refinedBy": POSITION, "genji:refined_by": QUOTE},
        ),
    ],
)
def test_selectors_are_put_into_the_standards_words(selector: Any, expected: Any) -> None:
    assert target({"source": "element:1", "selector": selector})["selector"] == expected


def test_a_selector_that_is_none_stands_aside() -> None:
    wrong = {"type": "TextPositionSelector", "start": -1, "end": 5}
    assert target({"source": "element:1", "selector": [wrong, QUOTE]}) == {
        "source": f"{BASE}/elements/1", "selector": [QUOTE], "type": "SpecificResource", "genji:selector": [wrong],
    }  # fmt: skip
    assert target({"source": "element:1", "selector": wrong}) == {
        "source": f"{BASE}/elements/1", "type": "SpecificResource", "genji:selector": [wrong],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("I think so.", {"type": "TextualBody", "value": "I think so.", "format": "text/plain"}),
        (5, {"type": "TextualBody", "value": "5", "format": "application/json"}),
        ({"a": [1.10]}, {"type": "TextualBody", "value": '{"a":[1.1]}', "format": "application/json"}),
        (
            {"type": "TextualBody"},
            {"type": "TextualBody", "value": '{"type":"TextualBody"}', "format": "application/json"},
        ),
        (
            {"id": -1, "source": "element:1"},
            {"id": f"{BASE}/elements/1", "genji:stored": {"id": -1, "source": "element:1"}},
        ),
        ({"value": "a", "language": None}, {"value": "a"}),
    ],
)
def test_what_is_no_resource_is_kept_whole(stored: Any, expected: Any) -> None:
    assert body(stored) == expected
    assert target([stored]) == [expected]


def test_a_number_keeps_its_digits() -> None:
    digits = (
        '{"type": "TextualBody", "value": "v", "urn:x:n": 0.1000000000000000055511151231257827021181583404541015625}'
    )
    assert b"0.1000000000000000055511151231257827021181583404541015625" in encoded(written(body=Json(digits)))
    assert b"12345678901234567890" in encoded(written(target=Json("[12345678901234567890]")))
    with pytest.raises(TypeError):
        encoded({"a": {1}})


# Targets that aren't there


@pytest.mark.parametrize("nothing", [None, Json("null"), Json("[]"), Json("[[]]")])
def test_without_a_target_it_is_about_what_its_columns_name(nothing: Any) -> None:
    assert written(target=nothing, parent_id=1)["target"] == f"{BASE}/annotations/1"
    assert written(target=nothing, about=Place(Document, 3))["target"] == f"{BASE}/documents/3"
    assert written(target=nothing)["target"] == f"{BASE}/"


def test_an_address_may_end_with_a_slash() -> None:
    assert json_ld(Stored(id=7, target="element:1"), f"{BASE}/")["target"] == f"{BASE}/elements/1"


@given(ANY_JSON, ANY_JSON)
@settings(max_examples=300, deadline=None)
def test_whatever_is_stored_becomes_an_annotation(some: Any, more: Any) -> None:
    assume("\\u0000" not in Json.of([some, more]))  # which PostgreSQL doesn't hold
    annotation = written(body=Json.of(some), target=Json.of(more))
    assert problems(json.loads(encoded(annotation))) == []


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"items":[', "]}"), ('{"source":', "}")])
@pytest.mark.parametrize("depth", [10, 25, 60, 100, 10_000])
def test_json_that_is_nested_deeply_is_written(opens: str, closes: str, depth: int) -> None:
    stored = Json(f'{opens * depth}"element:1"{closes * depth}')
    encoded(json_ld(Stored(id=7, body=stored, target=stored), BASE))


STORED = st.fixed_dictionaries(
    {"source": st.sampled_from(["element:1", "DocumentElements/2", "Annotation/3"])},
    optional={
        "id": st.integers(0, 2**31 - 1),
        "type": st.sampled_from(["Text", "SpecificResource"]),
        "selector": st.sampled_from(
            [QUOTE, {**QUOTE, "refined_by": POSITION}, {"type": "TextQuoteSelector", "value": "a"}]
        ),
    },
)


@given(st.lists(STORED | st.lists(STORED, max_size=3), min_size=1, max_size=4))
@settings(deadline=None)
def test_stored_targets_read_the_same_after_a_journey(stored: Any) -> None:
    before = web_annotation.targets(Json.of(stored), BASE)
    after = web_annotation.targets(Json.of(read(written(target=Json.of(stored)), BASE).target), BASE)
    if not before:
        return

    def seen(resource: Any) -> Any:
        quotes = [(each.exact, each.refined_by and each.refined_by.start) for each in resource.selectors]
        return resource.database_id, resource.place, resource.passage, quotes

    assert [seen(each) for each in after] == [seen(each) for each in before]

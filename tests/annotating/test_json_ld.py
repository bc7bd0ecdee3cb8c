"""Whole annotations in the W3C's form, in and out over the API."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from genji_graphql.access.viewer import ANONYMOUS
from genji_graphql.web_annotation.check import problems
from tests.annotating.room import CREATE, Room, id_of
from tests.writing.asking import read

CONTEXT = "http://www.w3.org/ns/anno.jsonld"
JSON_LD = "query ($id: ID!) { annotation(id: $id) { jsonLd } }"


def annotation(room: Room, **changes: Any) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "type": "Annotation",
        "motivation": ["commenting", "questioning"],
        "rights": "https://creativecommons.org/publicdomain/zero/1.0/",
        "audience": {"id": "https://example.org/course", "type": "schema:EducationalAudience"},
        "body": [
            {"type": "TextualBody", "value": "Whose reign?", "format": "text/plain", "language": "en"},
            "https://example.org/essay",
        ],
        "target": {
            "source": f"{room.base}/elements/{room.element.id}",
            "selector": {"type": "TextQuoteSelector", "exact": "many ladies"},
        },
    } | changes


async def test_it_comes_out_as_it_went_in_with_the_sites_own_beside(room: Room) -> None:
    given = annotation(room)
    note = await room.made(CREATE, room.student, jsonLd=given)
    assert note["element"] == {"id": id_of(room.element)}
    assert note["other"]["rights"] == given["rights"]

    asked = await room.service.ask(JSON_LD, {"id": note["id"]}, viewer=room.viewer(room.mate))
    told = asked["annotation"]["jsonLd"]
    assert problems(told) == []
    assert told["id"] == f"{room.base}/annotations/{note['databaseId']}"
    assert told["creator"]["name"] == "sei"
    for name in ("motivation", "rights", "audience"):
        assert told[name] == given[name]
    assert told["body"][1] == given["body"][1]
    assert told["body"][0]["value"] == "Whose reign?"
    (target,) = [told["target"]] if isinstance(told["target"], dict) else told["target"]
    assert target["source"] == given["target"]["source"]
    kinds = [one["type"] for one in target["selector"]]
    assert kinds == ["TextQuoteSelector", "TextPositionSelector"]
    assert target["selector"][0]["exact"] == "many ladies"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"@context": "https://example.org/"}, "/@context"),
        ({"type": "Note"}, "/type"),
        ({"body": {"type": "TextualBody"}}, "/body"),
        ({"rights": 7}, "/rights"),
    ],
)
async def test_what_is_wrong_with_it_is_told_with_its_place(room: Room, changes: dict[str, Any], pointer: str) -> None:
    error = (await room.all_refused(CREATE, room.student, jsonLd=annotation(room, **changes)))[0]
    assert (error["__typename"], error["field"]) == ("MalformedDocument", "jsonLd")
    assert error["pointer"].startswith(pointer)


async def test_what_it_selects_must_be_there(room: Room) -> None:
    target = annotation(room)["target"] | {"selector": {"type": "TextQuoteSelector", "exact": "nowhere"}}
    error = await room.refused(CREATE, room.student, jsonLd=annotation(room, target=target))
    assert error["code"] == "SELECTOR_NOT_FOUND"


async def test_nothing_else_is_said_beside_it(room: Room) -> None:
    error = await room.refused(CREATE, room.student, jsonLd=annotation(room), elementId=id_of(room.element))
    assert (error["field"], error["code"]) == ("jsonLd", "NOT_ONE")


async def test_a_note_that_was_written_otherwise_comes_out_too(room: Room) -> None:
    note = await room.note(selector={"exact": "many ladies"})
    told = (await room.service.ask(JSON_LD, {"id": note["id"]}))["annotation"]["jsonLd"]
    assert problems(told) == []
    assert told["motivation"] == "commenting"


@pytest.mark.parametrize(
    "form",
    [
        lambda iri: iri,
        lambda iri: {"id": iri, "type": "Text"},
        lambda iri: {"type": "SpecificResource", "source": iri},
        lambda iri: {"type": "SpecificResource", "source": {"id": iri, "type": "Text"}},
    ],
)
async def test_things_of_the_site_are_known_however_they_are_named(room: Room, form: Callable[[str], Any]) -> None:
    iri = f"{room.base.rstrip('/')}/elements/{room.element.id}"
    named = form(iri)
    note = await room.made(CREATE, room.student, jsonLd=annotation(room, target=named, body=named))

    # They are kept in the platform's own words, as its clients know them: the site may get another address.
    assert iri not in json.dumps([note["target"], note["body"]])
    parts = "... on ExternalResource { iri place { id } } ... on SpecificResource { source place { id } }"
    query = f"query ($id: ID!) {{ annotation(id: $id) {{ bodies {{ {parts} }} targets {{ {parts} }} }} }}"
    told = (await read(room.service, ANONYMOUS, query, id=note["id"]))["annotation"]
    for part in told["bodies"] + told["targets"]:
        assert part.pop("place") == {"id": id_of(room.element)}
        assert [*part.values()] == [f"DocumentElements/{room.element.id}"]
    # To whoever reads them as JSON-LD they are what they were.
    whole = (await room.service.ask(JSON_LD, {"id": note["id"]}))["annotation"]["jsonLd"]
    assert problems(whole) == []
    for name in ("target", "body"):
        assert whole[name] == named or named.items() <= whole[name].items()


async def test_a_body_that_is_nested_too_deeply_is_refused_in_words(room: Room) -> None:
    body: Any = "https://example.org/"
    for _ in range(400):
        body = {"items": [body]}
    errors = await room.all_refused(CREATE, room.student, elementId=id_of(room.element), body=body)
    assert {error["__typename"] for error in errors} == {"ValidationError"}

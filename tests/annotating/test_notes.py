"""Writing notes: who may, where they stand, and what becomes of what they select."""

from copy import deepcopy
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from genji_graphql import models
from genji_graphql.access.joining import today
from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.vocabulary import AnnotationStatus, PermissionName, Visibility
from tests.annotating.room import BULK, CREATE, READ, REFERENCE, TEXT, UPDATE, Room, id_of


async def test_a_note_stands_where_it_was_written_and_is_seen_at_once(room: Room) -> None:
    note = await room.note(selector={"exact": "not of the first rank"})

    assert note["motivation"] == "commenting"
    assert note["status"] == "ACTIVE"
    assert note["creator"] == note["owner"] == {"username": "sei"}
    assert note["element"] == {"id": id_of(room.element)}
    assert note["document"] == {"id": id_of(room.document)}
    assert note["collection"] == {"id": id_of(room.collection)}
    assert note["classroom"] is None
    assert note["body"] == {
        "id": 1,
        "type": "TextualBody",
        "value": "Which reign, indeed?",
        "format": "text/plain",
    }
    (target,) = deepcopy(note["target"])
    start = TEXT.index("not of")
    quote, position = target.pop("selector")
    assert target == {"id": 1, "type": "Text", "source": f"DocumentElements/{room.element.id}"}
    assert position == {"type": "TextPositionSelector", "start": start, "end": start + 21}
    assert quote["exact"] == "not of the first rank"
    assert TEXT.startswith(quote["prefix"] + quote["exact"] + quote["suffix"], start - len(quote["prefix"]))
    assert await room.seen(note["id"], ANONYMOUS) == note


async def test_the_same_request_sees_what_it_wrote(room: Room) -> None:
    query = """
    mutation ($input: CreateAnnotationInput!) {
      first: createAnnotation(input: $input) { annotation { id element { annotations { totalCount } } } }
      second: createAnnotation(input: $input) { annotation { id element { annotations { totalCount } } } }
    }
    """
    given = {"elementId": id_of(room.element), "text": "Twice."}
    answer = await room.service.ask(query, {"input": given}, viewer=room.viewer(room.student))
    counts = [answer[name]["annotation"]["element"]["annotations"]["totalCount"] for name in ("first", "second")]
    assert counts == [1, 2]


@pytest.mark.parametrize(
    ("selector", "start", "end"),
    [
        ({"start": 0, "end": 2}, 0, 2),
        ({"start": 0, "end": 2, "exact": "In"}, 0, 2),
        ({"start": 50, "end": 58, "exact": "In which"}, 0, 8),
        ({"exact": "was", "prefix": "reign "}, 15, 18),
        ({"exact": "was", "suffix": " favoured"}, TEXT.index("was favoured"), TEXT.index("was favoured") + 3),
    ],
)
async def test_a_passage_is_found_by_offsets_or_words(
    room: Room, selector: dict[str, Any], start: int, end: int
) -> None:
    note = await room.note(selector=selector)
    quote, position = note["target"][0]["selector"]
    assert (position["start"], position["end"]) == (start, end)
    assert quote["exact"] == TEXT[start:end]


async def test_offsets_of_a_browser_are_understood(room: Room) -> None:
    room.element = await room.world.element(room.document, "𠮟る and 源氏")
    note = await room.note(selector={"start": 3, "end": 6, "unit": "UTF16"})
    quote, position = note["target"][0]["selector"]
    assert (quote["exact"], position["start"], position["end"]) == (" an", 2, 5)


@pytest.mark.parametrize(
    ("selector", "code"),
    [
        ({"exact": "not of the last rank"}, "SELECTOR_NOT_FOUND"),
        ({"exact": "the"}, "SELECTOR_AMBIGUOUS"),
        ({"start": 5, "end": 5000}, "OUT_OF_RANGE"),
        ({"start": 5, "end": 5}, "OUT_OF_RANGE"),
        ({}, "OUT_OF_RANGE"),
    ],
)
async def test_a_passage_that_is_not_there_is_refused(room: Room, selector: dict[str, Any], code: str) -> None:
    given = {"elementId": id_of(room.element), "text": "?", "selector": selector}
    error = await room.refused(CREATE, room.student, **given)
    assert (error["__typename"], error["code"], error["field"]) == ("SelectorError", code, "selector")


async def test_the_nearest_passage_is_suggested(room: Room) -> None:
    given = {"elementId": id_of(room.element), "text": "?", "selector": {"exact": "not of the fist rank"}}
    error = await room.refused(CREATE, room.student, **given)
    assert error["nearest"]["exact"].startswith("not of the first ran")


async def test_a_target_in_json_is_anchored_as_well(room: Room) -> None:
    older = {
        "type": "Text",
        "source": f"document_element:{room.element.id}",
        "selector": {
            "type": "TextQuoteSelector",
            "value": "many ladies",
            "refined_by": {"type": "TextPositionSelector", "start": 0, "end": 11},
        },
    }
    note = await room.made(CREATE, room.student, text="Which?", target=older)
    (target,) = [note["target"]] if isinstance(note["target"], dict) else note["target"]
    at = TEXT.index("many ladies")
    assert target["selector"][1] == {"type": "TextPositionSelector", "start": at, "end": at + 11}
    assert note["element"] == {"id": id_of(room.element)}


async def test_nobody_else_says_how_a_note_came_to_its_place(room: Room) -> None:
    for said in ({"method": "orphan"}, "orphan"):
        target = {"source": f"DocumentElements/{room.element.id}", "genji:anchoring": said}
        note = await room.made(CREATE, room.student, text="Lost?", target=target)
        changed = await room.made(UPDATE, room.student, id=note["id"], target=target)
        for one in (note, changed):
            assert one["isOrphan"] is False
            assert "genji:anchoring" not in one["target"]


async def test_html_is_cleaned(room: Room) -> None:
    body = {"type": "TextualBody", "value": "<b>Yes</b><script>alert(1)</script>", "format": "text/html"}
    note = await room.made(CREATE, room.student, elementId=id_of(room.element), body=body)
    assert note["body"]["value"] == "<b>Yes</b>"


async def test_a_document_and_a_collection_can_be_written_on(room: Room) -> None:
    on_document = await room.made(CREATE, room.student, documentId=id_of(room.document), text="All of it.")
    on_collection = await room.made(CREATE, room.student, collectionId=id_of(room.collection), text="All of them.")
    assert (on_document["element"], on_document["document"]) == (None, {"id": id_of(room.document)})
    assert on_document["collection"] == on_collection["collection"] == {"id": id_of(room.collection)}
    assert on_collection["document"] is None


# Who may


async def test_nobody_writes_without_signing_in(room: Room) -> None:
    error = await room.refused(CREATE, ANONYMOUS, elementId=id_of(room.element), text="?")
    assert error["code"] == "FORBIDDEN"


async def test_a_token_that_may_only_read_writes_nothing(room: Room) -> None:
    reader = Viewer(user_id=room.student.id, scopes=frozenset({"read"}), access_token_id=1)
    assert (await room.refused(CREATE, reader, elementId=id_of(room.element), text="?"))["code"] == "FORBIDDEN"


@pytest.mark.parametrize("what", ["elementId", "documentId", "collectionId"])
async def test_what_is_hidden_is_not_there_to_be_written_on(room: Room, what: str) -> None:
    await room.world.run(update(models.DocumentCollection).values(visibility=Visibility.PRIVATE))
    rows = {"elementId": room.element, "documentId": room.document, "collectionId": room.collection}
    hidden = await room.refused(CREATE, room.student, text="?", **{what: id_of(rows[what])})
    missing = await room.refused(CREATE, room.student, text="?", **{what: "9999"})
    assert hidden == missing
    assert hidden["code"] == "NOT_FOUND"


async def test_a_hidden_target_is_a_missing_one(room: Room) -> None:
    hidden = await room.world.element(await room.world.document(await room.world.collection(Visibility.PRIVATE)))
    errors = []
    for number in (hidden.id, 9999):
        target = [f"DocumentElements/{room.element.id}", f"DocumentElements/{number}"]
        errors.append(await room.refused(CREATE, room.student, text="?", target=target))
    assert errors[0] == errors[1]


async def test_scholarly_notes_are_for_scholars(room: Room) -> None:
    given = {"elementId": id_of(room.element), "text": "!", "motivation": "scholarly"}
    assert (await room.refused(CREATE, room.student, **given))["field"] == "motivation"
    scholar = room.viewer(room.student, PermissionName.CREATE_SCHOLARLY_ANNOTATION)
    assert (await room.made(CREATE, scholar, **given))["motivation"] == "scholarly"


async def test_a_note_for_a_class_is_seen_by_the_class(room: Room) -> None:
    note = await room.note(classroomId=id_of(room.classroom))
    assert await room.seen(note["id"], room.mate) is not None
    assert await room.seen(note["id"], room.stranger) is None
    assert await room.seen(note["id"], ANONYMOUS) is None


async def test_only_members_write_for_a_class(room: Room) -> None:
    given = {"elementId": id_of(room.element), "text": "?"}
    theirs = await room.refused(CREATE, room.stranger, classroomId=id_of(room.classroom), **given)
    none = await room.refused(CREATE, room.stranger, classroomId="9999", **given)
    assert theirs == none
    assert (theirs["code"], theirs["field"]) == ("NOT_FOUND", "classroomId")


@pytest.mark.parametrize(("days", "open_"), [(-1, False), (0, True), (1, True)])
async def test_a_class_that_is_over_is_written_for_no_more(room: Room, days: int, open_: bool) -> None:
    end: date = today() + timedelta(days=days)
    await room.world.run(update(models.Group).values(end_date=end))
    given = {"elementId": id_of(room.element), "text": "?", "classroomId": id_of(room.classroom)}
    if open_:
        await room.made(CREATE, room.student, **given)
    else:
        assert (await room.refused(CREATE, room.student, **given))["code"] == "CLOSED"


async def test_a_private_note_is_its_owners(room: Room) -> None:
    note = await room.note(private=True)
    assert note["status"] == "PRIVATE"
    assert await room.seen(note["id"], room.student) is not None
    assert await room.seen(note["id"], room.owner) is None
    shown = await room.made(UPDATE, room.student, id=note["id"], private=False)
    assert shown["status"] == "ACTIVE"
    assert await room.seen(note["id"], ANONYMOUS) is not None


# What can't be taken


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({}, "elementId", "NOT_ONE"),
        ({"elementId": "1", "documentId": "1"}, "elementId", "NOT_ONE"),
        ({"elementId": "1", "text": "a", "body": "https://example.org"}, "text", "NOT_ONE"),
        ({"elementId": "1", "motivation": " "}, "motivation", "REQUIRED"),
        ({"elementId": "1", "motivation": "replying"}, "motivation", "RESPONSE"),
        ({"elementId": "1", "motivation": "m" * 101}, "motivation", "TOO_LONG"),
        ({"elementId": "1", "body": {"type": "TextualBody"}}, "body", "INVALID_ANNOTATION"),
        ({"target": "https://example.org/elsewhere"}, "target", "REQUIRED"),
        ({"documentId": "1", "selector": {"exact": "a"}}, "selector", "NO_TEXT"),
        ({"elementId": "1", "text": "\0"}, "text", "INVALID"),
    ],
)
async def test_what_can_not_be_taken_is_refused(room: Room, given: dict[str, Any], field: str, code: str) -> None:
    error = (await room.all_refused(CREATE, room.student, **given))[0]
    assert (error["field"], error["code"]) == (field, code)


# Many at once


async def test_many_are_written_in_their_order_with_a_few_statements(room: Room) -> None:
    costs = []
    for number in (2, 200):
        given = [{"elementId": id_of(room.element), "text": str(place)} for place in range(number)]
        payload = await room.asked(BULK, room.student, annotations=given)
        assert payload["errors"] == []
        assert [note["body"]["value"] for note in payload["annotations"]] == [str(place) for place in range(number)]
        costs.append(len(room.service.statements))
    assert costs[0] == costs[1]


async def test_one_that_is_wrong_keeps_all_from_being_written(room: Room) -> None:
    good = {"elementId": id_of(room.element), "text": "Good."}
    given = [good, {"elementId": "9999", "text": "?"}, good, good | {"selector": {"exact": "nowhere to be found"}}]
    errors = await room.all_refused(BULK, room.student, annotations=given)
    assert [error["field"] for error in errors] == ["annotations.1.elementId", "annotations.3.selector"]


async def test_more_than_a_thousand_are_refused(room: Room) -> None:
    good = {"elementId": id_of(room.element), "text": "Good."}
    assert (await room.refused(BULK, room.student, annotations=[good] * 1001))["code"] == "TOO_MANY"
    assert (await room.refused(BULK, room.student, annotations=[]))["code"] == "TOO_MANY"


async def test_a_note_costs_four_statements(room: Room) -> None:
    given = {"elementId": id_of(room.element), "text": "!", "classroomId": id_of(room.classroom)}
    query = "mutation ($input: CreateAnnotationInput!) { createAnnotation(input: $input) { errors { code } } }"
    await room.service.ask(query, {"input": given}, viewer=room.viewer(room.student))
    assert len(room.service.statements) == 4, room.service.statements


# Changing


async def test_a_note_is_changed_by_its_owner(room: Room) -> None:
    note = await room.note(selector={"exact": "many ladies"})
    changed = await room.made(
        UPDATE, room.student, id=note["id"], text="Which ladies?", selector={"exact": "In which reign"}
    )
    assert changed["body"] == {"id": 1, "type": "TextualBody", "value": "Which ladies?", "format": "text/plain"}
    assert changed["target"][0]["id"] == note["target"][0]["id"]
    assert changed["target"][0]["selector"][0]["exact"] == "In which reign"
    assert changed["version"] == 2
    assert changed["modified"] > note["modified"]
    assert changed["modifiedBy"] == {"username": "sei"}
    assert await room.seen(note["id"], ANONYMOUS) == changed


@pytest.mark.parametrize("who", ["mate", "teacher", "owner"])
async def test_nobody_else_changes_it(room: Room, who: str) -> None:
    note = await room.note(classroomId=id_of(room.classroom)) if who != "owner" else await room.note()
    error = await room.refused(UPDATE, getattr(room, who), id=note["id"], text="Not mine.")
    assert error["code"] == "FORBIDDEN"


async def test_what_was_changed_since_is_not_overwritten(room: Room) -> None:
    note = await room.note()
    changed = await room.made(UPDATE, room.student, id=note["id"], text="First.", expectedModified=note["modified"])
    error = await room.refused(UPDATE, room.student, id=note["id"], text="Second.", expectedModified=note["modified"])
    assert (error["__typename"], error["field"]) == ("Conflict", "expectedModified")
    assert error["current"] == {"id": note["id"], "body": changed["body"]}
    await room.made(UPDATE, room.student, id=note["id"], text="Second.", expectedModified=changed["modified"])


async def test_a_note_stays_with_its_text(room: Room) -> None:
    note, other = await room.note(), await room.world.element(room.document, "Another line.")
    target = {"source": f"DocumentElements/{other.id}"}
    assert (await room.refused(UPDATE, room.student, id=note["id"], target=target))["code"] == "ELSEWHERE"


# References


async def test_a_page_of_the_web_is_referred_to(room: Room) -> None:
    given = {"elementId": id_of(room.element), "url": "https://example.org/genji", "title": "Genji", "description": "A"}
    note = await room.made(REFERENCE, room.student, **given)
    assert note["motivation"] == "external_reference"
    assert note["body"]["value"] == '{"title": "Genji", "description": "A", "url": "https://example.org/genji"}'


@pytest.mark.parametrize("url", ["javascript:alert(1)", "example.org", "", "https://"])
async def test_other_addresses_are_refused(room: Room, url: str) -> None:
    error = await room.refused(REFERENCE, room.student, elementId=id_of(room.element), url=url, title="x")
    assert (error["field"], error["code"]) == ("url", "INVALID_ADDRESS")


async def test_both_paths_show_what_was_written(room: Room) -> None:
    note = await room.note()
    by_plan = await room.seen(note["id"], room.mate)
    query = READ.replace("{ annotation(", "{ siteSettings { siteTitle } annotation(")
    general = await room.service.ask(query, {"id": note["id"]}, viewer=room.viewer(room.mate))
    assert general["annotation"] == by_plan == note


async def test_who_is_hidden_by_a_moderator_does_not_show_themselves(room: Room) -> None:
    note = await room.note()
    await room.world.run(update(models.Annotation).values(status=AnnotationStatus.HIDDEN))
    for private in (False, True):
        error = await room.refused(UPDATE, room.student, id=note["id"], private=private)
        assert (error["code"], error["field"]) == ("FORBIDDEN", "private")

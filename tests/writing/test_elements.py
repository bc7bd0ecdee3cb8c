"""Elements: who writes, changes and moves them, in what order they stand, and what is kept of what they said."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, update

from genji_graphql.models import LONGEST_TEXT, SPACING, Annotation, Document, DocumentElement, ElementRevision
from genji_graphql.vocabulary import AccessLevel, Visibility
from tests.service import Service
from tests.writing.asking import WHO, Shelf, changed, denied, expected_of, id_of, read, refused

NEW = "elements { databaseId text content hierarchy }"
WHOLE = "element { databaseId text content hierarchy document { title } }"
TEXTS = "query($id: ID!) { document(id: $id) { elements(first: 100) { nodes { text } } } }"
BOLD = {"start": 0, "end": 3, "type": ["bold"]}


def styled(*ranges: Any, **more: Any) -> dict[str, Any]:
    styles = {"is_bold": False, "is_italic": False, "formatting": list(ranges)}
    return {"text": "In my younger years", "formatting": {"alignment": "left", "text_styles": styles}} | more


async def order_of(shelf: Shelf, document: Document | None = None) -> list[str]:
    """The texts of a document, in their order."""
    here = DocumentElement.document_id == (document or shelf.document).id
    return await shelf.all(
        select(DocumentElement.text).where(here).order_by(DocumentElement.position, DocumentElement.id)
    )


async def positions(shelf: Shelf) -> list[int]:
    return await shelf.all(select(DocumentElement.position).order_by(DocumentElement.position))


def texts(*given: str) -> list[dict[str, str]]:
    return [{"text": text} for text in given]


# Writing


@pytest.mark.parametrize("who", WHO)
async def test_elements_are_written_by_those_who_edit_the_document(service: Service, shelf: Shelf, who: str) -> None:
    viewer = await shelf.who(who)
    given = {"documentId": id_of(shelf.document), "elements": texts("いづれの御時にか", "Two\nlines.")}
    if (error := expected_of(who, level=AccessLevel.EDIT)) is None:
        made = (await changed(service, viewer, "createElements", NEW, **given))["elements"]
        assert [one["text"] for one in made] == ["いづれの御時にか", "Two\nlines."]
        assert [one["content"] for one in made] == given["elements"]
        order = ["Line 1.", "Line 2.", "Line 3.", "いづれの御時にか", "Two\nlines."]
        seen = await read(service, await shelf.who("reader"), TEXTS, id=id_of(shelf.document))
        assert [one["text"] for one in seen["document"]["elements"]["nodes"]] == order
        whose = select(DocumentElement.modified_by_id).where(DocumentElement.id == made[0]["databaseId"])
        assert await shelf.all(whose) == [shelf.people[who].id]
    else:
        place = None if who in {"visitor", "reading token"} else "documentId"
        assert await denied(service, shelf, viewer, "createElements", **given) == (*error, place)


async def test_what_is_written_is_kept_to_the_character(service: Service, shelf: Shelf) -> None:
    text = "  e\u0301 \t夕\r\nend \u200d\n"
    content = styled(BOLD, text="In\nmy", verse=[{"start": 0, "end": 5}], of=[1.50, None, {"x": 10**15}])
    elements = [{"text": text, "hierarchy": {"page": 5, "element_order": 2}}, {"content": content}]
    given = {"documentId": id_of(shelf.document), "elements": elements}

    one, two = (await changed(service, await shelf.who("editor"), "createElements", NEW, **given))["elements"]

    assert (one["text"], one["hierarchy"]) == (text, {"page": 5, "element_order": 2})
    assert (two["content"], two["hierarchy"]) == (content, None)
    # Their order is the one that they were given in, whatever the source says.
    assert (await order_of(shelf))[-2:] == [text, "In\nmy"]


@pytest.mark.parametrize(
    ("where", "order"),
    [
        ({}, "123AB"),
        ({"beforeId": 0}, "AB123"),
        ({"beforeId": 1}, "1AB23"),
        ({"afterId": 1}, "12AB3"),
        ({"afterId": 2}, "123AB"),
    ],
)
async def test_elements_are_written_where_they_are_wanted(
    service: Service, shelf: Shelf, where: dict[str, int], order: str
) -> None:
    place = {name: id_of(shelf.elements[number]) for name, number in where.items()}
    given = {"documentId": id_of(shelf.document), "elements": texts("Line A.", "Line B."), **place}
    await changed(service, await shelf.who("editor"), "createElements", NEW, **given)
    assert await order_of(shelf) == [f"Line {one}." for one in order]


async def test_neighbours_are_far_apart(service: Service, shelf: Shelf) -> None:
    given = {"documentId": id_of(shelf.document), "elements": texts("A", "B")}
    await changed(service, await shelf.who("editor"), "createElements", NEW, **given)
    assert await positions(shelf) == [place * SPACING for place in range(1, 6)]


async def test_the_first_elements_of_a_document_are_written(service: Service, shelf: Shelf) -> None:
    empty = await shelf.world.document(shelf.collection)
    given = {"documentId": id_of(empty), "elements": texts("A", "B")}
    await changed(service, await shelf.who("editor"), "createElements", NEW, **given)
    assert await order_of(shelf, empty) == ["A", "B"]


@pytest.mark.parametrize("apart", [0, 1, 2])
async def test_room_is_made_where_neighbours_touch(service: Service, shelf: Shelf, apart: int) -> None:
    for place, row in enumerate(shelf.elements):
        await shelf.world.run(
            update(DocumentElement).where(DocumentElement.id == row.id).values(position=5 + place * apart)
        )
    modified = await shelf.all(select(DocumentElement.modified).order_by(DocumentElement.id))
    given = {
        "documentId": id_of(shelf.document),
        "elements": texts(*(f"New {n}" for n in range(1000))),
        "afterId": id_of(shelf.elements[0]),
    }

    await changed(service, await shelf.who("editor"), "createElements", "elements { id }", **given)

    order = await order_of(shelf)
    assert order == ["Line 1.", *(f"New {n}" for n in range(1000)), "Line 2.", "Line 3."]
    assert len(set(await positions(shelf))) == 1003
    # To be put further apart is no change of the others.
    kept = select(DocumentElement.modified).where(DocumentElement.id <= shelf.elements[-1].id)
    assert await shelf.all(kept.order_by(DocumentElement.id)) == modified


@pytest.mark.parametrize("furthest", [2**62 - 1, 2**63 - 1])
async def test_there_is_always_a_last_place(service: Service, shelf: Shelf, furthest: int) -> None:
    last = DocumentElement.id == shelf.elements[-1].id
    await shelf.world.run(update(DocumentElement).where(last).values(position=furthest))
    given = {"documentId": id_of(shelf.document), "elements": texts("A", "B")}
    await changed(service, await shelf.who("editor"), "createElements", NEW, **given)
    assert (await order_of(shelf))[-3:] == ["Line 3.", "A", "B"]


async def test_many_are_written_into_one_place_one_after_the_other(service: Service, shelf: Shelf) -> None:
    viewer, before = await shelf.who("editor"), id_of(shelf.elements[1])
    for number in range(40):
        given = {"documentId": id_of(shelf.document), "elements": texts(f"{number}"), "beforeId": before}
        await changed(service, viewer, "createElements", "elements { id }", **given)
    assert await order_of(shelf) == ["Line 1.", *(f"{n}" for n in range(40)), "Line 2.", "Line 3."]


async def test_what_is_written_at_once_does_not_mix(service: Service, shelf: Shelf) -> None:
    viewer = await shelf.who("editor")

    async def write(letter: str) -> None:
        given = {"documentId": id_of(shelf.document), "elements": texts(*(f"{letter}{n}" for n in range(5)))}
        await changed(service, viewer, "createElements", "elements { id }", **given)

    await asyncio.gather(*map(write, "ABCDEF"))

    order = "".join(text[0] for text in (await order_of(shelf))[3:])
    assert {order[start : start + 5] for start in range(0, 30, 5)} == {letter * 5 for letter in "ABCDEF"}
    assert len(set(await positions(shelf))) == 33


async def test_all_that_is_wrong_is_told_at_once_by_its_place(service: Service, shelf: Shelf) -> None:
    elements: list[dict[str, Any]] = [
        {"text": "Good."},
        {"text": " \n"},
        {},
        {"text": "x", "content": {"text": "x"}},
        {"text": "x" * (LONGEST_TEXT + 1)},
        {"text": "a\x07b"},
        {"text": "x", "hierarchy": [1]},
        {"text": "x", "hierarchy": {"page": "5" * 10_001}},
        {"content": ["x"]},
        {"content": {}},
        {"content": {"text": 5}},
        {"content": styled() | {"formatting": "bold"}},
        {"content": styled({"start": 0, "end": 20}, {"start": 1, "end": 19}, {"start": 3, "end": 3}, "x")},
        {"content": styled({"start": True, "end": 2}, {"start": -1, "end": 2}, {"start": 0.0, "end": 2})},
        {"content": styled(BOLD | {"type": "bold"})},
        {"content": {"text": "x", "formatting": {"text_styles": {"formatting": {}}}}},
    ]
    given = {"documentId": id_of(shelf.document), "elements": elements}

    told = await refused(service, shelf, await shelf.who("editor"), "createElements", **given)

    ranges = "content.formatting.text_styles.formatting"
    assert [(error["field"], error["code"]) for error in told] == [
        ("elements.1.text", "REQUIRED"),
        ("elements.2.text", "NOT_ONE"),
        ("elements.3.text", "NOT_ONE"),
        ("elements.4.text", "TOO_LONG"),
        ("elements.5.text", "INVALID_CHARACTERS"),
        ("elements.6.hierarchy", "NOT_AN_OBJECT"),
        ("elements.7.hierarchy", "TOO_LONG"),
        ("elements.8.content", "NOT_AN_OBJECT"),
        ("elements.9.content.text", "WRONG_TYPE"),
        ("elements.10.content.text", "WRONG_TYPE"),
        ("elements.11.content.formatting", "NOT_AN_OBJECT"),
        (f"elements.12.{ranges}.0", "OUT_OF_RANGE"),
        (f"elements.12.{ranges}.2", "OUT_OF_RANGE"),
        (f"elements.12.{ranges}.3", "NOT_AN_OBJECT"),
        (f"elements.13.{ranges}.0", "OUT_OF_RANGE"),
        (f"elements.13.{ranges}.1", "OUT_OF_RANGE"),
        (f"elements.13.{ranges}.2", "OUT_OF_RANGE"),
        (f"elements.14.{ranges}.0.type", "WRONG_TYPE"),
        (f"elements.15.{ranges}", "WRONG_TYPE"),
    ]


async def test_bad_input_is_refused_whole(service: Service, shelf: Shelf) -> None:
    viewer, here = await shelf.who("editor"), {"documentId": id_of(shelf.document)}
    elsewhere = await shelf.world.element(await shelf.world.document(shelf.collection))
    for values, field, code in (
        ({"elements": []}, "elements", "REQUIRED"),
        ({"elements": texts("x") * 1001}, "elements", "TOO_MANY"),
        ({"elements": texts("x\0")}, "elements", "INVALID"),
        ({"elements": texts("x"), "beforeId": id_of(elsewhere)}, "beforeId", "NOT_FOUND"),
        ({"elements": texts("x"), "afterId": "999999"}, "afterId", "NOT_FOUND"),
        ({"elements": texts("x"), "afterId": "x"}, "afterId", "NOT_FOUND"),
        ({"elements": texts("x"), "beforeId": "1", "afterId": "1"}, "afterId", "NOT_ONE"),
        ({"elements": texts("x"), "idempotencyKey": ""}, "idempotencyKey", "TOO_LONG"),
    ):
        assert (await denied(service, shelf, viewer, "createElements", **here, **values))[1:] == (code, field)


async def test_two_hundred_are_written_in_the_statements_of_two(service: Service, shelf: Shelf) -> None:
    viewer, costs = await shelf.who("editor"), set()
    for number in (2, 200, 1000):
        given = {"documentId": id_of(shelf.document), "elements": texts(*(f"{n}" for n in range(number)))}
        made = await changed(service, viewer, "createElements", NEW, **given)
        assert [one["text"] for one in made["elements"]] == [f"{n}" for n in range(number)]
        costs.add(len(service.statements))
    assert len(costs) == 1


async def test_a_request_that_comes_again_makes_nothing_more(service: Service, shelf: Shelf) -> None:
    viewer = await shelf.who("editor")
    given = {"documentId": id_of(shelf.document), "elements": texts("A", "B"), "idempotencyKey": "k"}

    made = await asyncio.gather(*(changed(service, viewer, "createElements", NEW, **given) for _ in range(6)))

    assert len({tuple(one["databaseId"] for one in payload["elements"]) for payload in made}) == 1
    assert (await order_of(shelf))[3:] == ["A", "B"]
    for other in ({"elements": texts("B", "A")}, {"afterId": id_of(shelf.elements[0])}):
        told = await denied(service, shelf, viewer, "createElements", **given | other)
        assert told == ("ValidationError", "KEY_REUSED", "idempotencyKey")


# Changing


@pytest.mark.parametrize("who", WHO)
async def test_an_element_is_changed_by_those_who_edit_its_document(service: Service, shelf: Shelf, who: str) -> None:
    viewer, row = await shelf.who(who), shelf.elements[0]
    given = {"id": id_of(row), "text": "Which reign was it?"}
    if (error := expected_of(who, level=AccessLevel.EDIT)) is None:
        element = (await changed(service, viewer, "updateElement", WHOLE, **given))["element"]
        assert (element["text"], element["document"]) == ("Which reign was it?", {"title": "Kiritsubo"})
        query = "query($id: ID!) { element(id: $id) { text } }"
        seen = await read(service, await shelf.who("reader"), query, id=id_of(row))
        assert seen["element"] == {"text": "Which reign was it?"}
        changed_by = select(DocumentElement.modified_by_id).where(DocumentElement.id == row.id)
        assert await shelf.all(changed_by) == [shelf.people[who].id]
        # What it said before is kept.
        kept = await shelf.all(select(ElementRevision))
        assert [(one.element_id, one.revision, one.content.decoded()) for one in kept] == [
            (row.id, 1, {"text": "Line 1."})
        ]
    else:
        assert (await denied(service, shelf, viewer, "updateElement", **given))[:2] == error


async def test_another_text_keeps_what_does_not_speak_of_places_in_it(service: Service, shelf: Shelf) -> None:
    content = styled(BOLD, verse=[{"start": 0, "end": 5}], source="urn:x", of=[1.2345678901234567, 2])
    row = await shelf.world.element(shelf.document, content=content)
    given = {"id": id_of(row), "text": "Now it says this."}

    element = (await changed(service, await shelf.who("editor"), "updateElement", WHOLE, **given))["element"]

    kept = styled(text="Now it says this.", source="urn:x", of=[1.2345678901234567, 2])
    assert element["content"] == kept


@pytest.mark.parametrize("content", [None, [1], "x", {"formatting": [1]}, {"formatting": {"text_styles": "bold"}}])
async def test_a_content_of_any_shape_can_be_given_a_text(service: Service, shelf: Shelf, content: Any) -> None:
    row = await shelf.world.element(shelf.document, content=content)
    given = {"id": id_of(row), "text": "New."}
    element = (await changed(service, await shelf.who("editor"), "updateElement", WHOLE, **given))["element"]
    assert element["content"] == (content if isinstance(content, dict) else {}) | {"text": "New."}


async def test_what_is_left_out_stays(service: Service, shelf: Shelf) -> None:
    viewer, given = await shelf.who("editor"), {"id": str(shelf.elements[0].id)}
    whole = {"content": styled(BOLD), "hierarchy": {"page": 5}}
    await changed(service, viewer, "updateElement", WHOLE, **given, **whole)
    moved = await changed(service, viewer, "updateElement", WHOLE, **given, hierarchy={"page": 6})
    assert (moved["element"]["content"], moved["element"]["hierarchy"]) == (styled(BOLD), {"page": 6})
    told = await changed(service, viewer, "updateElement", WHOLE, **given, hierarchy=None)
    assert (told["element"]["content"], told["element"]["hierarchy"]) == (styled(BOLD), None)
    # One revision, for the text that changed once.
    assert await shelf.all(select(ElementRevision.revision)) == [1]


async def test_the_same_text_makes_no_revision(service: Service, shelf: Shelf) -> None:
    viewer, given = await shelf.who("editor"), {"id": id_of(shelf.elements[0])}
    for values in ({"text": "Line 1."}, {"content": {"text": "Line 1."}}):
        await changed(service, viewer, "updateElement", WHOLE, **given, **values)
    assert await shelf.all(select(ElementRevision.id)) == []


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"text": None}, "text", "REQUIRED"),
        ({"text": "\n"}, "text", "REQUIRED"),
        ({"text": "x" * (LONGEST_TEXT + 1)}, "text", "TOO_LONG"),
        ({"text": "x", "content": {"text": "x"}}, "text", "NOT_ONE"),
        ({"content": None}, "content.text", "WRONG_TYPE"),
        ({"content": styled({"start": 0, "end": 99})}, "content.formatting.text_styles.formatting.0", "OUT_OF_RANGE"),
        ({"hierarchy": "page 5"}, "hierarchy", "NOT_AN_OBJECT"),
    ],
)
async def test_bad_input_names_the_field_and_changes_nothing(
    service: Service, shelf: Shelf, values: dict[str, Any], field: str, code: str
) -> None:
    given = {"id": id_of(shelf.elements[0])} | values
    told = await denied(service, shelf, await shelf.who("editor"), "updateElement", **given)
    assert told == ("ValidationError", code, field)


async def test_a_stale_change_is_a_conflict_and_tells_what_is_there_now(service: Service, shelf: Shelf) -> None:
    viewer, given = await shelf.who("editor"), {"id": id_of(shelf.elements[0])}
    query = "query($id: ID!) { element(id: $id) { modified } }"
    known = (await service.ask(query, given, viewer=viewer))["element"]["modified"]
    await changed(service, viewer, "updateElement", WHOLE, **given, text="First.", expectedModified=known)

    (told,) = await refused(service, shelf, viewer, "updateElement", **given, text="Second.", expectedModified=known)
    assert (told["__typename"], told["field"], told["current"]) == ("Conflict", "expectedModified", given)


async def test_a_change_is_seen_by_what_comes_after_it(service: Service, shelf: Shelf) -> None:
    one, viewer = id_of(shelf.elements[0]), await shelf.who("editor")
    many = f"""mutation {{
      first: updateElement(input: {{id: "{one}", text: "One."}}) {{ element {{ text document {{ elements(first: 1) {{
        nodes {{ text }} }} }} }} }}
      second: updateElement(input: {{id: "{one}", text: "Two."}}) {{ element {{ text document {{ elements(first: 1) {{
        nodes {{ text }} }} }} }} }}
    }}"""
    made = await service.ask(many, viewer=viewer)
    for alias, text in (("first", "One."), ("second", "Two.")):
        document = {"elements": {"nodes": [{"text": text}]}}
        assert made[alias]["element"] == {"text": text, "document": document}


# Moving


async def test_an_element_is_put_before_or_after_another(service: Service, shelf: Shelf) -> None:
    one, two, three = shelf.elements
    viewer = await shelf.who("editor")
    modified = await shelf.all(select(DocumentElement.modified).order_by(DocumentElement.id))
    for row, where, order in (
        (three, {"beforeId": id_of(one)}, "312"),
        (three, {"afterId": str(one.id)}, "132"),
        (two, {"beforeId": id_of(three)}, "123"),
        (one, {"documentId": id_of(shelf.document)}, "231"),
        (one, {"afterId": id_of(three)}, "231"),
    ):
        await changed(service, viewer, "moveElement", WHOLE, id=id_of(row), **where)
        assert await order_of(shelf) == [f"Line {number}." for number in order]
    assert await shelf.all(select(DocumentElement.modified).order_by(DocumentElement.id)) == modified


@pytest.mark.parametrize("who", WHO)
async def test_an_element_is_moved_to_another_document_by_those_who_edit_both(
    service: Service, shelf: Shelf, who: str
) -> None:
    there = await shelf.world.document(shelf.collection, title="Hahakigi")
    first = await shelf.world.element(there, "First.")
    note = await shelf.world.note(shelf.elements[1])
    viewer = await shelf.who(who)
    given = {"id": id_of(shelf.elements[1]), "documentId": id_of(there), "beforeId": id_of(first)}
    if (error := expected_of(who, level=AccessLevel.EDIT)) is None:
        moved = await changed(service, viewer, "moveElement", WHOLE, **given)
        assert moved["element"]["document"] == {"title": "Hahakigi"}
        assert await order_of(shelf) == ["Line 1.", "Line 3."]
        assert await order_of(shelf, there) == ["Line 2.", "First."]
        assert await shelf.all(select(Annotation.document_id).where(Annotation.id == note.id)) == [there.id]
        assert await shelf.all(select(ElementRevision.id)) == []
        seen = await read(service, await shelf.who("reader"), TEXTS, id=id_of(there))
        assert [one["text"] for one in seen["document"]["elements"]["nodes"]] == ["Line 2.", "First."]
    else:
        assert (await denied(service, shelf, viewer, "moveElement", **given))[:2] == error


async def test_one_edits_the_document_that_one_moves_an_element_to(service: Service, shelf: Shelf) -> None:
    readable = await shelf.world.document(await shelf.world.collection(Visibility.PUBLIC))
    hidden = await shelf.world.document(await shelf.world.collection(Visibility.PRIVATE))
    viewer, given, costs = await shelf.who("editor"), {"id": id_of(shelf.elements[0])}, set()
    for place, kind in (
        (id_of(readable), "PermissionDenied"),
        (id_of(hidden), "NotFound"),
        ("999999", "NotFound"),
        ("x", "NotFound"),
    ):
        told = await denied(service, shelf, viewer, "moveElement", **given, documentId=place)
        assert (told[0], told[2]) == (kind, "documentId")
        if kind == "NotFound":
            costs.add(len(service.statements))
    assert len(costs) == 1


async def test_what_is_moved_to_another_document_is_not_its_sources_any_more(service: Service, shelf: Shelf) -> None:
    there = await shelf.world.document(shelf.collection)
    for document in (there, shelf.document):
        await shelf.world.element(document, "From a source.", source_id="p1")
    (mine,) = await shelf.all(
        select(DocumentElement).where(
            DocumentElement.source_id == "p1", DocumentElement.document_id == shelf.document.id
        )
    )
    await changed(service, await shelf.who("editor"), "moveElement", WHOLE, id=id_of(mine), documentId=id_of(there))
    assert await shelf.all(select(DocumentElement.source_id).where(DocumentElement.id == mine.id)) == [None]


async def test_a_bad_place_is_refused(service: Service, shelf: Shelf) -> None:
    viewer, given = await shelf.who("editor"), {"id": id_of(shelf.elements[0])}
    elsewhere = await shelf.world.element(await shelf.world.document(shelf.collection))
    for values, field, code in (
        ({}, "documentId", "REQUIRED"),
        ({"beforeId": None}, "documentId", "REQUIRED"),
        ({"beforeId": id_of(shelf.elements[0])}, "beforeId", "NOT_FOUND"),
        ({"afterId": id_of(elsewhere)}, "afterId", "NOT_FOUND"),
        ({"beforeId": "x"}, "beforeId", "NOT_FOUND"),
        ({"beforeId": "1", "afterId": "1"}, "afterId", "NOT_ONE"),
    ):
        assert (await denied(service, shelf, viewer, "moveElement", **given, **values))[1:] == (code, field)


async def test_elements_go_to_and_fro_at_once_while_others_are_written(service: Service, shelf: Shelf) -> None:
    there, viewer = await shelf.world.document(shelf.collection), await shelf.who("editor")

    async def ask(name: str, given: dict[str, Any]) -> None:
        kind = name[0].upper() + name[1:]
        query = f"mutation($input: {kind}Input!) {{ {name}(input: $input) {{ errors {{ __typename }} }} }}"
        told = (await service.ask(query, {"input": given}, viewer=viewer))[name]["errors"]
        assert {error["__typename"] for error in told} <= {"Conflict", "NotFound"}

    tasks: list[tuple[str, dict[str, Any]]] = []
    for row in shelf.elements:
        for place in (there, shelf.document):
            tasks.append(("moveElement", {"id": id_of(row), "documentId": id_of(place)}))
            tasks.append(("createElements", {"documentId": id_of(place), "elements": texts("New")}))
        tasks.append(("updateElement", {"id": id_of(row), "text": f"Changed {row.id}"}))
        tasks.append(("moveElement", {"id": id_of(row), "beforeId": id_of(shelf.elements[0])}))
    await asyncio.gather(*(ask(name, given) for name, given in tasks))

    assert len(await order_of(shelf)) + len(await order_of(shelf, there)) == 9


@pytest.mark.parametrize(
    ("name", "rest"),
    [("updateElement", {"text": "x"}), ("moveElement", {"beforeId": "1"}), ("splitElement", {"at": [1]})],
)
async def test_a_hidden_element_costs_what_a_missing_one_costs(
    service: Service, shelf: Shelf, name: str, rest: dict[str, Any]
) -> None:
    private = await shelf.world.document(await shelf.world.collection(Visibility.PRIVATE))
    hidden = await shelf.world.element(private)
    viewer, told, costs = await shelf.who("owner"), [], set()
    for one in (id_of(hidden), "999999", "x"):
        told.append(await refused(service, shelf, viewer, name, id=one, **rest))
        costs.add(len(service.statements))
    assert told[0] == told[1] == told[2]
    assert len(costs) == 1


async def test_new_elements_come_with_their_places_in_the_document(service: Service, shelf: Shelf) -> None:
    viewer, place = await shelf.who("owner"), id_of(shelf.elements[0])
    edge = "elementEdges { cursor node { text } }"
    given = {"documentId": id_of(shelf.document), "elements": texts("A", "B"), "afterId": place}
    made = (await changed(service, viewer, "createElements", edge, **given))["elementEdges"]

    query = """query($id: ID!, $after: String) {
      document(id: $id) { elements(after: $after) { edges { cursor node { text } } } }
    }"""
    listed = await read(service, viewer, query, id=id_of(shelf.document))
    assert listed["document"]["elements"]["edges"][1:3] == made
    rest = await read(service, viewer, query, id=id_of(shelf.document), after=made[0]["cursor"])
    assert [one["node"]["text"] for one in rest["document"]["elements"]["edges"]] == ["B", "Line 2.", "Line 3."]

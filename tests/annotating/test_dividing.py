"""Elements are cut and joined; the notes stay on their words, or become orphans that are shown where they were."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from genji_graphql import models
from genji_graphql.models import Annotation, DocumentElement, ElementRevision
from genji_graphql.reads.web_annotation import Place
from genji_graphql.writes import dividing
from genji_graphql.writes.carrying import ANCHORING
from genji_graphql.writes.targets import source_of
from tests.annotating.room import (
    DELETE,
    LINK,
    REATTACH,
    REPLY,
    RESTORE,
    TAG,
    TEXT,
    Room,
    id_of,
    mutation,
)
from tests.annotating.test_carrying import ORPHANS, selected

SPLIT = mutation("splitElement", "SplitElementInput", "elements { id text content hierarchy modified }")
MERGE = mutation("mergeElements", "MergeElementsInput", "element { id text content modified } mergedIds")
CUT = TEXT.index("that one")


async def split(room: Room, *at: int, element: DocumentElement | None = None, **given: Any) -> list[DocumentElement]:
    """The parts, as rows."""
    asked = {"id": id_of(element or room.element), "at": list(at)} | given
    payload = await room.asked(SPLIT, room.owner, **asked)
    assert payload["errors"] == []
    told = [one["id"] for one in payload["elements"]]
    rows = {id_of(row): row for row in await room.site.all(select(DocumentElement))}
    return [rows[one] for one in told]


async def stands(room: Room, note: dict[str, Any]) -> dict[str, Any]:
    found = await room.seen(note["id"], room.student)
    assert found is not None
    return found


async def row_of(room: Room, element: DocumentElement) -> DocumentElement:
    (row,) = await room.site.all(select(DocumentElement).where(DocumentElement.id == element.id))
    result: DocumentElement = row
    return result


async def in_order(room: Room) -> list[str]:
    """What the document says."""
    here = (DocumentElement.document_id == room.document.id, DocumentElement.deleted_at.is_(None))
    return await room.site.all(
        select(DocumentElement.text).where(*here).order_by(DocumentElement.position, DocumentElement.id)
    )


# Cutting


async def test_an_element_becomes_two_with_all_of_its_text(room: Room) -> None:
    await room.world.element(room.document, "What follows.")
    await room.world.run(update(DocumentElement).values(hierarchy={"page": 5}))
    first, second = await split(room, CUT)
    assert first.id == room.element.id
    assert (first.text, second.text) == (TEXT[:CUT], TEXT[CUT:])
    assert first.hierarchy == second.hierarchy == '{"page": 5}'
    assert first.modified_by_id == second.modified_by_id == room.owner.id
    assert await in_order(room) == [TEXT[:CUT], TEXT[CUT:], "What follows."]
    assert await room.site.all(select(ElementRevision.revision)) == [1]


async def test_notes_go_to_the_part_that_has_their_passage(room: Room) -> None:
    before = await room.note(selector={"exact": "many ladies"})
    after = await room.note(selector={"exact": "favoured above all"})
    whole = await room.note()
    first, second = await split(room, CUT)

    for note, element, quote in ((before, first, "many ladies"), (after, second, "favoured above all")):
        found = await stands(room, note)
        assert found["element"] == {"id": id_of(element)}
        (target,) = found["target"]
        assert target["source"] == f"DocumentElements/{element.id}"
        assert selected(element.text or "", target) == quote
        assert (found["modified"], found["isOrphan"]) == (note["modified"], False)
    (target,) = (await stands(room, after))["target"]
    assert target[ANCHORING] == {
        "method": "mapped",
        "score": 1,
        "revision": 1,
        "source": f"DocumentElements/{room.element.id}",
    }
    found = await stands(room, whole)
    assert (found["element"], found["target"]) == ({"id": id_of(first)}, whole["target"])


async def test_answers_go_with_their_note(room: Room) -> None:
    note = await room.note(selector={"exact": "favoured above all"})
    reply = await room.made(REPLY, room.mate, annotationId=note["id"], text="Kiritsubo.")
    answer = await room.made(REPLY, room.student, annotationId=reply["id"], text="Of course.")
    await room.made(TAG, room.mate, annotationId=note["id"], tag="court")
    _, second = await split(room, CUT)
    for one in (note, reply, answer):
        assert (await stands(room, one))["element"] == {"id": id_of(second)}
    assert await room.site.all(select(Annotation.document_element_id).distinct()) == [second.id]
    assert (await stands(room, note))["tags"] == ["court"]


@pytest.mark.parametrize(
    ("exact", "cut", "expected"),
    [
        ("one who was not of the first rank", " first rank", "one who was not of the"),
        ("first rank was favoured", "was favoured", None),
        ("the first rank was favoured above all", "rank was", "rank was favoured above all"),
    ],
)
async def test_a_note_across_the_cut_stays_with_the_part_that_has_most_of_it(
    room: Room, exact: str, cut: str, expected: str | None
) -> None:
    note = await room.note(selector={"exact": exact})
    parts = await split(room, TEXT.index(cut))
    found = await stands(room, note)
    (target,) = found["target"]
    if expected is None:
        assert found["element"] == {"id": id_of(room.element)}
        assert found["isOrphan"]
        assert target["selector"] == note["target"][0]["selector"]
        assert (await room.service.ask(ORPHANS, viewer=room.viewer(room.owner)))["orphans"]["totalCount"] == 1
        back = await room.made(
            REATTACH, room.owner, id=note["id"], elementId=id_of(parts[1]), selector={"exact": "was"}
        )
        assert back["element"] == {"id": id_of(parts[1])}
        assert (back["isOrphan"], selected(parts[1].text or "", back["target"][0])) == (False, "was")
    else:
        (part,) = [one for one in parts if id_of(one) == found["element"]["id"]]
        assert selected(part.text or "", target) == expected
        assert 0.8 <= target[ANCHORING]["score"] < 1


async def test_a_link_from_elsewhere_leads_to_the_part(room: Room) -> None:
    other = await room.world.element(room.document, "Another text, with some words.")
    targets = [
        {"elementId": id_of(other), "selector": {"exact": "some words"}},
        {"elementId": id_of(room.element), "selector": {"exact": "favoured above all"}},
        {"elementId": id_of(room.element)},
    ]
    link = await room.made(LINK, room.student, targets=targets)
    first, second = await split(room, CUT)
    found = await stands(room, link)
    assert found["element"] == {"id": id_of(other)}
    assert found["target"][0] == link["target"][0]
    assert selected(second.text or "", found["target"][1][0]) == "favoured above all"
    assert found["target"][1][0]["source"] == f"DocumentElements/{second.id}"
    assert found["target"][2] == link["target"][2]
    assert first.id == room.element.id


async def test_what_is_deleted_comes_back_on_its_part(room: Room) -> None:
    note = await room.note(selector={"exact": "favoured above all"})
    await room.made(DELETE, room.student, id=note["id"])
    _, second = await split(room, CUT)
    back = await room.made(RESTORE, room.student, id=note["id"])
    assert back["element"] == {"id": id_of(second)}
    assert selected(second.text or "", back["target"][0]) == "favoured above all"


async def test_an_idempotency_key_cuts_once(room: Room) -> None:
    given = {"id": id_of(room.element), "at": [CUT], "idempotencyKey": "once"}
    first = await room.asked(SPLIT, room.owner, **given)
    assert await room.asked(SPLIT, room.owner, **given) == first
    assert await in_order(room) == [TEXT[:CUT], TEXT[CUT:]]


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"at": []}, "REQUIRED", "at"),
        ({"at": [0]}, "OUT_OF_RANGE", "at.0"),
        ({"at": [-1]}, "OUT_OF_RANGE", "at.0"),
        ({"at": [len(TEXT)]}, "OUT_OF_RANGE", "at.0"),
        ({"at": [5, 5]}, "OUT_OF_RANGE", "at.1"),
        ({"at": [9, 5]}, "OUT_OF_RANGE", "at.1"),
        ({"at": [5, 2**31 - 1]}, "OUT_OF_RANGE", "at.1"),
        ({"at": list(range(1, 1001))}, "TOO_MANY", "at"),
        ({"at": [2, 3]}, "BLANK", "at.1"),
        ({"id": "999999", "at": [5]}, "NOT_FOUND", "id"),
        ({"id": "x", "at": [5]}, "NOT_FOUND", "id"),
        ({"at": [5], "expectedModified": "2020-01-01T00:00:00Z"}, "CONFLICT", "expectedModified"),
    ],
)
async def test_a_text_is_not_cut_where_it_cannot_be(room: Room, given: dict[str, Any], code: str, field: str) -> None:
    await room.note(selector={"exact": "many ladies"})
    told = await room.refused(SPLIT, room.owner, **{"id": id_of(room.element)} | given)
    assert (told["code"], told["field"]) == (code, field)


async def test_browsers_count_in_units_of_their_own(room: Room) -> None:
    room.element = await room.world.element(room.document, "𠮷野の😀花")
    for at in (1, 5):
        told = await room.refused(SPLIT, room.owner, id=id_of(room.element), at=[at], unit="UTF16")
        assert (told["code"], told["field"]) == ("OUT_OF_RANGE", "at.0")
    parts = await split(room, 2, 6, unit="UTF16")
    assert [one.text for one in parts] == ["𠮷", "野の😀", "花"]


@pytest.mark.parametrize("who", ["student", "stranger"])
async def test_only_editors_cut_and_join(room: Room, who: str) -> None:
    other = await room.world.element(room.document, "More.")
    await room.note(selector={"exact": "many ladies"})
    person = getattr(room, who)
    told = await room.refused(SPLIT, person, id=id_of(room.element), at=[5])
    assert (told["code"], told["field"]) == ("FORBIDDEN", "id")
    errors = await room.all_refused(MERGE, person, ids=[id_of(room.element), id_of(other)])
    assert [(one["code"], one["field"]) for one in errors] == [("FORBIDDEN", "ids.0"), ("FORBIDDEN", "ids.1")]


# Joining


async def test_neighbours_become_one_with_what_is_written_on_them(room: Room) -> None:
    other = await room.world.element(room.document, "It was long ago, and many ladies lived.")
    third = await room.world.element(room.document, "The end.")
    note = await room.note(elementId=id_of(other), selector={"exact": "many ladies"})
    reply = await room.made(REPLY, room.mate, annotationId=note["id"], text="How many?")
    whole = await room.note(elementId=id_of(other))
    own = await room.note(selector={"exact": "many ladies"})

    payload = await room.asked(MERGE, room.owner, ids=[id_of(room.element), id_of(other)])
    assert payload["errors"] == []
    text = f"{TEXT}\nIt was long ago, and many ladies lived."
    assert (payload["element"]["id"], payload["element"]["text"]) == (id_of(room.element), text)
    assert payload["mergedIds"] == [id_of(other)]
    assert await in_order(room) == [text, "The end."]

    for one in (note, reply, whole, own):
        assert (await stands(room, one))["element"] == {"id": id_of(room.element)}
    (target,) = (await stands(room, note))["target"]
    assert selected(text, target) == "many ladies"
    assert target["selector"][1]["start"] > len(TEXT)
    (target,) = (await stands(room, whole))["target"]
    assert target["source"] == source_of(Place(DocumentElement, room.element.id))
    assert "selector" not in target
    assert not (await stands(room, whole))["isOrphan"]
    # What went into it is deleted, and is there with what it said; the first one has a revision more.
    gone = await row_of(room, other)
    assert (gone.deleted_at is None, gone.text, gone.revision) == (False, other.text, 1)
    assert (await row_of(room, third)).deleted_at is None
    assert await room.site.all(select(ElementRevision.element_id)) == [room.element.id]


async def test_an_orphan_of_what_is_joined_is_shown_at_the_whole(room: Room) -> None:
    other = await room.world.element(room.document, "Rank was all.")
    note = await room.note(elementId=id_of(other), selector={"exact": "k was a"})
    (_, second) = await split(room, 6, element=other)
    await room.asked(MERGE, room.owner, ids=[id_of(room.element), id_of(other), id_of(second)], separator=" ")
    found = await stands(room, note)
    assert (found["element"], found["isOrphan"]) == ({"id": id_of(room.element)}, True)
    (target,) = found["target"]
    assert target["source"] == f"DocumentElements/{room.element.id}"
    assert target["selector"] == note["target"][0]["selector"]
    back = await room.made(REATTACH, room.student, id=note["id"], selector={"exact": "as all"})
    assert not back["isOrphan"]


async def test_only_neighbours_in_order_are_joined(room: Room) -> None:
    second, third = [await room.world.element(room.document, text) for text in ("Second.", "Third.")]
    elsewhere = await room.world.element(await room.world.document(room.collection), "Elsewhere.")
    one = room.element
    for ids, code, field in (
        ([one], "REQUIRED", "ids"),
        ([], "REQUIRED", "ids"),
        ([one, one], "TWICE", "ids"),
        ([one, third], "NOT_NEIGHBOURS", "ids"),
        ([second, one], "NOT_NEIGHBOURS", "ids"),
        ([third, elsewhere], "NOT_NEIGHBOURS", "ids"),
    ):
        told = await room.refused(MERGE, room.owner, ids=[id_of(row) for row in ids])
        assert (told["code"], told["field"]) == (code, field)
    await room.world.run(
        update(DocumentElement).where(DocumentElement.id == second.id).values(deleted_at=second.created)
    )
    assert (await room.made(MERGE, room.owner, ids=[id_of(one), id_of(third)]))["text"] == f"{TEXT}\nThird."


async def test_a_stale_join_changes_nothing_and_tells_which(room: Room) -> None:
    other = await room.world.element(room.document, "More.")
    ids = [id_of(room.element), id_of(other)]
    known = [row.modified.isoformat() for row in (room.element, other)]
    await room.world.run(
        update(DocumentElement).where(DocumentElement.id == other.id).values(content={"text": "Changed."})
    )
    told = await room.refused(MERGE, room.owner, ids=ids, expectedModified=known)
    assert (told["code"], told["field"], told["current"]["id"]) == ("CONFLICT", "expectedModified", ids[1])
    told = await room.refused(MERGE, room.owner, ids=ids, expectedModified=known[:1])
    assert (told["code"], told["field"]) == ("WRONG_LENGTH", "expectedModified")


async def test_a_text_that_would_be_too_long_is_not_joined(room: Room) -> None:
    long = await room.world.element(room.document, "x" * models.LONGEST_TEXT)
    told = await room.refused(MERGE, room.owner, ids=[id_of(room.element), id_of(long)])
    assert (told["code"], told["field"]) == ("TOO_LONG", "ids")
    told = await room.refused(MERGE, room.owner, ids=[id_of(room.element), id_of(long)], separator="-" * 101)
    assert (told["code"], told["field"]) == ("TOO_LONG", "separator")


# Any text, anywhere

LETTERS = st.sampled_from(["a", "b", " ", "\n", "御", "𠮷", "😀", "e\u0301", "\u0301", "\u200d", "か\u3099"])
TEXTS = st.lists(LETTERS, min_size=2, max_size=14).map("".join).filter(str.strip)


@st.composite
def cuts(draw: st.DrawFn) -> tuple[str, list[int], list[tuple[int, int]]]:
    """A text, where it is cut, and the passages that there are notes on."""
    text = draw(TEXTS)
    at = sorted(draw(st.sets(st.integers(1, max(1, len(text) - 1)), min_size=1, max_size=4)))
    ends = st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(sorted).filter(lambda e: e[0] < e[1])
    return text, at, [(start, end) for start, end in draw(st.lists(ends, max_size=6))]


@given(case=cuts())
@example(case=("aaaa", [2], [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (1, 3)]))
@example(case=("aaaaaaaa", [1, 2], [(0, 8), (1, 8), (0, 2)]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_is_cut_and_joined_again_is_what_it_was(
    room: Room, case: tuple[str, list[int], list[tuple[int, int]]]
) -> None:
    text, at, passages = case
    ends = [0, *at, len(text)]
    if not all(text[start:end].strip() for start, end in pairwise(ends)):
        return
    element = await room.world.element(room.document, text)
    source = f"DocumentElements/{element.id}"
    notes = [
        await room.world.note(element, target=[{"source": source, "selector": _selector(start, end)}])
        for start, end in passages
    ]
    viewer = room.viewer(room.owner)
    async with room.site.sessions.begin() as session:
        parts = await dividing.split(session, viewer, element.id, at)
    held = await _held(room, notes)
    for note, (start, end) in zip(notes, passages, strict=True):
        within = [place for place, (low, high) in enumerate(pairwise(ends)) if low <= start < end <= high]
        row, target = held[note.id]
        if within:
            part = parts[within[0]]
            assert (row.document_element_id, row.is_orphan) == (part, False)
            assert _offsets(target, text[ends[within[0]] : ends[within[0] + 1]]) == (
                start - ends[within[0]],
                end - ends[within[0]],
            )
    async with room.site.sessions.begin() as session:
        assert await dividing.merge(session, viewer, parts, "") == element.id
    assert (await row_of(room, element)).text == text
    held = await _held(room, notes)
    for note, (start, end) in zip(notes, passages, strict=True):
        row, target = held[note.id]
        assert (row.document_element_id, target["source"]) == (element.id, source)
        if not any(start < place < end for place in at):
            assert (row.is_orphan, _offsets(target, text)) == (False, (start, end))
        elif row.is_orphan:
            # It tells what it was on.
            assert target["selector"] == _selector(start, end)
        else:
            first, last = _offsets(target, text)
            assert start <= first < last <= end
            assert 3 * (last - first) >= 2 * (end - start)


def _selector(start: int, end: int) -> dict[str, Any]:
    return {"type": "TextPositionSelector", "start": start, "end": end}


async def _held(room: Room, notes: list[Annotation]) -> dict[int, tuple[Annotation, Any]]:
    rows = await room.site.all(select(Annotation).where(Annotation.id.in_([note.id for note in notes])))
    return {row.id: (row, row.target.decoded()[0]) for row in rows}


def _offsets(target: dict[str, Any], text: str) -> tuple[int, int]:
    selector = target["selector"]
    if isinstance(selector, dict):
        return selector["start"], selector["end"]
    assert selected(text, target)
    return selector[1]["start"], selector[1]["end"]


async def test_cutting_and_joining_cost_the_same_for_two_notes_as_for_two_hundred(room: Room) -> None:
    counts = []
    for number in (2, 200):
        element = await room.world.element(room.document, TEXT)
        for place in range(number):
            start = CUT + place % (len(TEXT) - CUT)
            target = {"source": f"DocumentElements/{element.id}", "selector": _selector(start, start + 1)}
            await room.world.note(element, target=[target])
        await room.asked(SPLIT, room.owner, id=id_of(element), at=[CUT])
        counts.append([len(room.service.statements)])
        ids = await room.site.all(
            select(DocumentElement.id).order_by(DocumentElement.position.desc(), DocumentElement.id.desc()).limit(2)
        )
        await room.asked(MERGE, room.owner, ids=[str(one) for one in reversed(ids)])
        counts[-1].append(len(room.service.statements))
    assert counts[0] == counts[1]
    assert max(counts[0]) < 30

"""A new edition of a text: its notes go where their words are now, or wait for somebody on their document."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from genji_graphql.access.viewer import Viewer
from genji_graphql.anchoring.anchor import anchor_at
from genji_graphql.anchoring.carrying import carry_across
from genji_graphql.database import reading_sessions, writing_sessions
from genji_graphql.errors import Invalid
from genji_graphql.models import Annotation, AnnotationVersion, Document, DocumentElement, ElementRevision
from genji_graphql.reads.ids import global_id
from genji_graphql.transfer.editions import same_elements
from genji_graphql.transfer.importing import Outcome
from genji_graphql.vocabulary import AnnotationStatus
from genji_graphql.writes import dividing
from genji_graphql.writes.carrying import ANCHORING
from tests.service import Service
from tests.transfer.test_importing import bring, everything, lines
from tests.world import World

FIRST = [
    "The river rose in the night, and nobody in the village slept.",
    "Morning came late, and with it the boats from the other side.",
    "They counted the houses; nine were gone, and the mill with them.",
]


class Shelf:
    """A book of numbered lines that is imported again and again, and the notes on it."""

    def __init__(self, engine: AsyncEngine, world: World, path: Path) -> None:
        self.engine, self.world, self.path = engine, world, path

    async def bring(self, *lines: tuple[str, str]) -> Outcome:
        """Import these lines, each with its name in the source."""
        segs = "".join(f'<seg corresp="https://example.org/{name}">{line}</seg>' for name, line in lines)
        self.path.write_text(
            '<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt><title>The flood</title>'
            f"</titleStmt></fileDesc></teiHeader><text><body><p>{segs}</p></body></text></TEI>"
        )
        return await bring(self.engine, self.path)

    async def first(self) -> list[DocumentElement]:
        await self.bring(*((str(number), line) for number, line in enumerate(FIRST, 1)))
        return await self.elements()

    async def all(self, statement: Any) -> list[Any]:
        async with reading_sessions(self.engine)() as session:
            return list(await session.scalars(statement))

    async def elements(self) -> list[DocumentElement]:
        """Those in sight, in their order."""
        shown = select(DocumentElement).where(DocumentElement.deleted_at.is_(None))
        return await self.all(shown.order_by(DocumentElement.position, DocumentElement.id))

    async def note(self, element: DocumentElement, exact: str | None = None, **columns: Any) -> Annotation:
        target: dict[str, Any] = {"type": "Text", "source": f"DocumentElements/{element.id}"}
        if exact is not None:
            target["selector"] = {"type": "TextQuoteSelector", "exact": exact}
        return await self.world.note(element, **{"target": [target]} | columns)

    async def now(self, note: Annotation) -> Annotation:
        (row,) = await self.all(select(Annotation).where(Annotation.id == note.id))
        found: Annotation = row
        return found

    async def target(self, note: Annotation) -> dict[str, Any]:
        stored = (await self.now(note)).target
        assert stored is not None
        (target,) = stored.decoded()
        return dict(target)

    async def selected(self, note: Annotation) -> tuple[str, str | None]:
        """The name of the line that it stands on, and what it selects there."""
        row, target = await self.now(note), await self.target(note)
        (element,) = await self.all(select(DocumentElement).where(DocumentElement.id == row.document_element_id))
        assert target["source"] == f"DocumentElements/{element.id}"
        assert element.deleted_at is None
        assert not row.is_orphan
        name = str(element.source_id).rsplit("/", 1)[-1]
        if "selector" not in target:
            return name, None
        if isinstance(target["selector"], dict):  # it stands where it stood
            return name, target["selector"]["exact"]
        quote, position = target["selector"]
        assert element.text[position["start"] : position["end"]] == quote["exact"]
        return name, quote["exact"]


@pytest.fixture
async def shelf(engine: AsyncEngine, world: World, tmp_path: Path) -> Shelf:
    return Shelf(engine, world, tmp_path / "flood.xml")


def named(*given: str, start: int = 1) -> list[tuple[str, str]]:
    return [(str(number), line) for number, line in enumerate(given, start)]


async def test_a_corrected_line_keeps_its_notes(shelf: Shelf) -> None:
    first, *_ = await shelf.first()
    note, whole = await shelf.note(first, "the village"), await shelf.note(first)
    reply = await shelf.world.response(note, document_element_id=first.id)

    outcome = await shelf.bring(*named(FIRST[0].replace("rose", "had risen"), *FIRST[1:]))

    assert str(outcome) == "1 document, 1 element changed, 2 elements unchanged, 2 notes carried, 0 new orphans"
    assert await shelf.selected(note) == ("1", "the village")
    assert await shelf.selected(whole) == ("1", None)
    assert (await shelf.now(reply)).document_element_id == first.id
    told = (await shelf.target(note))[ANCHORING]
    assert (told["method"], told["revision"]) == ("mapped", 1)
    assert (await shelf.now(note)).modified == note.modified
    assert await shelf.all(select(ElementRevision.text)) == [FIRST[0]]
    assert await shelf.all(select(AnnotationVersion.annotation_id)) == [note.id]


async def test_a_note_on_a_line_that_did_not_change_is_not_touched(shelf: Shelf) -> None:
    first, second, _ = await shelf.first()
    note = await shelf.note(second, "the boats")
    outcome = await shelf.bring(*named("The river fell.", *FIRST[1:]))
    assert (outcome.carried, outcome.orphaned) == (0, 0)
    assert (await shelf.now(note)).version == 1
    assert first.id in {one.id for one in await shelf.elements()}


async def test_notes_follow_lines_that_are_called_something_else(shelf: Shelf) -> None:
    elements = await shelf.first()
    notes = [
        await shelf.note(one, quote) for one, quote in zip(elements, ("village", "boats", "the mill"), strict=True)
    ]
    wholes = [await shelf.note(one) for one in elements]
    outcome = await shelf.bring(*named("A new line, to begin with.", *FIRST, start=2))
    assert (outcome.added, outcome.changed, outcome.removed) == (2, 2, 1)
    assert (outcome.carried, outcome.orphaned) == (6, 0)
    assert [await shelf.selected(note) for note in notes] == [("3", "village"), ("4", "boats"), ("5", "the mill")]
    assert [await shelf.selected(note) for note in wholes] == [("3", None), ("4", None), ("5", None)]

    await shelf.bring(*((f"new-{name}", line) for name, line in named(*FIRST)))
    assert [name for name, _ in [await shelf.selected(note) for note in notes]] == ["new-1", "new-2", "new-3"]


async def test_notes_follow_lines_that_are_divided_and_joined(shelf: Shelf) -> None:
    elements = await shelf.first()
    notes = [
        await shelf.note(elements[0], "The river rose"),
        await shelf.note(elements[0], "nobody in the village"),
        await shelf.note(elements[1], "Morning came late"),
        await shelf.note(elements[2], "They counted the houses"),
    ]
    head, tail = FIRST[0][:29], FIRST[0][30:]
    outcome = await shelf.bring(("1", head), ("1b", tail), ("2", f"{FIRST[1]} {FIRST[2]}"))
    assert (outcome.carried, outcome.orphaned) == (4, 0)
    assert [await shelf.selected(note) for note in notes] == [
        ("1", "The river rose"),
        ("1b", "nobody in the village"),
        ("2", "Morning came late"),
        ("2", "They counted the houses"),
    ]


async def test_a_link_from_elsewhere_is_led_to_the_new_place(shelf: Shelf, world: World) -> None:
    _, second, _ = await shelf.first()
    elsewhere = await world.element(await world.document(await world.collection()), "Boats.")
    targets = [
        [{"id": 1, "source": f"DocumentElements/{elsewhere.id}"}],
        [
            {
                "id": 2,
                "source": f"document_element:{second.id}",
                "selector": {"type": "TextQuoteSelector", "exact": "boats"},
            }
        ],
        [{"id": 3, "source": f"DocumentElements/{second.id}"}],
    ]
    link = await world.note(elsewhere, motivation="linking", target=targets)
    await shelf.bring(("1", FIRST[0]), ("9", FIRST[1]), ("3", FIRST[2]))
    (new,) = [one for one in await shelf.elements() if str(one.source_id).endswith("/9")]
    found = await shelf.now(link)
    assert found.target is not None
    (first,), (passage,), (whole,) = found.target.decoded()
    assert first == targets[0][0]
    assert passage["source"] == whole["source"] == f"DocumentElements/{new.id}"
    assert passage[ANCHORING]["source"] == f"DocumentElements/{second.id}"
    assert (found.document_element_id, found.is_orphan) == (elsewhere.id, False)
    # And once more: what was carried before is carried again.
    await shelf.bring(("1", FIRST[0]), ("9", f"Later, {FIRST[1]}"), ("3", FIRST[2]))
    assert not (await shelf.now(link)).is_orphan


async def test_what_is_lost_with_its_line_waits_on_the_document_with_its_quote(
    shelf: Shelf, world: World, service: Service
) -> None:
    _, second, _ = await shelf.first()
    owner = await world.person()
    note = await shelf.note(second, "the boats", creator_id=owner.id, owner_id=owner.id)
    whole = await shelf.note(second, creator_id=owner.id, owner_id=owner.id)
    reply = await world.response(note, document_element_id=second.id)

    outcome = await shelf.bring(("1", FIRST[0]), ("3", FIRST[2]))

    assert str(outcome) == (
        "1 document, 1 element changed, 1 element removed, 1 element unchanged, 0 notes carried, 2 new orphans"
    )
    for one in (note, whole, reply):
        row = await shelf.now(one)
        assert (row.document_element_id, row.document_id) == (None, second.document_id)
    target = await shelf.target(note)
    assert target["source"] == f"Documents/{second.document_id}"
    assert target["selector"] == {"type": "TextQuoteSelector", "exact": "the boats"}
    assert target[ANCHORING] == {
        "method": "orphan",
        "score": 0,
        "revision": 1,
        "source": f"DocumentElements/{second.id}",
    }
    viewer = Viewer(user_id=owner.id)
    listed = await service.ask("{ orphans { nodes { databaseId element { id } document { title } } } }", viewer=viewer)
    assert listed["orphans"]["nodes"] == [
        {"databaseId": one.id, "element": None, "document": {"title": "The flood"}} for one in (note, whole)
    ]
    # What the element said is there as long as it can be restored.
    (gone,) = await shelf.all(select(DocumentElement).where(DocumentElement.id == second.id))
    assert gone.deleted_at is not None


REATTACH = """mutation($input: ReattachAnnotationInput!) { reattachAnnotation(input: $input) {
  annotation { isOrphan target element { databaseId } } errors { code field } } }"""


async def test_somebody_puts_it_back_in_another_line_of_the_document(
    shelf: Shelf, world: World, service: Service
) -> None:
    _, second, third = await shelf.first()
    owner, stranger = await world.person(), await world.person()
    note = await shelf.note(second, "the boats", creator_id=owner.id, owner_id=owner.id)
    whole = await shelf.note(second, creator_id=owner.id, owner_id=owner.id)
    reply = await world.response(note, document_element_id=second.id)
    elsewhere = await world.element(await world.document(await world.collection()), "The boats.")
    await shelf.bring(("1", FIRST[0]), ("3", FIRST[2]))

    async def put(viewer: Any, one: Annotation, **given: Any) -> Any:
        asked = {"id": global_id("Annotation", one.id)} | given
        return (await service.ask(REATTACH, {"input": asked}, viewer=Viewer(user_id=viewer.id)))["reattachAnnotation"]

    mill, houses = {"exact": "the mill"}, global_id("DocumentElement", third.id)
    for who, given, code, field in (
        (stranger, {"elementId": houses, "selector": mill}, "FORBIDDEN", "id"),
        (owner, {"selector": mill}, "REQUIRED", "elementId"),
        (owner, {}, "REQUIRED", "selector"),
        (owner, {"elementId": global_id("DocumentElement", elsewhere.id), "selector": mill}, "ELSEWHERE", "elementId"),
        (owner, {"elementId": "999999", "selector": mill}, "NOT_FOUND", "elementId"),
        (owner, {"elementId": houses, "selector": {"exact": "nothing"}}, "SELECTOR_NOT_FOUND", "selector"),
    ):
        assert await put(who, note, **given) == {"annotation": None, "errors": [{"code": code, "field": field}]}
    back = (await put(owner, note, elementId=houses, selector=mill))["annotation"]
    assert (back["isOrphan"], back["element"]) == (False, {"databaseId": third.id})
    assert await shelf.selected(note) == ("3", "the mill")
    assert (await shelf.now(reply)).document_element_id == third.id
    assert (await put(owner, whole, elementId=houses))["errors"] == []
    assert await shelf.selected(whole) == ("3", None)


async def test_what_an_edition_has_again_is_brought_back(shelf: Shelf, world: World) -> None:
    first, second, _ = await shelf.first()
    await shelf.bring(("1", FIRST[0]), ("3", FIRST[2]))
    await world.run(update(DocumentElement).where(DocumentElement.id == first.id).values(deleted_at=first.created))
    kept = await shelf.note(first, "the village")
    await world.run(update(Document).values(deleted_at=first.created))

    outcome = await shelf.bring(*named(f"Hear: {FIRST[0]}", *FIRST[1:]))

    assert (outcome.added, outcome.changed, outcome.removed) == (0, 3, 0)
    assert [one.id for one in await shelf.elements()][:2] == [first.id, second.id]
    assert await shelf.selected(kept) == ("1", "the village")
    assert await shelf.all(select(Document.deleted_at)) == [None]


async def test_lines_added_by_hand_stay_with_their_notes(shelf: Shelf, world: World) -> None:
    first, *_ = await shelf.first()
    (document,) = await shelf.all(select(Document))
    mine = await world.element(document, "By hand: the river rose in the night.", position=first.position + 1)
    note = await shelf.note(mine, "the river rose")
    await shelf.bring(("1", "Something else."))
    assert await lines(shelf.engine) == ["Something else.", mine.text]
    assert (await shelf.now(note)).version == 1


async def test_nobody_is_taken_for_the_author_of_an_edition(shelf: Shelf, world: World) -> None:
    first, second, _ = await shelf.first()
    editor = await world.person()
    await world.run(update(DocumentElement).values(modified_by_id=editor.id, content={"text": "By hand."}))
    await shelf.bring(*named(*FIRST))
    assert await shelf.all(select(DocumentElement.modified_by_id).distinct()) == [None]
    revisions = await shelf.all(select(ElementRevision).where(ElementRevision.element_id == second.id))
    assert [(one.revision, one.text, one.modified_by_id) for one in revisions] == [
        (1, FIRST[1], None),
        (2, "By hand.", editor.id),
    ]
    assert first.revision == 1


async def test_what_was_cut_by_hand_is_whole_again_where_its_source_is(shelf: Shelf, world: World) -> None:
    """And so is what was joined: the source says what there is, and notes go to and fro."""
    first, second, third = await shelf.first()
    owner = await world.person()
    await world.run(text("UPDATE app.document_collections SET owner_id = :id").bindparams(id=owner.id))
    viewer = Viewer(user_id=owner.id)
    notes = [await shelf.note(first, "the village"), await shelf.note(third, "the mill")]
    async with writing_sessions(shelf.engine).begin() as session:
        _, part = await dividing.split(session, viewer, first.id, [29])
        await dividing.merge(session, viewer, [second.id, third.id])
    assert [(await shelf.now(note)).document_element_id for note in notes] == [part, second.id]

    outcome = await shelf.bring(*named(*FIRST))

    assert await lines(shelf.engine) == FIRST
    assert (outcome.added, outcome.changed, outcome.removed) == (0, 3, 1)
    assert [await shelf.selected(note) for note in notes] == [("1", "the village"), ("3", "the mill")]


async def test_an_edition_waits_for_a_note_that_is_being_written_and_takes_it_along(shelf: Shelf) -> None:
    first, *_ = await shelf.first()
    target = [{"source": f"DocumentElements/{first.id}", "selector": {"type": "TextQuoteSelector", "exact": "village"}}]
    async with writing_sessions(shelf.engine).begin() as session:
        note = Annotation(document_element_id=first.id, motivation="commenting", target=target)
        session.add(note)
        await session.flush()
        importing = asyncio.create_task(shelf.bring(("9", FIRST[0])))
        done, _ = await asyncio.wait({importing}, timeout=0.5)
        assert not done
    assert (await importing).carried == 1
    assert await shelf.selected(note) == ("9", "village")


async def test_an_edition_that_breaks_off_leaves_texts_and_notes(shelf: Shelf) -> None:
    first, *_ = await shelf.first()
    await shelf.note(first, "village")
    before = await everything(shelf.engine)
    await asyncio.to_thread(shelf.path.write_text, shelf.path.read_text().replace("river", "sea").replace("</TEI>", ""))
    with pytest.raises(Invalid):
        await bring(shelf.engine, shelf.path)
    assert await everything(shelf.engine) == before


async def test_what_is_deleted_is_carried_and_counted_for_nobody(shelf: Shelf) -> None:
    first, *_ = await shelf.first()
    note = await shelf.note(first, "the village", status=AnnotationStatus.DELETED)
    outcome = await shelf.bring(("9", FIRST[0]))
    assert (outcome.carried, outcome.orphaned) == (0, 0)
    assert await shelf.selected(note) == ("9", "the village")


async def test_notes_go_where_the_texts_alone_say(shelf: Shelf) -> None:
    """What is stored after any change of the lines is what carrying their passages gives."""
    chance = random.Random(54)
    words = ["river", "night", "village", "boats", "mill", "houses", "morning", "side", "rain", "御時", "😀", "e\u0301"]

    def line() -> str:
        return " ".join(chance.choices(words, k=chance.randint(4, 12)))

    book = {str(number): line() for number in range(60)}
    for _ in range(4):
        await shelf.bring(*book.items())
        elements = {one.id: one for one in await shelf.elements()}
        notes, anchors = [], []
        for one in elements.values():
            said = one.text or ""
            start = chance.randrange(len(said) - 4)
            anchor = anchor_at(said, start, chance.randint(start + 1, len(said)))
            target: dict[str, Any] = {
                "source": f"DocumentElements/{one.id}",
                "selector": {"type": "TextPositionSelector", "start": anchor.start, "end": anchor.end},
            }
            notes.append(await shelf.world.note(one, target=[target]))
            anchors.append((one.id, anchor))
        old = {number: one.text or "" for number, one in elements.items()}
        items = list(book.items())
        for _ in range(15):
            at = chance.randrange(len(items))
            name, said = items[at]
            match chance.randrange(5):
                case 0:
                    items[at] = name, said.replace(" ", "  ", 1)
                case 1:
                    items.insert(chance.randrange(len(items)), items.pop(at))
                case 2:
                    items[at] = f"new-{chance.random()}", said
                case 3:
                    items.pop(at)
                case 4:
                    items[at] = name, line()
        book = dict(items)
        outcome = await shelf.bring(*items)
        new = {one.id: one.text or "" for one in await shelf.elements()}
        same = same_elements(old, new)
        ids = {same.get(number, -number): number for number in new}
        carried = carry_across(list(old.items()), [(name, new[number]) for name, number in ids.items()], anchors)
        orphaned = 0
        once = {said: number for number, said in new.items() if list(new.values()).count(said) == 1}
        for note, found, (element, anchor) in zip(notes, carried, anchors, strict=True):
            row, stored = await shelf.now(note), await shelf.target(note)
            if old[element] in once and list(old.values()).count(old[element]) == 1:
                # Whatever it is called and wherever it stands: a line that is there goes with all that is on it.
                assert (found.anchor, row.document_element_id) == (anchor, once[old[element]])
            if new.get(element) == old[element]:
                assert row.version == 1
            elif found.anchor is None:
                orphaned += 1
                assert row.is_orphan
            else:
                assert isinstance(found.key, int)
                assert stored["source"] == f"DocumentElements/{ids[found.key]}"
                assert row.document_element_id == ids[found.key]
                selector = stored["selector"]
                position = selector if isinstance(selector, dict) else selector[1]
                assert (position["start"], position["end"]) == (found.anchor.start, found.anchor.end)
        assert outcome.orphaned == orphaned
        await shelf.world.run(text("DELETE FROM app.annotations"))


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ({1: "a line", 2: "another"}, {1: "a line", 2: "another"}, {1: 1, 2: 2}),
        ({1: FIRST[0], 2: FIRST[1]}, {1: "New.", 2: FIRST[0], 3: FIRST[1]}, {2: 1, 3: 2}),
        ({1: FIRST[0], 2: FIRST[1]}, {1: FIRST[1], 2: FIRST[0]}, {1: 2, 2: 1}),
        ({1: FIRST[0]}, {1: FIRST[0].upper().lower()}, {1: 1}),
        ({1: FIRST[0]}, {1: f"{FIRST[1]} {FIRST[0]} {FIRST[2]}"}, {1: 1}),
        ({1: FIRST[0]}, {1: FIRST[1]}, {}),
        ({1: "twice", 2: "twice", 3: "x"}, {4: "twice", 5: "x"}, {5: 3}),
        ({1: "", 2: "x"}, {1: "y", 3: ""}, {}),
        ({1: "a" * 3_000}, {1: "b" * 3_000}, {1: 1}),
        ({}, {1: "x"}, {}),
    ],
)
def test_elements_are_known_by_what_they_say_and_then_by_their_names(
    old: dict[int, str], new: dict[int, str], same: dict[int, int]
) -> None:
    assert same_elements(old, new) == same


async def test_an_edition_costs_the_same_for_two_notes_as_for_two_hundred(shelf: Shelf) -> None:
    counts = []
    for number in (2, 200):
        book = [(f"{number}-{place}", f"Line {place} of a book of {number} lines.") for place in range(number)]
        await shelf.bring(*book)
        for one in await shelf.elements():
            await shelf.note(one, "of a book")
        statements: list[str] = []

        def count(_c: Any, _u: Any, statement: str, *_: Any, told: list[str] = statements) -> None:
            told.append(statement)

        event.listen(shelf.engine.sync_engine, "before_cursor_execute", count)
        outcome = await shelf.bring(*((f"new-{name}", f"Here is {line}") for name, line in book))
        event.remove(shelf.engine.sync_engine, "before_cursor_execute", count)
        assert outcome.carried == number
        counts.append(len(statements))
        await shelf.world.run(text("DELETE FROM app.annotations"))
    assert counts[0] == counts[1]

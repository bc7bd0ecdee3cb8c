"""What several people write at the same time: drawn programs, and what became of each of their steps.

A step names what it is about by a number that is looked up when its turn comes, among what the room has by then: people
see what others wrote. Few things and few words make them meet often.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.writers.site import (
    CLASSROOM,
    COLLECTIONS,
    DOCUMENTS,
    MEMBERS,
    OWNER,
    PEOPLE,
    SENTENCES,
    STUDENT,
    Room,
)

NOTE = "id databaseId version status motivation modified body target creator { databaseId } replyTo { databaseId }"
FIELDS = {
    "createAnnotation": f"annotation {{ {NOTE} }} annotationEdge {{ cursor }}",
    "bulkCreateAnnotations": f"annotations {{ {NOTE} }}",
    "createLink": f"annotation {{ {NOTE} }}",
    "replyToAnnotation": f"reply {{ {NOTE} }}",
    "flagAnnotation": f"flag {{ {NOTE} }}",
    "dismissFlag": f"flag {{ {NOTE} }}",
    "createElements": "elements { databaseId modified text }",
    "updateElement": "element { databaseId modified text }",
    "moveElement": "element { databaseId modified text }",
    "splitElement": "elements { databaseId modified text }",
    "mergeElements": "element { databaseId modified text }",
    "deleteElement": "deletedId",
    "restoreElement": "element { databaseId modified text }",
    "updateDocument": "document { databaseId modified }",
    "deleteDocuments": "deletedIds",
    "restoreDocuments": "documents { databaseId }",
}
INPUTS = {
    "tagAnnotation": "TagInput",
    "untagAnnotation": "TagInput",
    "upvoteAnnotation": "UpvoteInput",
    "removeUpvote": "UpvoteInput",
    "dismissFlag": "FlagInput",
    "removeFlaggedAnnotation": "FlagInput",
}
CREATES = {"createAnnotation", "bulkCreateAnnotations", "createLink", "replyToAnnotation", "createElements"}


@dataclass(frozen=True, slots=True)
class Pick:
    """One of what there is of a kind."""

    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    given: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Writer:
    """A person at one of their screens; somebody may sit at several."""

    person: int
    steps: list[Step]


Program = list[Writer]


@dataclass(frozen=True, slots=True)
class Done:
    """A step and its answer."""

    person: int
    screen: int
    name: str
    given: dict[str, Any]
    """The input as it was sent."""
    answer: dict[str, Any]

    @property
    def payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = (self.answer.get("data") or {}).get(self.name) or {}
        return payload

    @property
    def is_made(self) -> bool:
        return "errors" not in self.answer and not self.payload["errors"]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Notes and elements that the payload shows."""
        shown = [value for name, value in self.payload.items() if name not in {"errors", "annotationEdge"}]
        rows = [row for value in shown for row in (value if isinstance(value, list) else [value])]
        return [row for row in rows if isinstance(row, dict)]


# Drawing

_FIRST = st.integers(0, 1)
"""Mostly the same few things."""
_ANY = st.integers(0, 40)


def _pick(kind: str) -> st.SearchStrategy[Pick]:
    return st.one_of(_FIRST, _ANY).map(lambda number: Pick(kind, number))


_selectors = st.one_of(
    st.builds(lambda start, length: {"start": start, "end": start + length}, st.integers(0, 40), st.integers(1, 12)),
    st.sampled_from([{"exact": word} for word in ("reign", "favoured", "first rank", "源氏", "of the same rank")]),
)
_elements, _notes = _pick("element"), st.one_of(_pick("note"), _pick("own note"))
_expected = {"expectedModified": st.just(Pick("modified", 0))}
_texts = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=5).map("".join)
_places = st.one_of(*(st.fixed_dictionaries({name: _elements}) for name in ("afterId", "beforeId")))
_note = st.fixed_dictionaries(
    {"elementId": _elements, "text": st.sampled_from(["Why?", "Who?"])},
    optional={"selector": _selectors, "classroomId": st.just(str(CLASSROOM)), "private": st.booleans()},
)
_link = st.fixed_dictionaries({"elementId": _elements}, optional={"selector": _selectors})


def _step(name: str, required: Any, optional: Any = None) -> st.SearchStrategy[Step]:
    given = st.fixed_dictionaries(required, optional=optional) if isinstance(required, dict) else required
    return given.map(lambda values: Step(name, values))


_create = _step("createAnnotation", _note)
_bulk = _step("bulkCreateAnnotations", {"annotations": st.lists(_note, min_size=1, max_size=3)})
_reply = _step("replyToAnnotation", {"annotationId": _notes, "text": st.just("So it is.")})
_write = _step(
    "createElements",
    {
        "documentId": _pick("document"),
        "elements": st.lists(_texts.map(lambda text: {"text": text}), min_size=1, max_size=2),
    },
    {"afterId": _elements},
)
_vote = [_step(name, {"annotationId": _notes}) for name in ("upvoteAnnotation", "removeUpvote", "flagAnnotation")]
_tags = [
    _step(name, {"annotationId": _notes, "tag": st.sampled_from(["rank", "reign"])})
    for name in ("tagAnnotation", "untagAnnotation")
]
_changes = [
    _step("updateAnnotation", {"id": _pick("own note"), "text": st.sampled_from(["1", "2", "3"])}, _expected),
    _step("updateAnnotation", {"id": _pick("own note"), "selector": _selectors}, _expected),
    _step("updateAnnotation", {"id": _pick("own note"), "private": st.booleans()}),
    _step("revertAnnotation", {"id": _pick("changed note"), "version": st.integers(1, 2)}, _expected),
    _step("revertAnnotation", {"id": _pick("changed note"), "version": st.just(1)}),
]
_moderating = [
    _step("deleteAnnotation", {"id": _notes}, _expected),
    _step("restoreAnnotation", {"id": _notes}),
    _step("dismissFlag", {"flagId": _pick("flag")}),
    _step("removeFlaggedAnnotation", {"flagId": _pick("flag")}),
]
_text_changes = [
    _step("updateElement", {"id": _elements, "text": _texts}, _expected),
    _step(
        "moveElement", st.builds(lambda which, where: which | where, st.fixed_dictionaries({"id": _elements}), _places)
    ),
    _step("moveElement", {"id": _elements, "documentId": _pick("document")}),
    _step("updateDocument", {"id": _pick("document"), "collectionId": _pick("collection")}),
    _step("splitElement", {"id": _elements, "at": st.lists(st.integers(1, 60), min_size=1, max_size=2)}),
    _step("mergeElements", {"ids": st.lists(_elements, min_size=2, max_size=2)}, {"separator": st.just("")}),
]
_deletions = [
    _step("deleteElement", {"id": _elements, "force": st.just(True)}),
    _step("restoreElement", {"id": _elements}),
    _step("deleteDocuments", {"ids": st.lists(_pick("document"), min_size=1, max_size=2)}),
    _step("restoreDocuments", {"ids": st.lists(_pick("document"), min_size=1, max_size=2)}),
    # Twice: what is deleted is to be there again, mostly.
    _step("restoreDocuments", {"ids": st.tuples(_pick("document")).map(list)}),
]
_links = [
    _step("createLink", {"targets": st.lists(_link, min_size=2, max_size=3)}),
    _step("addLinkTarget", {"id": _pick("link"), "elementId": _elements}, {"selector": _selectors} | _expected),
    _step("removeLinkTarget", {"id": _pick("link"), "targetId": _pick("target")}),
]
_READERS_STEPS = st.one_of(_create, _bulk, _reply, *_vote, *_tags, *_changes, *_moderating, *_links)
_EDITORS_STEPS = st.one_of(_write, *_text_changes, *_text_changes, *_deletions, _create, *_moderating, *_vote)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    # A few requests that come again and again with their keys, from every screen of whoever sends them.
    repeated = draw(st.lists(st.one_of(_create, _bulk, _reply, _write), min_size=2, max_size=2))
    with_keys = st.sampled_from(
        [Step(step.name, step.given | {"idempotencyKey": key}) for key, step in zip("ab", repeated, strict=True)]
    )
    writers = []
    # Whose texts they are is always there, and somebody at two screens.
    for person in (OWNER, STUDENT, STUDENT, *draw(st.lists(st.sampled_from(PEOPLE), max_size=2))):
        steps = st.one_of(_EDITORS_STEPS if person == OWNER else _READERS_STEPS, with_keys)
        writers.append(Writer(person, draw(st.lists(steps, min_size=3, max_size=7))))
    return writers


# Running


_AT_FIRST = f"""{{
  annotations {{ nodes {{ {NOTE} }} }}
  documents {{ nodes {{ elements {{ nodes {{ databaseId modified text }} }} }} }}
}}"""


@dataclass
class Seen:
    """What everybody knows of, in the order in which it became known."""

    notes: dict[int, dict[str, Any]]
    elements: dict[int, dict[str, Any]]
    keyed: dict[tuple[int, str], dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    """The inputs of requests with keys, as they were sent first: to send one again is to send the same."""

    @classmethod
    async def at_first(cls, room: Room) -> "Seen":
        found = (await room.asked_by(STUDENT, _AT_FIRST, {}))["data"]
        elements = [one for document in found["documents"]["nodes"] for one in document["elements"]["nodes"]]
        return cls(*({row["databaseId"]: row for row in rows} for rows in (found["annotations"]["nodes"], elements)))

    def learn(self, done: Done) -> None:
        for row in done.rows:
            if "motivation" in row:
                self.notes[row["databaseId"]] = row
            elif "text" in row:
                self.elements[row["databaseId"]] = row

    def ids(self, kind: str, person: int, of: dict[str, Any]) -> list[int]:
        match kind:
            case "element":
                return list(self.elements)
            case "document":
                return list(DOCUMENTS)
            case "collection":
                return list(COLLECTIONS)
            case "flag":
                return self._notes(motivation="flagging") or list(self.notes)
            case "link":
                links = self._notes(motivation="linking", creator={"databaseId": person})
                return links or self._notes(motivation="linking") or list(self.notes)
            case "changed note":
                theirs = self.ids("own note", person, of)
                return [number for number in theirs if self.notes[number]["version"] > 1] or theirs
            case "own note":
                return self._notes(creator={"databaseId": person}) or list(self.notes)
            case "target":
                targets = self.notes.get(int(of["id"]), {}).get("target") or []
                return [
                    one["id"] for passage in targets for one in (passage if isinstance(passage, list) else [passage])
                ]
        return list(self.notes)

    def _notes(self, **told: Any) -> list[int]:
        return [number for number, note in self.notes.items() if told.items() <= note.items()]


async def run(room: Room, program: Program) -> list[Done]:
    """Everybody begins at once. What came of each step, in the order in which they were answered."""
    seen, done = await Seen.at_first(room), list[Done]()

    async def write(screen: int, writer: Writer) -> None:
        for step in writer.steps:
            given = _given(step, writer.person, seen)
            answer = await room.asked_by(writer.person, query(step.name), {"input": given})
            done.append(Done(writer.person, screen, step.name, given, answer))
            seen.learn(done[-1])

    await asyncio.gather(*(write(screen, writer) for screen, writer in enumerate(program)))
    return done


def query(name: str) -> str:
    kind = INPUTS.get(name, f"{name[0].upper()}{name[1:]}Input")
    fields = FIELDS.get(name, f"annotation {{ {NOTE} }}")
    return f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {fields} errors {{ __typename code field }} }} }}"


def _given(step: Step, person: int, seen: Seen) -> dict[str, Any]:
    key = step.given.get("idempotencyKey")
    if key is not None and seen.keyed[person, key]:
        return seen.keyed[person, key]
    given: dict[str, Any] = {}
    # What it is about first: what is expected of that, and what it has, depends on it.
    for name, value in sorted(step.given.items(), key=lambda item: item[0] in {"expectedModified", "targetId"}):
        found = _filled(value, person, seen, given, step.name)
        if found is not None:
            given[name] = found
    if person not in MEMBERS:
        _forget_classroom(given)
    if key is not None:
        seen.keyed[person, key] = given
    return given


def _filled(value: Any, person: int, seen: Seen, given: dict[str, Any], name: str) -> Any:
    match value:
        case Pick("modified"):
            rows = seen.elements if name == "updateElement" else seen.notes
            return rows.get(int(given["id"]), {}).get("modified")
        case Pick(kind, number):
            ids = seen.ids(kind, person, given) or [0]
            found = ids[number % len(ids)]
            return found if kind == "target" else str(found)
        case dict():
            return {key: _filled(one, person, seen, given, name) for key, one in value.items()}
        case list():
            return [_filled(one, person, seen, given, name) for one in value]
    return value


def _forget_classroom(given: dict[str, Any]) -> None:
    for one in _inputs(given):
        one.pop("classroomId", None)


def _inputs(given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield given
    yield from given.get("annotations", [])

"""What a plan tells of an event is what the general executor tells."""

import json
from collections import Counter
from typing import Any

import pytest

from genji_graphql.access.viewer import ANONYMOUS
from genji_graphql.plans.refusal import NotPlannable
from tests.annotating.room import DELETE, UPDATE, Room, id_of
from tests.live.listening import Audience

ADDED = "subscription ($document: ID!) { annotationAdded(document: $document) %s }"
SWITCHED = """subscription ($document: ID!, $wanted: Boolean = true) {
  annotationAdded(document: $document) {
    annotation { id @include(if: $wanted) body @skip(if: $wanted) } cursor @skip(if: $wanted)
  }
}"""
EVENTS = """subscription ($document: ID!, $wanted: Boolean = true) {
  annotationEvents(where: { document: $document }) { cursor @include(if: $wanted) ...Told }
}
fragment Told on AnnotationEvent {
  __typename cursor at
  ... on AnnotationCreated { annotation { ...Note } }
  ... on AnnotationUpdated { isCarried note: annotation { ...Note } annotation { status } }
  ... on AnnotationDeleted { annotationId }
}
fragment Note on Annotation { id body creator { ...Person } }
fragment Person on User { username }"""
SELECTIONS = [
    "{ cursor at annotation { id body created modified motivation creator { id username } } }",
    "{ __typename c: cursor first: annotation { id } annotation { element { id document { title } } } }",
    "{ annotation { id viewerCan { edit } replies(first: 3) { totalCount nodes { id } } } }",
]


class Compared:
    """Has each event told in both ways, and counts how it would have been told."""

    def __init__(self, subscriptions: Any) -> None:
        self.ways = Counter[str]()
        self._subscriptions = subscriptions
        self._planned = subscriptions._planned

    async def __call__(self, said: Any, shown: Any, sketches: Any, viewer: Any) -> Any:
        try:
            planned = await self._planned(said, shown, sketches, viewer)
        except NotPlannable:
            self.ways["executor"] += 1
            raise
        self.ways["plan"] += 1
        for body, sketch in zip(planned, sketches, strict=True):
            context = self._subscriptions._make_context(viewer, None)
            assert _read(body) == _read(await self._subscriptions._executed(said, sketch, context))
        return planned


def _read(body: bytes | None) -> Any:
    return None if body is None else json.loads(body)


@pytest.fixture
def compared(audience: Audience, monkeypatch: pytest.MonkeyPatch) -> Compared:
    subscriptions = audience.app.state.subscriptions
    compared = Compared(subscriptions)
    monkeypatch.setattr(subscriptions, "_planned", compared)
    return compared


@pytest.mark.parametrize("query", [*(ADDED % selection for selection in SELECTIONS), SWITCHED, EVENTS])
async def test_a_plan_tells_what_the_executor_tells(
    room: Room, audience: Audience, compared: Compared, query: str
) -> None:
    of_class, of_all = [
        await audience.listen(query, viewer, document=id_of(room.document))
        for viewer in (room.viewer(room.mate), ANONYMOUS)
    ]
    everything = "annotationEvents" in query
    note = await room.note(classroomId=id_of(room.classroom))
    await of_class.hears(1)
    await room.made(UPDATE, room.student, id=note["id"], text="Whose reign?")
    await of_class.hears(2 if everything else 1)
    await room.made(DELETE, room.student, id=note["id"])
    await room.note()
    await of_class.hears(4 if everything else 2)
    await of_all.hears(1)
    assert set(compared.ways) == {"plan"}


async def test_what_asks_for_nothing_of_the_note_is_left_to_the_executor(
    room: Room, audience: Audience, compared: Compared
) -> None:
    ear = await audience.listen(ADDED % "{ cursor }", ANONYMOUS, document=id_of(room.document))
    await room.note()
    assert await ear.hears(1) == [{"cursor": ear.cursors[0]}]
    assert set(compared.ways) == {"executor"}


async def test_a_plan_tells_nothing_of_what_is_out_of_sight(room: Room, audience: Audience) -> None:
    subscriptions = audience.app.state.subscriptions
    said: list[Any] = []
    planned = subscriptions._planned

    async def remember(*asked: Any) -> Any:
        said.append(asked)
        return await planned(*asked)

    subscriptions._planned = remember
    ear = await audience.listen(ADDED % SELECTIONS[0], ANONYMOUS, document=id_of(room.document))
    note = await room.note()
    await ear.hears(1)
    await room.made(UPDATE, room.student, id=note["id"], private=True)
    assert await planned(*said[0]) == [None]

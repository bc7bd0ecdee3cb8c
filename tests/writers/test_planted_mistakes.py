"""Random writers notice a mistake of each kind where one is planted."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.sql.selectable import Select

from genji_graphql.models import Annotation
from genji_graphql.schema import mutation
from genji_graphql.writes import annotations, elements, idempotency, responses
from genji_graphql.writes.targets import numbered
from tests.writers.programs import Pick, Program, Step, Writer, programs
from tests.writers.site import OWNER, STUDENT, TEXTS, Room
from tests.writers.test_random_writers import broken, random_programs

Plant = Callable[[pytest.MonkeyPatch], None]


async def nothing(*_: Any, **__: Any) -> None:
    pass


def no_row_is_locked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Select, "with_for_update", lambda self, **_: self)


def a_note_does_not_hold_its_text(patch: pytest.MonkeyPatch) -> None:
    locked = Select.with_for_update
    patch.setattr(Select, "with_for_update", lambda self, **how: self if how.get("read") else locked(self, **how))


def an_answer_takes_its_note_before_its_place(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(responses, "hold_place", nothing)
    patch.setattr(annotations, "hold_place", nothing)
    # Long enough for somebody else to take the place meanwhile, and then to want the note.
    respond = responses._respond

    async def respond_later(*given: Any) -> Annotation:
        await asyncio.sleep(0.3)
        return await respond(*given)

    patch.setattr(responses, "_respond", respond_later)
    # Whoever is ended in favour of another begins anew, and nobody would know.
    patch.setattr(mutation, "_TRIES", 1)


def a_key_that_is_there_is_a_fault(patch: pytest.MonkeyPatch) -> None:
    class Careless(Insert):
        inherit_cache = True

        def on_conflict_do_nothing(self, *_: Any, **__: Any) -> "Careless":
            return self

    patch.setattr(idempotency, "insert", Careless)


def a_key_forgets_what_it_made(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(idempotency.Attempt, "has_made", nothing)


def a_vote_is_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(responses, "_theirs", lambda *_: [Annotation.id == 0])


def an_answer_is_for_everybody(patch: pytest.MonkeyPatch) -> None:
    stands = responses._stands
    patch.setattr(responses, "_stands", lambda note: {**stands(note), "classroom_id": None})


def what_is_expected_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(annotations, "check_unchanged", lambda _row, _expected: None)


def notes_stay_where_the_text_was(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(elements, "carry_notes", nothing)


def numbers_are_given_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(annotations, "numbered", lambda value, _: numbered(value, iter(range(1, 9))))


_QUOTING = Step("createAnnotation", {"elementId": Pick("element", 0), "text": "?", "selector": {"start": 0, "end": 8}})


def _after_one_note() -> Writer:
    note, expected = Pick("own note", 0), Pick("modified", 0)
    return Writer(
        STUDENT,
        [
            Step("updateAnnotation", {"id": note, "text": "1", "expectedModified": expected}),
            _QUOTING,
            Step("upvoteAnnotation", {"annotationId": note}),
            Step("revertAnnotation", {"id": note, "version": 1}),
            Step("updateAnnotation", {"id": note, "text": "2", "expectedModified": expected}),
        ],
    )


def _rewriting(*texts: str) -> Writer:
    return Writer(OWNER, [Step("updateElement", {"id": Pick("element", 0), "text": text}) for text in texts])


CROWDED = [_rewriting(TEXTS[1], TEXTS[0], TEXTS[2], TEXTS[0], TEXTS[1]), *[_after_one_note()] * 3]
"""Everybody is after the same note, and its text is changed under it."""
UNDER_A_PEN = [_rewriting(TEXTS[1]), *[Writer(STUDENT, [_QUOTING] * 2)] * 4]
"""Everybody quotes a text that is being rewritten, once: a change after that would put right what is wrong."""
_KEYED = Step("createAnnotation", {"elementId": Pick("element", 0), "text": "?", "idempotencyKey": "a"})
AT_EVERY_SCREEN = [Writer(STUDENT, [_KEYED])] * 4
"""Somebody sends the same four times."""


@pytest.fixture(scope="module")
def looks() -> list[Program]:
    """What is written until the mistake shows."""
    looks: list[Program] = [UNDER_A_PEN, AT_EVERY_SCREEN, CROWDED] * 3

    @settings(random_programs, max_examples=60, derandomize=True)
    @given(program=programs())
    def collect(program: Program) -> None:
        looks.append(program)

    collect()
    return looks


@pytest.mark.parametrize(
    "plant",
    [
        no_row_is_locked,
        a_note_does_not_hold_its_text,
        an_answer_takes_its_note_before_its_place,
        a_key_that_is_there_is_a_fault,
        a_key_forgets_what_it_made,
        a_vote_is_not_looked_for,
        an_answer_is_for_everybody,
        what_is_expected_is_not_looked_at,
        notes_stay_where_the_text_was,
        numbers_are_given_twice,
    ],
)
async def test_a_planted_mistake_is_noticed(
    room: Room, looks: list[Program], plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    for program in looks:
        if await broken(room, program):
            return
    pytest.fail("Nobody would have noticed.")

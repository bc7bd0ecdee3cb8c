"""A plan's answer is the general executor's, for whatever is asked by whomever.

Random worlds are asked random operations, down both paths. `GENJI_SAMENESS` says how many worlds, for a long run.
"""

import os
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from genji_graphql.access.viewer import Viewer
from genji_graphql.vocabulary import PermissionName
from tests.matrix.conftest import Site
from tests.matrix.statement import World
from tests.matrix.worlds import worlds
from tests.plans.both import Both, plain
from tests.plans.operations import Operation, cursors_in, operations

WORLDS = int(os.environ.get("GENJI_SAMENESS", "50"))
AT_ONCE = 8
"""Operations that are asked of each world, and some of them again with a cursor."""

# What worlds don't have: texts that have to be escaped, moments with a fraction, JSON that holds nulls.
ODDITIES = r"""
UPDATE app.document_collections SET title = title || E' "of" \\ \n\t\u0001 \U0001F319',
    hierarchy = '{"a": [null, {"b": null}]}', created = created + id * interval '100 microseconds',
    language = CASE WHEN id % 2 = 0 THEN 'ja' END;
UPDATE app.document_elements SET content = CASE id % 3 WHEN 0 THEN NULL WHEN 1 THEN content
    ELSE '{"text": "\"Line\" \\ 2.", "n": 1.50, "big": 123456789012345678901234567890}' END;
UPDATE app.users SET first_name = CASE WHEN id % 2 = 0 THEN E'Sei "\u0007"' END;
UPDATE app.annotations SET generated = created + interval '1 microsecond',
    modified = created + (id % 3) * interval '1 second'
"""

ALL_SEEING = -1
"""Somebody who sees everything, though no world need have them."""

_ADMINISTRATOR = Viewer(user_id=1, is_administrator=True, permissions=frozenset(PermissionName))

Question = tuple[Operation, int | None, bool]
"""What is asked, by whom, and whether with a token that may only read."""


@st.composite
def questions(draw: st.DrawFn, world: World) -> Question:
    person = draw(st.sampled_from([None, ALL_SEEING, *(person.id for person in world.people)]))
    return draw(operations()), person, draw(st.integers(1, 8)) == 8


@st.composite
def cases(draw: st.DrawFn) -> tuple[World, list[Question]]:
    world = draw(worlds())
    return world, draw(st.lists(questions(world), min_size=AT_ONCE, max_size=AT_ONCE))


random_cases = settings(
    max_examples=WORLDS,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


async def become(site: Site, world: World) -> None:
    await site.become(world)
    await site.connection.execute(ODDITIES)


async def differences(site: Site, both: Both, asked: list[Question]) -> list[str]:
    found = []
    for operation, person, reads_only in asked:
        viewer = _ADMINISTRATOR if person == ALL_SEEING else await site.viewer(person)
        if reads_only and not viewer.is_anonymous:
            viewer = replace(viewer, scopes=frozenset({"read"}))
        found.append(await both.difference(operation, viewer))
        if operation.takes_cursor:
            ours, _ = await both.ask(operation, viewer)
            found += [
                await both.difference(operation.after(cursor), viewer) for cursor in [*cursors_in(plain(ours.body))][:2]
            ]
    return [difference for difference in found if difference]


SEEN: Counter[str] = Counter()


@random_cases
@given(case=cases())
async def test_both_paths_give_the_same_answer(site: Site, case: tuple[World, list[Question]]) -> None:
    world, asked = case
    await become(site, world)
    both = Both(site.service)
    found = await differences(site, both, asked)
    SEEN.update("plan" if path == "plan" else path for path in both.paths.elements())
    assert found == [], found[0]


def test_many_of_them_were_answered_by_plans() -> None:
    if not SEEN:
        pytest.skip("Nothing was asked in this process.")
    assert SEEN.total() >= min(500, WORLDS * AT_ONCE)
    assert SEEN["plan"] >= SEEN.total() * 0.6, SEEN.most_common()

"""Who sees and may do what: random worlds, asked through the API and held against the rules in plain Python."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from genji_graphql.access.viewer import Viewer
from tests.matrix import questions
from tests.matrix.conftest import Site
from tests.matrix.questions import Filter, Question
from tests.matrix.statement import EDGES, Sight, World
from tests.matrix.worlds import NOBODY, worlds

PARTS = 4
"""What several processes can run at a time."""
WORLDS = 80
"""In each part, each looked at by one or two people."""

Cursors = Mapping[str, Mapping[str, str]]
"""Of each list, the cursors by the ids of their rows."""


@dataclass(frozen=True)
class Look:
    """One person's look at a world: what they ask, besides what everybody does."""

    person_id: int | None
    everything: bool  # or notes proper only
    besides: str
    edges: int
    filters: tuple[Filter, ...]
    collection: int
    listed: str
    rows: tuple[int, ...]
    dimension: str

    def questions(self, world: World, cursors: Cursors) -> Iterator[Question]:
        sight = Sight(world, self.person_id)
        yield questions.about_everything(sight, everything=self.everything)
        match self.besides:
            case "edges":
                yield questions.about_edges(sight, self.edges, everything=self.everything)
            case "lookups":
                yield questions.about_lookups(sight)
            case "filters":
                yield questions.about_filters(sight, self.filters, self.collection)
            case "pages":
                cursors_of = list(cursors[self.listed].items())
                chosen = dict(cursors_of[row % len(cursors_of)] for row in self.rows if cursors_of)
                yield questions.about_pages(sight, self.listed, chosen)
            case _:
                yield questions.about_counts(sight, self.dimension)


_NUMBERS = st.sampled_from([1, 1, 2, 2, 3, 4, 5, 6, NOBODY])
_FILTERS = st.builds(
    Filter,
    st.sampled_from(list(questions.REFERENCES)),
    st.tuples(_NUMBERS) | st.tuples(_NUMBERS, _NUMBERS),
    st.booleans(),
)


@st.composite
def looks(draw: st.DrawFn, world: World) -> Look:
    return Look(
        draw(st.sampled_from([None, *(person.id for person in world.people)])),
        draw(st.sampled_from([True, True, False])),
        draw(st.sampled_from(["edges", "edges", "edges", "edges", "lookups", "filters", "filters", "pages", "counts"])),
        draw(st.integers(0, questions.SLICES - 1)),
        draw(st.tuples(*[_FILTERS] * questions.FILTERS_AT_ONCE)),
        draw(_NUMBERS),
        draw(st.sampled_from(["annotations", "annotations", *questions.ROOTS])),
        draw(st.tuples(*[st.integers(0, 9)] * 3)),
        draw(st.sampled_from(list(questions.DIMENSIONS))),
    )


Case = tuple[World, list[Look]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    world = draw(worlds())
    return world, draw(st.lists(looks(world), min_size=1, max_size=2))


async def cursors_of(site: Site) -> Cursors:
    """Every row's cursor, as somebody was given them who sees all but what others keep private."""
    answer = await site.service.ask(
        questions.CURSORS_QUERY, {"where": questions.EVERYTHING}, viewer=Viewer(user_id=1, is_administrator=True)
    )
    return {name: {edge["node"]["id"]: edge["cursor"] for edge in page["edges"]} for name, page in answer.items()}


# A world that fails is small enough to be read, and shrinking it takes minutes.
random_worlds = settings(
    max_examples=WORLDS,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("part", range(1, PARTS + 1))
@random_worlds
@given(case=cases())
async def test_everybody_sees_and_may_do_what_the_rules_say(site: Site, part: int, case: Case) -> None:
    world, looks = case
    await site.become(world)
    cursors = await cursors_of(site) if any(look.besides == "pages" for look in looks) else {}
    for look in looks:
        for question in look.questions(world, cursors):
            assert await site.differences(look.person_id, question) == [], f"part {part}, as {look.person_id}"


def test_every_kind_of_viewer_is_among_those_who_look() -> None:
    seen: Counter[str] = Counter()

    @settings(random_worlds, max_examples=WORLDS * PARTS, derandomize=True)
    @given(case=cases())
    def look_at(case: Case) -> None:
        world, looks = case
        seen.update(kind for look in looks for kind in kinds_of(world, look.person_id))

    look_at()
    assert set(seen) == KINDS, seen


KINDS = {
    *("anonymous", "deactivated", "administrator", "instructor", "owner", "member", "former member", "stranger"),
    *(f"{recipient} at {level}" for recipient in ("user", "group") for level in ("view", "edit", "manage")),
}


def kinds_of(world: World, person_id: int | None) -> set[str]:
    """What somebody is to a world, and what is shared with them or with their groups."""
    sight = Sight(world, person_id)
    if sight.me is None:
        return {"anonymous" if person_id is None else "deactivated"}
    owned = {row.keeper for row in world.collections} | {row.owner for row in world.documents}
    left = {note.classroom for note in world.notes if note.creator == person_id} - sight.classrooms - {None}
    kinds = {
        "administrator": sight.is_administrator,
        "instructor": "instructor" in sight.roles,
        "owner": person_id in owned,
        "member": bool(sight.classrooms),
        "former member": bool(left),
    }
    shared = {f"{share.recipient_type} at {share.level}" for share in world.shares if sight.receives(share)}
    return {kind for kind, holds in kinds.items() if holds} | shared or {"stranger"}


def test_the_statement_knows_every_edge() -> None:
    assert set(EDGES) == set(questions.ALL_EDGES)

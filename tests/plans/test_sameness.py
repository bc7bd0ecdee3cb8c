"""A plan's answer is the general executor's, for whatever is asked by whomever.

Random worlds are asked random operations, down both paths. `GENJI_SAMENESS` says how many worlds, for a long run.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from genji_graphql.access.viewer import Viewer
from genji_graphql.vocabulary import PermissionName
from tests.matrix.conftest import Site
from tests.matrix.statement import World
from tests.matrix.worlds import worlds
from tests.plans.both import Both, plain
from tests.plans.operations import Operation, cursors_in, random_operation

WORLDS = int(os.environ.get("GENJI_SAMENESS", "65"))
AT_ONCE = 8
"""Operations that are asked of each world, and some of them again with a cursor."""

SELECTORS = [
    {"type": "DataPositionSelector", "start": 0, "end": 2**31},
    {"type": "FragmentSelector", "value": "xywh=0,0,1,1", "conformsTo": ["http://www.w3.org/TR/media-frags/"]},
    {"type": "CssSelector", "value": 'p[lang="ja"]', "refinedBy": {"type": "XPathSelector", "value": "/p"}},
    {"type": "SvgSelector", "value": "<svg/>"},
    {
        "type": "RangeSelector",
        "startSelector": {"type": "TextQuoteSelector", "value": "a"},
        "endSelector": {"type": "TextPositionSelector", "start": -1, "end": 2},
    },
    "own",
]
RESOURCES = [
    {
        "id": 7,
        "type": "TextualBody",
        "value": 'A "note" \\ \u0001 \U0001f319',
        "format": "text/plain",
        "language": "ja",
    },
    {"id": "https://example.org/", "value": "One", "purpose": ["tagging", 3, "linking"], "textDirection": "rtl"},
    {"id": "https://example.org/picture", "type": "Image", "format": "image/png"},
    {"id": "document:1", "purpose": "describing"},
    {"source": "annotation:2", "selector": {"type": "TextPositionSelector", "start": 1}},
    {"type": "Choice", "items": [{"value": "One"}, "element:3", {"items": []}, [1, None]]},
    {"strange": [None, {"": 1.50}], "id": 123456789012345678901234567890},
    [["nested", ["deeper"]]],
]


def _stored(value: object) -> str:
    """As JSON in SQL."""
    return f"$json${json.dumps(value)}$json$::jsonb"


# What worlds don't have: texts to be escaped, moments with a fraction, JSON that holds nulls, bodies of all kinds.
ODDITIES = r"""
UPDATE app.document_collections SET title = title || E' "of" \\ \n\t\u0001 \U0001F319',
    hierarchy = '{"a": [null, {"b": null}]}', created = created + id * interval '100 microseconds',
    language = CASE WHEN id % 2 = 0 THEN 'ja' END;
UPDATE app.document_elements SET content = CASE id % 3 WHEN 0 THEN NULL WHEN 1 THEN content
    ELSE '{"text": "\"Line\" \\ 2.", "n": 1.50, "big": 123456789012345678901234567890}' END;
UPDATE app.users SET first_name = CASE WHEN id % 2 = 0 THEN E'Sei "\u0007"' END;
UPDATE app.annotations SET generated = created + interval '1 microsecond',
    modified = created + (id % 3) * interval '1 second';
UPDATE app.annotations SET target = CASE id % 4
    WHEN 0 THEN jsonb_build_object('source', 'document_element:' || id % 5 + 1, 'selector', jsonb_build_object('type',
        'TextQuoteSelector', 'exact', E'"Line" \\ \u0001', 'prefix', NULL, 'suffix', 7,
        'refinedBy', '{"type": "TextPositionSelector", "start": 0, "end": 4, "refinedBy": {"type": "Own", "n": 1.50}}'
        ::jsonb))
    WHEN 1 THEN jsonb_build_array(
        jsonb_build_array('annotation:' || id - 1, jsonb_build_object('source', 'Documents/' || id % 4 + 1)),
        jsonb_build_object('source', jsonb_build_object('id', 'collections:' || id % 3 + 1), 'purpose', 'linking',
            'selector', SELECTORS))
    WHEN 2 THEN jsonb_build_array('document_element:9', 'https://example.org/"quoted"', RESOURCES -> (id % 8)::int)
END;
UPDATE app.annotations SET body = CASE id % 5
    WHEN 1 THEN RESOURCES
    WHEN 2 THEN jsonb_build_array('document:' || id % 4 + 1, jsonb_build_object('items', RESOURCES))
    WHEN 3 THEN RESOURCES -> (id % 8)::int
    ELSE CASE WHEN id % 9 = 0 THEN '[null]'::jsonb END
END WHERE motivation IS DISTINCT FROM 'tagging' AND id % 5 <> 0
""".replace("SELECTORS", _stored(SELECTORS)).replace("RESOURCES", _stored(RESOURCES))

ALL_SEEING = -1
"""Somebody who sees everything, though no world need have them."""

_ADMINISTRATOR = Viewer(user_id=1, is_administrator=True, permissions=frozenset(PermissionName))

Question = tuple[Operation, int | None, bool]
"""What is asked, by whom, and whether with a token that may only read."""


@st.composite
def cases(draw: st.DrawFn, roots: Sequence[str] | None = None) -> tuple[World, list[Question]]:
    """A world, and what is asked there: with these fields of the query, or with any."""
    world = draw(worlds())
    # What Hypothesis chooses piece by piece is for its most part what it has chosen before, whole questions over and
    # over. So they are random by themselves, and others in every world.
    random = Random(f"{draw(st.integers(0, 2**64))} {_undated(world)}")
    return world, [question(random, world, roots) for _ in range(AT_ONCE)]


def _undated(world: World) -> Sequence[object]:
    """What is the same tomorrow when the same is drawn: days are told from today on."""

    def days(day: date | None) -> int | None:
        return None if day is None else (day - world.today).days

    groups = [replace(group, start=None, end=None) for group in world.groups]
    return replace(world, today=date.min, groups=tuple(groups)), [(days(g.start), days(g.end)) for g in world.groups]


def question(random: Random, world: World, roots: Sequence[str] | None) -> Question:
    person = random.choice([None, ALL_SEEING, *(person.id for person in world.people)])
    return random_operation(random, roots), person, random.randrange(8) == 0


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


@pytest.fixture
def paths() -> Iterator[Counter[str]]:
    """How often each path was taken in a test; most of what it asks is for plans to answer."""
    paths: Counter[str] = Counter()
    yield paths
    assert paths.total() >= min(500, WORLDS * AT_ONCE)
    assert paths["plan"] >= paths.total() * 0.6, paths.most_common()


@random_cases
@given(case=cases())
async def test_both_paths_give_the_same_answer(
    site: Site, paths: Counter[str], case: tuple[World, list[Question]]
) -> None:
    world, asked = case
    await become(site, world)
    both = Both(site.service)
    found = await differences(site, both, asked)
    paths.update(both.paths)
    assert found == [], found[0]

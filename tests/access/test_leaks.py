"""The tests of sight bite: wherever a condition is taken away, somebody sees too much and they notice."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import true

from genji_graphql import models
from genji_graphql.access import visibility
from tests.access.crawl import crawl
from tests.access.house import House
from tests.access.sight import sight

TAKEN_AWAY = {
    "_annotations": ("visitor", models.Annotation),
    "_documents": ("visitor", models.Document),
    "_collections": ("visitor", models.DocumentCollection),
    "_elements": ("visitor", models.DocumentElement),
    "_versions": ("visitor", models.AnnotationVersion),
    "_revisions": ("visitor", models.ElementRevision),
    "_groups": ("writer", models.Group),
    "_import_jobs": ("writer", models.ImportJob),
    "_shares": ("visitor", models.ObjectShare),
    "_permissions": ("keeper", models.Permission),
    "_roles": ("keeper", models.Role),
    "_people": ("visitor", models.User),
    "_life": ("visitor", None),
    "_classroom": ("visitor", None),
    "_place": ("visitor", None),
    "_kept": ("administrator", None),
    "_kept_there": ("administrator", None),
    "_of_kept_things": ("administrator", None),
    "_standing": ("visitor", None),
    "_thread": ("visitor", None),
    "_with": ("writer", None),
}
"""Each condition, who sees too much without it, and the rows that it is asked about."""


@pytest.fixture
def take_away(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def take_away(name: str) -> None:
        def nothing(*_: Any) -> Any:
            return true()

        monkeypatch.setattr(visibility, name, nothing)
        _, model = TAKEN_AWAY[name]
        if model is not None:
            conditions: dict[Any, Any] = visibility._CONDITIONS
            monkeypatch.setitem(conditions, model, nothing)
        forget(house)

    yield take_away
    monkeypatch.undo()
    forget(house)


def forget(house: House) -> None:
    house.place.service.plan_anew()
    visibility.visible.cache_clear()
    visibility.visible_notes.cache_clear()


def test_every_condition_is_taken_away_in_turn() -> None:
    assert {model for _, model in TAKEN_AWAY.values() if model} == set(visibility._CONDITIONS) - {models.SiteSettings}


@pytest.mark.parametrize("name", TAKEN_AWAY)
async def test_without_a_condition_somebody_sees_too_much(
    house: House, take_away: Callable[[str], None], name: str
) -> None:
    viewer, _ = TAKEN_AWAY[name]
    assert await sight(house, viewer) == house.seen_by(viewer)
    take_away(name)
    assert await sight(house, viewer) > house.seen_by(viewer)


async def test_without_a_condition_the_walk_through_the_graph_gives_too_much(
    house: House, take_away: Callable[[str], None]
) -> None:
    take_away("_life")
    seen = await crawl(house.place.service, house.viewer("visitor"))
    assert house.id("private reply") in seen.ids

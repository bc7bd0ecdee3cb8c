"""The comparison of both paths finds a difference of each kind where one is planted."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from graphql.execution.collect_fields import CollectedFields, collect_subfields
from hypothesis import given, settings
from sqlalchemy import ColumnElement, Text, cast, func, literal

from genji_graphql.access.viewer import Viewer
from genji_graphql.plans import compiling, connections, levels, objects, scalars
from genji_graphql.plans.slots import shape_of
from genji_graphql.reads.edges import ToMany, gathered_statement, rows_statement
from genji_graphql.reads.pages import Listing, Page, slice_of
from tests.matrix.conftest import Site
from tests.matrix.statement import World
from tests.plans.both import Both
from tests.plans.operations import NOTES
from tests.plans.test_sameness import Question, become, cases, differences, random_cases

Plant = Callable[[pytest.MonkeyPatch], None]


def wrong_order(patch: pytest.MonkeyPatch) -> None:

    def turned(edge: ToMany, viewer: Viewer, page: Page, *rest: Any, **more: Any) -> Any:
        order = tuple(replace(term, descending=not term.descending) for term in page.order)
        return gathered_statement(edge, viewer, replace(page, order=order), *rest, **more)

    patch.setattr(connections, "gathered_statement", turned)


def missing_visibility_of_a_row(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        levels,
        "rows_statement",
        lambda model, viewer, *rest: rows_statement(model, replace(viewer, is_administrator=True), *rest),
    )


def missing_visibility_in_a_list(patch: pytest.MonkeyPatch) -> None:
    def seeing_all(statement: Callable[..., Any]) -> Callable[..., Any]:
        return lambda edge, viewer, *rest, **more: statement(
            edge, replace(viewer, is_administrator=True), *rest, **more
        )

    # A list of one parent, and of several.
    for name in ("shown_statement", "gathered_statement"):
        patch.setattr(connections, name, seeing_all(getattr(connections, name)))


def null_as_an_empty_text(patch: pytest.MonkeyPatch) -> None:
    def shown(value: ColumnElement[Any], type_: Any) -> Any:
        return func.coalesce(func.nullif(scalars.as_json(value, type_), "null"), '""')

    patch.setattr(compiling, "as_json", shown)


def nothing_where_null_may_not_be(patch: pytest.MonkeyPatch) -> None:
    made = levels.Calculated.__init__

    def without_default(self: levels.Calculated, computed: Any) -> None:
        made(self, computed)
        self.missing = b"null"

    patch.setattr(levels.Calculated, "__init__", without_default)


def cursor_off_by_one(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(connections.PAGE_INFO, "endCursor", connections.start_cursor)


def page_off_by_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(connections, "slice_of", lambda rows, page: slice_of(rows[: page.size], page))


def alias_clash(patch: pytest.MonkeyPatch) -> None:
    def by_name(*given: Any) -> CollectedFields:
        collected = collect_subfields(*given)
        fields = {details[0].node.name.value: details for details in collected.grouped_field_set.values()}
        return collected._replace(grouped_field_set=fields)

    patch.setattr(compiling, "collect_subfields", by_name)


def text_not_escaped(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(
        scalars._WRITTEN, "String", lambda value: literal('"') + func.replace(cast(value, Text), '"', "'") + '"'
    )


def fraction_cut_short(patch: pytest.MonkeyPatch) -> None:
    def cut(value: ColumnElement[Any]) -> Any:
        return cast(func.to_json(func.date_trunc("second", value)), Text)

    patch.setitem(scalars._WRITTEN, "DateTime", cut)


def values_of_the_one_before(patch: pytest.MonkeyPatch) -> None:
    first: dict[Page, Any] = {}

    def remembered(page: Page, listing: Listing) -> Any:
        shape, values = shape_of(page, listing)
        return shape, first.setdefault(shape, values)

    patch.setattr(connections, "shape_of", remembered)


def objects_in_wrong_order(patch: pytest.MonkeyPatch) -> None:
    def turned(one: objects.Writer) -> objects.Writer:
        write = several(one)
        return lambda values, draft: write(values[::-1], draft)

    several = objects.several
    patch.setattr(objects, "several", turned)


def objects_of_the_wrong_type(patch: pytest.MonkeyPatch) -> None:
    def of_the_next(shapes: Any) -> objects.Writer:
        return one_of(
            [(replaced, parts) for (replaced, _), (_, parts) in zip(shapes, shapes[1:] + shapes[:1], strict=True)]
        )

    one_of = objects.one_of
    patch.setattr(objects, "one_of", of_the_next)


@contextmanager
def planted(site: Site, plant: Plant) -> Iterator[None]:
    """The difference, with plans that are all made anew."""
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        site.service.plan_anew()
        yield
    site.service.plan_anew()


Looks = list[tuple[World, list[Question]]]


def looks_at(roots: Sequence[str] | None) -> Looks:
    """What is asked until the difference shows."""
    looks: Looks = []

    @settings(random_cases, max_examples=60, derandomize=True)
    @given(case=cases(roots))
    def collect(case: tuple[World, list[Question]]) -> None:
        looks.append(case)

    collect()
    return looks


@pytest.fixture(scope="module")
def looks() -> Looks:
    return looks_at(None)


@pytest.fixture(scope="module")
def looks_at_notes() -> Looks:
    return looks_at(NOTES)


@pytest.mark.parametrize(
    "plant",
    [
        wrong_order,
        missing_visibility_of_a_row,
        missing_visibility_in_a_list,
        null_as_an_empty_text,
        nothing_where_null_may_not_be,
        cursor_off_by_one,
        page_off_by_one,
        alias_clash,
        text_not_escaped,
        fraction_cut_short,
        values_of_the_one_before,
    ],
)
async def test_a_planted_difference_is_found(site: Site, looks: Looks, plant: Plant) -> None:
    await notice(site, looks, plant)


# Only notes have such objects: asked for whatever there is, they come too seldom.
@pytest.mark.parametrize("plant", [objects_in_wrong_order, objects_of_the_wrong_type])
async def test_a_planted_difference_of_notes_is_found(site: Site, looks_at_notes: Looks, plant: Plant) -> None:
    await notice(site, looks_at_notes, plant)


async def notice(site: Site, looks: Looks, plant: Plant) -> None:
    with planted(site, plant):
        for world, asked in looks:
            await become(site, world)
            if await differences(site, Both(site.service), asked):
                return
    pytest.fail("Nobody would have noticed.")

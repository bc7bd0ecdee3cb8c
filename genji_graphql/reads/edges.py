"""Edges: how the graph's rows hang together, declared once and read by whoever walks them.

An edge says which column leads where and what may be seen at its end; from that follow a page of children for each of
many parents, their counts, and what can be computed from them, each in one statement.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, FromClause, Integer, Select, func, literal, select, true
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import SQLCoreOperations

from genji_graphql.access.rules import RULES, allowed
from genji_graphql.access.viewer import Viewer
from genji_graphql.access.visibility import visible, visible_notes
from genji_graphql.models import Annotation, Base
from genji_graphql.reads.filters import Where, condition, names, values
from genji_graphql.reads.pages import Listing, Page, between, ordering
from genji_graphql.vocabulary import RESPONSES, AnnotationStatus

Column = SQLCoreOperations[Any]

Show = Callable[[Any], Sequence[Any]]
"""What is selected of a row, which its model stands for."""

Gather = Callable[[Sequence[Any]], Sequence[Any]]
"""What becomes of the rows of a page, given the columns that are selected of each."""

IN_USE_WORDS = (AnnotationStatus.ACTIVE, AnnotationStatus.PRIVATE)
IN_USE = Annotation.status.in_(IN_USE_WORDS)
"""Is an annotation neither hidden nor deleted?"""


@dataclass(frozen=True, eq=False)
class ToOne:
    """An edge to one row, whose id stands in a column here.

    `seen_with` says that whoever sees the row here may see the row there.
    """

    key: str
    target: type[Base]
    source: type[Base]
    seen_with: bool = False

    @property
    def given(self) -> type[Base] | None:
        return self.source if self.seen_with else None


@dataclass(frozen=True, eq=False)
class Through:
    """The table between parent and child: its column that names the parent, and the one that the child joins.

    It is an alias, so that a condition of visibility that reads the same table isn't taken to speak of this row.
    """

    table: FromClause
    parent: str
    child: str
    joins: str = "id"


@dataclass(frozen=True, eq=False)
class ToMany:
    """An edge to a list of rows. `key` is the column there that holds the parent's id; a root list has none."""

    listing: Listing
    key: Column | None = None
    source: type[Base] | None = None
    through: Through | None = None
    only: tuple[ColumnElement[bool], ...] = ()
    """What every row at the edge's end must be, such as a reply."""
    listed_for: Callable[[Viewer], ColumnElement[bool]] | None = None
    """Who may be told this list, or a row of it, where not everybody who sees the rows may."""
    proper: bool = False
    """Are annotations listed as notes proper: without responses, hidden and deleted ones, unless asked for?"""
    in_use: bool = False
    """Are they listed without hidden and deleted ones, unless asked for?"""

    @property
    def target(self) -> type[Base]:
        return self.listing.model

    @property
    def is_root(self) -> bool:
        """Does it lead from nowhere, to all rows there are?"""
        return self.key is None and self.through is None

    @property
    def parent(self) -> Column:
        """The column that tells children of one parent from those of another."""
        if self.through is not None:
            return self.through.table.c[self.through.parent]
        assert self.key is not None  # noqa: S101 - a root list has no parents to tell apart
        return self.key


@dataclass(frozen=True, eq=False)
class Computed:
    """A value for each parent, from the rows at the end of an edge: a count, the words of its tags."""

    edge: ToMany
    value: Callable[[Viewer], ColumnElement[Any]]
    default: Any
    by: Column | None = None
    """With it, the value is a list of (group, value) pairs for each parent."""


@dataclass(frozen=True, eq=False)
class Content:
    """The edges by which a collection or a document is measured."""

    documents: ToMany | None
    elements: ToMany
    annotations: ToMany


def whole(row: Any) -> Sequence[Any]:
    """All of a row, as an object."""
    return (row,)


def page_statement(edge: ToMany, viewer: Viewer, page: Page, parents: Sequence[int]) -> Select[Any]:
    """A page for each parent, as (row, parent), one row more than the page holds.

    Each parent's page is a LATERAL subquery that its index answers: with two hundred parents, two hundred short index
    scans in one statement. (A window function would number every child of every parent first.) The rows of one parent
    arrive together and in order, as a nested loop keeps them.
    """
    rows = _page(edge, viewer, page, beyond=1)
    if edge.is_root:
        return rows.add_columns(literal(0).label("parent"))
    keys = _keys(parents)
    children = rows.where(edge.parent == keys.c.id).lateral()
    return select(aliased(edge.target, children), keys.c.id.label("parent")).select_from(keys.join(children, true()))


def shown_statement(
    edge: ToMany, viewer: Viewer, page: Page, parents: Sequence[int], show: Show, *, beyond: int
) -> Select[Any]:
    """The page of one parent, as what is shown of its rows. `beyond` says how many more there are than it holds."""
    if edge.is_root:
        return _shown(edge, viewer, page, show, beyond)
    keys = _keys(parents)
    rows = _shown(edge, viewer, page, show, beyond).where(edge.parent == keys.c.id).correlate(keys).lateral()
    return select(rows).select_from(keys.join(rows, true()))


def gathered_statement(
    edge: ToMany, viewer: Viewer, page: Page, parents: Sequence[int], show: Show, gather: Gather, *, beyond: int
) -> Select[Any]:
    """The same pages of several parents, each gathered into one row, as (parent, what is gathered of the rows).

    Parents without any rows are left out.
    """
    keys = _keys(parents)
    rows = _shown(edge, viewer, page, show, beyond).where(edge.parent == keys.c.id).correlate(keys).lateral()
    lists = select(*gather(list(rows.c))).select_from(rows).having(func.count() > 0).lateral()
    return select(keys.c.id, lists).select_from(keys.join(lists, true()))


def _shown(edge: ToMany, viewer: Viewer, page: Page, show: Show, beyond: int) -> Select[Any]:
    return _page(edge, viewer, page, beyond).with_only_columns(*show(edge.target), maintain_column_froms=True)


def nested_statement(
    edge: ToMany,
    viewer: Viewer,
    page: Page,
    show: Callable[[Any], ColumnElement[Any]],
    gather: Callable[[ColumnElement[Any]], ColumnElement[Any]],
) -> ColumnElement[Any]:
    """One page, gathered into one value of its parent's row: a column for a statement about the edge's source."""
    source: Any = edge.source
    rows = _page(edge, viewer, page, beyond=0).with_only_columns(show(edge.target), maintain_column_froms=True)
    listed = rows.where(edge.parent == source.id).correlate(source).subquery()
    return select(gather(listed.c[0])).scalar_subquery()


def count_statement(edge: ToMany, viewer: Viewer, where: Where | None, parents: Sequence[int]) -> Select[Any]:
    """How many rows each parent has, as (parent, count); parents without any are left out."""
    return _grouped(edge, viewer, where, parents, func.count())


def computed_statement(
    computed: Computed, viewer: Viewer, parents: Sequence[int], show: Callable[[Any], Any] = lambda value: value
) -> Select[Any]:
    """What is computed for each parent, as (parent, value) or (parent, group, value)."""
    return _grouped(computed.edge, viewer, None, parents, show(computed.value(viewer)), computed.by)


def rows_statement(
    model: type[Base], viewer: Viewer, given: type[Base] | None, row_ids: Sequence[int], show: Show = whole
) -> Select[Any]:
    """The rows of these ids that the viewer may see."""
    return select(*show(model)).where(model.id == func.any(_bound(row_ids)), visible(model, viewer, given))


def abilities_statement(model: type[Base], viewer: Viewer, row_ids: Sequence[int]) -> Select[Any]:
    """What the viewer may do to each of these rows: (id, answers in the order of the rules)."""
    answers: list[Any] = [allowed(model, action, viewer).label(action) for action in RULES[model]]
    return select(model.id, *answers).where(model.id == func.any(_bound(row_ids)))


def conditions(
    edge: ToMany, viewer: Viewer, where: Where | None, *, responses: bool = False
) -> list[ColumnElement[bool]]:
    """What makes a row one of this list: sight, the edge's own terms, the client's filter.

    With `responses` a list of notes holds what answers them as well, though the filter doesn't name it.
    """
    asked = condition(where, edge.listing.fields, viewer)
    unnamed = RESPONSES - values(where, "motivation") if edge.proper and not responses else frozenset()
    notes_only = unnamed == RESPONSES
    return [
        visible_notes(viewer, edge.source) if notes_only else visible(edge.target, viewer, edge.source),
        *edge.only,
        *(() if edge.listed_for is None else (edge.listed_for(viewer),)),
        *((func.coalesce(Annotation.motivation, "").not_in(sorted(unnamed)),) if unnamed else ()),
        *((IN_USE,) if (edge.proper or edge.in_use) and "status" not in names(where) else ()),
        *(() if asked is None else (asked,)),
    ]


def _page(edge: ToMany, viewer: Viewer, page: Page, beyond: int) -> Select[Any]:
    # The number itself and no parameter: whether to follow the order's index or to sort depends on it, and PostgreSQL
    # settles that once for all values of a parameter.
    size = literal(page.size + beyond, literal_execute=True)
    return (
        _visible_rows(edge, viewer, page.where)
        .where(*between(edge.listing, page))
        .order_by(*ordering(edge.listing, page))
        .limit(size)
    )


def _visible_rows(edge: ToMany, viewer: Viewer, where: Where | None) -> Select[Any]:
    rows = select(edge.target)
    if edge.through is not None:
        rows = rows.join(
            edge.through.table,
            edge.through.table.c[edge.through.child] == getattr(edge.target, edge.through.joins),
        )
    return rows.where(*conditions(edge, viewer, where))


def _grouped(
    edge: ToMany,
    viewer: Viewer,
    where: Where | None,
    parents: Sequence[int],
    value: ColumnElement[Any],
    by: Column | None = None,
) -> Select[Any]:
    rows = _visible_rows(edge, viewer, where)
    if edge.is_root:
        return rows.with_only_columns(literal(0), value, maintain_column_froms=True)
    groups = (edge.parent,) if by is None else (edge.parent, by)
    return (
        rows.with_only_columns(*groups, value, maintain_column_froms=True)
        .where(edge.parent == func.any(_bound(parents)))
        .group_by(*groups)
    )


def _keys(parents: Sequence[int]) -> Any:
    return select(func.unnest(_bound(parents)).label("id")).subquery("parents")


def _bound(numbers: Sequence[int]) -> ColumnElement[Any]:
    # One array parameter: the same statement, prepared once, for two ids and for two hundred.
    return literal(list(numbers), ARRAY(Integer))

"""Lists in pages.

GraphQL Cursor Connections Specification (Relay).
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import strawberry

from genji_graphql.reads import pages
from genji_graphql.reads.edges import ToMany
from genji_graphql.reads.loaders import Loaders

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of a list that was asked for, and not yet loaded: a client may want no more than its count."""

    edge: ToMany
    page: pages.Page
    parent: int
    loaders: Loaders

    async def slice(self) -> pages.Slice:
        return await self.loaders.page(self.edge, self.page, self.parent)

    def cursor(self, row: Any) -> str:
        return pages.cursor(row, self.edge.listing, self.page)


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Is there more after this page? True as well where the page was asked for before a cursor."
    )
    has_previous_page: bool = strawberry.field(
        description="Is there more before this page? True as well where the page was asked for after a cursor."
    )
    start_cursor: str | None = strawberry.field(description="The cursor of the page's first row.")
    end_cursor: str | None = strawberry.field(description="The cursor of the page's last row.")


@strawberry.type(description="A row and its place in a list.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="The row's place in the list, for `after` and `before`.")
    node: T = strawberry.field(description="The row.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    asked: strawberry.Private[Asked]

    @strawberry.field(description="The rows of this page.")
    async def nodes(self) -> list[T]:
        return list((await self.asked.slice()).rows)

    @strawberry.field(description="The rows of this page, each with its cursor.")
    async def edges(self) -> list[Edge[T]]:
        return [Edge(cursor=self.asked.cursor(row), node=row) for row in (await self.asked.slice()).rows]

    @strawberry.field(description="Where this page stands in the list.")
    async def page_info(self) -> PageInfo:
        loaded = await self.asked.slice()
        cursors = [self.asked.cursor(row) for row in (loaded.rows[:1] and (loaded.rows[0], loaded.rows[-1]))]
        return PageInfo(
            has_next_page=loaded.has_next,
            has_previous_page=loaded.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[1] if cursors else None,
        )

    @strawberry.field(description="How many rows the list has on all its pages. Counted only where it is asked for.")
    async def total_count(self) -> int:
        return await self.asked.loaders.count(self.asked.edge, self.asked.page.where, self.asked.parent)

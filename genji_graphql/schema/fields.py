"""Fields that follow an edge. Their edges say all that there is to know; no resolver is written twice."""

from collections.abc import Callable
from typing import Annotated, Any

import strawberry
from strawberry import UNSET, argument

from genji_graphql.context import Context
from genji_graphql.models import Base
from genji_graphql.reads import filters, ids
from genji_graphql.reads.edges import Computed, ToMany, ToOne
from genji_graphql.reads.pages import Page, page_of
from genji_graphql.schema.connection import Asked, Connection
from genji_graphql.schema.filters import order_of, plain

Info = strawberry.Info[Context, None]
Row = strawberry.Parent[Any]

First = Annotated[int | None, argument(description="The first so many rows: 20 unless told. Not together with `last`.")]
Last = Annotated[int | None, argument(description="The last so many rows. Not together with `first`.")]
After = Annotated[str | None, argument(description="Only rows after this cursor, of the same order and filter.")]
Before = Annotated[str | None, argument(description="Only rows before this cursor.")]
ID = Annotated[strawberry.ID, argument(description="A global id or, for convenience, the row's number.")]


def column(name: str, description: str) -> Any:
    """A field that goes by another name than its column."""

    def resolve(row: Row) -> Any:
        return getattr(row, name)

    return strawberry.field(resolver=_untyped(resolve), description=description, metadata={"column": name})


def made(make: Callable[[Any], Any], of: str, description: str) -> Any:
    """What is made of the JSON of a column."""

    def resolve(row: Row) -> Any:
        return make(getattr(row, of))

    return strawberry.field(resolver=_untyped(resolve), description=description, metadata={"made": make, "of": of})


def to_one(edge: ToOne, description: str) -> Any:
    """The row that an edge leads to; null where it is missing or hidden."""

    async def resolve(row: Row, info: Info) -> Any:
        return await info.context.loaders.one(edge, row)

    return strawberry.field(resolver=_untyped(resolve), description=description, metadata={"edge": edge})


def to_many(edge: ToMany, description: str, where: Any, order: Any) -> Any:
    """A page of the rows that an edge leads to."""

    def resolve(
        row: Row,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        where: Any = UNSET,
        order_by: Any = UNSET,
    ) -> Any:
        largest = info.context.services.settings.max_page_size
        page = page_asked(
            edge, largest, first=first, after=after, last=last, before=before, where=where, order_by=order_by
        )
        parent = 0 if edge.source is None else row.id
        return Connection(asked=Asked(edge, page, parent, info.context.loaders))

    resolve.__annotations__["where"] = Annotated[where | None, argument(description="Only rows like this.")]
    resolve.__annotations__["order_by"] = Annotated[list[order] | None, argument(description="The order of the rows.")]
    return strawberry.field(resolver=_untyped(resolve), description=description, metadata={"edge": edge})


def page_asked(
    edge: ToMany,
    largest: int,
    *,
    first: int | None = UNSET,
    after: str | None = UNSET,
    last: int | None = UNSET,
    before: str | None = UNSET,
    where: Any = UNSET,
    order_by: Any = UNSET,
) -> Page:
    """The page that the arguments of a list ask for. Raises Invalid."""
    return page_of(
        edge.listing,
        largest=largest,
        first=_given(first),
        after=_given(after),
        last=_given(last),
        before=_given(before),
        where=filters.parse(plain(_given(where)), edge.listing.fields),
        order=order_of(_given(order_by)),
    )


def computed(what: Computed, description: str) -> Any:
    """A value computed for each row of a page in one statement."""

    async def resolve(row: Row, info: Info) -> Any:
        return await info.context.loaders.computed(what, row.id)

    return strawberry.field(resolver=_untyped(resolve), description=description, metadata={"computed": what})


def lookup(model: type[Base], description: str) -> Any:
    """The row of an id; null for a malformed id, another type's, a missing and a hidden row alike."""

    async def resolve(info: Info, id: ID) -> Any:
        row_id = ids.row_id(id, model)
        return None if row_id is None else await info.context.loaders.row(model, row_id)

    return strawberry.field(resolver=_untyped(resolve), description=description, metadata={"lookup": model})


def _given(argument: Any) -> Any:
    return None if argument is UNSET else argument


def _untyped(resolver: Any) -> Any:
    """Leaves the type to the annotation of the class: a resolver's own would come before it."""
    resolver.__annotations__.pop("return")
    return resolver

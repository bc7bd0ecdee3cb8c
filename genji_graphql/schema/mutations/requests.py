"""What inputs say about the request itself, and what clients put into their caches afterwards."""

from typing import Any

from strawberry import ID

from genji_graphql.models import Base
from genji_graphql.reads import pages
from genji_graphql.reads.edges import ToMany
from genji_graphql.reads.ids import global_id
from genji_graphql.reads.loaders import every_row
from genji_graphql.schema.connection import Edge
from genji_graphql.schema.filters import plain

KEY = (
    "Any string of 1 to 255 characters, new for each thing that is made. Sent again with the same input, for want of "
    "an answer, the request makes nothing more and gives what it made."
)
EXPECTED = (
    "`modified` as the client knows it. Where somebody changed it since, nothing is changed, and a `Conflict` tells "
    "what it is now."
)


def taken(given: Any, name: str) -> tuple[dict[str, Any], Any]:
    """An input in its plain form without that field, and the field; None where it was left out."""
    values: dict[str, Any] = plain(given)
    return values, values.pop(name, None)


def deleted_id(model: type[Base], number: int) -> ID:
    """The global id of what nobody sees any more."""
    return ID(global_id(model.__name__, number))


def edge_of(row: Any, listing: ToMany) -> Any:
    """A row with its cursor in a list by its usual order, for a client's cache to put it there."""
    if row is None:
        return None
    return Edge(cursor=pages.cursor(row, listing.listing, every_row(listing)), node=row)

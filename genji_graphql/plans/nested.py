"""Lists that are written where they stand: in their parent's row, by its statement, and not in a level of their own.

It spares a statement, a look at the parents' numbers, and Python the work for each of them. But each row of such a
list must be whole, since the rows around it are cut at their holes, and have as many as one another. And none has such
a list itself: PostgreSQL would copy its text once more for each list around it, which costs more than is spared.
"""

from typing import Any

from sqlalchemy import func

from genji_graphql.access.viewer import Viewer
from genji_graphql.plans.connections import Many, Rows
from genji_graphql.plans.scalars import Json, fixed, joined
from genji_graphql.plans.shapes import NESTED_ROW, Piece, Shape, Written
from genji_graphql.plans.slots import shape_of
from genji_graphql.reads.edges import nested_statement


def nested(many: Many, largest_page: int) -> Written | None:
    """The list as a piece of its parent's row, if it can be one."""
    edge, page = many.edge, many.asked.fixed_page(many.edge)
    if edge.source in {None, edge.target} or edge.through is not None or page is None or page.size > largest_page:
        return None
    # What is put in from one time to the next would have to be told from what is put in elsewhere in the statement.
    if page.backwards or shape_of(page, edge.listing)[1]:
        return None
    tells_more = any(not isinstance(part, bytes | Rows) for part in many.parts)
    if tells_more or len(many.shapes) != 1 or not all(map(_is_whole, many.shapes[0])):
        return None
    shape = Shape([NESTED_ROW.decode(), *many.shapes[0]])

    def write(_row: Any, viewer: Viewer) -> Json:
        rows = nested_statement(
            edge,
            viewer,
            page,
            lambda row: shape.text(row, viewer),
            lambda texts: func.coalesce(func.string_agg(texts, fixed(",")), fixed("")),
        )
        return joined(fixed(part.decode()) if isinstance(part, bytes) else rows for part in many.parts)

    return Written(write, is_list=True)


def _is_whole(piece: Piece) -> bool:
    return isinstance(piece, str) or (isinstance(piece, Written) and not piece.is_list)

"""Places beside siblings, as inputs name them."""

from typing import Any

from strawberry import UNSET

from genji_graphql.errors import Invalid
from genji_graphql.models import Base
from genji_graphql.reads.ids import row_id
from genji_graphql.schema.filters import option
from genji_graphql.writes.places import Beside


def before(noun: str) -> Any:
    return option(f"To stand right before this {noun}. Not together with `afterId`.")


def after(noun: str) -> Any:
    return option(f"To stand right after this {noun}.")


def beside(given: Any, model: type[Base]) -> Beside | None:
    """The place that an input names by `beforeId` or `afterId`; an id that is none names nobody."""
    asked = {name: given_id(getattr(given, name), model) for name in ("before_id", "after_id")}
    match [(name, sibling) for name, sibling in asked.items() if sibling is not None]:
        case []:
            return None
        case [(name, sibling)]:
            return Beside(sibling, is_before=name == "before_id")
    raise Invalid("Give beforeId or afterId, not both.", field="after_id", code="NOT_ONE")


def given_id(given: Any, model: type[Base]) -> int | None:
    """The number of an id that was given, 0 for one that is none of this type; None where it was left out."""
    return None if given in (UNSET, None) else row_id(given, model) or 0

"""Slots: where a statement that is compiled once has a value put in each time that it is asked.

The statements are built as the loaders build theirs, by functions that know nothing of plans. They are handed slots
in the place of numbers, and bind them: a slot comes out among the statement's parameters, wherever it went in. For
who asks, a viewer whose numbers are slots stands for all of their kind. What isn't a number, such as permissions,
stays as it is: it may decide what the statement is.
"""

from collections.abc import Set
from dataclasses import replace
from functools import cache, lru_cache
from itertools import count
from typing import Any, cast

from genji_graphql.access.viewer import ANONYMOUS, Viewer
from genji_graphql.driver import Slot, Values
from genji_graphql.reads.filters import with_places
from genji_graphql.reads.pages import Listing, Page

PARENTS = Slot("parents", several=True)
_USER = Slot("user")
_GROUPS = Slot("groups", several=True)
_TAUGHT_GROUPS = Slot("taught groups", several=True)

ANY_PARENTS: Any = [PARENTS]
"""What a builder of statements is given for the ids of the parents."""


def kind_of(viewer: Viewer) -> Viewer:
    """All viewers for whom the same statements are asked with other numbers."""
    if viewer.is_anonymous:
        return ANONYMOUS
    # What they came with tells them apart, and decides about no statement.
    return _kind(viewer.permissions, viewer.scopes, viewer.is_administrator, viewer.is_instructor)


@lru_cache
def _kind(permissions: Set[str], scopes: Set[str] | None, is_administrator: bool, is_instructor: bool) -> Viewer:
    user, groups, taught_groups = cast(Any, (_USER, _GROUPS, _TAUGHT_GROUPS))
    return Viewer(
        user_id=user,
        group_ids=frozenset({groups}),
        taught_group_ids=frozenset({taught_groups}),
        is_administrator=is_administrator,
        is_instructor=is_instructor,
        permissions=frozenset(permissions),
        scopes=None if scopes is None else frozenset(scopes),
    )


@cache
def _in_page(number: int) -> Slot:
    return Slot("page", number)


def numbers_of(viewer: Viewer) -> dict[Slot, Any]:
    """What is put in for a viewer."""
    return {
        _USER: viewer.user_id,
        _GROUPS: sorted(viewer.group_ids),
        _TAUGHT_GROUPS: sorted(viewer.taught_group_ids),
    }


def shape_of(page: Page, listing: Listing) -> tuple[Page, Values]:
    """All pages that are asked for with the same statement, and what is put in for this one."""
    values: dict[Slot, Any] = {}
    numbers = count()

    def place(value: Any) -> Any:
        slot = _in_page(next(numbers))
        values[slot] = value
        return slot

    def places(cursor: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        return None if cursor is None else tuple(map(place, cursor))

    shape = replace(
        page,
        where=with_places(page.where, listing.fields, place),
        after=places(page.after),
        before=places(page.before),
    )
    return shape, values

"""Ways to carry notes that put some of them silently in a wrong place: what ours is compared with, and tested against.

Each takes and gives what `genji_graphql.anchoring.carrying.carry` does.
"""

from collections.abc import Callable, Iterable

from rapidfuzz import fuzz

from genji_graphql.anchoring.anchor import Anchor, anchor_at
from genji_graphql.anchoring.carrying import ORPHAN, Carried, Method

Rule = Callable[[str, str, Iterable[Anchor]], list[Carried]]


def position_alone(_: str, new: str, anchors: Iterable[Anchor]) -> list[Carried]:
    """Where it stood, whatever stands there now."""
    return [_at(new, anchor.start, anchor.end) for anchor in anchors]


def first_exact_quote(_: str, new: str, anchors: Iterable[Anchor]) -> list[Carried]:
    """Where the quote stands first."""
    found = ((anchor, new.find(anchor.exact)) for anchor in anchors)
    return [ORPHAN if at < 0 else _at(new, at, at + len(anchor.exact)) for anchor, at in found]


def most_alike(_: str, new: str, anchors: Iterable[Anchor]) -> list[Carried]:
    """The passage most like the quote, without a least likeness or a margin."""
    carried = []
    for anchor in anchors:
        found = fuzz.partial_ratio_alignment(anchor.exact, new)
        carried.append(ORPHAN if found is None else _at(new, found.dest_start, found.dest_end))
    return carried


NAIVE: dict[str, Rule] = {
    "position alone": position_alone,
    "first exact quote": first_exact_quote,
    "most alike": most_alike,
}


def _at(new: str, start: int, end: int) -> Carried:
    if not 0 <= start < end <= len(new):
        return ORPHAN
    return Carried(Method.FOUND, 1.0, 0, anchor_at(new, start, end))

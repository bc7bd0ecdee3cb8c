"""Where a quote stands in a text, and how well what stands around it fits."""

import unicodedata
from collections.abc import Sequence

from rapidfuzz.distance import Indel

REACH = 32
"""How many code points of the text before a passage, and how many after it, are kept to know it by."""
MOST_PLACES = 64
"""Of a quote that stands in more places than this, the surroundings decide only where they are unique, word for word.

Places are compared one by one, each at the cost of two short alignments; a quote of one letter stands everywhere.
"""
ENOUGH = 0.6
"""How well surroundings must fit at least, from 0 to 1."""
MARGIN = 0.2
"""How much better than the runner-up the best must fit."""


Surroundings = tuple[str | None, str | None]
"""What stands before a passage and after it; None where it isn't known."""


def around(text: str, start: int, end: int, within: tuple[int, int] | None = None) -> tuple[str, str]:
    """What stands before and after a passage; nothing from without `within` is looked at."""
    first, last = within or (0, len(text))
    return text[max(first, start - REACH) : start], text[end : min(last, end + REACH)]


def places(text: str, quote: str) -> list[int]:
    """Where the quote begins, overlaps included; at most MOST_PLACES + 1, so that too many are known to be."""
    found: list[int] = []
    at = text.find(quote)
    while at >= 0 and len(found) <= MOST_PLACES:
        found.append(at)
        at = text.find(quote, at + 1)
    return found


def is_word(text: str, start: int, end: int) -> bool:
    """Does a passage begin and end where words do?"""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return not (before.isalnum() or after.isalnum() or (after and unicodedata.combining(after)))


def likeness(one: str, other: str) -> float:
    """From 0 to 1: twice the characters that both have, in their order, by all characters."""
    return Indel.normalized_similarity(one, other)


def fit(known: Surroundings, found: tuple[str, str]) -> float | None:
    """From 0 to 1; None where nothing is known. Only as much is compared as is known."""
    (before, after), (found_before, found_after) = known, found
    sides = []
    if before is not None:
        wanted = before[-REACH:]
        sides.append(likeness(wanted, _end(found_before, len(wanted) or REACH)))
    if after is not None:
        wanted = after[:REACH]
        sides.append(likeness(wanted, found_after[: len(wanted) or REACH]))
    return sum(sides) / len(sides) if sides else None


def _end(text: str, length: int) -> str:
    return text[max(0, len(text) - length) :]


def decided(fits: Sequence[float], least: float = ENOUGH) -> int | None:
    """Which of several places it is: the one that fits well and decidedly better than the runner-up, or None."""
    order = sorted(range(len(fits)), key=fits.__getitem__, reverse=True)
    if not order or fits[order[0]] < least:
        return None
    if len(order) > 1 and fits[order[0]] - fits[order[1]] < MARGIN:
        return None
    return order[0]

"""What somebody selected in a text, checked against the text.

Misplaced            the selection isn't in the text, or not in one place
├── OutOfRange       its offsets aren't those of a passage
├── NotThere         what was selected stands nowhere
└── Ambiguous        it stands in several places, and nothing decides which was meant
"""

import enum
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from rapidfuzz import fuzz

from genji_graphql.anchoring.likened import likened
from genji_graphql.anchoring.surroundings import MARGIN, MOST_PLACES, Surroundings, around, decided, fit, places
from genji_graphql.errors import Invalid


class Unit(enum.StrEnum):
    """What offsets count: code points as the standard has it, or UTF-16 units as browsers do."""

    CODE_POINT = "code_point"
    UTF16 = "utf16"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A passage of one text: offsets in code points from 0, the end exclusive, and what stands there and around it."""

    start: int
    end: int
    exact: str
    prefix: str
    suffix: str


class Misplaced(Invalid):
    """A selection that isn't taken; with the nearest passage that there is, to be suggested to the person."""

    def __init__(self, message: str, *, code: str, field: str, nearest: Anchor | None = None) -> None:
        super().__init__(message, field=field, code=code)
        self.nearest = nearest


class OutOfRange(Misplaced):
    """The offsets aren't those of a passage of the text."""

    def __init__(self, message: str, nearest: Anchor | None = None) -> None:
        super().__init__(message, code="OUT_OF_RANGE", field="start", nearest=nearest)


class NotThere(Misplaced):
    """The quote stands nowhere in the text."""

    def __init__(self, nearest: Anchor | None) -> None:
        super().__init__(
            "The text doesn't have what was selected.", code="SELECTOR_NOT_FOUND", field="exact", nearest=nearest
        )


class Ambiguous(Misplaced):
    """The quote stands in several places, and what stands around it doesn't decide."""

    def __init__(self, nearest: Anchor | None) -> None:
        super().__init__(
            "The text has what was selected in several places. Tell more of what stands before and after it.",
            code="SELECTOR_AMBIGUOUS",
            field="exact",
            nearest=nearest,
        )


LONGEST_SUGGESTED = 64
"""Of a quote that is nowhere, this many code points are compared with the text to suggest the nearest passage..."""
_LONGEST_COMPARED = 20_000
"""... and this many of the text, around where it was said to be. Their product bounds the work."""
_NEAR_ENOUGH = 60.0
"""How like the quote a passage must be to be suggested, in per cent."""


def anchor_at(text: str, start: int, end: int) -> Anchor:
    """The passage at these offsets of code points. Raises OutOfRange, also where it would be empty."""
    if not 0 <= start <= end <= len(text):
        raise OutOfRange("The selection reaches beyond the text.", _within(text, start, end))
    if start == end:
        # A note on nothing shows nowhere, has no text to be known by, and can't be carried to the next revision.
        raise OutOfRange("The selection is empty.")
    return Anchor(start, end, text[start:end], *around(text, start, end))


def resolve(
    text: str,
    *,
    start: int | None = None,
    end: int | None = None,
    unit: Unit = Unit.CODE_POINT,
    exact: str | None = None,
    prefix: str | None = None,
    suffix: str | None = None,
) -> Anchor:
    """The passage that a client selected, in the text's own characters.

    Offsets alone are taken as they are. With a quote they hold where it stands there, unless what was said to stand
    around it fits another place decidedly better: then they are those of another revision. Where they don't hold or
    aren't given, the quote is found if it stands in one place, or if its surroundings decide between several.

    Texts are compared as they are; only where that finds nothing, as they look (see `likened`): accents composed or
    not, line breaks and rows of blanks as one blank, blanks around the quote left out.

    Raises OutOfRange, NotThere or Ambiguous. An offset between the two halves of a character is always refused.
    """
    if unit is Unit.UTF16:
        start, end = _code_points(text, start, end)
    if exact is None:
        if start is None or end is None:
            raise OutOfRange("Tell what is selected, by its offsets or by its text.")
        return anchor_at(text, start, end)
    if not exact:
        raise OutOfRange("The selection is empty.")
    known = (prefix, suffix)
    stands = _at_offsets(text, start, end, exact)
    if stands and _fits(text, known, stands) > 1 - MARGIN:
        return anchor_at(text, *stands)
    return anchor_at(text, *_sought(text, exact, known, stands, start))


Range = tuple[int, int]


def _sought(text: str, exact: str, known: Surroundings, stands: Range | None, start: int | None) -> Range:
    """Where the quote is by its surroundings; `stands` is where it is by its offsets, if it is there."""
    ranges = [(at, at + len(exact)) for at in places(text, exact)] or _alike(text, exact)
    if stands and stands not in ranges:
        ranges.append(stands)
    if not ranges:
        raise NotThere(_nearest(text, exact, start))
    if len(ranges) == 1:
        return ranges[0]
    whole = _by_the_whole(text, exact, known)
    if whole:
        return whole
    if len(ranges) > MOST_PLACES:
        if stands:
            return stands
        raise Ambiguous(anchor_at(text, *_closest(ranges, start)))
    fits = [_fits(text, known, place) for place in ranges]
    best = decided(fits) if any(known) else None
    if best is not None:
        return ranges[best]
    if stands:
        return stands
    most = max(fits)
    raise Ambiguous(anchor_at(text, *_closest([r for r, one in zip(ranges, fits, strict=True) if one == most], start)))


def _fits(text: str, known: Surroundings, place: Range) -> float:
    """1 where nothing is known, since then nothing speaks against the place."""
    fitting = fit(known, around(text, *place))
    return 1 if fitting is None else fitting


def _by_the_whole(text: str, exact: str, known: Surroundings) -> Range | None:
    """Where the quote stands with all that was said to stand around it, word for word, if that is one place."""
    prefix, suffix = known[0] or "", known[1] or ""
    found = places(text, f"{prefix}{exact}{suffix}") if prefix or suffix else []
    return (found[0] + len(prefix), found[0] + len(prefix) + len(exact)) if len(found) == 1 else None


def _at_offsets(text: str, start: int | None, end: int | None, exact: str) -> Range | None:
    """The offsets, if the quote stands there, as it is or as it looks; an end that isn't told is the quote's."""
    if start is None or not 0 <= start < len(text):
        return None
    end = start + len(exact) if end is None else end
    if not start < end <= len(text):
        return None
    if text[start:end] == exact:
        return start, end
    # Decomposed, a code point is four at most: what is longer than that can't look the same, unless it is blanks.
    here = likened(text[start:end]).text.strip()
    return (start, end) if here and here == likened(exact).text.strip() else None


def _alike(text: str, exact: str) -> list[Range]:
    """Where the text looks like the quote; at most MOST_PLACES + 1 places."""
    haystack = likened(text)
    needle = likened(exact).text.strip()
    if not needle:
        return []
    found = (haystack.original(at, at + len(needle), len(text)) for at in places(haystack.text, needle))
    return [place for place in found if place]


def _code_points(text: str, *offsets: int | None) -> Iterator[int | None]:
    """Offsets of UTF-16 units as offsets of code points; what lies beyond the text still does.

    Raises OutOfRange for an offset between the two halves of a character.
    """
    if not text or max(text) <= "\uffff":
        yield from offsets
        return
    starts = [0, *accumulate(2 if one > "\uffff" else 1 for one in text)]
    for offset in offsets:
        if offset is None or offset < 0:
            yield offset
            continue
        at = bisect_left(starts, offset)
        if at == len(starts) or starts[at] == offset:
            yield at
        else:
            raise OutOfRange("An offset lies within a character.", anchor_at(text, at - 1, at))


def _nearest(text: str, exact: str, start: int | None) -> Anchor | None:
    """The passage most like the quote, near where it was said to be: a suggestion and nothing more."""
    middle = min(max(start or 0, 0), len(text))
    first = max(0, min(middle - _LONGEST_COMPARED // 2, len(text) - _LONGEST_COMPARED))
    window = text[first : first + _LONGEST_COMPARED]
    quote = exact[:LONGEST_SUGGESTED]
    if not window or len(window) < len(quote):
        quote, window = quote[: len(window)], window
    found = fuzz.partial_ratio_alignment(quote, window, score_cutoff=_NEAR_ENOUGH) if quote else None
    if found is None or found.dest_start == found.dest_end:
        return None
    return anchor_at(text, first + found.dest_start, min(len(text), first + found.dest_start + len(exact)))


def _within(text: str, start: int, end: int) -> Anchor | None:
    """As much of the range as the text has."""
    first, last = max(0, min(start, end)), min(len(text), max(start, end))
    return anchor_at(text, first, last) if first < last else None


def _closest(ranges: list[Range], start: int | None) -> Range:
    return min(ranges, key=lambda place: abs(place[0] - (start or 0)))

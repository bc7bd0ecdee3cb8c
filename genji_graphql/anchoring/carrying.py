"""The text changed, the notes stay: where each passage is in the next revision, or that it is nowhere.

1. A passage is mapped through the difference between its element's two revisions (see `difference`).
2. What isn't there is sought in what the documents have besides: the passages that no difference accounts for are
   compared with each other, in a few rounds, so that text which was moved, split off, merged or given another key is
   found by its own text.
3. What is left is sought by its quote and what stood around it. It has to stand once, or its surroundings have to
   decide between the places that it has; and the place may not be one that is accounted for, since there stood the
   same words before, beside those that are gone.
4. Else it is an orphan: a person is asked.

A wrong place is worse than none: nobody would see it. So what is mapped must be like the quote, and what was moved must
be known by more than a few characters.

Each step is bounded. Differences are made once for all anchors and are about linear (see there); what follows for each
anchor is paid from one budget, and an anchor for which there is nothing left is an orphan.
"""

import enum
from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from genji_graphql.anchoring.anchor import Anchor
from genji_graphql.anchoring.difference import MOST_SEEDED, Run, difference, moved_lines, stands_once
from genji_graphql.anchoring.surroundings import (
    ENOUGH,
    MOST_PLACES,
    REACH,
    around,
    decided,
    fit,
    is_word,
    likeness,
    places,
)


class Method(enum.StrEnum):
    """How it is known where a passage is."""

    UNCHANGED = "unchanged"
    """It stands where it stood, as it stood."""
    MAPPED = "mapped"
    """Through the difference of the two revisions."""
    FOUND = "found"
    """By its text and what stood around it."""
    ORPHAN = "orphan"
    """It isn't known to be anywhere."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Where a passage is in the next revision: in the element of this key, unless it is an orphan."""

    method: Method
    score: float
    """From 0 to 1: how like the old passage the new one is, and where it was sought, how well its surroundings fit."""
    key: Hashable = None
    anchor: Anchor | None = None


ORPHAN = Carried(Method.ORPHAN, 0.0)

LIKE = 0.8
"""How like the quote a mapped passage must be. "Team Alpha wins" and "Team Beta wins" are 0.76."""
LEAST_WORD = 3
"""A quote shorter than this isn't sought within a change, which has most letters, unless it is a word that stayed."""
WIDEST_CHANGE = 200
"""Nor is any within a change wider than this, in either text."""
LIKE_WHEN_MOVED = 0.9
"""How like it must be where not even its place speaks for it."""
SHORT = 6
"""A quote shorter than this is no proof by itself: a word may come into a text anew."""
FITTING = 0.8
"""How well what stood around a quote must fit, where nothing else speaks for a place."""
FITTING_ALONE = 0.95
"""And on each side of a short one, which lines that look alike have as well."""
FOREIGN = 10
"""Of a place that is found at most one character in so many may have had another place before."""
LEAST_MOVED = 8
"""Moved text is known by this many characters in a row, or by a whole passage."""
LEAST_ALONE = 32
"""And by this many where it isn't a whole passage: what lines that look alike have in common is shorter, mostly."""
LEAST_PASSAGE = 12
"""A shorter passage, of those that no difference accounts for, is a correction and not moved text."""
ROUNDS = 3
"""How often what is still open is compared: each round finds what stands in one order in both."""
BUDGET = 2_000_000_000
"""The steps for all anchors of one call: characters searched (a billion a second, roughly) and runs walked through."""
_STEPS_A_RUN = 200
_STEPS_A_COMPARISON = 2_000

Element = tuple[Hashable, str]
Range = tuple[int, int]


def carry(old: str, new: str, anchors: Iterable[Anchor]) -> list[Carried]:
    """Where the passages of one element are after its text changed, in their order."""
    return carry_across([(0, old)], [(0, new)], [(0, anchor) for anchor in anchors])


def carry_across(
    old: Sequence[Element], new: Sequence[Element], anchors: Sequence[tuple[Hashable, Anchor]]
) -> list[Carried]:
    """Where passages are after the elements of a document changed, in their order.

    Elements are pairs of a key and a text, in the order in which they are read; anchors come with the key of their
    element. The same key in both means the same element; an element that has become several, or another, needs none.
    An anchor whose quote isn't where it says it is was made for another text, and becomes an orphan.

    Raises ValueError where two elements of one side have the same key, and KeyError where an anchor's has none.
    """
    before, after = _Book(old), _Book(new)
    passages = [before.passage(key, anchor) for key, anchor in anchors]
    carrier = _Carrier(before, after)
    carried = [carrier.mapped(passage) if passage else ORPHAN for passage in passages]
    lost = [
        (index, passage) for index, passage in enumerate(passages) if passage and carried[index].method is Method.ORPHAN
    ]
    if lost:
        carrier.compare_the_rest()
    for index, passage in lost:
        carried[index] = carrier.sought(passage)
    return carried


class _Passage(NamedTuple):
    """A quote in the old book; offsets are the book's."""

    start: int
    end: int
    exact: str


class _Book:
    """The texts of a document as one, a line break between them."""

    def __init__(self, elements: Sequence[Element]) -> None:
        self.keys = [key for key, _ in elements]
        self.text = "\n".join(text for _, text in elements)
        self.index = {key: index for index, key in enumerate(self.keys)}
        if len(self.index) < len(self.keys):
            raise ValueError("Two elements have the same key.")
        self.starts = list(accumulate((len(text) + 1 for _, text in elements), initial=0))

    def bounds(self, index: int) -> tuple[int, int]:
        return self.starts[index], self.starts[index + 1] - 1

    def element_at(self, position: int) -> int:
        return bisect_right(self.starts, position) - 1

    def passage(self, key: Hashable, anchor: Anchor) -> _Passage | None:
        start, end = self.bounds(self.index[key])
        passage = _Passage(start + anchor.start, start + anchor.end, anchor.exact)
        there = start <= passage.start < passage.end <= end
        return passage if there and self.text[passage.start : passage.end] == anchor.exact else None

    def end_of_element(self, position: int) -> int:
        return self.bounds(self.element_at(position))[1]

    def key_at(self, position: int) -> Hashable:
        return self.keys[self.element_at(position)]

    def offset(self, position: int) -> int:
        """Where in its element."""
        return position - self.starts[self.element_at(position)]

    def is_line(self, start: int, end: int) -> bool:
        """Does nothing else stand in its line, but for a few blanks?"""
        before, after = self.text[max(0, start - REACH) : start], self.text[end : end + REACH]
        return before.rstrip(" ")[-1:] in {"", "\n"} and after.lstrip(" ")[:1] in {"", "\n"}

    def gaps(self, covered: Iterable[Range]) -> list[Range]:
        """What of each element isn't covered; the ranges that are don't overlap, nor reach from one to the next."""
        gaps: list[Range] = []
        waiting = iter(sorted(covered))
        this = next(waiting, None)
        for index in range(len(self.keys)):
            at, end = self.bounds(index)
            while this and this[0] < end:
                if at < this[0]:
                    gaps.append((at, this[0]))
                at = this[1]
                this = next(waiting, None)
            if at < end:
                gaps.append((at, end))
        return gaps

    def passages(self, covered: Iterable[Range] = ()) -> list[Range]:
        """What isn't covered and is no mere correction: whole elements and longer passages."""
        edges = set(self.starts)
        return [
            (start, end)
            for start, end in self.gaps(covered)
            if end - start >= LEAST_PASSAGE or (start in edges and end + 1 in edges)
        ]

    def joined(self, passages: list[Range]) -> str:
        return "\n".join(self.text[start:end] for start, end in passages)

    def around(self, start: int, end: int) -> tuple[str, str]:
        return around(self.text, start, end, self.bounds(self.element_at(start)))

    def anchor(self, start: int, end: int) -> tuple[Hashable, Anchor]:
        index = self.element_at(start)
        first, last = self.bounds(index)
        prefix, suffix = around(self.text, start, end, (first, last))
        return self.keys[index], Anchor(start - first, end - first, self.text[start:end], prefix, suffix)


class _Place(NamedTuple):
    """Where a passage is in the new book."""

    start: int
    end: int
    score: float


class _Runs:
    """What both books have: runs that overlap in neither, in order of the old book."""

    def __init__(self, runs: list[Run]) -> None:
        self.runs = sorted(runs)
        self.starts = [run.old for run in self.runs]
        self.covered = sorted((run.new, run.new_end, run.old) for run in runs)

    def before(self, start: int) -> int:
        """How many begin before this place or at it."""
        return bisect_right(self.starts, start)

    def over(self, start: int, end: int) -> range:
        """Which runs have characters of the passage."""
        first = max(0, self.before(start) - 1)
        while first < len(self.runs) and self.runs[first].old_end <= start:
            first += 1
        return range(first, self.before(end - 1))

    def shared(self, passage: _Passage, start: int, end: int) -> tuple[int, int]:
        """How many characters of a passage of the new book are of this one of the old, and how many of others."""
        at = max(0, bisect_right(self.covered, (start, start, 0)) - 1)
        count = own = 0
        while at < len(self.covered) and self.covered[at][0] < end:
            new, new_end, old = self.covered[at]
            first, last = max(start, new), min(end, new_end)
            count += max(0, last - first)
            own += max(0, min(last - new + old, passage.end) - max(first - new + old, passage.start))
            at += 1
        return own, count - own


class _Carrier:
    def __init__(self, before: _Book, after: _Book) -> None:
        self.before, self.after = before, after
        self.budget = BUDGET
        shared = [key for key in before.keys if key in after.index]
        in_place: list[Run] = []
        self.set_aside: list[Run] = []
        for old, new in self._pairs(shared):
            here, there = before.text[slice(*old)], after.text[slice(*new)]
            if here == there:
                in_place += self._within_elements([Run(old[0], new[0], len(here))])
                continue
            moved = [Run(run.old + old[0], run.new + new[0], run.length) for run in moved_lines(here, there)]
            self.set_aside += moved
            in_place += self._compared(
                _outside(old, [(run.old, run.old_end) for run in moved]),
                _outside(new, [(run.new, run.new_end) for run in moved]),
            )
        self.in_place = _Runs(in_place)
        self.moved = _Runs([])
        self.set_aside = list(self._within_elements(self.set_aside))
        self._account(self.set_aside)
        self.novel: set[str] | None = None
        self.known: dict[Run, bool] = {run: run.length >= SHORT for run in self.set_aside}
        """Of runs that were moved, whether they are known by their text. Lines that were set aside are unique; a short
        one may have come anew, and is known as a whole at most."""

    def _account(self, moved: Iterable[Run]) -> None:
        """Note what is known to have its place; and the same without blanks at the edges, which any two words share."""
        self.accounted = _Runs([*self.in_place.runs, *moved])
        words = (_without_blanks(self.before.text, run) for run in self.accounted.runs)
        self.words = _Runs([run for run in words if run.length])

    def _pairs(self, shared: list[Hashable]) -> Iterator[tuple[Range, Range]]:
        """What is compared in its place: each element with itself.

        A new edition has keys of its own; then the order of the elements is all that is known of them.
        """
        for key in shared:
            yield self.before.bounds(self.before.index[key]), self.after.bounds(self.after.index[key])
        if not shared and self.before.keys and self.after.keys:
            yield (0, len(self.before.text)), (0, len(self.after.text))

    def _compared(self, old: list[Range], new: list[Range]) -> Iterator[Run]:
        """The difference of passages of the books; no run reaches from one element to the next."""
        runs = difference(self.before.joined(old), self.after.joined(new))
        return self._within_elements(_within_passages(runs, old, new))

    def _within_elements(self, runs: Iterable[Run]) -> Iterator[Run]:
        for run in runs:
            at, to = run.old, run.new
            while at < run.old_end:
                ends = self.before.end_of_element(at) - at, self.after.end_of_element(to) - to, run.old_end - at
                length = min(ends)
                if length > 0:
                    yield Run(at, to, length)
                at, to = at + length + 1, to + length + 1

    # In place

    def mapped(self, passage: _Passage) -> Carried:
        """Where the difference has the passage, if what is there is like it."""
        place = self._image(passage, self.in_place)
        if place:
            place = self._verbatim_beside(passage, place) or place
        if place is None or place.score < LIKE or not self._is_correction(passage, place):
            place = self._in_the_same_gap(passage)
        return self._carried(Method.MAPPED, passage, place) if place else ORPHAN

    def _is_correction(self, passage: _Passage, place: _Place) -> bool:
        """Is what isn't word for word what it was at least beside words that stayed, unless it is long?

        Of a text that was written anew the difference keeps what two texts have in common anyway: "the mill" is no
        correction of "the village".
        """
        if place.score == 1 or len(passage.exact) >= LEAST_ALONE:
            return True
        before, after = self.before.around(passage.start, passage.end)
        there = self.after.around(place.start, place.end)
        return max(fit((before, None), there) or 0, fit((None, after), there) or 0) >= ENOUGH

    def _in_the_same_gap(self, passage: _Passage) -> _Place | None:
        """The quote as it stands within a change, whose old and new text each have it once.

        The difference takes short runs within changes for chance; a word that stands there whole need not be.
        """
        runs = self.in_place.runs
        index = self.in_place.before(passage.start)
        (low, high), length = self.before.bounds(self.before.element_at(passage.start)), len(passage.exact)
        last = runs[index - 1] if index and runs[index - 1].old >= low else None
        following = runs[index] if index < len(runs) and runs[index].old < high else None
        neighbour = last or following
        if neighbour is None:
            return None
        new_low, new_high = self.after.bounds(self.after.element_at(neighbour.new))
        old_gap = (last.old_end, following.old if following else high) if last else (low, neighbour.old)
        new_gap = (last.new_end, following.new if following else new_high) if last else (new_low, neighbour.new)
        if max(old_gap[1] - old_gap[0], new_gap[1] - new_gap[0]) > WIDEST_CHANGE:
            return None
        if not old_gap[0] <= passage.start < passage.end <= old_gap[1]:
            return None
        new_text = self.after.text[slice(*new_gap)]
        old_text = self.before.text[slice(*old_gap)]
        if not (stands_once(passage.exact, old_text) and stands_once(passage.exact, new_text)):
            return None
        place = self._place(passage, new_gap[0] + new_text.find(passage.exact))
        if length < LEAST_WORD and not self._is_word_between(passage, place, old_gap, new_gap):
            return None
        return place if self._is_free(passage, place.start, place.end) else None

    def _is_word_between(self, passage: _Passage, place: _Place, old_gap: Range, new_gap: Range) -> bool:
        """Is it a word of its own, beside which words were inserted or deleted, but none replaced by others?

        What is beyond a line break that both texts have isn't beside it.
        """
        old, new = self.before.text, self.after.text
        before = old[old_gap[0] : passage.start], new[new_gap[0] : place.start]
        if all("\n" in side for side in before):
            before = before[0].rpartition("\n")[2], before[1].rpartition("\n")[2]
        after = old[passage.end : old_gap[1]], new[place.end : new_gap[1]]
        if all("\n" in side for side in after):
            after = after[0].partition("\n")[0], after[1].partition("\n")[0]
        words = is_word(old, passage.start, passage.end) and is_word(new, place.start, place.end)
        return words and all(_only_more(*sorted(side, key=len)) for side in (before, after))

    def _image(self, passage: _Passage, within: _Runs) -> _Place | None:
        """From the first to the last character of the passage that is still there, in one element and in order.

        What was inserted beside them isn't part of it; but a first or last word that was corrected, by one that isn't
        longer, is.
        """
        touched = within.over(passage.start, passage.end)
        if not touched or not self._paid(len(touched) * _STEPS_A_RUN):
            return None
        runs = within.runs
        middle = max(touched, key=lambda index: _shared(runs[index], passage))
        element = self.after.element_at(runs[middle].new)
        first = last = middle
        while first > touched.start and self._follow(runs[first - 1], runs[first], element):
            first -= 1
        while last < touched.stop - 1 and self._follow(runs[last], runs[last + 1], element):
            last += 1
        # A blank that stayed is no edge: what was inserted behind it would be taken for the passage's own.
        while first < middle and self._is_blank(runs[first], passage):
            first += 1
        while last > middle and self._is_blank(runs[last], passage):
            last -= 1
        start = runs[first].new + max(0, passage.start - runs[first].old)
        end = runs[last].new_end - max(0, runs[last].old_end - passage.end)
        start, end = self._with_corrections(passage, within, (first, last), (start, end))
        start, end = self._without_blanks(passage, start, end)
        if start >= end:
            return None
        kept = sum(_kept(runs[index], passage, start, end) for index in range(first, last + 1))
        return _Place(start, end, 2 * kept / (passage.end - passage.start + end - start))

    def _is_blank(self, run: Run, passage: _Passage) -> bool:
        return self.before.text[max(run.old, passage.start) : min(run.old_end, passage.end)].isspace()

    def _follow(self, one: Run, other: Run, element: int) -> bool:
        low, high = self.after.bounds(element)
        return low <= one.new and one.new_end <= other.new and other.new_end <= high

    def _with_corrections(
        self, passage: _Passage, within: _Runs, touched: tuple[int, int], found: tuple[int, int]
    ) -> tuple[int, int]:
        """With the characters that stand for the passage's first or last ones, where just those were replaced."""
        runs, (first, last), (start, end) = within.runs, touched, found
        low, high = self.before.bounds(self.before.element_at(passage.start))
        new_low, new_high = self.after.bounds(self.after.element_at(start))
        lost = runs[first].old - passage.start
        previous = runs[first - 1] if first and runs[first - 1].old >= low else Run(low, new_low, 0)
        if lost > 0 and previous.old_end == passage.start and 0 < start - previous.new_end <= lost:
            start = self._with_correction(passage, max(previous.new_end, new_low), start, start)
        lost = passage.end - runs[last].old_end
        following = (
            runs[last + 1] if last + 1 < len(runs) and runs[last + 1].old_end <= high else Run(high, new_high, 0)
        )
        if lost > 0 and following.old == passage.end and 0 < following.new - end <= lost:
            end = self._with_correction(passage, end, min(following.new, new_high), end)
        return start, end

    def _with_correction(self, passage: _Passage, start: int, end: int, edge: int) -> int:
        """The other edge of what stands there, unless that corrects nothing: a line of its own, or what was moved."""
        row = self.after.text[start:end]
        line = row.strip()
        first = start + row.find(line)
        if not line or self.after.is_line(first, first + len(line)) or self._was_moved_to(first, line, passage):
            return edge
        return start if edge == end else end

    def _was_moved_to(self, at: int, words: str, passage: _Passage) -> bool:
        """Did the element have just these words elsewhere, and has it now just here?"""
        low, high = self.before.bounds(self.before.element_at(passage.start))
        new_low, new_high = self.after.bounds(self.after.element_at(at))
        if not self._paid(high - low + new_high - new_low):
            return True
        old, new = self.before.text[low:high], self.after.text[new_low:new_high]
        within = words in passage.exact
        return not within and stands_once(words, old) and stands_once(words, new)

    def _without_blanks(self, passage: _Passage, start: int, end: int) -> Range:
        """Without the blanks at an edge where the quote has none, as many as there are around a word."""
        text = self.after.text
        if not passage.exact[0].isspace():
            start += len(text[start : min(start + REACH, end)]) - len(text[start : min(start + REACH, end)].lstrip())
        if not passage.exact[-1].isspace():
            end -= len(text[max(end - REACH, start) : end]) - len(text[max(end - REACH, start) : end].rstrip())
        return start, end

    def _verbatim_beside(self, passage: _Passage, place: _Place) -> _Place | None:
        """The quote itself, where the difference took its characters one from here and one from there."""
        length = len(passage.exact)
        if place.score == 1 or not self._paid(3 * length + place.end - place.start):
            return None
        low, high = self.after.bounds(self.after.element_at(place.start))
        low, high = max(low, place.start - length), min(high, place.end + length)
        at = self.after.text.find(passage.exact, low, high)
        if at < 0 or self.after.text.find(passage.exact, at + 1, high) >= 0:
            return None
        common = min(at + length, place.end) - max(at, place.start)
        beside = 2 * common >= length and self._is_free(passage, at, at + length)
        return _Place(at, at + length, 1.0) if beside else None

    # Elsewhere

    def compare_the_rest(self) -> None:
        """Compare what no difference accounts for, until a round finds nothing."""
        found = [*self.set_aside]
        for _ in range(ROUNDS):
            old = self.before.passages((run.old, run.old_end) for run in [*self.in_place.runs, *found])
            new = self.after.passages((run.new, run.new_end) for run in self.accounted.runs)
            runs = [run for run in self._compared(old, new) if run.length >= LEAST_MOVED]
            if not runs:
                break
            found += runs
            self._account(found)
        self.moved = _Runs(found)
        self.novel = self._novel_rows()

    def sought(self, passage: _Passage) -> Carried:
        """Where the passage is now that it isn't in its place."""
        place = self._moved_along(passage) or self._by_quote(passage) or self._moved_and_edited(passage)
        return self._carried(Method.FOUND, passage, place) if place else ORPHAN

    def _moved_along(self, passage: _Passage) -> _Place | None:
        """The passage within a longer one that was moved as it is, and that each book has once."""
        touched = self.moved.over(passage.start, passage.end)
        run = self.moved.runs[touched.start] if touched else None
        if run is None or _shared(run, passage) < passage.end - passage.start:
            return None
        if run not in self.known:
            self.known[run] = self._is_unique(run)
        if not self.known[run]:
            return None
        start = run.new + passage.start - run.old
        return self._place(passage, start)

    def _is_unique(self, run: Run) -> bool:
        """Does each book have it once; and not by chance, as "Beta plays" and "Delta plays" have "ta plays"?"""
        first, last = run.old, run.old_end
        if not self.before.is_line(first, last):
            if run.length < LEAST_ALONE:
                return False
            first, last = first + LEAST_MOVED // 2, last - LEAST_MOVED // 2
        return self._stands_once(self.before.text[first:last])

    def _moved_and_edited(self, passage: _Passage) -> _Place | None:
        """Where most of a long passage is that was moved and edited at once; a shorter one may be of a like line."""
        place = self._image(passage, self.moved)
        if place is None or place.score < LIKE_WHEN_MOVED or len(passage.exact) < LEAST_ALONE:
            return None
        fits = self._fit(passage, place.start, place.end)
        return place if fits >= ENOUGH else None

    def _by_quote(self, passage: _Passage) -> _Place | None:
        """Where the quote stands, if that is one place, or if what stood around it decides."""
        exact = passage.exact
        if not self._may_be_new(exact) or not self._paid(len(self.after.text) + len(self.before.text)):
            return None
        there = [at for at in places(self.after.text, exact) if self._in_one_element(at, at + len(exact))]
        if not there:
            return None
        here = places(self.before.text, exact)
        if len(there) == len(here) == 1:
            return self._the_only(passage, there[0])
        at = self._by_surroundings(passage)
        if at is None and len(here) <= MOST_PLACES and len(there) <= MOST_PLACES:
            at = self._by_likeness(passage, here, there)
        return self._place(passage, at) if at is not None and self._is_free(passage, at, at + len(exact)) else None

    def _the_only(self, passage: _Passage, at: int) -> _Place | None:
        """The one place of a quote that stood in one. A short word may have come anew: then more must speak for it."""
        end = at + len(passage.exact)
        if not self._is_free(passage, at, end):
            return None
        alone = self.before.is_line(passage.start, passage.end) and self.after.is_line(at, end)
        known = alone or len(passage.exact) >= SHORT or self._fits_alone(passage, at)
        return self._place(passage, at) if known else None

    def _by_surroundings(self, passage: _Passage) -> int | None:
        """Where the quote stands with what stood before or after it, word for word, if each book has that once."""
        prefix, suffix = self.before.around(passage.start, passage.end)
        for before, after in ((prefix, suffix), (prefix, ""), ("", suffix)):
            whole = f"{before}{passage.exact}{after}"
            first, last = passage.start - len(before), passage.end + len(after)
            if len(whole) < LEAST_ALONE and not self.before.is_line(first, last):
                continue
            if len(whole) >= len(passage.exact) + LEAST_MOVED and self._stands_once(whole):
                at = self.after.text.find(whole) + len(before)
                return at if self._is_same_line(passage, at) else None
        return None

    def _is_same_line(self, passage: _Passage, at: int) -> bool:
        """Is on each side a little of what was there? The rest of a line that looks alike, with another name in it, has
        no more to say of a quote than the quote itself.
        """
        if len(passage.exact) >= LEAST_ALONE:
            return True
        prefix, suffix = self.before.around(passage.start, passage.end)
        before, after = self.after.around(at, at + len(passage.exact))
        sides = (prefix[-SHORT:], before[-SHORT:]), (suffix[:SHORT], after[:SHORT])
        return all(likeness(known, found) >= ENOUGH for known, found in sides)

    def _by_likeness(self, passage: _Passage, here: list[int], there: list[int]) -> int | None:
        """The place whose surroundings fit decidedly better than others', and fit no other old place as well."""
        length = len(passage.exact)
        if not self._paid((len(here) + len(there)) * _STEPS_A_COMPARISON):
            return None
        best = decided([self._fit(passage, at, at + length) for at in there], FITTING)
        if best is None or (length < LEAST_ALONE and not self._fits_alone(passage, there[best])):
            return None
        at = there[best]
        twins = [self._fit(_Passage(twin, twin + length, passage.exact), at, at + length) for twin in here]
        owner = decided(twins)
        return at if owner is not None and here[owner] == passage.start else None

    def _stands_once(self, text: str) -> bool:
        if not self._paid(len(self.before.text) + len(self.after.text)):
            return False
        return all(stands_once(text, book.text) for book in (self.before, self.after))

    def _fit(self, passage: _Passage, start: int, end: int) -> float:
        return fit(self.before.around(passage.start, passage.end), self.after.around(start, end)) or 0.0

    def _fits_alone(self, passage: _Passage, at: int) -> bool:
        """Does what stands on each side of a short quote fit? On one of them even a line that looks alike does."""
        before, after = self.before.around(passage.start, passage.end)
        there = self.after.around(at, at + len(passage.exact))
        return all((fit(side, there) or 0) >= FITTING_ALONE for side in ((before, None), (None, after)))

    def _place(self, passage: _Passage, at: int) -> _Place:
        end = at + len(passage.exact)
        return _Place(at, end, (1 + self._fit(passage, at, end)) / 2)

    def _in_one_element(self, start: int, end: int) -> bool:
        return end <= self.after.bounds(self.after.element_at(start))[1]

    def _is_free(self, passage: _Passage, start: int, end: int) -> bool:
        """Can this be what the passage became, after what is known of its characters and of those that are there?

        What had another place in the old book, blanks apart, is a neighbour that looks alike; so is what has few of the
        passage's characters, where most of them are in another place.
        """
        own, _ = self.accounted.shared(passage, start, end)
        _, foreign = self.words.shared(passage, start, end)
        touched = self.accounted.over(passage.start, passage.end)
        if not self._paid(len(touched) * _STEPS_A_RUN + (end - start) * _STEPS_A_RUN // LEAST_MOVED):
            return False
        elsewhere = sum(_shared(self.accounted.runs[index], passage) for index in touched) - own
        return FOREIGN * foreign <= end - start and 2 * elsewhere <= end - start

    def _novel_rows(self) -> set[str] | None:
        """The rows of SHORT characters of the new book that a difference didn't account for whole.

        A quote that has none of them needn't be looked for. None where the table would be too large.
        """
        length = SHORT - 1
        rows: set[str] = set()
        gaps = self.after.gaps((run.new, run.new_end) for run in self.in_place.runs)
        if sum(end - start + 2 * length for start, end in gaps) > MOST_SEEDED:
            return None
        for start, end in gaps:
            for at in range(max(0, start - length), min(end, len(self.after.text) - length)):
                rows.add(self.after.text[at : at + SHORT])
        return rows

    def _may_be_new(self, exact: str) -> bool:
        if self.novel is None or not SHORT <= len(exact) <= 100 * SHORT:
            return True
        return any(exact[at : at + SHORT] in self.novel for at in range(len(exact) - SHORT + 1))

    def _paid(self, steps: int) -> bool:
        """Take the steps from the budget; False where there isn't enough left."""
        if steps > self.budget:
            return False
        self.budget -= steps
        return True

    def _carried(self, method: Method, passage: _Passage, place: _Place) -> Carried:
        key, anchor = self.after.anchor(place.start, place.end)
        if method is Method.MAPPED and anchor.exact == passage.exact:
            same_place = self.before.offset(passage.start) == anchor.start
            if same_place and self.before.key_at(passage.start) == key:
                method = Method.UNCHANGED
        return Carried(method, round(place.score, 3), key, anchor)


def _without_blanks(text: str, run: Run) -> Run:
    row = text[run.old : run.old_end]
    words = row.strip()
    by = row.find(words)
    return Run(run.old + by, run.new + by, len(words))


def _shared(run: Run, passage: _Passage) -> int:
    return min(run.old_end, passage.end) - max(run.old, passage.start)


def _only_more(fewer: str, more: str) -> bool:
    """Has the one text all words of the other, in their order?"""
    words = iter(more.split())
    return all(word in words for word in fewer.split())


def _kept(run: Run, passage: _Passage, start: int, end: int) -> int:
    """How many characters of the passage the run has between two places of the new book."""
    first, last = max(run.old, passage.start), min(run.old_end, passage.end)
    by = run.new - run.old
    return max(0, min(last + by, end) - max(first + by, start))


def _within_passages(runs: Iterable[Run], old: list[Range], new: list[Range]) -> Iterator[Run]:
    """Runs of two texts that were joined from passages of the books, as runs of the books, none across two passages."""
    old_starts, new_starts = _starts(old), _starts(new)
    for run in runs:
        at, to = run.old, run.new
        while at < run.old_end:
            here, there = bisect_right(old_starts, at) - 1, bisect_right(new_starts, to) - 1
            first, last = old[here][0] + at - old_starts[here], old[here][1]
            new_first, new_last = new[there][0] + to - new_starts[there], new[there][1]
            length = min(last - first, new_last - new_first, run.old_end - at)
            if length:
                yield Run(first, new_first, length)
            at, to = at + length + 1, to + length + 1


def _outside(whole: Range, covered: list[Range]) -> list[Range]:
    """The passages of the whole between those that are covered."""
    edges = [whole[0], *(edge for passage in sorted(covered) for edge in passage), whole[1]]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]


def _starts(passages: list[Range]) -> list[int]:
    """Where each begins when they are joined by line breaks."""
    return list(accumulate((end - start + 1 for start, end in passages), initial=0))[:-1]

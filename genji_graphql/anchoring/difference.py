"""Which characters of a text are still there in its next revision, and where.

The difference is a row of runs: passages that both texts have, in the same order in both. It is sought coarsely first
and finely last, each step within what the one before left open:

1. what the beginnings and the ends have in common, but for the last of it;
2. lines, sentences, then rows of 32, 12 and 6 characters, that stand once in each of the two texts: of those the
   heaviest row that is in order in both. What is unique isn't mistaken for a neighbour that looks alike. After the rows
   of a length come those that stand once in what lies open: elsewhere there may be others;
3. the longest common subsequence of characters, where the two rests are short enough for it.

Then short runs among long changes go, which are chance (any two sentences share an `e`), and changes that could as well
stand a little earlier or later go to where a person would have made them: whole lines, sentences, words.

All steps but the third are linear in the lengths (times the logarithm, for what is put in order); the third is bounded.
Two texts without anything unique in common, such as one letter over and over, end as one large change.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from rapidfuzz.distance import Indel


class Run(NamedTuple):
    """The same characters, from `old` in the one text and from `new` in the other."""

    old: int
    new: int
    length: int

    @property
    def old_end(self) -> int:
        return self.old + self.length

    @property
    def new_end(self) -> int:
        return self.new + self.length


class Gap(NamedTuple):
    """What lies open still: a passage of each text."""

    old: int
    old_end: int
    new: int
    new_end: int

    @property
    def pairs(self) -> int:
        return (self.old_end - self.old) * (self.new_end - self.new)


MOST_PAIRS = 16_000_000
"""The largest gap to be compared character by character, as the product of its lengths: 4,000 by 4,000.

The comparison takes a bit for each pair, so 2 MB, and a few milliseconds. Gaps don't overlap, so that a text of
250,000 characters has no more than some sixty of that size.
"""
FEW_PAIRS = 400
"""A gap so small, such as two words, is compared character by character once lines and sentences have been sought."""
MOST_SEEDED = 1_000_000
"""In a larger gap, in characters, only lines are sought: a table of all rows of characters would fill the memory."""
LOOSE_END = 64
"""So much of what two texts have in common at an end is left open until what is unique has been sought."""
CHANCE = 8
"""A run shorter than this between two changes that are as long is chance."""
FARTHEST_SLIDE = 200
"""How far a change is moved to a better place."""
_MOST_SLIDING = 1_000_000
"""How many steps all changes of a text are moved at most. Only a text made for it has so many."""

_LINES, _SENTENCES = 0, 1
_LEVELS = [
    (_LINES, False),
    (_SENTENCES, False),
    *((length, is_of_all) for length in (32, 12, 6) for is_of_all in (True, False)),
]
"""How long the rows are that are sought, and whether they must stand once in each text or in what is open of each."""

_MOST_LOOKED = 50_000_000
"""How many characters are looked through to tell whether short runs are unique."""

_SENTENCE_ENDS = "。．.!?！？」』”…‥"
_WHOLE = {
    _LINES: re.compile(r"[^\n]+"),
    _SENTENCES: re.compile(rf"[^\n{_SENTENCE_ENDS}]+[{_SENTENCE_ENDS}]*[^\S\n]*"),
}


def difference(old: str, new: str) -> list[Run]:
    """The runs in their order; they never overlap in either text."""
    runs: list[Run] = []
    everything = Gap(0, len(old), 0, len(new))
    unique: dict[int, list[Run]] = {}
    waiting = [(everything, 0)]
    while waiting:
        whole, level = waiting.pop()
        small = level > _SENTENCES and whole.pairs <= FEW_PAIRS
        gap = _without_common_ends(old, new, whole, runs, 0 if small or level == len(_LEVELS) else LOOSE_END)
        if not gap.pairs:
            continue
        if small or level == len(_LEVELS):
            if gap.pairs <= MOST_PAIRS:
                runs += _by_character(old, new, gap)
            continue
        length, is_of_all = _LEVELS[level]
        if is_of_all and level not in unique:
            unique[level] = _unique(old, new, everything, length)
        found = _within(unique[level], gap, length) if is_of_all else _unique(old, new, gap, length)
        chain = _heaviest_chain(found)
        if length not in _WHOLE:
            chain = [_without_ends(run) for run in chain]
        runs += chain
        waiting += [(between, level + 1) for between in _between(gap, chain)]
    runs = _joined(sorted(runs))
    return _joined(_slid(old, new, _joined(_without_chance(old, new, runs))))


def moved_lines(old: str, new: str) -> list[Run]:
    """Lines that stand once in each text, but in another order than most.

    To be set aside before the texts are compared, so that what they were isn't taken for a correction of what stands
    in their place now.
    """
    lines = _unique(old, new, Gap(0, len(old), 0, len(new)), _LINES)
    in_order = {run.old for run in _heaviest_chain(lines)}
    return _with_breaks(old, new, [run for run in lines if run.old not in in_order])


def _with_breaks(old: str, new: str, lines: list[Run]) -> list[Run]:
    """Those that follow each other in both texts as one, the line break between them with them."""
    joined: list[Run] = []
    for run in lines:
        last = joined[-1] if joined else None
        between = old[last.old_end : run.old] if last else ""
        if last and not between.strip("\n") and between == new[last.new_end : run.new]:
            joined[-1] = Run(last.old, last.new, run.old_end - last.old)
        else:
            joined.append(run)
    return joined


def _without_common_ends(old: str, new: str, gap: Gap, runs: list[Run], loose: int) -> Gap:
    """What is left of the gap; what its ends have in common is added to the runs, but for its last `loose` characters.

    Any two sentences may begin with the same word. Those are left open until what is unique has been sought.
    """
    shorter = min(gap.old_end - gap.old, gap.new_end - gap.new)
    first = _longest(shorter, lambda n: old.startswith(new[gap.new : gap.new + n], gap.old))
    if not first == gap.old_end - gap.old == gap.new_end - gap.new:
        first = max(0, first - loose)
    if first:
        runs.append(Run(gap.old, gap.new, first))
    shorter -= first
    last = _longest(shorter, lambda n: old.endswith(new[gap.new_end - n : gap.new_end], 0, gap.old_end))
    last = max(0, last - loose)
    if last:
        runs.append(Run(gap.old_end - last, gap.new_end - last, last))
    return Gap(gap.old + first, gap.old_end - last, gap.new + first, gap.new_end - last)


def _without_ends(run: Run) -> Run:
    """A row that is unique goes on into what isn't, such as the first word of the next sentence; that is left open."""
    loose = min(LOOSE_END, run.length // 4)
    return Run(run.old + loose, run.new + loose, run.length - 2 * loose)


def _longest(most: int, holds: Callable[[int], bool]) -> int:
    """The largest number up to `most` for which it holds, given that it holds for all smaller ones."""
    step = 1
    while step < most and holds(step):
        step *= 2
    low, high = step // 2, min(step, most)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _between(gap: Gap, chain: list[Run]) -> Iterator[Gap]:
    old, new = gap.old, gap.new
    for run in chain:
        yield Gap(old, run.old, new, run.new)
        old, new = run.old_end, run.new_end
    yield Gap(old, gap.old_end, new, gap.new_end)


# What stands once in each text


def _pieces(text: str, start: int, end: int, length: int) -> Iterator[tuple[int, str]]:
    """The lines, the sentences, or the rows of so many characters, and where they begin."""
    if length in _WHOLE:
        yield from ((found.start(), found[0]) for found in _WHOLE[length].finditer(text, start, end))
    else:
        yield from ((at, text[at : at + length]) for at in range(start, end - length + 1))


def _unique(old: str, new: str, gap: Gap, length: int) -> list[Run]:
    """The pieces that stand once in each side of the gap; those that follow each other in both are one run."""
    if length not in _WHOLE and gap.old_end - gap.old + gap.new_end - gap.new > MOST_SEEDED:
        return []
    there = _once(_pieces(new, gap.new, gap.new_end, length))
    here = _once(_pieces(old, gap.old, gap.old_end, length))
    return _joined(sorted(Run(at, there[piece], len(piece)) for piece, at in here.items() if piece in there))


def _within(runs: list[Run], gap: Gap, least: int) -> list[Run]:
    """What of them is in the gap, if it is as long as a row: one of which the gap has a part may have twins there."""
    inside: list[Run] = []
    for run in islice(runs, bisect_right(runs, gap.old, key=lambda run: run.old_end), None):
        if run.old >= gap.old_end:
            break
        before = max(gap.old - run.old, gap.new - run.new, 0)
        length = run.length - before - max(run.old_end - gap.old_end, run.new_end - gap.new_end, 0)
        if length >= least:
            inside.append(Run(run.old + before, run.new + before, length))
    return inside


def _once(pieces: Iterator[tuple[int, str]]) -> dict[str, int]:
    places: dict[str, int] = {}
    again: set[str] = set()
    for at, piece in pieces:
        if piece in places:
            again.add(piece)
        else:
            places[piece] = at
    for piece in again:
        del places[piece]
    return places


def _joined(runs: list[Run]) -> list[Run]:
    """In order of the old text, those that touch or overlap on the same diagonal as one."""
    joined: list[Run] = []
    for run in runs:
        last = joined[-1] if joined else None
        if last and run.old <= last.old_end and run.new - run.old == last.new - last.old:
            joined[-1] = Run(last.old, last.new, max(last.old_end, run.old_end) - last.old)
        else:
            joined.append(run)
    return joined


def _heaviest_chain(runs: list[Run]) -> list[Run]:
    """Of runs in order of the old text, those in order in both that have the most characters together.

    Two that overlap a little, as rows of characters do, may follow each other: the later loses what both have. As no
    row begins twice, whatever begins later ends later, in either text; and few overlap at any place.
    """
    by_new = sorted(range(len(runs)), key=lambda index: runs[index].new)
    rank = {index: place for place, index in enumerate(by_new)}
    ends = [runs[index].new_end for index in by_new]
    weights: list[int] = []
    before: list[int] = []
    clear = _Heaviest(len(runs))
    waiting = 0
    for index, run in enumerate(runs):
        while runs[waiting].old_end <= run.old:
            clear.add(rank[waiting], weights[waiting], waiting)
            waiting += 1
        behind = min(bisect_right(ends, run.new), rank[index])
        weight, previous = clear.among(behind)
        weight += run.length
        for other in (*range(waiting, index), *by_new[behind : rank[index]]):
            if other < index and runs[other].new < run.new:
                new = run.length - _overlap(runs[other], run)
                if new > 0 and weights[other] + new > weight:
                    weight, previous = weights[other] + new, other
        weights.append(weight)
        before.append(previous)
    index = max(range(len(runs)), key=weights.__getitem__, default=-1)
    chain: list[Run] = []
    while index >= 0:
        chain.append(runs[index])
        index = before[index]
    return _without_overlaps(chain[::-1])


class _Heaviest:
    """The largest weight among the first so many places, and whose it is. A Fenwick tree."""

    def __init__(self, size: int) -> None:
        self._best: list[tuple[int, int]] = [(0, -1)] * (size + 1)

    def add(self, place: int, weight: int, index: int) -> None:
        place += 1
        while place < len(self._best):
            self._best[place] = max(self._best[place], (weight, index))
            place += place & -place

    def among(self, first: int) -> tuple[int, int]:
        best = self._best[0]
        while first:
            best = max(best, self._best[first])
            first -= first & -first
        return best


def _overlap(one: Run, other: Run) -> int:
    return max(one.old_end - other.old, one.new_end - other.new, 0)


def _without_overlaps(chain: list[Run]) -> list[Run]:
    kept: list[Run] = []
    for run in chain:
        over = _overlap(kept[-1], run) if kept else 0
        if over < run.length:
            kept.append(Run(run.old + over, run.new + over, run.length - over))
    return kept


# Character by character


def _by_character(old: str, new: str, gap: Gap) -> list[Run]:
    steps = Indel.opcodes(old[gap.old : gap.old_end], new[gap.new : gap.new_end])
    return [
        Run(gap.old + step.src_start, gap.new + step.dest_start, step.src_end - step.src_start)
        for step in steps
        if step.tag == "equal"
    ]


def _without_chance(old: str, new: str, runs: list[Run]) -> list[Run]:
    """Without the short runs that stand between changes as long as they are, unless they are whole lines or sentences.

    Of changes twice as long, if each text has the run once. Where one goes the changes beside it become one, so that
    the run before it is looked at again.
    """
    kept = [Run(0, 0, 0)]
    looking = _MOST_LOOKED
    for run in [*runs, Run(len(old), len(new), 0)]:
        while len(kept) > 1:
            last = kept[-1]
            change = min(_changed(kept[-2], last), _changed(last, run))
            if last.length >= CHANCE or last.length > change or _is_whole(old, new, last):
                break
            if 2 * last.length > change and looking > 0:
                looking -= len(old) + len(new)
                row = old[last.old : last.old_end]
                if not row.isspace() and stands_once(row, old) and stands_once(row, new):
                    break
            kept.pop()
        kept.append(run)
    return kept[1:-1]


def stands_once(row: str, text: str) -> bool:
    at = text.find(row)
    return at >= 0 and text.find(row, at + 1) < 0


def _is_whole(old: str, new: str, run: Run) -> bool:
    """Does it begin and end as lines and sentences do?"""
    row = old[run.old : run.old_end]
    begins = row.startswith("\n") or (_begins(old, run.old) and _begins(new, run.new))
    ends = row.rstrip()[-1:] in _SENTENCE_ENDS or row.endswith("\n")
    ends = ends or {old[run.old_end : run.old_end + 1], new[run.new_end : run.new_end + 1]} <= {"", "\n"}
    return begins and ends and not row.isspace()


def _begins(text: str, at: int) -> bool:
    before = text[max(0, at - 2) : at]
    return before[-1:] in {"", "\n"} or before.rstrip()[-1:] in set(_SENTENCE_ENDS)


def _changed(one: Run, other: Run) -> int:
    return max(other.old - one.old_end, other.new - one.new_end)


# Changes to where a person would have made them


def _slid(old: str, new: str, runs: list[Run]) -> list[Run]:
    """Of the line "Team Alpha" before "Team Beta", "Team Alpha" was deleted and not "Alpha, Team", to the same effect.

    So that a note on the first "Team" doesn't go to the second. Where text was deleted and other inserted in one place
    either may go farther, the run that it passes then standing between them.
    """
    slid = [Run(0, 0, 0)]
    steps = 0
    for run in [*runs, Run(len(old), len(new), 0)]:
        left, right = slid.pop(), run
        if steps <= _MOST_SLIDING:
            left, between, right, taken = _best_place(old, new, left, right)
            steps += taken
        else:
            between = []
        slid += [left, *between, right]
    return [run for run in slid if run.length]


def _best_place(old: str, new: str, left: Run, right: Run) -> tuple[Run, list[Run], Run, int]:
    """The runs around a change, and what stands between them, after it has gone to its best place; and the steps."""
    steps = 0
    both = left.old_end < right.old and left.new_end < right.new
    # Where a word was replaced, the blank after it may be that after another word.
    blank = int(both and right.length > 1 and old[right.old].isspace())
    for text, start, end, is_old in ((old, left.old_end, right.old, True), (new, left.new_end, right.new, False)):
        if start == end:
            continue
        better = _place_of_change(text, start, end, 0)
        found: tuple[int, int] | None = None
        for given_up in range(blank + 1):
            back = _common(text, start - 1, end + given_up - 1, -1, min(left.length, FARTHEST_SLIDE))
            forth = 0 if given_up else _common(text, start, end, 1, min(right.length, FARTHEST_SLIDE))
            steps += back + forth + 1
            for by in range(-back, forth + 1):
                place = _place_of_change(text, start, end + given_up, by)
                if by and place > better:
                    better, found = place, (by, given_up)
        if found is None:
            continue
        by, given_up = found
        right = Run(right.old + given_up, right.new + given_up, right.length - given_up)
        end += given_up
        if by < 0:
            passed = Run(end + by, left.new_end + by, -by) if is_old else Run(left.old_end + by, end + by, -by)
            return Run(left.old, left.new, left.length + by), [passed], right, steps
        passed = Run(start, right.new, by) if is_old else Run(right.old, start, by)
        return left, [passed], Run(right.old + by, right.new + by, right.length - by), steps
    return left, [], right, steps


def _common(text: str, one: int, other: int, step: int, most: int) -> int:
    """How many characters are the same, from two places on in the direction of the step."""
    count = 0
    while count < most and text[one + step * count] == text[other + step * count]:
        count += 1
    return count


def _place_of_change(text: str, start: int, end: int, by: int) -> tuple[int, int]:
    """How good a place it is, moved by so many characters; of two as good the nearer is better."""
    return _edge(text, start + by) + _edge(text, end + by), -abs(by)


def _edge(text: str, at: int) -> int:
    """How likely a change begins or ends here: at a line more than at a sentence, a word or a letter."""
    if at in {0, len(text)}:
        return 5
    before, after = text[at - 1], text[at]
    if unicodedata.combining(after) or after == "\u200d":
        return -5
    if before == "\n":
        return 5
    if after == "\n":
        return 4
    if before in _SENTENCE_ENDS or (before.isspace() and text[max(0, at - 2)] in _SENTENCE_ENDS):
        return 3
    if before.isspace() or after.isspace():
        return 2
    return int(before.isalnum() != after.isalnum())

"""Which characters of a text are still there in its next revision, and where.

The difference is a row of runs: passages that both texts have, in the same order in both. It is sought coarsely first
and finely last, each step within what the one before left open:

1. what the beginnings and the ends have in common, but for the last of it;
2. lines, then rows of 32, 12 and 6 characters, that stand once in each of the two texts: of those the heaviest row
   that is in order in both. What is unique isn't mistaken for a neighbour that looks alike;
3. the longest common subsequence of characters, where the two rests are short enough for it.

Then short runs among long changes go, which are chance (any two sentences share an `e`), and changes that could as well
stand a little earlier or later go to where a person would have made them: whole lines, sentences, words.

All steps but the third are linear in the lengths (times the logarithm, for what is put in order); the third is bounded.
Two texts without anything unique in common, such as one letter over and over, end as one large change.
"""

import unicodedata
from collections.abc import Callable, Iterator
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
"""A gap so small, such as two words, is compared character by character at once, once lines have been sought."""
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

_SENTENCE_ENDS = "。．.!?！？」』”…‥"


def difference(old: str, new: str) -> list[Run]:
    """The runs in their order; they never overlap in either text."""
    runs: list[Run] = []
    waiting = [(Gap(0, len(old), 0, len(new)), 0)]
    while waiting:
        whole, level = waiting.pop()
        small = level > 0 and whole.pairs <= FEW_PAIRS
        gap = _without_common_ends(old, new, whole, runs, 0 if small or level == len(_LEVELS) else LOOSE_END)
        if not gap.pairs:
            continue
        if small or level == len(_LEVELS):
            if gap.pairs <= MOST_PAIRS:
                runs += _by_character(old, new, gap)
            continue
        chain = _heaviest_chain(_unique(old, new, gap, _LEVELS[level]))
        if level:
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
    lines = _unique(old, new, Gap(0, len(old), 0, len(new)), _lines)
    in_order = {run.old for run in _heaviest_chain(lines)}
    return [run for run in lines if run.old not in in_order]


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


Pieces = Callable[[str, int, int], Iterator[tuple[int, str]]]


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    for line in text[start:end].split("\n"):
        if line:
            yield start, line
        start += len(line) + 1


def _rows(length: int) -> Pieces:
    def rows(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
        return ((at, text[at : at + length]) for at in range(start, end - length + 1))

    return rows


_LEVELS: list[Pieces] = [_lines, _rows(32), _rows(12), _rows(6)]


def _unique(old: str, new: str, gap: Gap, pieces: Pieces) -> list[Run]:
    """The pieces that stand once in each side of the gap; those that follow each other in both are one run."""
    if pieces is not _lines and gap.old_end - gap.old + gap.new_end - gap.new > MOST_SEEDED:
        return []
    there = _once(pieces(new, gap.new, gap.new_end))
    here = _once(pieces(old, gap.old, gap.old_end))
    return _joined(sorted(Run(at, there[piece], len(piece)) for piece, at in here.items() if piece in there))


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

    Two that overlap a little, as rows of characters do, may follow each other: the later loses what both have.
    """
    order = {at: rank for rank, at in enumerate(sorted({run.new for run in runs}), 1)}
    best: list[tuple[int, int]] = [(0, -1)] * (len(order) + 1)  # a Fenwick tree of the largest weight and whose it is
    before: list[int] = []
    for index, run in enumerate(runs):
        weight, previous = 0, -1
        rank = order[run.new] - 1
        while rank:
            if best[rank][0] > weight:
                weight, previous = best[rank]
            rank -= rank & -rank
        before.append(previous)
        rank = order[run.new]
        while rank < len(best):
            best[rank] = max(best[rank], (weight + run.length, index))
            rank += rank & -rank
    _, index = max(best)
    chain: list[Run] = []
    while index >= 0:
        chain.append(runs[index])
        index = before[index]
    return _without_overlaps(chain[::-1])


def _without_overlaps(chain: list[Run]) -> list[Run]:
    kept: list[Run] = []
    for run in chain:
        over = max(kept[-1].old_end - run.old, kept[-1].new_end - run.new, 0) if kept else 0
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
    """Without the short runs that stand between changes as long as they are, unless they are whole lines.

    Where one goes the changes beside it become one, so that the run before it is looked at again.
    """
    kept = [Run(0, 0, 0)]
    for run in [*runs, Run(len(old), len(new), 0)]:
        while len(kept) > 1 and _is_chance(kept[-2], kept[-1], run) and not _is_line(old, new, kept[-1]):
            kept.pop()
        kept.append(run)
    return kept[1:-1]


def _is_chance(before: Run, run: Run, after: Run) -> bool:
    return run.length < CHANCE and run.length <= min(_changed(before, run), _changed(run, after))


def _is_line(old: str, new: str, run: Run) -> bool:
    text = old[run.old : run.old_end]
    before = {old[max(0, run.old - 1) : run.old], new[max(0, run.new - 1) : run.new]}
    after = {old[run.old_end : run.old_end + 1], new[run.new_end : run.new_end + 1]}
    begins = text.startswith("\n") or before <= {"", "\n"}
    ends = text.endswith("\n") or after <= {"", "\n"}
    return begins and ends and not text.isspace()


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

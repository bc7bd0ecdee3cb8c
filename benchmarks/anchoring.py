"""Carrying notes from one edition to the next: how many go astray, by our rule and simpler ones, and how long it takes.

The text is the Tale of Genji in two editions, 115 of whose 25,065 lines were corrected. To make it harder, every tenth
line is deleted from the newer one. Notes are laid over every line. A chapter is one text.
"""

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import groupby
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from sqlalchemy.engine import URL

from benchmarks import editions
from benchmarks.naive_anchoring import NAIVE, Rule
from genji_graphql.anchoring.anchor import Anchor, anchor_at
from genji_graphql.anchoring.carrying import Carried, Method, carry

REVISIONS = Path(__file__).parents[2] / "shared" / "data" / "genji-revisions" / "pairs.jsonl.gz"
QUOTE = 12
NOTES = 10_000
LENGTH = 250_000
"""The longest text that an element may have, in characters."""

_ROW = "{:20}{:>8}{:>8}{:>11}{:>8}{:>7}{:>9}{:>9}{:>10}"


class Chapter(NamedTuple):
    old: str
    new: str
    origins: list[int | None]
    """For each character of the new text, where it stood in the old one; None for what is new."""
    lines: int


async def measure(server: URL) -> bool:
    """True where our rule puts no note silently in a wrong place."""
    wrong, stay = 0, True
    if REVISIONS.exists():
        chapters = list(_chapters())
        print(_ROW.format("", "lines", "quotes", "unchanged", "mapped", "found", "orphans", "wrong", "seconds"))
        wrong = _compared("ours", carry, chapters)
        for name, rule in NAIVE.items():
            _compared(name, rule, chapters)
        stay = await editions.measure(server, pairs(REVISIONS))
    else:
        print(f"anchoring: the editions are left out, as there is no {REVISIONS.name} beside the checkout")
    for name, (old, new) in _large():
        seconds = _seconds(old, new)
        print(f"anchoring: {NOTES:,} notes on {len(old):,} characters, {name}: {seconds:.2f} s")
    return wrong == 0 and stay


def pairs(path: Path) -> list[dict[str, Any]]:
    """The lines in both editions, in their order: `id`, `chapter`, `old` and `new`."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _chapters() -> Iterator[Chapter]:
    for _, of_one in groupby(pairs(REVISIONS), key=lambda pair: pair["chapter"]):
        yield _chapter([(pair["old"], pair["new"]) for pair in of_one])


def _chapter(lines: list[tuple[str, str]]) -> Chapter:
    old, new = "", ""
    came: list[int | None] = []
    for start in range(0, len(lines), 10):
        # The tenth is deleted. The others are one text, since an edition may break its lines elsewhere.
        kept, deleted = lines[start : start + 9], lines[start + 9 : start + 10]
        before, after = ("".join(f"{line}\n" for line in edition) for edition in zip(*kept, strict=True))
        came += origins(before, after, len(old))
        new += after
        old += before + "".join(f"{line}\n" for line, _ in deleted)
    return Chapter(old, new, came, len(lines))


def origins(before: str, after: str, offset: int) -> Iterator[int | None]:
    """Where each character of a text came from, counted from `offset`; None for what is new."""
    if before == after:
        yield from range(offset, offset + len(before))
        return
    for kind, first, last, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        yield from range(offset + first, offset + last) if kind == "equal" else [None] * (end - start)


def _compared(name: str, rule: Rule, chapters: list[Chapter]) -> int:
    """Print a row of the table; how many are wrong."""
    methods: Counter[Method] = Counter()
    quotes = wrong = 0
    seconds = 0.0
    for chapter in chapters:
        anchors = list(_anchors(chapter.old))
        began = perf_counter()
        carried = rule(chapter.old, chapter.new, anchors)
        seconds += perf_counter() - began
        quotes += len(anchors)
        methods.update(one.method for one in carried)
        wrong += sum(_is_wrong(chapter, anchor, one) for anchor, one in zip(anchors, carried, strict=True))
    counts = [methods[method] for method in (Method.UNCHANGED, Method.MAPPED, Method.FOUND, Method.ORPHAN)]
    print(_ROW.format(name, sum(chapter.lines for chapter in chapters), quotes, *counts, wrong, f"{seconds:.2f}"))
    return wrong


def _anchors(text: str) -> Iterator[Anchor]:
    """A quote over each third of a line, and one over the whole."""
    at = 0
    for line in text.splitlines():
        for start in range(0, len(line), QUOTE):
            yield anchor_at(text, at + start, at + min(start + QUOTE, len(line)))
        yield anchor_at(text, at, at + len(line))
        at += len(line) + 1


def _is_wrong(chapter: Chapter, anchor: Anchor, carried: Carried) -> bool:
    """Is the place of any character but the quote's own, or mostly new?"""
    if carried.anchor is None:
        return False
    came = chapter.origins[carried.anchor.start : carried.anchor.end]
    foreign = any(origin is not None and not anchor.start <= origin < anchor.end for origin in came)
    # Where all of the quote was corrected what is new stands for it; a line has no more than a few such places.
    new = sum(origin is None for origin in came)
    return foreign or (2 * new > len(came) and carried.score < 1 and len(came) > QUOTE)


def _large() -> Iterator[tuple[str, tuple[str, str]]]:
    chance = random.Random(54)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(3_000)]
    book = " ".join(chance.choices(words, k=LENGTH // 5))[:LENGTH]
    edited = list(book)
    for _ in range(LENGTH // 100):
        edited[chance.randrange(LENGTH)] = chance.choice(["", "x", "the "])
    yield "one in a hundred characters edited", (book, "".join(edited))
    yield "all written anew", (book, " ".join(chance.choices(words, k=LENGTH // 5))[:LENGTH])
    one = "a" * LENGTH
    yield "one letter", (one, f"b{one[: LENGTH // 2]}b{one[LENGTH // 2 :]}b")
    first, second = ("".join(chance.choices("ab", k=LENGTH)) for _ in range(2))
    yield "two letters at random", (first, second)
    yield "two letters in turn", ("ab" * (LENGTH // 2), "ba" * (LENGTH // 2 - 7) + "c" + "ab" * 9)
    yield "one line over and over", ("a line\n" * (LENGTH // 7), "b" + "a line\n" * (LENGTH // 8) + "c\n")


def _seconds(old: str, new: str) -> float:
    chance = random.Random(54)
    starts = [chance.randrange(len(old) - 60) for _ in range(NOTES)]
    anchors = [anchor_at(old, start, start + chance.randint(1, 60)) for start in starts]
    began = perf_counter()
    carry(old, new, anchors)
    return perf_counter() - began

"""Texts that were edited, where it is known of each character where it went; and what is right to say of a passage."""

import enum
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from genji_graphql.anchoring.anchor import Anchor, anchor_at
from genji_graphql.anchoring.carrying import LEAST_ALONE, SHORT, Carried, Method
from genji_graphql.anchoring.difference import CHANCE

Rule = Callable[[str, str, Iterable[Anchor]], list[Carried]]


class Verdict(enum.StrEnum):
    RIGHT = "right"
    WRONG = "wrong"
    MISSED = "missed"
    """An orphan whose text is still in its place, or stands in the new text once."""
    ORPHAN = "orphan"


class Edited:
    """Both texts, and for each character of the new one where in the old one it stood; None where it is new."""

    def __init__(self, old: str, new: str, origins: list[int | None], moved: Iterable[int] = ()) -> None:
        self.old, self.new, self.origins = old, new, origins
        self.moved = frozenset(moved)
        """The characters of the old text of which no text tells that they are in their place."""
        self.places = {origin: place for place, origin in enumerate(origins) if origin is not None}
        assert len(new) == len(origins)
        assert all(old[origin] == new[place] for origin, place in self.places.items())

    def __repr__(self) -> str:
        return f"{self.old!r} became {self.new!r}"

    def verdict(self, anchor: Anchor, carried: Carried) -> Verdict:
        """Right is a passage of which two thirds are the quote's own, that begins and ends with what is its own or new;
        or the quote as it was, of which half is its own. All else is wrong, but for a quote that each text has once and
        that is told to be found by its words: that it should be found is owed, and no text tells whether it was
        written anew in a line that looks alike as its own went.
        """
        own = range(anchor.start, anchor.end)
        if carried.method is Method.ORPHAN:
            return Verdict.MISSED if self.must_be_found(anchor) else Verdict.ORPHAN
        assert carried.anchor
        came = self.origins[carried.anchor.start : carried.anchor.end]
        kept = sum(origin in own for origin in came)
        if carried.anchor.exact == anchor.exact:
            told = carried.method is Method.FOUND and carried.score < 1 and self._is_unique(anchor)
            return Verdict.RIGHT if 2 * kept >= len(came) or told else Verdict.WRONG
        edges = all(origin is None or origin in own for origin in (came[0], came[-1]))
        return Verdict.RIGHT if edges and 3 * kept >= 2 * len(came) else Verdict.WRONG

    def must_be_found(self, anchor: Anchor) -> bool:
        went = [self.places.get(at) for at in range(anchor.start, anchor.end)]
        first = went[0]
        if first is None or went != list(range(first, first + len(went))):
            return False
        in_place = self.moved.isdisjoint(range(anchor.start, anchor.end))
        return in_place or self._is_unique(anchor)

    def _is_unique(self, anchor: Anchor) -> bool:
        """Does each text have it once? What is short may have come anew, unless more speaks for it."""
        return len(anchor.exact) >= SHORT and self.new.count(anchor.exact) == 1 == self.old.count(anchor.exact)


def verdicts(rule: Rule, edited: Edited, anchors: Sequence[Anchor]) -> dict[Verdict, list[tuple[Anchor, Carried]]]:
    found: dict[Verdict, list[tuple[Anchor, Carried]]] = {verdict: [] for verdict in Verdict}
    for anchor, carried in zip(anchors, rule(edited.old, edited.new, anchors), strict=True):
        found[edited.verdict(anchor, carried)].append((anchor, carried))
    return found


# Drawn edits


Line = list[str]
"""The words of a line."""

NAMES = [
    "Alpha",
    "Beta",
    "Gamma",
    "Delta",
    "Genji",
    "Murasaki",
    "源氏",
    "紫の上",
    "e\u0301toile",
    "𠮟る",
    "𠅘子院",
    "👩‍👩‍👧",
]
NEW_WORDS = st.text("ждзйщы𐌰𐌱\u0327", max_size=8).map("ы{}".format)
"""Of letters that no other word has: what one word has of another by chance, no text tells from what is left of it."""
LENGTH = 150
LOOKALIKES = ["Team {} plays at home", "Team {} plays away", "{} is not here today", "いつれの {} にか", "{}"]


@st.composite
def documents(draw: st.DrawFn) -> list[Line]:
    """Lines that look alike, of which each has a name of its own, or none and more words."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=3, unique=True))
    return [draw(st.sampled_from(LOOKALIKES)).format(name).split() for name in names]


@dataclass
class _Kept:
    """A piece of the new text and where it comes from: a start in the old text, or None."""

    text: str
    origin: int | None


@st.composite
def edits(draw: st.DrawFn) -> Edited:
    """A document of which lines were deleted and inserted, and others moved, or a word in them deleted or replaced.

    Or a paragraph of which sentences were deleted and inserted.

    What is inserted has names that nothing had. No line is inserted beside one that went or was edited: two texts don't
    tell whether that line was replaced or corrected. Nor is one edited beside one that went: if one of two lost its
    beginning and the other its end, nobody knows which half is left of which. And none is inserted where others moved,
    which leaves it open what is beside what.
    """
    lines = draw(documents())
    end = draw(st.sampled_from("\n\n。"))
    change = draw(st.sampled_from(["edit", "move"])) if end == "\n" else "stay"
    fates = [draw(st.sampled_from(["stay"] * 4 + ["delete", change, change])) for _ in lines]
    old, starts = _written(lines, end)
    pieces: list[list[_Kept]] = []
    moving: list[list[_Kept]] = []
    moved: set[int] = set()
    for index, (line, fate) in enumerate(zip(lines, fates, strict=True)):
        whole = range(starts[index][0], starts[index + 1][0] if index + 1 < len(lines) else len(old))
        kept = [_Kept(word + " ", start) for word, start in zip(line, starts[index], strict=True)]
        kept.append(_Kept(end, whole.stop - 1))
        if fate == "delete":
            continue
        if fate == "move":
            moving.append(kept)
            moved |= set(whole)
            continue
        if fate == "edit" and "delete" not in fates[max(0, index - 1) : index + 2]:
            kept = _edited(draw, kept)
        pieces.append(kept)
        settled = fate == "stay" and fates[index + 1 : index + 2] in (["stay"], []) and "move" not in fates
        if settled and draw(st.integers(0, 3)) == 0:
            line = draw(st.sampled_from(LOOKALIKES[:4])).format(draw(NEW_WORDS)).split()
            pieces.append([_Kept(word + " ", None) for word in line] + [_Kept(end, None)])
    for kept in moving:
        pieces.insert(draw(st.integers(0, len(pieces))), kept)
    return _assembled(old, pieces, frozenset(moved))


def _written(lines: list[Line], end: str) -> tuple[str, list[list[int]]]:
    """The text, each word with a blank after it, and where each word begins."""
    text, starts = "", []
    for line in lines:
        begins = []
        for word in line:
            begins.append(len(text))
            text += word + " "
        text += end
        starts.append(begins)
    return text, starts


def _edited(draw: st.DrawFn, kept: list[_Kept]) -> list[_Kept]:
    """With a word more, less or another. Its name stays: by that alone it is known from lines that look alike."""
    word = _Kept(draw(NEW_WORDS) + " ", None)
    at = draw(st.integers(0, len(kept) - 2))
    how = draw(st.sampled_from(["delete", "insert", "replace"]))
    if how == "insert" or kept[at].text.strip() in NAMES:
        return [*kept[:at], word, *kept[at:]]
    return [*kept[:at], *([word] if how == "replace" else []), *kept[at + 1 :]]


@st.composite
def unmistakable(draw: st.DrawFn) -> Edited:
    """A text in which no character stands twice, so that each is known wherever it goes, cut up and put together anew.

    Some characters are of two UTF-16 units, some are accents that stand on the one before.
    """
    alphabet = [chr(first + at) for first, count in ((0x4E00, 150), (0x20000, 20), (0x300, 20)) for at in range(count)]
    draw(st.randoms(use_true_random=False)).shuffle(alphabet)
    old, fresh = "".join(alphabet[:LENGTH]), alphabet[LENGTH:]
    cuts = sorted(draw(st.sets(st.integers(1, LENGTH - 1), max_size=8)))
    staying: list[int | None] = []
    moving: list[int] = []
    for start, end in itertools.pairwise([0, *cuts, LENGTH]):
        fate = draw(st.sampled_from(["stay"] * 4 + ["delete", "insert", "move"]))
        # Fewer that are elsewhere now no text tells from new ones.
        if fate == "move" and end - start >= CHANCE:
            moving += range(start, end)
        elif fate != "delete":
            staying += range(start, end)
            staying += [None] * draw(st.integers(1, 4)) if fate == "insert" else []
    origins = [*staying, *moving]
    new = "".join(fresh.pop() if origin is None else old[origin] for origin in origins)
    return Edited(old, new, origins, set(range(LENGTH)) - _known(origins))


def _known(origins: Sequence[int | None]) -> set[int]:
    """The characters that stand in a row that is too long to be chance, which a few of them are among changes: another
    sentence would have them as well. Where parts changed their order it takes a longer one, since of two that change
    places no text tells which of them stayed.
    """
    rows: list[list[int]] = [[]]
    for place, origin in enumerate(origins):
        if origin is None or (place and origins[place - 1] != origin - 1):
            rows.append([])
        if origin is not None:
            rows[-1].append(origin)
    kept = [origin for row in rows for origin in row]
    least = CHANCE if kept == sorted(kept) else LEAST_ALONE
    return {origin for row in rows if len(row) >= least for origin in row}


def _assembled(old: str, lines: list[list[_Kept]], moved: frozenset[int]) -> Edited:
    new, origins = "", list[int | None]()
    for pieces in lines:
        for piece in pieces:
            new += piece.text
            origins += [None if piece.origin is None else piece.origin + n for n in range(len(piece.text))]
    return Edited(old, new, origins, moved)


@st.composite
def passages(draw: st.DrawFn, text: str) -> list[Anchor]:
    """Some that begin and end anywhere, without a line break or a blank at an edge."""
    words = [(start, end) for start, end in _words(text)]
    anchors = []
    for _ in range(draw(st.integers(1, 12))):
        first = draw(st.integers(0, len(words) - 1))
        last = draw(st.integers(first, min(len(words) - 1, first + 5)))
        start, end = words[first][0], words[last][1]
        anchors.append(anchor_at(text, start, end))
    return anchors


def _words(text: str) -> Iterable[tuple[int, int]]:
    at = 0
    for word in re.split("[ \n。]", text):
        if word:
            yield at, at + len(word)
        at += len(word) + 1

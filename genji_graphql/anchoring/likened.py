"""A text as people see it, with the way back to the text as it is kept.

An accent may be part of its letter or a character of its own (é, or e and ´), and a browser shows a line break, a row
of blanks and one blank alike. So that a selection made in a browser is found in the text that is kept, both are
brought to one form: decomposed (NFD, whose marks stand in canonical order), each row of blanks one blank.
"""

import unicodedata
from typing import NamedTuple


class Likened(NamedTuple):
    text: str
    origins: list[int]
    """For each character of `text`, where the one that it comes from stands in the original."""

    def original(self, start: int, end: int, length: int) -> tuple[int, int] | None:
        """Where a passage of `text` stands in the original of this length; None where it would cut a character."""
        if self._is_inside(start) or self._is_inside(end):
            return None
        origins = self.origins[start:end]
        after = self.origins[end] if end < len(self.origins) else length
        first, last = min(origins), max(origins) + 1
        return (first, last) if last <= after or after <= first else None

    def _is_inside(self, at: int) -> bool:
        """Does the place stand between a letter and its accent, or within a syllable?"""
        if not 0 < at < len(self.text):
            return False
        return self.origins[at] == self.origins[at - 1] or _continues(self.text[at])


def likened(text: str) -> Likened:
    """In time about linear in the length; the library's NFD takes the square of a row of accents."""
    characters: list[str] = []
    origins: list[int] = []
    marks: list[tuple[int, int, str]] = []

    def flush() -> None:
        for _, origin, mark in sorted(marks, key=lambda mark: mark[0]):
            characters.append(mark)
            origins.append(origin)
        marks.clear()

    for origin, original in enumerate(text):
        for one in unicodedata.normalize("NFD", original):
            order = unicodedata.combining(one)
            if order:
                marks.append((order, origin, one))
                continue
            flush()
            if not one.isspace():
                characters.append(one)
                origins.append(origin)
            elif not characters or characters[-1] != " ":
                characters.append(" ")
                origins.append(origin)
    flush()
    return Likened("".join(characters), origins)


def _continues(one: str) -> bool:
    """Is it seen as a part of what stands before it: a mark, or a vowel or final of a Korean syllable?"""
    return unicodedata.category(one) in {"Mn", "Mc", "Me"} or "\u1160" <= one <= "\u11ff"

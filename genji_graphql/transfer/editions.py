"""Which elements of two editions are the same: a source may call them otherwise, or count them from another place.

To carry notes an element is compared with itself. Were it compared with a stranger that has its name now, words that
look alike would be taken for each other.
"""

from collections import Counter
from collections.abc import Mapping

from rapidfuzz import fuzz

LIKE = 60.0
"""How like its old text an element must be to be taken for the same by its name alone, in per cent."""
LIKE_A_PART = 80.0
"""Or how like a part of one the other must be, where much was added or taken away..."""
LEAST_PART = 12
"""... and is at least as long as this."""
LONGEST_COMPARED = 2_000
"""A longer text is its old self by its name: it has hardly changed places with another."""


def same_elements(old: Mapping[int, str], new: Mapping[int, str]) -> dict[int, int]:
    """For elements of the new edition, by their numbers, those of the old one that they are."""
    same = {number: number for number, text in new.items() if old.get(number) == text}
    found = set(same)
    left = {text: number for number, text in _once(old).items() if number not in found}
    for number, text in _once(new).items():
        if number not in same and text in left:
            same[number] = left[text]
    taken = set(same.values())
    for number, text in new.items():
        if number not in same and number in old and number not in taken and _is_like(old[number], text):
            same[number] = number
    return same


def _once(book: Mapping[int, str]) -> Mapping[int, str]:
    """The texts that it has once."""
    counts = Counter(book.values())
    return {number: text for number, text in book.items() if text and counts[text] == 1}


def _is_like(old: str, new: str) -> bool:
    if max(len(old), len(new)) > LONGEST_COMPARED or fuzz.ratio(old, new) >= LIKE:
        return True
    return min(len(old), len(new)) >= LEAST_PART and fuzz.partial_ratio(old, new) >= LIKE_A_PART

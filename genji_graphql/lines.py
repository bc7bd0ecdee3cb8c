"""A line of text that somebody typed, in the one form in which it is kept."""

import unicodedata
from typing import Literal

from genji_graphql.errors import Invalid

_CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # invisible, but letters of Persian and of Indic scripts need them
_FILLERS = "\u115f\u1160\u3164\uffa0"  # letters to Unicode, which look like nothing
_BRAILLE_BLANK = "\u2800"


def line(given: str, most: int, field: str, called: str, form: Literal["NFC", "NFKC"] = "NFC") -> str:
    """The line without blanks around it, which may be empty. Raises Invalid, with the field that is to blame."""
    # Cut before it is normalised, which for a long row of accents takes the square of its length; what is left is too
    # long still, since no form makes ten characters one.
    text = unicodedata.normalize(form, given.strip()[: 10 * most]).strip()
    if len(text) > most:
        raise Invalid(f"The {called} may have at most {most} characters.", field=field, code="TOO_LONG")
    if any(map(_is_invisible, text)) or (text and all(map(_needs_another, text))):
        raise Invalid(
            f"The {called} can't have control characters or invisible ones.", field=field, code="INVALID_CHARACTERS"
        )
    return text


def _is_invisible(one: str) -> bool:
    return one in _FILLERS or (unicodedata.category(one) in _CONTROLS and one not in _JOINERS)


def _needs_another(one: str) -> bool:
    """Is it seen only beside another character, such as an accent or the choice of a variant?"""
    return one.isspace() or one in _JOINERS or one == _BRAILLE_BLANK or unicodedata.category(one) in {"Mn", "Me"}

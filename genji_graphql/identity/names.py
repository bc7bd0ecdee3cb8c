"""The rules for user names and e-mail addresses, and the form in which they are kept."""

import re
import unicodedata

from genji_graphql.errors import Invalid

MIN_USERNAME, MAX_USERNAME = 3, 64
MAX_EMAIL = 254
MAX_NAME = 255

_USERNAME = re.compile(r"[\w.-]+")
_LOCAL = r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*"
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_EMAIL = re.compile(rf"{_LOCAL}@{_LABEL}(?:\.{_LABEL})+")


def username(given: str) -> str:
    """A user name as it is kept. There is no @ in it, so that it can't be another person's address."""
    name = normalised(given, MAX_USERNAME, "username", "user name")
    if len(name) < MIN_USERNAME:
        raise Invalid(f"The user name needs at least {MIN_USERNAME} characters.", field="username", code="TOO_SHORT")
    if not _USERNAME.fullmatch(name):
        raise Invalid(
            "The user name may have letters, digits, and the characters . _ - only.",
            field="username",
            code="INVALID_CHARACTERS",
        )
    return name


def email(given: str) -> str:
    """An e-mail address as it is kept."""
    address = normalised(given, MAX_EMAIL, "email", "e-mail address")
    local = address.partition("@")[0]
    if not _EMAIL.fullmatch(address) or len(local) > 64:
        raise Invalid("That is not an e-mail address such as sei@example.org.", field="email")
    return address


def person_name(given: str | None, field: str) -> str | None:
    """A first or last name as it is kept; an empty one is none."""
    if given is None:
        return None
    return normalised(given, MAX_NAME, field, "name") or None


def normalised(given: str, most: int, field: str, called: str) -> str:
    """One line of text in its compatible Unicode form, which is the same whichever keyboard it was typed on."""
    # Before it is normalised too, since one character may become eighteen.
    if len(given) > most:
        raise _too_long(most, field, called)
    text = unicodedata.normalize("NFKC", given).strip()
    if len(text) > most:
        raise _too_long(most, field, called)
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in text):
        raise Invalid(
            f"The {called} can't have control characters or invisible ones.", field=field, code="INVALID_CHARACTERS"
        )
    return text


def _too_long(most: int, field: str, called: str) -> Invalid:
    return Invalid(f"The {called} may have at most {most} characters.", field=field, code="TOO_LONG")

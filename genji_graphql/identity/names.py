"""The rules for user names and e-mail addresses, and the form in which they are kept."""

import re

from genji_graphql.errors import Invalid
from genji_graphql.lines import line

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
    """A line in its compatible Unicode form, which is the same whichever keyboard it was typed on."""
    return line(given, most, field, called, "NFKC")

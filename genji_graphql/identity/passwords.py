"""The rules for passwords, and their hashes. Hashing takes a fifth of a second by design, so threads do it."""

import asyncio
import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from pwdlib.hashers.bcrypt import BcryptHasher

from genji_graphql.errors import Invalid

MIN_CHARACTERS, MAX_CHARACTERS, MAX_BYTES = 8, 128, 72

# Before it is composed; the longest character falls into four.
_LONGEST = 4 * MAX_CHARACTERS

hasher = BcryptHasher(rounds=12)

# Threads of their own, and not all cores: a crowd that signs in at once may wait, and everybody else goes on reading.
_threads = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), thread_name_prefix="passwords")


def check(given: str, field: str = "password") -> str:
    """A password that may be set, as it is hashed."""
    password = _normalised(given)
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        code = "TOO_SHORT" if len(password) < MIN_CHARACTERS else "TOO_LONG"
        raise Invalid(f"The password needs {MIN_CHARACTERS} to {MAX_CHARACTERS} characters.", field=field, code=code)
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        raise Invalid("The password can't have control characters.", field=field, code="INVALID_CHARACTERS")
    if len(password.encode()) > MAX_BYTES:
        # bcrypt takes no more; cutting the rest off in silence would make another password of it.
        raise Invalid(
            f"The password is too long: in UTF-8 it may have at most {MAX_BYTES} bytes, which is {MAX_BYTES} plain "
            f"letters or {MAX_BYTES // 3} Japanese ones.",
            field=field,
            code="TOO_LONG",
        )
    kinds = (str.isupper, str.islower, str.isdigit)
    if not all(any(map(is_kind, password)) for is_kind in kinds):
        raise Invalid(
            "The password needs an upper-case letter, a lower-case letter and a digit.", field=field, code="TOO_WEAK"
        )
    return password


async def hashed(password: str) -> str:
    """The hash of a password that `check` let through."""
    return await asyncio.get_running_loop().run_in_executor(_threads, hasher.hash, password)


async def matches(given: str, stored: str | None) -> bool:
    """Is this the password of that hash? Where there is none, finding that out costs the same."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _matches, given, stored)


def _matches(given: str, stored: str | None) -> bool:
    password = _normalised(given).encode(errors="replace")
    takes = len(password) <= MAX_BYTES
    known = stored is not None and hasher.identify(stored)
    its_own = hasher.verify(password if takes else b"", stored if stored is not None and known else _nobodys())
    return its_own and takes and known


def _nobodys() -> str:
    """A hash that no password has, of the usual cost."""
    return f"$2b${hasher.rounds:02}${'.' * 53}"


def _normalised(given: str) -> str:
    # The same letters typed on two keyboards are the same password. Compatible forms are left apart, because an
    # older system's hashes were made without any of this. To put a row of accents in order takes the square of its
    # length, and nobody else's turn comes meanwhile: what is cut off here is far too long all the same.
    return unicodedata.normalize("NFC", given[: _LONGEST + 1])

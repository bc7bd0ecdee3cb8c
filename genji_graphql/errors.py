"""What may fail on purpose.

    GenjiError
    ├── Invalid            the input can't be taken; told to the person who sent it
    │   └── Malformed      because a document in it isn't what it should be
    ├── NotFound           missing, or not for this viewer: one answer for both
    ├── NotAllowed         seen, but not theirs to do
    ├── Conflict           somebody else was first
    ├── Several            more than one of these
    ├── TooMany            too often; it says when to come back
    ├── TimedOut           it took longer than it may
    └── Unavailable        the database can't be reached, or isn't migrated

Messages are written for the reader, in whole sentences, and hold no SQL, address or password. Whatever else is
raised is a fault of ours: it is logged with an id, and only the id is told.
"""

from collections.abc import Sequence


class GenjiError(Exception):
    """Something that may fail on purpose; its text is meant to be read.

    Where one field of a form is to blame it is named.
    """

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Invalid(GenjiError):
    """The input can't be taken; a code tells programs why."""

    def __init__(self, message: str = "", *, field: str | None = None, code: str = "INVALID") -> None:
        super().__init__(message, field=field)
        self.code = code


class Malformed(Invalid):
    """A document isn't what it should be, at the place that a JSON Pointer (RFC 6901) names."""

    def __init__(self, message: str, *, pointer: str, field: str | None = None) -> None:
        super().__init__(message, field=field, code="MALFORMED")
        self.pointer = pointer


class NotFound(GenjiError):
    """There is no such thing for this viewer."""


class NotAllowed(GenjiError):
    """The viewer sees it, but may not do this."""


class Conflict(GenjiError):
    """Somebody else changed it first."""

    def __init__(self, message: str = "", *, field: str | None = None, current: object = None) -> None:
        super().__init__(message, field=field)
        self.current = current
        """What it is now, where the viewer sees it."""


class Several(GenjiError):
    """More than one thing is wrong, and all of it is told at once."""

    def __init__(self, errors: Sequence[GenjiError]) -> None:
        super().__init__(" ".join(map(str, errors)))
        self.errors = errors


class TooMany(GenjiError):
    """It was tried too often."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """In how many seconds it may be tried again."""


class TimedOut(GenjiError):
    """It took longer than it may."""


class Unavailable(GenjiError):
    """What we stand on isn't there."""

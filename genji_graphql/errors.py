"""What may fail on purpose.

    GenjiError
    ├── Invalid            the input can't be taken; told to the person who sent it
    ├── NotFound           missing, or not for this viewer: one answer for both
    ├── NotAllowed         seen, but not theirs to do
    ├── Conflict           somebody else was first
    └── Unavailable        the database can't be reached, or isn't migrated

Messages are written for the reader, in whole sentences, and hold no SQL, address or password. Whatever else is
raised is a fault of ours: it is logged with an id, and only the id is told.
"""


class GenjiError(Exception):
    """Something that may fail on purpose; its text is meant to be read."""


class Invalid(GenjiError):
    """The input can't be taken."""


class NotFound(GenjiError):
    """There is no such thing for this viewer."""


class NotAllowed(GenjiError):
    """The viewer sees it, but may not do this."""


class Conflict(GenjiError):
    """Somebody else changed it first."""


class Unavailable(GenjiError):
    """What we stand on isn't there."""

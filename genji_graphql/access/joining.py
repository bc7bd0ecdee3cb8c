"""When a classroom can be joined by its link."""

from datetime import UTC, date, datetime, timedelta

GRACE = timedelta(weeks=2)


def is_open(start: date | None, end: date | None, today: date) -> bool:
    """Until two weeks after it starts, and never after it ends; both days are still good.

    Without a day to start only the end counts, and without either it is always open.
    """
    if end is not None and today > end:
        return False
    # A difference, since a sum may lie beyond the calendar.
    return start is None or today - start <= GRACE


def today() -> date:
    """The day it is in UTC, which is the same for a whole class."""
    return datetime.now(UTC).date()

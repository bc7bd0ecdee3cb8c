"""Moments as they are written: RFC 3339, as PostgreSQL's `to_json` has it."""

from datetime import datetime


def written(moment: datetime) -> str:
    """A fraction of a second ends with no zero, unlike Python's own."""
    whole = moment.replace(microsecond=0).isoformat()
    fraction = f".{moment.microsecond:06}".rstrip("0") if moment.microsecond else ""
    return f"{whole[:19]}{fraction}{whole[19:]}"

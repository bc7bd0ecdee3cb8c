"""Where an event stands in the log, and how a client is told so.

A cursor is opaque. It holds a position, and the epoch of the log: another database, or the same one after it was
brought back from a backup, counts its transactions anew, and a position in one says nothing about the other.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import NamedTuple

_LONGEST = 200


class Position(NamedTuple):
    """The transaction that wrote an event, and the event's number. Positions are in the order of the log."""

    xid: int
    seq: int


BEGINNING = Position(0, 0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What had been committed at a moment: PostgreSQL's `pg_snapshot`."""

    xmin: int
    """All transactions before it had ended."""
    xmax: int
    """None from it on had begun."""
    active: frozenset[int]
    """Those in between that hadn't ended."""

    @classmethod
    def of(cls, text: str) -> "Snapshot":
        xmin, xmax, active = text.split(":")
        return cls(int(xmin), int(xmax), frozenset(map(int, active.split(",") if active else ())))

    def has(self, xid: int) -> bool:
        """Had this transaction, of which something is there, been committed?"""
        return xid < self.xmin or (xid < self.xmax and xid not in self.active)


def cursor_of(epoch: str, position: Position) -> str:
    return base64.urlsafe_b64encode(f"{epoch}.{position.xid}.{position.seq}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[str, Position] | None:
    """The epoch and the position of a cursor; None where it is none."""
    if len(cursor) > _LONGEST:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    epoch, _, rest = text.partition(".")
    xid, _, seq = rest.partition(".")
    numbers = [int(one) if one.isascii() and one.isdecimal() and len(one) < 21 else -1 for one in (xid, seq)]
    if not epoch or min(numbers) < 0 or numbers[0] >= 2**64 or numbers[1] >= 2**63:
        return None
    return epoch, Position(*numbers)

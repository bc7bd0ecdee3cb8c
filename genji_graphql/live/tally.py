"""What is counted of the live system, for whoever keeps it up: by plain numbers, since it is done for every message."""

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from genji_graphql.live.event import Event

STEPS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds, by which latencies are told apart."""


@dataclass(slots=True)
class Tally:
    read: int = 0
    """Events that were read from the log."""
    relayed: int = 0
    """Events that another process had read, and passed on."""
    delivered: int = 0
    """Messages that were handed to a connection."""
    overflows: int = 0
    """How often somebody could not take what there was, and went back to the log."""
    given_up: int = 0
    """Subscriptions that were ended because that happened too often."""
    latencies: list[int] = field(default_factory=lambda: [0] * (len(STEPS) + 1))
    """How often it took so long from when an event was written until it was handed to all who are told it alike."""
    latency: float = 0.0
    """The sum of these times, in seconds."""
    looked_at: datetime | None = None
    """When the log, or what was passed on of it, was last looked at."""

    def looked(self) -> None:
        self.looked_at = datetime.now(UTC)

    def told(self, event: Event, listeners: int) -> None:
        if listeners:
            self.delivered += listeners
            # Clocks of two machines differ a little.
            seconds = max(0.0, (datetime.now(UTC) - event.at).total_seconds())
            self.latencies[bisect_left(STEPS, seconds)] += 1
            self.latency += seconds

"""What is counted of the live system, for whoever keeps it up."""

from dataclasses import dataclass
from datetime import UTC, datetime

from genji_graphql.live.event import Event


@dataclass(slots=True)
class Tally:
    read: int = 0
    """Events that were read from the log."""
    delivered: int = 0
    """Messages that were handed to a connection."""
    overflows: int = 0
    """How often somebody could not take what there was, and went back to the log."""
    latency: float = 0.0
    """Seconds from when the last event was written until it was handed to the last who listens."""
    looked_at: datetime | None = None
    """When the log was last read."""

    def looked(self) -> None:
        self.looked_at = datetime.now(UTC)

    def told(self, event: Event, listeners: int) -> None:
        self.delivered += listeners
        self.latency = (datetime.now(UTC) - event.at).total_seconds()

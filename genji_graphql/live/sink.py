"""Where a subscriber's events go."""

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(slots=True, eq=False)
class Message:
    """One event as a subscriber is told it: the same object for all who are told it alike."""

    cursor: str
    """Where it stands in the log, for whoever comes back."""
    body: bytes
    """An execution result in JSON: `{"data":{…}}`."""
    framed: dict[Any, bytes] = field(default_factory=dict)
    """What a transport made of it, to be sent to others as it is; by whatever it depends on."""


class Sink(Protocol):
    """A WebSocket's operation, or a stream of server-sent events. All methods are called in the event loop."""

    def push(self, message: Message) -> bool:
        """Send it now, without waiting. False where there is no room for it: it was not taken, and must come again."""
        ...

    async def room(self) -> None:
        """Returns when there is room again, or the subscriber has left."""
        ...

    def complete(self, errors: list[dict[str, Any]] | None = None) -> None:
        """Nothing more comes: because it is over, or because of these errors, formatted for the client."""
        ...

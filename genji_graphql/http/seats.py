"""How many may listen to one process, and to how much."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError
from starlette.exceptions import HTTPException

from genji_graphql.errors import TooMany
from genji_graphql.http.errors import CODES
from genji_graphql.http.operations import Subscriptions
from genji_graphql.identity.limits import network
from genji_graphql.live.people import People
from genji_graphql.settings import Settings

_RETRY_AFTER = "30"


@dataclass(frozen=True, slots=True)
class Audience:
    """Those who listen to this process, and what there is to hear."""

    people: People
    seats: "Seats"
    subscriptions: Subscriptions | None = None


class Seats:
    """Counts what is open: connections by address and by account, subscriptions by account."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._addresses: Counter[str] = Counter()
        self._accounts: Counter[int] = Counter()
        self._subscriptions: Counter[int] = Counter()
        self.connections = 0
        self.subscriptions = 0

    def come(self, address: str | None) -> "Seat":
        """A seat for somebody from this address; or HTTPException, before anything is done for them."""
        if self.connections >= self._settings.connections:
            raise HTTPException(
                503,
                "So many are connected that there is no room for more. Try again in a moment.",
                {"Retry-After": _RETRY_AFTER},
            )
        where = None if address is None else network(address)
        if where is not None and self._addresses[where] >= self._settings.connections_per_address:
            raise HTTPException(
                429, "Too many connections are open from your network address.", {"Retry-After": _RETRY_AFTER}
            )
        self.connections += 1
        if where is not None:
            self._addresses[where] += 1
        return Seat(self, where)

    def room_for(self, user_id: int) -> bool:
        return self._accounts[user_id] < self._settings.connections_per_account

    def room_for_subscription(self, seat: "Seat") -> bool:
        mine = self._subscriptions[seat.user_id] if seat.user_id is not None else 0
        return (
            seat.subscriptions < self._settings.subscriptions_per_connection
            and mine < self._settings.subscriptions_per_account
        )

    def sit(self, seat: "Seat", user_id: int) -> None:
        self._accounts[user_id] += 1
        seat.user_id = user_id

    def count(self, seat: "Seat", subscriptions: int) -> None:
        self.subscriptions += subscriptions
        seat.subscriptions += subscriptions
        if seat.user_id is not None:
            _add(self._subscriptions, seat.user_id, subscriptions)

    def leave(self, seat: "Seat") -> None:
        self.count(seat, -seat.subscriptions)
        self.connections -= 1
        if seat.address is not None:
            _add(self._addresses, seat.address, -1)
        if seat.user_id is not None:
            _add(self._accounts, seat.user_id, -1)


class Seat:
    """One connection's."""

    __slots__ = ("_seats", "address", "subscriptions", "user_id")

    def __init__(self, seats: Seats, address: str | None) -> None:
        self._seats = seats
        self.address = address
        self.user_id: int | None = None
        self.subscriptions = 0

    def sit(self, user_id: int | None) -> bool:
        """Take it in somebody's name. False where they have too many already."""
        if user_id is None:
            return True
        if not self._seats.room_for(user_id):
            return False
        self._seats.sit(self, user_id)
        return True

    def subscribe(self) -> bool:
        """Count one more subscription, if it may be."""
        if not self._seats.room_for_subscription(self):
            return False
        self._seats.count(self, 1)
        return True

    def unsubscribe(self) -> None:
        self._seats.count(self, -1)

    def leave(self) -> None:
        self._seats.leave(self)


def too_many_subscriptions() -> GraphQLError:
    return GraphQLError(
        "Too many subscriptions are running, on this connection or in your name.",
        extensions={"code": CODES[TooMany]},
    )


def _add(counter: Counter[Any], key: Any, count: int) -> None:
    """Who counts no more is forgotten."""
    counter[key] += count
    if not counter[key]:
        del counter[key]

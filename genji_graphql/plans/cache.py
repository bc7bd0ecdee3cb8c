"""A cache that is bounded by the number of its entries and by what they weigh; what was used last is kept."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Cache(Generic[Key, Value]):
    def __init__(self, *, entries: int, weight: int) -> None:
        self._entries = entries
        self._weight = weight
        self._held: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self.weight = 0

    def get(self, key: Key) -> Value | None:
        found = self._held.get(key)
        if found is None:
            return None
        self._held.move_to_end(key)
        return found[0]

    def put(self, key: Key, value: Value, weight: int) -> None:
        """Keep a value. One that weighs more than all may is not kept."""
        if key in self._held:
            self.weight -= self._held.pop(key)[1]
        if weight > self._weight:
            return
        self._held[key] = (value, weight)
        self.weight += weight
        while len(self._held) > self._entries or self.weight > self._weight:
            _, (_, lost) = self._held.popitem(last=False)
            self.weight -= lost

    def __len__(self) -> int:
        return len(self._held)

"""Backlogs: what waits for its turn, bounded in count and in bytes."""

from __future__ import annotations

from collections import deque
from typing import Generic, NamedTuple, TypeVar

from ..bounds import Limits
from ..rpc.event_base import RelayEvent, size_of

T = TypeVar("T")


class Bound(NamedTuple):
    """How many items may wait, and how many bytes they may have together."""

    items: int
    bytes: int

    @classmethod
    def of(cls, limits: Limits) -> Bound:
        """The bound for one listener, and for the text messages of a client."""
        return cls(limits.listener_backlog, limits.backlog_bytes)


class Backlog(Generic[T]):
    """Items that wait, in order. It takes no lock."""

    __slots__ = ("_bound", "_items", "bytes")

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._items: deque[tuple[T, int]] | None = None  # an empty one takes 760 bytes
        self.bytes = 0
        """The size of all items together."""

    def __len__(self) -> int:
        return len(self._items or ())

    def has_room(self, size: int, *, places: int = 0) -> bool:
        """Whether one more item of `size` bytes may wait. `places` items need not wait."""
        count, bound = len(self) - places, self._bound
        return count < 0 or (count < bound.items and self.bytes + size <= bound.bytes)

    def put(self, item: T, size: int) -> None:
        """Add an item. Ask `has_room` before."""
        if self._items is None:
            self._items = deque()
        self._items.append((item, size))
        self.bytes += size

    def take(self) -> T:
        """Take out the item that has waited for the longest time."""
        assert self._items, "there is one"
        item, size = self._items.popleft()
        self.bytes -= size
        return item

    def remove(self, item: T) -> bool:
        """Take out this item. False if it is not there."""
        items = self._items or deque()
        found = next((entry for entry in items if entry[0] is item), None)
        if found is None:
            return False
        items.remove(found)
        self.bytes -= found[1]
        return True

    def clear(self) -> None:
        """Forget all items."""
        self._items = None
        self.bytes = 0


class Places:
    """A number of places, to be taken and given back. It takes no lock."""

    __slots__ = ("_free",)

    def __init__(self, most: int) -> None:
        self._free = most

    def take(self) -> bool:
        """Take one; false if none is free."""
        if self._free <= 0:
            return False
        self._free -= 1
        return True

    def give_back(self) -> None:
        """Give one back."""
        self._free += 1


def weight(item: object) -> int:
    """The size of an item that waits: of an event, the bytes of its JSON; else 0."""
    return size_of(item) if isinstance(item, RelayEvent) else 0

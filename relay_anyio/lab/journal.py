"""Journal: the newest entries of something, bounded in count and in bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import takewhile
from typing import Generic, TypeVar

T = TypeVar("T")


class Journal(Generic[T]):
    """Entries with ids that grow. The oldest ones are forgotten, and counted."""

    def __init__(self, *, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._entries: deque[tuple[int, T, int]] = deque()
        self._bytes = 0
        self.forgotten = 0
        self.total = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, number: int, entry: T, size: int) -> None:
        """Add an entry that takes about `size` bytes."""
        self._entries.append((number, entry, size))
        self._bytes += size
        self.total += 1
        while len(self._entries) > self._most or self._bytes > self._most_bytes:
            self._bytes -= self._entries.popleft()[2]
            self.forgotten += 1

    def after(self, number: int) -> Iterator[tuple[int, T]]:
        """Return the entries whose ids are larger than `number`, with their ids."""
        newer = takewhile(lambda one: one[0] > number, reversed(self._entries))
        return ((one[0], one[1]) for one in reversed(list(newer)))

    def misses(self, number: int) -> bool:
        """Whether an entry with an id larger than `number` may be forgotten."""
        return bool(self.forgotten) and (not self._entries or self._entries[0][0] > number + 1)

    def clear(self) -> None:
        """Forget all entries, without counting them."""
        self._entries.clear()
        self._bytes = self.forgotten = self.total = 0

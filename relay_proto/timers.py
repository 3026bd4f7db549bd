"""Deadlines: a table of keys and the times at which they are due.

The core sets a deadline for a key, and asks for the earliest deadline of all. It
never sleeps. A key has at most one deadline: setting it again moves it.
"""

from __future__ import annotations

import enum
import heapq
import itertools
from typing import Generic, TypeVar

K = TypeVar("K")

COMPACT_ABOVE = 64
"""The heap is rebuilt when it has this many more outdated entries than current ones."""


class Timer(enum.Enum):
    """The deadlines of a session. Each exists once.

    The comments say what the core does when the time has come.
    """

    CONNECT = "connect"
    """Give up: the byte stream and the upgrade took too long."""
    AUTHENTICATE = "authenticate"
    """Give up: there was no reply to ``signalwire.connect``."""
    RETRY = "retry"
    """Try to connect again."""
    PING = "ping"
    """Send the regular ping."""
    PROBE = "probe"
    """Count a ping without an answer as failed, or repeat a failed ping."""
    WATCHDOG = "watchdog"
    """Send a ping: the server's next ping is late."""
    GOODBYE = "goodbye"
    """Close: the server sent ``signalwire.disconnect``, but has not closed."""
    CLOSE = "close"
    """Stop waiting for the closing handshake."""

    __hash__ = object.__hash__  # the hash of an enum is written in Python, and ten times slower


class Deadlines(Generic[K]):
    """Keys and the times at which they are due, earliest first.

    This is a heap with lazy deletion: `set` costs O(log n), `clear` costs O(1), and
    nothing is sorted or searched.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, K]] = []
        self._current: dict[K, tuple[float, int, K]] = {}
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._current)

    def __contains__(self, key: K) -> bool:
        return key in self._current

    def set(self, key: K, at: float) -> None:
        """Set the deadline of `key` to the absolute time `at`; it replaces an earlier one."""
        entry = self._current[key] = (at, next(self._order), key)
        heapq.heappush(self._heap, entry)
        if len(self._heap) > 2 * len(self._current) + COMPACT_ABOVE:
            self._heap = list(self._current.values())
            heapq.heapify(self._heap)

    def clear(self, key: K) -> None:
        """Remove the deadline of `key`. Does nothing if it has none."""
        self._current.pop(key, None)

    def clear_all(self) -> None:
        """Remove all deadlines."""
        self._current.clear()
        self._heap.clear()

    def next(self) -> float | None:
        """Return the earliest deadline, or None."""
        heap = self._heap
        while heap:
            entry = heap[0]
            if self._current.get(entry[2]) is entry:
                return entry[0]
            heapq.heappop(heap)
        return None

    def pop_due(self, now: float) -> K | None:
        """Remove and return the key that is due first, or None if none is due at `now`."""
        at = self.next()
        if at is None or at > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._current[key]
        return key

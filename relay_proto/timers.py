"""Deadlines: a table of what falls due when.

The core arms a deadline under a key and asks for the earliest one; it never
sleeps. A key has one deadline at most; arming it again moves it.
"""

from __future__ import annotations

import enum
import heapq
import itertools
from typing import Generic, TypeVar

K = TypeVar("K")

COMPACT_ABOVE = 64
"""Dead heap entries tolerated beyond the number of live ones."""


class Timer(enum.Enum):
    """The deadlines of which a session has one each."""

    CONNECT = "connect"
    """Transport and upgrade must be done."""
    AUTHENTICATE = "authenticate"
    """The reply to ``signalwire.connect`` must be here."""
    RETRY = "retry"
    """Time for the next attempt to connect."""
    PING = "ping"
    """Time for a regular ping."""
    PROBE = "probe"
    """A ping's reply must be here, or a failed ping is repeated."""
    WATCHDOG = "watchdog"
    """The server's next ping is overdue."""
    GOODBYE = "goodbye"
    """The server said ``signalwire.disconnect`` and must have closed by now."""
    CLOSE = "close"
    """The closing handshake must be done."""

    __hash__ = object.__hash__  # an enum's own is written in Python, and ten times as slow


class Deadlines(Generic[K]):
    """Keys and the times at which they fall due, earliest first.

    A heap with lazy deletion: arming and disarming cost O(log n) and O(1), and
    nothing is ever sorted or searched.
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
        """Arm `key` for the absolute time `at`, in place of any earlier deadline."""
        entry = self._current[key] = (at, next(self._order), key)
        heapq.heappush(self._heap, entry)
        if len(self._heap) > 2 * len(self._current) + COMPACT_ABOVE:
            self._heap = list(self._current.values())
            heapq.heapify(self._heap)

    def clear(self, key: K) -> None:
        """Disarm `key`; one that is not armed is no error."""
        self._current.pop(key, None)

    def clear_all(self) -> None:
        """Disarm everything."""
        self._current.clear()
        self._heap.clear()

    def next(self) -> float | None:
        """The earliest deadline, or None."""
        heap = self._heap
        while heap:
            entry = heap[0]
            if self._current.get(entry[2]) is entry:
                return entry[0]
            heapq.heappop(heap)
        return None

    def pop_due(self, now: float) -> K | None:
        """Disarm and return the earliest key due at `now`, or None."""
        at = self.next()
        if at is None or at > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._current[key]
        return key

"""Pace: things of one kind that wait for their turn, so many a second, so many at once.

Those who share a pace take turns: one that asks for a thousand at once delays another
by one, not by a thousand.

Source: docs/protocol.md, section 9.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Pace(Generic[T]):
    """Who may begin, and when.

    `per_second` and `at_once` are None for no limit. All begin one by one, evenly: after a
    pause there is no burst.
    """

    def __init__(self, per_second: float | None, at_once: int | None = None) -> None:
        self._interval = 0.0 if per_second is None else 1.0 / per_second
        self._at_once = at_once
        self._next_at: float | None = None
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self._interval) or self._at_once is not None

    def wait(self, item: T, party: str) -> None:
        """Let `item` of one of the parties wait for its turn."""
        self._waiting.setdefault(party, deque()).append(item)

    def forget(self, item: T) -> None:
        """Let `item`, which waits, wait no more."""
        party = next(party for party, items in self._waiting.items() if item in items)
        self._waiting[party].remove(item)
        if not self._waiting[party]:
            del self._waiting[party]

    def take(self, under_way: int, now: float) -> T | None:
        """Take out what may begin now, or None. `under_way` says how many have begun.

        If it begins, call `begun`.
        """
        at = self.due(under_way)
        if at is None or at > now:
            return None
        party, items = self._waiting.popitem(last=False)
        item = items.popleft()
        if items:
            self._waiting[party] = items  # behind all others
        return item

    def begun(self, now: float) -> None:
        """One has begun: from now on, the next one waits."""
        self._next_at = now + self._interval

    def due(self, under_way: int) -> float | None:
        """Return when the next one may begin, or None: nobody waits, or one must end first."""
        if not self._waiting or (self._at_once is not None and under_way >= self._at_once):
            return None
        return 0.0 if self._next_at is None else self._next_at

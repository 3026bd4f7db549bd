"""Turns: so many functions of the application run at once, and the others wait in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from .backlog import Backlog, Bound
from .forks import forks

T = TypeVar("T")


class Turns(Generic[T]):
    """At most `most` items are under way. The others wait, within a bound.

    Items may be added, and be done, in any thread.
    """

    def __init__(self, most: int, bound: Bound, begin: Callable[[T], bool]) -> None:
        """`begin` begins an item; false if that is not possible. `done` is then not called."""
        self._most = most
        self._begin = begin
        self._waiting: Backlog[T] = Backlog(bound)
        self._under_way = 0
        self._beginning = False
        self._renew_lock()
        forks.call_in_child(self._renew_lock)

    def _renew_lock(self) -> None:
        self._lock = threading.RLock()  # garbage may end an item while it is held

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: T, size: int) -> bool:
        """Begin an item now, or in its turn. False if there is no room for it to wait."""
        with self._lock:
            if not self._waiting.has_room(size, places=self._most - self._under_way):
                return False
            self._waiting.put(item, size)
        self._go_on()
        return True

    def done(self) -> None:
        """An item that had begun has ended."""
        with self._lock:
            self._under_way -= 1
        self._go_on()

    def clear(self) -> int:
        """Forget all that wait, and return how many they were."""
        with self._lock:
            count = len(self._waiting)
            self._waiting.clear()
        return count

    def _go_on(self) -> None:
        # One that ends as soon as it begins calls `done` from within this: so there is one
        # loop, and not one call inside another for each that waits. What is added when that loop
        # has looked for the last time is seen when the next one can begin.
        while self._may_begin():
            with self._lock:
                if self._beginning:
                    return
                self._beginning = True
            while (item := self._next()) is not None:
                if not self._begin(item[0]):
                    with self._lock:
                        self._under_way -= 1
            self._beginning = False

    def _may_begin(self) -> bool:
        return len(self._waiting) > 0 and self._under_way < self._most

    def _next(self) -> tuple[T] | None:
        with self._lock:
            if not self._may_begin():
                return None
            self._under_way += 1
            return (self._waiting.take(),)

"""Early: what comes before its first handler, and waits a short time for one.

A program connects, and then says who takes its calls and texts. What comes in between
is for the handler that is about to come.

Source: docs/protocol.md, sections 12 and 16.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from ..timers import Deadlines

T = TypeVar("T")


class Early(Generic[T]):
    """Things of one kind that wait for a handler. This is also the key of their deadline."""

    def __init__(self, deadlines: Deadlines[Any], grace: float, limit: int) -> None:
        self._deadlines = deadlines
        self._grace = grace
        self._limit = limit
        self._things: list[T] = []
        self._last_came_at = 0.0
        self._has_connected = False
        self._until = -math.inf
        """Until when things are kept."""

    def __iter__(self) -> Iterator[T]:
        return iter(self._things)

    def connected(self, now: float, *, handled: bool) -> None:
        """A session has begun. After the first one, things are kept unless they are `handled`."""
        if not self._has_connected:
            self._has_connected = True
            self._until = now if handled else now + self._grace

    def keep(self, thing: T, now: float) -> bool:
        """Keep a thing that has no handler. False if it is too late, or there are too many."""
        if now >= self._until or len(self._things) >= self._limit:
            return False
        self._last_came_at = now
        self._keep_only([*self._things, thing])
        return True

    def look_again(self) -> None:
        """Let what is kept be due at once: there may be a handler for it."""
        if self._things:
            self._deadlines.set(self, self._last_came_at)

    def stop(self) -> None:
        """Keep nothing more. The time of what is kept is over."""
        self._until = -math.inf

    def take(self, handled: Callable[[T], bool]) -> list[T]:
        """Take out what is handled now, in order."""
        if not self._things:
            return []
        taken = [thing for thing in self._things if handled(thing)]
        self._keep_only([thing for thing in self._things if not handled(thing)])
        return taken

    def take_late(self, now: float) -> list[T]:
        """Take out what is left, if its time is over."""
        return self.take(lambda _: now >= self._until)

    def forget(self) -> None:
        """Keep none of these any more. More may come."""
        self._keep_only([])

    def _keep_only(self, things: list[T]) -> None:
        self._things = things
        if things:
            self._deadlines.set(self, max(self._until, self._last_came_at))
        else:
            self._deadlines.clear(self)

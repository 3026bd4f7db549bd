"""A bounded memory of what has been: the ids of events, of ended calls, of messages."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Recent(Generic[K]):
    """The last so many distinct keys; an older one is forgotten for each new one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[K] = set()
        self._order: deque[K] = deque()

    def __contains__(self, key: K) -> bool:
        return key in self._known

    def add(self, key: K) -> bool:
        """Remember `key`. False if it is known already."""
        known, order = self._known, self._order
        if key in known:
            return False
        if len(order) == self._limit:
            known.remove(order.popleft())
        known.add(key)
        order.append(key)
        return True

    def clear(self) -> None:
        """Forget all of them."""
        self._known.clear()
        self._order.clear()

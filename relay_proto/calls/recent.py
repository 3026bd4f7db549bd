"""A bounded memory of what has been: the ids of events, of ended calls, of messages."""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar, cast

K = TypeVar("K", str, bytes)
T = TypeVar("T", bound=str)

LONGEST_KEY: Final = 256
MOST_COMMON: Final = 256


class Recent(Generic[K]):
    """The last so many distinct keys. Each new one makes it forget the oldest.

    Of a long key it remembers length and hash alone, so that a peer that makes up
    long ids cannot fill the memory.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[object] = set()
        self._order: deque[object] = deque()

    def __contains__(self, key: K) -> bool:
        return _remembered(key) in self._known

    def add(self, key: K) -> bool:
        """Remember `key`. False if it is known already."""
        known, order = self._known, self._order
        kept = key if len(key) <= LONGEST_KEY else _remembered(key)
        if kept in known:
            return False
        if len(order) == self._limit:
            known.remove(order.popleft())
        known.add(kept)
        order.append(kept)
        return True

    def clear(self) -> None:
        """Forget all of them."""
        self._known.clear()
        self._order.clear()


class Common:
    """Texts that many records have in common, such as the name of a node: each is kept once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def one(self, text: T) -> T:
        """Return `text`, or an equal one that is kept already."""
        if len(text) > LONGEST_KEY:
            return text
        if len(self._known) >= MOST_COMMON:
            self._known.clear()
        return cast("T", self._known.setdefault(text, text))


def _remembered(key: str | bytes) -> object:
    # Nobody outside knows the seed of hash(), so nobody can make two keys collide.
    return key if len(key) <= LONGEST_KEY else (len(key), hash(key))

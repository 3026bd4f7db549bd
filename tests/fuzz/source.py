"""The fuzzer's bytes, read as choices. Past their end every choice is the first one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Source:
    """Reads from the front, so that what a fuzzer appends changes nothing before it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        """From 0 to 255."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def below(self, limit: int) -> int:
        """From 0 to below `limit`, which is at most 256."""
        return self.byte() % limit

    def choice(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def take(self, size: int) -> bytes:
        """At most `size` bytes, as they are."""
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def blob(self) -> bytes:
        """At most 255 bytes, behind their number."""
        return self.take(self.byte())

    def rest(self) -> bytes:
        return self.take(len(self._data))

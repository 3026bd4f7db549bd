"""Waiting: how one thread waits for another, so that Ctrl+C gets through."""

from __future__ import annotations

import os
import queue
import threading
import time
from typing import Final, Generic, TypeVar

T = TypeVar("T")

SLICE: Final = 0.1 if os.name == "nt" else threading.TIMEOUT_MAX
"""Seconds. A wait on a lock hears of Ctrl+C at once, except on Windows: there it has to look."""


class Mailbox(Generic[T]):
    """Items from any thread, a signal handler's included, for one thread that waits."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[T] = queue.SimpleQueue()

    def __len__(self) -> int:
        return self._queue.qsize()

    def put(self, item: T) -> None:
        """Leave an item. Never waits."""
        self._queue.put(item)

    def get(self, timeout: float | None = None) -> T:
        """Take the next item.

        Raises:
            TimeoutError: there was none in `timeout` seconds.
        """
        ends_at = None if timeout is None else time.monotonic() + timeout
        while True:
            left = SLICE if ends_at is None else min(SLICE, ends_at - time.monotonic())
            try:
                return self._queue.get(timeout=max(0.0, left))
            except queue.Empty:
                if ends_at is not None and time.monotonic() >= ends_at:
                    raise TimeoutError(f"it took longer than {timeout:g} s") from None

"""Waiting: how one thread waits for another, so that Ctrl+C gets through."""

from __future__ import annotations

import os
import queue
import threading
import time
from typing import Final, TypeVar

T = TypeVar("T")

SLICE: Final = 0.1 if os.name == "nt" else threading.TIMEOUT_MAX
"""Seconds. A wait on a lock hears of Ctrl+C at once, except on Windows: there it has to look."""


class Mailbox(queue.SimpleQueue[T]):
    """Items from any thread, a signal handler's included, for one thread that waits."""

    __slots__ = ()

    def __len__(self) -> int:
        return self.qsize()

    def take(self, timeout: float | None = None) -> T:
        """Take the next item.

        Raises:
            TimeoutError: there was none in `timeout` seconds.
        """
        if timeout is None and SLICE == threading.TIMEOUT_MAX:
            return self.get()  # by far the most common, and there is nothing to look for
        ends_at = None if timeout is None else time.monotonic() + timeout
        while True:
            left = SLICE if ends_at is None else min(SLICE, ends_at - time.monotonic())
            try:
                return self.get(timeout=max(0.0, left))
            except queue.Empty:
                if ends_at is not None and time.monotonic() >= ends_at:
                    raise TimeoutError(f"it took longer than {timeout:g} s") from None

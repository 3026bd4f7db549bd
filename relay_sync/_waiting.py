"""Waiting: how one thread waits for another, so that Ctrl+C gets through."""

from __future__ import annotations

import os
import queue
import threading
import time
from typing import Any, Final, TypeVar

from relay_proto.adapter.timeouts import timed_out

T = TypeVar("T")

SLICE: Final = 0.1 if os.name == "nt" else threading.TIMEOUT_MAX
"""Seconds. A wait on a lock hears of Ctrl+C at once, except on Windows: there it has to look."""


class Mailbox(queue.SimpleQueue[T]):
    """Items from any thread, a signal handler's included, for one thread that waits."""

    __slots__ = ()

    def __len__(self) -> int:
        return self.qsize()

    def take(self, timeout: float | None = None, *what: object) -> T:
        """Take the next item.

        Raises:
            TimeoutError: there was none in `timeout` seconds. It names `what`: see `timed_out`.
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
                    raise timed_out(timeout, *what) from None


class AppTask:
    """A handler that is running in a thread of its own."""

    def __init__(self, *, cancel_on_end: bool = False) -> None:
        self.cancel_on_end = cancel_on_end
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self._waits_for: Mailbox[Any] | None = None

    def cancel(self, error: BaseException) -> None:
        """Let what it waits for, or will wait for next, raise `error`."""
        with self._lock:
            self._error = error
            if self._waits_for is not None:
                self._waits_for.put(None)

    def wait(self, mailbox: Mailbox[T], timeout: float | None, *what: object) -> T:
        """Wait for an item, or be cancelled."""
        self._begin(mailbox)
        try:
            return mailbox.take(timeout, *what)
        finally:
            self._begin(None)

    def _begin(self, mailbox: Mailbox[Any] | None) -> None:
        with self._lock:
            self._waits_for = mailbox
            if self._error is not None:
                raise self._error


class _Current(threading.local):
    task: AppTask | None = None


current = _Current()
"""The handler that this thread is running."""

"""Waiting: how one thread waits for another, so that Ctrl+C gets through."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from relay_proto.adapter.timeouts import timed_out

T = TypeVar("T")

SLICE: Final = 0.1 if os.name == "nt" else 1.0
"""Seconds after which the main thread looks for signals while it waits on a lock.

Signals end such a wait, except on Windows, and except one that comes in the moment in which the
wait begins, or that the system gives to another thread.
"""


def longest_wait() -> float:
    """Seconds for which this thread may wait on a lock: Python handles signals in the main one."""
    is_main = threading.current_thread() is threading.main_thread()
    return SLICE if is_main or os.name == "nt" else threading.TIMEOUT_MAX


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
        if current.seat is not None and (virtual := current.virtual) is not None:
            return self._take_in(virtual, timeout, *what)
        longest = longest_wait()
        if timeout is None and longest == threading.TIMEOUT_MAX:
            return self.get()  # by far the most common, and there is nothing to look for
        ends_at = None if timeout is None else time.monotonic() + timeout
        while True:
            left = longest if ends_at is None else min(longest, ends_at - time.monotonic())
            try:
                return self.get(timeout=max(0.0, left))
            except queue.Empty:
                if ends_at is not None and time.monotonic() >= ends_at:
                    raise timed_out(timeout, *what) from None

    def _take_in(self, virtual: Virtual, timeout: float | None, *what: object) -> T:
        while True:
            if not virtual.wait(self.qsize, timeout):
                raise timed_out(timeout, *what)
            with suppress(queue.Empty):  # another thread may have been faster
                return self.get_nowait()


class Virtual(Protocol):
    """The virtual time of a rehearsal, for the threads that take part in it."""

    def wait(self, happened: Callable[[], object], timeout: float | None, /) -> bool:
        """Wait until `happened` is true, for `timeout` seconds at most; return whether it is."""
        ...

    def join(self) -> None:
        """Let this thread take part, too."""

    def adopt(self, client: Any, /) -> None:
        """Lead a client to the exchange of the rehearsal, before it has connected."""

    def monotonic(self) -> float:
        """What `time.monotonic` says."""
        ...

    def time(self) -> float:
        """What `time.time` says."""
        ...

    def start(self, thread: threading.Thread, /) -> None:
        """Start a thread that takes part."""

    def has_left(self, thread: threading.Thread, /) -> bool:
        """Whether a thread does not take part, or not any more."""
        ...


class AppTask:
    """A handler that is running in a thread of its own."""

    def __init__(self, *, cancel_on_end: bool = False) -> None:
        self.cancel_on_end = cancel_on_end
        self._began = self._given_back = False
        self._lock = threading.RLock()  # garbage may end the call while it is held
        self._error: BaseException | None = None
        self._waits_for: Mailbox[Any] | None = None

    def begin(self) -> bool:
        """Take the call; false if it has gone back to the service."""
        with self._lock:
            self._began = not self._given_back
            return self._began

    def give_back(self) -> bool:
        """See `Running`."""
        with self._lock:
            self._given_back = not self._began
            return self._given_back

    def cancel(self, error: BaseException) -> None:
        """Let what it waits for, or will wait for next, raise `error`."""
        with self._lock:
            self._error = error
            if self._waits_for is not None:
                self._waits_for.put(None)

    def wait(self, mailbox: Mailbox[T], timeout: float | None, *what: object) -> T:
        """Wait for an item, or be cancelled."""
        self._now_waits_for(mailbox)
        try:
            return mailbox.take(timeout, *what)
        finally:
            self._now_waits_for(None)

    def _now_waits_for(self, mailbox: Mailbox[Any] | None) -> None:
        with self._lock:
            self._waits_for = mailbox
            if self._error is not None:
                raise self._error


class Seat:
    """The place of a thread in a rehearsal. It is in none while `virtual` is None."""

    def __init__(self) -> None:
        self.virtual: Virtual | None = None


class _Current(threading.local):
    task: AppTask | None = None
    """The handler that this thread is running."""
    seat: Seat | None = None
    """There is one if this thread takes part in a rehearsal, or did."""

    @property
    def virtual(self) -> Virtual | None:
        """The time of the rehearsal in which this thread takes part."""
        return None if self.seat is None else self.seat.virtual


current = _Current()
"""What is different in each thread."""

"""The reactor: one selector, and a way to wake whoever sleeps in it.

All but `post` and `wake` belongs to the I/O thread.
"""

from __future__ import annotations

import selectors
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from ._waiting import current

READ: Final = selectors.EVENT_READ
WRITE: Final = selectors.EVENT_WRITE

LONGEST_SLEEP: Final = 10.0
"""Seconds. Nothing depends on it: it bounds the harm of a wake-up that an interrupt took away."""


class Reactor:
    """Calls back what is ready, and what other threads have posted."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self._ready: dict[socket.socket, Callable[[], None]] = {}
        """What is called back now for each socket: one round of `poll` may change it."""
        self.watch(self._ear, READ, self._hear)
        self._posted: deque[Callable[[], None]] = deque()
        self._sleeping = False

    def post(self, function: Callable[[], None]) -> None:
        """Let the I/O thread call `function`, which must not raise. From any thread."""
        self._posted.append(function)
        self.wake()

    def wake(self) -> None:
        """End the sleep of the I/O thread. From any thread."""
        if self._sleeping:
            # A full pipe wakes as well; a closed one has nobody left to wake.
            with suppress(OSError):
                self._bell.send(b"\0")

    def watch(self, sock: socket.socket, events: int, ready: Callable[[], None]) -> None:
        """Call `ready` whenever `sock` is; other events than before replace these."""
        try:
            self._selector.modify(sock, events, ready)
        except KeyError:
            self._selector.register(sock, events, ready)
        self._ready[sock] = ready

    def forget(self, sock: socket.socket) -> None:
        """Watch `sock` no more, in this round either. It may be closed already."""
        if self._ready.pop(sock, None) is not None:
            # After a `watch` that failed, the selector may not know it.
            with suppress(KeyError, ValueError):
                self._selector.unregister(sock)

    def poll(self, timeout: float | None) -> None:
        """Sleep until something is ready or posted, `timeout` seconds at most; call what is ready.

        One socket that is called back may forget another that is ready, too, and close it.
        """
        if timeout != 0 and (virtual := current.virtual) is not None:
            virtual.wait(self._has_work, timeout)
            timeout = 0
        self._sleeping = True
        try:
            # Whoever posts from now on wakes; who posted before is seen here.
            longest = LONGEST_SLEEP if timeout is None else min(timeout, LONGEST_SLEEP)
            ready = self._selector.select(0 if self._posted else longest)
        finally:
            self._sleeping = False
        for key, _ in ready:
            call = self._ready.get(cast("socket.socket", key.fileobj))
            if call is not None and call is key.data:
                call()

    def _has_work(self) -> bool:
        return bool(self._posted or self._selector.select(0))

    def run_posted(self) -> None:
        """Call what is posted by now."""
        for _ in range(len(self._posted)):
            self._posted.popleft()()

    def run_all_posted(self) -> None:
        """Call all that is posted: at the end, when nothing will be ready any more."""
        while self._posted:
            self.run_posted()

    def close(self) -> None:
        """Give back the selector and the pipe: in a forked child, its copies of them."""
        self._selector.close()
        self._ear.close()
        self._bell.close()

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            self._ear.recv(4096)

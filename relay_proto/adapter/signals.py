"""Signals: what they mean to a client that serves; the handlers of before come back at the end."""

from __future__ import annotations

import enum
import math
import signal
from collections.abc import Iterable
from typing import Final

from .forks import forks

TOGETHER: Final = 0.5
"""Seconds. Signals so close together are one: a terminal, or ``timeout``, sends it to a process
group, and ``uv run``, or ``timeout`` again, passes it on to the process as well.
"""


class Stop(enum.Enum):
    """What a client that serves does because of a signal."""

    DRAIN = enum.auto()
    """It takes no more calls, and lets those that are up finish."""
    CLOSE = enum.auto()
    """It disconnects at once."""
    NOTHING = enum.auto()
    """It goes on with what it does because of the signal before."""


class StopSignals:
    """What SIGINT and SIGTERM mean, one after another."""

    def __init__(self) -> None:
        self._counted_at = -math.inf
        self._draining = False

    def hear(self, number: int, now: float, *, busy: bool) -> Stop:
        """Return what to do. `busy` says whether calls are up, or their handlers run."""
        if now < self._counted_at + TOGETHER:
            return Stop.NOTHING
        self._counted_at = now
        if number == signal.SIGTERM and busy and not self._draining:
            self._draining = True
            return Stop.DRAIN
        return Stop.CLOSE


class HandlersBefore:
    """The handlers of some signals, as they are when this is made.

    Who makes this handles the signals itself from then on. In a forked child nobody does
    so any more: a child that kept the handlers could not be terminated, and on asyncio
    and on trio its signals would even reach the parent.
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        self._handlers = {number: signal.getsignal(number) for number in numbers}
        forks.call_in_child(self._forked)

    def restore(self) -> None:
        """Install them again. In the main thread."""
        for number, handler in self._handlers.items():
            # None is a handler that Python did not install, and cannot.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _forked(self) -> None:
        signal.set_wakeup_fd(-1)
        self.restore()

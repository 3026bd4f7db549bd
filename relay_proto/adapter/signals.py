"""Signals: the handlers that were there before ours come back, at the end and in a child."""

from __future__ import annotations

import signal
from collections.abc import Iterable

from .forks import forks


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

"""Signals, where they can be had."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from relay_proto.adapter.signals import HandlersBefore

from ._waiting import Mailbox


@contextmanager
def stop_signals(mail: Mailbox[signal.Signals | None]) -> Generator[None]:
    """Put SIGINT and SIGTERM into `mail`; not off the main thread, where they cannot be had."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def receive(number: int, _frame: FrameType | None) -> None:
        mail.put(signal.Signals(number))

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = HandlersBefore(numbers)
    for number in numbers:
        signal.signal(number, receive)
    try:
        yield
    finally:
        before.restore()

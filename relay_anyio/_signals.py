"""Signals, where they can be had."""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import anyio

from relay_proto.adapter.signals import HandlersBefore


@asynccontextmanager
async def stop_signals() -> AsyncGenerator[AsyncIterator[signal.Signals]]:
    """SIGINT and SIGTERM, where they can be had: not off the main thread, not everywhere."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = HandlersBefore(numbers)
    try:
        receiver = anyio.open_signal_receiver(*numbers)
        received = receiver.__enter__()
    except (NotImplementedError, RuntimeError, ValueError):
        del before  # no handlers are installed
        yield _never()
        return
    try:
        yield received
    finally:
        receiver.__exit__(None, None, None)


async def _never() -> AsyncIterator[signal.Signals]:
    await anyio.sleep_forever()
    yield signal.SIGINT

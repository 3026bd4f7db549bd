"""Signals, where they can be had."""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import anyio


@asynccontextmanager
async def stop_signals() -> AsyncGenerator[AsyncIterator[signal.Signals]]:
    """SIGINT and SIGTERM, where they can be had: not off the main thread, not everywhere."""
    try:
        receiver = anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM)
        received = receiver.__enter__()
    except (NotImplementedError, RuntimeError, ValueError):
        yield _never()
        return
    try:
        yield received
    finally:
        receiver.__exit__(None, None, None)


async def _never() -> AsyncIterator[signal.Signals]:
    await anyio.sleep_forever()
    yield signal.SIGINT

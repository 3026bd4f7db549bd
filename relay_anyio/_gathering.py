"""Gathering: what several tasks are about to send leaves in one write.

A step that wakes several waiting tasks is soon followed by a request from each. They do
not write at once, as they otherwise would: the writer has its turn behind them, and
takes all that they have left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import anyio.lowlevel

SEVERAL: Final = 2
"""When a step wakes so many tasks, their writes are gathered.

8,000 requests, 64 of them in flight, leave in 190 writes instead of 8,000, and each takes
0.74 of the CPU time (the request of `benchmarks/script.py`, with this and without).
"""


class Gathering:
    """Whether the next writes of a client are left for the writers of its transports."""

    def __init__(self, wake_writers: Callable[[], object]) -> None:
        self._wake_writers = wake_writers
        self._woken = 0  # in this step
        self._steps = 0  # that have woken several, and whose tasks may not have had their turn

    @property
    def active(self) -> bool:
        """Whether it is so. The writers are then awake."""
        return self._steps > 0

    def begin_step(self) -> None:
        """Count anew how many tasks are woken."""
        self._woken = 0

    def count_woken(self) -> None:
        """A waiting task has been woken."""
        self._woken += 1
        if self._woken == SEVERAL:
            self._steps += 1
            self._wake_writers()

    async def wait(self) -> None:
        """Let those that were woken have their turn. It is over then, unless others were woken."""
        steps = self._steps
        await anyio.lowlevel.checkpoint()
        if steps == self._steps:
            self._steps = 0

"""Virtual time: event loops whose clock jumps to whatever is due next, and never waits.

Beside `_background` this is the one module that knows both event loops.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Sequence
from typing import Any, Final

MOST_PASSES: Final = 100_000
"""Passes of an event loop at one instant, before somebody is taken to spin."""


class DeadlockError(RuntimeError):
    """Every task waits for another: nothing is scheduled, and nothing can come."""

    def __init__(self, tasks: Sequence[str]) -> None:
        self.tasks = sorted(tasks)
        """Their names."""
        names = ", ".join(self.tasks)
        super().__init__(f"nothing is scheduled, and these tasks wait for ever: {names}")


class Guard:
    """Notices that the event loop goes round and round, and time does not pass."""

    def __init__(self) -> None:
        self.spun = False
        self.give_up: Callable[[], object] = lambda: None
        """What is done about it."""
        self._now = 0.0
        self._passes = 0

    def passed(self, now: float) -> None:
        """The event loop has been round."""
        self._passes = self._passes + 1 if now == self._now else 0
        self._now = now
        if self._passes > MOST_PASSES:
            self._passes = 0
            self.spun = True
            self.give_up()


def virtual_time(backend: str = "asyncio", guard: Guard | None = None) -> dict[str, Any]:
    """The ``backend_options`` that make `anyio.run` jump through time instead of waiting."""
    guard = guard or Guard()
    if backend == "trio":
        return _on_trio(guard)
    return {"loop_factory": lambda: VirtualLoop(guard)}


def _on_trio(guard: Guard) -> dict[str, Any]:
    from trio.abc import Instrument  # noqa: PLC0415 - not everybody has trio
    from trio.testing import MockClock  # noqa: PLC0415

    clock = MockClock(autojump_threshold=0)

    class Watch(Instrument):
        def before_io_wait(self, timeout: float) -> None:
            del timeout
            guard.passed(clock.current_time())

    return {"clock": clock, "instruments": [Watch()]}


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop of asyncio's whose time jumps to whatever is due next.

    It waits for nothing real: threads and sockets get no time while a timer is set.
    Where no timer is set it gives them `patience`, in real seconds.

    Raises:
        DeadlockError: nothing is scheduled, and nothing has come.
    """

    patience = 1.0

    def __init__(self, guard: Guard | None = None) -> None:
        self._jumping = _Selector(self, guard or Guard())
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jumping.now

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for the threads: they know nothing of virtual time, and so of no timeout."""
        del timeout
        await super().shutdown_default_executor()


class _Selector(selectors.DefaultSelector):
    """Looks for what is ready; where another would wait, it moves the clock on."""

    def __init__(self, loop: VirtualLoop, guard: Guard) -> None:
        super().__init__()
        self.now = 0.0
        self._loop = loop
        self._guard = guard

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else self._loop.patience)
        if not ready:
            if timeout is None:
                raise DeadlockError([task.get_name() for task in asyncio.all_tasks(self._loop)])
            self.now += max(0.0, timeout)
        self._guard.passed(self.now)
        return ready

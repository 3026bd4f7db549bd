"""Virtual time: event loops whose clock jumps to the next deadline instead of waiting.

Only this module and `_background` know both event loops.
"""

from __future__ import annotations

import asyncio
import selectors
import weakref
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import anyio

from relay_proto.adapter.stories import DeadlockError

from ._here import check_installed, library_of_running_loop
from ._still_open import described_tasks, where

T = TypeVar("T")

NOT_VIRTUAL: Final = "only virtual time can jump: run the test with the options of `virtual_time`"
MOST_PASSES: Final = 100_000
"""Passes of an event loop at one instant. After more, a task must be in a busy loop."""


class Guard:
    """Notice a busy loop: the event loop turns, but time does not pass."""

    def __init__(self) -> None:
        self.all_passes = 0
        """Passes of the event loop since the beginning."""
        self._now = 0.0
        self._passes = 0
        self.forget()

    def forget(self) -> None:
        """Forget the rehearsal that was: another one may begin in the same event loop."""
        self.spun = False
        """Whether a busy loop was found."""
        self.give_up: Callable[[], object] = lambda: None
        """What to call when a busy loop is found."""
        self.still_open: list[str] = []
        """What is said of a rehearsal that was given up."""
        self.blocked_at = ""
        """The line that has blocked the thread of the event loop for too long, if one has."""

    def turned(self) -> None:
        """Note that the event loop turns: in real time, where only this is known."""
        self.all_passes += 1
        if self.blocked_at and not self.still_open:
            self.give_up()
            self.still_open = []  # the line that blocked it says more

    def passed(self, now: float) -> None:
        """Count one pass of an event loop whose time is virtual."""
        self.turned()
        self._passes = self._passes + 1 if now == self._now else 0
        self._now = now
        if self._passes > MOST_PASSES:
            self._passes = 0
            self.spun = True
            self.give_up()


def virtual_time(backend: str = "asyncio", guard: Guard | None = None) -> dict[str, Any]:
    """Return the ``backend_options`` with which `anyio.run` runs in virtual time."""
    guard = guard or Guard()
    check_installed(backend)
    if backend == "trio":
        return _on_trio(guard)
    return {"loop_factory": lambda: VirtualLoop(guard)}


def run_in_virtual_time(
    function: Callable[[], Awaitable[T]], backend: str = "asyncio", guard: Guard | None = None
) -> T:
    """Run an async function in virtual time, and return its result.

    On asyncio, and with AnyIO 4.14 on trio too, this is `anyio.run` with the options of
    `virtual_time`. Before 4.14, `anyio.run` ignores all options on trio.
    """
    options = virtual_time(backend, guard)
    if backend == "trio":
        import trio  # noqa: PLC0415 - not everybody has trio

        return trio.run(function, **options)
    return anyio.run(function, backend=backend, backend_options=options)


def guard_of_running_loop() -> Guard | None:
    """Return the guard of the event loop that runs here, or None if its time is real."""
    if library_of_running_loop() == "trio":
        import trio  # noqa: PLC0415 - not everybody has trio

        return _guards_on_trio.get(trio.lowlevel.current_clock())
    return None if (loop := _virtual_loop()) is None else loop.guard


_guards_on_trio: Final = weakref.WeakKeyDictionary[Any, Guard]()
"""By the clock."""


def jump(seconds: float) -> None:
    """Move the clock of the event loop that runs here, so that its timers are late.

    Raises:
        RuntimeError: its time is not virtual.
    """
    if library_of_running_loop() == "trio":
        import trio  # noqa: PLC0415 - not everybody has trio
        from trio.testing import MockClock  # noqa: PLC0415

        clock = trio.lowlevel.current_clock()
        if isinstance(clock, MockClock):
            clock.jump(seconds)
            return
    elif (loop := _virtual_loop()) is not None:
        loop.jump(seconds)
        return
    raise RuntimeError(NOT_VIRTUAL)


def forget_failures() -> None:
    """Forget what was raised until now, and all tasks that have begun by now.

    What this task starts from now on is its own: it may ask for the result after the
    rehearsal, and asyncio writes to the log if it never does.
    """
    if (loop := _virtual_loop()) is not None:
        loop.forget_failures()


def take_failures() -> list[BaseException]:
    """Return what tasks and callbacks of asyncio have raised, and nobody has asked for.

    Those of each loop are returned once. On trio, each task has somebody who is told.
    """
    return [] if (loop := _virtual_loop()) is None else loop.take_failures()


def _virtual_loop() -> VirtualLoop | None:
    if library_of_running_loop() == "trio":
        return None
    loop = asyncio.get_running_loop()
    return loop if isinstance(loop, VirtualLoop) else None


def _on_trio(guard: Guard) -> dict[str, Any]:
    from trio.abc import Instrument  # noqa: PLC0415 - not everybody has trio
    from trio.testing import MockClock  # noqa: PLC0415

    clock = MockClock(autojump_threshold=0)

    class Watch(Instrument):
        def before_io_wait(self, timeout: float) -> None:
            del timeout
            guard.passed(clock.current_time())

    _guards_on_trio[clock] = guard
    return {"clock": clock, "instruments": [Watch()]}


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop whose clock jumps to the next timer.

    While a timer is set, the loop does not wait for threads or sockets. While no timer
    is set, it waits `patience` real seconds for them.

    Raises:
        DeadlockError: no timer is set, and nothing happened for `patience` seconds.
    """

    patience = 1.0
    """Real seconds to wait for threads and sockets."""

    def __init__(self, guard: Guard | None = None) -> None:
        self.guard = guard or Guard()
        self._jumping = _Selector(self, self.guard)
        self._failures: list[BaseException] = []
        self._tasks: weakref.WeakKeyDictionary[asyncio.Future[Any], None]
        self._tasks = weakref.WeakKeyDictionary()  # in the order in which they began
        self._asks_later: asyncio.Task[Any] | None = None
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._jumping.now

    def jump(self, seconds: float) -> None:
        """Let virtual seconds pass in which nothing runs."""
        self._jumping.now += seconds

    def create_task(self, *args: Any, **kwargs: Any) -> Any:
        """Create a task, and remember it for `take_failures`."""
        task = super().create_task(*args, **kwargs)
        if self._asks_later is None or asyncio.current_task(self) is not self._asks_later:
            self._tasks[task] = None
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Report what nobody has asked for, and keep it for `take_failures`."""
        error = context.get("exception")
        if isinstance(error, BaseException):
            self._failures.append(error)
        super().call_exception_handler(context)

    def forget_failures(self) -> None:
        """See `forget_failures` of this module."""
        self._failures.clear()
        self._tasks.clear()
        self._asks_later = asyncio.current_task(self)

    def take_failures(self) -> list[BaseException]:
        """See `take_failures` of this module."""
        for task in tuple(self._tasks):
            # Only this says whether somebody has asked; asyncio itself looks when it is collected.
            if task.done() and getattr(task, "_log_traceback", False):
                error = task.exception()  # and now somebody has
                assert error is not None, "a task without an error has no traceback to log"
                self._failures.append(error)
        failures, self._failures = self._failures, []
        return failures

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for the threads without a timeout, because they run in real time."""
        del timeout
        await super().shutdown_default_executor()


class _Selector(selectors.DefaultSelector):
    """A selector that moves the clock forward instead of waiting."""

    def __init__(self, loop: VirtualLoop, guard: Guard) -> None:
        super().__init__()
        self.now = 0.0
        self._loop = loop
        self._guard = guard

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else self._loop.patience)
        if not ready:
            if timeout is None:
                tasks = asyncio.all_tasks(self._loop)
                places = described_tasks(where(task.get_name(), task.get_coro()) for task in tasks)
                raise DeadlockError([task.get_name() for task in tasks], places)
            self.now += max(0.0, timeout)
        self._guard.passed(self.now)
        return ready

"""The standard library in a rehearsal: clocks, sleeping and threads, in virtual time.

While a rehearsal is under way, `time`, `threading` and what stands on them look at
which thread asks. One that takes part gets virtual time, any other the real one.
"""

# What waits on a condition is what `threading` makes of it.
# pyright: reportPrivateUsage=false, reportAttributeAccessIssue=false, reportUnknownMemberType=false
# ruff: noqa: SLF001

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from ._waiting import current

NANOSECONDS: Final = 1_000_000_000
ENDING: Final = 1.0
"""Real seconds for a thread that has nothing left to do."""


@dataclass(frozen=True, slots=True)
class Real:
    """What there is without a rehearsal."""

    monotonic: Callable[[], float] = time.monotonic
    monotonic_ns: Callable[[], int] = time.monotonic_ns
    perf_counter: Callable[[], float] = time.perf_counter
    perf_counter_ns: Callable[[], int] = time.perf_counter_ns
    time_ns: Callable[[], int] = time.time_ns
    sleep: Callable[[float], None] = time.sleep
    start: Callable[[threading.Thread], None] = threading.Thread.start
    join: Callable[[threading.Thread, float | None], None] = threading.Thread.join
    wait: Callable[[threading.Condition, float | None], bool] = threading.Condition.wait
    time: Callable[[], float] = time.time  # last, because it hides the module


REAL: Final = Real()


def _monotonic() -> float:
    virtual = current.virtual
    return REAL.monotonic() if virtual is None else virtual.monotonic()


def _monotonic_ns() -> int:
    virtual = current.virtual
    return REAL.monotonic_ns() if virtual is None else int(virtual.monotonic() * NANOSECONDS)


def _perf_counter() -> float:
    virtual = current.virtual
    return REAL.perf_counter() if virtual is None else virtual.monotonic()


def _perf_counter_ns() -> int:
    virtual = current.virtual
    return REAL.perf_counter_ns() if virtual is None else int(virtual.monotonic() * NANOSECONDS)


def _time() -> float:
    virtual = current.virtual
    return REAL.time() if virtual is None else virtual.time()


def _time_ns() -> int:
    virtual = current.virtual
    return REAL.time_ns() if virtual is None else int(virtual.time() * NANOSECONDS)


def _sleep(seconds: float) -> None:
    virtual = current.virtual
    if virtual is None or not seconds >= 0:  # the real one says what is wrong
        REAL.sleep(seconds)
    else:
        virtual.wait(_never, seconds)


def _never() -> bool:
    return False


def _start(thread: threading.Thread) -> None:
    virtual = current.virtual
    if virtual is None:
        REAL.start(thread)
    else:
        virtual.start(thread)


def _join(thread: threading.Thread, timeout: float | None = None) -> None:
    virtual = current.virtual
    if virtual is None or thread is threading.current_thread() or virtual.has_left(thread):
        REAL.join(thread, timeout)
    elif virtual.wait(lambda: virtual.has_left(thread), timeout):
        REAL.join(thread, ENDING)


class _Waiter:
    """Who waits on a condition, to `threading.Condition.notify`."""

    def __init__(self) -> None:
        self.is_notified = False

    def release(self) -> None:
        self.is_notified = True


def _wait(condition: Any, timeout: float | None = None) -> bool:
    """Do what `threading.Condition.wait` does, on which all of `queue` and `threading` stands."""
    virtual = current.virtual
    if virtual is None or not condition._is_owned():
        return REAL.wait(condition, timeout)
    waiter = _Waiter()
    condition._waiters.append(waiter)
    state = condition._release_save()
    try:
        return virtual.wait(lambda: waiter.is_notified, timeout)
    finally:
        condition._acquire_restore(state)
        if not waiter.is_notified:
            condition._waiters.remove(waiter)


_OF_TIME: Final[Mapping[object, object]] = {
    REAL.monotonic: _monotonic,
    REAL.monotonic_ns: _monotonic_ns,
    REAL.perf_counter: _perf_counter,
    REAL.perf_counter_ns: _perf_counter_ns,
    REAL.time: _time,
    REAL.time_ns: _time_ns,
    REAL.sleep: _sleep,
}
"""What stands for the functions of `time`, wherever a module has imported them."""
_OF_THREADS: Final = (
    (threading.Thread, "start", REAL.start, _start),
    (threading.Thread, "join", REAL.join, _join),
    (threading.Condition, "wait", REAL.wait, _wait),
    # For executors: this one does not wait in C.
    (queue, "SimpleQueue", queue.SimpleQueue, getattr(queue, "_PySimpleQueue", queue.SimpleQueue)),
)
_NAMES: Final = (
    *("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"),
    *("time", "time_ns", "sleep", "_time", "_sleep", "_monotonic"),
)
"""Under which names modules have them."""


class _Patches:
    """Replaces functions of the standard library while a rehearsal is under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._undo: list[tuple[object, str, object]] = []

    @contextmanager
    def applied(self) -> Generator[None]:
        """Replace them for the time of a block, which may be within another, in any thread."""
        with self._lock:
            self._count += 1
            if self._count == 1:
                self._apply()
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1
                if self._count == 0:
                    self._restore()

    def _apply(self) -> None:
        for module in tuple(sys.modules.values()):
            names: Mapping[str, object] = getattr(module, "__dict__", {})
            for name in _NAMES:
                before = names.get(name)
                # Most names are of other things, which may have no hash.
                if callable(before) and type(before) in _KINDS and before in _OF_TIME:
                    self._replace(module, name, before, _OF_TIME[before])
        for owner, name, before, instead in _OF_THREADS:
            self._replace(owner, name, before, instead)

    def _replace(self, owner: object, name: str, before: object, instead: object) -> None:
        setattr(owner, name, instead)
        self._undo.append((owner, name, before))

    def _restore(self) -> None:
        for owner, name, before in self._undo:
            setattr(owner, name, before)
        self._undo.clear()


_KINDS: Final = frozenset(map(type, _OF_TIME))
PATCHES: Final = _Patches()

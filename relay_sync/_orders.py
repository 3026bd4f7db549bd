"""Orders: what other threads leave for the I/O thread to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar, cast

from relay_proto.errors import ClientClosedError, RelayError
from relay_proto.pending import Pending

from ._waiting import Mailbox

R = TypeVar("R")

Waiter: TypeAlias = Mailbox[None]
"""Gets its one item when what it waits for is known."""


class Order(Generic[R]):
    """A function for the I/O thread to call, and what has become of it."""

    __slots__ = ("_error", "_function", "follow", "value", "waiter")

    def __init__(self, function: Callable[[], R], *, follow: bool) -> None:
        self._function = function
        self.follow = follow
        """Whether the value is a `Pending` whose result is waited for, too."""
        self.waiter: Waiter = Mailbox()
        self.value: R | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Call it."""
        try:
            self.value = self._function()
        except BaseException as error:  # noqa: BLE001 - it is raised where the order came from
            self._error = error

    def result(self) -> R:
        """What it returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return cast("R", self.value)


class Waiters:
    """Who waits for which result. All of it is called with the lock of the engine held."""

    def __init__(self) -> None:
        self._of: dict[Pending[Any], list[Waiter]] = {}

    def add(self, pending: Pending[Any], waiter: Waiter) -> None:
        """Wake `waiter` when `pending` settles."""
        self._of.setdefault(pending, []).append(waiter)

    def remove(self, pending: Pending[Any], waiter: Waiter) -> None:
        """Wake `waiter` no more."""
        waiters = self._of.get(pending, [])
        if waiter in waiters:
            waiters.remove(waiter)
        if not waiters:
            self.forget(pending)

    def forget(self, pending: Pending[Any]) -> None:
        """Wake nobody when `pending` settles."""
        self._of.pop(pending, None)

    def wake(self, pending: Pending[Any]) -> None:
        """Wake all who wait for `pending`."""
        for waiter in self._of.pop(pending, ()):
            waiter.put(None)

    def wake_all(self) -> None:
        """Wake all who wait for anything."""
        for pending in tuple(self._of):
            self.wake(pending)


def now() -> float:
    """The time for a core. In a rehearsal, `time` has other functions than before."""
    return time.monotonic()


def timed(function: Callable[..., R], *args: Any) -> R:
    """Call a command of a core, with the time."""
    return function(*args, time.monotonic())


def result_of(pending: Pending[R], failure: RelayError | None) -> R:
    """The result of what was waited for. `failure` says why the engine has ended, if it has."""
    if failure is not None and (not pending.settled or pending.error is not None):
        raise failure.with_traceback(None)
    if not pending.settled:  # the engine has stopped for a bug that it has logged
        raise ClientClosedError
    return pending.result()

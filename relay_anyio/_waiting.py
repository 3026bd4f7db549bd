"""Waiting: a task waits for the result of a command, with no coroutine of its own for that.

A program may have thousands of tasks that wait for the end of their calls, and a coroutine
takes four times the memory of this.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeVar

from relay_proto.pending import Pending

from ._background import Waker

R = TypeVar("R")


class WakingEngine(Protocol):
    """What waits need of the engine."""

    def waker_of(self, pending: Pending[Any], /) -> Waker:
        """Return what is woken when `pending` settles, or nothing runs any more."""
        ...

    def forget(self, waker: Waker, /) -> None:
        """Nobody waits for this one any more."""

    def result(self, pending: Pending[R], /) -> R:
        """Return the result of what has settled, or raise why nothing runs any more."""
        ...


class Waiting(Generator[Any, Any, R]):
    """Await this, once, for the result of a `Pending`. A waiter that is cancelled is forgotten."""

    __slots__ = ("_engine", "_pending", "_steps", "_waker")

    _waker: Waker
    _steps: Generator[Any, Any, object]

    def __init__(self, engine: WakingEngine, pending: Pending[R]) -> None:
        self._engine = engine
        self._pending = pending

    def __await__(self) -> Generator[Any, Any, R]:
        assert not self._pending.settled, "await it at once: nobody would be woken any more"
        self._waker = self._engine.waker_of(self._pending)
        self._steps = self._waker.__await__()
        return self

    def send(self, value: Any, /) -> Any:
        """Go on: see `Generator`."""
        return self._go_on(self._steps.send, value)

    def throw(self, *error: Any) -> Any:
        """Go on with an error, such as a cancellation: see `Generator`."""
        return self._go_on(self._steps.throw, *error)

    def _go_on(self, step: Callable[..., object], *value: Any) -> object:
        try:
            return step(*value)
        except StopIteration:
            self._engine.forget(self._waker)
        except BaseException:
            self._engine.forget(self._waker)
            wakers = self._pending.wakers
            self._pending.wakers = tuple(one for one in wakers if one is not self._waker)
            raise
        raise StopIteration(self._engine.result(self._pending))

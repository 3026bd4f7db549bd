"""`Pending`: the result of a command, before and after it is known."""

from __future__ import annotations

import enum
from typing import Any, Final, Generic, TypeVar, cast

R = TypeVar("R")


class _Phase(enum.Enum):
    WAITING = "waiting"
    RESULT = "result"
    ERROR = "error"


# Before Python 3.12, to look up a member costs ten times as much as this.
_WAITING: Final = _Phase.WAITING
_RESULT: Final = _Phase.RESULT
_ERROR: Final = _Phase.ERROR


class Pending(Generic[R]):
    """A result to come. It settles exactly once, with a result or an error.

    The core announces it with a `Settled` output. `callback` and `wakers` are opaque
    to the core: what an adapter left to be called then, and to wake who waits. `source`
    is opaque to the adapter: what the core must undo if the command is cancelled.
    `number` is the recorder's, 0 without one.
    """

    __slots__ = ("_phase", "_value", "callback", "number", "source", "wakers")

    def __init__(self, callback: object = None) -> None:
        self._phase = _WAITING
        self._value: R | BaseException | None = None
        self.callback = callback
        self.source: object = None
        self.number = 0
        self.wakers: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return f"<Pending {self._phase.value}>"

    @property
    def settled(self) -> bool:
        """Whether the result or the error is known."""
        return self._phase is not _WAITING

    @property
    def error(self) -> BaseException | None:
        """The error it settled with, or None."""
        return cast("BaseException", self._value) if self._phase is _ERROR else None

    def result(self) -> R:
        """Return the result, or raise the error.

        Raises:
            AssertionError: it has not settled yet.
        """
        assert self._phase is not _WAITING, "asked for a result before it was settled"
        if self._phase is _ERROR:
            # Several tasks may raise the same error: none may see the others' traceback.
            raise cast("BaseException", self._value).with_traceback(None)
        return cast("R", self._value)

    def resolve(self, result: R) -> None:
        """Settle with `result`. The core's to call."""
        self._settle(_RESULT, result)

    def fail(self, error: BaseException) -> None:
        """Settle with `error`. The core's to call."""
        self._settle(_ERROR, error)

    def _settle(self, phase: _Phase, value: R | BaseException) -> None:
        assert self._phase is _WAITING, "settled twice"
        self._phase, self._value = phase, value

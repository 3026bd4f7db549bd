"""`Pending`: the result of a command, which may not be known yet.

Public: for authors of adapters.
"""

from __future__ import annotations

import enum
from typing import Any, Final, Generic, TypeVar, cast

R = TypeVar("R")


class _Phase(enum.Enum):
    WAITING = "waiting"
    RESULT = "result"
    ERROR = "error"


# Before Python 3.12, looking up a member of an enum is ten times slower than a global name.
_WAITING: Final = _Phase.WAITING
_RESULT: Final = _Phase.RESULT
_ERROR: Final = _Phase.ERROR


class Pending(Generic[R]):
    """The future result of a command.

    It settles exactly once, with a result or an error. The core then puts out `Settled`.

    Two attributes belong to the adapter, and the core only keeps them: `callback` is a
    function of the application, to be called with the result, and `wakers` wake the
    tasks or threads that wait. `source` belongs to the core: it says what to undo if the
    command is cancelled.
    """

    __slots__ = ("__weakref__", "_phase", "_value", "callback", "source", "wakers")

    def __init__(self, callback: object = None) -> None:
        self._phase = _WAITING
        self._value: R | BaseException | None = None
        self.callback = callback
        self.source: object = None
        self.wakers: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return f"<Pending {self._phase.value}>"

    @property
    def settled(self) -> bool:
        """Whether there is a result or an error."""
        return self._phase is not _WAITING

    @property
    def error(self) -> BaseException | None:
        """The error, or None if there is none (yet)."""
        return cast("BaseException", self._value) if self._phase is _ERROR else None

    def result(self) -> R:
        """Return the result, or raise the error.

        Raises:
            AssertionError: there is no result yet. Wait for `Settled` first.
        """
        assert self._phase is not _WAITING, "there is no result yet: wait until it has settled"
        if self._phase is _ERROR:
            # Several tasks may raise this error. Each must see its own traceback only.
            raise cast("BaseException", self._value).with_traceback(None)
        return cast("R", self._value)

    def resolve(self, result: R) -> None:
        """Settle with `result`. Only the core calls this."""
        assert self._phase is _WAITING, "a Pending settles only once"
        self._phase, self._value = _RESULT, result

    def fail(self, error: BaseException) -> None:
        """Settle with `error`. Only the core calls this."""
        assert self._phase is _WAITING, "a Pending settles only once"
        self._phase, self._value = _ERROR, error

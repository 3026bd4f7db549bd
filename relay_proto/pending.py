"""`Pending`: the result of a command, which may not be known yet.

Public: for authors of adapters.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

R = TypeVar("R")


class Source:
    """What to undo if a command is cancelled: its request, or `RESULT`."""

    __slots__ = ()


RESULT: Final = Source()
"""What to undo of a command that has settled: its result, such as a call that nobody takes."""


class Pending(Generic[R]):
    """The future result of a command.

    It settles exactly once, with a result or an error. The core then puts out `Settled`.
    `settled` says whether there is a result or an error, and `error` is the error, or None
    if there is none (yet).

    Two attributes belong to the adapter, and the core only keeps them: `callback` is a
    function of the application, to be called with the result, and `wakers` wake the
    tasks or threads that wait. `source` belongs to the core: it says what to undo if the
    command is cancelled. Until the command has settled, that is its request; afterwards it is
    None, or `RESULT`.
    """

    __slots__ = ("__weakref__", "_result", "callback", "error", "settled", "source", "wakers")

    def __init__(self, callback: object = None) -> None:
        self.settled = False
        self.error: BaseException | None = None
        self._result: Any = None  # of type R, once there is one
        self.callback = callback
        self.source: Source | None = None
        self.wakers: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return f"<Pending {'waiting' if not self.settled else 'error' if self.error else 'result'}>"

    def result(self) -> R:
        """Return the result, or raise the error.

        Raises:
            AssertionError: there is no result yet. Wait for `Settled` first.
        """
        assert self.settled, "there is no result yet: wait until it has settled"
        if self.error is not None:
            # Several tasks may raise this error. Each must see its own traceback only.
            raise self.error.with_traceback(None)
        result: R = self._result
        return result

    def resolve(self, result: R) -> None:
        """Settle with `result`. Only the core calls this."""
        assert not self.settled, "a Pending settles only once"
        self.settled, self._result = True, result
        self.source = None  # the request refers to this: no cycle is left behind

    def fail(self, error: BaseException) -> None:
        """Settle with `error`. Only the core calls this."""
        assert not self.settled, "a Pending settles only once"
        self.settled, self.error = True, error
        self.source = None

"""Errands: what blocks is done in threads of our own, for which nobody waits.

A lookup that hangs occupies no thread of the program's, and the program can end
without it. Nothing else can be done about `socket.getaddrinfo`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from .connection_errors import ToldError
from .forks import forks

R = TypeVar("R")

MOST_ERRANDS: Final = 64
"""Threads at the same time. So many are only there if lookups hang."""


class Outcome(Generic[R]):
    """What came of an errand: a result or an error."""

    __slots__ = ("_error", "_result")

    def __init__(self, function: Callable[[], R]) -> None:
        """Call `function`, which may raise whatever it likes."""
        self._error: BaseException | None = None
        try:
            self._result = function()
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is wanted
            self._error = error

    def get(self) -> R:
        """Return the result, or raise the error."""
        if self._error is not None:
            raise self._error
        return self._result


class Errands:
    """Runs errands in daemon threads, no more than `most` at the same time."""

    def __init__(
        self,
        most: int = MOST_ERRANDS,
        busy: str = "lookups of names (or other things that block) hang already",
    ) -> None:
        """`busy` says what the others do if there are too many."""
        self._most = most
        self._busy = busy
        self._renew()
        forks.call_in_child(self._renew)

    def run(
        self, function: Callable[[], R], done: Callable[[Outcome[R]], object], name: str
    ) -> threading.Thread:
        """Call `function` in a thread, and then `done` there, which must not raise.

        Raises:
            ToldError: there are too many already, or the system has no thread.
        """
        try:
            self._free.pop()
        except IndexError:
            raise ToldError(f"{self._most} {self._busy}") from None

        def act() -> None:
            outcome = Outcome(function)
            self._free.append(None)
            done(outcome)

        thread = threading.Thread(target=act, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more, or the interpreter is ending
            self._free.append(None)
            raise ToldError(f"a thread could not be started ({error})") from error
        return thread

    def _renew(self) -> None:
        """In a forked child, the threads of the parent are not there."""
        # No semaphore: it has a lock, and garbage or a signal may run an errand while it is held.
        self._free: list[None] = [None] * self._most


errands: Final = Errands()
"""Those of this process."""

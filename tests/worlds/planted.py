"""Faults planted in the adapters: for each check, what a tired programmer might write.

Each fault names the check that has to notice it, the runtimes on which it is planted, and an
evening that shows it. `tests/faults` has the faults of the core, which the simulation notices.
"""

from __future__ import annotations

import inspect
import socket
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any, Final

from relay_anyio import _driver as anyio_driver
from relay_anyio import _engine as anyio_engine
from relay_proto.adapter import guard
from relay_proto.adapter.delivery import Delivery
from relay_proto.adapter.forks import Forks, forks, refusal
from relay_proto.adapter.logs import Lines
from relay_proto.errors import LocalProtocolError
from relay_proto.outputs import EventReceived
from relay_sync import _reading as sync_reading
from tests.faults.seams import Function, Seam

from .checks import ALONE, IN_ORDER, NOTHING_LOST, ONCE, READ_FIRST, REFUSED, UNHARMED
from .evenings import Does, Elsewhere, Evening, Failure, Freeze, Misuse, Piece, Trouble, Visit, Way
from .performing import RUNTIMES, Runtime

ASYNC: Final[tuple[Runtime, ...]] = ("asyncio", "trio")
THREADS: Final[tuple[Runtime, ...]] = ("threads",)

END_OF_PROGRAM: Final = Seam(guard.end_of_program, "a failure is asked whether it ends the program")
REPORT: Final = Seam(guard.report_failure, "a failure is written down")
ID_OF_CALL: Final = Seam(guard.id_of_call, "a failure is asked which call it is about")
REFUSAL: Final = Seam(refusal, "a forked child is told why it may not use a client")
BELONGS_HERE: Final = Seam(anyio_engine.Engine.check_belongs_here, "a client is used")
KEEP: Final = Seam(Forks.keep_from_children, "a connection is kept from forked children")
READ: Final = Seam(anyio_driver.Driver[Any].read_what_waits, "a deadline is about to be judged")
READ_SYNC: Final = Seam(sync_reading.Reading.wait, "a thread is about to say that it is too late")
EVENT: Final = Seam(Delivery[Any, Any, Any].event_received, "an event reaches the application")


@dataclass(frozen=True, slots=True)
class Planted:
    """One fault, and what shows it."""

    name: str
    sentence: str
    seam: Seam
    act: Function
    check: str
    """The check of `tests/worlds` that fails."""
    trouble: Trouble
    """With it, an evening with one call shows the fault."""
    runtimes: tuple[Runtime, ...]

    def __str__(self) -> str:
        return f"{self.sentence} It is planted where {self.seam.what}: {self.seam}."

    @property
    def evening(self) -> Evening:
        """The evening that shows it."""
        return Evening((Visit(stays=6.0, does=(Does.SAY, Does.PAUSE)),), trouble=self.trouble)

    def planted(self) -> AbstractContextManager[None]:
        """The adapters have this fault until the block ends."""
        return self.seam.replaced(self.act)


_planted: Final[list[Planted]] = []


def fault(
    seam: Seam, check: str, trouble: Trouble, runtimes: Sequence[Runtime] = RUNTIMES
) -> Callable[[Function], Function]:
    """Register a function that takes the place of a seam, and gets what it replaces first."""

    def register(act: Function) -> Function:
        sentence = inspect.getdoc(act) or ""
        made = Planted(act.__name__, sentence, seam, act, check, trouble, tuple(runtimes))
        _planted.append(made)
        return act

    return register


# Promise 12


@fault(END_OF_PROGRAM, ALONE, Failure(Piece.LISTENER, Way.EXCEPTION))
def end_the_program_for_anything(original: Function, error: BaseException) -> BaseException | None:
    """Whatever a function raises ends the program."""
    return error


@fault(REPORT, ONCE, Failure(Piece.HANDLER, Way.OF_ITS_OWN))
def keep_failures_secret(
    original: Function, lines: Lines, name: str, argument: object, error: BaseException
) -> None:
    """A failure is not written down."""


@fault(ID_OF_CALL, ONCE, Failure(Piece.CALL_LISTENER, Way.EXCEPTION))
def forget_the_call(original: Function, argument: object) -> str:
    """A failure is written down without the id of its call."""
    return ""


@fault(END_OF_PROGRAM, IN_ORDER, Failure(Piece.LISTENER, Way.INTERRUPT))
def go_on_without_end(original: Function, error: BaseException) -> BaseException | None:
    """KeyboardInterrupt is a failure like any other."""
    return None


# Promise 13


@fault(REFUSAL, REFUSED, Misuse(1.0, Elsewhere.CHILD))
def refuse_without_reasons(original: Function, process: int) -> LocalProtocolError:
    """A forked child is not told whether anything was sent."""
    return LocalProtocolError("this is the client of another process")


@fault(BELONGS_HERE, REFUSED, Misuse(1.0, Elsewhere.THREAD, use=4), ASYNC)
def let_anybody_in(original: Function, self: anyio_engine.Engine) -> None:
    """A client may be used in any thread."""


@fault(BELONGS_HERE, UNHARMED, Misuse(1.0, Elsewhere.LOOP), ASYNC)
def close_when_used_elsewhere(original: Function, self: anyio_engine.Engine) -> None:
    """A client that is used elsewhere is closed."""
    try:
        original(self)
    except LocalProtocolError:
        self.core.close(self.time())
        raise


@fault(KEEP, UNHARMED, Misuse(1.0, Elsewhere.CHILD), THREADS)
def end_the_connection_of_the_parent(original: Function, self: Forks, sock: socket.socket) -> None:
    """A forked child ends the connection, and not only its own copy."""
    ending = _endings[sock] = _Ending(sock)
    forks.call_in_child(ending.end)


class _Ending:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = weakref.ref(sock)

    def end(self) -> None:
        sock = self._sock()
        if sock is not None:
            with suppress(OSError):  # it may be closed
                sock.shutdown(socket.SHUT_RDWR)


_endings: Final = weakref.WeakKeyDictionary[socket.socket, _Ending]()
"""As long as a socket is there, forked children end its connection."""


# Promise 15


@fault(READ, READ_FIRST, Freeze(0.0, 0.6, 6.0, 1.0), ASYNC)
async def judge_at_once(original: Function, self: anyio_driver.Driver[Any]) -> None:
    """Nothing is read before a deadline is judged."""


@fault(READ_SYNC, READ_FIRST, Freeze(0.0, 0.6, 6.0, 1.0), THREADS)
def judge_at_once_in_threads(original: Function, self: sync_reading.Reading) -> None:
    """A thread does not wait until all is read."""


@fault(EVENT, NOTHING_LOST, Freeze(0.0, 0.6, 6.0, 8.0))
def deliver_twice(original: Function, self: Delivery[Any, Any, Any], output: EventReceived) -> None:
    """An event reaches the application twice."""
    original(self, output)
    original(self, output)


PLANTED: Final = tuple(_planted)
"""All of them."""

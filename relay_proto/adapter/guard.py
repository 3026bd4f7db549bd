"""The guard: what becomes of code of the application's that fails.

Each adapter runs all such code, functions as well as what they return to be awaited,
behind one guard of its own; what both decide alike is here. Whatever the code
raises, of whatever class, ends that code alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from itertools import islice
from traceback import walk_tb
from typing import Any, Final, Protocol, TypeAlias, cast

from ..display import shown_id
from ..errors import CallEndedError, ClientClosedError
from ..rpc.event_base import RelayEvent
from .logs import Lines

Predicate: TypeAlias = Callable[[RelayEvent], bool]

PROGRAM_ENDS: Final = (SystemExit, KeyboardInterrupt)
"""These end the program, wherever they are raised: the client disconnects first."""
MOST_FRAMES: Final = 50
"""Frames of a traceback that are compared, and errors of a group."""
WAIT_IS_OVER: Final = (CallEndedError, ClientClosedError)
"""A function that was waiting when its call or its client came to an end has not failed."""


class RehearsalOverError(BaseException):
    """A rehearsal has ended, and a thread of the program still waits."""


class Surroundings(Protocol):
    """What a guard needs to know of the client whose application it guards."""

    @property
    def lines(self) -> Lines:
        """Where failures are written down."""
        ...

    def end_program(self, name: str, error: BaseException, /) -> None:
        """A function has raised what ends the program."""


def report_failure(lines: Lines, name: str, argument: object, error: BaseException) -> None:
    """Write down that a function failed on its argument; `name` says which function.

    One that was waiting when its call, its client or the rehearsal came to an end has not failed.
    """
    failure = without(error, (*WAIT_IS_OVER, RehearsalOverError))
    if failure is None:
        lines.write(("wait is over", type(error).__name__), logging.DEBUG, "%s: %s", name, error)
    else:
        lines.on_failure(failure)
        kind = ("failure", _way_of(failure))
        call_id = id_of_call(argument)
        lines.write(
            kind,
            logging.ERROR,
            "%s failed on %r",
            *(name, argument),
            call_id=call_id,
            exc_info=failure,
        )


def id_of_call(argument: object) -> str:
    """The id of the call that an argument of a function is, or is about; or ``""``."""
    return shown_id(str(getattr(argument, "call_id", "")))


def _way_of(error: BaseException) -> Hashable:
    """What errors have in common that were raised in the same way: their class, and where."""
    kind: type[BaseException] = type(error)
    frames = islice(walk_tb(error.__traceback__), MOST_FRAMES)
    places = tuple((frame.f_code.co_filename, line) for frame, line in frames)
    inner: tuple[BaseException, ...] = ()
    if isinstance(error, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", error).exceptions[:MOST_FRAMES]
    return kind, places, tuple(map(_way_of, inner))


def end_of_program(error: BaseException) -> BaseException | None:
    """What in `error`, which may be a group, ends the program; None if nothing does."""
    while isinstance(error, BaseExceptionGroup):
        found = cast("BaseExceptionGroup[BaseException]", error).subgroup(PROGRAM_ENDS)
        if found is None:
            return None
        error = found.exceptions[0]
    return error if isinstance(error, PROGRAM_ENDS) else None


def contains(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether `error`, which may be a group, is of some kind, or an error in it is."""
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).subgroup(kind) is not None
    return isinstance(error, kind)


def without(error: BaseException, kinds: tuple[type[BaseException], ...]) -> BaseException | None:
    """What is left of `error`, which may be a group, without errors of some kinds."""
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).split(kinds)[1]
    return None if isinstance(error, kinds) else error


def with_error(
    on_error: Callable[[Any, BaseException], Any], error: BaseException
) -> Callable[[Any], Any]:
    """An `on_error` function, as one that gets the call alone."""
    return lambda call: on_error(call, error)


def judge(predicate: Predicate | None, event: RelayEvent) -> RelayEvent | BaseException | None:
    """Return `event` if it is wanted, None if it is not, or what `predicate` raised."""
    try:
        return event if predicate is None or predicate(event) else None
    except BaseException as error:  # noqa: BLE001 - it is raised where the event is waited for
        return error

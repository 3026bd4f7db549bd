"""The guard: what becomes of code of the application's that fails.

Each adapter runs all such code, functions as well as what they return to be awaited,
behind one guard of its own; what both decide alike is here. Whatever the code
raises, of whatever class, ends that code alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

from ..errors import CallEndedError, ClientClosedError
from ..rpc.event_base import RelayEvent

Predicate: TypeAlias = Callable[[RelayEvent], bool]

PROGRAM_ENDS: Final = (SystemExit, KeyboardInterrupt)
"""These end the program, wherever they are raised: the client disconnects first."""
WAIT_IS_OVER: Final = (CallEndedError, ClientClosedError)
"""A function that was waiting when its call or its client came to an end has not failed."""


def report_failure(log: logging.Logger, name: str, argument: object, error: BaseException) -> None:
    """Write down that a function failed on its argument; `name` says which function.

    One that was waiting when its call or its client came to an end has not failed.
    """
    failure = without(error, WAIT_IS_OVER)
    if failure is None:
        log.debug("%s: %s", name, error)
    else:
        log.error("%s failed on %r", name, argument, exc_info=failure)


def end_of_program(error: BaseException) -> BaseException | None:
    """What in `error`, which may be a group, ends the program; None if nothing does."""
    while isinstance(error, BaseExceptionGroup):
        found = cast("BaseExceptionGroup[BaseException]", error).subgroup(PROGRAM_ENDS)
        if found is None:
            return None
        error = found.exceptions[0]
    return error if isinstance(error, PROGRAM_ENDS) else None


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

"""Listeners: functions of the application, called in order and never in the I/O thread."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar

from relay_proto.errors import CallEndedError, ClientClosedError

from ._threads import Strand, Threads

F = TypeVar("F", bound=Callable[..., Any])

logger = logging.getLogger("relay_sync")


def plain(function: F) -> F:
    """Return `function`.

    Raises:
        TypeError: it is a coroutine function, which only `relay_anyio` can await.
    """
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004 - not whether it can be called
    ):
        name = getattr(function, "__name__", repr(function))
        raise TypeError(f"{name} is a coroutine function: leave out its async, or use relay_anyio")
    return function


def run(name: str, function: Callable[[Any], Any], argument: object) -> None:
    """Call a function of the application's; what it raises is logged and harms nobody."""
    try:
        result = function(argument)
    except (ClientClosedError, CallEndedError) as error:
        logger.debug("%s: %s", name, error)
    except BaseException:  # sys.exit() in a handler ends the handler
        logger.exception("%s failed on %r", name, argument)
    else:
        if inspect.iscoroutine(result):
            result.close()
            logger.error("%s returned a coroutine: relay_sync takes plain functions", name)


Named: TypeAlias = tuple[str, Callable[[Any], Any]]
"""A function, and what the log calls it."""


class Listeners:
    """Functions that hear events one after another, in a thread that is not the I/O thread."""

    def __init__(self, threads: Threads, limit: int) -> None:
        self._limit = limit
        self._strand = Strand(threads, limit)

    def tell(self, functions: Sequence[Named], event: object) -> None:
        """Let each function hear `event`, after all that came before it."""
        if functions and not self._strand.post(partial(_tell, functions, event)):
            name, _ = functions[0]
            logger.error(
                "%s: %d events wait for it, or too many listeners run: %r is dropped",
                name,
                self._limit,
                event,
            )


def _tell(functions: Sequence[Named], event: object) -> None:
    for name, function in functions:
        run(name, function, event)

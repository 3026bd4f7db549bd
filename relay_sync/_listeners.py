"""Listeners: functions of the application, called in order and never in the I/O thread."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from relay_proto.errors import CallEndedError, ClientClosedError

from ._log import logger
from ._threads import Strand, Threads

F = TypeVar("F", bound=Callable[..., Any])


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
    except BaseException:  # noqa: BLE001 - sys.exit() in a handler ends the handler
        logger.exception("%s failed on %r", name, argument)
    else:
        if result is not None and inspect.iscoroutine(result):
            result.close()
            logger.error("%s returned a coroutine: relay_sync takes plain functions", name)


class Listeners:
    """Functions that hear events one after another, in a thread that is not the I/O thread."""

    def __init__(self, threads: Threads, limit: int) -> None:
        self._limit = limit
        self._strand = Strand(threads, limit)

    def tell(self, name: str, functions: Sequence[Callable[[Any], Any]], event: object) -> None:
        """Let each function hear `event`, after all that came before; `name` is for the log."""
        if not self._strand.post(partial(_tell, name, functions, event)):
            logger.error(
                "%s: %d events wait for it, or too many listeners run: %r is dropped",
                name,
                self._limit,
                event,
            )


def _tell(name: str, functions: Sequence[Callable[[Any], Any]], event: object) -> None:
    for function in functions:
        run(name, function, event)

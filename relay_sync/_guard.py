"""The guard: the one place in which functions of the application are run."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import TypeVar

from relay_proto.adapter.forks import forks
from relay_proto.adapter.guard import Surroundings, end_of_program, report_failure
from relay_proto.adapter.handles import Function

F = TypeVar("F", bound=Callable[..., object])


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


def run(
    name: str, function: Function, argument: object, surroundings: Surroundings
) -> BaseException | None:
    """Call a function, and return what it has raised.

    What it raises to end the program is not returned: `surroundings` get it.

    Raises:
        SystemExit: this is a forked child by now, and no thread of the client's: it has
            nothing more to do.
    """
    generation = forks.count
    try:
        result = function(argument)
    except BaseException as error:  # whatever it is, it ends this function alone
        if forks.count != generation:
            raise
        ending = end_of_program(error)
        if ending is None:
            report_failure(surroundings.lines, name, argument, error)
            return error
        surroundings.end_program(name, ending)
        return None
    if forks.count != generation:
        raise SystemExit
    if result is not None and inspect.iscoroutine(result):
        result.close()
        words = "%s returned a coroutine: relay_sync takes plain functions"
        surroundings.lines.write((words, name), logging.ERROR, words, name)
    return None

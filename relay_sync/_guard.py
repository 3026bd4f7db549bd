"""The guard: the one place in which functions of the application are run."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from relay_proto.adapter.guard import end_of_program, report_failure
from relay_proto.adapter.handles import Function

from ._log import logger

F = TypeVar("F", bound=Callable[..., object])
EndProgram: TypeAlias = Callable[[str, BaseException], None]


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
    name: str, function: Function, argument: object, end_program: EndProgram
) -> BaseException | None:
    """Call a function, and return what it has raised.

    `end_program` gets what it raises to end the program; that is not returned.
    """
    try:
        result = function(argument)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this function alone
        ending = end_of_program(error)
        if ending is None:
            report_failure(logger, name, argument, error)
            return error
        end_program(name, ending)
        return None
    if result is not None and inspect.iscoroutine(result):
        result.close()
        logger.error("%s returned a coroutine: relay_sync takes plain functions", name)
    return None

"""The guard: the one place in which functions of the application are run."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from typing import cast

from relay_proto.adapter.guard import report_failure
from relay_proto.adapter.handles import Function

from ._log import logger


def call(name: str, function: Function, argument: object) -> Awaitable[object] | None:
    """Call a function; returns what is to be awaited of it, with `finish`."""
    try:
        result = function(argument)
    except Exception as error:  # noqa: BLE001 - it is logged
        report_failure(logger, name, argument, error)
        return None
    if result is None:
        return None  # as of nearly every plain function
    return cast("Awaitable[object]", result) if inspect.isawaitable(result) else None


async def finish(name: str, argument: object, awaitable: Awaitable[object]) -> None:
    """Await what `call` has returned."""
    try:
        await awaitable
    except Exception as error:  # noqa: BLE001 - it is logged
        report_failure(logger, name, argument, error)


async def run(name: str, function: Function, argument: object) -> None:
    """Call a function in this task, and wait until it is done."""
    awaitable = call(name, function, argument)
    if awaitable is not None:
        await finish(name, argument, awaitable)

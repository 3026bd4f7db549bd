"""Here: which event loop runs what asks, and whether its task is cancelled."""

from __future__ import annotations

import importlib.util
import math
import sys
from types import ModuleType

import anyio
import anyio.lowlevel


def check_installed(backend: str) -> None:
    """Before an event loop is started: trio is an extra.

    Raises:
        ImportError: it is not installed. The message says what to install.
    """
    if backend == "trio" and importlib.util.find_spec("trio") is None:
        raise ImportError(
            "the backend trio needs trio: pip install 'relay-proto[trio]'", name="trio"
        )


def running_trio() -> ModuleType | None:
    """The module `trio`, if a task of its runs here."""
    trio = sys.modules.get("trio")
    if trio is None:
        return None
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return None
    return trio


def library_of_running_loop() -> str | None:
    """``asyncio`` or ``trio``, whichever has an event loop that runs here, or None."""
    if running_trio() is not None:
        return "trio"
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return None
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return None
    return "asyncio"


def is_cancelled() -> bool:
    """Whether the task that asks is cancelled, by a scope or from outside."""
    if anyio.current_effective_deadline() == -math.inf:
        return True
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or running_trio() is not None:
        return False
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def forget_cancellation() -> None:
    """Let a task of asyncio's go on, although it was cancelled from outside."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or running_trio() is not None:
        return
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()


def outlives(error: BaseException) -> bool:
    """Whether a task of the client's goes on, because only others have cancelled it.

    Functions of the application run in those tasks. One that cancels the task in which it runs
    ends nothing of the client's. If the event loop ends, the engine cancels its tasks by a scope.
    """
    cancelled = isinstance(error, anyio.get_cancelled_exc_class()) and is_cancelled()
    if not cancelled or anyio.current_effective_deadline() == -math.inf:
        return False
    forget_cancellation()
    return True


async def outlive_cancellation() -> None:
    """Go on if others have cancelled this task. On asyncio, that shows at the next wait."""
    try:
        await anyio.lowlevel.checkpoint()
    except BaseException as error:
        if not outlives(error):
            raise


def anywhere() -> bool:
    """True: what was not started yet may be used anywhere."""
    return True


def nowhere() -> bool:
    """False: what belongs to another process may not be used in this one."""
    return False

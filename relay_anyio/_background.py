"""Background tasks that outlive the call which starts them.

``connect()`` must work outside a ``with`` block, so its tasks belong to no task
group of the caller's. AnyIO has no such task, asyncio and trio have: this is the
one module that knows which of the two is running.
"""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Awaitable, Callable
from types import ModuleType

_strong: set[object] = set()
"""asyncio keeps only weak references to its tasks."""


def spawn(function: Callable[[], Awaitable[None]], name: str) -> None:
    """Run `function` in a task of its own, which the event loop cancels at its end.

    `function` must not raise: nobody is there to catch it.
    """
    trio = _running_trio()
    if trio is not None:
        context = contextvars.copy_context()
        trio.lowlevel.spawn_system_task(function, name=name, context=context)
        return
    import asyncio  # noqa: PLC0415 - a trio program does without it

    async def run() -> None:
        await function()

    task = asyncio.get_running_loop().create_task(run(), name=name)
    _strong.add(task)
    task.add_done_callback(_strong.discard)


def _running_trio() -> ModuleType | None:
    trio = sys.modules.get("trio")
    if trio is None:
        return None
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return None
    return trio

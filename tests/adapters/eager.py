"""Tasks whose first step is taken at once, inside of whatever begins them.

Since Python 3.12 asyncio has them; on Python 3.11 they are played here.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any

_begun: set[asyncio.Task[None]] = set()


def begin(work: Coroutine[Any, Any, None]) -> None:
    """Begin a task of asyncio's: `work` runs until its first wait before this returns."""
    task = _eager_task(work)
    _begun.add(task)
    task.add_done_callback(_begun.discard)


if sys.version_info >= (3, 12):

    def _eager_task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)

else:

    def _eager_task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        loop = asyncio.get_running_loop()
        begun = _Begun(work)
        task = loop.create_task(begun.go_on())
        outer = asyncio.current_task()
        switch: Any = asyncio.tasks
        leave, enter = switch._leave_task, switch._enter_task  # noqa: SLF001 - what 3.12 does itself
        if outer is not None:
            leave(loop, outer)
        enter(loop, task)
        try:
            begun.take_first_step()
        finally:
            leave(loop, task)
            if outer is not None:
                enter(loop, outer)
        return task


class _Begun:
    """A coroutine whose first step is taken outside of the task that then has it."""

    def __init__(self, work: Coroutine[Any, Any, None]) -> None:
        self._work = work
        self._waits_for: Any = None
        self._done = False

    def take_first_step(self) -> None:
        try:
            self._waits_for = self._work.send(None)
        except StopIteration:
            self._done = True

    async def go_on(self) -> None:
        if not self._done:
            await _Rest(self._work, self._waits_for)


class _Rest:
    def __init__(self, work: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._work = work
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for = self._waits_for
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001 - it goes to where the coroutine waits
                go_on = partial(self._work.throw, error)
            else:
                go_on = partial(self._work.send, sent)
            try:
                waits_for = go_on()
            except StopIteration:
                return

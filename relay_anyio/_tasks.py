"""Tasks: functions of the application's that run beside the client, and are not the client.

None of them can end another, nor the client: a task group would do that, when one of its
tasks is cancelled from outside. On trio, where nobody can do that, they are in a nursery.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import Protocol, Self, TypeAlias

import anyio

from ._background import EventLoop, Siblings


class Ended(Protocol):
    """What is told that a task has ended."""

    def __call__(self, *, began: bool) -> object: ...


Work: TypeAlias = Callable[[], Awaitable[BaseException | None]]
"""Raises nothing but cancellations, and says what the function of the application has raised."""


class AppTask:
    """A task of the application's: a handler, or a listener that awaits."""

    __slots__ = ("began", "cancel_on_close", "cancel_on_end", "failure", "name", "scope")

    def __init__(
        self, name: str = "", *, cancel_on_end: bool = False, cancel_on_close: bool = True
    ) -> None:
        self.name = name
        self.scope = anyio.CancelScope()
        self.cancel_on_end = cancel_on_end
        self.cancel_on_close = cancel_on_close
        self.began = False
        """False as well of a task that was cancelled from outside before it could begin."""
        self.failure: BaseException | None = None
        """What its work has said, once it has ended."""

    def cancel(self, error: BaseException) -> None:
        """Cancel it: a task needs no reason."""
        del error
        self.scope.cancel()


current_app_task: ContextVar[AppTask | None] = ContextVar("current_app_task", default=None)
"""The handler or listener that is running: its own `disconnect()` must not cancel it."""


class AppTasks:
    """The tasks of one engine."""

    def __init__(self, loop: EventLoop, changed: Callable[[], object]) -> None:
        """`changed` is called whenever one has ended."""
        self._siblings: Siblings = loop.siblings()
        self._changed = changed
        self._running: set[AppTask] = set()
        self._spared: set[AppTask] = set()
        self._cancelled = False

    async def __aenter__(self) -> Self:
        await self._siblings.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> bool | None:
        """Wait until all have ended, unless this is cancelled."""
        return await self._siblings.__aexit__(*exc)

    def takes(self, *, cancel_on_close: bool) -> bool:
        """Whether a task of this kind may still be started."""
        return not (cancel_on_close and self._cancelled)

    def start(
        self, task: AppTask, work: Work, ended: Ended | None = None, context: Context | None = None
    ) -> None:
        """Run `work` in a task, in its own `context`. `ended` is called once, however it ends."""
        self._running.add(task)

        def done() -> None:
            self._running.discard(task)
            if ended is not None:
                ended(began=task.began)
            self._changed()

        self._siblings.start(partial(_run, task, work), done, context or copy_context(), task.name)

    def spare(self, task: AppTask) -> None:
        """Do not cancel this one, nor wait for it."""
        self._spared.add(task)

    @property
    def run(self) -> bool:
        """Whether there are any."""
        return bool(self._running)

    @property
    def only_spared_ones_run(self) -> bool:
        """Whether some run, and nobody waits for any of them."""
        return bool(self._running) and self._running <= self._spared

    def cancel(self, *, hooks: bool) -> None:
        """Cancel them, those that shall hear of the end only with `hooks`."""
        self._cancelled = True
        for task in self._running:
            if task not in self._spared and (hooks or task.cancel_on_close):
                task.scope.cancel()


async def _run(task: AppTask, work: Work) -> None:
    task.began = True
    current_app_task.set(task)
    with task.scope:
        task.failure = await work()

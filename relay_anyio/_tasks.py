"""Tasks: functions of the application's that run beside the client, and are not the client.

None of them can end another, nor the client: a task group would do that, when one of its
tasks is cancelled from outside. On trio, where nobody can do that, they are in a nursery.

A program may have thousands of them at a time, most of which wait. So all that is kept of
one is in one object, and one coroutine runs it: see `Guard.run_task`.
"""

from __future__ import annotations

import abc
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, Protocol, Self, TypeAlias

import anyio

from relay_proto.adapter.guard import with_error
from relay_proto.adapter.handles import Function
from relay_proto.adapter.running import HandlerEnded
from relay_proto.api.routes import CallRoute

from ._background import EventLoop, Siblings

RunFunction: TypeAlias = Callable[[str, Function, object], Awaitable[BaseException | None]]
"""Runs a function of the application's in its task, and returns what it has raised."""


class AppTask(abc.ABC):
    """A task of the application's: a handler, or a listener that awaits."""

    __slots__ = (
        "argument",
        "began",
        "cancel_on_close",
        "cancel_on_end",
        "failure",
        "name",
        "scope",
    )

    def __init__(
        self,
        name: str = "",
        argument: object = None,
        *,
        cancel_on_end: bool = False,
        cancel_on_close: bool = True,
    ) -> None:
        """The log shows `name`, and `argument`: the call, for example."""
        self.name = name
        self.argument = argument
        self.scope = anyio.CancelScope()
        self.cancel_on_end = cancel_on_end
        self.cancel_on_close = cancel_on_close
        self.began = False
        """It stays false if the task is cancelled from outside before it can begin."""
        self.failure: BaseException | None = None
        """What its function has raised, and nobody has taken care of."""

    @abc.abstractmethod
    def begin(self) -> object:
        """Call the function, in the task, and return what it returns."""

    @abc.abstractmethod
    def ended(self) -> None:
        """Act on its end, however it has ended. Called once."""

    async def recover(self, run: RunFunction) -> None:
        """Act on a `failure`, in the task."""
        del run  # most kinds of tasks do nothing

    def cancel(self, error: BaseException) -> None:
        """Cancel it: a task needs no reason."""
        del error
        self.scope.cancel()


class CallTask(AppTask):
    """The handler of a call, and its `on_error` function if it fails."""

    __slots__ = ("_done", "_route")

    _route: CallRoute | None
    """None if the call goes back to the service: then there is nothing to run."""
    _done: HandlerEnded

    def prepare(self, name: str, route: CallRoute, call: object, done: HandlerEnded) -> None:
        """Say what it runs, before it is started."""
        self.name, self.argument = name, call
        self._route = route
        self._done = done

    def begin(self) -> object:
        """See `AppTask`."""
        return None if self._route is None else self._route.handler(self.argument)

    def give_back(self) -> bool:
        """See `Running`."""
        if not self.began:
            self._route = None
        return not self.began

    async def recover(self, run: RunFunction) -> None:
        """See `AppTask`."""
        assert self._route is not None, "what has not run cannot fail"
        on_error = self._route.on_error
        if self.failure is not None and callable(on_error):
            function = with_error(on_error, self.failure)
            self.failure = await run(f"on_error of the {self.name}", function, self.argument)

    def ended(self) -> None:
        """See `AppTask`."""
        self._done(self.failure, began=self.began)


class MessageTask(AppTask):
    """The handler of a message."""

    __slots__ = ("_done", "_handler")

    def __init__(
        self,
        name: str,
        handler: Function,
        message: object,
        done: Callable[[BaseException | None], object],
    ) -> None:
        super().__init__(name, message)
        self._handler = handler
        self._done = done

    def begin(self) -> object:
        """See `AppTask`."""
        return self._handler(self.argument)

    def ended(self) -> None:
        """See `AppTask`."""
        self._done(self.failure)


current_app_task: ContextVar[AppTask | None] = ContextVar("current_app_task", default=None)
"""The handler or listener that is running: its own `disconnect()` must not cancel it."""


class TaskGuard(Protocol):
    """What runs tasks of the application's, so that each fails alone."""

    def run_task(self, task: AppTask) -> Coroutine[Any, Any, None]:
        """Run a task. This raises nothing but cancellations."""
        ...

    def lost(self, name: str, argument: object) -> None:
        """A task was cancelled from outside before it could begin."""


class AppTasks:
    """The tasks of one engine."""

    def __init__(self, loop: EventLoop, guard: TaskGuard, changed: Callable[[], object]) -> None:
        """`changed` is called whenever one has ended."""
        self._siblings: Siblings[AppTask] = loop.siblings(guard.run_task, self._ended)
        self._guard = guard
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

    def start(self, task: AppTask, context: Context | None = None) -> None:
        """Run a task, in its own `context`."""
        self._running.add(task)
        self._siblings.start(task, context or copy_context(), task.name)

    def _ended(self, task: AppTask) -> None:
        self._running.discard(task)
        if not task.began:
            self._guard.lost(task.name, task.argument)
        task.ended()
        self._changed()

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
        """Cancel them; with `hooks`, also those whose `cancel_on_close` is false."""
        self._cancelled = True
        for task in self._running:
            if task not in self._spared and (hooks or task.cancel_on_close):
                task.scope.cancel()

"""Listeners: functions of the application, called in order and never in the way.

A plain function is called where the event is published. What a coroutine
function returns is awaited in a task; events that come meanwhile wait for it, in
a bounded queue, so that each listener hears its events in order.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, Protocol, TypeAlias

from relay_proto.adapter.backlog import Backlog, Bound, Places, weight
from relay_proto.adapter.contexts import InContext
from relay_proto.adapter.handles import Function, ListenerBase
from relay_proto.adapter.logs import Lines
from relay_proto.rpc.event_base import RelayEvent

from ._guard import Guard
from ._tasks import AppTask

EventHandler: TypeAlias = Callable[[RelayEvent], Awaitable[object] | None]
"""A function that hears events, for annotations of programs."""


class Spawner(Protocol):
    """The engine, as far as listeners need it."""

    @property
    def guard(self) -> Guard: ...
    @property
    def lines(self) -> Lines: ...
    @property
    def backlog(self) -> Bound: ...
    @property
    def listener_places(self) -> Places:
        """For listeners that await: so many may do so at the same time."""
        ...

    def takes_tasks(self, *, cancel_on_close: bool = True) -> bool:
        """Whether it is not too late for `start_soon`."""
        ...

    def start_soon(self, task: AppTask, context: Context | None = None) -> bool:
        """Run a task in `context`; false when it is too late for that."""
        ...


class ListenerTask(AppTask):
    """What a listener that awaits has returned."""

    __slots__ = ("_awaitable", "_done")

    def __init__(
        self,
        name: str,
        event: object,
        awaitable: Awaitable[object],
        done: Callable[[], object],
        *,
        cancel_on_close: bool,
    ) -> None:
        super().__init__(name, event, cancel_on_close=cancel_on_close)
        self._awaitable = awaitable
        self._done = done

    def begin(self) -> object:
        """See `AppTask`."""
        return self._awaitable

    def ended(self) -> None:
        """See `AppTask`."""
        if not self.began:
            _drop(self._awaitable)
        self._done()


class Listener(ListenerBase):
    """One function that hears one kind of event."""

    __slots__ = ("_backlog", "_busy", "_cancel_on_close", "_engine")

    def __init__(
        self,
        name: str,
        handler: Function,
        engine: Spawner,
        event_type: str = "",
        *,
        cancel_on_close: bool = True,
    ) -> None:
        super().__init__(name, handler, event_type)
        self._engine = engine
        self._cancel_on_close = cancel_on_close
        self._busy = False
        self._backlog: Backlog[Any] | None = None  # most never have one

    def deliver(self, event: Any) -> None:
        """Hand an event to the function, now or after the earlier ones."""
        if not self._busy:
            awaitable = self._engine.guard.call(self, event)
            if awaitable is not None:
                self._start(event, awaitable)
            return
        if self._backlog is None:
            self._backlog = Backlog(self._engine.backlog)
        backlog = self._backlog
        if backlog.has_room(size := weight(event)):
            backlog.put(event, size)
        else:
            self._engine.lines.event_dropped(self.name, len(backlog), backlog.bytes, event)

    def _start(self, event: Any, awaitable: Awaitable[object]) -> None:
        if not self._engine.listener_places.take():
            self._engine.lines.listener_not_run(self.name, event)
            _drop(awaitable)
            return
        self._busy = True  # before the task begins: an eager one may end at once
        closes = self._cancel_on_close
        task = ListenerTask(self.name, event, awaitable, self._ended, cancel_on_close=closes)
        if not self._engine.start_soon(task, self._new_context(event)):
            self._busy = False
            self._engine.listener_places.give_back()
            _drop(awaitable)

    def _new_context(self, event: Any) -> Context:
        del event  # all are heard by one function
        return self.handler.new_context()

    def _ended(self) -> None:
        self._engine.listener_places.give_back()
        self._busy = False
        if not self._engine.takes_tasks(cancel_on_close=self._cancel_on_close):
            self._backlog = None
        while self._backlog and not self._busy:  # each in a task, and so a context, of its own
            self.deliver(self._backlog.take())


class LinkHooks(Listener):
    """The hooks of the link, in one queue: all hear of its ups and downs in order."""

    __slots__ = ()

    def __init__(self, engine: Spawner) -> None:
        # `disconnect()` does not cancel hooks: they have to hear of that.
        super().__init__("link hooks", self._run_hook, engine, cancel_on_close=False)

    def _new_context(self, event: tuple[str, InContext, Any]) -> Context:
        return event[1].new_context()

    async def _run_hook(self, told: tuple[str, InContext, Any]) -> None:
        name, hook, event = told
        await self._engine.guard.run(name, hook, event)


def _drop(awaitable: Awaitable[object]) -> None:
    if inspect.iscoroutine(awaitable):
        awaitable.close()  # nobody will ever await it, which is worth a warning else

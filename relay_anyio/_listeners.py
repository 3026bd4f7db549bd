"""Listeners: functions of the application, called in order and never in the way.

A plain function is called where the event is published. What a coroutine
function returns is awaited in a task; events that come meanwhile wait for it, in
a bounded queue, so that each listener hears its events in order.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from relay_proto.adapter.handles import Function, ListenerBase

from ._guard import call, finish
from ._log import logger


class Spawner(Protocol):
    """What runs a task in the background; false when it is too late for that."""

    def __call__(self, function: Callable[[], Awaitable[None]], /) -> bool: ...


class Listener(ListenerBase):
    """One function that hears one kind of event."""

    __slots__ = ("_backlog", "_busy", "_limit", "_spawn")

    def __init__(
        self, name: str, handler: Function, spawn: Spawner, limit: int, event_type: str = ""
    ) -> None:
        super().__init__(name, handler, event_type)
        self._spawn = spawn
        self._limit = limit
        self._busy = False
        self._backlog: deque[Any] | None = None  # an empty one takes 760 bytes

    def deliver(self, event: Any) -> None:
        """Hand an event to the function, now or after the earlier ones."""
        if not self._busy:
            awaitable = call(self._name, self.handler, event)
            if awaitable is not None:
                self._start(event, awaitable)
        elif len(self._backlog or ()) < self._limit:
            if self._backlog is None:
                self._backlog = deque()
            self._backlog.append(event)
        else:
            logger.error("%s: %d events wait for it, %r is dropped", self._name, self._limit, event)

    def _start(self, event: Any, awaitable: Awaitable[object]) -> None:
        self._busy = True  # before the task begins: an eager one may end at once
        if not self._spawn(lambda: self._work_off(event, awaitable)):
            self._busy = False
            if inspect.iscoroutine(awaitable):
                awaitable.close()

    async def _work_off(self, event: Any, awaitable: Awaitable[object] | None) -> None:
        try:
            while True:
                if awaitable is not None:
                    await finish(self._name, event, awaitable)
                if not self._backlog:
                    break
                event = self._backlog.popleft()
                awaitable = call(self._name, self.handler, event)
        finally:
            self._busy = False

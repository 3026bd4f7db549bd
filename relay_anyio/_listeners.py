"""Listeners: functions of the application, called in order and never in the way.

A plain function is called where the event is published. What a coroutine
function returns is awaited in a task; events that come meanwhile wait for it, in
a bounded queue, so that each listener hears its events in order.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Protocol, TypeVar, cast

from relay_proto.errors import ClientClosedError

from ._log import logger

E = TypeVar("E")


class Spawner(Protocol):
    """What runs a task in the background; false when it is too late for that."""

    def __call__(self, function: Callable[[], Awaitable[None]], /) -> bool: ...


class Listener(Generic[E]):
    """One function that hears one kind of event."""

    __slots__ = ("_backlog", "_busy", "_limit", "_name", "_spawn", "event_type", "handler")

    def __init__(
        self,
        handler: Callable[[E], Any],
        name: str,
        spawn: Spawner,
        limit: int,
        event_type: str = "",
    ) -> None:
        """`event_type` is for those who keep listeners of several."""
        if not callable(handler):
            raise TypeError(f"the handler must be a function, not {handler!r}")
        self.event_type = event_type
        self.handler = handler
        self._name = name
        self._spawn = spawn
        self._limit = limit
        self._busy = False
        self._backlog: deque[E] | None = None  # an empty one takes 760 bytes

    def deliver(self, event: E) -> None:
        """Hand an event to the function, now or after the earlier ones."""
        if not self._busy:
            awaitable = self._call(event)
            if awaitable is not None:
                self._start(awaitable)
        elif len(self._backlog or ()) < self._limit:
            if self._backlog is None:
                self._backlog = deque()
            self._backlog.append(event)
        else:
            logger.error("%s: %d events wait for it, %r is dropped", self._name, self._limit, event)

    async def deliver_and_wait(self, event: E) -> None:
        """Call the function in this task, and wait until it is done."""
        awaitable = self._call(event)
        if awaitable is not None:
            await self._finish(awaitable)

    def _start(self, awaitable: Awaitable[object]) -> None:
        self._busy = True  # before the task begins: an eager one may end at once
        if not self._spawn(lambda: self._work_off(awaitable)):
            self._busy = False
            if inspect.iscoroutine(awaitable):
                awaitable.close()

    async def _work_off(self, awaitable: Awaitable[object]) -> None:
        current: Awaitable[object] | None = awaitable
        try:
            while True:
                if current is not None:
                    await self._finish(current)
                if not self._backlog:
                    break
                current = self._call(self._backlog.popleft())
        finally:
            self._busy = False

    def _call(self, event: E) -> Awaitable[object] | None:
        try:
            result = self.handler(event)
        except Exception:  # noqa: BLE001 - it is logged
            logger.exception("%s failed on %r", self._name, event)
            return None
        if result is None:
            return None  # as of nearly every plain function
        return cast("Awaitable[object]", result) if inspect.isawaitable(result) else None

    async def _finish(self, awaitable: Awaitable[object]) -> None:
        try:
            await awaitable
        except ClientClosedError:
            logger.debug("%s: the client was disconnected under it", self._name)
        except Exception:  # noqa: BLE001 - it is logged
            logger.exception("%s failed", self._name)

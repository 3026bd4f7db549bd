"""Handlers: how functions of the application are run, in tasks; see `Delivery`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from relay_proto.adapter.delivery import Hooks
from relay_proto.adapter.handles import Function
from relay_proto.api.routes import Link
from relay_proto.rpc.event_base import RelayEvent

from ._engine import AppTask, Engine, current_app_task
from ._guard import run
from ._listeners import Listener


class Handlers:
    """Runs handlers of calls and messages in a task each, and plain listeners where they are."""

    def __init__(self, engine: Engine) -> None:
        self._start = engine.start_soon
        self._backlog = engine.core.config.limits.listener_backlog
        self._hooks = Listener("link hooks", _run_hooks, self._start_lasting, self._backlog)

    def new_task(self, *, cancel_on_end: bool) -> AppTask:
        """See `Runner`."""
        return AppTask(cancel_on_end=cancel_on_end)

    def is_own(self, task: AppTask) -> bool:
        """See `Runner`."""
        return task is current_app_task.get()

    def start_call(
        self, task: AppTask, name: str, handler: Function, call: object, done: Callable[[], None]
    ) -> bool:
        """See `Runner`."""

        async def handle() -> None:
            try:
                await run(name, handler, call)
            finally:
                done()

        return self._start(handle, task)

    def start_message(self, name: str, handler: Function, message: object) -> bool:
        """See `Runner`."""
        return self._start(partial(run, name, handler, message))

    def call_back(self, name: str, callback: Function, event: RelayEvent) -> bool:
        """See `Runner`."""
        self.new_listener(name, callback).deliver(event)
        return True

    def tell_hooks(self, name: str, hooks: Hooks, event: Link) -> None:
        """See `Runner`."""
        self._hooks.deliver((name, hooks, event))

    def new_listener(self, name: str, handler: Function) -> Listener:
        """See `Runner`."""
        return Listener(name, handler, self._start, self._backlog)

    def _start_lasting(self, function: Callable[[], Awaitable[None]]) -> bool:
        """Start what `disconnect()` does not cancel: it has to hear of that."""
        return self._start(function, AppTask(cancel_on_close=False))


async def _run_hooks(told: tuple[str, Hooks, Link]) -> None:
    """In one queue for all: they hear of the link's ups and downs in order."""
    name, hooks, event = told
    for hook in hooks:
        await run(name, hook, event)

"""Handlers: how functions of the application are run, in tasks; see `Delivery`."""

from __future__ import annotations

from collections.abc import Callable

from relay_proto.adapter.contexts import in_context
from relay_proto.adapter.handles import Function
from relay_proto.adapter.running import HandlerEnded, Hooks
from relay_proto.api.routes import CallRoute, Link
from relay_proto.rpc.event_base import RelayEvent

from ._engine import Engine
from ._listeners import LinkHooks, Listener
from ._tasks import CallTask, MessageTask, current_app_task


class Handlers:
    """Runs handlers of calls and messages in a task each, and plain listeners where they are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._hooks = LinkHooks(engine)

    def new_task(self, *, cancel_on_end: bool) -> CallTask:
        """See `Runner`."""
        return CallTask(cancel_on_end=cancel_on_end)

    def is_own(self, task: CallTask) -> bool:
        """See `Runner`."""
        return task is current_app_task.get()

    def start_call(
        self, task: CallTask, name: str, route: CallRoute, call: object, done: HandlerEnded
    ) -> bool:
        """See `Runner`."""
        task.prepare(name, route, call, done)
        return self._engine.start_soon(task, in_context(route.handler).new_context())

    def start_message(
        self,
        name: str,
        handler: Function,
        message: object,
        done: Callable[[BaseException | None], object],
    ) -> bool:
        """See `Runner`."""
        task = MessageTask(name, handler, message, done)
        return self._engine.start_soon(task, in_context(handler).new_context())

    def call_back(self, name: str, callback: Function, event: RelayEvent) -> bool:
        """See `Runner`."""
        self.new_listener(name, callback).deliver(event)
        return True

    def tell_hooks(self, name: str, hooks: Hooks, event: Link) -> None:
        """See `Runner`."""
        for hook in hooks:
            self._hooks.deliver((name, in_context(hook), event))

    def new_listener(self, name: str, handler: Function) -> Listener:
        """See `Runner`."""
        return Listener(name, handler, self._engine)

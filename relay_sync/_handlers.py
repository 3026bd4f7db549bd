"""Handlers: how functions of the application are run, in threads; see `Delivery`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from relay_proto.adapter.contexts import in_context
from relay_proto.adapter.guard import with_error
from relay_proto.adapter.handles import Function
from relay_proto.adapter.running import HandlerEnded, Hooks
from relay_proto.api.routes import CallRoute, Link
from relay_proto.rpc.event_base import RelayEvent

from ._engine import Engine
from ._guard import run
from ._listeners import Listener
from ._waiting import AppTask, current


class Handlers:
    """Runs handlers in a thread each, listeners one after another, and none in the I/O thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._hooks = engine.new_strand()

    def new_task(self, *, cancel_on_end: bool) -> AppTask:
        """See `Runner`."""
        return AppTask(cancel_on_end=cancel_on_end)

    def is_own(self, task: AppTask) -> bool:
        """See `Runner`."""
        return task is current.task

    def start_call(
        self, task: AppTask, name: str, route: CallRoute, call: object, done: HandlerEnded
    ) -> bool:
        """See `Runner`."""
        delivery = self._engine.delivery

        def handle() -> None:
            if not task.begin():
                done(None, began=False)
                return
            current.task = task
            failure = run(name, route.handler, call, delivery)
            if failure is not None and callable(route.on_error):
                recover = in_context(route.handler).followed_by(with_error(route.on_error, failure))
                failure = run(f"on_error of the {name}", recover, call, delivery)
            current.task = None
            done(failure)

        return self._engine.calls.start(handle)

    def start_message(
        self,
        name: str,
        handler: Function,
        message: object,
        done: Callable[[BaseException | None], object],
    ) -> bool:
        """See `Runner`."""

        def handle() -> None:
            done(run(name, handler, message, self._engine.delivery))

        return self._engine.messages.start(handle)

    def call_back(self, name: str, callback: Function, event: RelayEvent) -> bool:
        """See `Runner`."""
        return self._engine.listeners.start(
            partial(run, name, callback, event, self._engine.delivery)
        )

    def tell_hooks(self, name: str, hooks: Hooks, event: Link) -> None:
        """See `Runner`."""
        for hook in hooks:
            Listener(name, hook, self._hooks, self._engine.delivery).deliver(event)

    def new_listener(self, name: str, handler: Function) -> Listener:
        """See `Runner`."""
        return Listener(name, handler, self._engine.new_strand(), self._engine.delivery)

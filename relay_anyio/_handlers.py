"""Handlers: how functions of the application are run, in tasks; see `Delivery`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from relay_proto.adapter.contexts import in_context
from relay_proto.adapter.delivery import HandlerEnded, Hooks
from relay_proto.adapter.guard import with_error
from relay_proto.adapter.handles import Function
from relay_proto.api.routes import CallRoute, Link
from relay_proto.rpc.event_base import RelayEvent

from ._engine import Engine
from ._listeners import Hooks as LinkHooks
from ._listeners import Listener
from ._tasks import AppTask, current_app_task


class Handlers:
    """Runs handlers of calls and messages in a task each, and plain listeners where they are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._guard = engine.guard
        self._hooks = LinkHooks(engine)

    def new_task(self, *, cancel_on_end: bool) -> AppTask:
        """See `Runner`."""
        return AppTask(cancel_on_end=cancel_on_end)

    def is_own(self, task: AppTask) -> bool:
        """See `Runner`."""
        return task is current_app_task.get()

    def start_call(
        self, task: AppTask, name: str, route: CallRoute, call: object, done: HandlerEnded
    ) -> bool:
        """See `Runner`."""
        task.name = name

        def ended(*, began: bool) -> None:
            if not began:
                self._guard.lost(name, call)
            done(task.failure, began=began)

        run = self._guard.run
        if callable(route.on_error):
            run = partial(self._run_and_recover, route.on_error)
        work = partial(run, name, route.handler, call)
        context = in_context(route.handler).new_context()
        return self._engine.start_soon(work, task, ended=ended, context=context)

    async def _run_and_recover(
        self, on_error: Callable[..., Any], name: str, handler: Function, call: object
    ) -> BaseException | None:
        failure = await self._guard.run(name, handler, call)
        if failure is not None:
            recover = with_error(on_error, failure)
            failure = await self._guard.run(f"on_error of the {name}", recover, call)
        return failure

    def start_message(
        self,
        name: str,
        handler: Function,
        message: object,
        done: Callable[[BaseException | None], object],
    ) -> bool:
        """See `Runner`."""
        task = AppTask(name)

        def ended(*, began: bool) -> None:
            if not began:
                self._guard.lost(name, message)
            done(task.failure)

        work = partial(self._guard.run, name, handler, message)
        context = in_context(handler).new_context()
        return self._engine.start_soon(work, task, ended=ended, context=context)

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

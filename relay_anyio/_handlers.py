"""Handlers: how the functions of an application are told.

Each handler runs in a task of its own; a failing one is logged and harms nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from relay_proto.adapter.logs import log_output
from relay_proto.api.routes import Link, Registration, Routes
from relay_proto.calls.calls import LOST_SESSION
from relay_proto.outputs import (
    CallEnded,
    CallOffered,
    Connected,
    Disconnected,
    EventReceived,
    MessageChanged,
    MessageReceived,
    Output,
    Settled,
)
from relay_proto.pending import Pending
from relay_proto.records import CallRecord, MessageRecord
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.events import CallStateEvent

from ._engine import AppTask, Engine
from ._listeners import Listener
from ._log import logger
from .call import Call
from .message import Message

if TYPE_CHECKING:
    from .client import RelayClient


Hooks: TypeAlias = tuple[Callable[[Any], Any], ...]


class Handlers:
    """The way from an output of one engine's core to the application's functions."""

    def __init__(
        self, client: RelayClient, engine: Engine, routes: Routes, changed: Callable[[], None]
    ) -> None:
        self._client = client
        self._engine = engine
        self._routes = routes
        self._changed = changed
        self._backlog = engine.core.config.limits.listener_backlog
        self._link = Listener(self._tell_hooks, "link hooks", self._start_lasting, self._backlog)
        self._listeners: dict[Registration, Listener[RelayEvent]] = {}
        engine.hear(EventReceived, self._event_received)

    def publish(self, output: Output) -> None:
        """Hand an output to whom it concerns."""
        match output:
            case Settled(pending):
                self._completed(pending)
            case CallOffered(call):
                self._handle_call(call)
            case CallEnded(call):
                self._call_ended(call)
            case MessageReceived(message, event):
                self._handle_message(message)
                self._tell_all(event)
            case MessageChanged(message, event):
                Message.of(self._engine, message).publish(event)
                self._tell_all(event)
            case Connected() | Disconnected():
                log_output(logger, self._client.host, output)
                if hooks := self._routes.link(output):
                    self._link.deliver((f"{type(output).__name__} hook", hooks, output))
            case _:
                log_output(logger, self._client.host, output)

    def _event_received(self, output: EventReceived) -> None:
        event, call = output.event, output.call
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("event %r", event)
        if call is not None:
            handle: Call = call.handle or Call.of(self._client, self._engine, call)
            handle.publish(event)
            if type(event) is CallStateEvent and event.local:
                self._lost(call)
        if self._routes.hears_events:
            self._tell_all(event)

    def _lost(self, call: CallRecord) -> None:
        if self._engine.alive and call.end_reason == LOST_SESSION:
            logger.warning("call %s is over: the server has lost it", call.call_id)

    def _tell_all(self, event: RelayEvent) -> None:
        for known in self._routes.event(event.event_type):
            listener = self._listeners.get(known)
            if listener is None:
                start = self._engine.start_soon
                listener = Listener(known.handler, known.name, start, self._backlog)
                self._listeners[known] = listener
            listener.deliver(event)

    def _completed(self, pending: Pending[RelayEvent]) -> None:
        if pending.error is None:
            callback = pending.callback
            assert callable(callback), "a callback is checked where it is given"
            Listener[RelayEvent](callback, "on_completed", self._engine.start_soon, 1).deliver(
                pending.result()
            )

    def _handle_call(self, record: CallRecord) -> None:
        engine = self._engine
        route = self._routes.call(record.context)
        call = Call.of(self._client, engine, record)
        if route is None:  # its handler has just been taken away
            call.pass_back()
            return
        if route.at_once:
            route.handler(call)
            return
        task = AppTask(cancel_on_end=route.cancel_on_end)
        listener: Listener[Call] = Listener(
            route.handler, f"handler of call {call.call_id}", engine.start_soon, 1
        )

        async def handle() -> None:
            try:
                await listener.deliver_and_wait(call)
            finally:
                del engine.handling[record]
                self._changed()

        engine.handling[record] = task
        if not engine.start_soon(handle, task):
            del engine.handling[record]

    def _call_ended(self, record: CallRecord) -> None:
        Call.of(self._client, self._engine, record).ended()
        task = self._engine.handling.get(record)
        if task is not None and task.cancel_on_end:
            task.scope.cancel()
        self._changed()

    def _handle_message(self, record: MessageRecord) -> None:
        message = Message.of(self._engine, record)
        handler = self._routes.message
        if handler is None:
            logger.warning("message %s came, and no on_message handler", message.message_id)
            return
        name = f"handler of message {message.message_id}"
        listener = Listener[Message](handler, name, self._engine.start_soon, 1)
        self._engine.start_soon(partial(listener.deliver_and_wait, message))

    async def _tell_hooks(self, told: tuple[str, Hooks, Link]) -> None:
        """One queue for all hooks: they hear of the link's ups and downs in order."""
        name, hooks, event = told
        for hook in hooks:
            listener: Listener[Any] = Listener(hook, name, self._start_lasting, 1)
            await listener.deliver_and_wait(event)

    def _start_lasting(self, function: Callable[[], Awaitable[None]]) -> bool:
        """Start what `disconnect()` does not cancel: it has to hear of that."""
        return self._engine.start_soon(function, AppTask(cancel_on_close=False))

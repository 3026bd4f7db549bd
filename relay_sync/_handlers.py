"""Handlers: how the functions of an application are told.

Handlers of calls and messages run in a thread each, listeners one after another;
none runs in the I/O thread. A failing one is logged and harms nobody.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from relay_proto.adapter.logs import log_output
from relay_proto.api.routes import CallRoute, Registration, Routes
from relay_proto.calls.calls import LOST_SESSION
from relay_proto.errors import CallEndedError
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

from ._engine import AppTask, Engine, current
from ._listeners import Listeners, run
from ._log import logger
from .call import Call
from .message import Message

if TYPE_CHECKING:
    from .client import RelayClient


class Handlers:
    """The way from an output of one engine's core to the application's functions."""

    def __init__(self, client: RelayClient, engine: Engine, routes: Routes) -> None:
        self._client = client
        self._engine = engine
        self._routes = routes
        backlog = engine.core.config.limits.listener_backlog
        self._link = Listeners(engine.listeners, backlog)
        self._backlog = backlog
        self._listeners: dict[Registration, Listeners] = {}

    def publish(self, output: Output) -> None:
        """Hand an output to whom it concerns."""
        match output:
            case EventReceived(event, call):
                self._tell_call(event, call)
                self._tell_all(event)
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
                    self._link.tell(f"{type(output).__name__} hook", hooks, output)
            case _:
                log_output(logger, self._client.host, output)

    def _tell_call(self, event: RelayEvent, call: CallRecord | None) -> None:
        logger.debug("event %r", event)
        if call is not None:
            Call.of(self._client, self._engine, call).publish(event)
            lost = isinstance(event, CallStateEvent) and event.local
            if lost and self._engine.alive and call.end_reason == LOST_SESSION:
                logger.warning("call %s is over: the server has lost it", call.call_id)

    def _tell_all(self, event: RelayEvent) -> None:
        for known in self._routes.event(event.event_type):
            listeners = self._listeners.get(known)
            if listeners is None:
                listeners = Listeners(self._engine.listeners, self._backlog)
                self._listeners[known] = listeners
            listeners.tell(known.name, (known.handler,), event)

    def _completed(self, pending: Pending[RelayEvent]) -> None:
        if pending.error is None:
            callback = pending.callback
            assert callable(callback), "a callback is checked where it is given"
            job = partial(run, "on_completed", callback, pending.result())
            if not self._engine.listeners.start(job):
                logger.error("on_completed: too many listeners run, %r is dropped", callback)

    def _handle_call(self, record: CallRecord) -> None:
        engine = self._engine
        call = Call.of(self._client, engine, record)
        route = self._routes.call(record.context)
        if route is None:  # its handler has just been taken away
            call.pass_back()
        elif route.at_once:
            route.handler(call)
        else:
            self._start_handler(record, call, route)

    def _start_handler(self, record: CallRecord, call: Call, route: CallRoute) -> None:
        engine = self._engine
        task = AppTask(cancel_on_end=route.cancel_on_end)
        with engine.lock:
            free = len(engine.handling) < engine.core.config.limits.active_calls
            if free:
                engine.handling[record] = task
        if not free:
            logger.error("call %s was passed back: all handlers are busy", call.call_id)
            call.pass_back()
        elif not engine.calls.start(partial(self._run, record, call, route, task)):
            self._handled(record)  # the client is being disconnected

    def _run(self, record: CallRecord, call: Call, route: CallRoute, task: AppTask) -> None:
        current.task = task
        try:
            run(f"handler of call {call.call_id}", route.handler, call)
        finally:
            current.task = None
            self._handled(record)

    def _handled(self, record: CallRecord) -> None:
        with self._engine.lock:
            del self._engine.handling[record]
        self._engine.tell_changed()

    def _call_ended(self, record: CallRecord) -> None:
        Call.of(self._client, self._engine, record).ended()
        with self._engine.lock:
            task = self._engine.handling.get(record)
        if task is not None and task.cancel_on_end:
            task.cancel(CallEndedError(record.call_id, record.end_reason))
        self._engine.tell_changed()

    def _handle_message(self, record: MessageRecord) -> None:
        message = Message.of(self._engine, record)
        handler = self._routes.message
        if handler is None:
            logger.warning("message %s came, and no on_message handler", message.message_id)
            return
        name = f"handler of message {message.message_id}"
        if not self._engine.messages.start(partial(run, name, handler, message)):
            logger.error("%s: all handlers are busy, it is dropped", name)

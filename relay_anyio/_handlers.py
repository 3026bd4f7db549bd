"""Handlers: what an application has registered, and how it is told.

Each handler runs in a task of its own; a failing one is logged and harms nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from relay_proto.calls import LOST_SESSION, CallRecord
from relay_proto.config import check_contexts
from relay_proto.event import RelayEvent
from relay_proto.events import CallStateEvent
from relay_proto.messages import MessageRecord
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

from ._engine import AppTask, Engine
from ._listeners import Listener
from ._log import log_link, log_output
from .call import Call
from .message import Message

if TYPE_CHECKING:
    from .client import RelayClient

logger = logging.getLogger("relay_anyio")

EVERY = ""
"""Stands for all event types."""


@dataclass(frozen=True, slots=True)
class CallRoute:
    """A handler of inbound calls."""

    handler: Callable[[Call], Any]
    cancel_on_end: bool


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """One `on`: told apart by identity, since an application's handler may have no hash."""

    handler: Callable[[RelayEvent], Any]


class Handlers:
    """The application's functions, and the way from an output of the core to them."""

    def __init__(self, client: RelayClient, backlog: int, changed: Callable[[], None]) -> None:
        self._client = client
        self._backlog = backlog
        self._changed = changed
        self._default: CallRoute | None = None
        self._routes: dict[str, CallRoute] = {}
        self._message: Callable[[Message], Any] | None = None
        self._link: list[tuple[type[Connected | Disconnected], Callable[[Any], Any]]] = []
        self._events: dict[str, list[Registration]] = {}

    # Registration

    def add_call(
        self,
        handler: Callable[[Call], Any],
        contexts: Sequence[str] | None,
        *,
        cancel_on_end: bool,
    ) -> None:
        """Take inbound calls: of some contexts, or of all that no other handler has."""
        route = CallRoute(_function("call handler", handler), cancel_on_end)
        if contexts is None:
            self._default = route
        else:
            self._routes.update(dict.fromkeys(check_contexts(contexts), route))

    def set_message(self, handler: Callable[[Message], Any]) -> None:
        """Take inbound messages."""
        self._message = _function("message handler", handler)

    def add_link(self, kind: type[Connected | Disconnected], handler: Callable[[Any], Any]) -> None:
        """Hear of the link."""
        self._link.append((kind, _function("hook", handler)))

    def add_event(self, event_type: str, handler: Callable[[RelayEvent], Any]) -> None:
        """Hear events of one type, or of `EVERY` type."""
        registration = Registration(_function("listener", handler))
        self._events.setdefault(event_type, []).append(registration)

    def remove_event(self, event_type: str, handler: Callable[[RelayEvent], Any]) -> None:
        """Stop hearing events."""
        kept = [known for known in self._events.get(event_type, ()) if known.handler != handler]
        self._events[event_type] = kept

    def prepare(self, engine: Engine) -> None:
        """Tell the core which calls are taken."""
        engine.core.accepting_calls = self._default is not None or bool(self._routes)
        engine.core.accepted_contexts = None if self._default else frozenset(self._routes)

    # Delivery

    def publisher(self, engine: Engine) -> Callable[[Output], None]:
        """What hands the outputs of one engine's core to the application."""
        return partial(self._publish, engine, self._link_listener(engine), {})

    def _publish(
        self,
        engine: Engine,
        link: Listener[Connected | Disconnected],
        listeners: dict[Registration, Listener[RelayEvent]],
        output: Output,
    ) -> None:
        match output:
            case EventReceived(event, call):
                self._tell_call(engine, event, call)
                self._tell_all(engine, listeners, event)
            case Settled(pending):
                self._completed(engine, pending)
            case CallOffered(call):
                self._handle_call(engine, call)
            case CallEnded(call):
                self._call_ended(engine, call)
            case MessageReceived(message, event):
                self._handle_message(engine, message)
                self._tell_all(engine, listeners, event)
            case MessageChanged(message, event):
                Message.of(engine, message).publish(event)
                self._tell_all(engine, listeners, event)
            case Connected() | Disconnected():
                log_link(self._client.host, output)
                link.deliver(output)
            case _:
                log_output(self._client.host, output)

    def _tell_call(self, engine: Engine, event: RelayEvent, call: CallRecord | None) -> None:
        logger.debug("event %r", event)
        if call is not None:
            Call.of(self._client, engine, call).publish(event)
            lost = isinstance(event, CallStateEvent) and event.local
            if lost and engine.alive and call.end_reason == LOST_SESSION:
                logger.warning("call %s is over: the server has lost it", call.call_id)

    def _tell_all(
        self,
        engine: Engine,
        listeners: dict[Registration, Listener[RelayEvent]],
        event: RelayEvent,
    ) -> None:
        for kind in (event.event_type, EVERY):
            for known in tuple(self._events.get(kind, ())):
                listener = listeners.get(known)
                if listener is None:
                    name = f"listener of {kind or 'every event'}"
                    listener = Listener(known.handler, name, engine.start_soon, self._backlog)
                    listeners[known] = listener
                listener.deliver(event)

    def _completed(self, engine: Engine, pending: Pending[RelayEvent]) -> None:
        if pending.error is None:
            callback = pending.callback
            assert callable(callback), "a callback is checked where it is given"
            Listener[RelayEvent](callback, "on_completed", engine.start_soon, 1).deliver(
                pending.result()
            )

    def _handle_call(self, engine: Engine, record: CallRecord) -> None:
        route = self._routes.get(record.context) or self._default
        assert route is not None, "calls are accepted only with a handler"
        call = Call.of(self._client, engine, record)
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

    def _call_ended(self, engine: Engine, record: CallRecord) -> None:
        Call.of(self._client, engine, record).ended()
        task = engine.handling.get(record)
        if task is not None and task.cancel_on_end:
            task.scope.cancel()
        self._changed()

    def _handle_message(self, engine: Engine, record: MessageRecord) -> None:
        message = Message.of(engine, record)
        if self._message is None:
            logger.warning("message %s came, and no on_message handler", message.message_id)
            return
        name = f"handler of message {message.message_id}"
        listener = Listener[Message](self._message, name, engine.start_soon, 1)
        engine.start_soon(partial(listener.deliver_and_wait, message))

    def _link_listener(self, engine: Engine) -> Listener[Connected | Disconnected]:
        """One queue for all hooks: they hear of the link's ups and downs in order."""

        async def tell(event: Connected | Disconnected) -> None:
            for kind, handler in tuple(self._link):
                if isinstance(event, kind):
                    listener: Listener[Any] = Listener(handler, f"{kind.__name__} hook", run, 1)
                    await listener.deliver_and_wait(event)

        def run(function: Callable[[], Awaitable[None]]) -> bool:
            return engine.start_soon(function, AppTask(cancel_on_close=False))

        return Listener(tell, "link hooks", run, self._backlog)


def _function(what: str, value: Callable[..., Any]) -> Callable[..., Any]:
    if not callable(value):
        raise TypeError(f"the {what} must be a function, not {value!r}")
    return value

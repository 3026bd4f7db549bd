"""`Message`: a text message, sent or received.

Public: for applications, which may also import the names from `relay_sync`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from relay_proto.api.routes import check_function
from relay_proto.api.views import MessageView
from relay_proto.records import MessageRecord
from relay_proto.rpc.event_base import RelayEvent

from ._listeners import Listeners, plain

if TYPE_CHECKING:
    from ._engine import Engine

H = TypeVar("H", bound=Callable[[Any], Any])


class Message(MessageView):
    """An SMS or MMS. Its attributes follow its delivery.

    `state` goes from ``queued`` over ``initiated`` and ``sent`` to ``delivered``,
    ``undelivered`` or ``failed``, with a `reason`; one that came in is ``received``.
    """

    _engine: Engine | None = None
    _heard_by: tuple[Callable[[Any], Any], ...] = ()
    _listeners: Listeners | None = None

    @classmethod
    def of(cls, engine: Engine, record: MessageRecord) -> Self:
        """The handle of a message that the core knows. Not for applications."""
        with engine.lock:
            if record.handle is None:
                message = cls()
                message._record = record
                message._engine = engine
                record.handle = message
        handle = record.handle
        assert isinstance(handle, cls), "a record has one handle"
        return handle

    def on(self, handler: H) -> H:
        """Hear each change of its delivery, as a `MessageStateEvent`, in order."""
        engine = self._bound()
        check_function("listener", plain(handler))
        with engine.lock:
            if self._listeners is None:
                limit = engine.core.config.limits.listener_backlog
                self._listeners = Listeners(engine.listeners, limit)
            self._heard_by = (*self._heard_by, handler)
        return handler

    def wait(self, timeout: float | None = None) -> RelayEvent:
        """Wait for the end of its delivery, and return the event that told it.

        Raises:
            TimeoutError: it did not end in `timeout` seconds; wait again if you like.
            ValueError: it came in: there is nothing to wait for.
            ClientClosedError: the client was disconnected.
        """
        if self.direction == "inbound":
            raise ValueError("an inbound message has arrived: there is nothing to wait for")
        return self._bound().wait(self._record.done, timeout)

    def publish(self, event: RelayEvent) -> None:
        """Tell the listeners. Not for applications."""
        if self._listeners is not None:
            self._listeners.tell(f"listener of message {self.message_id}", self._heard_by, event)

    def _bound(self) -> Engine:
        if self._engine is None:
            raise ValueError("this message was made by hand: nothing will be heard of it")
        return self._engine

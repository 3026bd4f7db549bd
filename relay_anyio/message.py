"""`Message`: a text message, sent or received."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from relay_proto.event import RelayEvent
from relay_proto.messages import MessageRecord

from ._listeners import Listener

if TYPE_CHECKING:
    from ._engine import Engine

H = TypeVar("H", bound=Callable[[Any], Any])


class Message:
    """An SMS or MMS. Its attributes follow its delivery.

    `state` goes from ``queued`` over ``initiated`` and ``sent`` to ``delivered``,
    ``undelivered`` or ``failed``, with a `reason`; one that came in is ``received``.
    """

    _record: MessageRecord
    _engine: Engine | None = None

    def __init__(
        self,
        *,
        message_id: str = "",
        context: str = "",
        direction: str = "",
        from_number: str = "",
        to_number: str = "",
        body: str = "",
        media: list[str] | None = None,
        segments: int = 0,
        state: str = "",
        reason: str = "",
        tags: list[str] | None = None,
    ) -> None:
        self._record = MessageRecord(
            message_id=message_id,
            context=context,
            direction=direction,
            from_number=from_number,
            to_number=to_number,
            body=body,
            media=media,
            segments=segments,
            state=state,
            reason=reason,
            tags=tags,
        )
        self._listeners: list[Listener[RelayEvent]] = []

    @classmethod
    def of(cls, engine: Engine, record: MessageRecord) -> Self:
        """The handle of a message that the core knows. Not for applications."""
        if record.handle is None:
            message = cls()
            message._record = record
            message._engine = engine
            record.handle = message
        handle = record.handle
        assert isinstance(handle, cls), "a record has one handle"
        return handle

    def __repr__(self) -> str:
        return f"<Message {self.message_id or '(unsent)'} {self.direction} {self.state}>"

    @property
    def message_id(self) -> str:
        """The server's id."""
        return self._record.message_id

    @property
    def context(self) -> str:
        """The context that it came in on, or whose events tell its delivery."""
        return self._record.context

    @property
    def direction(self) -> str:
        """``inbound`` or ``outbound``."""
        return self._record.direction

    @property
    def from_number(self) -> str:
        """Who sent it."""
        return self._record.from_number

    @property
    def to_number(self) -> str:
        """Who is to get it."""
        return self._record.to_number

    @property
    def body(self) -> str:
        """The text."""
        return self._record.body

    @property
    def media(self) -> list[str]:
        """URLs of what came with it."""
        return self._record.media

    @property
    def segments(self) -> int:
        """How many SMS it took."""
        return self._record.segments

    @property
    def state(self) -> str:
        """How far its delivery has come."""
        return self._record.state

    @property
    def reason(self) -> str:
        """Why it was not delivered."""
        return self._record.reason

    @property
    def tags(self) -> list[str]:
        """The labels given when it was sent."""
        return self._record.tags

    @property
    def is_done(self) -> bool:
        """Whether its delivery has ended, one way or the other."""
        return self._record.done.settled

    @property
    def result(self) -> RelayEvent | None:
        """The event that ended its delivery, or None."""
        return self._record.result

    def on(self, handler: H) -> H:
        """Hear each change of its delivery, as a `MessageStateEvent`, in order."""
        engine = self._bound()
        limit = engine.core.config.limits.listener_backlog
        name = f"listener of message {self.message_id}"
        self._listeners.append(Listener(handler, name, engine.start_soon, limit))
        return handler

    async def wait(self, timeout: float | None = None) -> RelayEvent:
        """Wait for the end of its delivery, and return the event that told it.

        Raises:
            TimeoutError: it did not end in `timeout` seconds; wait again if you like.
            ValueError: it came in: there is nothing to wait for.
            ClientClosedError: the client was disconnected.
        """
        if self.direction == "inbound":
            raise ValueError("an inbound message has arrived: there is nothing to wait for")
        return await self._bound().wait(self._record.done, timeout)

    def publish(self, event: RelayEvent) -> None:
        """Tell the listeners. Not for applications."""
        for listener in tuple(self._listeners):
            listener.deliver(event)

    def _bound(self) -> Engine:
        if self._engine is None:
            raise ValueError("this message was made by hand: nothing will be heard of it")
        return self._engine

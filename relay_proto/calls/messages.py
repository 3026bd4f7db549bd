"""Text messages: the delivery of those that were sent, and those that came in.

A delivery report may arrive before the reply that names its message. Such early
reports are kept for a while, within a bound.

Source: docs/protocol.md, section 16.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import msgspec

from ..bounds import Limits, Timing
from ..core import OutputQueue
from ..display import shown_id
from ..errors import NO_CODE, RelayError, RemoteProtocolError
from ..outputs import Dropped, Ignored, MessageChanged, MessageReceived
from ..records import LONGEST_ID, MessageRecord
from ..rpc.event_base import size_of
from ..rpc.events import MessageReceiveEvent, MessageStateEvent
from ..rpc.frames import JSONObject
from ..timers import Deadlines
from ..transitions import MESSAGE_ORDER, MESSAGE_TERMINAL, MessageState, forward
from .early import Early
from .recent import Recent

NO_CONTEXT: Final = "default"
"""The messaging context of a session that was given no protocol string."""


class EarlyReports(msgspec.Struct, frozen=True):
    """The key of the deadline until which early reports of a message are kept."""

    message_id: str


class Messages:
    """The sent messages whose delivery is followed, and the ids of received messages."""

    def __init__(
        self, out: OutputQueue, deadlines: Deadlines[Any], timing: Timing, limits: Limits
    ) -> None:
        self._out = out
        self._deadlines = deadlines
        self._timing = timing
        self._limits = limits
        self._sent: OrderedDict[str, MessageRecord] = OrderedDict()
        self._early: OrderedDict[str, list[MessageStateEvent]] = OrderedDict()
        self._early_bytes = 0
        self._received: Recent[str] = Recent(limits.event_ids)
        self._without_handler: Early[MessageReceived] = Early(
            deadlines, timing.handler_grace, limits.early_arrivals
        )
        self._accepting = True
        self._context = NO_CONTEXT

    @property
    def accepting(self) -> bool:
        """Whether the application takes the messages that come in."""
        return self._accepting

    @accepting.setter
    def accepting(self, accepting: bool) -> None:
        self._accepting = accepting
        self._without_handler.look_again()

    def begin(self, now: float, protocol: str) -> None:
        """A session has begun: deliveries are reported to it, unless a text has a context."""
        self._context = protocol or NO_CONTEXT
        self._without_handler.connected(now, handled=self._accepting)

    def accepted(self, message: MessageRecord, message_id: str) -> None:
        """Follow the delivery of a message that the server has accepted and named."""
        message.message_id = message_id
        message.state = MessageState.QUEUED.value
        message.context = message.context or self._context
        if not 0 < len(message_id) <= LONGEST_ID or message_id in self._sent:
            words = "the server accepted a message but gave it no id of its own"
            error = RemoteProtocolError(words)
            self._out.fail(message.done, error)
            return
        if len(self._sent) >= self._limits.messages:
            _, oldest = self._sent.popitem(last=False)
            why = "too many messages are being followed (Limits.messages)"
            self._out.fail(oldest.done, RelayError(NO_CODE, why))
            which = f"message {shown_id(oldest.message_id)}"
            self._out.push(Dropped(f"{which} is no longer followed, because {why}"))
        self._sent[message_id] = message
        self._deadlines.clear(EarlyReports(message_id))
        for event in self._take_early(message_id):
            self._change(message, event)

    def receive_state(self, event: MessageStateEvent, now: float) -> None:
        """Apply a delivery report."""
        message = self._sent.get(event.message_id)
        if message is not None:
            self._change(message, event)
            return
        if len(event.message_id) > LONGEST_ID:
            self._out.push(Ignored("a report about a message with a long id"))
            return
        reports = self._early.setdefault(event.message_id, [])
        if len(reports) < len(MESSAGE_ORDER):
            reports.append(event)
            self._early_bytes += size_of(event)
        self._deadlines.set(EarlyReports(event.message_id), now + self._timing.message_grace)
        limits = self._limits
        while len(self._early) > limits.early_messages or self._early_bytes > limits.early_bytes:
            self.forget_early(EarlyReports(next(iter(self._early))))

    def receive(self, event: MessageReceiveEvent, now: float) -> None:
        """Report an inbound message, once. Without a handler, it waits for one for a while."""
        self.take_early(now)  # they came first
        # Without an id, a repetition looks like a new message.
        if event.message_id and not self._received.add(event.message_id):
            self._out.push(Ignored(f"message {shown_id(event.message_id)} came again"))
            return
        message = MessageRecord(
            message_id=event.message_id,
            context=event.context,
            direction=event.direction or "inbound",
            from_number=event.from_number,
            to_number=event.to_number,
            body=event.body,
            media=event.media,
            segments=event.segments,
            state=event.message_state or MessageState.RECEIVED.value,
            tags=event.tags,
        )
        received = MessageReceived(message, event)
        may_wait = not self._accepting and size_of(event) <= self._limits.kept_event_bytes
        if not (may_wait and self._without_handler.keep(received, now)):
            self._out.push(received)

    def take_early(self, now: float) -> None:
        """Report the messages that have a handler by now, or have waited long enough for one."""
        if self._accepting:
            self._without_handler.stop()
        for received in self._without_handler.take_late(now):
            self._out.push(received)

    def forget_early(self, key: EarlyReports) -> None:
        """Drop early reports whose message did not become known in time."""
        self._take_early(key.message_id)
        self._deadlines.clear(key)
        self._out.push(Ignored(f"reports about the unknown message {shown_id(key.message_id)}"))

    def fail_all(self, error: RelayError) -> None:
        """Fail every delivery: no more reports and no more handlers will come."""
        for received in self._without_handler.take(lambda _: True):
            self._out.push(received)
        for message in self._sent.values():
            self._out.fail(message.done, error)
        self._sent.clear()
        self._early.clear()
        self._early_bytes = 0

    def _take_early(self, message_id: str) -> list[MessageStateEvent]:
        reports = self._early.pop(message_id, [])
        self._early_bytes -= sum(map(size_of, reports))
        return reports

    def _change(self, message: MessageRecord, event: MessageStateEvent) -> None:
        message.state = forward(MESSAGE_ORDER, message.state, event.message_state)
        message.segments = event.segments or message.segments
        if size_of(event) <= self._limits.kept_event_bytes:
            message.reason = event.reason or message.reason
            message.body = event.body or message.body
            message.media = event.media or message.media
            message.tags = event.tags or message.tags
        if message.state in MESSAGE_TERMINAL and message.result is None:
            self._sent.pop(message.message_id, None)
            message.result = event
            self._out.resolve(message.done, event)
        self._out.push(MessageChanged(message, event))


def outbound_message(params: JSONObject, context: str, callback: object) -> MessageRecord:
    """Return the record of a text that is about to be sent with these parameters."""
    return MessageRecord(
        context=context,
        direction="outbound",
        from_number=params["from_number"],
        to_number=params["to_number"],
        body=params.get("body", ""),
        media=params.get("media"),
        tags=params.get("tags"),
        callback=callback,
    )

"""Text messages: the delivery of those that were sent, and those that came in.

A delivery report may arrive before the reply that names its message. Such early
reports are kept for a while, within a bound.

Source: docs/protocol.md, section 16.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import msgspec

from ..config import Limits, Timing
from ..core import OutputQueue
from ..errors import RelayError, RemoteProtocolError
from ..outputs import Dropped, Ignored, MessageChanged, MessageReceived
from ..records import MessageRecord
from ..rpc.events import MessageReceiveEvent, MessageStateEvent
from ..timers import Deadlines
from ..transitions import MESSAGE_ORDER, MESSAGE_TERMINAL, MessageState, forward


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
        self._received: OrderedDict[str, None] = OrderedDict()

    def accepted(self, message: MessageRecord, message_id: str) -> None:
        """Follow the delivery of a message that the server has accepted and named."""
        message.message_id = message_id
        message.state = MessageState.QUEUED.value
        if not message_id or message_id in self._sent:
            words = "the server accepted a message but gave it no id of its own"
            error = RemoteProtocolError(words)
            self._out.fail(message.done, error)
            return
        if len(self._sent) >= self._limits.messages:
            _, oldest = self._sent.popitem(last=False)
            self._out.fail(oldest.done, RelayError(-1, "too many messages are being followed"))
            self._out.push(Dropped(f"message {oldest.message_id} is no longer followed"))
        self._sent[message_id] = message
        self._deadlines.clear(EarlyReports(message_id))
        for event in self._early.pop(message_id, ()):
            self._change(message, event)

    def receive_state(self, event: MessageStateEvent, now: float) -> None:
        """Apply a delivery report."""
        message = self._sent.get(event.message_id)
        if message is not None:
            self._change(message, event)
            return
        reports = self._early.setdefault(event.message_id, [])
        if len(reports) < len(MESSAGE_ORDER):
            reports.append(event)
        self._deadlines.set(EarlyReports(event.message_id), now + self._timing.message_grace)
        if len(self._early) > self._limits.early_messages:
            oldest, _ = self._early.popitem(last=False)
            self.forget_early(EarlyReports(oldest))

    def receive(self, event: MessageReceiveEvent) -> None:
        """Report an inbound message, once."""
        if event.message_id in self._received:
            self._out.push(Ignored(f"message {event.message_id} came again"))
            return
        if event.message_id:  # without an id, a repetition looks like a new message
            self._received[event.message_id] = None
        if len(self._received) > self._limits.event_ids:
            self._received.popitem(last=False)
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
        self._out.push(MessageReceived(message, event))

    def forget_early(self, key: EarlyReports) -> None:
        """Drop early reports whose message did not become known in time."""
        self._early.pop(key.message_id, None)
        self._deadlines.clear(key)
        self._out.push(Ignored(f"reports about the unknown message {key.message_id}"))

    def fail_all(self, error: RelayError) -> None:
        """Fail every delivery: no more reports will come."""
        for message in self._sent.values():
            self._out.fail(message.done, error)
        self._sent.clear()
        self._early.clear()

    def _change(self, message: MessageRecord, event: MessageStateEvent) -> None:
        message.state = forward(MESSAGE_ORDER, message.state, event.message_state)
        message.reason = event.reason or message.reason
        message.body = event.body or message.body
        message.segments = event.segments or message.segments
        message.media = event.media or message.media
        message.tags = event.tags or message.tags
        if message.state in MESSAGE_TERMINAL and message.result is None:
            self._sent.pop(message.message_id, None)
            message.result = event
            self._out.resolve(message.done, event)
        self._out.push(MessageChanged(message, event))

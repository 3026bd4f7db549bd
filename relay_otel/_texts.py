"""Texts: those that are sent, to their last state, and the handlers of those that come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind

from relay_proto.outputs import MessageChanged, MessageReceived
from relay_proto.pending import Pending
from relay_proto.records import MessageRecord
from relay_proto.rpc.events import MessageStateEvent
from relay_proto.transitions import MessageState

from . import _names as names
from ._bounds import error_type, word
from ._metrics import Instruments
from ._spans import Spans, fail, root
from ._work import Work


class TextObservation:
    """Each text that is sent has one span, and so has each handler of one that came in."""

    def __init__(
        self,
        under_way: dict[Pending[Any], Work],
        server: Mapping[str, str | int],
        spans: Spans,
        instruments: Instruments,
    ) -> None:
        self._under_way = under_way
        self._server = server
        self._spans = spans
        self._metrics = instruments
        self._handled: dict[MessageRecord, Span] = {}

    def sent(self, method: str, pending: Pending[MessageRecord], now: float) -> None:
        """The program sends a text."""
        self._spans.set_clock(now)
        span = self._spans.begin("send text", SpanKind.PRODUCER, now, self._about("send"))
        self._under_way[pending] = Work(span, now, method, is_text=True)

    def _about(self, operation: str) -> dict[str, str | int]:
        return {
            names.MESSAGING_SYSTEM: "signalwire_relay",
            names.MESSAGING_OPERATION_NAME: operation,
            names.MESSAGING_OPERATION: operation,
            **self._server,
        }

    def answered(self, work: Work, pending: Pending[MessageRecord], now: float) -> None:
        """The server has taken the text, or not."""
        if pending.error is not None:
            self._spans.end(work.span, now, pending.error)
            return
        message = work.message = pending.result()
        work.span.set_attribute(names.MESSAGE_ID, message.message_id)
        if message.done.settled:
            self.delivered(work, now)
        else:
            work.done = message.done
            self._under_way[message.done] = work

    def delivered(self, work: Work, now: float) -> None:
        """No more is heard of the text."""
        message = work.message
        assert message is not None, "the server has taken it"
        error, state = message.done.error, message.state
        if error is None and state != MessageState.DELIVERED.value:
            fail(work.span, word(state))
        about = {names.TEXT_STATE: word(state) if state else ""}
        self._spans.end(work.span, now, error, about)

    def changed(self, output: MessageReceived | MessageChanged, now: float) -> None:
        """A text has come in, or one that was sent has a new state."""
        message, event = output.message, output.event
        if isinstance(output, MessageReceived):
            self._metrics.add(names.TEXTS, "inbound", message.state)
            return
        state = event.message_state if isinstance(event, MessageStateEvent) else ""
        self._metrics.add(names.TEXTS, "outbound", state)
        work = self._under_way.get(message.done)
        if work is not None:
            self._spans.note(work.span, word(state), now)

    def enter(self, message: MessageRecord, now: float) -> Span:
        """The handler of a text begins. Returns its span."""
        self._spans.set_clock(now)
        about = {**self._about("process"), names.MESSAGE_ID: message.message_id}
        span = self._spans.begin("process text", SpanKind.CONSUMER, now, about, context=root())
        self._handled[message] = span
        return span

    def left(self, message: MessageRecord, failure: BaseException | None, now: float) -> None:
        """The handler of a text has ended."""
        if failure is not None:
            self._metrics.add(names.HANDLER_FAILURES, "text", error_type(failure))
        span = self._handled.pop(message, trace.INVALID_SPAN)
        self._spans.end(span, now, failure)

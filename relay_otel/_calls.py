"""Calls: from the offer or the dial to the end, and what was dialled for one."""

from __future__ import annotations

from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind

from relay_proto.api.commands import Command
from relay_proto.calls.calls import LOST_SESSION, PASSED_ON
from relay_proto.constants import CALL_STATE_ANSWERED
from relay_proto.pending import Pending
from relay_proto.records import CallRecord
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.events import PlayEvent
from relay_proto.transitions import EndReason

from . import _names as names
from ._bounds import OTHER, error_type, word
from ._link import LinkObservation
from ._live import live_spans
from ._metrics import Instruments
from ._results import dial_result
from ._spans import Spans, fail, root
from ._work import CallWork, DialWork

ANSWERED: Final = "answered"
END_REASONS: Final = frozenset({*EndReason, PASSED_ON, "no_answer", "declined"})
"""The reasons of the protocol. Others are shown as `OTHER`: a server might say anything."""


class CallObservation:
    """The calls that are up, and the dials that are not decided."""

    def __init__(self, link: LinkObservation, spans: Spans, instruments: Instruments) -> None:
        self._link = link
        self._spans = spans
        self._metrics = instruments
        self._calls: dict[CallRecord, CallWork] = {}
        self._dials: dict[str, DialWork] = {}

    @property
    def spans(self) -> set[Span]:
        """The spans of all calls that are up."""
        return {call.span for call in self._calls.values()}

    def span_of(self, call: CallRecord, now: float) -> Span:
        """The span of a call; one that records nothing if the call is over."""
        known = self._known(call, now)
        return trace.INVALID_SPAN if known is None else known.span

    def _known(self, call: CallRecord, now: float) -> CallWork | None:
        known = self._calls.get(call)
        if known is None and not call.ended:  # what ends may have some words to come
            known = self._begin(call, now)
        return known

    def event(self, event: RelayEvent, call: CallRecord, now: float) -> None:
        """Something has happened to a call."""
        known = self._known(call, now)
        if known is None:
            return
        if call.state != known.state:
            known.state = call.state
            self._spans.note(known.leg or known.span, word(call.state), now)
            if call.state == CALL_STATE_ANSWERED:
                known.answered_at = now
                waited = now - known.dialled_at
                self._metrics.add(names.ANSWERED, known.direction)
                self._metrics.record(names.TIME_TO_ANSWER, waited, known.direction)
        if type(event) is PlayEvent and event.state == "playing" and not known.prompted:
            known.prompted = True
            if known.answered_at is not None:
                waited = now - known.answered_at
                self._metrics.record(names.TIME_TO_PROMPT, waited, known.direction)

    def _begin(self, call: CallRecord, now: float) -> CallWork:
        outbound = call.direction == "outbound"
        dial = self._dials.get(call.tag) if outbound else None
        known = self._begin_leg(call, dial, now) if dial else self._begin_call(call, now)
        self._calls[call] = known
        live_spans[call] = known.span
        self._metrics.add(names.CALLS_UP, known.direction)
        return known

    def _begin_call(self, call: CallRecord, now: float) -> CallWork:
        outbound = call.direction == "outbound"
        direction = "outbound" if outbound else "inbound"
        self._spans.set_clock(now)
        about = {
            names.CALL_ID: call.call_id,
            names.DIRECTION: direction,
            names.CONTEXT: word(call.context) if call.context else "",
        }
        span = self._spans.begin(
            f"call {direction}",
            SpanKind.CLIENT if outbound else SpanKind.SERVER,
            now,
            about,
            context=root(),
            links=[self._link.session],
        )
        return CallWork(span, now, direction, dialled_at=now)

    def _begin_leg(self, call: CallRecord, dial: DialWork, now: float) -> CallWork:
        within = trace.set_span_in_context(dial.span)
        about = {names.CALL_ID: call.call_id}
        leg = self._spans.begin("leg", SpanKind.CLIENT, now, about, context=within)
        return CallWork(dial.call, now, "outbound", dialled_at=dial.began_at, leg=leg)

    def ended(self, call: CallRecord, now: float) -> None:
        """A call is over."""
        known = self._calls.pop(call, None)
        if known is None:
            return
        live_spans.pop(call, None)
        direction, reason = known.direction, str(call.end_reason)
        if reason and reason not in END_REASONS:
            reason = OTHER
        self._metrics.add(names.CALLS_UP, direction, amount=-1)
        self._metrics.record(names.CALL_DURATION, now - known.began_at, direction, reason)
        if reason == PASSED_ON:
            self._metrics.add(names.PASSED_BACK)
        ending = known.leg or known.span
        if reason == LOST_SESSION:
            fail(ending, reason)
        self._spans.end(ending, now, None, {names.END_REASON: reason})

    def failed(self, call: CallRecord, failure: BaseException) -> None:
        """The handler of a call has raised."""
        self._metrics.add(names.HANDLER_FAILURES, "call", error_type(failure))
        known = self._calls.get(call)
        if known is not None:
            fail(known.span, error_type(failure))

    # Dials

    def dial(self, command: Command[CallRecord], now: float) -> DialWork:
        """The program dials."""
        self._spans.set_clock(now)
        links = [self._link.session, trace.get_current_span().get_span_context()]
        about = {names.DIRECTION: "outbound"}
        call = self._spans.begin(
            "call outbound", SpanKind.CLIENT, now, about, context=root(), links=links
        )
        within = trace.set_span_in_context(call)
        span = self._spans.begin("dial", SpanKind.CLIENT, now, {}, context=within)
        tag = command.params["tag"]
        dial = self._dials[tag] = DialWork(span, now, command.method, tag=tag, call=call)
        return dial

    def decided(self, dial: DialWork, pending: Pending[CallRecord], now: float) -> None:
        """A dial has a result. Its losers may still ring for a moment."""
        self._dials.pop(dial.tag, None)
        error = pending.error
        result = ANSWERED if error is None else dial_result(error)
        self._metrics.record(names.DIAL_DURATION, now - dial.began_at, result)
        about = {names.DIAL_RESULT: word(result)}
        self._spans.end(dial.span, now, error, about)
        if error is not None:
            self._spans.end(dial.call, now, error, about)
            return
        record = pending.result()
        dial.call.set_attribute(names.CALL_ID, record.call_id)
        winner = self._calls.get(record)
        if winner is None or winner.leg is None:
            self._spans.end(dial.call, now, None, about)  # it has ended in the same moment
            return
        self._spans.note(winner.span, ANSWERED, now)
        self._spans.end(winner.leg, now)
        winner.leg = None

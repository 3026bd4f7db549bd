"""The observation: from the commands and outputs of one core to spans and metrics."""

from __future__ import annotations

from typing import Any, Final, assert_never

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from relay_proto.api.commands import Command, Purpose
from relay_proto.client_interface import ClientInterface
from relay_proto.errors import RelayError
from relay_proto.observing.observer import Target
from relay_proto.outputs import (
    CallEnded,
    CallOffered,
    Closed,
    Connected,
    ConnectFailed,
    Disconnected,
    EventReceived,
    MessageChanged,
    MessageReceived,
    OfferRefused,
    OpenTransport,
    Output,
    Settled,
)
from relay_proto.pending import Pending
from relay_proto.records import ActionRecord, CallRecord, MessageRecord
from relay_proto.rpc.event_base import RelayEvent

from . import _names as names
from ._bounds import error_type, word
from ._calls import CallObservation
from ._link import LinkObservation
from ._metrics import Instruments
from ._results import action_result
from ._spans import NOTHING, Spans, below, fail
from ._texts import TextObservation
from ._work import DialWork, Work

CLOCKS_DIFFER: Final = 3600.0
"""Seconds: an acknowledgement later than that says only that the clocks differ."""


class CoreObservation:
    """What is known of one core, as far as spans and metrics need it."""

    def __init__(self, core: ClientInterface, spans: Spans, instruments: Instruments) -> None:
        self._spans = spans
        self._metrics = instruments
        self._under_way: dict[Pending[Any], Work] = {}
        self._link = LinkObservation(core.config.host, spans, instruments)
        self._calls = CallObservation(self._link, spans, instruments)
        self._texts = TextObservation(self._under_way, self._link.server, spans, instruments)

    # Commands

    def commanded(
        self, command: Command[Any], target: Target, pending: Pending[Any], now: float
    ) -> None:
        """See `Observation`."""
        self._commanded(command, target, pending, now)
        self._spans.raise_failure()

    def _commanded(
        self, command: Command[Any], target: Target, pending: Pending[Any], now: float
    ) -> None:
        match target, command.purpose:
            case None, Purpose.DIAL:
                self._under_way[pending] = self._calls.dial(command, now)
            case None, Purpose.SEND_MESSAGE:
                self._texts.sent(command.method, pending, now)
            case CallRecord(), Purpose.START:
                self._start(command, target, pending, now)
            case ActionRecord(), _:
                prefix = target.kind.method if command.method.startswith(".") else ""
                self._request(prefix + command.method, target.call, pending, now)
            case CallRecord() | None, _:
                self._request(command.method, target, pending, now)
            case _:
                assert_never(target)

    def _request(
        self, method: str, call: CallRecord | None, pending: Pending[Any], now: float
    ) -> None:
        context, links = (None, ()) if call is None else below(self._calls.span_of(call, now))
        name = word(method)
        about = {
            names.RPC_SYSTEM: "jsonrpc",
            names.RPC_METHOD: name,
            names.JSONRPC_VERSION: "2.0",
            **self._link.server,
        }
        kind = SpanKind.CLIENT
        span = self._spans.begin(name, kind, now, about, context=context, links=links)
        self._under_way[pending] = Work(span, now, method)

    def _start(
        self, command: Command[Any], call: CallRecord, pending: Pending[Any], now: float
    ) -> None:
        verb = command.method.removeprefix("calling.")
        context, links = below(self._calls.span_of(call, now))
        about = {names.VERB: verb}
        kind = SpanKind.INTERNAL
        span = self._spans.begin(verb, kind, now, about, context=context, links=links)
        work = self._under_way[pending] = Work(span, now, command.method, verb=verb)
        action = call.actions.get(command.params["control_id"])
        if action is not None:  # else the call is over
            work.done = action.done
            self._under_way[action.done] = work

    # Outputs

    def put_out(self, output: Output, now: float) -> None:
        """See `Observation`."""
        self._follow(output, now)
        self._spans.raise_failure()

    def _follow(self, output: Output, now: float) -> None:
        match output:
            case EventReceived(event, call):
                self._acknowledged(event, now)
                if call is not None:
                    self._calls.event(event, call, now)
            case Settled(pending):
                work = self._under_way.pop(pending, None)
                if work is not None:
                    self._settled(work, pending, now)
            case CallOffered():
                self._metrics.add(names.OFFERED)
            case OfferRefused(_, _, cause):
                self._metrics.add(names.OFFERED)
                self._metrics.add(names.REFUSED, cause)
            case CallEnded(call):
                self._calls.ended(call, now)
            case MessageReceived() | MessageChanged():
                self._acknowledged(output.event, now)
                self._texts.changed(output, now)
            case OpenTransport() | Connected() | ConnectFailed() | Disconnected() | Closed():
                self._link_changed(output, now)
            case _:
                pass  # bytes, and lines for the log

    def late(self, seconds: float) -> None:
        """See `Observation`."""
        self._metrics.record(names.LAG, seconds)

    def _link_changed(
        self, output: OpenTransport | Connected | ConnectFailed | Disconnected | Closed, now: float
    ) -> None:
        gap = self._link.changed(output, now)
        if gap is None or not gap.is_recording():
            return
        actions = {work.span for work in self._under_way.values() if work.verb}
        for span in self._calls.spans | actions:
            if span.is_recording():
                span.add_link(gap.get_span_context())

    def _acknowledged(self, event: RelayEvent, now: float) -> None:
        if event.timestamp:  # what the core makes by itself has none
            delay = self._spans.wall(now) - event.timestamp
            if abs(delay) < CLOCKS_DIFFER:
                self._metrics.record(names.ACKNOWLEDGEMENT, delay)

    # What has become of a command

    def _settled(self, work: Work, pending: Pending[Any], now: float) -> None:
        if pending is work.done:
            if work.verb:
                self._action_ended(work, pending, now)
            else:
                self._texts.delivered(work, now)
            return
        error = pending.error
        failure = "" if error is None else error_type(error)
        self._metrics.record(names.REQUEST_DURATION, now - work.began_at, work.method, failure)
        if isinstance(work, DialWork):
            self._calls.decided(work, pending, now)
        elif work.is_text:
            self._texts.answered(work, pending, now)
        elif not work.verb:
            status = {names.RPC_STATUS: failure} if type(error) is RelayError else NOTHING
            self._spans.end(work.span, now, error, status)
        elif work.done is None:
            self._end_action(work, "call_ended", error, now)
        elif error is None:
            self._spans.note(work.span, "accepted", now)

    def _action_ended(self, work: Work, done: Pending[RelayEvent], now: float) -> None:
        if done.error is None:
            self._end_action(work, action_result(done.result()), None, now)
        else:
            self._end_action(work, "not_started", done.error, now)

    def _end_action(self, work: Work, result: str, error: BaseException | None, now: float) -> None:
        self._metrics.record(names.ACTION_DURATION, now - work.began_at, work.verb, result)
        if result in ("error", "session_lost"):
            fail(work.span, result)
        self._spans.end(work.span, now, error, {names.ACTION_RESULT: word(result)})

    # Handlers

    def enter(self, record: CallRecord | MessageRecord, now: float) -> None:
        """See `Observation`."""
        if isinstance(record, CallRecord):
            span = self._calls.span_of(record, now)
        else:
            span = self._texts.enter(record, now)
        contexts.attach(trace.set_span_in_context(span))
        self._spans.raise_failure()

    def left(
        self, record: CallRecord | MessageRecord, failure: BaseException | None, now: float
    ) -> None:
        """See `Observation`."""
        if isinstance(record, MessageRecord):
            self._texts.left(record, failure, now)
        elif failure is not None:
            self._calls.failed(record, failure)
        self._spans.raise_failure()

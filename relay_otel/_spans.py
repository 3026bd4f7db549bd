"""Spans: how they begin and end, with the times of an adapter in place of a clock."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, Tracer

from ._bounds import error_type
from ._names import ERROR_TYPE

Attribute: TypeAlias = str | int | bool
NOTHING: Final[Mapping[str, Attribute]] = {}
SAME_RATE: Final = 0.05
"""Seconds within which two clocks that run at the same rate stay together."""
LATE: Final = 1.0
"""Seconds that may pass from the time of an output until it is told."""
NANOSECONDS: Final = 1_000_000_000


class Spans:
    """Begins and ends spans at times of one adapter's clock."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._offset = 0.0
        self._ahead: float | None = None
        self._offsets: dict[Span, float] = {}
        """By how much the wall clock was ahead when each open span began.

        A span ends by that, even if somebody has set the clock meanwhile.
        """
        self._failure: Exception | None = None

    def raise_failure(self) -> None:
        """Raise what a sampler or a processor of the program has raised.

        It is raised last, behind what is known and counted of the call: a trace that is
        broken costs no metrics.
        """
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def set_clock(self, now: float) -> None:
        """Let the wall clock of now count, for spans to come: it may have been set.

        In a rehearsal it counts once: there, `now` runs faster than any clock.
        """
        monotonic = time.monotonic()
        ahead = monotonic - now
        if self._ahead is None:  # asyncio and threads have this clock; `now` may be late
            self._ahead = 0.0 if 0.0 <= ahead < LATE else ahead
            late = 0.0
        else:
            late = ahead - self._ahead
        if -SAME_RATE < late < LATE:
            self._offset = time.time() - monotonic + self._ahead

    def wall(self, now: float) -> float:
        """The time of day, in seconds since 1970."""
        return now + self._offset

    def begin(
        self,
        name: str,
        kind: SpanKind,
        now: float,
        attributes: Mapping[str, Attribute],
        *,
        context: Context | None = None,
        links: Sequence[SpanContext] = (),
    ) -> Span:
        """Begin a span below the one in `context`, or the current one."""
        try:
            span = self._tracer.start_span(
                name,
                context,
                kind,
                {name: value for name, value in attributes.items() if value != ""},
                [Link(link) for link in links if link.is_valid],
                _nanoseconds(now + self._offset),
            )
        except Exception as failure:  # noqa: BLE001 - see `raise_failure`
            self._failure = failure
            return trace.INVALID_SPAN
        if span.is_recording():
            self._offsets[span] = self._offset
        return span

    def note(self, span: Span, name: str, now: float) -> None:
        """Add an event to a span."""
        if span.is_recording():
            offset = self._offsets.get(span, self._offset)
            span.add_event(name, timestamp=_nanoseconds(now + offset))

    def end(
        self,
        span: Span,
        now: float,
        error: BaseException | None = None,
        attributes: Mapping[str, Attribute] = NOTHING,
    ) -> None:
        """End a span, with an error if it has failed."""
        if error is not None:
            fail(span, error_type(error))
        span.set_attributes({name: value for name, value in attributes.items() if value != ""})
        offset = self._offsets.pop(span, self._offset)
        try:
            span.end(_nanoseconds(now + offset))
        except Exception as failure:  # noqa: BLE001 - see `raise_failure`
            self._failure = failure


def _nanoseconds(seconds: float) -> int:
    return int(seconds * NANOSECONDS)


def fail(span: Span, kind: str) -> None:
    """Mark a span as failed. Without the words of the error: they may be personal."""
    if span.is_recording():
        span.set_attribute(ERROR_TYPE, kind)
        span.set_status(Status(StatusCode.ERROR))


def root() -> Context:
    """No span above."""
    return trace.set_span_in_context(trace.INVALID_SPAN)


def below(parent: Span) -> tuple[Context | None, Sequence[SpanContext]]:
    """Where a span of a call's belongs, and what it links to.

    That is below the span that is current, if the program has made it for this call; if
    not, below `parent`, with a link to the one that is current. A call that is over has no
    span any more: what is asked of it then is below the current one, as in its handler.
    """
    if not parent.get_span_context().is_valid:
        return None, ()
    current = trace.get_current_span().get_span_context()
    if current.is_valid and current.trace_id == parent.get_span_context().trace_id:
        return None, ()
    return trace.set_span_in_context(parent), (current,)

"""Within a call: how a program makes its own spans a part of the trace of a call."""

from __future__ import annotations

from contextlib import AbstractContextManager

from opentelemetry import trace
from opentelemetry.trace import Span

from relay_proto.api.views import CallView

from ._live import live_spans


def span_of(call: CallView) -> Span:
    """Return the span of a call that is up. Without one, return a span that records nothing."""
    record = call._record  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - two clients may have the same id
    return live_spans.get(record, trace.INVALID_SPAN)


def within(call: CallView) -> AbstractContextManager[Span]:
    """Let the span of a call be the current one, for the spans of a ``with`` block.

    A handler that was registered with ``on_call`` needs no such block: it starts within its
    call. A call from ``client.calls()`` or ``client.dial()`` does.
    """
    return trace.use_span(
        span_of(call), end_on_exit=False, record_exception=False, set_status_on_exception=False
    )

"""The link: the session of a client, its gaps, and its attempts to connect."""

from __future__ import annotations

from typing import Final, TypeAlias, assert_never

from opentelemetry import trace
from opentelemetry.trace import Span, SpanContext, SpanKind

from relay_proto.errors import RelayError
from relay_proto.outputs import Closed, Connected, ConnectFailed, Disconnected, OpenTransport
from relay_proto.values.hosts import split_host

from . import _names as names
from ._bounds import error_type
from ._metrics import Instruments
from ._spans import Spans, fail, root

LinkOutput: TypeAlias = OpenTransport | Connected | ConnectFailed | Disconnected | Closed


class LinkObservation:
    """The spans of a link are short: calls link to them, and none is below them."""

    def __init__(self, host: str, spans: Spans, instruments: Instruments) -> None:
        self._spans = spans
        self._metrics = instruments
        name, port = split_host(host)
        self.server: Final[dict[str, str | int]] = {
            names.SERVER_ADDRESS: name,
            names.SERVER_PORT: port,
        }
        """The attributes of all spans that are about an exchange with the service."""
        self.session: SpanContext = trace.INVALID_SPAN_CONTEXT
        """The attempt to connect that the session began with, or with which it went on."""
        self._connect: Span | None = None
        self._gap: Span | None = None
        self._gap_began_at = 0.0

    def changed(self, output: LinkOutput, now: float) -> Span | None:
        """Follow what has happened. Returns the span of a gap that begins now."""
        match output:
            case OpenTransport():
                self._open(now)
            case Connected(resumed):
                self._connected(now, resumed=resumed)
            case ConnectFailed(error):
                self._metrics.add(names.CONNECT_FAILURES, error_type(error))
                self._end_attempt(now, error)
            case Disconnected(error, retry_delay):
                self._metrics.add(names.SESSIONS, amount=-1)
                if error is not None and retry_delay is not None:
                    return self._begin_gap(error, now)
            case Closed(error):
                self._end_attempt(now, error)
                self._end_gap(now)
            case _:
                assert_never(output)
        return None

    def _open(self, now: float) -> None:
        above = root()
        if self._gap is None:
            self._spans.set_clock(now)
        else:
            above = trace.set_span_in_context(self._gap)
        self._connect = self._spans.begin(
            "connect", SpanKind.CLIENT, now, self.server, context=above
        )

    def _connected(self, now: float, *, resumed: bool) -> None:
        self._metrics.add(names.SESSIONS)
        assert self._connect is not None, "a session begins with an attempt to connect"
        self.session = self._connect.get_span_context()
        self._connect.set_attribute(names.RESUMED, resumed)
        self._end_attempt(now)
        if self._gap is not None:
            lasted = now - self._gap_began_at
            self._metrics.record(names.GAP, lasted, "true" if resumed else "false")
            self._gap.set_attribute(names.RESUMED, resumed)
            self._end_gap(now)

    def _begin_gap(self, error: RelayError, now: float) -> Span:
        self._gap_began_at = now
        self._gap = self._spans.begin(
            "gap", SpanKind.INTERNAL, now, {}, context=root(), links=[self.session]
        )
        fail(self._gap, error_type(error))
        return self._gap

    def _end_attempt(self, now: float, error: RelayError | None = None) -> None:
        if self._connect is not None:
            self._spans.end(self._connect, now, error)
            self._connect = None

    def _end_gap(self, now: float) -> None:
        if self._gap is not None:
            self._spans.end(self._gap, now)
            self._gap = None

"""The names of everything that is exported: the one table of metrics, spans and attributes.

They follow the conventions of OpenTelemetry where it has some: for names and units, for
``error.type``, ``rpc.*``, ``messaging.*`` and ``server.*``. What is ours begins with ``relay.``.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, get_args

from relay_proto.values.literals import RefusalCause

# Attributes

DIRECTION: Final = "relay.call.direction"
END_REASON: Final = "relay.call.end_reason"
CALL_ID: Final = "relay.call.id"
CONTEXT: Final = "relay.call.context"
REFUSED_REASON: Final = "relay.call.refused_reason"
DIAL_RESULT: Final = "relay.dial.result"
VERB: Final = "relay.action.verb"
ACTION_RESULT: Final = "relay.action.result"
TEXT_DIRECTION: Final = "relay.text.direction"
TEXT_STATE: Final = "relay.text.state"
HANDLER: Final = "relay.handler"
RESUMED: Final = "relay.session.resumed"
ERROR_TYPE: Final = "error.type"
RPC_SYSTEM: Final = "rpc.system.name"
RPC_METHOD: Final = "rpc.method"
RPC_STATUS: Final = "rpc.response.status_code"
JSONRPC_VERSION: Final = "jsonrpc.protocol.version"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_OPERATION_NAME: Final = "messaging.operation.name"
MESSAGING_OPERATION: Final = "messaging.operation.type"
MESSAGE_ID: Final = "messaging.message.id"

ATTRIBUTES: Final = {
    DIRECTION: "`inbound` or `outbound`",
    END_REASON: "why the call has ended, such as `hangup`, `busy`, or `passed` for passed back",
    REFUSED_REASON: "`no_handler`, `draining`, `too_many_calls`, or `too_much_data`",
    CALL_ID: "the id of the call",
    CONTEXT: "the context of the inbound call",
    DIAL_RESULT: "`answered`, the server's reason such as `busy` or `noAnswer`, or `timeout`, "
    "`cancelled`, `connection_lost`, `refused`",
    VERB: "the verb that has started the action, such as `play`",
    ACTION_RESULT: "the last state of the action, such as `finished`, `no_input`, `digit`; or "
    "`call_ended`, `session_lost`, `not_started`",
    TEXT_DIRECTION: "`inbound` or `outbound`",
    TEXT_STATE: "such as `sent`, `delivered`, `undelivered`, `received`",
    HANDLER: "`call` or `text`: what the handler is for",
    RESUMED: "whether the session before goes on, with its calls",
    ERROR_TYPE: "the class of the error, or the server's code; absent if there was none",
    RPC_SYSTEM: "`jsonrpc`",
    RPC_METHOD: "the method of the request, such as `calling.answer`",
    RPC_STATUS: "the server's code, if it has refused the request",
    JSONRPC_VERSION: "`2.0`",
    SERVER_ADDRESS: "the host of the service",
    SERVER_PORT: "its port",
    MESSAGING_SYSTEM: "`signalwire_relay`",
    MESSAGING_OPERATION_NAME: "`send` or `process`",
    MESSAGING_OPERATION: "the same",
    MESSAGE_ID: "the id of the text",
}
"""What each attribute means, for the documentation."""


# Metrics


class Kind(enum.Enum):
    """What an instrument does."""

    COUNTER = "counter"
    UP_DOWN = "up-down counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `buckets` are the upper bounds of those of a histogram."""

    name: str
    kind: Kind
    unit: str
    description: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def prometheus(self) -> str:
        """Its name on a page for Prometheus, without the endings of a histogram's series."""
        name = re.sub(r"\W", "_", self.name)
        if self.unit == "s":
            name += "_seconds"
        return name + ("_total" if self.kind is Kind.COUNTER else "")

    @property
    def series(self) -> Sequence[str]:
        """The names of its series on a page for Prometheus."""
        if self.kind is not Kind.HISTOGRAM:
            return [self.prometheus]
        return [f"{self.prometheus}{ending}" for ending in ("_bucket", "_count", "_sum")]


PATIENCE: Final = (0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120)
"""For what people wait for: a phone rings for 20 to 60 s."""
TALK: Final = (1, 5, 10, 20, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200)
"""For how long people talk."""
OPERATION: Final = (0.1, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300, 600, 1800)
"""For prompts, inputs and recordings."""
NETWORK: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60)
"""For answers of the server. Requests may wait for a session for 60 s."""
LATENESS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""For timers that come too late. What is above 0.25 s can be heard in a call."""


def _histogram(name: str, buckets: tuple[float, ...], description: str, *attributes: str) -> Metric:
    return Metric(name, Kind.HISTOGRAM, "s", description, attributes, buckets)


def _counter(name: str, unit: str, description: str, *attributes: str) -> Metric:
    return Metric(name, Kind.COUNTER, unit, description, attributes)


CALLS_UP: Final = Metric(
    "relay.call.active", Kind.UP_DOWN, "{call}", "Calls that are up.", (DIRECTION,)
)
OFFERED: Final = _counter(
    "relay.call.offered", "{call}", "Inbound calls that the service has offered."
)
REFUSED: Final = _counter(
    "relay.call.refused",
    "{call}",
    "Offered calls that the client has passed back by itself: it has no handler for them, drains, "
    "or has as many calls as it may have.",
    REFUSED_REASON,
)
ANSWERED: Final = _counter("relay.call.answered", "{call}", "Calls that were answered.", DIRECTION)
PASSED_BACK: Final = _counter(
    "relay.call.passed_back", "{call}", "Calls that the program has passed back to the service."
)
CALL_DURATION: Final = _histogram(
    "relay.call.duration",
    TALK,
    "From the offer of a call, or from its first ringing, to its end.",
    DIRECTION,
    END_REASON,
)
TIME_TO_ANSWER: Final = _histogram(
    "relay.call.time_to_answer",
    PATIENCE,
    "From the offer of an inbound call, or from the dial of an outbound one, to its answer.",
    DIRECTION,
)
TIME_TO_PROMPT: Final = _histogram(
    "relay.call.time_to_first_prompt",
    PATIENCE,
    "From the answer of a call to the begin of its first prompt: silence that the person hears.",
    DIRECTION,
)
DIAL_DURATION: Final = _histogram(
    "relay.dial.duration", PATIENCE, "From a dial to its result.", DIAL_RESULT
)
ACTION_DURATION: Final = _histogram(
    "relay.action.duration",
    OPERATION,
    "From the start of an action, such as a prompt or a recording, to its end.",
    VERB,
    ACTION_RESULT,
)
REQUEST_DURATION: Final = _histogram(
    "relay.request.duration",
    NETWORK,
    "From a command to the server's answer. It includes the wait for a session, and for a turn.",
    RPC_METHOD,
    ERROR_TYPE,
)
QUEUED: Final = Metric(
    "relay.request.queued",
    Kind.GAUGE,
    "{request}",
    "Requests that wait for a session, or for their turn.",
)
TEXTS: Final = _counter(
    "relay.text.states",
    "{text}",
    "Texts that have reached a state.",
    TEXT_DIRECTION,
    TEXT_STATE,
)
HANDLER_FAILURES: Final = _counter(
    "relay.handler.failures", "{failure}", "Handlers that have raised.", HANDLER, ERROR_TYPE
)
SESSIONS: Final = Metric(
    "relay.session.active", Kind.UP_DOWN, "{session}", "Sessions with the service that are up."
)
GAP: Final = _histogram(
    "relay.session.gap",
    PATIENCE,
    "How long a client had no session, for each time that it has reconnected.",
    RESUMED,
)
CONNECT_FAILURES: Final = _counter(
    "relay.session.failures", "{attempt}", "Attempts to connect that have failed.", ERROR_TYPE
)
ACKNOWLEDGEMENT: Final = _histogram(
    "relay.event.acknowledgement_delay",
    NETWORK,
    "From the time that the server has given to an event to its acknowledgement, by the clock of "
    "this machine. It includes the difference of the clocks.",
)
LAG: Final = _histogram(
    "relay.client.lag",
    LATENESS,
    "How late the client's event loop, or its own thread, is: once a second.",
)

KNOWN_VALUES: Final = {REFUSED_REASON: get_args(RefusalCause)}
"""All values of an attribute, where they are known: their counters begin at zero."""

METRICS: Final = (
    CALLS_UP,
    OFFERED,
    REFUSED,
    ANSWERED,
    PASSED_BACK,
    CALL_DURATION,
    TIME_TO_ANSWER,
    TIME_TO_PROMPT,
    DIAL_DURATION,
    ACTION_DURATION,
    REQUEST_DURATION,
    QUEUED,
    TEXTS,
    HANDLER_FAILURES,
    SESSIONS,
    GAP,
    CONNECT_FAILURES,
    ACKNOWLEDGEMENT,
    LAG,
)
"""All metrics."""


# Spans


@dataclass(frozen=True, slots=True)
class SpanName:
    """One kind of span. A name in braces stands for a value of few."""

    name: str
    kind: str
    description: str
    attributes: tuple[str, ...]


TEXT_ATTRIBUTES: Final = (
    *(MESSAGING_SYSTEM, MESSAGING_OPERATION_NAME, MESSAGING_OPERATION),
    *(SERVER_ADDRESS, SERVER_PORT, MESSAGE_ID),
)

SPANS: Final = (
    SpanName(
        "call {direction}",
        "server, client",
        "A call, from its offer or its dial to its end: the root of its trace. Links: to the "
        "session, to each gap that the call has outlived, and to the span that was current at "
        "the dial. Events: its states.",
        (CALL_ID, DIRECTION, CONTEXT, END_REASON, ERROR_TYPE),
    ),
    SpanName("dial", "client", "A dial, to its result.", (DIAL_RESULT, ERROR_TYPE)),
    SpanName(
        "leg",
        "client",
        "One number of a dial, from its first sign to its answer or its end.",
        (CALL_ID, END_REASON),
    ),
    SpanName(
        "{verb}",
        "internal",
        "An action, such as `play` or `record`, to its end. Links: to the gaps in it.",
        (VERB, ACTION_RESULT, ERROR_TYPE),
    ),
    SpanName(
        "{method}",
        "client",
        "Any other request, such as `calling.answer`, to its answer.",
        (
            *(RPC_SYSTEM, RPC_METHOD, JSONRPC_VERSION, SERVER_ADDRESS, SERVER_PORT),
            *(RPC_STATUS, ERROR_TYPE),
        ),
    ),
    SpanName(
        "send text",
        "producer",
        "A text that is sent, to its last state. Events: its states.",
        (*TEXT_ATTRIBUTES, TEXT_STATE, ERROR_TYPE),
    ),
    SpanName(
        "process text",
        "consumer",
        "The handler of a text that came in.",
        (*TEXT_ATTRIBUTES, ERROR_TYPE),
    ),
    SpanName(
        "connect",
        "client",
        "One attempt to connect and to authenticate. If it succeeds, it stands for the session.",
        (SERVER_ADDRESS, SERVER_PORT, RESUMED, ERROR_TYPE),
    ),
    SpanName(
        "gap",
        "internal",
        "The time without a session, with the attempts to connect. Link: to the session before.",
        (RESUMED, ERROR_TYPE),
    ),
)
"""All spans."""

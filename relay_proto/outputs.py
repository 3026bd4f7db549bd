"""What a core can ask for or report: the union `Output`.

An adapter performs effects, wakes whoever waits for what settled, and hands
events to the application, in the order in which they come.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import RelayError
from .pending import Pending

if TYPE_CHECKING:
    from .calls import ActionRecord, CallRecord
    from .event import RelayEvent
    from .messages import MessageRecord


@dataclass(frozen=True, slots=True)
class OpenTransport:
    """Open a byte stream to the configured host; report it under this number."""

    transport: int


@dataclass(frozen=True, slots=True)
class SendData:
    """Write these bytes, behind all earlier ones of the same transport."""

    transport: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CloseTransport:
    """Close the byte stream; `flush` asks to write out first what was sent.

    The core has finished with the transport: whatever is still reported about
    it is ignored, and nothing needs to be.
    """

    transport: int
    flush: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """A `Pending` has its result or its error."""

    pending: Pending[Any]


@dataclass(frozen=True, slots=True)
class Connected:
    """A session is up. `resumed` says whether it continues the previous one."""

    resumed: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The session that `Connected` reported is down.

    `error` is None when the program itself disconnected. `retry_delay` is the time
    to the next attempt in seconds, or None when there will be none.
    """

    error: RelayError | None
    retry_delay: float | None


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """An attempt to connect failed; `attempt` counts from 1 since the last session."""

    error: RelayError
    attempt: int
    retry_delay: float | None


@dataclass(frozen=True, slots=True)
class Closed:
    """The core is done, for good: with an error if the credentials were refused."""

    error: RelayError | None


@dataclass(frozen=True, slots=True)
class CallOffered:
    """An inbound call waits to be answered."""

    call: CallRecord


@dataclass(frozen=True, slots=True)
class OfferRefused:
    """An inbound call was passed back to routing; `reason` says why."""

    call_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class EventReceived:
    """The server told something, already taken into account."""

    event: RelayEvent
    call: CallRecord | None = None
    action: ActionRecord | None = None


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call is over and leaves the core; its last event came just before."""

    call: CallRecord


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """An inbound text message."""

    message: MessageRecord
    event: RelayEvent


@dataclass(frozen=True, slots=True)
class MessageChanged:
    """An outbound text message has a new state."""

    message: MessageRecord
    event: RelayEvent


@dataclass(frozen=True, slots=True)
class PeerViolation:
    """The peer sent something that it should not have; it was survived."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something was dropped, as it should be: a late reply, a repeated event."""

    reason: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something was given up because a limit was reached, or an attempt failed."""

    reason: str


@dataclass(frozen=True, slots=True)
class FrameTraced:
    """A frame as it was sent or received, masked; only with `trace_frames`."""

    sent: bool
    text: str


Effect: TypeAlias = OpenTransport | SendData | CloseTransport
SessionEvent: TypeAlias = Connected | Disconnected | ConnectFailed | Closed
CallEvent: TypeAlias = CallOffered | OfferRefused | EventReceived | CallEnded
MessageEvent: TypeAlias = MessageReceived | MessageChanged
Report: TypeAlias = PeerViolation | Ignored | Dropped | FrameTraced
Output: TypeAlias = Effect | Settled | SessionEvent | CallEvent | MessageEvent | Report

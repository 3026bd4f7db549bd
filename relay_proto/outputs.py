"""What a core can ask for or report: the union `Output`.

An adapter performs effects, wakes whoever waits for what settled, and hands
events to the application, in the order in which they come.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from .errors import RelayError
from .pending import Pending
from .records import ActionRecord, CallRecord, MessageRecord
from .rpc.event_base import RelayEvent


class OpenTransport(msgspec.Struct, frozen=True):
    """Open a byte stream to the configured host; report it under this number."""

    transport: int


class SendData(msgspec.Struct, frozen=True, gc=False):
    """Write these bytes, behind all earlier ones of the same transport."""

    transport: int
    data: bytes

    def __repr__(self) -> str:
        return f"SendData(transport={self.transport})"  # the data may hold credentials


class CloseTransport(msgspec.Struct, frozen=True):
    """Close the byte stream; `flush` asks to write out first what was sent.

    The core has finished with the transport: whatever is still reported about
    it is ignored, and nothing needs to be.
    """

    transport: int
    flush: bool


class Settled(msgspec.Struct, frozen=True):
    """A `Pending` has its result or its error."""

    pending: Pending[Any]


class Connected(msgspec.Struct, frozen=True):
    """A session is up. `resumed` says whether it continues the previous one."""

    resumed: bool


class Disconnected(msgspec.Struct, frozen=True):
    """The session that `Connected` reported is down.

    `error` is None when the program itself disconnected. `retry_delay` is the time
    to the next attempt in seconds, or None when there will be none.
    """

    error: RelayError | None
    retry_delay: float | None


class ConnectFailed(msgspec.Struct, frozen=True):
    """An attempt to connect failed; `attempt` counts from 1 since the last session."""

    error: RelayError
    attempt: int
    retry_delay: float | None


class Closed(msgspec.Struct, frozen=True):
    """The core is done, for good: with an error if the credentials were refused."""

    error: RelayError | None


class CallOffered(msgspec.Struct, frozen=True):
    """An inbound call waits to be answered."""

    call: CallRecord


class OfferRefused(msgspec.Struct, frozen=True):
    """An inbound call was passed back to routing; `reason` says why."""

    call_id: str
    reason: str


class EventReceived(msgspec.Struct, frozen=True):
    """The server told something, already taken into account."""

    event: RelayEvent
    call: CallRecord | None = None
    action: ActionRecord | None = None


class CallEnded(msgspec.Struct, frozen=True):
    """A call is over and leaves the core; its last event came just before."""

    call: CallRecord


class MessageReceived(msgspec.Struct, frozen=True):
    """An inbound text message."""

    message: MessageRecord
    event: RelayEvent


class MessageChanged(msgspec.Struct, frozen=True):
    """An outbound text message has a new state."""

    message: MessageRecord
    event: RelayEvent


class PeerViolation(msgspec.Struct, frozen=True):
    """The peer sent something that it should not have; it was survived."""

    reason: str


class Ignored(msgspec.Struct, frozen=True):
    """Something was dropped, as it should be: a late reply, a repeated event."""

    reason: str


class Dropped(msgspec.Struct, frozen=True):
    """Something was given up because a limit was reached, or an attempt failed."""

    reason: str


class FrameTraced(msgspec.Struct, frozen=True):
    """A frame as it was sent or received, masked; only with `trace_frames`."""

    sent: bool
    text: str


Effect: TypeAlias = OpenTransport | SendData | CloseTransport
SessionEvent: TypeAlias = Connected | Disconnected | ConnectFailed | Closed
CallEvent: TypeAlias = CallOffered | OfferRefused | EventReceived | CallEnded
MessageEvent: TypeAlias = MessageReceived | MessageChanged
Report: TypeAlias = PeerViolation | Ignored | Dropped | FrameTraced
Output: TypeAlias = Effect | Settled | SessionEvent | CallEvent | MessageEvent | Report

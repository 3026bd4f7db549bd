"""Outputs: what a core asks for, and what it reports.

An adapter takes them in order: it performs effects, wakes whoever waits for what has
settled, and hands events to the application.

Public: for authors of adapters.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from .errors import RelayError
from .pending import Pending
from .records import ActionRecord, CallRecord, MessageRecord
from .rpc.event_base import RelayEvent
from .values.literals import RefusalCause


class OpenTransport(msgspec.Struct, frozen=True):
    """Open a byte stream to the configured host. Report about it with this number."""

    transport: int


class SendData(msgspec.Struct, frozen=True, gc=False):
    """Write these bytes after all earlier ones of the same transport."""

    transport: int
    data: bytes

    def __repr__(self) -> str:
        return f"SendData(transport={self.transport})"  # the data may hold credentials


class CloseTransport(msgspec.Struct, frozen=True):
    """Close the byte stream. With `flush`, write out first what was sent.

    The core has finished with the transport. It ignores what is still reported
    about it, and does not wait for a report.
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

    `error` is None if the program itself disconnected. `retry_delay` is the time to
    the next attempt in seconds, or None if no attempt follows.
    """

    error: RelayError | None
    retry_delay: float | None


class ConnectFailed(msgspec.Struct, frozen=True):
    """An attempt to connect failed; `attempt` counts from 1 since the last session."""

    error: RelayError
    attempt: int
    retry_delay: float | None


class Closed(msgspec.Struct, frozen=True):
    """The core is closed for good. `error` says that the credentials were refused."""

    error: RelayError | None


class CallOffered(msgspec.Struct, frozen=True):
    """An inbound call waits to be answered."""

    call: CallRecord


class OfferRefused(msgspec.Struct, frozen=True):
    """An inbound call was passed back to the service; `reason` says why, for people."""

    call_id: str
    reason: str
    cause: RefusalCause = "no_handler"
    """The kind of reason."""


class EventReceived(msgspec.Struct, frozen=True):
    """An event from the server. Its call and action have followed it already."""

    event: RelayEvent
    call: CallRecord | None = None
    action: ActionRecord | None = None


class CallEnded(msgspec.Struct, frozen=True):
    """A call is over, and the core forgets it. Its last event came just before."""

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
    """The peer broke the protocol. The core goes on, if need be with a new transport."""

    reason: str


class Ignored(msgspec.Struct, frozen=True):
    """Something was ignored, as it should be: a late reply, or a repeated event."""

    reason: str


class Dropped(msgspec.Struct, frozen=True):
    """Something was given up: a limit was reached, or the server did not do it."""

    reason: str


class FrameTraced(msgspec.Struct, frozen=True):
    """A frame that was sent or received, masked. Only with `trace_frames`."""

    sent: bool
    text: str


Effect: TypeAlias = OpenTransport | SendData | CloseTransport
SessionEvent: TypeAlias = Connected | Disconnected | ConnectFailed | Closed
CallEvent: TypeAlias = CallOffered | OfferRefused | EventReceived | CallEnded
MessageEvent: TypeAlias = MessageReceived | MessageChanged
Report: TypeAlias = PeerViolation | Ignored | Dropped | FrameTraced
Output: TypeAlias = Effect | Settled | SessionEvent | CallEvent | MessageEvent | Report

"""Literals: the values that states, reasons and verdicts have, for type checkers.

They let a type checker find a misspelled state. A value is always a plain text at run
time, and the server may send one that is not listed here: it is passed on as it is.
``""`` is the value of what is not known yet.

They may be compared with the members of the enums of `relay_proto.transitions`, too. For
that, pyright needs the enum beside the texts. mypy then would find no misspelled text, and
needs nothing: see `Text` there. Each of them reads the lines that are for it.

Public: for applications, which import them from `relay_anyio` or `relay_sync`.

Source: docs/protocol.md, sections 13 to 16 and 18.
"""

# Of two declarations at the end, one is for mypy.
# pyright: reportRedeclaration=false

from __future__ import annotations

from typing import Literal, TypeAlias

from ..transitions import (
    CallState,
    ConnectState,
    DetectType,
    EndReason,
    MessageState,
    PlayState,
    RecordState,
)

MYPY = False
"""Which mypy takes for true."""

Direction: TypeAlias = Literal["inbound", "outbound", ""]
"""Who began a call or a message."""

_CallState: TypeAlias = Literal[
    "created",
    "ringing",
    "answered",
    "ending",
    "ended",
    "",
]

_EndReason: TypeAlias = Literal[
    "hangup",
    "cancel",
    "busy",
    "noAnswer",
    "no_answer",
    "decline",
    "declined",
    "error",
    "abandoned",
    "max_duration",
    "not_found",
    "passed",
    "",
]

RefusalCause: TypeAlias = Literal["no_handler", "draining", "too_many_calls", "too_much_data"]
"""Why a client has passed an inbound call back by itself."""

HangupReason: TypeAlias = Literal["hangup", "cancel", "busy", "noAnswer", "decline", "error"]
"""The reason that a program gives for hanging up."""

_ConnectState: TypeAlias = Literal[
    "connecting",
    "connected",
    "disconnected",
    "failed",
    "",
]

DialStateText: TypeAlias = Literal["dialing", "answered", "failed", ""]
"""The state of a dial."""

_PlayState: TypeAlias = Literal[
    "playing",
    "paused",
    "finished",
    "error",
    "",
]

_RecordState: TypeAlias = Literal[
    "recording",
    "paused",
    "finished",
    "no_input",
    "error",
    "",
]

CollectType: TypeAlias = Literal[
    "digit", "speech", "no_input", "no_match", "start_of_input", "finished", "error", ""
]
"""What has come of a collection."""

CollectStateText: TypeAlias = Literal["collecting", "finished", "error", "no_input", "no_match", ""]
"""The state of a collection."""

_DetectType: TypeAlias = Literal["machine", "fax", "digit", ""]

Verdict: TypeAlias = Literal[
    "HUMAN",
    "MACHINE",
    "UNKNOWN",
    "READY",
    "NOT_READY",
    "CED",
    "CNG",
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "*",
    "#",
    "finished",
    "error",
    "",
]
"""What a detector has heard."""

FaxType: TypeAlias = Literal["page", "finished", "error", ""]
"""What has come of a fax."""

_MessageState: TypeAlias = Literal[
    "queued",
    "initiated",
    "sent",
    "delivered",
    "undelivered",
    "failed",
    "received",
    "",
]

QueueStatus: TypeAlias = Literal["enqueue", "leave", "dequeue", ""]
"""What has become of a call in a queue."""

EventType: TypeAlias = Literal[
    "calling.call.ai",
    "calling.call.collect",
    "calling.call.connect",
    "calling.call.denoise",
    "calling.call.detect",
    "calling.call.dial",
    "calling.call.echo",
    "calling.call.fax",
    "calling.call.hold",
    "calling.call.pay",
    "calling.call.play",
    "calling.call.queue",
    "calling.call.receive",
    "calling.call.record",
    "calling.call.refer",
    "calling.call.send_digits",
    "calling.call.state",
    "calling.call.stream",
    "calling.call.tap",
    "calling.call.transcribe",
    "calling.conference",
    "calling.error",
    "messaging.receive",
    "messaging.state",
]
"""The types of events that a program can listen for."""

if MYPY:
    CallStateText: TypeAlias = _CallState
    EndReasonText: TypeAlias = _EndReason
    ConnectStateText: TypeAlias = _ConnectState
    PlayStateText: TypeAlias = _PlayState
    RecordStateText: TypeAlias = _RecordState
    DetectTypeText: TypeAlias = _DetectType
    MessageStateText: TypeAlias = _MessageState
else:
    CallStateText: TypeAlias = _CallState | CallState
    """The state of a call."""
    """The state of a call."""
    EndReasonText: TypeAlias = _EndReason | EndReason
    """Why a call has ended, or why nobody could be reached.

    ``passed`` means that the client has passed the call back. Some parts of the service
    spell ``noAnswer`` as ``no_answer``, and ``decline`` as ``declined``.
    """
    ConnectStateText: TypeAlias = _ConnectState | ConnectState
    """The state of the bridge between a call and another party."""
    """The state of the bridge between a call and another party."""
    PlayStateText: TypeAlias = _PlayState | PlayState
    """The state of a playback."""
    """The state of a playback."""
    RecordStateText: TypeAlias = _RecordState | RecordState
    """The state of a recording."""
    """The state of a recording."""
    DetectTypeText: TypeAlias = _DetectType | DetectType
    """What a detector listens for."""
    """What a detector listens for."""
    MessageStateText: TypeAlias = _MessageState | MessageState
    """The state of a text message."""
    """The state of a text message."""

"""Literals: the values that states, reasons and verdicts have, for type checkers.

They let a type checker find a misspelled state. A value is always a plain text at run
time, and the server may send one that is not listed here: it is passed on as it is.
``""`` is the value of what is not known yet.

The members of the enums of `relay_proto.transitions` are listed beside the texts, so
that a comparison with either of them passes a type checker.

Public: for applications, which import them from `relay_anyio` or `relay_sync`.

Source: docs/protocol.md, sections 13 to 16 and 18.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from .transitions import (
    CallState,
    ConnectState,
    DetectType,
    EndReason,
    MessageState,
    PlayState,
    RecordState,
)

Direction: TypeAlias = Literal["inbound", "outbound", ""]
"""Who began a call or a message."""

CallStateText: TypeAlias = Literal[
    "created",
    "ringing",
    "answered",
    "ending",
    "ended",
    "",
    CallState.CREATED,
    CallState.RINGING,
    CallState.ANSWERED,
    CallState.ENDING,
    CallState.ENDED,
]
"""The state of a call."""

EndReasonText: TypeAlias = Literal[
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
    EndReason.HANGUP,
    EndReason.CANCEL,
    EndReason.BUSY,
    EndReason.NO_ANSWER,
    EndReason.DECLINE,
    EndReason.ERROR,
    EndReason.ABANDONED,
    EndReason.MAX_DURATION,
    EndReason.NOT_FOUND,
]
"""Why a call has ended, or why nobody could be reached.

``passed`` means that the client has passed the call back. Some parts of the service
spell ``noAnswer`` as ``no_answer``, and ``decline`` as ``declined``.
"""

HangupReason: TypeAlias = Literal["hangup", "cancel", "busy", "noAnswer", "decline", "error"]
"""The reason that a program gives for hanging up."""

ConnectStateText: TypeAlias = Literal[
    "connecting",
    "connected",
    "disconnected",
    "failed",
    "",
    ConnectState.CONNECTING,
    ConnectState.CONNECTED,
    ConnectState.DISCONNECTED,
    ConnectState.FAILED,
]
"""The state of the bridge between a call and another party."""

DialStateText: TypeAlias = Literal["dialing", "answered", "failed", ""]
"""The state of a dial."""

PlayStateText: TypeAlias = Literal[
    "playing",
    "paused",
    "finished",
    "error",
    "",
    PlayState.PLAYING,
    PlayState.PAUSED,
    PlayState.FINISHED,
    PlayState.ERROR,
]
"""The state of a playback."""

RecordStateText: TypeAlias = Literal[
    "recording",
    "paused",
    "finished",
    "no_input",
    "error",
    "",
    RecordState.RECORDING,
    RecordState.PAUSED,
    RecordState.FINISHED,
    RecordState.NO_INPUT,
    RecordState.ERROR,
]
"""The state of a recording."""

CollectType: TypeAlias = Literal[
    "digit", "speech", "no_input", "no_match", "start_of_input", "finished", "error", ""
]
"""What has come of a collection."""

CollectStateText: TypeAlias = Literal["collecting", "finished", "error", "no_input", "no_match", ""]
"""The state of a collection."""

DetectTypeText: TypeAlias = Literal[
    "machine", "fax", "digit", "", DetectType.MACHINE, DetectType.FAX, DetectType.DIGIT
]
"""What a detector listens for."""

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

MessageStateText: TypeAlias = Literal[
    "queued",
    "initiated",
    "sent",
    "delivered",
    "undelivered",
    "failed",
    "received",
    "",
    MessageState.QUEUED,
    MessageState.INITIATED,
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.UNDELIVERED,
    MessageState.FAILED,
    MessageState.RECEIVED,
]
"""The state of a text message."""

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

"""Results: one word for how a dial or an action has ended."""

from __future__ import annotations

from relay_proto.api.outcomes import CallOver, Failed, SessionLost, outcome_of
from relay_proto.errors import (
    ClientClosedError,
    ConnectionLostError,
    DialFailedError,
    DialTimeoutError,
    LocalProtocolError,
    RequestTimeoutError,
)
from relay_proto.rpc.event_base import OperationEvent, RelayEvent
from relay_proto.rpc.events import CollectEvent, DetectEvent, FaxEvent, PayEvent


def dial_result(error: BaseException) -> str:
    """Why a dial has brought no call."""
    match error:
        case DialFailedError():
            return error.reason or "failed"
        case DialTimeoutError():
            return "timeout"
        case RequestTimeoutError():
            return "no_reply" if error.sent else "not_sent"
        case ConnectionLostError():
            return "connection_lost"
        case ClientClosedError():
            return "client_closed"
        case LocalProtocolError():
            return "cancelled"
        case _:
            return "refused"


def action_result(event: RelayEvent) -> str:
    """What the last event of an action says, without what somebody has entered or said."""
    match outcome_of(event):
        case SessionLost():
            return "session_lost"
        case CallOver():
            return "call_ended"
        case Failed():
            return "error"
        case _:
            return _word(event) or "finished"


def _word(event: RelayEvent) -> str:
    match event:
        case CollectEvent():
            return event.type or event.state
        case DetectEvent():
            return "digit" if event.type == "digit" else event.event or event.state
        case FaxEvent():
            return event.type
        case PayEvent():
            return event.phase or event.state
        case OperationEvent():
            return event.state
        case _:
            return ""

"""Every state and every table by which one follows another.

Nothing outside this module decides what state comes next. States are text on
the wire, so their values are the wire's spellings where it has one.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, TypeVar


class SessionState(enum.StrEnum):
    """Where the client stands with the server. Source: docs/protocol.md, section 5."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    AUTHENTICATING = "authenticating"
    READY = "ready"
    DRAINING = "draining"
    """The server said goodbye: only replies are written."""
    WAITING_TO_RECONNECT = "waiting_to_reconnect"
    CLOSING = "closing"
    """``disconnect()`` was called; the closing handshake is under way."""
    CLOSED = "closed"


class SessionInput(enum.Enum):
    """What can move a session from one state to the next."""

    START = "start"
    UPGRADED = "upgraded"
    AUTHENTICATED = "authenticated"
    GOODBYE = "goodbye"
    LOST = "lost"
    RETRY = "retry"
    ABANDON = "abandon"
    """The first attempt failed, and nobody asked for a second."""
    GIVE_UP = "give up"
    """The credentials were refused for good."""
    CLOSE = "close"
    CLOSED = "closed"


_S, _I = SessionState, SessionInput

SESSION: Final[Mapping[tuple[SessionState, SessionInput], SessionState]] = {
    (_S.DISCONNECTED, _I.START): _S.CONNECTING,
    (_S.CONNECTING, _I.UPGRADED): _S.AUTHENTICATING,
    (_S.AUTHENTICATING, _I.AUTHENTICATED): _S.READY,
    (_S.READY, _I.GOODBYE): _S.DRAINING,
    (_S.CONNECTING, _I.LOST): _S.WAITING_TO_RECONNECT,
    (_S.AUTHENTICATING, _I.LOST): _S.WAITING_TO_RECONNECT,
    (_S.READY, _I.LOST): _S.WAITING_TO_RECONNECT,
    (_S.DRAINING, _I.LOST): _S.WAITING_TO_RECONNECT,
    (_S.WAITING_TO_RECONNECT, _I.RETRY): _S.CONNECTING,
    (_S.CONNECTING, _I.ABANDON): _S.DISCONNECTED,
    (_S.AUTHENTICATING, _I.ABANDON): _S.DISCONNECTED,
    (_S.AUTHENTICATING, _I.GIVE_UP): _S.CLOSED,
    (_S.DISCONNECTED, _I.CLOSE): _S.CLOSED,
    (_S.WAITING_TO_RECONNECT, _I.CLOSE): _S.CLOSED,
    (_S.CONNECTING, _I.CLOSE): _S.CLOSED,
    (_S.AUTHENTICATING, _I.CLOSE): _S.CLOSING,
    (_S.READY, _I.CLOSE): _S.CLOSING,
    (_S.DRAINING, _I.CLOSE): _S.CLOSING,
    (_S.CLOSING, _I.CLOSED): _S.CLOSED,
}


class PingState(enum.Enum):
    """The client's own check of whether the peer is alive."""

    QUIET = "quiet"
    AWAITING_REPLY = "awaiting reply"
    BACKING_OFF = "backing off"


class RequestState(enum.Enum):
    """A request's way: it is written at most once."""

    QUEUED = "queued"
    SENT = "sent"
    DONE = "done"


class CallState(enum.StrEnum):
    """A call's life. It only moves forward."""

    CREATED = "created"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDING = "ending"
    ENDED = "ended"


CALL_ORDER: Final[Mapping[str, int]] = {state.value: rank for rank, state in enumerate(CallState)}


class DialState(enum.StrEnum):
    """A dial's life: the reply only acknowledges it, an event decides it."""

    REQUESTED = "requested"
    DIALING = "dialing"
    ANSWERED = "answered"
    FAILED = "failed"


class DialInput(enum.Enum):
    """What can move a dial."""

    ACKNOWLEDGED = "acknowledged"
    ANSWERED = "answered"
    FAILED = "failed"


_D, _DI = DialState, DialInput

DIAL: Final[Mapping[tuple[DialState, DialInput], DialState]] = {
    (_D.REQUESTED, _DI.ACKNOWLEDGED): _D.DIALING,
    (_D.DIALING, _DI.ACKNOWLEDGED): _D.DIALING,
    (_D.REQUESTED, _DI.ANSWERED): _D.ANSWERED,
    (_D.DIALING, _DI.ANSWERED): _D.ANSWERED,
    (_D.REQUESTED, _DI.FAILED): _D.FAILED,
    (_D.DIALING, _DI.FAILED): _D.FAILED,
}


class ActionState(enum.Enum):
    """An action's life on the client's side."""

    STARTING = "starting"
    """The start request has no reply yet."""
    RUNNING = "running"
    LINGERING = "lingering"
    """The call has ended; the result may still come for a few seconds."""
    COMPLETED = "completed"


class ActionInput(enum.Enum):
    """What can move an action."""

    ACCEPTED = "accepted"
    PROGRESS = "progress"
    CALL_ENDED = "call ended"
    FINAL = "final"


_A, _AI = ActionState, ActionInput

ACTION: Final[Mapping[tuple[ActionState, ActionInput], ActionState]] = {
    (_A.STARTING, _AI.ACCEPTED): _A.RUNNING,
    (_A.STARTING, _AI.PROGRESS): _A.RUNNING,  # events may overtake the reply
    (_A.STARTING, _AI.CALL_ENDED): _A.LINGERING,
    (_A.STARTING, _AI.FINAL): _A.COMPLETED,
    (_A.RUNNING, _AI.ACCEPTED): _A.RUNNING,
    (_A.RUNNING, _AI.PROGRESS): _A.RUNNING,
    (_A.RUNNING, _AI.CALL_ENDED): _A.LINGERING,
    (_A.RUNNING, _AI.FINAL): _A.COMPLETED,
    (_A.LINGERING, _AI.ACCEPTED): _A.LINGERING,
    (_A.LINGERING, _AI.PROGRESS): _A.LINGERING,
    (_A.LINGERING, _AI.FINAL): _A.COMPLETED,
    (_A.COMPLETED, _AI.ACCEPTED): _A.COMPLETED,  # a reply behind the last event
    (_A.COMPLETED, _AI.PROGRESS): _A.COMPLETED,
}


class MessageState(enum.StrEnum):
    """A text message's life; the last four are where it can end."""

    QUEUED = "queued"
    INITIATED = "initiated"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    RECEIVED = "received"


MESSAGE_ORDER: Final[Mapping[str, int]] = {
    "queued": 0,
    "initiated": 1,
    "sent": 2,
    "delivered": 3,
    "undelivered": 3,
    "failed": 3,
}
"""The states of an outbound message; an inbound one is `received`, and stays that."""
MESSAGE_TERMINAL: Final = frozenset({"delivered", "undelivered", "failed"})


class EndReason(enum.StrEnum):
    """Why a call ended. The server may know further reasons."""

    HANGUP = "hangup"
    CANCEL = "cancel"
    BUSY = "busy"
    NO_ANSWER = "noAnswer"
    DECLINE = "decline"
    ERROR = "error"
    ABANDONED = "abandoned"
    MAX_DURATION = "max_duration"
    NOT_FOUND = "not_found"

    @classmethod
    def _missing_(cls, value: object) -> EndReason | None:
        # Some of the service's own pages spell these two differently.
        aliases: Mapping[object, EndReason] = {
            "no_answer": cls.NO_ANSWER,
            "declined": cls.DECLINE,
        }
        return aliases.get(value)


class ConnectState(enum.StrEnum):
    """How far a bridge has come."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"


class PlayState(enum.StrEnum):
    """How far a playback has come."""

    PLAYING = "playing"
    PAUSED = "paused"
    FINISHED = "finished"
    ERROR = "error"


class RecordState(enum.StrEnum):
    """How far a recording has come."""

    RECORDING = "recording"
    PAUSED = "paused"
    FINISHED = "finished"
    NO_INPUT = "no_input"
    ERROR = "error"


class DetectType(enum.StrEnum):
    """What a detector listens for."""

    MACHINE = "machine"
    FAX = "fax"
    DIGIT = "digit"


class RoomState(enum.StrEnum):
    """How far joining or leaving a room has come."""

    JOINING = "joining"
    JOIN = "join"
    LEAVING = "leaving"
    LEAVE = "leave"


State = TypeVar("State", bound=enum.Enum)
Input = TypeVar("Input", bound=enum.Enum)


def follow(table: Mapping[tuple[State, Input], State], state: State, happened: Input) -> State:
    """The state after `happened`. A row that is missing is our bug, not the peer's."""
    following = table.get((state, happened))
    assert following is not None, f"no row for {happened} in {state}"
    return following


def forward(order: Mapping[str, int], state: str, reported: str) -> str:
    """The later of two states; one the table does not know changes nothing.

    The network may deliver late what happened early: a state never goes back.
    """
    return reported if order.get(reported, -1) > order.get(state, -1) else state

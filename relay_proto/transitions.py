"""States, and the tables that say which state follows another.

The states of the session, of calls, dials, actions and messages change by these
tables only. Where a state is on the wire, its value is spelled as on the wire.

Public: for applications, which import the enums from `relay_anyio` or `relay_sync`,
and for authors of adapters.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeVar


class Text(enum.StrEnum):
    """A value that is a text on the wire: a member is equal to its text, too."""

    if TYPE_CHECKING:
        # StrEnum has these two. But only of a class that has its own does mypy believe
        # that a member may be equal to a text, so that it lets a program compare them.
        def __eq__(self, other: object, /) -> bool: ...
        def __hash__(self) -> int: ...


class SessionState(Text):
    """The state of a client's session with the server.

    Source: docs/protocol.md, section 5.
    """

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    AUTHENTICATING = "authenticating"
    READY = "ready"
    DRAINING = "draining"
    """The server asked for a reconnect: the client sends only replies, and queues requests."""
    WAITING_TO_RECONNECT = "waiting_to_reconnect"
    CLOSING = "closing"
    """``disconnect()`` was called: the connection is being closed."""
    CLOSED = "closed"


class SessionInput(enum.Enum):
    """What can change the state of a session."""

    START = "start"
    UPGRADED = "upgraded"
    AUTHENTICATED = "authenticated"
    GOODBYE = "goodbye"
    LOST = "lost"
    RETRY = "retry"
    ABANDON = "abandon"
    """The first attempt failed, and ``connect()`` makes no second one."""
    GIVE_UP = "give up"
    """The server refused the credentials too often."""
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
    """The state of the client's check whether the server is still there."""

    QUIET = "quiet"
    AWAITING_REPLY = "awaiting reply"
    BACKING_OFF = "backing off"


class RequestState(enum.Enum):
    """The state of a request. It is sent at most once."""

    QUEUED = "queued"
    SENT = "sent"
    DONE = "done"


class CallState(Text):
    """The state of a call. It only moves forward, in this order."""

    CREATED = "created"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDING = "ending"
    ENDED = "ended"


CALL_ORDER: Final[Mapping[str, int]] = {state.value: rank for rank, state in enumerate(CallState)}


class DialState(Text):
    """The state of a dial. The reply only acknowledges it; an event decides it."""

    REQUESTED = "requested"
    DIALING = "dialing"
    ANSWERED = "answered"
    FAILED = "failed"


class DialInput(enum.Enum):
    """What can change the state of a dial."""

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
    """The state of an action, as the client sees it."""

    STARTING = "starting"
    """The server has not replied to the start request yet."""
    RUNNING = "running"
    LINGERING = "lingering"
    """The call has ended, but the result may still come for a few seconds."""
    COMPLETED = "completed"


class ActionInput(enum.Enum):
    """What can change the state of an action."""

    ACCEPTED = "accepted"
    PROGRESS = "progress"
    CALL_ENDED = "call ended"
    FINAL = "final"


_A, _AI = ActionState, ActionInput

ACTION: Final[Mapping[tuple[ActionState, ActionInput], ActionState]] = {
    (_A.STARTING, _AI.ACCEPTED): _A.RUNNING,
    (_A.STARTING, _AI.PROGRESS): _A.RUNNING,  # an event may arrive before the reply
    (_A.STARTING, _AI.CALL_ENDED): _A.LINGERING,
    (_A.STARTING, _AI.FINAL): _A.COMPLETED,
    (_A.RUNNING, _AI.ACCEPTED): _A.RUNNING,
    (_A.RUNNING, _AI.PROGRESS): _A.RUNNING,
    (_A.RUNNING, _AI.CALL_ENDED): _A.LINGERING,
    (_A.RUNNING, _AI.FINAL): _A.COMPLETED,
    (_A.LINGERING, _AI.ACCEPTED): _A.LINGERING,
    (_A.LINGERING, _AI.PROGRESS): _A.LINGERING,
    (_A.LINGERING, _AI.FINAL): _A.COMPLETED,
    (_A.COMPLETED, _AI.ACCEPTED): _A.COMPLETED,  # a reply may arrive after the last event
    (_A.COMPLETED, _AI.PROGRESS): _A.COMPLETED,
}


class MessageState(Text):
    """The state of a text message.

    A sent message ends as ``delivered``, ``undelivered`` or ``failed``. A message that
    came in is ``received``.
    """

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
"""The order of the states of an outbound message. An inbound one is always ``received``."""
MESSAGE_TERMINAL: Final = frozenset({"delivered", "undelivered", "failed"})


class EndReason(Text):
    """Why a call ended. The server may send other reasons as well."""

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
        # Some pages of the service spell these two differently.
        aliases: Mapping[object, EndReason] = {
            "no_answer": cls.NO_ANSWER,
            "declined": cls.DECLINE,
        }
        return aliases.get(value)


class ConnectState(Text):
    """The state of the bridge between a call and another party."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"


class PlayState(Text):
    """The state of a playback."""

    PLAYING = "playing"
    PAUSED = "paused"
    FINISHED = "finished"
    ERROR = "error"


class RecordState(Text):
    """The state of a recording."""

    RECORDING = "recording"
    PAUSED = "paused"
    FINISHED = "finished"
    NO_INPUT = "no_input"
    ERROR = "error"


class DetectType(Text):
    """What a detector listens for."""

    MACHINE = "machine"
    FAX = "fax"
    DIGIT = "digit"


class RoomState(Text):
    """The state of joining or leaving a video room."""

    JOINING = "joining"
    JOIN = "join"
    LEAVING = "leaving"
    LEAVE = "leave"


State = TypeVar("State", bound=enum.Enum)
Input = TypeVar("Input", bound=enum.Enum)
Word = TypeVar("Word", bound=str)


def follow(table: Mapping[tuple[State, Input], State], state: State, happened: Input) -> State:
    """Return the state that follows `state` after `happened`.

    A missing row is a bug of this library: nothing that the peer sends may lead there.
    """
    following = table.get((state, happened))
    assert following is not None, f"the table has no row for {happened} in {state}"
    return following


def forward(order: Mapping[str, int], state: Word, reported: Word) -> Word:
    """Return the later one of two states. An unknown `reported` state changes nothing.

    An event may arrive late, so a state never moves back.
    """
    return reported if order.get(reported, -1) > order.get(state, -1) else state

"""Acts by hand: what people on a call do when a test or a page says so, and not a script.

`CallView` and `ProgramView` are what those see who decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

from ..constants import (
    END_REASON_CANCEL,
    END_REASON_DECLINE,
    END_REASON_HANGUP,
)
from ..transitions import CallState
from .happened import Who
from .legs import INBOUND, Leg
from .people import Person
from .script import HangUp, Press, Say
from .sessions import Session
from .switch import Switch


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer a call that a program has dialed."""


@dataclass(frozen=True, slots=True)
class Decline:
    """Decline a call that a program has dialed."""


Act: TypeAlias = Answer | Decline | HangUp | Press | Say
ACTS: Final[Mapping[type[Act], str]] = {
    Answer: "answer",
    Decline: "decline",
    Press: "press digits",
    Say: "speak",
    HangUp: "hang up",
}
"""What the acts are called in an error."""


class ActError(Exception):
    """Somebody cannot do this on a call. The message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallView:
    """One call as it is now."""

    call_id: str
    direction: str
    """Seen from the program: ``inbound`` or ``outbound``."""
    state: str
    from_number: str
    to_number: str
    context: str
    session: str
    """The session that has the call; empty if none has it."""
    peer: str
    """The id of the call that it is connected to, or for which it was dialed; or empty."""
    can: tuple[type[Act], ...]
    """What the person at the far end can do now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramView:
    """One session as it is now."""

    session: str
    project: str
    contexts: tuple[str, ...]
    transport: int | None
    """The number of its connection; None if it has none now."""
    acknowledges: bool


def view_call(leg: Leg) -> CallView:
    """Return what a call is like now."""
    params = leg.device["params"]
    peer = leg.peer or leg.origin
    return CallView(
        call_id=leg.call_id,
        direction=leg.direction,
        state=leg.state,
        from_number=params.get("from_number") or params.get("from", ""),
        to_number=params.get("to_number") or params.get("to") or leg.number,
        context=leg.context,
        session="" if leg.session is None else leg.session.protocol,
        peer="" if peer is None else peer.call_id,
        can=_possible(leg),
    )


def view_program(session: Session) -> ProgramView:
    """Return what a session is like now."""
    return ProgramView(
        session=session.protocol,
        project=session.project,
        contexts=tuple(session.contexts),
        transport=None if session.link is None else session.link.transport,
        acknowledges=session.acknowledges,
    )


def perform(leg: Leg, act: Act, now: float) -> None:
    """Let the person at the far end of `leg` do something.

    Raises:
        ActError: they cannot do that now.
    """
    person = _check(leg, act)
    match act:
        case Answer():
            leg.answer(Who.CALLER, now)
        case Decline():
            leg.end(END_REASON_DECLINE, Who.CALLER, now)
        case HangUp():
            leg.end(END_REASON_HANGUP if leg.answered else END_REASON_CANCEL, Who.CALLER, now)
        case Press() | Say():
            person.act(act, now)
        case _:
            assert_never(act)


def end_all(switch: Switch, now: float) -> None:
    """Let everybody hang up, until no call is left. A dial that hunts finds nobody."""
    while legs := switch.legs():
        for leg in legs:
            leg.end(END_REASON_HANGUP, Who.CALLER, now)


def _possible(leg: Leg) -> tuple[type[Act], ...]:
    if not isinstance(leg.far, Person):
        return ()
    if leg.answered:
        return (Press, Say, HangUp)
    if leg.direction == INBOUND:
        return (HangUp,)
    return (Answer, Decline) if leg.state == CallState.RINGING.value else ()


def _check(leg: Leg, act: Act) -> Person:
    if not isinstance(leg.far, Person):
        raise ActError("another program is at the far end of this call, and no person")
    possible = _possible(leg)
    if type(act) not in possible:
        can = ", ".join(ACTS[kind] for kind in possible) or "do nothing"
        raise ActError(f"the call is {leg.direction} and {leg.state}: its person can {can} now")
    return leg.far

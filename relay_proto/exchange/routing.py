"""Inbound calls: which session gets the offer, and what a program can do with it.

Source: docs/protocol.md, sections 11 and 12.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final

import msgspec

from ..constants import (
    END_REASON_BUSY,
    END_REASON_CANCEL,
    END_REASON_HANGUP,
    END_REASON_NOT_FOUND,
    EVENT_CALL_RECEIVE,
    EVENT_CALL_STATE,
)
from ..errors import RelayError
from ..rpc.frames import JSONObject
from ..transitions import CallState
from .happened import What, Who
from .legs import INBOUND, FarEnd, Leg
from .people import Person
from .requests import OnCall, Request, Verb, call_verb
from .script import Caller
from .shapes import Codecs, Seconds
from .switch import CONFLICT, Switch

CONTEXT_PREFIX: Final = "context:"
BARE_NAME: Final = re.compile(r"[A-Za-z_][\w-]*")
"""What can only be the name of a context, even if no program serves it."""
TRANSFER_PATIENCE: Final = 60.0
"""Seconds that a transferred caller waits for the next answer."""


class AnswerParams(OnCall, frozen=True, kw_only=True):
    """``calling.answer``."""

    max_duration: Seconds = 0.0
    codecs: Codecs = None


class EndParams(OnCall, frozen=True, kw_only=True):
    """``calling.end``."""

    reason: Annotated[str, msgspec.Meta(max_length=100)] = END_REASON_HANGUP


class TransferParams(OnCall, frozen=True, kw_only=True):
    """``calling.transfer``; a `dest` that is not a context leaves this network.

    A context stands there with its prefix or without.
    """

    dest: str | JSONObject


def place_call(switch: Switch, caller: Caller, to: str, context: str, now: float) -> str:
    """Let `caller` call `to`, which `context` serves; return the id of the call."""
    person = Person(switch.network, caller.script, caller.nature)
    leg = _inbound_leg(
        switch,
        person,
        caller.number,
        {"type": "phone", "params": {"from_number": caller.number, "to_number": to}},
        context,
    )
    leg.note(Who.CALLER, What.CALLED, now, number=caller.number, to=to)
    if not switch.has_room(1):
        leg.end(END_REASON_BUSY, Who.EXCHANGE, now)
        return leg.call_id
    switch.add(leg)
    leg.wait_for_answer(caller.patience, END_REASON_CANCEL, Who.CALLER, now)
    offer(switch, leg, now)
    return leg.call_id


def offer(switch: Switch, leg: Leg, now: float) -> None:
    """Offer a call to the next session that serves its context, or end it."""
    session = switch.sessions.take_turn(leg.context, without=leg.refused_by)
    leg.session = session
    if session is None:
        leg.note(Who.EXCHANGE, What.UNSERVED, now, reason=switch.sessions.why_nobody(leg.context))
        leg.end(END_REASON_NOT_FOUND, Who.EXCHANGE, now)
        return
    context = session.context_for(leg.context)
    leg.note(Who.EXCHANGE, What.OFFERED, now, context=context)
    leg.tell(
        EVENT_CALL_RECEIVE,
        now,
        segment_id=leg.call_id,
        project_id=session.project,
        context=context,
        call_state=leg.state,
        direction=leg.direction,
        device=leg.device,
    )


def offer_again(switch: Switch, now: float) -> None:
    """Offer the calls whose sessions have given them up to others that are connected.

    A session that has lost a call hears that it has ended, if it comes back.
    """
    for leg in switch.legs():
        session = leg.session
        if session is None or session.keeps_offers or leg.answered or leg.direction != INBOUND:
            continue
        if switch.sessions.is_anybody_there(leg.context, without=leg.refused_by | {session}):
            leg.note(Who.EXCHANGE, What.WITHDRAWN, now)
            leg.refused_by.add(session)
            leg.tell(
                EVENT_CALL_STATE,
                now,
                call_state=CallState.ENDED.value,
                end_reason=END_REASON_CANCEL,
                direction=leg.direction,
                device=leg.device,
            )
            offer(switch, leg, now)


def serve(request: Request, contexts: Iterable[str]) -> None:
    """Let the session serve `contexts` as well; it gets what waits for somebody there."""
    request.switch.sessions.subscribe(request.session, contexts)
    request.accept("Receiving events")
    offer_again(request.switch, request.now)


def answer(request: Request, leg: Leg, params: AnswerParams) -> None:
    """``calling.answer``; a second answer changes nothing."""
    if leg.direction != INBOUND:
        raise RelayError(CONFLICT, "only an inbound call can be answered")
    request.accept("Answered")
    if not leg.answered:
        leg.answer(Who.PROGRAM, request.now)
        if params.max_duration:
            leg.limit(params.max_duration, request.now)


def end(request: Request, leg: Leg, params: EndParams) -> None:
    """``calling.end``."""
    request.accept("Disconnecting call")
    leg.end(params.reason or END_REASON_HANGUP, Who.PROGRAM, request.now)


def pass_on(request: Request, leg: Leg, params: OnCall) -> None:  # noqa: ARG001
    """``calling.pass``: the next session gets the offer, and this one no more events."""
    if leg.answered or leg.direction != INBOUND:
        raise RelayError(CONFLICT, "only an offered call can be passed")
    request.accept("Passing call", call_id=leg.call_id)
    leg.note(Who.PROGRAM, What.PASSED, request.now)
    leg.refused_by.add(request.session)
    offer(request.switch, leg, request.now)


def transfer(request: Request, leg: Leg, params: TransferParams) -> None:
    """``calling.transfer``: the call ends for this program.

    The caller becomes a new call, which is offered to a session of the context.
    """
    request.accept("Transferring", call_id=leg.call_id)
    now = request.now
    to = params.dest if isinstance(params.dest, str) else "an inline document"
    context = _context_of(request, params.dest)
    if context is not None:
        to = f"{CONTEXT_PREFIX}{context}"
    leg.note(Who.PROGRAM, What.TRANSFERRED, now, to=to)
    leg.transferred = context is not None
    leg.end(END_REASON_HANGUP, Who.PROGRAM, now, listens_on=True)
    if context is not None:
        follower = _inbound_leg(request.switch, leg.far, leg.number, leg.device, context)
        leg.far.move_to(follower)
        request.switch.add(follower)
        follower.wait_for_answer(TRANSFER_PATIENCE, END_REASON_CANCEL, Who.CALLER, now)
        offer(request.switch, follower, now)


def _context_of(request: Request, dest: str | JSONObject) -> str | None:
    """Return the context that `dest` names; None if it is a number, a URL or a document."""
    if not isinstance(dest, str):
        return None
    if dest.startswith(CONTEXT_PREFIX):
        return dest.removeprefix(CONTEXT_PREFIX)
    named = request.switch.sessions.is_served(dest) or BARE_NAME.fullmatch(dest) is not None
    return dest if named else None


def _inbound_leg(switch: Switch, far: FarEnd, number: str, device: JSONObject, context: str) -> Leg:
    return Leg(
        switch.network, far, direction=INBOUND, device=device, number=number, context=context
    )


VERBS: Final[Mapping[str, Verb]] = {
    "calling.answer": call_verb(AnswerParams, answer, answered=False),
    "calling.end": call_verb(EndParams, end, answered=False),
    "calling.pass": call_verb(OnCall, pass_on, answered=False),
    "calling.transfer": call_verb(TransferParams, transfer),
}

"""Conferences and rooms: the verbs that add a call to one and remove it again.

A conference belongs to a project, and all programs of the project share it. A room
sends no events: the protocol only says that a call can be in one.

Source: docs/protocol.md, sections 14.6 and 18.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec

from ..errors import RelayError
from .conference import Conference, Member, Terms
from .devices import StreamParams
from .happened import What, Who
from .legs import Leg, Operation
from .requests import OnCall, Request, Verb, call_verb, check_none, running_one
from .shapes import HttpMethod, Name, Text
from .switch import CONFLICT, NOT_FOUND

MAX_PARTICIPANTS: Final = 250
"""The largest size of a conference, and the default."""


class JoinConferenceParams(OnCall, frozen=True, kw_only=True):
    """``calling.join_conference``; other parameters have no effect here."""

    name: Name
    muted: bool = False
    beep: Literal["true", "false", "onEnter", "onExit"] = "true"
    start_on_enter: bool = True
    end_on_exit: bool = False
    wait_url: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    max_participants: Annotated[int, msgspec.Meta(ge=1, le=MAX_PARTICIPANTS)] = MAX_PARTICIPANTS
    record: Literal["do-not-record", "record-from-start"] = "do-not-record"
    coach: str = ""
    region: Literal["global", "us", "eu", "ch"] | None = None
    trim: Literal["trim-silence", "do-not-trim"] | None = None
    status_callback: Text = None
    status_callback_event: Text = None
    status_callback_event_type: Literal["relay", "cxml", "laml"] | None = None
    status_callback_method: HttpMethod = None
    recording_status_callback: Text = None
    recording_status_callback_event: Text = None
    recording_status_callback_event_type: Literal["relay", "cxml", "laml"] | None = None
    recording_status_callback_method: HttpMethod = None
    stream: StreamParams | None = None


class LeaveConferenceParams(OnCall, frozen=True, kw_only=True):
    """``calling.leave_conference``."""

    conference_id: Name


class JoinRoomParams(OnCall, frozen=True, kw_only=True):
    """``calling.join_room``."""

    name: Name
    status_url: Text = None


class InRoom(Operation):
    """A call in a room."""

    def __init__(self, leg: Leg, name: str) -> None:
        super().__init__(leg, leg.network.new_id())
        self.name = name

    def note(self, what: What, now: float) -> None:
        """Note in the journal that the call entered or left."""
        self.leg.note(Who.EXCHANGE, what, now, place=f"the room {self.name}")

    def cancel(self, now: float) -> None:
        """End, because the call has ended."""


def join_conference(request: Request, leg: Leg, params: JoinConferenceParams) -> None:
    """``calling.join_conference``; the first member decides the maximum size."""
    check_none(leg, Member, "a conference")
    conferences = request.switch.conferences
    key = (request.session.project, params.name)
    conference = conferences.get(key)
    if conference is None:

        def emptied() -> None:
            del conferences[key]

        conference = conferences[key] = Conference(
            request.network, params.name, size=params.max_participants, emptied=emptied
        )
    elif conference.is_full():
        raise RelayError(CONFLICT, "the conference is full")
    request.accept("Joining conference", call_id=leg.call_id, conference_id=conference.identity)
    terms = Terms(
        muted=params.muted,
        beeps_on_enter=params.beep in {"true", "onEnter"},
        beeps_on_exit=params.beep in {"true", "onExit"},
        starts=params.start_on_enter,
        ends=params.end_on_exit,
        records=params.record == "record-from-start",
        coaches=bool(params.coach),
        music=params.wait_url,
    )
    conference.add(leg, terms, request.now)


def leave_conference(request: Request, leg: Leg, params: LeaveConferenceParams) -> None:
    """``calling.leave_conference``."""
    member = leg.running(Member)
    if member is None or member.conference.identity != params.conference_id:
        raise RelayError(NOT_FOUND, "the call is not in this conference")
    request.accept("Leaving conference", call_id=leg.call_id)
    member.leave()
    member.conference.remove(member, request.now)


def join_room(request: Request, leg: Leg, params: JoinRoomParams) -> None:
    """``calling.join_room``."""
    check_none(leg, InRoom, "a room")
    request.accept("Joining room", call_id=leg.call_id)
    InRoom(leg, params.name).note(What.ENTERED, request.now)


def leave_room(request: Request, leg: Leg, params: OnCall) -> None:  # noqa: ARG001
    """``calling.leave_room``."""
    inside = running_one(leg, InRoom, "room")
    request.accept("Leaving room", call_id=leg.call_id)
    inside.leave()
    inside.note(What.LEFT, request.now)


VERBS: Final[Mapping[str, Verb]] = {
    "calling.join_conference": call_verb(JoinConferenceParams, join_conference),
    "calling.leave_conference": call_verb(LeaveConferenceParams, leave_conference),
    "calling.join_room": call_verb(JoinRoomParams, join_room),
    "calling.leave_room": call_verb(OnCall, leave_room),
}

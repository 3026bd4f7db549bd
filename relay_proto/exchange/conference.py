"""`Conference`: calls that hear each other, and the events for their programs.

A conference exists while it has members. It starts when the first member joins who may
start it. Each program with a call in the conference gets each event once.

Source: docs/protocol.md, section 18, ``calling.conference``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..constants import EVENT_CONFERENCE
from ..rpc.frames import JSONObject
from ..transitions import follow
from .happened import What, Who
from .legs import Leg, Listener
from .media import BEEP_SECONDS
from .network import Network
from .sessions import Session
from .sounds import AudioFile, Side, Sounding, SoundKind, Tape

BEEP: Final = "beep"
FORMAT: Final = "mp3"

Audience: TypeAlias = Mapping[Session, None]
"""The sessions that have a call in the conference."""


class ConferenceState(enum.Enum):
    """The state of a conference."""

    WAITING = "waiting"
    """It has no member yet who may start it."""
    STARTED = "started"
    RECORDED = "recorded"


class ConferenceInput(enum.Enum):
    """What can change the state of a conference."""

    START = "start"
    RECORD = "record"


_S, _I = ConferenceState, ConferenceInput

CONFERENCE: Final[Mapping[tuple[ConferenceState, ConferenceInput], ConferenceState]] = {
    (_S.WAITING, _I.START): _S.STARTED,
    (_S.STARTED, _I.RECORD): _S.RECORDED,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """How a member takes part: what it may do, and what it does to the others."""

    muted: bool
    beeps_on_enter: bool
    beeps_on_exit: bool
    starts: bool
    ends: bool
    records: bool
    coaches: bool
    music: str


class Member(Listener):
    """A call in a conference."""

    def __init__(self, leg: Leg, conference: Conference, terms: Terms) -> None:
        super().__init__(leg, leg.network.new_id())
        self.conference = conference
        self.terms = terms

    def cancel(self, now: float) -> None:
        """End, because the call has ended."""
        self.conference.remove(self, now)

    def take_digit(self, digit: str, now: float) -> None:
        """Ignore keys: the other members do not hear them."""

    def take_speech(self, text: str, seconds: float, now: float) -> None:
        """Let the other members hear the words, unless this one is muted."""
        if not self.terms.muted:
            self.conference.sound(text, self, now, seconds)


class Conference:
    """One conference. `emptied` is called when the last member has left."""

    def __init__(
        self, network: Network, name: str, *, size: int, emptied: Callable[[], None]
    ) -> None:
        self._network = network
        self._name = name
        self._size = size
        self._emptied = emptied
        self._members: dict[Member, None] = {}
        self._state = ConferenceState.WAITING
        self._tape = Tape(network.config.limits.sounds)
        self.identity = network.new_id()

    def is_full(self) -> bool:
        """Whether the conference has its maximum number of members."""
        return len(self._members) >= self._size

    def add(self, leg: Leg, terms: Terms, now: float) -> None:
        """Add a call."""
        member = Member(leg, self, terms)
        self._members[member] = None
        audience = self._audience()
        self._note(member, What.ENTERED, now)
        if terms.starts and self._state is ConferenceState.WAITING:
            self._move(ConferenceInput.START)
            self._tell(audience, "conference-start", now, size=len(self._members))
        self._tell_about(member, audience, "participant-join", now)
        if self._state is ConferenceState.WAITING and terms.music:
            leg.hear(terms.music, now, SoundKind.FILE)
        if terms.beeps_on_enter:
            self.sound(BEEP, member, now)
        wanted = any(present.terms.records for present in self._members)
        if wanted and self._state is ConferenceState.STARTED:
            self._move(ConferenceInput.RECORD)
            self._tape.start(now)
            self._tell(audience, "record-start", now)

    def remove(self, member: Member, now: float) -> None:
        """Remove a member. Depending on its terms, all others leave too."""
        audience = self._audience()
        self._remove_one(member, audience, now)
        if member.terms.beeps_on_exit:
            self.sound(BEEP, member, now)
        if member.terms.ends:
            for other in tuple(self._members):
                other.leave()
                self._remove_one(other, audience, now)
        if not self._members:
            self._emptied()
            if self._state is not ConferenceState.WAITING:
                self._end(member, audience, now)

    def sound(self, text: str, source: Member, now: float, seconds: float = BEEP_SECONDS) -> None:
        """Let all members hear `text`, except `source`."""
        kind = SoundKind.BEEP if text == BEEP else SoundKind.SPEECH
        self._tape.take(Sounding(Side.FAR, kind, text, now, seconds))
        for member in tuple(self._members):
            if member is not source:
                member.leg.hear(text, now, kind)

    def _remove_one(self, member: Member, audience: Audience, now: float) -> None:
        del self._members[member]
        self._note(member, What.LEFT, now)
        self._tell_about(member, audience, "participant-leave", now)

    def _end(self, last: Member, audience: Audience, now: float) -> None:
        if self._state is ConferenceState.RECORDED:
            self._end_recording(audience, now)
        self._tell(
            audience,
            "conference-end",
            now,
            size=0,
            reason_ended="end_on_exit" if last.terms.ends else "last_participant_left",
            call_id_ending_conf=last.leg.call_id,
        )

    def _end_recording(self, audience: Audience, now: float) -> None:
        self._tape.stop(now)
        config = self._network.config
        suffix = FORMAT if FORMAT in config.audio_formats else "wav"
        recorded = AudioFile(suffix, self._tape.seconds(now), 1, self._tape.sounds)
        name = f"{self.identity}.{suffix}"
        self._network.keep(name, recorded)
        for session in audience:
            facts: JSONObject = {
                "recording_url": self._network.file_url(name, session.host),
                "recording_duration": recorded.seconds,
                "recording_file_size": recorded.size,
            }
            self._tell({session: None}, "record-stop", now, **facts)

    def _audience(self) -> Audience:
        sessions = (member.leg.session for member in self._members)
        return dict.fromkeys(session for session in sessions if session is not None)

    def _tell_about(self, member: Member, audience: Audience, status: str, now: float) -> None:
        self._tell(
            audience,
            status,
            now,
            **member.leg.identity(),
            size=len(self._members),
            muted=member.terms.muted,
            hold=False,
            start_on_join=member.terms.starts,
            end_on_leave=member.terms.ends,
            coaching=member.terms.coaches,
        )

    def _tell(self, audience: Audience, status: str, now: float, **facts: object) -> None:
        params = {"conference_id": self.identity, "name": self._name, "status": status, **facts}
        for session in audience:
            session.tell(EVENT_CONFERENCE, params, now)

    def _note(self, member: Member, what: What, now: float) -> None:
        member.leg.note(Who.EXCHANGE, what, now, place=f"the conference {self._name}")

    def _move(self, happened: ConferenceInput) -> None:
        self._state = follow(CONFERENCE, self._state, happened)

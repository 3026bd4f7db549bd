"""Answering: who has answered a call, and when a machine listens to a message.

Public: for applications, which import the results from `relay_anyio` or `relay_sync`.

Source: docs/protocol.md, sections 15, 17 and 18.
"""

import enum
import math
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from ..rpc.events import DetectEvent

Answerer: TypeAlias = Literal["human", "machine", "fax", "unknown", "nobody"]
"""Who has answered. ``unknown``: the detector could not tell. ``nobody``: the call ended first."""


class WhoAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """Who has answered, and whether it is time to speak to a machine.

    `who` is ``human``, ``machine``, ``fax``, ``unknown`` (the detector could not tell) or
    ``nobody`` (the call ended before that). `ready` is true if a machine listens now: it has
    beeped, or its greeting is over. `beep` is true if it has beeped. A machine that is not
    `ready` was not ready in time, or the call ended before it was.
    """

    who: Answerer
    ready: bool = False
    beep: bool = False


class LeftMessage(WhoAnswered, frozen=True, kw_only=True):
    """Who has answered, and whether the message was played to the end.

    `ready` and `beep` say what was known when the message began. `attempts` counts how often
    it began: more than once if a machine spoke again in the middle.
    """

    played: bool = False
    attempts: int = 0


class Phase(enum.Enum):
    """What is known of the far end."""

    LISTENING = "listening"
    """Nothing yet."""
    GREETING = "greeting"
    """It is a machine, and it speaks."""
    PAUSE = "pause"
    """A machine is silent. It may be a pause in its greeting, or the beep is still to come."""
    SILENT = "silent"
    """A machine was silent for so long that it listens."""
    BEEPED = "beeped"
    """A machine has beeped: it listens."""
    LATE = "late"
    """A machine was not ready in time."""
    OVER = "over"
    """It is no machine, or the call has ended."""


class Heard(enum.Enum):
    """What can change the phase."""

    VOICE = "voice"
    SILENCE = "silence"
    BEEP = "beep"
    TOO_LONG = "too long"
    """The phase has lasted as long as it may."""
    VERDICT = "verdict"
    """It is a person, or the detector cannot tell."""
    FAX = "fax"
    ENDED = "call ended"


TO_SPEAK: Final = frozenset({Phase.SILENT, Phase.BEEPED, Phase.LATE})
"""The phases in which a message may be played to a machine."""

_P, _H = Phase, Heard
_UNDER_WAY: Final = tuple(phase for phase in Phase if phase is not Phase.OVER)

ANSWERING: Final[Mapping[tuple[Phase, Heard], Phase]] = {
    (_P.LISTENING, _H.VOICE): _P.GREETING,
    (_P.LISTENING, _H.SILENCE): _P.PAUSE,
    (_P.LISTENING, _H.BEEP): _P.BEEPED,
    (_P.LISTENING, _H.TOO_LONG): _P.OVER,
    (_P.LISTENING, _H.VERDICT): _P.OVER,
    (_P.GREETING, _H.SILENCE): _P.PAUSE,
    (_P.GREETING, _H.BEEP): _P.BEEPED,
    (_P.GREETING, _H.TOO_LONG): _P.LATE,
    (_P.GREETING, _H.VERDICT): _P.OVER,
    (_P.PAUSE, _H.VOICE): _P.GREETING,
    (_P.PAUSE, _H.BEEP): _P.BEEPED,
    (_P.PAUSE, _H.TOO_LONG): _P.SILENT,
    (_P.PAUSE, _H.VERDICT): _P.OVER,
    (_P.SILENT, _H.VOICE): _P.GREETING,
    (_P.SILENT, _H.BEEP): _P.BEEPED,
    (_P.BEEPED, _H.VOICE): _P.GREETING,
    (_P.LATE, _H.SILENCE): _P.PAUSE,
    (_P.LATE, _H.BEEP): _P.BEEPED,
    **{(phase, _H.FAX): _P.OVER for phase in _UNDER_WAY},
    **{(phase, _H.ENDED): _P.OVER for phase in _UNDER_WAY},
}
"""What is not in the table changes nothing: the server may say anything at any time."""

FAX_GRACE: Final = 1.0
"""Seconds for the fax detector to say something, when the other one cannot tell."""


def is_last(event: DetectEvent) -> bool:
    """Return whether the detector has ended, and says nothing more."""
    return "finished" in (event.event, event.state) or "error" in (event.event, event.state)


class Answering:
    """Follow the events of the detectors on one call.

    Feed it with `begin`, `take` and `handle_timer`. `phase` says what is known, and `chance` counts
    the phases: what began in an earlier one may have to begin again.
    """

    def __init__(self, *, timeout: float, quiet_time: float, fax: bool) -> None:
        """`timeout` is how long each greeting may take; `fax` is whether a fax detector runs."""
        self._timeout = timeout
        self._quiet_time = quiet_time
        self._fax_listens = fax
        self._unclear = False
        self._give_up_at = self._due = math.inf
        self.phase = Phase.LISTENING
        self.chance = 0
        self.who: Answerer = "unknown"
        self.ended = False
        """Whether the call has ended."""

    def begin(self, now: float) -> None:
        """Count the time from now on."""
        self._give_up_at = self._due = now + self._timeout

    def found(self) -> WhoAnswered:
        """Return what is known, as programs get it."""
        ready = self.phase in (Phase.SILENT, Phase.BEEPED)
        return WhoAnswered(who=self.who, ready=ready, beep=self.phase is Phase.BEEPED)

    def deadline(self) -> float | None:
        """Return when to call `handle_timer`, or None."""
        waits = self.phase in (Phase.LISTENING, Phase.GREETING, Phase.PAUSE)
        return self._due if waits else None

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        deadline = self.deadline()
        if deadline is not None and now >= deadline:
            self._move(Heard.TOO_LONG, "unknown", now)

    def take(self, event: DetectEvent, now: float) -> None:
        """Take an event of the detector of machines."""
        match event.event:
            case "HUMAN":
                self._move(Heard.VERDICT, "human", now)
            case "MACHINE" | "READY" if event.beep:
                self._move(Heard.BEEP, "machine", now)
            case "READY":
                self._move(Heard.SILENCE, "machine", now)
            case "NOT_READY":
                self._move(Heard.VOICE, "machine", now)
            case "MACHINE" if self.phase is Phase.LISTENING:
                self._move(Heard.VOICE, "machine", now)
            case "UNKNOWN":
                self._hear_nothing_clear(now)
            case _ if is_last(event):
                self._lose_detector(now)
            case _:
                pass

    def take_fax(self, event: DetectEvent, now: float) -> None:
        """Take an event of the detector of faxes."""
        if event.event in ("CED", "CNG"):
            self._move(Heard.FAX, "fax", now)
        elif is_last(event):
            self.lose_fax(now)

    def lose_fax(self, now: float) -> None:
        """Do not wait for the detector of faxes: it has ended, or could not start."""
        self._fax_listens = False
        if self._unclear:
            self._hear_nothing_clear(now)

    def end_call(self, now: float) -> None:
        """Note that the call has ended."""
        self.ended = True
        self._move(Heard.ENDED, "nobody" if self.phase is Phase.LISTENING else self.who, now)

    def _lose_detector(self, now: float) -> None:
        if self.phase is Phase.GREETING:  # nobody will say when the greeting is over
            self._move(Heard.TOO_LONG, "machine", now)
        else:
            self._hear_nothing_clear(now)

    def _hear_nothing_clear(self, now: float) -> None:
        if self.phase is not Phase.LISTENING:
            return
        self._unclear = True
        if self._fax_listens:
            self._due = min(self._due, now + FAX_GRACE)
        else:
            self._move(Heard.VERDICT, "unknown", now)

    def _move(self, heard: Heard, who: Answerer, now: float) -> None:
        """Follow the table. `who` is there if it is no machine."""
        before, after = self.phase, ANSWERING.get((self.phase, heard))
        if after is None:
            return
        self.who = who if after is Phase.OVER else "machine"
        if after is Phase.GREETING and before in TO_SPEAK:
            self._give_up_at = now + self._timeout  # it begins again
        self._due = now + self._quiet_time if after is Phase.PAUSE else self._give_up_at
        self.phase = after
        self.chance += 1

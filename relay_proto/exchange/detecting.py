"""``calling.detect``: detect a human, a machine, a fax or digits at the far end.

A detector recognizes a machine by its `nature`, not by its words. A machine is ready to
take a message when it beeps, or when it has been silent for `machine_ready_timeout`.

Source: docs/protocol.md, sections 15, 17, 18 and 22 (row 12).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal, TypeAlias, assert_never

import msgspec

from ..constants import (
    DETECT_TYPE_DIGIT,
    DETECT_TYPE_FAX,
    DETECT_TYPE_MACHINE,
    EVENT_CALL_DETECT,
)
from ..rpc.frames import JSONObject
from .happened import What, Who
from .legs import Leg, Listener
from .requests import OnOperation, Request, Verb, control_verb, start_verb
from .script import Fax, Human, Machine, Unclear
from .shapes import Amount, Seconds, Text

FINISHED: Final = "finished"


class MachineParams(msgspec.Struct, frozen=True, kw_only=True):
    """Whether to wait until a machine is ready, and whether to go on after that."""

    detect_message_end: bool = True
    detect_interruptions: bool = False
    machine_ready_timeout: Seconds = 1.0
    initial_timeout: Amount = None
    end_silence_timeout: Amount = None
    machine_voice_threshold: Amount = None
    machine_words_threshold: Annotated[int, msgspec.Meta(ge=0)] | None = None


class FaxParams(msgspec.Struct, frozen=True, kw_only=True):
    """The tone of a fax machine that answers (CED) or calls (CNG)."""

    tone: Literal["CED", "CNG"] = "CED"


class DigitParams(msgspec.Struct, frozen=True, kw_only=True):
    """Which digits to detect; an empty string means any digit."""

    digits: Annotated[str, msgspec.Meta(max_length=100)] = ""


class MachineWanted(msgspec.Struct, frozen=True, tag_field="type", tag=DETECT_TYPE_MACHINE):
    """Detect whether a machine or a human is at the far end."""

    kind: ClassVar[str] = DETECT_TYPE_MACHINE
    params: MachineParams = msgspec.field(default_factory=MachineParams)


class FaxWanted(msgspec.Struct, frozen=True, tag_field="type", tag=DETECT_TYPE_FAX):
    """Detect a fax."""

    kind: ClassVar[str] = DETECT_TYPE_FAX
    params: FaxParams = msgspec.field(default_factory=FaxParams)


class DigitWanted(msgspec.Struct, frozen=True, tag_field="type", tag=DETECT_TYPE_DIGIT):
    """Detect a key."""

    kind: ClassVar[str] = DETECT_TYPE_DIGIT
    params: DigitParams = msgspec.field(default_factory=DigitParams)


Wanted: TypeAlias = MachineWanted | FaxWanted | DigitWanted


class DetectParams(OnOperation, frozen=True, kw_only=True):
    """``calling.detect``."""

    detect: Wanted
    timeout: Seconds = 30.0
    status_url: Text = None


class Detector(Listener):
    """One detector. It ends when it has detected what it was made for."""

    def __init__(self, leg: Leg, control_id: str, wanted: Wanted) -> None:
        super().__init__(leg, control_id)
        self._network = leg.network
        self._wanted = wanted
        self._watched: MachineParams | None = None
        """What to report of a machine, once it is recognized."""

    def start(self, timeout: float, now: float) -> None:
        """Start to detect."""
        self.leg.note(Who.PROGRAM, What.STARTED, now, activity=f"a detector ({self._wanted.kind})")
        self._network.at(now + timeout, self.finish)
        self._network.at(now + self._network.config.timing.detection, self._recognize)

    def finish(self, now: float) -> None:
        """Stop, and tell the program."""
        self.cancel(now)
        self.leave()
        self._tell({"event": FINISHED}, now)

    def cancel(self, now: float) -> None:  # noqa: ARG002
        """End, because the call has ended."""
        for duty in (self.finish, self._recognize, self._notice_silence):
            self._network.cancel(duty)

    def tell_end(self, now: float) -> None:
        """See `Operation`."""
        self._tell({"event": FINISHED}, now)

    def take_digit(self, digit: str, now: float) -> None:
        """Take a key that the far end presses."""
        wanted = self._wanted
        if isinstance(wanted, DigitWanted) and digit in (wanted.params.digits or digit):
            self._detect(digit, now)
            self.finish(now)

    def take_speech(self, text: str, seconds: float, now: float) -> None:  # noqa: ARG002
        """Note that a machine speaks again. The words do not matter."""
        if self._watched is not None:
            self._detect("NOT_READY", now)
            self._expect_silence(self._watched, now)

    def take_beep(self, now: float) -> None:
        """Note that a machine is ready."""
        if self._watched is not None:
            self._tell_ready(self._watched, now, beep=True)

    def _recognize(self, now: float) -> None:
        nature = self.leg.far.nature
        match self._wanted:
            case DigitWanted():
                pass
            case FaxWanted(params):
                if isinstance(nature, Fax) and nature.tone == params.tone:
                    self._detect(nature.tone, now)
                    self.finish(now)
            case MachineWanted(params):
                match nature:
                    case Human():
                        self._detect("HUMAN", now)
                        self.finish(now)
                    case Fax() | Unclear():
                        self._detect("UNKNOWN", now)
                        self.finish(now)
                    case Machine():
                        self._detect("MACHINE", now)
                        self._watch(params, now)
                    case _:
                        assert_never(nature)
            case _:
                assert_never(self._wanted)

    def _watch(self, params: MachineParams, now: float) -> None:
        if not params.detect_message_end:
            self.finish(now)
            return
        self._watched = params
        if self.leg.beeped:
            self._tell_ready(params, now, beep=True)
            return
        if self.leg.quiet_at > now:
            self._detect("NOT_READY", now)
        self._expect_silence(params, now)

    def _expect_silence(self, params: MachineParams, now: float) -> None:
        silent_at = self.leg.quiet_at + params.machine_ready_timeout
        self._network.at(max(now, silent_at), self._notice_silence)

    def _notice_silence(self, now: float) -> None:
        assert self._watched is not None, "only a machine is watched"
        self._tell_ready(self._watched, now, beep=False)

    def _tell_ready(self, params: MachineParams, now: float, *, beep: bool) -> None:
        self._network.cancel(self._notice_silence)
        self._detect("READY", now, beep=beep)
        if not params.detect_interruptions:
            self.finish(now)

    def _detect(self, event: str, now: float, **more: bool) -> None:
        self.leg.note(Who.EXCHANGE, What.DETECTED, now, kind=self._wanted.kind, event=event)
        self._tell({"event": event, **more}, now)

    def _tell(self, params: JSONObject, now: float) -> None:
        detect = {"type": self._wanted.kind, "params": params}
        self.leg.tell(EVENT_CALL_DETECT, now, control_id=self.control_id, detect=detect)


def detect(request: Request, leg: Leg, params: DetectParams) -> None:
    """``calling.detect``."""
    request.accept_start(params, "Detecting")
    Detector(leg, params.control_id, params.detect).start(params.timeout, request.now)


def stop(request: Request, running: Detector, params: OnOperation) -> None:  # noqa: ARG001
    """``calling.detect.stop``."""
    request.accept_control(running, "Stopping")
    running.finish(request.now)


VERBS: Final[Mapping[str, Verb]] = {
    "calling.detect": start_verb(DetectParams, detect),
    "calling.detect.stop": control_verb(OnOperation, Detector, stop),
}

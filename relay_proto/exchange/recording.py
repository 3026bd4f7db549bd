"""``calling.record``: record what the far end says, or hears.

The timeouts depend on the direction. By default, a recording with the direction ``speak``
waits 5 s for the first word, and ends after 1 s of silence. A recording with another
direction waits for nothing, and ends with the call.

Source: docs/protocol.md, sections 14.4, 17, 18 and 22 (rows 9, 10 and 38).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final, Literal

import msgspec

from ..constants import (
    EVENT_CALL_RECORD,
    RECORD_STATE_FINISHED,
    RECORD_STATE_NO_INPUT,
    RECORD_STATE_PAUSED,
    RECORD_STATE_RECORDING,
)
from ..errors import RelayError
from ..rpc.frames import JSONObject
from ..transitions import follow
from .artifacts import Artifact
from .happened import What, Who
from .legs import Leg
from .requests import OnOperation, Request, Verb, control_verb, start_verb
from .shapes import Seconds, Text
from .sounds import AudioFile, Side, SoundKind, Tape
from .switch import CONFLICT

BEEP: Final = "beep"
"""What the far end hears, and a `Hear` step can wait for, when a recording beeps."""
SPEAK: Final = "speak"
WAV: Final = "wav"
SIDES: Final[Mapping[str, Sequence[Side]]] = {
    "listen": (Side.NEAR,),
    SPEAK: (Side.FAR,),
    "both": tuple(Side),
}


class Audio(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to record, and until when."""

    beep: bool = False
    format: Literal["mp3", "wav", "mp4"] = "mp3"
    stereo: bool = False
    direction: Literal["listen", "speak", "both"] = SPEAK
    initial_timeout: Seconds | None = None
    end_silence_timeout: Seconds | None = None
    max_length: Seconds = 0.0
    terminators: Annotated[str, msgspec.Meta(max_length=100)] = "#*"
    input_sensitivity: Annotated[float, msgspec.Meta(ge=0, le=100)] = 44.0

    def patience(self) -> float:
        """Return the seconds to wait for the first sound; 0 means no limit."""
        usual = 5.0 if self.direction == SPEAK else 0.0
        return usual if self.initial_timeout is None else self.initial_timeout

    def silence(self) -> float:
        """Return the seconds of silence that end the recording; 0 means no limit."""
        usual = 1.0 if self.direction == SPEAK else 0.0
        return usual if self.end_silence_timeout is None else self.end_silence_timeout


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to record: audio is all that can be recorded."""

    audio: Audio = msgspec.field(default_factory=Audio)


class RecordParams(OnOperation, frozen=True, kw_only=True):
    """``calling.record``."""

    record: Wanted
    status_url: Text = None


class PauseParams(OnOperation, frozen=True, kw_only=True):
    """``calling.record.pause``."""

    behavior: Literal["skip", "silence"] = "skip"


class RecordingState(enum.Enum):
    """The state of a recording."""

    RECORDING = "recording"
    SKIPPING = "skipping"
    """Paused, and the pause is left out of the file."""
    SILENCED = "silenced"
    """Paused, and the pause is in the file as silence."""


class RecordingInput(enum.Enum):
    """What can change the state. The first two values are those of ``behavior``."""

    SKIP = "skip"
    SILENCE = "silence"
    RESUME = "resume"


_S, _I = RecordingState, RecordingInput

RECORDING: Final[Mapping[tuple[RecordingState, RecordingInput], RecordingState]] = {
    (_S.RECORDING, _I.SKIP): _S.SKIPPING,
    (_S.RECORDING, _I.SILENCE): _S.SILENCED,
    (_S.SKIPPING, _I.RESUME): _S.RECORDING,
    (_S.SILENCED, _I.RESUME): _S.RECORDING,
}


class Recording(Artifact):
    """A recording. Its length does not include the pauses that are left out."""

    event_type: ClassVar[str] = EVENT_CALL_RECORD
    activity: ClassVar[str] = "a recording"

    def __init__(self, leg: Leg, control_id: str, audio: Audio) -> None:
        super().__init__(leg, control_id, suffix=audio.format)
        self._network = leg.network
        self._audio = audio
        self._tape = Tape(leg.network.config.limits.sounds)
        self._began_at = 0.0
        self._silence = (self._miss_input, audio.patience())
        self.state = RecordingState.RECORDING

    def start(self, now: float) -> None:
        """Start, with a beep if the program asked for one."""
        self._began_at = now
        self.leg.record(self._tape, now)
        self.note_start(now)
        self._tell_state(RECORD_STATE_RECORDING, {}, now)
        if self._audio.beep:
            self.leg.hear(BEEP, now, SoundKind.BEEP)
        self._watch_time(now)

    def pause(self, behaviour: str, now: float) -> None:
        """Pause the recording."""
        self._move(RecordingInput(behaviour), now)
        if self.state is RecordingState.SILENCED:
            self._tape.start(now, silent=True)
        self._network.cancel(self._silence[0])
        if self.state is RecordingState.SKIPPING:
            self._network.cancel(self._reach_max_length)
        self._tell_state(RECORD_STATE_PAUSED, {"pause_behavior": behaviour}, now)

    def resume(self, now: float) -> None:
        """Continue the recording."""
        self._move(RecordingInput.RESUME, now)
        self.leg.record(self._tape, now)
        self._tell_state(RECORD_STATE_RECORDING, {}, now)
        self._watch_time(now)

    def take_digit(self, digit: str, now: float) -> None:
        """End at a terminator. Record any other key as a sound."""
        if digit in self._audio.terminators:
            self.conclude(RECORD_STATE_FINISHED, now)
        else:
            self._take_sound(self._network.config.timing.digit, now)

    def take_speech(self, text: str, seconds: float, now: float) -> None:  # noqa: ARG002
        """Take words that the far end begins to say."""
        self._take_sound(seconds, now)

    def content(self) -> AudioFile:
        """Return what was recorded."""
        sides = SIDES[self._audio.direction]
        return AudioFile(
            self._audio.format,
            self._tape.seconds(0),
            2 if self._audio.stereo else 1,
            tuple(sound for sound in self._tape.sounds if sound.side in sides),
        )

    def close(self, outcome: str, now: float) -> JSONObject:
        """Stop; return the last event, with the length and the size."""
        for duty in (self._miss_input, self._fall_silent, self._reach_max_length):
            self._network.cancel(duty)
        self._tape.stop(now)
        self.leg.tapes.discard(self._tape)
        epoch = self._network.config.epoch
        return {
            **self._facts(outcome or RECORD_STATE_FINISHED),
            "duration": self._tape.seconds(now),
            "size": self.content().size,
            "start_time": epoch + self._began_at,
            "end_time": epoch + now,
        }

    def _take_sound(self, seconds: float, now: float) -> None:
        if self.state is RecordingState.RECORDING:
            self._network.cancel(self._miss_input)
            self._silence = (self._fall_silent, self._audio.silence())
            self._watch_silence(now + seconds)

    def _watch_time(self, now: float) -> None:
        if (rest := self.leg.quiet_at - now) > 0:  # they have begun to speak before
            self._take_sound(rest, now)
        else:
            self._watch_silence(now)
        if self._audio.max_length:
            ends_at = now + self._audio.max_length - self._tape.seconds(now)
            self._network.at(ends_at, self._reach_max_length)

    def _watch_silence(self, since: float) -> None:
        duty, patience = self._silence
        if patience:
            self._network.at(since + patience, duty)

    def _miss_input(self, now: float) -> None:
        self.conclude(RECORD_STATE_NO_INPUT, now)

    def _fall_silent(self, now: float) -> None:
        self.conclude(RECORD_STATE_FINISHED, now)

    def _reach_max_length(self, now: float) -> None:
        self.conclude(RECORD_STATE_FINISHED, now)

    def _move(self, happened: RecordingInput, now: float) -> None:
        self._tape.stop(now)
        self.state = follow(RECORDING, self.state, happened)

    def _facts(self, state: str) -> JSONObject:
        record = {"audio": msgspec.to_builtins(self._audio)}
        return {"state": state, "url": self.url, "recording_id": self.file_id, "record": record}

    def _tell_state(self, state: str, more: JSONObject, now: float) -> None:
        self.tell(self._facts(state) | more, now)


def record(request: Request, leg: Leg, params: RecordParams) -> None:
    """``calling.record``; the reply has the URL of the file."""
    audio = params.record.audio
    if audio.format not in request.network.config.audio_formats:
        leg.note(Who.EXCHANGE, What.CONVERTED, request.now, wanted=audio.format, format=WAV)
        audio = msgspec.structs.replace(audio, format=WAV)
    recording = Recording(leg, params.control_id, audio)
    request.accept_start(params, "Recording", url=recording.url)
    recording.start(request.now)


def stop(request: Request, running: Recording, params: OnOperation) -> None:  # noqa: ARG001
    """``calling.record.stop``."""
    request.accept_control(running, "Stopping")
    running.conclude(RECORD_STATE_FINISHED, request.now)


def pause(request: Request, running: Recording, params: PauseParams) -> None:
    """``calling.record.pause``."""
    if running.state is not RecordingState.RECORDING:
        raise RelayError(CONFLICT, "the recording is paused already")
    request.accept_control(running, "Pausing")
    running.pause(params.behavior, request.now)


def resume(request: Request, running: Recording, params: OnOperation) -> None:  # noqa: ARG001
    """``calling.record.resume``."""
    if running.state is RecordingState.RECORDING:
        raise RelayError(CONFLICT, "the recording is not paused")
    request.accept_control(running, "Resuming")
    running.resume(request.now)


VERBS: Final[Mapping[str, Verb]] = {
    "calling.record": start_verb(RecordParams, record),
    "calling.record.stop": control_verb(OnOperation, Recording, stop),
    "calling.record.pause": control_verb(PauseParams, Recording, pause),
    "calling.record.resume": control_verb(OnOperation, Recording, resume),
}

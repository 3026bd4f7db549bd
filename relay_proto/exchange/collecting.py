"""Collecting digits and speech, with or without a prompt.

The first key or word stops the prompt. Digits end with a terminator, at their maximum
length or after a pause. Speech ends with silence. A continuous collect starts again
after each result, until it is stopped or its initial timeout passes.

Source: docs/protocol.md, sections 15, 15.1 and 17.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec

from ..constants import EVENT_CALL_COLLECT
from ..errors import RelayError
from ..rpc.frames import INVALID_PARAMS, JSONObject
from ..transitions import follow
from .happened import What, Who
from .legs import Leg, Listener
from .media import Media, MediaList
from .network import Network
from .playing import Playback, Playing, VolumeParams, pause, resume, volume
from .requests import OnOperation, Request, Verb, control_verb, decode_params, start_verb
from .shapes import Decibels, Seconds, Text, Texts

CONFIDENCE: Final = 0.9
DIGIT: Final = "digit"
SPEECH: Final = "speech"
NO_INPUT: Final = "no_input"
NO_MATCH: Final = "no_match"
FINISHED: Final = "finished"
ERROR: Final = "error"
"""How a collect ends with its call."""
START_OF_INPUT: Final = "start_of_input"
COLLECTING: Final = "collecting"


class Digits(msgspec.Struct, frozen=True, kw_only=True):
    """Which digits to collect."""

    max: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    terminators: str = ""
    digit_timeout: Seconds = 5.0


class Speech(msgspec.Struct, frozen=True, kw_only=True):
    """When speech ends."""

    end_silence_timeout: Seconds = 1.0
    speech_timeout: Seconds = 60.0
    language: Text = None
    hints: Texts = None
    model: Text = None
    engine: Text = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a collect waits for."""

    digits: Digits | None = None
    speech: Speech | None = None
    initial_timeout: Seconds = 4.0
    partial_results: bool = False
    continuous: bool = False
    send_start_of_input: bool = False
    start_input_timers: bool | None = None
    """When the initial timeout starts. Without a prompt it starts at once, but with False
    only on request. With a prompt it starts when the prompt ends, but with True at once."""


class CollectParams(OnOperation, frozen=True, kw_only=True):
    """``calling.collect``, without what it waits for."""

    status_url: Text = None


class PlayAndCollectParams(OnOperation, frozen=True, kw_only=True):
    """``calling.play_and_collect``."""

    play: MediaList
    collect: Wanted
    volume: Decibels = 0.0
    status_url: Text = None


class CollectState(enum.Enum):
    """What a collect has received since its start or its last result."""

    HELD = "held"
    """Nothing, and the initial timeout has not started."""
    WAITING = "waiting"
    """Nothing, and the initial timeout has started."""
    TYPING = "typing"
    SPEAKING = "speaking"


class CollectInput(enum.Enum):
    """What can change the state of a collect."""

    TIMERS = "timers"
    DIGIT = "digit"
    WORDS = "words"
    RESULT = "result"


_S, _I = CollectState, CollectInput

COLLECT: Final[Mapping[tuple[CollectState, CollectInput], CollectState]] = {
    (_S.HELD, _I.TIMERS): _S.WAITING,
    (_S.HELD, _I.DIGIT): _S.TYPING,
    (_S.HELD, _I.WORDS): _S.SPEAKING,
    (_S.WAITING, _I.DIGIT): _S.TYPING,
    (_S.WAITING, _I.WORDS): _S.SPEAKING,
    (_S.TYPING, _I.DIGIT): _S.TYPING,
    (_S.TYPING, _I.RESULT): _S.HELD,
    (_S.SPEAKING, _I.WORDS): _S.SPEAKING,
    (_S.SPEAKING, _I.DIGIT): _S.TYPING,  # a key counts more than words
    (_S.SPEAKING, _I.RESULT): _S.HELD,
}


class Collect(Listener):
    """``calling.collect``: collecting without a prompt."""

    def __init__(self, leg: Leg, control_id: str, wanted: Wanted) -> None:
        super().__init__(leg, control_id)
        self._network: Network = leg.network
        self._wanted = wanted
        self._state = CollectState.HELD
        self._typed = ""
        self._spoken = ""
        self._speech_ends_at = 0.0

    def start(self, now: float) -> None:
        """Start to collect."""
        self._note_start(now)
        if self._wanted.start_input_timers is not False:
            self.start_input_timers(now)

    def start_input_timers(self, now: float) -> None:
        """Start the initial timeout, unless it has started or input has begun."""
        if self._state is CollectState.HELD:
            self._move(CollectInput.TIMERS)
            if self._wanted.initial_timeout:
                self._network.at(now + self._wanted.initial_timeout, self._miss_input)

    def stop(self, now: float) -> None:
        """Stop, because the program asked for it."""
        self._conclude({"type": FINISHED}, now)

    def cancel(self, now: float) -> None:  # noqa: ARG002
        """End, because the call has ended."""
        self._cancel_timers()

    def tell_end(self, now: float) -> None:
        """See `Operation`."""
        self._tell({"type": ERROR}, now, state=ERROR)

    def take_digit(self, digit: str, now: float) -> None:
        """Take a key that the far end presses."""
        digits = self._wanted.digits
        if digits is None:
            return
        self._begin(CollectInput.DIGIT, now)
        if digit in digits.terminators:
            self._tell_digits(digit, now)
            return
        self._typed += digit
        if len(self._typed) >= digits.max:
            self._tell_digits("", now)
        else:
            self._network.at(now + digits.digit_timeout, self._end_digits)

    def take_speech(self, text: str, seconds: float, now: float) -> None:
        """Take words that the far end begins to say."""
        speech = self._wanted.speech
        if speech is None or self._state is CollectState.TYPING:
            return
        if self._state is not CollectState.SPEAKING:
            self._speech_ends_at = now + speech.speech_timeout
        self._begin(CollectInput.WORDS, now)
        self._spoken = f"{self._spoken} {text}".lstrip()
        silent_at = now + seconds + speech.end_silence_timeout
        self._network.at(min(silent_at, self._speech_ends_at), self._end_speech)
        if self._wanted.partial_results:
            self._network.at(now + seconds / 2, self._tell_partial)

    def input_began(self, now: float) -> None:
        """React to the first key or word since the last result."""
        self._network.cancel(self._miss_input)
        if self._wanted.send_start_of_input:
            self._tell({"type": START_OF_INPUT}, now)

    def _begin(self, happened: CollectInput, now: float) -> None:
        before = self._state
        self._move(happened)
        if before in {CollectState.HELD, CollectState.WAITING}:
            self.input_began(now)
        elif before is not self._state:
            self._spoken = ""
            self._cancel_timers()

    def _end_digits(self, now: float) -> None:
        self._tell_digits("", now)

    def _tell_digits(self, terminator: str, now: float) -> None:
        params = {"digits": self._typed, "terminator": terminator}
        self._tell_result({"type": DIGIT, "params": params}, self._typed, now)

    def _end_speech(self, now: float) -> None:
        params = {"text": self._spoken, "confidence": CONFIDENCE}
        understood = {"type": SPEECH, "params": params}
        self._tell_result(understood if self._spoken else {"type": NO_MATCH}, self._spoken, now)

    def _tell_partial(self, now: float) -> None:
        words = self._spoken.split()
        text = " ".join(words[: (len(words) + 1) // 2])
        params = {"text": text, "confidence": CONFIDENCE / 2}
        self._tell({"type": SPEECH, "params": params}, now, final=False)

    def _miss_input(self, now: float) -> None:
        self.leg.note(Who.PROGRAM, What.HEARD_NOTHING, now)
        self._conclude({"type": NO_INPUT}, now)

    def _tell_result(self, result: JSONObject, value: str, now: float) -> None:
        self.leg.note(Who.PROGRAM, What.COLLECTED, now, input=result["type"], value=value)
        if not self._wanted.continuous:
            self._conclude(result, now)
            return
        self._cancel_timers()
        self._typed = self._spoken = ""
        self._move(CollectInput.RESULT)
        self._tell(result, now, final=True, state=COLLECTING)
        self.start_input_timers(now)

    def _conclude(self, result: JSONObject, now: float) -> None:
        self._cancel_timers()
        self.leave()
        self._tell(result, now, final=True, state=FINISHED)

    def _cancel_timers(self) -> None:
        for duty in (self._miss_input, self._end_digits, self._tell_partial, self._end_speech):
            self._network.cancel(duty)

    def _tell(self, result: JSONObject, now: float, *, final: bool = True, state: str = "") -> None:
        params: JSONObject = {"control_id": self.control_id, "result": result}
        if self._wanted.partial_results:
            params["final"] = final
        if self._wanted.continuous:
            params["state"] = state or COLLECTING
        self.leg.tell(EVENT_CALL_COLLECT, now, **params)

    def _note_start(self, now: float) -> None:
        kinds = {"digits": self._wanted.digits, "speech": self._wanted.speech}
        names = " or ".join(name for name, kind in kinds.items() if kind is not None)
        self.leg.note(Who.PROGRAM, What.LISTENED, now, input=names)

    def _move(self, happened: CollectInput) -> None:
        self._state = follow(COLLECT, self._state, happened)


class PlayAndCollect(Collect, Playing):
    """``calling.play_and_collect``: collecting during and after a prompt."""

    def __init__(self, leg: Leg, control_id: str, wanted: Wanted, items: Sequence[Media]) -> None:
        super().__init__(leg, control_id, wanted)
        self.playback = Playback(
            leg, items, loop=1, control_id=control_id, ended=self.start_input_timers
        )

    def start(self, now: float) -> None:
        """Start to play and to collect."""
        self.playback.start(now)
        self._note_start(now)
        if self._wanted.start_input_timers:
            self.start_input_timers(now)

    def stop(self, now: float) -> None:
        """Stop the prompt and the collect, because the program asked for it."""
        self.playback.stop(now)
        super().stop(now)

    def cancel(self, now: float) -> None:
        """End, because the call has ended."""
        super().cancel(now)
        self.playback.cancel()

    def tell_end(self, now: float) -> None:
        """See `Operation`: first the prompt ends, then the input."""
        self.playback.tell_end(now)
        super().tell_end(now)

    def input_began(self, now: float) -> None:
        """Stop the prompt, because the caller has begun to answer it."""
        self.playback.stop(now, ", because the caller has begun to answer")
        super().input_began(now)

    def _miss_input(self, now: float) -> None:
        self.playback.stop(now, ", because the time for the input is over")
        super()._miss_input(now)


def collect(request: Request, leg: Leg, params: CollectParams) -> None:
    """``calling.collect``; the settings are on the same level as the ids."""
    wanted = _check(decode_params(_wanted, request.params))
    request.accept_start(params, "Collecting")
    Collect(leg, params.control_id, wanted).start(request.now)


def play_and_collect(request: Request, leg: Leg, params: PlayAndCollectParams) -> None:
    """``calling.play_and_collect``."""
    wanted = _check(params.collect)
    request.accept_start(params, "Playing")
    PlayAndCollect(leg, params.control_id, wanted, params.play).start(request.now)


def stop(request: Request, running: Collect, params: OnOperation) -> None:  # noqa: ARG001
    """``calling.collect.stop`` and ``calling.play_and_collect.stop``."""
    request.accept_control(running, "Stopping")
    running.stop(request.now)


def start_input_timers(request: Request, running: Collect, params: OnOperation) -> None:  # noqa: ARG001
    """``calling.collect.start_input_timers``, with a prompt or without."""
    request.accept_control(running, "Input timers started")
    running.start_input_timers(request.now)


def _check(wanted: Wanted) -> Wanted:
    if wanted.digits is None and wanted.speech is None:
        raise RelayError(INVALID_PARAMS, "Invalid params: collect digits, speech or both")
    return wanted


_wanted = msgspec.json.Decoder(Wanted)

VERBS: Final[Mapping[str, Verb]] = {
    "calling.collect": start_verb(CollectParams, collect),
    "calling.collect.stop": control_verb(OnOperation, Collect, stop),
    "calling.collect.start_input_timers": control_verb(OnOperation, Collect, start_input_timers),
    "calling.play_and_collect": start_verb(PlayAndCollectParams, play_and_collect),
    "calling.play_and_collect.stop": control_verb(OnOperation, PlayAndCollect, stop),
    "calling.play_and_collect.pause": control_verb(OnOperation, PlayAndCollect, pause),
    "calling.play_and_collect.resume": control_verb(OnOperation, PlayAndCollect, resume),
    "calling.play_and_collect.volume": control_verb(VolumeParams, PlayAndCollect, volume),
}

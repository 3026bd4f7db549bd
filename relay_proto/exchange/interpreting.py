"""``calling.live_transcribe`` and ``calling.live_translate``: the far end's words as they come.

The protocol names no events for either. This network sends
``calling.call.live_transcribe`` and ``calling.call.live_translate``. Their ``state`` is
``started``, ``text``, ``summary`` or ``finished``. In the states ``text`` and
``summary`` they have a ``text``. A translation is the same text after the name of the
language.

Source: docs/protocol.md, sections 14.6 and 22 (row 18).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

import msgspec

from ..errors import RelayError
from ..rpc.frames import INVALID_PARAMS, JSONObject
from .happened import What, Who
from .legs import Leg, Listener
from .requests import OnCall, Request, Verb, call_verb, check_none, running_one
from .shapes import Flag, Name, Text

EVENT_LIVE_TRANSCRIBE: Final = "calling.call.live_transcribe"
EVENT_LIVE_TRANSLATE: Final = "calling.call.live_translate"
REMOTE: Final = "remote-caller"

Directions: TypeAlias = Annotated[
    tuple[Literal["local-caller", "remote-caller"], ...], msgspec.Meta(max_length=2)
]


class TranscribeStart(msgspec.Struct, frozen=True, kw_only=True):
    """Start to transcribe. Only the words of the far end are transcribed."""

    lang: Name
    direction: Directions = (REMOTE,)
    webhook: Text = None
    live_events: Flag = None
    ai_summary: Flag = None
    speech_engine: Text = None
    speech_timeout: int | None = None
    vad_silence_ms: int | None = None
    vad_thresh: int | None = None


class TranslateStart(msgspec.Struct, frozen=True, kw_only=True):
    """Start to translate. Only the words of the far end are translated."""

    from_lang: Name
    to_lang: Name
    direction: Directions = (REMOTE,)
    from_voice: Text = None
    to_voice: Text = None
    webhook: Text = None
    live_events: Flag = None


class Inject(msgspec.Struct, frozen=True, kw_only=True):
    """Let the far end hear a message in its language."""

    message: Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]
    direction: Text = None


class Summarize(msgspec.Struct, frozen=True, kw_only=True):
    """Sum up what was said. Neither parameter has an effect here."""

    webhook: Text = None
    prompt: Text = None


class TranscribeAction(msgspec.Struct, frozen=True, kw_only=True):
    """What to do. A request gives one of these fields."""

    start: TranscribeStart | None = None
    summarize: Summarize | None = None
    stop: JSONObject | None = None


class TranslateAction(msgspec.Struct, frozen=True, kw_only=True):
    """What to do. A request gives one of these fields."""

    start: TranslateStart | None = None
    summarize: Summarize | None = None
    inject: Inject | None = None
    stop: JSONObject | None = None


class TranscribeParams(OnCall, frozen=True, kw_only=True):
    """``calling.live_transcribe``."""

    action: TranscribeAction | Literal["stop"]


class TranslateParams(OnCall, frozen=True, kw_only=True):
    """``calling.live_translate``."""

    action: TranslateAction | Literal["stop"]
    status_url: Text = None


class Interpreter(Listener):
    """Tell the program what the far end says, phrase by phrase."""

    event_type: ClassVar[str]
    activity: ClassVar[str]

    def __init__(self, leg: Leg, directions: Directions) -> None:
        super().__init__(leg, leg.network.new_id())
        self._network = leg.network
        self._directions = directions
        self._phrases: deque[str] = deque(maxlen=leg.network.config.limits.heard)
        self._spoken = ""

    def start(self, now: float) -> None:
        """Start to listen."""
        self.leg.note(Who.PROGRAM, What.STARTED, now, activity=self.activity)
        self._tell("started", now)

    def stop(self, now: float) -> None:
        """Stop, and tell the program."""
        self.cancel(now)
        self.leave()
        self.leg.note(Who.EXCHANGE, What.FINISHED, now, activity=self.activity, outcome="stopped")
        self._tell("finished", now)

    def cancel(self, now: float) -> None:  # noqa: ARG002
        """End, because the call has ended."""
        self._network.cancel(self._write)

    def tell_end(self, now: float) -> None:
        """See `Operation`."""
        self._tell("finished", now)

    def summarize(self, now: float) -> None:
        """Tell the program all phrases so far."""
        self._tell("summary", now, text=" ".join(self._phrases))

    def take_digit(self, digit: str, now: float) -> None:
        """Ignore keys."""

    def take_speech(self, text: str, seconds: float, now: float) -> None:
        """Take words that the far end begins to say."""
        if REMOTE in self._directions:
            self._spoken = f"{self._spoken} {text}".strip()
            self._network.at(now + seconds, self._write)

    def rendered(self, text: str) -> str:
        """Return `text` as the event has it."""
        return text

    def _write(self, now: float) -> None:
        phrase, self._spoken = self.rendered(self._spoken), ""
        self._phrases.append(phrase)
        self._tell("text", now, text=phrase)

    def _tell(self, state: str, now: float, **text: str) -> None:
        self.leg.tell(self.event_type, now, state=state, **text)


class Transcriber(Interpreter):
    """``calling.live_transcribe``."""

    event_type = EVENT_LIVE_TRANSCRIBE
    activity = "a live transcription"


class Translator(Interpreter):
    """``calling.live_translate``."""

    event_type = EVENT_LIVE_TRANSLATE
    activity = "a live translation"

    def __init__(self, leg: Leg, wanted: TranslateStart) -> None:
        super().__init__(leg, wanted.direction)
        self._wanted = wanted

    def rendered(self, text: str) -> str:
        """Return `text` after the name of the language, instead of a translation."""
        return f"{self._wanted.to_lang}: {text}"

    def inject(self, message: str, now: float) -> None:
        """Let the far end hear `message` after the name of its language."""
        self.leg.hear(f"{self._wanted.from_lang}: {message}", now)


def live_transcribe(request: Request, leg: Leg, params: TranscribeParams) -> None:
    """``calling.live_transcribe``."""
    match params.action:
        case TranscribeAction(start=TranscribeStart() as wanted):
            check_none(leg, Transcriber, "a live transcription")
            request.accept("Live transcription started", call_id=leg.call_id)
            Transcriber(leg, wanted.direction).start(request.now)
        case action:
            _control(request, running_one(leg, Transcriber, "live transcription"), action)


def live_translate(request: Request, leg: Leg, params: TranslateParams) -> None:
    """``calling.live_translate``."""
    match params.action:
        case TranslateAction(start=TranslateStart() as wanted):
            check_none(leg, Translator, "a live translation")
            request.accept("Live translation started", call_id=leg.call_id)
            Translator(leg, wanted).start(request.now)
        case TranslateAction(inject=Inject(message=message)):
            running = running_one(leg, Translator, "live translation")
            request.accept("Message injected", call_id=leg.call_id)
            running.inject(message, request.now)
        case action:
            _control(request, running_one(leg, Translator, "live translation"), action)


def _control(
    request: Request, running: Interpreter, action: TranscribeAction | TranslateAction | str
) -> None:
    if isinstance(action, str) or action.stop is not None:
        request.accept("Stopped", call_id=running.leg.call_id)
        running.stop(request.now)
    elif action.summarize is not None:
        request.accept("Summarizing", call_id=running.leg.call_id)
        running.summarize(request.now)
    else:
        raise RelayError(INVALID_PARAMS, "Invalid params: the action is unknown")


VERBS: Final[Mapping[str, Verb]] = {
    "calling.live_transcribe": call_verb(TranscribeParams, live_transcribe),
    "calling.live_translate": call_verb(TranslateParams, live_translate),
}

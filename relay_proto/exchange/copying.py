"""Copies of what a call says: taps, streams and transcriptions.

No media is really sent. A transcription has the words of the far end, line by line. A call
has at most one transcription.

Source: docs/protocol.md, sections 14.4, 17, 18 and 22 (row 17).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

import msgspec

from ..constants import EVENT_CALL_STREAM, EVENT_CALL_TAP, EVENT_CALL_TRANSCRIBE
from ..rpc.frames import JSONObject
from .artifacts import Artifact
from .happened import What, Who
from .legs import Leg, Operation
from .requests import OnOperation, Request, Verb, check_none, control_verb, start_verb
from .shapes import HttpMethod, Name, Object, Text
from .sounds import TextFile

FINISHED: Final = "finished"
LARGEST_TEXT: Final = 1_000_000
"""Bytes of a transcription. What would make it larger is left out."""
TRANSCRIBING: Final = "transcribing"
SOURCE: Final = {"type": "rtp", "params": {"addr": "203.0.113.1", "port": 4000, "codec": "PCMU"}}
"""The source of every tap's media: an address that is reserved for examples."""


class TapParams(msgspec.Struct, frozen=True, kw_only=True):
    """Which side to tap."""

    direction: Literal["listen", "speak", "both"] = "speak"


class TapWanted(msgspec.Struct, frozen=True, tag_field="type", tag="audio"):
    """What to tap."""

    params: TapParams = msgspec.field(default_factory=TapParams)


class RtpParams(msgspec.Struct, frozen=True, kw_only=True):
    """An address for RTP."""

    addr: Name
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    codec: str = "PCMU"
    ptime: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20


class WsParams(msgspec.Struct, frozen=True, kw_only=True):
    """A WebSocket."""

    uri: Name
    codec: str = "PCMU"
    rate: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 8000


class Rtp(msgspec.Struct, frozen=True, tag_field="type", tag="rtp"):
    """A receiver of RTP."""

    params: RtpParams


class Ws(msgspec.Struct, frozen=True, tag_field="type", tag="ws"):
    """A WebSocket server."""

    params: WsParams


Receiver: TypeAlias = Rtp | Ws
USUAL_TRACKS: Final[Mapping[str, str]] = {
    "inbound": "inbound_track",
    "outbound": "outbound_track",
    "both": "both_tracks",
}
"""The tracks for which a page of the vendor's documentation has another name."""


class TapStartParams(OnOperation, frozen=True, kw_only=True):
    """``calling.tap``."""

    tap: TapWanted
    device: Receiver
    status_url: Text = None


class StreamStartParams(OnOperation, frozen=True, kw_only=True):
    """``calling.stream``."""

    url: Annotated[str, msgspec.Meta(pattern=r"\Awss://", max_length=2000)]
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    track: Literal[
        "inbound_track", "outbound_track", "both_tracks", "inbound", "outbound", "both"
    ] = "inbound_track"
    codec: Text = None
    status_url: Text = None
    status_url_method: HttpMethod = None
    authorization_bearer_token: Text = None
    custom_parameters: Object = None


class TranscribeParams(OnOperation, frozen=True, kw_only=True):
    """``calling.transcribe``."""

    status_url: Text = None


class Copy(Operation):
    """A copy of the media. It lasts until it is stopped or the call ends."""

    event_type: ClassVar[str]
    state: ClassVar[str]
    activity: ClassVar[str]

    def __init__(self, leg: Leg, control_id: str, facts: JSONObject) -> None:
        super().__init__(leg, control_id)
        self._facts = facts

    def start(self, now: float) -> None:
        """Start the copy."""
        self.leg.note(Who.PROGRAM, What.STARTED, now, activity=self.activity)
        self._tell(self.state, now)

    def stop(self, now: float) -> None:
        """Stop, because the program asked for it."""
        self.leave()
        self.leg.note(Who.EXCHANGE, What.FINISHED, now, activity=self.activity, outcome=FINISHED)
        self._tell(FINISHED, now)

    def cancel(self, now: float) -> None:
        """End, because the call has ended."""

    def tell_end(self, now: float) -> None:
        """See `Operation`."""
        self._tell(FINISHED, now)

    def _tell(self, state: str, now: float) -> None:
        self.leg.tell(self.event_type, now, control_id=self.control_id, state=state, **self._facts)


class Tap(Copy):
    """``calling.tap``."""

    event_type = EVENT_CALL_TAP
    state = "tapping"
    activity = "a tap"


class Stream(Copy):
    """``calling.stream``."""

    event_type = EVENT_CALL_STREAM
    state = "streaming"
    activity = "a stream"


class Transcription(Artifact):
    """``calling.transcribe``: a file with every word of the far end."""

    event_type: ClassVar[str] = EVENT_CALL_TRANSCRIBE
    activity: ClassVar[str] = "a transcription"

    def __init__(self, leg: Leg, control_id: str) -> None:
        super().__init__(leg, control_id, suffix="txt")
        self._began_at = 0.0
        self._lines: list[str] = []
        self._size = 0

    def start(self, now: float) -> None:
        """Start the transcription."""
        self._began_at = now
        self.note_start(now)
        self.tell({"state": TRANSCRIBING}, now)

    def take_digit(self, digit: str, now: float) -> None:
        """Ignore keys."""

    def take_speech(self, text: str, seconds: float, now: float) -> None:  # noqa: ARG002
        """Write the words as a line of the file, while it has room."""
        line = f"{text}\n"
        size = self._size + len(line.encode())
        if size <= LARGEST_TEXT:
            self._lines.append(line)
            self._size = size

    def content(self) -> TextFile:
        """Return the lines."""
        return TextFile("".join(self._lines))

    def close(self, outcome: str, now: float) -> JSONObject:  # noqa: ARG002
        """Stop; return the last event, with the length and the size."""
        epoch = self.leg.network.config.epoch
        return {
            "state": FINISHED,
            "url": self.url,
            "recording_id": self.file_id,
            "duration": now - self._began_at,
            "size": self._size,
            "start_time": epoch + self._began_at,
            "end_time": epoch + now,
        }


def tap(request: Request, leg: Leg, params: TapStartParams) -> None:
    """``calling.tap``; the reply says where the media comes from."""
    request.accept_start(params, "Tapping", source_device=SOURCE)
    facts = {
        "tap": msgspec.to_builtins(params.tap),
        "device": msgspec.to_builtins(params.device),
    }
    Tap(leg, params.control_id, facts).start(request.now)


def stream(request: Request, leg: Leg, params: StreamStartParams) -> None:
    """``calling.stream``."""
    request.accept_start(params, "Streaming")
    if params.track in USUAL_TRACKS:
        leg.tolerate(params.track, USUAL_TRACKS[params.track], request.now)
    facts = {"url": params.url, "name": params.name}
    Stream(leg, params.control_id, facts).start(request.now)


def transcribe(request: Request, leg: Leg, params: TranscribeParams) -> None:
    """``calling.transcribe``."""
    check_none(leg, Transcription, "a transcription")
    request.accept_start(params, "Transcribing")
    Transcription(leg, params.control_id).start(request.now)


def stop(request: Request, running: Copy, params: OnOperation) -> None:  # noqa: ARG001
    """``calling.tap.stop`` and ``calling.stream.stop``."""
    request.accept_control(running, "Stopping")
    running.stop(request.now)


def transcribe_stop(request: Request, running: Transcription, params: OnOperation) -> None:  # noqa: ARG001
    """``calling.transcribe.stop``."""
    request.accept_control(running, "Stopping")
    running.conclude(FINISHED, request.now)


VERBS: Final[Mapping[str, Verb]] = {
    "calling.tap": start_verb(TapStartParams, tap),
    "calling.tap.stop": control_verb(OnOperation, Tap, stop),
    "calling.stream": start_verb(StreamStartParams, stream),
    "calling.stream.stop": control_verb(OnOperation, Stream, stop),
    "calling.transcribe": start_verb(TranscribeParams, transcribe),
    "calling.transcribe.stop": control_verb(OnOperation, Transcription, transcribe_stop),
}

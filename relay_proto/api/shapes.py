"""Shapes: the dicts that verbs take, for type checkers and for readers.

A media item, a device, a detector, a tap and what it sends to are written in one of two
ways. Nested, as on the wire: ``{"type": "tts", "params": {"text": "Hello"}}``. Or flat, as
some documentation shows it: ``{"type": "tts", "text": "Hello"}``. The server gets the nested
one. The builders make all of these dicts, too: `tts`, `phone`, `digits` and the others.

These types say what is known. At run time, keys and types that are not listed here are
sent as they are.

Public: for applications, which import them from `relay_anyio` or `relay_sync`.

Source: docs/protocol.md, section 17.
"""

# Without `from __future__ import annotations`: the signatures of the verbs show these types.

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, Required, TypeAlias, TypedDict

Heard: TypeAlias = Literal["listen", "speak", "both"]
"""Which audio: what the other side hears, what it says, or both."""
CallStateEvents: TypeAlias = Sequence[Literal["created", "ringing", "answered", "ended"]]
Codec: TypeAlias = Literal["PCMU", "PCMA", "OPUS", "G729", "G722", "VP8", "H264"]


# Media


class TTSParams(TypedDict):
    """A text that is spoken."""

    text: str
    language: NotRequired[str]
    """A tag such as ``en-US``, which is the server's default."""
    gender: NotRequired[Literal["male", "female"]]
    voice: NotRequired[str]
    """The name of a voice of the service."""


class TTS(TypedDict):
    """A media item: a text that is spoken."""

    type: Literal["tts"]
    params: TTSParams


class FlatTTS(TTSParams):
    """A media item: a text that is spoken."""

    type: Literal["tts"]


class AudioParams(TypedDict):
    """An audio file."""

    url: str


class Audio(TypedDict):
    """A media item: an audio file."""

    type: Literal["audio"]
    params: AudioParams


class FlatAudio(AudioParams):
    """A media item: an audio file."""

    type: Literal["audio"]


class SilenceParams(TypedDict):
    """Silence."""

    duration: float
    """Seconds."""


class Silence(TypedDict):
    """A media item: silence."""

    type: Literal["silence"]
    params: SilenceParams


class FlatSilence(SilenceParams):
    """A media item: silence."""

    type: Literal["silence"]


class RingtoneParams(TypedDict):
    """The ringtone of a country."""

    name: str
    """Two letters, such as ``us``."""
    duration: NotRequired[float]
    """Seconds."""


class Ringtone(TypedDict):
    """A media item: the ringtone of a country."""

    type: Literal["ringtone"]
    params: RingtoneParams


class FlatRingtone(RingtoneParams):
    """A media item: the ringtone of a country."""

    type: Literal["ringtone"]


Media: TypeAlias = (
    TTS | FlatTTS | Audio | FlatAudio | Silence | FlatSilence | Ringtone | FlatRingtone
)
"""A media item, for `play`, `play_and_collect` and the `ringback` of `connect`."""


# Devices


class _PhoneOptions(TypedDict, total=False):
    timeout: int
    """The most seconds that it rings."""
    max_duration: int
    """The most seconds that the call lasts."""
    call_state_url: str
    """A URL to which the server posts the states of this call."""
    call_state_events: CallStateEvents
    """Which states it posts."""
    confirm: str
    """An SWML script that asks the called side to accept the call."""


class PhoneParams(_PhoneOptions):
    """A telephone."""

    to_number: str
    """The number to call, in E.164 form."""
    from_number: str
    """The number that the called side sees, in E.164 form."""


class Phone(TypedDict):
    """A device: a telephone."""

    type: Literal["phone"]
    params: PhoneParams


class FlatPhone(PhoneParams):
    """A device: a telephone."""

    type: Literal["phone"]


_ToFrom = TypedDict("_ToFrom", {"to": str, "from": str})


class ShortPhone(_ToFrom, _PhoneOptions):
    """A device: a telephone, with ``to`` and ``from`` for its numbers."""

    type: Literal["phone"]


class Header(TypedDict):
    """A SIP header."""

    name: str
    value: str


class SIPParams(_ToFrom, _PhoneOptions):
    """A SIP address: ``to`` and ``from`` are SIP URIs."""

    from_name: NotRequired[str]
    """The name that the called side sees."""
    headers: NotRequired[Sequence[Header]]
    codecs: NotRequired[Sequence[Codec]]
    """Which codecs to offer."""
    webrtc_media: NotRequired[bool]
    """Whether to use the media of WebRTC."""
    username: NotRequired[str]
    password: NotRequired[str]
    """It is masked in logs."""


class SIP(TypedDict):
    """A device: a SIP address."""

    type: Literal["sip"]
    params: SIPParams


class FlatSIP(SIPParams):
    """A device: a SIP address."""

    type: Literal["sip"]


class WebRTCParams(_ToFrom):
    """A subscriber, by WebRTC."""

    timeout: NotRequired[int]
    """The most seconds that it rings."""
    codecs: NotRequired[Sequence[Codec]]


class WebRTC(TypedDict):
    """A device: a subscriber, by WebRTC."""

    type: Literal["webrtc"]
    params: WebRTCParams


class FlatWebRTC(WebRTCParams):
    """A device: a subscriber, by WebRTC."""

    type: Literal["webrtc"]


AgoraParams = TypedDict(
    "AgoraParams", {"from": str, "to": NotRequired[str], "appid": str, "channel": str}
)
"""A channel of Agora."""


class Agora(TypedDict):
    """A device: a channel of Agora."""

    type: Literal["agora"]
    params: AgoraParams


class FlatAgora(AgoraParams):
    """A device: a channel of Agora."""

    type: Literal["agora"]


Device: TypeAlias = (
    Phone | FlatPhone | ShortPhone | SIP | FlatSIP | WebRTC | FlatWebRTC | Agora | FlatAgora
)
"""A device that can be called: see `phone` and `sip`, the builders."""


class OtherCallParams(TypedDict):
    """Another call."""

    node_id: str
    call_id: str


class OtherCall(TypedDict):
    """A device of `connect`: another call."""

    type: Literal["call"]
    params: OtherCallParams


class FlatOtherCall(OtherCallParams):
    """A device of `connect`: another call."""

    type: Literal["call"]


class QueueParams(TypedDict, total=False):
    """The first call of a queue."""

    queue_name: Required[str]
    queue_id: str
    node_id: str


class Queue(TypedDict):
    """A device of `connect`: the first call of a queue."""

    type: Literal["queue"]
    params: QueueParams


class FlatQueue(QueueParams):
    """A device of `connect`: the first call of a queue."""

    type: Literal["queue"]


class StreamParams(TypedDict, total=False):
    """A stream of audio to a WebSocket."""

    url: Required[str]
    """A ``wss://`` URL."""
    name: str
    codec: str
    """Such as ``PCMU`` or ``OPUS``."""
    status_url: str
    status_url_method: Literal["GET", "POST"]
    realtime: bool
    authorization_bearer_token: str
    """A token for the URL. It is masked in logs."""
    custom_parameters: Mapping[str, Any]


class StreamDevice(TypedDict):
    """A device of `connect`: a stream of audio to a WebSocket."""

    type: Literal["stream"]
    params: StreamParams


class FlatStreamDevice(StreamParams):
    """A device of `connect`: a stream of audio to a WebSocket."""

    type: Literal["stream"]


ConnectDevice: TypeAlias = (
    Device | OtherCall | FlatOtherCall | Queue | FlatQueue | StreamDevice | FlatStreamDevice
)
"""A device that a call can be connected to."""


_ReferOptions = TypedDict(
    "_ReferOptions", {"from": str, "username": str, "password": str}, total=False
)


class ReferParams(_ReferOptions):
    """Whom the other side of a SIP call is to call. The `password` is masked in logs."""

    to: str
    """A SIP URI, such as ``sip:bob@example.com``."""


class ReferUriParams(_ReferOptions):
    """The same, with ``uri`` for ``to``."""

    uri: str


class Refer(TypedDict):
    """The device of `refer`."""

    type: Literal["sip"]
    params: ReferParams | ReferUriParams


class FlatRefer(ReferParams):
    """The device of `refer`."""

    type: Literal["sip"]


class FlatReferUri(ReferUriParams):
    """The device of `refer`."""

    type: Literal["sip"]


ReferDevice: TypeAlias = Refer | FlatRefer | FlatReferUri
"""Whom the other side of a SIP call is to call."""


# Input


class Digits(TypedDict, total=False):
    """Which digits to collect."""

    max: Required[int]
    """The input ends after so many digits."""
    terminators: str
    """The input ends with one of these digits, such as ``#*``."""
    digit_timeout: float
    """The input ends so many seconds after a digit."""


class Speech(TypedDict, total=False):
    """How to listen to what the caller says."""

    end_silence_timeout: float
    """The input ends after so many seconds of silence."""
    speech_timeout: float
    """The most seconds that the input may last."""
    language: str
    """A tag such as ``en-US``."""
    hints: Sequence[str]
    """Words that the caller is likely to say."""
    model: str
    """The name of a model of the engine."""
    engine: Literal["Google", "Google.V2", "Deepgram"]


class Collect(TypedDict, total=False):
    """What to collect: digits, speech, or the first of both that is complete."""

    digits: Digits
    speech: Speech
    initial_timeout: float
    """Seconds to wait for the first digit or word; the server's default is 4."""
    partial_results: bool
    """Whether to report speech before it is final."""
    continuous: bool
    """Whether to go on after a result, until the action is stopped."""
    send_start_of_input: bool
    """Whether to report the start of the input."""
    start_input_timers: bool
    """False holds `initial_timeout` back until the method of this name is called."""


# Recording, detecting, tapping


class RecordAudio(TypedDict, total=False):
    """How to record."""

    format: Literal["mp3", "wav", "mp4"]
    direction: Heard
    """``speak`` is what the party of the call says, ``listen`` what they hear. The server's
    default is ``speak``."""
    stereo: bool
    beep: bool
    """Whether to beep at the start; the server's default is False."""
    initial_timeout: float
    """Seconds of silence at the start that end the recording."""
    end_silence_timeout: float
    """Seconds of silence after speech that end the recording."""
    max_length: int
    """The most seconds that the recording lasts; 0 means no limit."""
    terminators: str
    """Digits that end the recording, such as ``#``; the server has a default."""
    input_sensitivity: float
    """What counts as silence, from 0 to 100; the server's default is 44."""


class MachineParams(TypedDict, total=False):
    """How to tell a person from an answering machine."""

    initial_timeout: float
    """Seconds to wait for a voice; the server's default is 4.5."""
    end_silence_timeout: float
    """Seconds of silence that end the listening; the server's default is 1."""
    machine_ready_timeout: float
    """Seconds to wait for the end of the machine's greeting."""
    machine_voice_threshold: float
    """Seconds of voice that mean a machine; the server's default is 1.25."""
    machine_words_threshold: int
    """Words that mean a machine; the server's default is 6."""
    detect_interruptions: bool
    """Whether to report more after the first result; the server's default is False."""
    detect_message_end: bool
    """Whether to report the end of the machine's greeting."""


class MachineDetector(TypedDict):
    """Tells a person from an answering machine."""

    type: Literal["machine"]
    params: NotRequired[MachineParams]


class FlatMachineDetector(MachineParams):
    """Tells a person from an answering machine."""

    type: Required[Literal["machine"]]


class FaxParams(TypedDict, total=False):
    """Which fax to listen for."""

    tone: Literal["CED", "CNG"]
    """``CED`` is the tone of a fax that is called, ``CNG`` that of one that calls."""


class FaxDetector(TypedDict):
    """Listens for a fax."""

    type: Literal["fax"]
    params: NotRequired[FaxParams]


class FlatFaxDetector(FaxParams):
    """Listens for a fax."""

    type: Required[Literal["fax"]]


class DigitParams(TypedDict, total=False):
    """Which digits to listen for."""

    digits: str
    """Such as ``123``; without it, any digit."""


class DigitDetector(TypedDict):
    """Listens for digits."""

    type: Literal["digit"]
    params: NotRequired[DigitParams]


class FlatDigitDetector(DigitParams):
    """Listens for digits."""

    type: Required[Literal["digit"]]


Detector: TypeAlias = (
    MachineDetector
    | FlatMachineDetector
    | FaxDetector
    | FlatFaxDetector
    | DigitDetector
    | FlatDigitDetector
)
"""What `detect` listens for."""


class TapParams(TypedDict, total=False):
    """Which audio is sent."""

    direction: Heard


class Tap(TypedDict):
    """What `tap` sends."""

    type: Literal["audio"]
    params: NotRequired[TapParams]


class FlatTap(TapParams):
    """What `tap` sends."""

    type: Required[Literal["audio"]]


class RTPParams(TypedDict, total=False):
    """An RTP receiver."""

    addr: Required[str]
    """An IPv4 address that can be reached from the internet."""
    port: Required[int]
    codec: str
    """Such as ``PCMU``."""
    ptime: int
    """Milliseconds of audio in each packet."""


class RTP(TypedDict):
    """A device of `tap`: an RTP receiver."""

    type: Literal["rtp"]
    params: RTPParams


class FlatRTP(RTPParams):
    """A device of `tap`: an RTP receiver."""

    type: Required[Literal["rtp"]]


class WebSocketParams(TypedDict, total=False):
    """A WebSocket server."""

    uri: Required[str]
    """A ``wss://`` URI."""
    codec: str
    """Such as ``PCMU``."""
    rate: int
    """Samples in each second."""


class WebSocket(TypedDict):
    """A device of `tap`: a WebSocket server."""

    type: Literal["ws"]
    params: WebSocketParams


class FlatWebSocket(WebSocketParams):
    """A device of `tap`: a WebSocket server."""

    type: Required[Literal["ws"]]


TapDevice: TypeAlias = RTP | FlatRTP | WebSocket | FlatWebSocket
"""Where `tap` sends its audio."""


# Others


class Summarize(TypedDict, total=False):
    """A summary of what was said."""

    webhook: str
    """The URL that gets the summary."""
    prompt: str
    """What the summary is to be like."""


class StartTranscribe(TypedDict, total=False):
    """How to transcribe what is said."""

    lang: Required[str]
    """A tag such as ``en-US``."""
    direction: Sequence[Literal["local-caller", "remote-caller"]]
    webhook: str
    """The URL that gets the text."""
    live_events: bool
    ai_summary: bool
    speech_engine: str
    speech_timeout: int
    """Milliseconds."""
    vad_silence_ms: int
    """Milliseconds of silence that end a sentence."""
    vad_thresh: int


class LiveTranscribe(TypedDict, total=False):
    """What `live_transcribe` does. Exactly one of these keys."""

    start: StartTranscribe
    summarize: Summarize
    stop: Mapping[str, Any]
    """It is empty."""


class StartTranslate(TypedDict, total=False):
    """How to translate what is said."""

    from_lang: Required[str]
    """A tag such as ``en-US``."""
    to_lang: Required[str]
    """A tag such as ``es-ES``."""
    direction: Sequence[Literal["local-caller", "remote-caller"]]
    from_voice: str
    to_voice: str
    webhook: str
    """The URL that gets the text."""
    live_events: bool


class Inject(TypedDict, total=False):
    """A message that is translated and spoken."""

    message: Required[str]
    direction: str


class LiveTranslate(TypedDict, total=False):
    """What `live_translate` does. Exactly one of these keys."""

    start: StartTranslate
    inject: Inject
    summarize: Summarize
    stop: Mapping[str, Any]
    """It is empty."""


class PayParameter(TypedDict):
    """A parameter for the service that handles a payment."""

    name: str
    value: str


class Reset(TypedDict, total=False):
    """How an AI begins its conversation anew."""

    full_reset: bool
    user_prompt: str
    system_prompt: str


# Keyword arguments beside the ones of a signature. Others are sent as well, but type
# checkers report them.


class NothingMore(TypedDict, total=False):
    """Further arguments of a verb: none is known."""


class AnswerOptions(TypedDict, total=False):
    """Further arguments of `answer`."""

    max_duration: int
    """A limit for the length of the call, sent as it is."""
    codecs: Sequence[str]
    """Which codecs to offer, such as ``PCMU``."""


class StatusOptions(TypedDict, total=False):
    """Further arguments of most verbs that start an action."""

    status_url: str
    """A URL to which the server also posts the events."""


class QueueOptions(TypedDict, total=False):
    """Further arguments of `queue_enter`."""

    wait_url: str
    """The URL of an audio file that plays while the call waits, such as an MP3 or a WAV."""

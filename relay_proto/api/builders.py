"""Builders: functions that make the dicts for media, devices, input and detectors.

Each function checks its arguments, and returns a dict as it goes to the server. So a
builder may be used wherever a dict may be written. All times are in seconds.

Raises:
    TypeError, ValueError: an argument is wrong; the message names it.

Public: for applications, which import them from `relay_anyio` or `relay_sync`.

Source: docs/protocol.md, section 17.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypeVar, cast

from ..rpc.frames import JSONObject
from . import arguments as values
from . import shapes

Plan: TypeAlias = list[list[shapes.Device]]
S = TypeVar("S")

RINGTONES: Final = frozenset(
    "at au be bg bong br ca ch cl cn cy cz de dk dz ee eg es fi fr gr hu il in it jp ko lt mx my "
    "nl no nz ph pk pl pt ro rs ru sa se sg th tr tw uk us ve za".split()
)
CODECS: Final = frozenset({"PCMU", "PCMA", "OPUS", "G729", "G722", "VP8", "H264"})
SPEECH_ENGINES: Final = frozenset({"Google", "Google.V2", "Deepgram"})


# Media


def tts(
    text: str,
    *,
    language: str | None = None,
    gender: Literal["male", "female"] | None = None,
    voice: str | None = None,
) -> shapes.TTS:
    """Make a media item: a text that is spoken.

    `language` is a tag such as ``en-US``, and `gender` is ``male`` or ``female``. `voice` is
    the name of a voice of the service.
    """
    return _item(
        shapes.TTS,
        "tts",
        text=values.text("text", text),
        language=values.optional_text("language", language),
        gender=values.optional_text("gender", gender),
        voice=values.optional_text("voice", voice),
    )


def audio(url: str) -> shapes.Audio:
    """Make a media item: the audio file at `url`."""
    return _item(shapes.Audio, "audio", url=values.text("url", url))


def silence(duration: float) -> shapes.Silence:
    """Make a media item: silence for `duration` seconds."""
    return _item(shapes.Silence, "silence", duration=values.positive("duration", duration))


def ringtone(name: str, *, duration: float | None = None) -> shapes.Ringtone:
    """Make a media item: the ringtone of a country, such as ``us``.

    It lasts `duration` seconds. What 0 means is up to the server.
    """
    if values.text("name", name) not in RINGTONES:
        raise ValueError(f"name must be one of {' '.join(sorted(RINGTONES))}, not {name!r}")
    length = values.seconds("duration", duration)
    return _item(shapes.Ringtone, "ringtone", name=name, duration=length)


def playlist(*media: shapes.Media) -> list[shapes.Media]:
    """Make the list of media for `play`. They are played one after another."""
    return cast("list[shapes.Media]", values.media_items("media", media))


# Devices


def phone(
    to_number: str,
    from_number: str,
    *,
    timeout: int | None = None,
    max_duration: int | None = None,
    call_state_url: str | None = None,
    call_state_events: Sequence[str] | None = None,
    confirm: str | None = None,
) -> shapes.Phone:
    """Make a device: a telephone.

    Args:
        to_number: the number to call, in E.164 form, such as ``+15551234567``.
        from_number: the number that the called side sees, also in E.164 form.
        timeout: the most seconds that it rings.
        max_duration: the most seconds that the call lasts.
        call_state_url: a URL to which the server posts the states of this call.
        call_state_events: which states: ``created``, ``ringing``, ``answered``, ``ended``.
        confirm: an SWML script that asks the called side to accept the call.
    """
    return _item(
        shapes.Phone,
        "phone",
        to_number=values.e164("to_number", to_number),
        from_number=values.e164("from_number", from_number),
        timeout=values.whole("timeout", timeout, least=1),
        max_duration=values.whole("max_duration", max_duration, least=1),
        **_state_reports(call_state_url, call_state_events),
        confirm=values.optional_text("confirm", confirm),
    )


def sip(
    to: str,
    from_: str,
    *,
    from_name: str | None = None,
    timeout: int | None = None,
    max_duration: int | None = None,
    headers: Mapping[str, str] | None = None,
    codecs: Sequence[str] | None = None,
    webrtc_media: bool | None = None,
    username: str | None = None,
    password: str | None = None,
    call_state_url: str | None = None,
    call_state_events: Sequence[str] | None = None,
    confirm: str | None = None,
) -> shapes.SIP:
    """Make a device: a SIP address.

    Args:
        to: the address to call, such as ``sip:bob@example.com``.
        from_: the address that the called side sees; ``from`` on the wire.
        from_name: the name that the called side sees.
        timeout: the most seconds that it rings.
        max_duration: the most seconds that the call lasts.
        headers: SIP headers of your own: a dict of names and values.
        codecs: which codecs to offer: ``PCMU``, ``PCMA``, ``OPUS``, ``G729``, ``G722``,
            ``VP8``, ``H264``.
        webrtc_media: whether to use the media of WebRTC.
        username: a name, if the called side asks for one.
        password: a password, if the called side asks for one. It is masked in logs.
        call_state_url: a URL to which the server posts the states of this call.
        call_state_events: which states: ``created``, ``ringing``, ``answered``, ``ended``.
        confirm: an SWML script that asks the called side to accept the call.
    """
    return _item(
        shapes.SIP,
        "sip",
        **{"to": values.sip_uri("to", to), "from": values.sip_uri("from_", from_)},
        from_name=values.optional_text("from_name", from_name),
        timeout=values.whole("timeout", timeout, least=1),
        max_duration=values.whole("max_duration", max_duration, least=1),
        headers=_headers(headers),
        codecs=_choices("codecs", codecs, CODECS),
        webrtc_media=values.flag("webrtc_media", webrtc_media),
        username=values.optional_text("username", username),
        password=values.optional_text("password", password),
        **_state_reports(call_state_url, call_state_events),
        confirm=values.optional_text("confirm", confirm),
    )


def serial(*devices: shapes.Device | Sequence[Sequence[shapes.Device]]) -> Plan:
    """Make the `devices` of a dial that are tried one after another.

    Each argument is a device, or a group that `parallel` has made.
    """
    plan: Plan = []
    for i, device in enumerate(devices):
        if isinstance(device, Mapping):
            plan += _plan(f"devices[{i}]", [[device]])
        else:
            plan += _plan(f"devices[{i}]", device)
    if not plan:
        raise ValueError("serial() needs at least one device")
    return plan


def parallel(*devices: shapes.Device) -> Plan:
    """Make the `devices` of a dial that ring together.

    The first one that answers gets the call.
    """
    if not devices:
        raise ValueError("parallel() needs at least one device")
    return _plan("devices", [devices])


# Input


def digits(
    max: int,  # noqa: A002 - the wire's name
    *,
    terminators: str | None = None,
    digit_timeout: float | None = None,
) -> shapes.Digits:
    """Make the `digits` of `collect` and `collecting`.

    The input ends after `max` digits, after one of the `terminators` (such as ``#*``), or
    `digit_timeout` seconds after the last digit.
    """
    most = values.whole("max", max, least=1)
    if most is None:
        raise TypeError("max must be a whole number, not None")
    return _made(
        shapes.Digits,
        max=most,
        terminators=None if terminators is None else values.dtmf("terminators", terminators),
        digit_timeout=values.seconds("digit_timeout", digit_timeout),
    )


def speech(
    *,
    end_silence_timeout: float | None = None,
    speech_timeout: float | None = None,
    language: str | None = None,
    hints: Sequence[str] | None = None,
    model: str | None = None,
    engine: Literal["Google", "Google.V2", "Deepgram"] | None = None,
) -> shapes.Speech:
    """Make the `speech` of `collect` and `collecting`.

    Args:
        end_silence_timeout: seconds of silence that end the input.
        speech_timeout: the most seconds that the input may last.
        language: a tag such as ``en-US``.
        hints: words that the caller is likely to say.
        model: the name of a model of the engine.
        engine: ``Google``, ``Google.V2`` or ``Deepgram``.
    """
    if engine is not None and engine not in SPEECH_ENGINES:
        known = ", ".join(sorted(SPEECH_ENGINES))
        raise ValueError(f"engine must be one of {known}, not {engine!r}")
    return _made(
        shapes.Speech,
        end_silence_timeout=values.seconds("end_silence_timeout", end_silence_timeout),
        speech_timeout=values.seconds("speech_timeout", speech_timeout),
        language=values.optional_text("language", language),
        hints=None if hints is None else values.texts("hints", hints),
        model=values.optional_text("model", model),
        engine=engine,
    )


def collecting(
    *,
    digits: shapes.Digits | None = None,
    speech: shapes.Speech | None = None,
    initial_timeout: float | None = None,
    partial_results: bool | None = None,
    continuous: bool | None = None,
    send_start_of_input: bool | None = None,
    start_input_timers: bool | None = None,
) -> shapes.Collect:
    """Make the `collect` of `play_and_collect`: digits, speech, or both.

    With both, the first one that is complete is the result.

    Args:
        digits: see `digits`.
        speech: see `speech`.
        initial_timeout: seconds to wait for the first digit or word.
        partial_results: whether to report speech before it is final.
        continuous: whether to go on after a result, until the action is stopped.
        send_start_of_input: whether to report the start of the input.
        start_input_timers: false holds `initial_timeout` back, until the program calls
            the method `start_input_timers` of the action.

    Raises:
        ValueError: there are neither `digits` nor `speech`.
    """
    if digits is None and speech is None:
        raise ValueError("digits and speech are both missing: give at least one of them")
    return _made(
        shapes.Collect,
        digits=None if digits is None else values.json_object("digits", digits),
        speech=None if speech is None else values.json_object("speech", speech),
        initial_timeout=values.seconds("initial_timeout", initial_timeout),
        partial_results=values.flag("partial_results", partial_results),
        continuous=values.flag("continuous", continuous),
        send_start_of_input=values.flag("send_start_of_input", send_start_of_input),
        start_input_timers=values.flag("start_input_timers", start_input_timers),
    )


# Detectors


def machine_detector(
    *,
    initial_timeout: float | None = None,
    end_silence_timeout: float | None = None,
    machine_ready_timeout: float | None = None,
    machine_voice_threshold: float | None = None,
    machine_words_threshold: int | None = None,
    detect_interruptions: bool | None = None,
    detect_message_end: bool | None = None,
) -> shapes.MachineDetector:
    """Make the `detect` that tells a person from an answering machine.

    Args:
        initial_timeout: seconds to wait for a voice; the server's default is 4.5.
        end_silence_timeout: seconds of silence that end the listening; default 1.
        machine_ready_timeout: seconds to wait for the end of the machine's greeting.
        machine_voice_threshold: seconds of voice that mean a machine; default 1.25.
        machine_words_threshold: words that mean a machine; default 6.
        detect_interruptions: whether to report more after the first result.
        detect_message_end: whether to report the end of the machine's greeting.
    """
    return _item(
        shapes.MachineDetector,
        "machine",
        initial_timeout=values.seconds("initial_timeout", initial_timeout),
        end_silence_timeout=values.seconds("end_silence_timeout", end_silence_timeout),
        machine_ready_timeout=values.seconds("machine_ready_timeout", machine_ready_timeout),
        machine_voice_threshold=values.seconds("machine_voice_threshold", machine_voice_threshold),
        machine_words_threshold=values.whole(
            "machine_words_threshold", machine_words_threshold, least=1
        ),
        detect_interruptions=values.flag("detect_interruptions", detect_interruptions),
        detect_message_end=values.flag("detect_message_end", detect_message_end),
    )


def fax_detector(tone: Literal["CED", "CNG"] | None = None) -> shapes.FaxDetector:
    """Make the `detect` that listens for a fax.

    `tone` is ``CED``, the tone of a fax that is called, or ``CNG``, that of one that calls.
    """
    if tone not in (None, "CED", "CNG"):
        raise ValueError(f"tone must be 'CED' or 'CNG', not {tone!r}")
    return _item(shapes.FaxDetector, "fax", tone=tone)


def digit_detector(digits: str | None = None) -> shapes.DigitDetector:
    """Make the `detect` that listens for the digits in `digits`, or for any digit."""
    return _item(
        shapes.DigitDetector,
        "digit",
        digits=None if digits is None else values.dtmf("digits", digits),
    )


def _item(shape: type[S], kind: str, **params: object) -> S:
    return _made(shape, type=kind, params=_given(**params))


def _made(shape: type[S], **items: object) -> S:
    del shape  # for type checkers: the arguments have been checked
    return cast("S", _given(**items))


def _plan(argument: str, devices: object) -> Plan:
    return cast("Plan", values.device_plan(argument, devices))


def _given(**params: object) -> JSONObject:
    return {name: value for name, value in params.items() if value is not None}


def _headers(headers: Mapping[str, str] | None) -> list[JSONObject] | None:
    if headers is None:
        return None
    return [
        {"name": name, "value": values.text(f"headers[{name!r}]", value)}
        for name, value in values.json_object("headers", headers).items()
    ]


def _choices(
    argument: str, chosen: Sequence[str] | None, known: frozenset[str]
) -> list[str] | None:
    if chosen is None:
        return None
    for choice in values.texts(argument, chosen):
        if choice not in known:
            names = ", ".join(sorted(known))
            raise ValueError(f"each of {argument} must be one of {names}, not {choice!r}")
    return list(chosen)


def _state_reports(url: str | None, events: Sequence[str] | None) -> JSONObject:
    known = frozenset({"created", "ringing", "answered", "ended"})
    return {
        "call_state_url": values.optional_text("call_state_url", url),
        "call_state_events": _choices("call_state_events", events, known),
    }

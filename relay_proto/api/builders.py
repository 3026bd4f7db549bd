"""Builders: media, devices, input and detectors as checked values.

Each returns the dict of the wire, so it goes wherever a dict does; what can only
be wrong is refused where it is written, by the argument's name. Times are in
seconds.

Source: docs/protocol.md, section 17.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from ..rpc.frames import JSONObject
from . import arguments as values

Device: TypeAlias = JSONObject
Plan: TypeAlias = list[list[JSONObject]]

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
    gender: str | None = None,
    voice: str | None = None,
) -> JSONObject:
    """A text to be spoken. `language` is a tag like ``en-US``."""
    return _item(
        "tts",
        text=values.text("text", text),
        language=values.optional_text("language", language),
        gender=values.optional_text("gender", gender),
        voice=values.optional_text("voice", voice),
    )


def audio(url: str) -> JSONObject:
    """An audio file at a URL."""
    return _item("audio", url=values.text("url", url))


def silence(duration: float) -> JSONObject:
    """Silence, for so many seconds."""
    return _item("silence", duration=values.positive("duration", duration))


def ringtone(name: str, *, duration: float | None = None) -> JSONObject:
    """The ringtone of a country, such as ``us``."""
    if values.text("name", name) not in RINGTONES:
        raise ValueError(f"name must be one of {' '.join(sorted(RINGTONES))}, not {name!r}")
    length = None if duration is None else values.positive("duration", duration)
    return _item("ringtone", name=name, duration=length)


def playlist(*media: Mapping[str, Any]) -> list[JSONObject]:
    """Several media, one after another."""
    return values.media_items("media", media)


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
) -> Device:
    """A telephone number, in E.164 form (``+15551234567``).

    It rings for `timeout` seconds at most; the call lasts `max_duration` seconds at most.
    """
    return _item(
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
) -> Device:
    """A SIP address (``sip:bob@example.com``), called from another."""
    return _item(
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


def serial(*devices: Mapping[str, Any] | Sequence[Sequence[Mapping[str, Any]]]) -> Plan:
    """Devices, or groups made by `parallel`, tried one after another."""
    plan: Plan = []
    for i, device in enumerate(devices):
        if isinstance(device, Mapping):
            plan += values.device_plan(f"devices[{i}]", [[device]])
        else:
            plan += values.device_plan(f"devices[{i}]", device)
    if not plan:
        raise ValueError("serial() needs at least one device")
    return plan


def parallel(*devices: Mapping[str, Any]) -> Plan:
    """Devices that ring together; the first that answers has the call."""
    if not devices:
        raise ValueError("parallel() needs at least one device")
    return values.device_plan("devices", [devices])


# Input


def digits(
    max: int,  # noqa: A002 - the wire's name
    *,
    terminators: str | None = None,
    digit_timeout: float | None = None,
) -> JSONObject:
    """Digits to be collected: `max` of them, or fewer and one of `terminators`."""
    most = values.whole("max", max, least=1)
    if most is None:
        raise TypeError("max must be a whole number of digits, not None")
    return _given(
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
) -> JSONObject:
    """Speech to be recognised, in `language` (a tag like ``en-US``)."""
    if engine is not None and engine not in SPEECH_ENGINES:
        known = ", ".join(sorted(SPEECH_ENGINES))
        raise ValueError(f"engine must be one of {known}, not {engine!r}")
    return _given(
        end_silence_timeout=values.seconds("end_silence_timeout", end_silence_timeout),
        speech_timeout=values.seconds("speech_timeout", speech_timeout),
        language=values.optional_text("language", language),
        hints=None if hints is None else values.texts("hints", hints),
        model=values.optional_text("model", model),
        engine=engine,
    )


def collecting(
    *,
    digits: Mapping[str, Any] | None = None,
    speech: Mapping[str, Any] | None = None,
    initial_timeout: float | None = None,
    partial_results: bool | None = None,
    continuous: bool | None = None,
    send_start_of_input: bool | None = None,
    start_input_timers: bool | None = None,
) -> JSONObject:
    """What `play_and_collect` collects: digits, speech or whichever comes first."""
    if digits is None and speech is None:
        raise ValueError("digits and speech are both missing: at least one is needed")
    return _given(
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
) -> JSONObject:
    """Tell a person from an answering machine."""
    return _item(
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


def fax_detector(tone: str | None = None) -> JSONObject:
    """Hear a fax: ``CED`` is the tone of the called side, ``CNG`` of the calling one."""
    if tone not in (None, "CED", "CNG"):
        raise ValueError(f"tone must be 'CED' or 'CNG', not {tone!r}")
    return _item("fax", tone=tone)


def digit_detector(digits: str | None = None) -> JSONObject:
    """Hear digits: those given, or any."""
    return _item("digit", digits=None if digits is None else values.dtmf("digits", digits))


def _item(kind: str, **params: object) -> JSONObject:
    return {"type": kind, "params": _given(**params)}


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
            raise ValueError(f"{argument} must be among {', '.join(sorted(known))}, not {choice!r}")
    return list(chosen)


def _state_reports(url: str | None, events: Sequence[str] | None) -> JSONObject:
    known = frozenset({"created", "ringing", "answered", "ended"})
    return {
        "call_state_url": values.optional_text("call_state_url", url),
        "call_state_events": _choices("call_state_events", events, known),
    }

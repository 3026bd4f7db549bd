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
from . import shapes
from .arguments import device_or_plan, device_plan
from .parameters import checked

Plan: TypeAlias = list[list[shapes.Device]]
S = TypeVar("S")

NOTHING_TO_COLLECT: Final = "digits and speech are both missing: give at least one of them"


# Media


@checked
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
        text=text,
        language=language,
        gender=gender,
        voice=voice,
    )


@checked
def audio(url: str) -> shapes.Audio:
    """Make a media item: the audio file at `url`."""
    return _item(shapes.Audio, "audio", url=url)


@checked
def silence(duration: float) -> shapes.Silence:
    """Make a media item: silence for `duration` seconds."""
    return _item(shapes.Silence, "silence", duration=duration)


@checked
def ringtone(name: str, *, duration: float | None = None) -> shapes.Ringtone:
    """Make a media item: the ringtone of a country, such as ``us``.

    It lasts `duration` seconds. What 0 means is up to the server.
    """
    return _item(shapes.Ringtone, "ringtone", name=name, duration=duration)


@checked
def playlist(*media: shapes.Media) -> list[shapes.Media]:
    """Make the list of media for `play`. They are played one after another."""
    return [*media]


# Devices


@checked
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
        to_number=to_number,
        from_number=from_number,
        timeout=timeout,
        max_duration=max_duration,
        call_state_url=call_state_url,
        call_state_events=call_state_events,
        confirm=confirm,
    )


@checked
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
        **{"to": to, "from": from_},
        from_name=from_name,
        timeout=timeout,
        max_duration=max_duration,
        headers=_headers(headers),
        codecs=codecs,
        webrtc_media=webrtc_media,
        username=username,
        password=password,
        call_state_url=call_state_url,
        call_state_events=call_state_events,
        confirm=confirm,
    )


@checked
def serial(*devices: shapes.Device | Sequence[Sequence[shapes.Device]]) -> Plan:
    """Make the `devices` of a dial that are tried one after another.

    Each argument is a device, or a group that `parallel` has made.
    """
    plan: Plan = []
    for i, device in enumerate(devices):
        plan += cast("Plan", device_or_plan(f"devices[{i}]", device))
    if not plan:
        raise ValueError("serial() needs at least one device")
    return plan


@checked
def parallel(*devices: shapes.Device) -> Plan:
    """Make the `devices` of a dial that ring together.

    The first one that answers gets the call.
    """
    if not devices:
        raise ValueError("parallel() needs at least one device")
    return cast("Plan", device_plan("devices", [devices]))


# Input


@checked
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
    return _made(
        shapes.Digits,
        max=max,
        terminators=terminators,
        digit_timeout=digit_timeout,
    )


@checked
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
    return _made(
        shapes.Speech,
        end_silence_timeout=end_silence_timeout,
        speech_timeout=speech_timeout,
        language=language,
        hints=hints,
        model=model,
        engine=engine,
    )


@checked
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
        raise ValueError(NOTHING_TO_COLLECT)
    return _made(
        shapes.Collect,
        digits=digits,
        speech=speech,
        initial_timeout=initial_timeout,
        partial_results=partial_results,
        continuous=continuous,
        send_start_of_input=send_start_of_input,
        start_input_timers=start_input_timers,
    )


# Detectors


@checked
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
        initial_timeout=initial_timeout,
        end_silence_timeout=end_silence_timeout,
        machine_ready_timeout=machine_ready_timeout,
        machine_voice_threshold=machine_voice_threshold,
        machine_words_threshold=machine_words_threshold,
        detect_interruptions=detect_interruptions,
        detect_message_end=detect_message_end,
    )


@checked
def fax_detector(tone: Literal["CED", "CNG"] | None = None) -> shapes.FaxDetector:
    """Make the `detect` that listens for a fax.

    `tone` is ``CED``, the tone of a fax that is called, or ``CNG``, that of one that calls.
    """
    return _item(shapes.FaxDetector, "fax", tone=tone)


@checked
def digit_detector(digits: str | None = None) -> shapes.DigitDetector:
    """Make the `detect` that listens for the digits in `digits`, or for any digit."""
    return _item(
        shapes.DigitDetector,
        "digit",
        digits=digits,
    )


def _item(shape: type[S], kind: str, **params: object) -> S:
    return _made(shape, type=kind, params=_given(**params))


def _made(shape: type[S], **items: object) -> S:
    del shape  # for type checkers: the arguments have been checked
    return cast("S", _given(**items))


def _given(**params: object) -> JSONObject:
    return {name: value for name, value in params.items() if value is not None}


def _headers(headers: Mapping[str, str] | None) -> list[JSONObject] | None:
    if headers is None:
        return None
    return [{"name": name, "value": value} for name, value in headers.items()]

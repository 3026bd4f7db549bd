"""Forms: the check of each key of the dicts that go to the server.

A wrong value of a known key is refused. An unknown key, or an unknown type, passes with
a warning, because the server may know it.

Source: docs/protocol.md, section 17.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ..rpc.frames import JSONObject
from ..values.checks import (
    Table,
    any_text,
    anything,
    each,
    flag,
    json_object,
    known,
    number,
    one_of,
    positive,
    seconds,
    text,
    texts,
    warn_unknown,
    whole,
)

DTMF: Final = frozenset("0123456789*#ABCDabcd")
PAUSES: Final = frozenset("wW")
RINGTONES: Final = frozenset(
    "at au be bg bong br ca ch cl cn cy cz de dk dz ee eg es fi fr gr hu il in it jp ko lt mx my "
    "nl no nz ph pk pl pt ro rs ru sa se sg th tr tw uk us ve za".split()
)
CODECS: Final = frozenset({"PCMU", "PCMA", "OPUS", "G729", "G722", "VP8", "H264"})
SPEECH_ENGINES: Final = frozenset({"Google", "Google.V2", "Deepgram"})
DIRECTIONS: Final = frozenset({"listen", "speak", "both"})
HTTP_METHODS: Final = frozenset({"GET", "POST"})
REPORTED_STATES: Final = frozenset({"created", "ringing", "answered", "ended"})
PHONE_RENAMES: Final[Mapping[str, str]] = {"to": "to_number", "from": "from_number"}


class Shape(NamedTuple):
    """The keys of a dict: the check of each, and those that must be there."""

    keys: Table
    required: tuple[str, ...] = ()


def check_shape(argument: str, item: JSONObject, shape: Shape) -> None:
    """Check the keys and values of a dict. None is left to the server.

    Raises:
        TypeError, ValueError: a value is wrong, or a key is missing.
    """
    for key in shape.required:
        if item.get(key) is None:
            raise ValueError(f"{argument} must have {key!r}; it has only the keys {sorted(item)}")
    for key, value in item.items():
        check = shape.keys.get(key)
        if check is None:
            warn_unknown(argument, "key", key, shape.keys)
        elif value is not None:
            check(f"{argument}[{key!r}]", value)


def shaped(argument: str, value: object, shape: Shape) -> JSONObject:
    """Return a copy of a dict whose keys and values have been checked."""
    item = json_object(argument, value)
    check_shape(argument, item, shape)
    return item


def digits(argument: str, value: object) -> str:
    """Check digits that a caller can press: ``0-9 * # A-D``, or none."""
    return pressed(argument, value, DTMF, "0-9 * # A-D")


def pressed(argument: str, value: object, allowed: frozenset[str], known_as: str) -> str:
    """Check a text of digits."""
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be a str of DTMF digits, like '123#', not {value!r}")
    for digit in value:
        if digit not in allowed:
            raise ValueError(f"{argument} must be DTMF digits ({known_as}), not {digit!r}")
    return value


def _header(argument: str, value: object) -> JSONObject:
    return shaped(argument, value, Shape({"name": text, "value": any_text}, ("name",)))


gender: Final = known({"male", "female"})
ringtone: Final = known(RINGTONES)
codecs: Final = each(known(CODECS))
engine: Final = known(SPEECH_ENGINES)
tone: Final = known({"CED", "CNG"})
reported_states: Final = each(one_of(REPORTED_STATES))
direction: Final = one_of(DIRECTIONS)
http_method: Final = one_of(HTTP_METHODS)

MEDIA: Final[Mapping[str, Shape]] = {
    "tts": Shape(
        {"text": text, "language": any_text, "gender": gender, "voice": any_text}, ("text",)
    ),
    "audio": Shape({"url": text}, ("url",)),
    "silence": Shape({"duration": positive}, ("duration",)),
    "ringtone": Shape({"name": ringtone, "duration": seconds}, ("name",)),
}

_LEG: Final[Table] = {"timeout": number(0), "max_duration": number(0), "confirm": any_text}
_REPORTS: Final[Table] = {"call_state_url": any_text, "call_state_events": reported_states}
STREAM: Final = Shape(
    {
        "url": text,
        "name": any_text,
        "codec": any_text,
        "track": any_text,
        "status_url": any_text,
        "status_url_method": http_method,
        "realtime": flag,
        "authorization_bearer_token": any_text,
        "custom_parameters": json_object,
    },
    ("url",),
)
DEVICES: Final[Mapping[str, Shape]] = {
    "phone": Shape(
        {"to_number": text, "from_number": text, **_LEG, **_REPORTS}, ("to_number", "from_number")
    ),
    "sip": Shape(
        {
            "to": text,
            "from": text,
            "from_name": any_text,
            "headers": each(_header),
            "codecs": codecs,
            "webrtc_media": flag,
            "username": any_text,
            "password": any_text,
            **_LEG,
            **_REPORTS,
        },
        ("to", "from"),
    ),
    "webrtc": Shape(
        {"to": text, "from": text, "timeout": number(0), "codecs": codecs}, ("to", "from")
    ),
    "agora": Shape(
        {"to": text, "from": text, "appid": text, "channel": text}, ("from", "appid", "channel")
    ),
    "call": Shape({"node_id": text, "call_id": text}),
    "queue": Shape({"node_id": text, "queue_name": text, "queue_id": text}),
    "stream": STREAM,
}

DIGITS: Final = Shape({"max": whole(1), "terminators": digits, "digit_timeout": seconds}, ("max",))
SPEECH: Final = Shape(
    {
        "end_silence_timeout": seconds,
        "speech_timeout": seconds,
        "language": any_text,
        "hints": texts,
        "model": any_text,
        "engine": engine,
    }
)


def digits_object(argument: str, value: object) -> JSONObject:
    """Check the `digits` of a collection."""
    return shaped(argument, value, DIGITS)


def speech_object(argument: str, value: object) -> JSONObject:
    """Check the `speech` of a collection."""
    return shaped(argument, value, SPEECH)


COLLECT: Final = Shape(
    {
        "digits": digits_object,
        "speech": speech_object,
        "initial_timeout": seconds,
        "partial_results": flag,
        "continuous": flag,
        "send_start_of_input": flag,
        "start_input_timers": flag,
    }
)
AUDIO: Final = Shape(
    {
        "beep": flag,
        "format": known({"mp3", "wav", "mp4"}),
        "stereo": flag,
        "direction": direction,
        "initial_timeout": seconds,
        "end_silence_timeout": seconds,
        "max_length": number(0),
        "terminators": digits,
        "input_sensitivity": number(0, 100),
    }
)
DETECTORS: Final[Mapping[str, Shape]] = {
    "machine": Shape(
        {
            "initial_timeout": seconds,
            "end_silence_timeout": seconds,
            "machine_ready_timeout": seconds,
            "machine_voice_threshold": seconds,
            "machine_words_threshold": whole(1),
            "detect_interruptions": flag,
            "detect_message_end": flag,
        }
    ),
    "fax": Shape({"tone": tone}),
    "digit": Shape({"digits": digits}),
}
TAPS: Final[Mapping[str, Shape]] = {"audio": Shape({"direction": direction})}
TAP_DEVICES: Final[Mapping[str, Shape]] = {
    "rtp": Shape(
        {"addr": text, "port": whole(1, 65535), "codec": any_text, "ptime": whole(1)},
        ("addr", "port"),
    ),
    "ws": Shape({"uri": text, "codec": any_text, "rate": whole(1)}, ("uri",)),
}
REFER_DEVICES: Final[Mapping[str, Shape]] = {
    "sip": Shape(
        {
            "to": text,
            "uri": text,
            "from": any_text,
            "username": any_text,
            "password": any_text,
        },
        ("to",),
    ),
}
LIVE: Final = Shape(
    {
        "start": json_object,
        "summarize": json_object,
        "inject": json_object,
        "stop": json_object,
        "action": anything,
    }
)
"""With ``action``, as some documentation writes it, the other keys are beside it."""

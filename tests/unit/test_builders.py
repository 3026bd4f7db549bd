"""Builders: what they make is what the specification describes; mistakes are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from relay_proto.api import builders, commands
from relay_proto.api.builders import (
    audio,
    collecting,
    digit_detector,
    digits,
    fax_detector,
    machine_detector,
    parallel,
    phone,
    playlist,
    ringtone,
    serial,
    silence,
    sip,
    speech,
    tts,
)
from relay_proto.api.forms import CODECS, RINGTONES, SPEECH_ENGINES
from relay_proto.errors import UnknownNameWarning
from tests.spec import SPEC

SHAPES: Final = SPEC["shapes"]
TO: Final = "+15550003333"
FROM: Final = "+15550001111"
BOB: Final = "sip:bob@example.com"
ANN: Final = "sip:ann@example.com"

WHOLE: Final[dict[tuple[str, str], Any]] = {
    ("media", "tts"): tts("Hello", language="en-US", gender="female", voice="polly.Joanna"),
    ("media", "audio"): audio("https://example.com/a.mp3"),
    ("media", "silence"): silence(2),
    ("media", "ringtone"): ringtone("us", duration=4.5),
    ("devices", "phone"): phone(
        TO,
        FROM,
        timeout=30,
        max_duration=600,
        call_state_url="https://example.com/state",
        call_state_events=["answered", "ended"],
        confirm="<swml>",
    ),
    ("devices", "sip"): sip(
        BOB,
        ANN,
        from_name="Ann",
        timeout=30,
        max_duration=600,
        headers={"X-Shop": "1"},
        codecs=["OPUS"],
        webrtc_media=True,
        username="ann",
        password="secret",
        call_state_url="https://example.com/state",
        call_state_events=["ended"],
        confirm="<swml>",
    ),
    ("detect", "machine"): machine_detector(
        initial_timeout=4.5,
        end_silence_timeout=1,
        machine_ready_timeout=3,
        machine_voice_threshold=1.25,
        machine_words_threshold=6,
        detect_interruptions=False,
        detect_message_end=True,
    ),
    ("detect", "fax"): fax_detector("CED"),
    ("detect", "digit"): digit_detector("12#"),
}
"""Each with all that it can say, by its place in the specification's shapes."""


@pytest.mark.parametrize(("kind", "name"), WHOLE)
def test_a_builder_makes_the_whole_shape(kind: str, name: str) -> None:
    made = WHOLE[kind, name]
    assert made["type"] == SHAPES[kind][name]["type"]
    assert made["params"].keys() == SHAPES[kind][name]["params"].keys()


@pytest.mark.parametrize(
    ("made", "params"),
    [
        (tts("Hello"), {"text": "Hello"}),
        (audio("a.mp3"), {"url": "a.mp3"}),
        (silence(0.5), {"duration": 0.5}),
        (ringtone("us", duration=0), {"name": "us", "duration": 0}),
        (ringtone("us"), {"name": "us"}),
        (phone(TO, FROM), {"to_number": TO, "from_number": FROM}),
        (sip(BOB, ANN), {"to": BOB, "from": ANN}),
        (
            sip(BOB, ANN, headers={"X-A": "1", "X-B": "2"}, codecs=[]),
            {
                "to": BOB,
                "from": ANN,
                "headers": [{"name": "X-A", "value": "1"}, {"name": "X-B", "value": "2"}],
                "codecs": [],
            },
        ),
        (machine_detector(), {}),
        (fax_detector(), {}),
        (digit_detector(), {}),
        (digit_detector("1"), {"digits": "1"}),
        (digit_detector(""), {"digits": ""}),
        (fax_detector("CNG"), {"tone": "CNG"}),
    ],
)
def test_what_is_not_given_is_absent(made: dict[str, Any], params: dict[str, Any]) -> None:
    assert made["params"] == params


def test_what_is_collected_has_the_shape_of_the_specification() -> None:
    shape = SHAPES["collect"]
    entered = digits(4, terminators="#*", digit_timeout=5)
    said = speech(
        end_silence_timeout=1,
        speech_timeout=60,
        language="en-US",
        hints=["sales"],
        model="phone_call",
        engine="Deepgram",
    )
    whole = collecting(
        digits=entered,
        speech=said,
        initial_timeout=4,
        partial_results=True,
        continuous=False,
        send_start_of_input=True,
        start_input_timers=False,
    )
    assert entered.keys() == shape["digits"].keys()
    assert said.keys() == shape["speech"].keys()
    assert whole.keys() == shape.keys()
    assert digits(1) == {"max": 1}
    assert digits(1, terminators="") == {"max": 1, "terminators": ""}
    assert speech() == {}
    assert collecting(digits=digits(1)) == {"digits": {"max": 1}}
    assert collecting(speech=speech()) == {"speech": {}}


def test_the_known_values_are_those_of_the_specification() -> None:
    assert sorted(RINGTONES) == sorted(SHAPES["media"]["ringtone_names"])
    assert all(codec in SHAPES["devices"]["sip"]["params"]["codecs"] for codec in CODECS)
    assert set(SHAPES["collect"]["speech"]["engine"].split(" | ")) == SPEECH_ENGINES


def test_a_playlist_is_a_list_of_media() -> None:
    items = playlist(tts("Hello"), {"type": "silence", "duration": 1}, ringtone("us"))
    assert items == [tts("Hello"), silence(1), ringtone("us")]
    assert commands.play(items).params["play"] == items
    assert playlist() == []


def test_devices_are_nested_as_they_are_to_ring() -> None:
    first, second, third = phone(TO, FROM), sip(BOB, ANN), phone(FROM, TO)
    assert serial(first, second) == [[first], [second]]
    assert parallel(first, second) == [[first, second]]
    assert serial(first, parallel(second, third)) == [[first], [second, third]]
    assert serial(parallel(first, second), third) == [[first, second], [third]]
    assert serial({"type": "phone", "to": TO, "from": FROM}) == [[first]]
    assert commands.dial(serial(first, second)).params["devices"] == [[first], [second]]
    assert commands.connect(parallel(first)).params["devices"] == [[first]]


unchecked: Any = builders
"""What type checkers would refuse must be refused without them, too."""


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: unchecked.tts(""), ValueError, "text must not be empty"),
        (lambda: unchecked.tts(7), TypeError, "text must be a str, not 7"),
        (lambda: unchecked.tts("Hello", voice=""), ValueError, "voice must not be empty"),
        (lambda: unchecked.audio(None), TypeError, "url must be a str, not None"),
        (
            lambda: unchecked.silence(0),
            ValueError,
            "duration must be more than 0 s, not 0",
        ),
        (
            lambda: unchecked.silence(-1),
            ValueError,
            "duration must be 0 s or more, and finite, not -1",
        ),
        (
            lambda: unchecked.silence(None),
            ValueError,
            "duration must be more than 0 s",
        ),
        (
            lambda: unchecked.silence("1"),
            TypeError,
            "duration must be a number of seconds, not '1'",
        ),
        (
            lambda: unchecked.ringtone("usa"),
            UnknownNameWarning,
            "name: unknown value 'usa' .did you mean us?",
        ),
        (
            lambda: unchecked.ringtone("us", duration=-1),
            ValueError,
            "duration must be 0 s or more, and finite, not -1",
        ),
        (lambda: unchecked.playlist("Hello"), TypeError, r"media\[0\] must be a dict, not str"),
        (lambda: unchecked.playlist({"text": "Hi"}), ValueError, r"media\[0\] must have a 'type'"),
        (
            lambda: unchecked.phone("5551234567", FROM),
            ValueError,
            "to_number must be in E.164 form",
        ),
        (lambda: unchecked.phone("+1", FROM), ValueError, "to_number must be in E.164 form"),
        (lambda: unchecked.phone("+1555٣", FROM), ValueError, "to_number must be in E.164 form"),
        (
            lambda: unchecked.phone("+1" + "5" * 15, FROM),
            ValueError,
            "to_number must be in E.164 form",
        ),
        (
            lambda: unchecked.phone(TO, "ann"),
            ValueError,
            "from_number must be in E.164 form.*not 'ann'",
        ),
        (lambda: unchecked.phone(TO, 1555), TypeError, "from_number must be a str, not 1555"),
        (
            lambda: unchecked.phone(TO, FROM, timeout=0),
            ValueError,
            "timeout must be at least 1, not 0",
        ),
        (
            lambda: unchecked.phone(TO, FROM, timeout=2.5),
            TypeError,
            "timeout must be a whole number",
        ),
        (
            lambda: unchecked.phone(TO, FROM, timeout=True),
            TypeError,
            "timeout must be a whole number",
        ),
        (
            lambda: unchecked.phone(TO, FROM, call_state_events=["rang"]),
            ValueError,
            r"call_state_events\[0\] must be one of 'answered', .*, 'ringing', not 'rang'",
        ),
        (
            lambda: unchecked.phone(TO, FROM, call_state_events="ended"),
            TypeError,
            "call_state_events must be a list, not 'ended'",
        ),
        (lambda: unchecked.sip("bob@example.com", ANN), ValueError, "to must be a SIP URI, like"),
        (lambda: unchecked.sip(BOB, "ann"), ValueError, "from_ must be a SIP URI, like.*not 'ann'"),
        (
            lambda: unchecked.sip(BOB, ANN, codecs=["MP3"]),
            UnknownNameWarning,
            r"codecs\[0\]: unknown value 'MP3'",
        ),
        (
            lambda: unchecked.sip(BOB, ANN, webrtc_media=1),
            TypeError,
            "webrtc_media must be True or False",
        ),
        (
            lambda: unchecked.sip(BOB, ANN, headers={"X": 1}),
            TypeError,
            r"headers\['X'\] must be a str",
        ),
        (
            lambda: unchecked.sip(BOB, ANN, headers=[]),
            TypeError,
            "headers must be a dict, not list",
        ),
        (
            lambda: unchecked.sip(BOB, ANN, headers={1: "x"}),
            TypeError,
            "headers must be a dict with str keys",
        ),
        (serial, ValueError, "serial.. needs at least one"),
        (parallel, ValueError, "parallel.. needs at least one"),
        (lambda: unchecked.serial([]), ValueError, r"devices\[0\] is empty"),
        (
            lambda: unchecked.serial([phone(TO, FROM)]),
            ValueError,
            r"devices\[0\]\[0\] is a device, but",
        ),
        (
            lambda: unchecked.serial(7),
            TypeError,
            r"devices\[0\] must be a list of lists of devices",
        ),
        (
            lambda: unchecked.parallel([phone(TO, FROM)]),
            TypeError,
            r"devices\[0\]\[0\] must be a dict",
        ),
        (lambda: unchecked.digits(0), ValueError, "max must be at least 1, not 0"),
        (
            lambda: unchecked.digits(None),
            TypeError,
            "max must be a whole number, not None",
        ),
        (
            lambda: unchecked.digits(1, terminators="x"),
            ValueError,
            "terminators must be DTMF digits",
        ),
        (
            lambda: unchecked.digits(1, digit_timeout=-1),
            ValueError,
            "digit_timeout must be 0 s or more",
        ),
        (
            lambda: unchecked.speech(engine="Whisper"),
            UnknownNameWarning,
            "engine: unknown value 'Whisper'",
        ),
        (lambda: unchecked.speech(hints="sales"), TypeError, "hints must be a list of str"),
        (collecting, ValueError, "digits and speech are both missing"),
        (lambda: unchecked.collecting(digits=1), TypeError, "digits must be a dict, not int"),
        (
            lambda: unchecked.collecting(speech={}, continuous="yes"),
            TypeError,
            "continuous must be True or False, not 'yes'",
        ),
        (
            lambda: unchecked.machine_detector(machine_words_threshold=0),
            ValueError,
            "machine_words_threshold must be at least 1, not 0",
        ),
        (
            lambda: unchecked.fax_detector("ced"),
            UnknownNameWarning,
            "tone: unknown value 'ced'",
        ),
        (lambda: unchecked.digit_detector("e"), ValueError, "digits must be DTMF digits"),
        (lambda: unchecked.digit_detector("1w"), ValueError, "digits must be DTMF digits"),
        (
            lambda: unchecked.digits(1, terminators="w"),
            ValueError,
            "terminators must be DTMF digits .0-9 . # A-D., not 'w'",
        ),
    ],
)
def test_a_mistake_is_named_where_it_is_written(
    make: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}"):
        make()

"""Checks: whoever gives a wrong value is told at once, and what may be right passes."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import relay_anyio
import relay_sync
from relay_proto.api import builders, commands
from relay_proto.api.parameters import OWN, PARAMETERS, checked
from relay_proto.config import Secret
from relay_proto.errors import UnknownNameWarning
from relay_proto.values.checks import any_text, credential, like, number, shown, whole
from relay_proto.values.hosts import whole_host

unchecked: Any = commands
TTS = [{"type": "tts", "params": {"text": "Hello"}}]

FUNCTIONS: list[Callable[..., Any]] = [
    function
    for module in (commands, builders)
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__ and not name.startswith("_")
]
HANDLES = [
    getattr(package, name)
    for package in (relay_anyio, relay_sync)
    for name in ("RelayClient", "Call", "Message", "PlayAction", "CollectAction", "FaxAction")
]
DELEGATE = frozenset({"execute", "receive", "unreceive"})
"""Methods that hand their arguments to a checked command, or that take a command."""
TAKES_ALL = frozenset({("amazon_bedrock", "prompt"), ("user_event", "event")})


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_every_command_and_builder_is_checked(function: Callable[..., Any]) -> None:
    assert hasattr(function, "__wrapped__")


@pytest.mark.parametrize("handle", HANDLES, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_method_with_arguments_is_checked(handle: type) -> None:
    for name, method in inspect.getmembers(handle, inspect.isfunction):
        if (name.startswith("_") and name != "__init__") or name in DELEGATE:
            continue
        if len(inspect.signature(method).parameters) > 1 and not hasattr(method, "__signature__"):
            assert hasattr(method, "__wrapped__"), name


def test_a_parameter_without_a_check_cannot_be_declared() -> None:
    def verb(novelty: int) -> None: ...

    with pytest.raises(LookupError, match=r"verb\(\) has no check for novelty"):
        checked(verb)


class Odd:
    """No argument is one of these."""


@pytest.mark.parametrize(
    ("function", "parameter"),
    [
        pytest.param(function, parameter, id=f"{function.__name__}-{parameter.name}")
        for function in FUNCTIONS
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
        and (function.__name__, parameter.name) not in TAKES_ALL
    ],
)
@pytest.mark.parametrize("wrong", [Odd(), math.nan, ["\ud800"]], ids=["object", "nan", "list"])
def test_a_wrong_value_is_refused_by_the_name_of_its_parameter(
    function: Callable[..., Any], parameter: inspect.Parameter, wrong: object
) -> None:
    table = {**PARAMETERS, **OWN.get(function.__name__, {})}
    with pytest.raises((TypeError, ValueError), match=rf"^(each of )?{parameter.name}\b"):
        table[parameter.name](parameter.name, wrong)
    required = {
        one.name: _right(function.__name__, one.name)
        for one in inspect.signature(function).parameters.values()
        if one.default is one.empty and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    }
    with pytest.raises((TypeError, ValueError), match=rf"^(each of )?{parameter.name}\b"):
        function(**{**required, parameter.name: wrong})


def _right(function: str, parameter: str) -> object:
    values: dict[str, object] = {
        "media": TTS,
        "collect": {"speech": {}},
        "detect": {"type": "machine"},
        "device": {"type": "sip", "to": "sip:b@example.com"},
        "digits": "1",
        "devices": [[builders.phone("+15550001111", "+15550002222")]],
        "to": "sip:b@example.com",
        "from_": "sip:a@example.com",
        "duration": 1,
        "max": 1,
        "params": {},
        "tap": {"type": "audio"},
    }
    if function == "tap" and parameter == "device":
        return {"type": "ws", "uri": "wss://example.com"}
    if parameter.endswith("_number"):
        return "+15550001111"
    return values.get(parameter, "us" if parameter == "name" else "stop")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: unchecked.hangup("bye"), "reason must be one of .*'hangup'.* not 'bye'"),
        (lambda: unchecked.hangup(None), "reason must be one of .* not None"),
        (lambda: unchecked.play(TTS, loop="3"), "loop must be a whole number, not '3'"),
        (lambda: unchecked.play(TTS, loop=True), "loop must be a whole number, not True"),
        (
            lambda: unchecked.prompt_tts("x", builders.digits(1)),
            r"collect must have 'digits' or 'speech', like .*only the keys \['max'\]",
        ),
        (
            lambda: unchecked.play_and_collect(TTS, {"digits": {"max": "4"}}),
            r"collect\['digits'\]\['max'\] must be a whole number, not '4'",
        ),
        (
            lambda: unchecked.play([{"type": "tts", "text": 5}]),
            r"media\[0\]\['text'\] must be a str, not 5",
        ),
        (
            lambda: unchecked.stream("wss://x", authorization_bearer_token=12345),
            "authorization_bearer_token must be a str, not an int$",
        ),
        (lambda: unchecked.execute("m", {}, timeout=-1), "timeout must be 0 s or more"),
        (
            lambda: unchecked.transfer("half \ud83d"),
            "dest must be valid Unicode, but contains '.ud83d', half of a character",
        ),
        (lambda: unchecked.user_event(event="e", call_id="c"), "call_id cannot be given"),
        (lambda: unchecked.play(TTS, volume=10**5000), "volume must be .*, not a very large"),
        (
            lambda: unchecked.tap({"type": "audio"}, {"type": "rtp", "addr": "a", "port": 70000}),
            r"device\['port'\] must be from 1 to 65535",
        ),
        (lambda: unchecked.join_conference("k", beep=True), "beep must be one of .* not True"),
    ],
)
def test_what_is_certainly_wrong_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: unchecked.play(TTS, volum=3).params["volum"],
            r"play\(\): unknown parameter 'volum' \(did you mean volume\?\); it is sent as it is",
        ),
        (
            lambda: unchecked.record(beep=True).params["beep"],
            r"record\(\): unknown parameter 'beep' \(did you mean audio\['beep'\]\?\)",
        ),
        (
            lambda: unchecked.record({"beeep": True}).params["record"]["audio"]["beeep"],
            r"audio: unknown key 'beeep' \(did you mean beep\?\)",
        ),
        (
            lambda: unchecked.play([{"type": "tts", "params": {"text": "x", "lang": "de"}}]),
            r"media\[0\]\['params'\]: unknown key 'lang'",
        ),
        (
            lambda: unchecked.play([{"type": "ttts", "text": "x"}]),
            r"media\[0\]: unknown type 'ttts' \(did you mean tts\?\)",
        ),
        (lambda: unchecked.answer(codecs=["AMR"]), r"codecs\[0\]: unknown value 'AMR'"),
        (lambda: unchecked.live_translate("halt"), "action: unknown value 'halt'"),
    ],
)
def test_what_the_server_may_know_passes_with_a_warning(
    call: Callable[[], object], message: str
) -> None:
    with pytest.warns(UnknownNameWarning, match=f"^{message}") as caught:
        assert call()
    assert caught[0].filename == __file__


def test_a_warning_comes_once_for_a_line_and_may_be_made_an_error() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            unchecked.play(TTS, volum=3)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            with pytest.raises(UnknownNameWarning):
                unchecked.play(TTS, volum=3)


def test_the_memory_of_warnings_is_bounded() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for number_of in range(1001):
            unchecked.play(TTS, **{f"novelty{number_of}": 1})
        unchecked.play(TTS, novelty0=1)
    assert len(caught) == 1002  # the first one was forgotten


def test_what_is_known_beside_the_signature_passes_without_a_warning() -> None:
    assert commands.play([], status_url="u").params["status_url"] == "u"
    assert commands.user_event(event="e", anything=1).params["anything"] == 1
    assert unchecked.live_transcribe({"action": "start", "lang": "en"}).params["action"]
    assert commands.transfer({"version": "1.0"}).params["dest"] == {"version": "1.0"}
    assert unchecked.play(TTS, status_url=None).params["status_url"] is None


def test_none_in_a_dict_is_left_to_the_server() -> None:
    item = {"type": "tts", "params": {"text": "x", "voice": None}}
    assert unchecked.play([item]).params["play"] == [item]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: unchecked.detect({"type": "digit", "digits": 5}), "must be a str of DTMF digits"),
        (lambda: PARAMETERS["also_to"]("also_to", 5), "also_to must be a list of str, not 5"),
        (lambda: PARAMETERS["also_to"]("also_to", ["fax"]), "also_to must be one of 'human'"),
        (lambda: PARAMETERS["backend"]("backend", "curio"), "backend must be one of 'asyncio'"),
    ],
)
def test_the_rest_is_refused_too(call: Callable[[], object], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_too_many_arguments_are_refused_as_ever() -> None:
    with pytest.raises(TypeError, match=r"hangup\(\) takes from 0 to 1 positional"):
        unchecked.hangup("busy", "cancel")
    with pytest.raises(TypeError, match="unexpected keyword"):
        unchecked.hangup(reson="busy")


def test_numbers_have_a_range() -> None:
    assert number(0)("n", 2.5) == 2.5
    with pytest.raises(ValueError, match=r"^n must be 0 or more, and finite, not nan"):
        number(0)("n", math.nan)
    with pytest.raises(ValueError, match=r"^n must be from 0 to 100, and finite, not 101"):
        number(0, 100)("n", 101)
    with pytest.raises(TypeError, match=r"^n must be a number, not '1'"):
        number(0)("n", "1")
    with pytest.raises(ValueError, match=r"^n must be from 1 to 5, not 6"):
        whole(1, 5)("n", 6)
    with pytest.raises(TypeError, match=r"^client must be a RelayClient, not an Odd"):
        like("RelayClient", "_routes")("client", Odd())
    assert shown("password", "hush") == "a str"
    assert any_text("body", "déjà") == "déjà"


@pytest.mark.parametrize("text", ["PT-1\n", " PT-1", "PT-1\r\n"])
def test_white_space_around_a_credential_goes(text: str) -> None:
    assert credential("token", text) == "PT-1"


@pytest.mark.parametrize("text", ["PT\n1", "PT\x001", "PT\u200b1", "PT\ud8001"])
def test_other_characters_in_a_credential_are_named_without_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^SIGNALWIRE_API_TOKEN must not contain .* U\+") as error:
        credential("SIGNALWIRE_API_TOKEN", text)
    assert "PT" not in str(error.value)
    assert Secret(text)


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("myspace", "myspace.signalwire.com"),
        ("myspace.signalwire.com.", "myspace.signalwire.com"),
        (" myspace.signalwire.com\n", "myspace.signalwire.com"),
        ("localhost", "localhost"),
        ("sim:8443", "sim:8443"),
        ("a.test.:8443", "a.test:8443"),
        ("[::1]:8443", "[::1]:8443"),
    ],
)
def test_a_host_is_completed(given: str, host: str) -> None:
    assert whole_host("host", given) == host


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("https://myspace.signalwire.com", "write 'myspace.signalwire.com'$"),
        ("https://myspace.signalwire.com:443/api?x#y", "write 'myspace.signalwire.com:443'$"),
        ("myspace.signalwire.com/", "write 'myspace.signalwire.com'$"),
        ("user:hush@space.test", "write 'space.test'$"),
        ("two words", "it contains ' '$"),
        ("https://two words/", "it contains ' '$"),
        ("a..b", "a part between dots"),
        ("x\ud800", "must be valid Unicode"),
    ],
)
def test_what_is_no_host_is_explained(given: str, advice: str) -> None:
    with pytest.raises(ValueError, match=f"^SIGNALWIRE_SPACE .*{advice}") as error:
        whole_host("SIGNALWIRE_SPACE", given)
    assert "hush" not in str(error.value)

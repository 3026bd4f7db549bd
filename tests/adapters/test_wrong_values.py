"""Wrong values: a client refuses them before anything is sent, on every runtime."""

from __future__ import annotations

import logging
import math
import types
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any
from unittest.mock import MagicMock

import pytest

import relay_anyio
import relay_sync
from relay_anyio import AuthenticationError, PlayAction, RelayClient, UnknownNameWarning
from tests.adapters.support import PROJECT, TOKEN, World, answered_call

pytestmark = pytest.mark.anyio

TTS = [{"type": "tts", "params": {"text": "Hello"}}]


@pytest.mark.parametrize(
    ("verb", "args", "kwargs", "message"),
    [
        ("hangup", ("bye",), {}, "reason must be one of .* not 'bye'"),
        ("play", (TTS,), {"loop": "3"}, "loop must be a whole number, not '3'"),
        ("play", (TTS,), {"volume": math.nan}, "volume must be from -40 to 40 dB, and finite"),
        ("prompt_tts", ("x", {"max": 1}), {}, "collect must have 'digits' or 'speech'"),
        (
            "wait_for",
            ("calling.call.play",),
            {"timeout": math.nan},
            "timeout must be 0 s or more, and finite",
        ),
        ("wait_for", ("calling.call.play", 5), {}, "predicate must be a function, not 5"),
        ("wait_for_ended", ("soon",), {}, "timeout must be a number of seconds, not 'soon'"),
        ("send_digits", (5,), {}, "digits must be a str of DTMF digits"),
    ],
)
async def test_a_call_refuses_it_before_anything_is_sent(
    world: World, verb: str, args: tuple[Any, ...], kwargs: dict[str, Any], message: str
) -> None:
    async with answered_call(world, world.client()) as call:
        with pytest.raises((TypeError, ValueError), match=f"^{message}"):
            await getattr(call, verb)(*args, **kwargs)
        assert call.state == "answered"


async def test_wrong_objects_are_refused(world: World) -> None:
    async with answered_call(world, world.client()) as call:
        unchecked: Any = call
        with pytest.raises(TypeError, match=r"^call must be a Call, not a"):
            PlayAction(unchecked.client, "ctl-1")
        with pytest.raises(TypeError, match=r"^handler must be a function, not 5"):
            unchecked.on("calling.call.play", 5)
        with pytest.warns(UnknownNameWarning, match=r"plays.*did you mean calling\.call\.play\?"):
            unchecked.on("calling.call.plays", print)


@pytest.mark.parametrize("kind", [relay_anyio.Call, relay_sync.Call])
def test_a_call_is_of_a_client(kind: Any) -> None:
    with pytest.raises(TypeError, match=r"^client must be a RelayClient, not 5"):
        kind(5, "call-1", "node-1", "project-1", "office")


def _pieces(*_: object) -> Iterator[None]:
    yield


async def _slow_pieces(_: object) -> AsyncIterator[None]:
    yield


async def test_a_client_refuses_them(world: World) -> None:
    client: Any = world.client()
    for register in (client.on_call, client.on_message, client.on_event, client.on_connected):
        with pytest.raises(TypeError, match=r"^handler must be a function, not 'x'"):
            register("x")
    with pytest.raises(TypeError, match=r"^contexts must be a list of str"):
        client.calls(contexts="office")
    with pytest.raises(ValueError, match=r"^on_error must be 'hangup', 'leave' or a function"):
        client.on_call(print, on_error="ignore")
    with pytest.raises(TypeError, match=r"^timeout must be a number of seconds, not 'x'"):
        await client.drain("x")
    with pytest.raises(TypeError, match=r"^hang_up must be True or False, not 1"):
        await client.disconnect(hang_up=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"timing": 5}, "timing must be a Timing, not 5"),
        ({"limits": {}}, "limits must be a Limits, not a dict"),
        ({"connector": 5}, "connector must be a function, not 5"),
        ({"record": 5}, "record must be the path of a file, not 5"),
        ({"record": "file\ud800"}, "record must be valid Unicode"),
        ({"proxy": "http://p\ud800"}, "proxy must be valid Unicode"),
        ({"proxy": 5}, "proxy must be a URL, True or None, not int"),
        ({"contexts": ["office\ud800"]}, "each of contexts must be valid Unicode"),
        ({"project": "p\ud800"}, r"project must not contain the character U\+D800"),
        ({"token": "PT-1\n2"}, r"token must not contain the character U\+000A"),
        ({"host": "h\ud800"}, "host must be valid Unicode"),
        ({"show_personal_data": 1}, "show_personal_data must be True or False, not 1"),
        ({"max_active_calls": "5"}, "max_active_calls must be an int, not '5'"),
    ],
)
def test_a_constructor_refuses_them(arguments: dict[str, Any], message: str) -> None:
    given: Any = {"project": PROJECT, "token": TOKEN, **arguments}
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        RelayClient(**given)


@pytest.mark.parametrize("kind", [relay_anyio.RelayClient, relay_sync.RelayClient])
def test_a_function_that_would_only_make_a_generator_is_no_handler(kind: Any) -> None:
    client = kind(project=PROJECT, token=TOKEN)
    for generator in (_pieces, _slow_pieces, partial(_pieces, 5)):
        for register in (client.on_call, client.on_message, client.on_event):
            with pytest.raises(TypeError, match=r"^handler must be a function without 'yield'"):
                register(generator)


@types.coroutine
def _awaitable(_: object) -> Iterator[None]:
    yield


@pytest.mark.parametrize("handler", [_awaitable, MagicMock(), partial(print, "call"), dict])
def test_what_can_be_called_or_awaited_is_a_handler(handler: Any) -> None:
    assert RelayClient(project=PROJECT, token=TOKEN).on_call(handler) is handler


def test_a_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "PT-1\x1b2")
    with pytest.raises(ValueError, match=r"^SIGNALWIRE_API_TOKEN must not contain .*U\+001B"):
        RelayClient(project=PROJECT)
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", f" {TOKEN}\n")
    assert RelayClient(project=PROJECT).token == TOKEN
    monkeypatch.setenv("RELAY_RECORD", "file\udcff")
    with pytest.raises(ValueError, match=r"^RELAY_RECORD must be valid Unicode"):
        RelayClient(project=PROJECT)


async def test_a_refusal_names_the_host_and_where_the_credentials_come_from(
    world: World,
    package: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("SIGNALWIRE_API_TOKEN", "PT-another-one")
    client = world.client(token=None)
    with (
        caplog.at_level(logging.WARNING, package),
        pytest.raises(AuthenticationError, match="authentication failed") as raised,
    ):
        await client.connect()
    said = f"(host {world.host}, with the argument project and SIGNALWIRE_API_TOKEN)"
    assert said in str(raised.value)
    assert said in caplog.text
    assert "PT-another-one" not in str(raised.value) + caplog.text
    assert raised.value.host == world.host

    later = world.client(token=lambda: "PT-yet-another")
    with pytest.raises(AuthenticationError, match=r"client\.project and the function for token\)"):
        await later.connect()

"""Commands by example: the frame that each makes, and what it refuses (laws: property tests)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest

from relay_proto.api import commands
from relay_proto.api.commands import DEFAULT_CONTEXT, NEW_ID, Command, Purpose
from relay_proto.api.shapes import Collect, Media, Phone
from relay_proto.rpc import action_kinds as actions
from tests.spec import ACTIONS

PHONE: Final[Phone] = {
    "type": "phone",
    "params": {"to_number": "+15550003333", "from_number": "+15550001111"},
}
NUMBERS: dict[str, Any] = {"to_number": "+15550002222", "from_number": "+15550001111"}
"""What this version does not know, and sends."""
TTS: Final[Media] = {"type": "tts", "params": {"text": "Hello"}}


def wrong(value: object) -> Any:
    """A value that the types forbid, and a program without a checker passes all the same."""
    return value


def test_any_method_can_be_executed() -> None:
    command = commands.execute("calling.new", {"a": 1}, timeout=3)
    assert command == Command("calling.new", {"a": 1}, Purpose.REQUEST, timeout=3.0)
    assert commands.execute("m", {}).timeout is None
    with pytest.raises(TypeError, match="method must be a str"):
        commands.execute(wrong(5), {})
    with pytest.raises(TypeError, match="params must be a dict"):
        commands.execute("m", wrong([]))
    with pytest.raises(TypeError, match="params must be a dict with str keys"):
        commands.execute("m", wrong({5: 5}))
    with pytest.raises(ValueError, match="timeout must be 0 s or more"):
        commands.execute("m", {}, timeout=-1)
    with pytest.raises(ValueError, match="method must not be empty"):
        commands.execute("", {})


def test_contexts_are_received_and_unreceived() -> None:
    received = commands.receive(["sales", "billing", "sales"])
    assert received == Command(
        "signalwire.receive", {"contexts": ["sales", "billing"]}, Purpose.RECEIVE
    )
    unreceived = commands.unreceive(("sales",))
    assert unreceived == Command("signalwire.unreceive", {"contexts": ["sales"]}, Purpose.UNRECEIVE)
    for function in (commands.receive, commands.unreceive):
        with pytest.raises(TypeError, match="contexts must be a list"):
            function("sales")  # type: ignore[arg-type]


def test_a_dial_names_its_legs_by_a_tag() -> None:
    command = commands.dial([[PHONE]], tag="t-1", max_duration=5, dial_timeout=60, region="us")
    assert command.method == "calling.dial"
    assert command.purpose is Purpose.DIAL
    assert command.timeout == 60.0
    assert command.params == {
        "tag": "t-1",
        "devices": [[PHONE]],
        "region": "us",
        "max_duration": 5,
    }


def test_a_dial_without_a_tag_gets_one_and_without_a_timeout_the_configured_one() -> None:
    command = commands.dial([[PHONE]])
    assert command.params == {"tag": NEW_ID, "devices": [[PHONE]]}
    assert command.timeout is None
    assert commands.dial([[PHONE]], max_duration=0) == command
    assert commands.dial([[PHONE]], max_price_per_minute=0.0).params["max_price_per_minute"] == 0.0
    with pytest.raises(ValueError, match="tag must not be empty"):
        commands.dial([[PHONE]], tag="")


def test_a_message_has_a_body_or_media() -> None:
    full = commands.send_message(
        **NUMBERS,
        context="office",
        body="Hi",
        media=("https://example.com/a.png",),
        tags=["vip"],
        region="us",
        on_completed=print,
    )
    assert full.method == "messaging.send"
    assert full.purpose is Purpose.SEND_MESSAGE
    assert full.callback is print
    assert full.params == {
        "context": "office",
        **NUMBERS,
        "body": "Hi",
        "media": ["https://example.com/a.png"],
        "tags": ["vip"],
        "region": "us",
    }
    short = commands.send_message(**NUMBERS, body="Hi")
    assert short.params == {"context": DEFAULT_CONTEXT, **NUMBERS, "body": "Hi"}
    empty = commands.send_message(**NUMBERS, body="Hi", context="", media=[], tags=(), region="")
    assert empty == short
    only_media = commands.send_message(**NUMBERS, media=["u"], body="")
    assert only_media.params == {"context": DEFAULT_CONTEXT, **NUMBERS, "media": ["u"]}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "^body and media are both empty"),
        ({"body": "", "media": []}, "^body and media are both empty"),
        ({"body": "Hi", "to_number": ""}, "^to_number must not be empty"),
        ({"body": "Hi", "from_number": ""}, "^from_number must not be empty"),
        ({"body": 5}, "^body must be a str"),
        ({"media": "https://example.com"}, "^media must be a list of str"),
        ({"body": "Hi", "tags": [5]}, r"^tags\[0\] must be a str"),
        ({"body": "Hi", "region": 5}, "^region must be a str"),
    ],
)
def test_a_message_that_can_only_be_wrong_is_refused(given: dict[str, Any], reason: str) -> None:
    with pytest.raises((ValueError, TypeError), match=reason):
        commands.send_message(**{**NUMBERS, **given})


@pytest.mark.parametrize(
    ("command", "method", "params"),
    [
        (commands.answer(), "calling.answer", {}),
        (commands.answer(max_duration=5), "calling.answer", {"max_duration": 5}),
        (commands.hangup(), "calling.end", {"reason": "hangup"}),
        (commands.hangup("busy"), "calling.end", {"reason": "busy"}),
        (commands.pass_(), "calling.pass", {}),
        (commands.connect([[PHONE]]), "calling.connect", {"devices": [[PHONE]]}),
        (
            commands.connect(
                [[PHONE]],
                ringback=[TTS],
                tag="t",
                max_duration=0,
                max_price_per_minute=0.5,
                status_url="u",
            ),
            "calling.connect",
            {
                "devices": [[PHONE]],
                "ringback": [TTS],
                "tag": "t",
                "max_duration": 0,
                "max_price_per_minute": 0.5,
                "status_url": "u",
            },
        ),
        (commands.transfer("context:sales"), "calling.transfer", {"dest": "context:sales"}),
    ],
)
def test_a_verb_whose_call_is_gone_knows_that_the_call_has_ended(
    command: Command[Any], method: str, params: dict[str, Any]
) -> None:
    assert command == Command(method, params, Purpose.VERB, ends_call=True)


def test_a_verb_about_something_on_the_call_does_not() -> None:
    assert commands.disconnect() == Command("calling.disconnect", {}, Purpose.VERB)
    digits = commands.send_digits("1w2#", control_id="ctl-1")
    params = {"control_id": "ctl-1", "digits": "1w2#"}
    assert digits == Command("calling.send_digits", params, Purpose.VERB)
    assert commands.send_digits("1").params["control_id"] is NEW_ID


def test_play_starts_a_playback() -> None:
    command = commands.play(
        [TTS], volume=-2.5, direction="both", loop=0, control_id="ctl-1", on_completed=print
    )
    assert command == Command(
        "calling.play",
        {"control_id": "ctl-1", "play": [TTS], "volume": -2.5, "direction": "both", "loop": 0},
        Purpose.START,
        kind=actions.PLAY,
        ends_call=True,
        callback=print,
    )
    assert commands.play([TTS]).params == {"control_id": NEW_ID, "play": [TTS]}
    assert commands.play([TTS], volume=0).params["volume"] == 0


@pytest.mark.parametrize("continuous", [None, False, True])
def test_a_collect_ends_with_its_first_result_unless_it_is_continuous(
    continuous: bool | None,
) -> None:
    wanted: Collect = {"speech": {}}
    if continuous is not None:
        wanted["continuous"] = continuous
    prompted = commands.play_and_collect([TTS], wanted, volume=1)
    alone = commands.collect(speech={}, continuous=continuous)
    assert prompted.params == {
        "control_id": NEW_ID,
        "play": [TTS],
        "collect": wanted,
        "volume": 1,
    }
    assert alone.params == {"control_id": NEW_ID, **wanted}
    if continuous:
        assert prompted.kind is actions.PLAY_AND_COLLECT_CONTINUOUS
        assert alone.kind is actions.COLLECT_CONTINUOUS
    else:
        assert prompted.kind is actions.PLAY_AND_COLLECT
        assert alone.kind is actions.COLLECT


def test_what_is_false_zero_or_empty_is_sent_by_a_collect() -> None:
    command = commands.collect(
        digits={"max": 1}, speech={"language": "en-US"}, initial_timeout=0, partial_results=False
    )
    assert command.params == {
        "control_id": NEW_ID,
        "digits": {"max": 1},
        "speech": {"language": "en-US"},
        "initial_timeout": 0.0,
        "partial_results": False,
    }


STARTS: list[Callable[..., Command[Any]]] = [
    partial(commands.play, [TTS]),
    partial(commands.play_and_collect, [TTS], {"speech": {}}),
    partial(commands.collect, speech={}),
]


@pytest.mark.parametrize("start", STARTS)
def test_a_start_refuses_an_empty_control_id_and_a_call_that_is_not_its_own(
    start: Callable[..., Command[Any]],
) -> None:
    with pytest.raises(ValueError, match="control_id must not be empty"):
        start(control_id="")
    with pytest.raises(ValueError, match="call_id cannot be given"):
        start(call_id="c-2")
    with pytest.raises(TypeError, match="control_id must be a str"):
        start(control_id=5)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: commands.play(wrong("Hello")), "^media must be a list"),
        (lambda: commands.play([TTS], volume=41), "^volume must be from -40 to 40"),
        (lambda: commands.play_and_collect([TTS], wrong([])), "^collect must be a dict"),
        (
            lambda: commands.play_and_collect([TTS], {"speech": {}}, volume=-41),
            "^volume must be from",
        ),
        (lambda: commands.collect(digits=wrong("12")), "^digits must be a dict"),
        (lambda: commands.collect(speech=wrong("en")), "^speech must be a dict"),
        (lambda: commands.collect(initial_timeout=-1), "^initial_timeout must be 0 s or more"),
        (lambda: commands.connect([wrong(PHONE)]), r"^devices\[0\] is a device"),
        (lambda: commands.connect([[PHONE]], ringback=wrong(TTS)), "^ringback must be a list"),
        (lambda: commands.dial([]), "^devices is empty"),
        (lambda: commands.dial([[PHONE]], dial_timeout=-1), "^dial_timeout must be 0 s or more"),
        (lambda: commands.send_digits("x"), "^digits must be DTMF digits"),
        (lambda: commands.volume(100), "^volume must be from -40 to 40"),
    ],
)
def test_an_argument_that_can_only_be_wrong_is_refused_by_its_name(
    make: Callable[[], Command[Any]], reason: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=reason):
        make()


def test_controls_are_those_of_the_specification() -> None:
    makers: dict[str, Callable[[], Command[Any]]] = {
        "stop": commands.stop,
        "pause": commands.pause,
        "resume": commands.resume,
        "volume": lambda: commands.volume(1),
        "start_input_timers": commands.start_input_timers,
    }
    known = {
        name: control for item in ACTIONS.values() for name, control in item["controls"].items()
    }
    assert makers.keys() == known.keys()
    for item in ACTIONS.values():
        for name, control in item["controls"].items():
            command = makers[name]()
            assert command.purpose is Purpose.CONTROL
            assert not command.ends_call
            if name == "start_input_timers":
                assert command.method == control["rpc"]
            else:
                methods = [method + command.method for method in item["started_by"]]
                assert all(method in control["rpc"] for method in methods)


def test_a_control_sends_what_it_is_given() -> None:
    assert commands.pause().params == commands.pause("").params == {}
    assert commands.pause("silence").params == {"behavior": "silence"}
    assert commands.volume(-4.5).params == {"volume": -4.5}
    assert commands.stop().params == commands.resume().params == {}


def test_a_collect_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="digits and speech are both missing"):
        commands.collect()

"""Live transcription and translation, and the methods of older programs."""

from __future__ import annotations

import pytest

from relay_proto.exchange import Busy, ExchangeLimits, HangUp, Hear, Press, Say, Wait, What
from tests.unit.exchange_client import (
    OFFICE,
    Ask,
    Client,
    Object,
    Story,
    World,
    ask,
    ended,
    make_config,
    phone,
    stories,
    with_lines,
)


def transcribe(action: object, code: object = "200") -> Ask:
    return ask("live_transcribe", code, action=action)


def translate(action: object, code: object = "200") -> Ask:
    return ask("live_translate", code, action=action)


EN = {"start": {"lang": "en"}}
EN_TO_FR = {"start": {"from_lang": "en", "to_lang": "fr"}}
LIVE = {
    "what is said is told when it has been said": Story(
        *(transcribe(EN), "live_transcribe started", transcribe(EN, "409")),
        *(1, "caller says “good morning”"),
        *(0.2, "caller presses 1", "live_transcribe text good morning"),
        *(60, "caller says “goodbye”", "live_transcribe text goodbye"),
        *(transcribe({"summarize": {}}), "live_transcribe summary good morning goodbye"),
        transcribe({}, -32602),
        *(transcribe({"stop": {}}), "live_transcribe finished", transcribe({"stop": {}}, "409")),
        script=(Say("good morning"), Press("1"), Say("goodbye")),
        journal={
            What.STARTED: ["program starts a live transcription"],
            What.FINISHED: ["exchange ends a live transcription: stopped"],
        },
    ),
    "only the far end is heard": Story(
        transcribe({"start": {"lang": "en", "direction": ["local-caller"]}}),
        *("live_transcribe started", 60, "caller says “good morning”"),
        script=(Say("good morning"),),
    ),
    "a translation goes both ways": Story(
        *(translate(EN_TO_FR), "live_translate started", translate(EN_TO_FR, "409")),
        *(5, "caller says “hello”", "live_translate text fr: hello"),
        translate({"inject": {"message": "Bonjour"}}),
        *(5, "caller presses 1", translate("stop"), "live_translate finished"),
        script=(Say("hello"), Hear("en: bonjour"), Press("1")),
    ),
    "a live transcription ends with the call": Story(
        *(transcribe(EN), "live_transcribe started"),
        *(1.5, "caller says “goodbye”"),
        ask("end"),
        *ended("live_transcribe finished"),
        60,
        script=(Wait(1), Say("goodbye"), HangUp()),
    ),
}


@stories(LIVE)
def test_live(story: Story) -> None:
    story.check()


# Older programs


def begin(client: Client, **params: object) -> Object:
    return client.answer("calling.begin", device=phone("+1"), **params)


def test_begin_says_which_call_it_has_begun() -> None:
    world = World()
    client = world.connect()
    begun = begin(client, tag="t")
    assert begun["message"] == "Call started"
    assert begun["node_id"] == "node-1"
    world.pass_time(10)
    assert client.states(begun["call_id"]) == ["created", "ringing", "answered"]
    assert set(client.values("call.state", "tag")) == {"t"}
    assert client.events("call.dial") == []
    assert world.story(What.DIALED) == ["program dials +1"]


@pytest.mark.parametrize(
    ("lines", "seconds", "states", "reason"),
    [
        pytest.param({}, 62.4, ["created", "ringing", "answered"], None, id="within the limit"),
        pytest.param(
            {},
            62.5,
            ["created", "ringing", "answered", "ending", "ended"],
            "max_duration",
            id="over the limit",
        ),
        pytest.param({"+1": Busy()}, 10, ["created", "ending", "ended"], "busy", id="busy"),
    ],
)
def test_begin_may_limit_the_call(
    lines: Object, seconds: float, states: list[str], reason: str | None
) -> None:
    world = World(with_lines(**lines))
    client = world.connect()
    begun = begin(client, max_duration=1)
    world.pass_time(seconds)
    assert client.states(begun["call_id"]) == states
    assert client.values("call.state", "end_reason")[-1] == reason


def test_begin_needs_room() -> None:
    client = World(make_config(limits=ExchangeLimits(calls=1))).connect()
    assert begin(client)["code"] == "200"
    assert begin(client)["code"] == "503"


@pytest.mark.parametrize("params", [{"context": "office"}, {"contexts": ["office"]}])
def test_receive_serves_contexts(params: Object) -> None:
    world = World()
    client = world.connect()
    assert client.answer("calling.receive", **params)["code"] == "200"
    world.place(to=OFFICE)
    assert len(client.events("call.receive")) == 1


def test_call_is_known_by_its_name_only() -> None:
    assert World().connect().answer("calling.call", anything=1)["code"] == "200"

"""Live transcription and translation; and what older programs ask."""

from __future__ import annotations

import pytest

from relay_proto.exchange import Busy, ExchangeLimits, HangUp, Hear, Press, Say, Wait, What
from tests.unit.exchange_client import (
    OFFICE,
    Client,
    Object,
    World,
    answered_call,
    make_config,
    phone,
    with_lines,
)


def live(client: Client, call_id: str, kind: str, action: object) -> object:
    return client.verb(f"live_{kind}", call_id, action=action)["code"]


def told(client: Client, kind: str) -> list[tuple[str, str | None]]:
    events = client.events(f"call.live_{kind}")
    return [(event["state"], event.get("text")) for event in events]


EN = {"start": {"lang": "en"}}
EN_TO_FR = {"start": {"from_lang": "en", "to_lang": "fr"}}


def test_what_is_said_is_told_when_it_has_been_said() -> None:
    world, client, call_id = answered_call(Say("good morning"), Press("1"), Say("goodbye"))
    started = client.verb("live_transcribe", call_id, action=EN)
    assert started["message"] == "Live transcription started"
    assert live(client, call_id, "transcribe", EN) == "409"
    world.pass_time(60)
    assert live(client, call_id, "transcribe", {"summarize": {}}) == "200"
    assert live(client, call_id, "transcribe", {"stop": {}}) == "200"
    assert live(client, call_id, "transcribe", {"stop": {}}) == "409"
    assert told(client, "transcribe") == [
        ("started", None),
        ("text", "good morning"),
        ("text", "goodbye"),
        ("summary", "good morning goodbye"),
        ("finished", None),
    ]
    assert world.story(What.STARTED, What.FINISHED) == [
        "program starts a live transcription",
        "exchange ends a live transcription: stopped",
    ]


def test_only_the_far_end_is_heard() -> None:
    world, client, call_id = answered_call(Say("good morning"))
    start = {"start": {"lang": "en", "direction": ["local-caller"]}}
    live(client, call_id, "transcribe", start)
    world.pass_time(60)
    assert told(client, "transcribe") == [("started", None)]


def test_a_translation_goes_both_ways() -> None:
    world, client, call_id = answered_call(Say("hello"), Hear("en: bonjour"), Press("1"))
    started = client.verb("live_translate", call_id, action=EN_TO_FR)
    assert started["message"] == "Live translation started"
    assert live(client, call_id, "translate", EN_TO_FR) == "409"
    world.pass_time(5)
    assert live(client, call_id, "translate", {"inject": {"message": "Bonjour"}}) == "200"
    world.pass_time(5)
    assert live(client, call_id, "translate", "stop") == "200"
    assert told(client, "translate") == [
        ("started", None),
        ("text", "fr: hello"),
        ("finished", None),
    ]
    assert world.story(What.PRESSED) == ["caller presses 1"]


def test_a_live_transcription_ends_with_the_call() -> None:
    world, client, call_id = answered_call(Wait(1), Say("goodbye"), HangUp())
    live(client, call_id, "transcribe", EN)
    world.pass_time(1.5)
    client.verb("end", call_id)
    world.pass_time(60)
    assert told(client, "transcribe") == [("started", None)]


@pytest.mark.parametrize(
    ("kind", "action", "code"),
    [
        ("transcribe", "stop", "409"),
        ("transcribe", {"summarize": {}}, "409"),
        ("translate", {"inject": {"message": "hi"}}, "409"),
        ("translate", {"stop": {}}, "409"),
        ("transcribe", "start", -32602),
        ("transcribe", {"start": {}}, -32602),
        ("translate", EN, -32602),
        ("translate", None, -32602),
    ],
)
def test_what_nobody_can_interpret_is_refused(kind: str, action: object, code: object) -> None:
    _, client, call_id = answered_call()
    assert live(client, call_id, kind, action) == code


def test_an_action_that_is_none_is_refused() -> None:
    _, client, call_id = answered_call()
    live(client, call_id, "transcribe", EN)
    assert live(client, call_id, "transcribe", {}) == -32602


def test_what_nobody_understands_matches_nothing() -> None:
    world, client, call_id = answered_call(Say(""))
    client.verb("collect", call_id, control_id="c", speech={})
    world.pass_time(60)
    [collected] = client.events("call.collect")
    assert collected["result"] == {"type": "no_match"}


# Older programs


def begin(client: Client, device: Object, **params: object) -> Object:
    reply = client.ask("calling.begin", device=device, **params)
    answer: Object = reply.get("result") or reply["error"]
    return answer


def test_begin_says_which_call_it_has_begun() -> None:
    world = World()
    client = world.connect()
    begun = begin(client, phone("+1"), tag="t")
    assert begun["message"] == "Call started"
    assert begun["node_id"] == "node-1"
    world.pass_time(10)
    assert client.states(begun["call_id"]) == ["created", "ringing", "answered"]
    assert {event["tag"] for event in client.events("call.state")} == {"t"}
    assert client.events("call.dial") == []
    assert world.story(What.DIALED) == ["program dials +1"]


def test_begin_may_limit_the_call() -> None:
    world = World()
    client = world.connect()
    begun = begin(client, phone("+1"), max_duration=1)
    world.pass_time(62.5)
    assert client.states(begun["call_id"])[-1] == "ended"
    assert client.events("call.state", call_state="ended")[0]["end_reason"] == "max_duration"


def test_begin_may_fail() -> None:
    world = World(with_lines(**{"+1": Busy()}))
    client = world.connect()
    begun = begin(client, phone("+1"), max_duration=1)
    world.pass_time(10)
    assert client.states(begun["call_id"]) == ["created", "ending", "ended"]


def test_begin_takes_one_device_and_needs_room() -> None:
    world = World(make_config(limits=ExchangeLimits(calls=1)))
    client = world.connect()
    assert begin(client, {"type": "phone"})["code"] == -32602
    assert begin(client, phone("+1"))["code"] == "200"
    assert begin(client, phone("+1"))["code"] == "503"


@pytest.mark.parametrize("params", [{"context": "office"}, {"contexts": ["office"]}])
def test_receive_serves_contexts(params: Object) -> None:
    world = World()
    client = world.connect()
    assert client.ask("calling.receive", **params)["result"]["code"] == "200"
    world.place(to=OFFICE)
    assert len(client.events("call.receive")) == 1


def test_call_is_known_by_its_name_only() -> None:
    client = World().connect()
    assert client.ask("calling.call", anything=1)["result"]["code"] == "200"

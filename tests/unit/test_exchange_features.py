"""What is switched on a call: hold, denoise, echo, transfers by SIP, automated voices."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.exchange import (
    Busy,
    Declines,
    HangUp,
    Hear,
    NoAnswer,
    Press,
    Say,
    Unreachable,
    Wait,
    What,
)
from tests.spec import METHODS
from tests.unit.exchange_client import Client, Object, World, answered_call, with_lines


def codes(client: Client, call_id: str, *methods: str, **params: Any) -> list[object]:
    return [client.verb(method, call_id, **params)["code"] for method in methods]


# All methods

CALLING = sorted(method for method in METHODS if method.startswith("calling."))


@pytest.mark.parametrize("method", CALLING)
def test_every_method_of_the_specification_is_carried_out(method: str) -> None:
    client = World().connect()
    unknown: Object = {"node_id": "node-1", "call_id": "unknown"}
    assert client.ask(method, **unknown).get("error", {}).get("code") in {None, -32602}
    client.send(method, [])
    assert client.frames[-1]["error"]["code"] == -32602


# Hold, denoise, echo, events


def test_hold_and_unhold() -> None:
    world, client, call_id = answered_call()
    held = client.verb("hold", call_id)
    assert held == {"code": "200", "message": "Call on hold", "call_id": call_id}
    assert codes(client, call_id, "hold", "unhold", "unhold") == ["409", "200", "409"]
    assert [event["state"] for event in client.events("call.hold")] == ["hold", "unhold"]
    assert world.story(What.SWITCHED) == [
        "program switches hold on",
        "program switches hold off",
    ]


def test_denoise_and_its_stop() -> None:
    _, client, call_id = answered_call()
    methods = ("denoise.stop", "denoise", "denoise", "denoise.stop")
    assert codes(client, call_id, *methods) == ["409", "200", "409", "200"]
    assert [event["denoised"] for event in client.events("call.denoise")] == [True, False]


def test_what_is_on_ends_with_the_call() -> None:
    _, client, call_id = answered_call()
    methods = ("hold", "denoise", "echo", "end", "unhold", "denoise.stop")
    assert codes(client, call_id, *methods) == ["200", "200", "200", "200", "410", "410"]


def test_an_echo_lets_people_hear_themselves() -> None:
    world, client, call_id = answered_call(
        Say("anybody there"), Hear("anybody"), Press("5"), Hear("5"), Say("well"), Hear("more")
    )
    assert client.verb("echo", call_id, timeout=20)["message"] == "Echo started"
    assert client.verb("echo", call_id)["code"] == "409"
    world.pass_time(19.9)
    assert [event["state"] for event in client.events("call.echo")] == ["echoing"]
    world.pass_time(0.1)
    assert [event["state"] for event in client.events("call.echo")] == ["echoing", "finished"]
    assert "caller says “well”" in world.story(What.SAID)


@pytest.mark.parametrize("event", ["hello", {"a": [1]}, None])
def test_a_user_event_is_any_json(event: object) -> None:
    world, client, call_id = answered_call()
    sent = client.verb("user_event", call_id, event=event, more=1)
    assert sent == {"code": "200", "message": "Event sent", "call_id": call_id}
    assert world.story(What.SENT_EVENT) == ["program sends a custom event"]


def test_before_the_answer_nothing_can_be_switched() -> None:
    world = World()
    client = world.connect("office")
    call_id = world.place()
    methods = ("hold", "denoise", "echo", "user_event", "ai_message")
    assert codes(client, call_id, *methods) == ["409"] * 5
    assert codes(client, "unknown", *methods) == ["404"] * 5


# Transfers by SIP

BOB = "sip:bob@example.com"


def refer(client: Client, call_id: str) -> Object:
    return client.verb("refer", call_id, device={"type": "sip", "params": {"to": BOB}})


def test_a_call_that_was_referred_ends_here() -> None:
    world, client, call_id = answered_call()
    assert refer(client, call_id) == {"code": "200", "message": "Starting SIP REFER"}
    assert refer(client, call_id)["code"] == "409"
    world.pass_time(60)
    first, final = client.events("call.refer")
    assert first["state"] == "inProgress"
    assert first["sip_refer_response_code"] == "202"
    assert final["state"] == "success"
    assert final["sip_notify_response_code"] == "200"
    assert final["sip_refer_to"] == BOB
    assert client.states(call_id)[-1] == "ended"


@pytest.mark.parametrize(
    ("behaviour", "state", "code"),
    [
        (Busy(), "busy", "486"),
        (Declines(), "decline", "603"),
        (NoAnswer(), "noAnswer", "480"),
        (Unreachable(), "error", "404"),
    ],
)
def test_a_call_that_was_referred_in_vain_goes_on(behaviour: object, state: str, code: str) -> None:
    world, client, call_id = answered_call(world=World(with_lines(**{BOB: behaviour})))
    refer(client, call_id)
    world.pass_time(60)
    final = client.events("call.refer")[-1]
    assert (final["state"], final["sip_notify_response_code"]) == (state, code)
    assert client.states(call_id) == ["answered"]
    assert world.story(What.FINISHED) == [f"exchange ends the transfer to {BOB}: {state}"]


def test_who_hangs_up_is_not_transferred() -> None:
    world, client, call_id = answered_call(HangUp())
    refer(client, call_id)
    world.pass_time(60)
    assert client.events("call.refer") == []


def test_one_can_be_referred_to_sip_only() -> None:
    _, client, call_id = answered_call()
    device = {"type": "phone", "params": {"to": "+1"}}
    assert client.verb("refer", call_id, device=device)["code"] == -32602


# Automated voices


def test_an_automated_voice_lasts_until_it_is_stopped() -> None:
    world, client, call_id = answered_call()
    started = client.verb("ai", call_id, control_id="a", prompt={"text": "Be kind."})
    assert started["control_id"] == "a"
    assert client.verb("ai", call_id, control_id="b")["code"] == "409"
    assert codes(client, call_id, "amazon_bedrock") == ["409"]
    world.pass_time(1000)
    assert client.events("call.ai") == []
    assert client.verb("ai.stop", call_id, control_id="a")["code"] == "200"
    assert [event["state"] for event in client.events("call.ai")] == ["finished"]
    assert client.verb("ai.stop", call_id, control_id="a")["code"] == "404"


def test_an_automated_voice_ends_with_the_call() -> None:
    world, client, call_id = answered_call(Wait(5), HangUp())
    client.verb("amazon_bedrock", call_id, prompt="Be kind.")
    client.verb("ai_hold", call_id, timeout="30")
    world.pass_time(60)
    assert client.events("call.ai") == []
    assert client.verb("ai_message", call_id)["code"] == "410"


def test_what_an_assistant_is_made_to_say_is_heard() -> None:
    world, client, call_id = answered_call(Hear("welcome"), Press("1"))
    client.verb("ai", call_id, control_id="a")
    client.verb("ai_message", call_id, role="user", message_text="say welcome")
    client.verb("ai_message", call_id, role="assistant")
    world.pass_time(5)
    assert world.story(What.PRESSED) == []
    sent = client.verb("ai_message", call_id, role="assistant", message_text="Welcome!")
    assert sent == {"code": "200", "message": "Message sent", "call_id": call_id}
    world.pass_time(5)
    assert world.story(What.PRESSED) == ["caller presses 1"]


def test_an_automated_voice_on_hold() -> None:
    world, client, call_id = answered_call(Hear("one moment"), Hear("back again"), Press("1"))
    assert codes(client, call_id, "ai_hold", "ai_unhold") == ["409", "409"]
    client.verb("ai", call_id, control_id="a")
    assert codes(client, call_id, "ai_hold", "ai_hold") == ["200", "409"]
    assert codes(client, call_id, "ai_unhold", "ai_unhold") == ["200", "409"]
    client.verb("ai_hold", call_id, timeout="10", prompt="one moment")
    world.pass_time(9.9)
    assert codes(client, call_id, "ai_hold") == ["409"]
    world.pass_time(0.1)
    assert codes(client, call_id, "ai_unhold", "ai_hold") == ["409", "200"]
    client.verb("ai_unhold", call_id, prompt="Back again!")
    world.pass_time(5)
    assert world.story(What.PRESSED) == ["caller presses 1"]


@pytest.mark.parametrize("timeout", [10, "soon", ""])
def test_the_timeout_of_a_hold_is_a_number_as_text(timeout: object) -> None:
    _, client, call_id = answered_call()
    client.verb("ai", call_id, control_id="a")
    assert client.verb("ai_hold", call_id, timeout=timeout)["code"] == -32602

"""Calls and texts from program to program: a number that a program serves is dialed."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.exchange import Busy, ExchangeLimits, Line, Served, What
from tests.unit.exchange_client import (
    OFFICE,
    Client,
    Object,
    World,
    make_config,
    phone,
    tts,
)

SHOP = "+15550008888"


def make_world(**changes: Any) -> tuple[World, Client, Client]:
    """A program that dials, and one that serves the office."""
    world = World(make_config(**changes))
    return world, world.connect(), world.connect("office")


def dial(world: World, caller: Client, to: str = OFFICE, **params: Any) -> str:
    """Dial a number; return the id of the outbound call."""
    result = caller.answer("calling.dial", tag="t", devices=[[phone(to, **params)]])
    assert result["code"] == "200"
    world.pass_time(1)
    [call_id] = set(caller.values("call.state", "call_id", tag="t"))
    return str(call_id)


def offered(called: Client) -> str:
    [call_id] = called.values("call.receive", "call_id")
    return str(call_id)


def crossed(**changes: Any) -> tuple[World, Client, str, Client, str]:
    """A call from program to program that is answered: both sides, and their calls."""
    world, caller, called = make_world(**changes)
    near = dial(world, caller)
    far = offered(called)
    assert called.verb("answer", far)["code"] == "200"
    return world, caller, near, called, far


def test_a_call_to_a_number_that_a_program_serves_is_offered_to_it() -> None:
    world, caller, called = make_world()
    near = dial(world, caller)
    assert caller.states(near) == ["created", "ringing"]
    [offer] = called.events("call.receive")
    assert offer["device"]["params"]["to_number"] == OFFICE
    assert offer["context"] == "office"
    called.verb("answer", offer["call_id"])
    assert caller.events("call.dial")[-1]["dial_state"] == "answered"
    assert called.states(offer["call_id"])[-1] == caller.states(near)[-1] == "answered"


def test_a_program_can_call_itself() -> None:
    world = World()
    client = world.connect("office")
    near = dial(world, client)
    client.verb("answer", offered(client))
    assert client.states(near)[-1] == "answered"


def test_what_one_plays_the_other_hears() -> None:
    world, caller, near, called, far = crossed()
    called.verb("collect", far, control_id="c", speech={}, initial_timeout=30.0)
    caller.verb("play", near, control_id="p", play=[tts("sales please")])
    world.pass_time(10)
    [collected] = called.values("call.collect", "result")
    assert collected["params"]["text"] == "sales please"


def test_keys_that_one_sends_the_other_collects() -> None:
    world, caller, near, called, far = crossed()
    caller.verb("collect", near, control_id="c", digits={"max": 3}, initial_timeout=30.0)
    called.verb("send_digits", far, control_id="d", digits="1w2#")
    world.pass_time(10)
    [collected] = caller.values("call.collect", "result")
    assert collected["params"]["digits"] == "12#"


def test_two_echoes_do_not_lock_up_the_exchange() -> None:
    world, caller, near, called, far = crossed()
    caller.verb("echo", near)
    called.verb("echo", far)
    caller.verb("play", near, control_id="p", play=[tts("hello")])
    world.pass_time(3)
    assert 10 < len(world.story(What.SAID)) < 100
    called.verb("end", far)
    world.pass_time(1)
    assert caller.states(near)[-1] == "ended"


def test_sounds_at_one_instant_are_all_heard() -> None:
    world, caller, near, _, _ = crossed()
    caller.verb("play", near, control_id="p", play=[tts("one")])
    caller.verb("play", near, control_id="q", play=[tts("two")])
    world.pass_time(1)
    assert world.story(What.SAID) == ["caller says “one”", "caller says “two”"]


def test_silence_is_not_heard() -> None:
    world, caller, near, _, _ = crossed()
    silence = {"type": "silence", "params": {"duration": 1}}
    caller.verb("play", near, control_id="p", play=[silence])
    caller.verb("play", near, control_id="q", play=[{"type": "audio", "params": {"url": "u"}}])
    world.pass_time(10)
    assert world.story(What.SAID) == ["caller says “u”"]


@pytest.mark.parametrize("side", ["caller", "called"])
def test_a_call_ends_on_both_sides(side: str) -> None:
    world, caller, near, called, far = crossed()
    caller.verb("play", near, control_id="p", play=[tts("nobody hears this any more")])
    if side == "caller":
        caller.verb("end", near)
    else:
        called.verb("end", far)
    world.pass_time(1)
    for client, call_id in ((caller, near), (called, far)):
        [ended] = client.events("call.state", call_id=call_id, call_state="ended")
        assert ended["end_reason"] == "hangup"
    assert world.story(What.SAID) == []


@pytest.mark.parametrize(("given", "seen"), [("hangup", "decline"), ("busy", "busy")])
def test_the_caller_learns_that_the_call_is_refused(given: str, seen: str) -> None:
    world, caller, called = make_world()
    dial(world, caller)
    called.verb("end", offered(called), reason=given)
    assert caller.events("call.dial")[-1]["reason"] == seen


def test_a_caller_who_gives_up_ends_the_offer() -> None:
    world, caller, called = make_world()
    dial(world, caller, timeout=5)
    far = offered(called)
    world.pass_time(10)
    [ended] = called.events("call.state", call_id=far, call_state="ended")
    assert ended["end_reason"] == "cancel"
    assert caller.events("call.dial")[-1]["reason"] == "noAnswer"


def test_a_number_that_nobody_serves_now_is_not_found() -> None:
    world = World()
    caller = world.connect()
    dial(world, caller)
    assert caller.events("call.dial")[-1]["reason"] == "not_found"


def test_a_crossed_call_takes_two_places() -> None:
    world, caller, called = make_world(limits=ExchangeLimits(calls=1))
    dial(world, caller)
    assert called.events("call.receive") == []
    assert caller.events("call.dial")[-1]["reason"] == "busy"


def test_a_line_can_be_served_and_a_line_wins_over_a_number() -> None:
    world, caller, called = make_world(lines=(Line(SHOP, Served("office")), Line(OFFICE, Busy())))
    dial(world, caller, SHOP)
    assert offered(called)
    result: Object = caller.answer("calling.dial", tag="u", devices=[[phone(OFFICE)]])
    assert result["code"] == "200"
    world.pass_time(1)
    assert caller.events("call.dial", tag="u")[-1]["reason"] == "busy"


def test_a_call_can_be_referred_to_a_program() -> None:
    world, caller, near, _, _ = crossed(lines=(Line("sip:shop@example.com", Served("office")),))
    device = {"type": "sip", "params": {"to": "sip:shop@example.com"}}
    caller.verb("refer", near, device=device)
    world.pass_time(5)
    assert caller.values("call.refer", "state")[-1] == "success"


# Transfers

SIDES = ["called", "caller"]


def handed_over(side: str) -> tuple[World, Client, str, Client, str]:
    """One side has transferred the call: who is left, their call, and who gets the offer."""
    world, caller, near, called, far = crossed()
    sales = world.connect("sales")
    gone, given, left, kept = (
        (called, far, caller, near) if side == "called" else (caller, near, called, far)
    )
    gone.verb("play", given, control_id="p", play=[tts("one moment")])
    assert gone.verb("transfer", given, dest="context:sales")["code"] == "200"
    assert gone.states(given)[-1] == "ended"
    assert left.states(kept)[-1] == "answered"
    return world, left, kept, sales, offered(sales)


@pytest.mark.parametrize("side", SIDES)
def test_who_is_transferred_talks_to_the_next_program(side: str) -> None:
    world, left, kept, sales, call_id = handed_over(side)
    sales.verb("answer", call_id)
    for client, leg, text in ((left, kept, "hello"), (sales, call_id, "sales here")):
        client.verb("collect", leg, control_id="c", speech={}, initial_timeout=30.0)
        client.verb("play", leg, control_id="q", play=[tts(text)])
    world.pass_time(5)
    for client, heard in ((left, "sales here"), (sales, "hello")):
        [collected] = client.values("call.collect", "result")
        assert collected["params"]["text"] == heard
    sales.verb("end", call_id)
    assert (left.end_reason(), sales.end_reason()) == ("hangup", "hangup")


@pytest.mark.parametrize("side", SIDES)
def test_who_is_transferred_hangs_up_before_the_answer(side: str) -> None:
    _, left, kept, sales, _ = handed_over(side)
    left.verb("end", kept)
    assert (left.end_reason(), sales.end_reason()) == ("hangup", "cancel")


@pytest.mark.parametrize("side", SIDES)
def test_a_transferred_call_that_nobody_takes_ends(side: str) -> None:
    world, left, _, sales, call_id = handed_over(side)
    if side == "caller":
        sales.verb("pass", call_id)
    else:
        world.pass_time(60)
        assert sales.end_reason() == "cancel"
    assert left.end_reason() == "hangup"


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("reason", ["busy", "decline", "noAnswer"])
def test_who_refuses_a_transferred_call_ends_one_that_was_answered(side: str, reason: str) -> None:
    _, left, _, sales, call_id = handed_over(side)
    sales.verb("end", call_id, reason=reason)
    assert (left.end_reason(), sales.end_reason()) == ("hangup", reason)


def test_both_programs_transfer_one_call() -> None:
    world, left, kept, sales, first = handed_over("called")
    office = world.connect("back office")
    left.verb("transfer", kept, dest="back office")
    second = offered(office)
    office.verb("answer", second)
    assert sales.states(first) == []
    sales.verb("answer", first)
    sales.verb("end", first)
    assert office.end_reason() == "hangup"


# Texts


def test_a_text_to_a_number_that_a_program_serves_comes_in_there() -> None:
    world, caller, called = make_world()
    result = caller.answer(
        "messaging.send", context="c", to_number=OFFICE, from_number=SHOP, body="Hi"
    )
    assert result["code"] == "200"
    world.pass_time(10)
    assert caller.values("messaging.state", "message_state")[-1] == "delivered"
    [text] = called.events("messaging.receive")
    assert (text["body"], text["from_number"], text["context"]) == ("Hi", SHOP, "office")
    assert text["message_id"] != result["message_id"]

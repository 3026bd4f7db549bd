"""Outbound calls: dials and bridges."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.exchange import (
    Answers,
    Busy,
    Declines,
    ExchangeLimits,
    HangUp,
    Hear,
    Line,
    NoAnswer,
    Press,
    Say,
    Unreachable,
    Wait,
    What,
)
from tests.unit.exchange_client import (
    HANGS_UP,
    OFFICE,
    PROJECT,
    Ask,
    Client,
    Object,
    Story,
    World,
    another_call,
    ask,
    dialed_call,
    make_config,
    phone,
    stories,
    tts,
)

BUSY, SILENT, QUICK, SLOW, SHY, NOWHERE, ALERT = (f"+1555000300{number}" for number in range(7))
SIP = "sip:bob@example.com"
LINES: Object = {
    BUSY: Busy(),
    SILENT: NoAnswer(),
    QUICK: Answers(after=1),
    SLOW: Answers(after=5),
    SHY: Declines(after=3),
    NOWHERE: Unreachable(),
    ALERT: Answers(1, (Hear("5"), HangUp())),
    SIP: Answers(after=1, script=(Hear("hello"), Say("hi there"), Wait(1), HangUp())),
}


def make_world(**changes: Any) -> tuple[World, Client]:
    lines = tuple(Line(address, behaviour) for address, behaviour in LINES.items())
    world = World(make_config(lines=lines, **changes))
    return world, world.connect("office")


def dials(client: Client) -> list[str]:
    return client.values("call.dial", "dial_state")


def legs(client: Client) -> list[str]:
    """The ids of outbound calls, in order of appearance."""
    return list(dict.fromkeys(client.values("call.state", "call_id", direction="outbound")))


def dial(client: Client, *groups: list[Object], **params: Any) -> Object:
    return client.answer("calling.dial", **({"tag": "t", "devices": list(groups)} | params))


# Dials


def test_a_dial_that_is_answered() -> None:
    world, client = make_world()
    assert dial(client, [phone(QUICK)]) == {"code": "200", "message": "Dialing"}
    assert dials(client) == ["dialing"]
    [call_id] = legs(client)
    world.pass_time(1.6)
    assert client.states(call_id) == ["created", "ringing", "answered"]
    assert set(client.values("call.state", "tag")) == {"t"}
    device = {"type": "phone", "params": {"to_number": QUICK, "from_number": OFFICE}}
    assert client.events("call.dial")[-1] == {
        "node_id": "node-1",
        "tag": "t",
        "dial_state": "answered",
        "call": {
            "call_id": call_id,
            "node_id": "node-1",
            "tag": "t",
            "device": device,
            "call_state": "answered",
            "direction": "outbound",
            "dial_winner": True,
        },
    }
    play = {"control_id": "p", "play": [tts("x")]}
    codes = client.codes(call_id, "play", "answer", "pass", "end", **play)
    assert codes == ["200", "409", "409", "200"]


@pytest.mark.parametrize(
    ("device", "reason", "seconds"),
    [
        (phone(BUSY), "busy", 0.5),
        (phone(NOWHERE), "not_found", 0.5),
        (phone(SHY), "decline", 3.5),
        (phone(SILENT), "noAnswer", 30.5),
        (phone(SLOW, timeout=4), "noAnswer", 4.5),
    ],
)
def test_a_dial_that_fails(device: Object, reason: str, seconds: float) -> None:
    world, client = make_world()
    dial(client, [device])
    world.pass_time(seconds - 0.1)
    assert dials(client) == ["dialing"]
    world.pass_time(0.2)
    assert dials(client) == ["dialing", "failed"]
    assert client.events("call.dial")[-1]["reason"] == reason
    assert client.end_reason() == reason
    assert world.story(What.DIAL_FAILED) == [
        f"exchange ends the dial, because nobody has answered: {reason}"
    ]


def test_groups_follow_one_another() -> None:
    world, client = make_world()
    dial(client, [phone(BUSY)], [phone(SHY), phone(NOWHERE)], [phone(QUICK)], [phone(SLOW)])
    world.pass_time(100)
    assert dials(client) == ["dialing", "answered"]
    states = [client.states(call_id)[-1] for call_id in legs(client)]
    assert states == ["ended", "ended", "ended", "answered"]


def test_the_first_to_answer_wins_and_the_others_are_hung_up() -> None:
    world, client = make_world()
    dial(client, [phone(SLOW), phone(QUICK), phone(SILENT)])
    world.pass_time(100)
    slow, quick, silent = legs(client)
    assert client.events("call.dial")[-1]["call"]["call_id"] == quick
    for loser in (slow, silent):
        assert client.states(loser) == ["created", "ringing", "ending", "ended"]
        assert client.end_reason(call_id=loser) == "cancel"
    assert client.states(quick)[-1] == "answered"


def test_a_leg_that_the_program_hangs_up_fails_the_dial() -> None:
    _, client = make_world()
    dial(client, [phone(SILENT)])
    client.verb("end", legs(client)[0], reason="cancel")
    assert client.events("call.dial")[-1]["reason"] == "cancel"
    assert dial(client, [phone(SILENT)])["code"] == "200"


def test_a_tag_is_dialed_once_at_a_time() -> None:
    world, client = make_world()
    assert dial(client, [phone(BUSY)])["code"] == "200"
    assert dial(client, [phone(BUSY)])["code"] == "409"
    assert dial(world.connect(), [phone(BUSY)])["code"] == "200"
    world.pass_time(1)
    assert dial(client, [phone(BUSY)])["code"] == "200"


@pytest.mark.parametrize(
    "device",
    [
        {"type": "sip", "params": {"to": SIP, "from": "sip:ivr@example.com"}},
        {"type": "webrtc", "params": {"to": SIP, "from": "alice"}},
        {"type": "agora", "params": {"from": "x", "to": SIP, "appid": "a", "channel": "c"}},
        {"type": "agora", "params": {"from": "x", "appid": "a", "channel": SIP}},
    ],
)
def test_every_kind_of_device_rings(device: Object) -> None:
    world, client = make_world()
    call_id = dialed_call(world, client, device, 2)
    assert client.events("call.dial")[-1]["call"]["device"] == device
    client.verb("play", call_id, control_id="p", play=[tts("hello")])
    world.pass_time(10)
    assert world.story(What.SAID, What.ENDED) == [
        "caller says “hi there”",
        "caller ends the call: hangup",
    ]


def test_unknown_numbers_behave_as_configured_and_lines_can_change() -> None:
    world, client = make_world(default_line=Busy())
    dial(client, [phone("+1999")])
    world.pass_time(1)
    assert client.events("call.dial")[-1]["reason"] == "busy"
    world.exchange.set_line(Line("+1999", Answers(after=0)))
    dial(client, [phone("+1999")])
    world.pass_time(1)
    assert dials(client)[-1] == "answered"


@pytest.mark.parametrize(
    ("device", "params", "seconds"),
    [({"max_duration": 90}, {}, 90), ({}, {"max_duration": 1}, 60)],
)
def test_answered_legs_have_a_longest_duration(
    device: Object, params: Object, seconds: float
) -> None:
    world, client = make_world()
    dial(client, [phone(QUICK, **device)], **params)
    world.pass_time(seconds + 1.4)
    [call_id] = legs(client)
    assert client.states(call_id)[-1] == "answered"
    world.pass_time(0.2)
    assert client.end_reason() == "max_duration"


def test_a_dial_within_the_limit_of_calls() -> None:
    world, client = make_world(limits=ExchangeLimits(calls=2))
    assert dial(client, [phone(QUICK)] * 3)["code"] == "503"
    assert dial(client, [phone(BUSY)], [phone(QUICK)] * 3)["code"] == "200"
    world.pass_time(1)
    assert client.events("call.dial")[-1]["reason"] == "error"


def test_a_dial_ends_with_its_session() -> None:
    world, client = make_world()
    bystander = world.connect()
    dial(client, [phone(SILENT)], [phone(QUICK)])
    dial(bystander, [phone(QUICK)])
    world.exchange.say_goodbye(client.transport, 0.0, restart=True)
    world.deliver()
    world.pass_time(100)
    assert world.story(What.ENDED) == ["exchange ends the call: cancel"]
    assert dials(bystander)[-1] == "answered"
    world.exchange.revoke(PROJECT, world.now)
    world.deliver()
    assert world.exchange.deadline() is None or bystander.closed


# Bridges


def bridged(far: str = QUICK, **params: Any) -> tuple[World, Client, str, str]:
    """An inbound call that is connected to a line."""
    world, client = make_world()
    call_id = another_call(world, client)
    params = {"devices": [[phone(far)]]} | params
    assert client.verb("connect", call_id, **params) == {"code": "200", "message": "connecting"}
    world.pass_time(2)
    return world, client, call_id, legs(client)[-1]


def connects(client: Client, call_id: str) -> list[str]:
    return client.values("call.connect", "connect_state", call_id=call_id)


def test_a_call_is_connected_and_both_sides_know_their_peer() -> None:
    _, client, near, far = bridged(tag="b")
    assert connects(client, near) == ["connecting", "connected"]
    assert connects(client, far) == ["connected"]
    [seen_by_near] = client.values("call.connect", "peer", call_id=near, connect_state="connected")
    [seen_by_far] = client.values("call.connect", "peer", call_id=far, connect_state="connected")
    assert seen_by_near["call_id"] == far
    assert seen_by_near["tag"] == "b"
    assert seen_by_near["device"]["params"]["to_number"] == QUICK
    assert seen_by_far["call_id"] == near
    peers = client.values("call.state", "peer", call_id=far)
    assert [peer["call_id"] for peer in peers] == [near] * 3, "from the first event on"


def test_the_call_continues_when_the_other_side_hangs_up() -> None:
    _, client, near, far = bridged()
    client.verb("end", far)
    assert connects(client, near)[-1] == "disconnected"
    assert client.states(near) == ["answered"]
    [ending] = client.events("call.state", call_id=far, call_state="ending")
    assert ending["peer"] == {"call_id": near, "node_id": "node-1"}
    assert client.verb("connect", near, devices=[[phone(QUICK)]])["code"] == "200"


def test_the_other_side_ends_with_the_call() -> None:
    _, client, near, far = bridged()
    client.verb("end", near)
    assert client.states(far)[-1] == "ended"
    assert connects(client, far) == ["connected", "disconnected"]
    assert connects(client, near) == ["connecting", "connected"]


def test_disconnecting_ends_neither() -> None:
    world, client, near, far = bridged()
    parted = client.verb("disconnect", near)
    assert parted == {"code": "200", "message": "Disconnecting"}
    assert connects(client, near)[-1] == connects(client, far)[-1] == "disconnected"
    assert client.verb("disconnect", near)["code"] == "409"
    client.verb("end", near)
    assert client.states(far)[-1] == "answered"
    assert world.story(What.DISCONNECTED) == [f"exchange ends the connection to {QUICK}"]


def test_an_existing_call_can_be_connected() -> None:
    world, client, near, far = bridged()
    client.verb("disconnect", near)
    third = another_call(world, client)

    def connect(call_id: str, other: str) -> object:
        existing = {"type": "call", "params": {"node_id": "node-1", "call_id": other}}
        return client.verb("connect", call_id, devices=[[existing]])["code"]

    assert connect(near, far) == "200"
    assert connects(client, near)[-1] == "connected"
    assert connect(near, far) == "409", "the call is connected"
    assert connect(third, far) == "409", "the other call is connected"
    assert connect(third, third) == "409", "the other call is this one"
    assert connect(third, world.place()) == "409", "the other call is not answered"
    assert connect(third, "x") == "404"


CONNECTING = ("connect connecting", "state created")


def connect(address: str, code: object = "200", **params: Any) -> Ask:
    devices = [[phone(address)]]
    return ask("connect", code, devices=devices, **params)


def ended(reason: str) -> tuple[str, str]:
    return f"state ending {reason}", f"state ended {reason}"


CONNECTED = ("caller answers", "state answered", "connect connected", "connect connected")
HOLD: Object = {"ringback": [tts("please hold"), {"type": "ringtone", "params": {"name": "us"}}]}
BRIDGES = {
    "a connect fails: no answer": Story(
        *(connect(SILENT), *CONNECTING, 2, "state ringing"),
        *(100, *ended("noAnswer"), "connect failed no_answer", ask("disconnect", "409")),
        lines=LINES,
    ),
    "a connect fails: declined": Story(
        *(connect(SHY), *CONNECTING, 2, "state ringing"),
        *(100, "caller ends the call: decline", *ended("decline"), "connect failed decline"),
        ask("disconnect", "409"),
        lines=LINES,
    ),
    "a connect fails: busy": Story(
        *(connect(BUSY), *CONNECTING, 0.6, *ended("busy"), "connect failed busy"),
        *(10, ask("disconnect", "409")),
        lines=LINES,
    ),
    "a call is connected once at a time": Story(
        *(connect(SILENT), *CONNECTING, connect(QUICK, "409")),
        lines=LINES,
    ),
    "ringback is heard until somebody answers": Story(
        *(connect(SLOW, **HOLD), *CONNECTING),
        *(2, "state ringing", "caller presses 1"),
        *(100, *CONNECTED),
        script=(Hear("hold"), Press("1")),
        lines=LINES,
        journal={
            What.PLAYED: [
                "program plays “please hold”",
                "program plays the ringing tone of us",
                "program plays “please hold”",
            ]
        },
    ),
    "nobody is left ringing when the call ends": Story(
        *(connect(SILENT, **HOLD), *CONNECTING, 2, "state ringing"),
        *(ask("end"), *ended("cancel"), *ended("hangup")),
        100,
        lines=LINES,
    ),
    "a bridge has a longest duration": Story(
        *(connect(QUICK, max_duration=1), *CONNECTING, 2, "state ringing", *CONNECTED),
        *(59.4, 0.2, "state ending max_duration"),
        *("state ended max_duration", "connect disconnected"),
        lines=LINES,
    ),
    "the two hear each other": Story(
        ask("connect", devices=[[{"type": "sip", "params": {"to": SIP, "from": "sip:ivr"}}]]),
        *(*CONNECTING, 2, "state ringing", *CONNECTED),
        *(10, "caller says “Hello Bob”", "caller says “hi there”", "caller presses 5"),
        *(*HANGS_UP, "connect disconnected"),
        script=(Wait(3), Say("Hello Bob"), Hear("hi there"), Press("5")),
        lines=LINES,
    ),
    "keys are heard across a bridge": Story(
        *(connect(ALERT), *CONNECTING, 2, "state ringing", *CONNECTED),
        *(10, "caller presses 5", *HANGS_UP, "connect disconnected"),
        script=(Wait(5), Press("5")),
        lines=LINES,
    ),
}


@stories(BRIDGES)
def test_bridges(story: Story) -> None:
    story.check()


def test_a_call_that_is_being_connected_ends_with_its_session() -> None:
    world, client, _, _ = bridged(far=SILENT)
    world.exchange.say_goodbye(client.transport, world.now, restart=True)
    world.deliver()
    assert world.story(What.ENDED) == [
        "exchange ends the call: cancel",
        "exchange ends the call: error",
    ]

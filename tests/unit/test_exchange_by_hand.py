"""People who act by hand, what can be seen of calls and programs, and changes while it runs."""

from __future__ import annotations

import json
from typing import Final

import pytest

from relay_proto.exchange import (
    Act,
    ActError,
    Answer,
    Answers,
    ByHand,
    CallView,
    Decline,
    ExchangeTiming,
    FrameSeen,
    HangUp,
    Hear,
    Heard,
    Line,
    Press,
    ProgramView,
    Say,
    TextMessage,
    Wait,
    What,
)
from tests.unit.exchange_client import (
    CALLER,
    OFFICE,
    PROJECT,
    Client,
    Object,
    World,
    another_call,
    answered_call,
    make_config,
    phone,
    tts,
)

ANN: Final = "+15550003000"
BOB: Final = "+15550003001"
SIP: Final = "sip:ann@example.com"


def act(world: World, call_id: str, *acts: Act) -> None:
    for one in acts:
        world.exchange.act(call_id, one, world.now)
        world.deliver()


def view(world: World, call_id: str) -> CallView:
    found = world.exchange.call(call_id)
    assert found is not None
    return found


def dial(world: World, client: Client, device: Object, **params: object) -> str:
    """Dial, and return the id of the call."""
    client.ask("calling.dial", tag="t", devices=[[device]], **params)
    return str(client.values("call.state", "call_id", call_state="created")[-1])


def ringing(device: Object | None = None) -> tuple[World, Client, str]:
    """A world with a call that rings until somebody answers by hand."""
    world = World(make_config(lines=(Line(ANN, ByHand()), Line(SIP, ByHand()))))
    client = world.connect("office")
    call_id = dial(world, client, device or phone(ANN))
    world.pass_time(1)
    return world, client, call_id


# Calls that come to somebody


def test_a_call_rings_until_it_is_answered_by_hand() -> None:
    world, client, call_id = ringing()
    world.pass_time(20)
    assert client.states(call_id) == ["created", "ringing"]
    assert view(world, call_id).can == (Answer, Decline)
    act(world, call_id, Answer())
    assert client.states(call_id) == ["created", "ringing", "answered"]
    assert client.values("call.dial", "dial_state") == ["dialing", "answered"]


def test_nobody_answers_by_hand_in_time() -> None:
    world, client, _ = ringing()
    world.pass_time(60)
    assert client.end_reason() == "noAnswer"


def test_a_call_is_declined_by_hand() -> None:
    world, client, call_id = ringing()
    act(world, call_id, Decline())
    assert client.end_reason(call_id=call_id) == "decline"
    assert world.exchange.call(call_id) is None


def test_somebody_who_answers_later_can_be_quicker_by_hand() -> None:
    world = World(make_config(lines=(Line(BOB, Answers(after=9, script=(Say("Hi"),))),)))
    client = world.connect("office")
    call_id = dial(world, client, phone(BOB))
    world.pass_time(1)
    act(world, call_id, Answer())
    world.pass_time(30)
    assert client.states(call_id) == ["created", "ringing", "answered"]
    assert world.story(What.ANSWERED, What.SAID) == ["caller answers", "caller says “Hi”"]


def test_a_call_answered_by_hand_has_the_maximum_of_its_device() -> None:
    device = phone(ANN)
    device["params"]["max_duration"] = 5
    world, client, call_id = ringing(device)
    act(world, call_id, Answer())
    world.pass_time(10)
    assert client.end_reason(call_id=call_id) == "max_duration"


def test_a_transfer_by_refer_to_somebody_who_does_not_answer() -> None:
    world = World(make_config(lines=(Line(SIP, ByHand()),)))
    client = world.connect("office")
    call_id = another_call(world, client)
    device = {"type": "sip", "params": {"to": SIP}}
    assert client.verb("refer", call_id, device=device)["code"] == "200"
    world.pass_time(60)
    assert client.values("call.refer", "state")[-1] == "noAnswer"


# People on a call


def test_somebody_presses_and_speaks_by_hand_one_after_the_other() -> None:
    world, _, call_id = answered_call()
    world.pass_time(1)
    began_at = world.now
    act(world, call_id, Press("12"), Say("Hello"), Press("3"))
    world.pass_time(5)
    done = [one for one in world.happened if one.what in (What.PRESSED, What.SAID)]
    assert [round(one.at - began_at, 2) for one in done] == [0, 0.25, 0.5, 0.85]
    assert world.story(What.PRESSED, What.SAID) == [
        "caller presses 1",
        "caller presses 2",
        "caller says “Hello”",
        "caller presses 3",
    ]


def test_who_acts_by_hand_forgets_the_script() -> None:
    world, client, call_id = answered_call(Hear("press", 10), Press("9"), HangUp())
    world.pass_time(1)
    act(world, call_id, Press("1"))
    client.verb("play", call_id, control_id="p", play=[tts("Please press a key.")])
    world.pass_time(30)
    assert world.story(What.PRESSED, What.MISSED) == ["caller presses 1"]
    assert view(world, call_id).state == "answered"


def test_what_was_begun_by_a_script_stops_when_somebody_acts_by_hand() -> None:
    world, _, call_id = answered_call(Press("1234"))
    world.pass_time(0.6)
    act(world, call_id, Press("#"))
    world.pass_time(5)
    pressed = [one.details["digit"] for one in world.happened if one.what is What.PRESSED]
    assert pressed == ["1", "2", "#"]


def test_somebody_acts_by_hand_after_the_end_of_their_script() -> None:
    world, _, call_id = answered_call(Say("Hello"), Wait(1))
    world.pass_time(10)
    act(world, call_id, Press("5"))
    assert world.story(What.SAID, What.PRESSED) == ["caller says “Hello”", "caller presses 5"]


def test_somebody_hangs_up_by_hand() -> None:
    world, client, call_id = answered_call(Wait(100))
    act(world, call_id, HangUp())
    assert client.end_reason() == "hangup"


def test_a_caller_gives_up_by_hand() -> None:
    world = World()
    client = world.connect("office")
    call_id = world.place()
    assert view(world, call_id).can == (HangUp,)
    act(world, call_id, HangUp())
    assert client.end_reason() == "cancel"


# What cannot be done


def test_what_cannot_be_done_now_says_what_can() -> None:
    world, _, call_id = answered_call()
    with pytest.raises(ActError, match="press digits, speak, hang up"):
        act(world, call_id, Answer())


def test_nothing_can_be_done_before_it_rings() -> None:
    world = World(make_config(lines=(Line(ANN, ByHand()),)))
    client = world.connect("office")
    call_id = dial(world, client, phone(ANN))
    with pytest.raises(ActError, match="outbound and created: its person can do nothing now"):
        act(world, call_id, Answer())


def test_there_is_no_such_call() -> None:
    with pytest.raises(ActError, match="no such call"):
        act(World(), "x", HangUp())


def test_nobody_acts_by_hand_for_another_program() -> None:
    world = World()
    client = world.connect("office")
    dial(world, client, phone(OFFICE))
    world.pass_time(1)
    [call_id] = client.values("call.receive", "call_id")
    assert view(world, call_id).can == ()
    with pytest.raises(ActError, match="another program"):
        act(world, call_id, HangUp())


# Views


def test_a_call_that_comes_in() -> None:
    world, client, call_id = answered_call()
    assert view(world, call_id) == CallView(
        call_id=call_id,
        direction="inbound",
        state="answered",
        from_number=CALLER,
        to_number=OFFICE,
        context="office",
        session=client.protocol,
        peer="",
        can=(Press, Say, HangUp),
    )


def test_a_call_that_nobody_has_yet_and_one_to_a_sip_address() -> None:
    device: Object = {"type": "sip", "params": {"from": "sip:me@example.com", "to": SIP}}
    world, _, call_id = ringing(device)
    found = view(world, call_id)
    assert (found.from_number, found.to_number) == ("sip:me@example.com", SIP)


def test_calls_that_are_connected_name_each_other() -> None:
    world = World(make_config(lines=(Line(ANN, ByHand()),)))
    client = world.connect("office")
    call_id = another_call(world, client)
    client.verb("connect", call_id, devices=[[phone(ANN)]])
    world.pass_time(1)
    second = str(client.values("call.state", "call_id", call_state="ringing")[-1])
    assert view(world, second).peer == call_id
    act(world, second, Answer())
    assert (view(world, call_id).peer, view(world, second).peer) == (second, call_id)


def test_programs_connected_and_not() -> None:
    world = World()
    first, second = world.connect("office", "sales"), world.connect(event_acks=False)
    second.lose()
    assert world.exchange.programs() == (
        ProgramView(
            session=first.protocol,
            project=PROJECT,
            contexts=("office", "sales"),
            transport=1,
            acknowledges=True,
        ),
        ProgramView(
            session=second.protocol,
            project=PROJECT,
            contexts=(),
            transport=None,
            acknowledges=False,
        ),
    )


# What is observed


def test_without_observation_there_are_no_frames_and_nothing_is_heard() -> None:
    world, client, call_id = answered_call()
    client.verb("play", call_id, control_id="p", play=[tts("Hello")])
    world.pass_time(5)
    assert world.seen == []


def test_what_people_hear_is_told_with_its_length() -> None:
    world, client, call_id = answered_call(world=World(make_config(observed=True)))
    client.verb("play", call_id, control_id="p", play=[tts("Hello you")])
    client.verb("send_digits", call_id, control_id="d", digits="12")
    world.pass_time(5)
    heard = [one for one in world.seen if isinstance(one, Heard)]
    assert [(one.call_id, one.text) for one in heard] == [(call_id, "Hello you"), (call_id, "12")]
    assert heard[0].seconds == pytest.approx(9 * ExchangeTiming().character)


def test_all_frames_are_seen_with_the_session_that_they_belong_to() -> None:
    world = World(make_config(observed=True))
    client = world.connect("office")
    world.pass_time(15)
    frames = [one for one in world.seen if isinstance(one, FrameSeen)]
    shown = [
        (one.received, bool(one.session), json.loads(one.data).get("method", "reply"))
        for one in frames
    ]
    assert shown == [
        (True, False, "signalwire.connect"),
        (False, True, "reply"),
        (False, True, "signalwire.event"),
        (True, True, "reply"),
        (False, True, "signalwire.ping"),
        (True, True, "reply"),
    ]
    assert {one.transport for one in frames} == {1}
    assert {one.session for one in frames} == {"", client.protocol}
    assert "data" not in repr(frames[0])


# Changes while it runs


def test_lines_come_and_go() -> None:
    world = World()
    client = world.connect("office")
    world.exchange.set_line(Line(ANN, ByHand()))
    first = dial(world, client, phone(ANN))
    world.pass_time(5)
    assert view(world, first).state == "ringing"
    act(world, first, Decline())
    world.exchange.remove_line(ANN)
    second = dial(world, client, phone(ANN))
    world.pass_time(5)
    assert view(world, second).state == "answered"


def test_numbers_and_texts_and_times_change() -> None:
    world = World()
    client = world.connect("office", "sales")
    exchange = world.exchange
    exchange.change(numbers={ANN: "sales"}, undeliverable=frozenset({BOB}))
    world.place(to=ANN)
    exchange.receive_text(TextMessage(CALLER, ANN, "Hi"), world.now)
    world.deliver()
    assert client.values("call.receive", "context") == ["sales"]
    assert client.values("messaging.receive", "context") == ["sales"]
    text = {"context": "sales", "from_number": ANN, "body": "Hi"}
    client.ask("messaging.send", to_number=BOB, **text)
    world.pass_time(5)
    assert client.values("messaging.state", "message_state")[-1] == "undelivered"
    exchange.change(timing=ExchangeTiming(ring_delay=7.0))
    call_id = dial(world, client, phone(BOB))
    world.pass_time(6)
    assert view(world, call_id).state == "created"
    world.pass_time(2)
    assert view(world, call_id).state == "ringing"


def test_everybody_hangs_up_and_a_hunt_finds_nobody() -> None:
    world = World(make_config(lines=(Line(ANN, ByHand()), Line(BOB, ByHand()))))
    client = world.connect("office")
    call_id = another_call(world, client)
    client.ask("calling.dial", tag="t", devices=[[phone(ANN)], [phone(BOB)]])
    world.pass_time(1)
    world.exchange.end_all_calls(world.now)
    world.deliver()
    assert world.exchange.call(call_id) is None
    assert client.values("call.dial", "dial_state") == ["dialing", "failed"]
    assert set(client.values("call.state", "end_reason", call_state="ended")) == {"hangup"}
    assert len(world.exchange.programs()) == 1


def test_the_journal_names_texts_and_their_media() -> None:
    world = World()
    client = world.connect("office")
    text = TextMessage(CALLER, OFFICE, "", ("https://a/1", "https://a/2"))
    message_id = world.exchange.receive_text(text, world.now)
    world.deliver()
    given = {"context": "office", "to_number": CALLER, "from_number": OFFICE, "body": "Hi"}
    sent = client.answer("messaging.send", **given)
    first, second = (one.details for one in world.happened if one.what is What.SENT_TEXT)
    assert (first["text_id"], first["media"]) == (message_id, "https://a/1 https://a/2")
    assert second["text_id"] == sent["message_id"]
    assert "media" not in second

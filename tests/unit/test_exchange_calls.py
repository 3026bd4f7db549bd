"""Inbound calls: offers, answers, prompts, people who react, transfers, and ends."""

from __future__ import annotations

import pytest

from relay_proto.exchange import (
    ANY_CONTEXT,
    ExchangeLimits,
    HangUp,
    Happened,
    Hear,
    Press,
    Say,
    TextMessage,
    Wait,
    What,
    Who,
)
from tests.unit.exchange_client import (
    CALLER,
    ENDED,
    HANGS_UP,
    OFFICE,
    Object,
    Story,
    World,
    answered_call,
    ask,
    hangs_up,
    make_config,
    stories,
    tts,
)

HELLO = "Hello, you have reached the office"
"""34 characters, hence 2.38 s at the configured 0.07 s each."""
SERVED = "no program serves the context office; subscribed contexts: {}"


# Offers


def test_an_offer_says_who_calls_whom() -> None:
    world = World()
    client = world.connect("office")
    call_id = world.place()
    assert client.events("call.receive") == [
        {
            "call_id": call_id,
            "node_id": "node-1",
            "segment_id": call_id,
            "project_id": "project-1",
            "context": "office",
            "call_state": "created",
            "direction": "inbound",
            "device": {
                "type": "phone",
                "params": {"from_number": CALLER, "to_number": OFFICE},
            },
        }
    ]


def test_answer_and_hang_up() -> None:
    world, client, call_id = answered_call()
    assert client.verb("answer", call_id)["code"] == "200"
    ended = client.verb("end", call_id, reason="busy")
    assert ended == {"code": "200", "message": "Disconnecting call"}
    assert client.states(call_id) == ["answered", "ending", "ended"]
    assert client.end_reason() == "busy"
    assert world.story(What.ANSWERED, What.ENDED) == [
        "program answers",
        "program ends the call: busy",
    ]


def test_nobody_answers_a_number_that_nobody_serves() -> None:
    world = World()
    client = world.connect("sales")
    world.place()
    world.place(to="+1999")
    assert world.story(What.ENDED) == ["exchange ends the call: not_found"] * 2
    assert client.events("call") == []


@pytest.mark.parametrize(
    ("contexts", "reason"),
    [
        ([], "no program is connected"),
        ([()], "no program has subscribed to a context"),
        ([("sales",), ("sales", "support")], SERVED.format("sales, support")),
        ([tuple("abcdefghijkl")], SERVED.format("a, b, c, d, e, f, g, h, i, j, and 2 more")),
    ],
)
def test_what_finds_no_program_says_which_contexts_are_subscribed(
    contexts: list[tuple[str, ...]], reason: str
) -> None:
    world = World()
    for names in contexts:
        world.connect(*names)
    world.place()
    text = TextMessage(CALLER, OFFICE, "hello")
    world.exchange.receive_text(text, world.now)
    world.deliver()
    assert world.story(What.UNSERVED) == [f"exchange reaches no program: {reason}"] * 2


def test_a_call_that_all_have_passed_on_or_to_an_unknown_number_says_so() -> None:
    world = World()
    client = world.connect("office")
    client.verb("pass", world.place())
    client.verb("pass", world.place(context=ANY_CONTEXT))
    world.place(to="+1999")
    assert world.story(What.UNSERVED) == [
        f"exchange reaches no program: all programs that serve {contexts} have passed it back"
        for contexts in ("the context office", "any context")
    ] + ["exchange reaches no program: this number has no context"]


def test_a_number_can_be_served_in_any_context() -> None:
    world = World(make_config(numbers={OFFICE: ANY_CONTEXT}))
    world.connect()
    first, second = world.connect("sales", "support"), world.connect("billing")
    for _ in range(4):
        world.place()
    world.exchange.receive_text(TextMessage(CALLER, OFFICE, "hello"), world.now)
    world.deliver()
    assert len(first.events("call.receive", context="sales")) == 2
    assert len(second.events("call.receive", context="billing")) == 2
    assert [text["context"] for text in first.events("messaging.receive")] == ["sales"]
    first.ask("signalwire.unreceive", contexts=["sales"])
    world.place()
    world.place()
    assert len(first.events("call.receive", context="support")) == 1
    first.ask("signalwire.unreceive", contexts=["support"])
    second.ask("signalwire.unreceive", contexts=["billing"])
    world.place()
    assert world.story(What.UNSERVED) == [
        "exchange reaches no program: no program has subscribed to a context"
    ]


def test_callers_lose_patience() -> None:
    world = World()
    client = world.connect("office")
    call_id = world.place(Press("1"), patience=10)
    world.pass_time(9.9)
    assert client.states(call_id) == []
    world.pass_time(0.1)
    assert client.states(call_id) == ["ending", "ended"]
    assert world.story(What.ENDED, What.PRESSED) == ["caller ends the call: cancel"]
    assert client.verb("answer", call_id)["code"] == "410"


def test_a_passed_call_is_offered_to_the_next_and_then_to_nobody() -> None:
    world = World()
    first, second = world.connect("office"), world.connect("office")
    call_id = world.place()
    passed = first.verb("pass", call_id)
    assert passed == {"code": "200", "message": "Passing call", "call_id": call_id}
    assert len(second.events("call.receive")) == 1
    assert first.verb("answer", call_id)["code"] == "404"
    second.verb("pass", call_id)
    assert first.states(call_id) == second.states(call_id) == []
    assert world.story(What.PASSED, What.ENDED) == [
        "program passes the call back, for another program to take",
        "program passes the call back, for another program to take",
        "exchange ends the call: not_found",
    ]


def test_max_duration_ends_a_call() -> None:
    world = World()
    client = world.connect("office")
    call_id = world.place()
    client.verb("answer", call_id, max_duration=30)
    world.pass_time(30)
    assert client.end_reason() == "max_duration"


def test_calls_have_a_limit() -> None:
    world = World(make_config(limits=ExchangeLimits(calls=1)))
    client = world.connect("office")
    world.place()
    world.place()
    assert len(client.events("call.receive")) == 1
    assert world.story(What.ENDED) == ["exchange ends the call: busy"]


# Stories


@pytest.mark.parametrize(
    ("item", "seconds"),
    [
        (tts(HELLO), 2.38),
        (tts(""), 0.1),
        ({"type": "audio", "params": {"url": "https://example.com/a.mp3"}}, 5.0),
        ({"type": "silence", "params": {"duration": 3}}, 3.0),
        ({"type": "ringtone", "params": {"name": "us"}}, 4.0),
        ({"type": "ringtone", "params": {"name": "us", "duration": 1.5}}, 1.5),
    ],
)
def test_playing_takes_time(item: Object, seconds: float) -> None:
    play = ask("play", play=[item])
    Story(play, "play playing", seconds - 0.01, 0.02, "play finished").check()


def pause(seconds: float) -> Object:
    return {"type": "silence", "params": {"duration": seconds}}


PLAYING = {
    "items follow one another and repeat": Story(
        *(ask("play", play=[tts("a"), pause(1)], loop=2), "play playing"),
        *(10, "play finished"),
        journal={
            What.PLAYED: ["program plays “a”", "program plays 1 s of silence"] * 2,
            What.PLAY_ENDED: ["program finishes playing"],
        },
    ),
    "an endless loop ends with a stop": Story(
        *(ask("play", play=[pause(0)], loop=0), "play playing"),
        100,
        *(ask("play.stop"), "play finished"),
        *(10, ask("play.stop", "404")),
        journal={What.PLAY_ENDED: ["program stops playing"]},
    ),
    "pause and resume": Story(
        *(ask("play", play=[tts(HELLO)]), "play playing"),
        *(1, ask("play.resume", "409")),
        *(ask("play.pause"), "play paused", ask("play.pause", "409")),
        *(100, ask("play.resume"), "play playing"),
        *(1.37, 0.02, "play finished"),
    ),
    "a paused playback can be stopped": Story(
        *(ask("play", play=[tts(HELLO)]), "play playing"),
        *(ask("play.pause"), "play paused"),
        *(ask("play.stop"), "play finished"),
        10,
    ),
    "volume is checked and accepted": Story(
        *(ask("play", play=[tts("x")]), "play playing"),
        ask("play.volume", volume=-4.5),
        ask("play.volume", -32602, volume=99),
        ask("play.volume", -32602),
    ),
    "a control id can be used again": Story(
        *(ask("play", play=[tts("x")]), "play playing", 1, "play finished"),
        *(ask("play", play=[tts("x")]), "play playing"),
    ),
}


@stories(PLAYING)
def test_playing(story: Story) -> None:
    story.check()


ENDS = {
    "an answered caller is patient": Story(1000),
    "an answered call cannot be passed": Story(ask("pass", "409")),
    "a call has an end reason even if the program gives none": Story(ask("end", reason=""), *ENDED),
    "operations end before their call does": Story(
        *(ask("play", control_id="p", play=[tts(HELLO)]), "play playing"),
        ask("collect", control_id="c", digits={"max": 1}),
        ask("play_and_collect", play=[tts(HELLO)], collect={"digits": {"max": 1}}),
        "play playing",
        ask("send_digits", control_id="s", digits="WWWW"),
        100,
        *hangs_up(
            "play finished",
            "collect error",
            "play finished",
            "collect error",
            "send_digits finished",
        ),
        script=(Wait(1), HangUp()),
    ),
    "a transfer to a document": Story(ask("transfer", dest={"version": "1.0.0"}), *ENDED),
    "a transfer to a URL": Story(ask("transfer", dest="https://example.com/swml"), *ENDED),
}


@stories(ENDS)
def test_a_call_ends_or_does_not(story: Story) -> None:
    story.check()


PEOPLE = {
    "people react to what they hear": Story(
        5,
        *(ask("play", play=[tts("Welcome. Press 1 for sales.")]), "play playing"),
        *(0.2, 0.2, "caller presses 1"),
        *(5, "play finished", ask("play", play=[tts("Goodbye")]), "play playing"),
        0.4,
        *hangs_up("play finished"),
        script=(Hear("PRESS 1"), Press("1"), Hear("bye"), HangUp()),
    ),
    "people remember what they heard while they were busy": Story(
        *(ask("play", play=[tts("zero"), tts("one"), tts("two")]), "play playing"),
        *(10.8, "play finished"),
        *(0.2, *HANGS_UP),
        script=(Wait(10), Hear("one"), Hear("two"), HangUp()),
    ),
    "what was heard counts once": Story(
        *(ask("play", play=[tts("x")]), "play playing"),
        *(5.5, "play finished"),
        *(0.2, "caller does not hear “x” in time", *HANGS_UP),
        script=(Hear("x"), Hear("x", timeout=5), HangUp()),
    ),
    "a wait is not cut short by what is heard": Story(
        *(ask("play", play=[tts("x")]), "play playing"),
        *(10, "play finished"),
        script=(Wait(10), Hear("x"), HangUp()),
    ),
    "people hear digits": Story(
        *(ask("send_digits", digits="1w2W#"), 2.2),
        *(0.1, "send_digits finished"),
        *(1, *HANGS_UP),
        script=(Hear("12#"), HangUp()),
    ),
    "keys take their time, and no keys take one": Story(
        *(0.29, 0.01, "caller presses 1"),
        *(0.99, 0.01, "caller presses 2"),
        *(1.99, 0.01, "caller presses 3"),
        100,
        script=(Press("12", interval=1), Press("", interval=1), Press("3")),
    ),
    "people hear audio by its address": Story(
        ask("play", play=[{"type": "audio", "params": {"url": "https://a.test/welcome.mp3"}}]),
        "play playing",
        1,
        *hangs_up("play finished"),
        script=(Hear("welcome.mp3"), HangUp()),
    ),
}


@stories(PEOPLE)
def test_people(story: Story) -> None:
    story.check()


def test_people_forget_what_is_too_much() -> None:
    world = World(make_config(limits=ExchangeLimits(heard=2)))
    _, client, call_id = answered_call(Wait(10), Hear("one", timeout=1), world=world)
    client.verb("play", call_id, control_id="a", play=[tts("one"), tts("two"), tts("three")])
    world.pass_time(12)
    assert world.story(What.MISSED) == ["caller does not hear “one” in time"]


# Transfers


def test_a_transfer_offers_the_caller_to_another_context() -> None:
    world = World()
    office = world.connect("office")
    sales = world.connect("sales")
    call_id = world.place(Hear("sales"), Say("hello"))
    office.verb("answer", call_id)
    world.pass_time(1)
    assert office.codes(call_id, "transfer", dest="context:sales") == ["200"]
    assert office.states(call_id) == ["answered", "ending", "ended"]
    [offer] = sales.events("call.receive")
    assert offer["call_id"] != call_id
    assert offer["device"]["params"] == {"from_number": CALLER, "to_number": OFFICE}
    world.pass_time(59)
    sales.verb("answer", offer["call_id"])
    sales.verb("play", offer["call_id"], control_id="p", play=[tts("Sales here")])
    world.pass_time(1)
    assert world.story(What.SAID) == ["caller says “hello”"]


@pytest.mark.parametrize("dest", ["sales", "context:sales", "+1 sales", "nobody"])
def test_a_context_is_named_with_its_prefix_or_without(dest: str) -> None:
    world, client, call_id = answered_call()
    sales = world.connect("sales", "+1 sales")
    client.verb("transfer", call_id, dest=dest)
    contexts = [] if dest == "nobody" else [dest.removeprefix("context:")]
    assert sales.values("call.receive", "context") == contexts
    [told] = world.story(What.TRANSFERRED)
    assert told == f"program transfers the call to context:{dest.removeprefix('context:')}"
    unserved = [line for line in world.story() if "no program serves the context nobody" in line]
    assert len(unserved) == (dest == "nobody")


def test_a_transferred_caller_loses_patience_too() -> None:
    world, client, call_id = answered_call()
    client.verb("transfer", call_id, dest="context:office")
    world.pass_time(60)
    assert world.story(What.ENDED)[-1] == "caller ends the call: cancel"


def test_what_happened_reads_as_a_line() -> None:
    happened = Happened(3.25, "c", Who.CALLER, What.PRESSED, {"digit": "5"})
    assert happened.text == "caller    presses 5"
    assert happened.line == "     3.25  caller    presses 5"

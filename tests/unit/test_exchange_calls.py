"""Inbound calls: offers, answers, prompts, digits, speech, transfers, and their ends."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.exchange import (
    ExchangeLimits,
    HangUp,
    Happened,
    Hear,
    Press,
    Say,
    Wait,
    What,
    Who,
)
from tests.unit.exchange_client import CALLER, OFFICE, Client, Object, World, make_config, tts

HELLO = "Hello, you have reached the office"
"""34 characters, hence 2.38 s at the configured 0.07 s each."""


def answered(*script: Any, world: World | None = None) -> tuple[World, Client, str]:
    """A world with one client and one answered call."""
    world = world or World()
    client = world.connect("office")
    call_id = world.place(*script)
    assert client.verb("answer", call_id) == {"code": "200", "message": "Answered"}
    return world, client, call_id


def collects(client: Client) -> list[Object]:
    """The collect events, without the ids."""
    ids = ("call_id", "node_id", "control_id")
    events = client.events("call.collect")
    return [{key: value for key, value in event.items() if key not in ids} for event in events]


def plays(client: Client) -> list[str]:
    return [event["state"] for event in client.events("call.play")]


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
    world, client, call_id = answered()
    assert client.verb("answer", call_id)["code"] == "200"
    ended = client.verb("end", call_id, reason="busy")
    assert ended == {"code": "200", "message": "Disconnecting call"}
    assert client.states(call_id) == ["answered", "ending", "ended"]
    assert client.events("call.state", call_state="ended")[0]["end_reason"] == "busy"
    assert world.story(What.ANSWERED, What.ENDED) == [
        "program answers",
        "program ends the call: busy",
    ]


def test_a_call_has_an_end_reason_even_if_the_program_gives_none() -> None:
    _, client, call_id = answered()
    client.verb("end", call_id, reason="")
    assert client.events("call.state", call_state="ended")[0]["end_reason"] == "hangup"


def test_nobody_answers_a_number_that_nobody_serves() -> None:
    world = World()
    client = world.connect("sales")
    world.place()
    world.place(to="+1999")
    assert world.story(What.ENDED) == ["exchange ends the call: not_found"] * 2
    assert client.events("call") == []


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


def test_an_answered_caller_has_all_the_patience_in_the_world() -> None:
    world, client, call_id = answered()
    world.pass_time(1000)
    assert client.states(call_id) == ["answered"]


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
        "program passes the call on",
        "program passes the call on",
        "exchange ends the call: not_found",
    ]


def test_an_answered_call_cannot_be_passed() -> None:
    _, client, call_id = answered()
    assert client.verb("pass", call_id)["code"] == "409"


def test_max_duration_ends_a_call() -> None:
    world = World()
    client = world.connect("office")
    call_id = world.place()
    client.verb("answer", call_id, max_duration=30)
    world.pass_time(30)
    assert client.events("call.state", call_state="ended")[0]["end_reason"] == "max_duration"


def test_calls_have_a_limit() -> None:
    world = World(make_config(limits=ExchangeLimits(calls=1)))
    client = world.connect("office")
    world.place()
    world.place()
    assert len(client.events("call.receive")) == 1
    assert world.story(What.ENDED) == ["exchange ends the call: busy"]


# Refusals


def test_unknown_calls_and_calls_of_others() -> None:
    world, client, call_id = answered()
    other = world.connect()
    assert client.verb("end", "unknown")["code"] == "404"
    assert other.verb("end", call_id)["code"] == "404"
    elsewhere = client.ask("calling.end", node_id="node-2", call_id=call_id)
    assert elsewhere["result"]["code"] == "404"


def test_ended_calls_are_gone_and_forgotten_in_the_end() -> None:
    world = World(make_config(limits=ExchangeLimits(ended_calls=1)))
    _, client, first = answered(world=world)
    client.verb("end", first)
    assert client.verb("play", first, control_id="p", play=[tts("x")])["code"] == "410"
    assert client.verb("end", first)["code"] == "410"
    client.verb("end", world.place())
    assert client.verb("end", first)["code"] == "404"


def test_verbs_that_need_an_answered_call() -> None:
    world = World()
    client = world.connect("office")
    call_id = world.place()
    assert client.verb("play", call_id, control_id="p", play=[tts("x")])["code"] == "409"


BAD_PARAMETERS: list[tuple[str, Object]] = [
    ("play", {}),
    ("play", {"control_id": "p"}),
    ("play", {"control_id": "p", "play": []}),
    ("play", {"control_id": "", "play": [tts("x")]}),
    ("play", {"control_id": "p", "play": [{"type": "tts", "text": "flat"}]}),
    ("play", {"control_id": "p", "play": [{"type": "opera", "params": {}}]}),
    ("play", {"control_id": "p", "play": [tts("x")], "volume": 41}),
    ("play", {"control_id": "p", "play": [tts("x")], "loop": -1}),
    ("play", {"control_id": 5, "play": [tts("x")]}),
    ("collect", {"control_id": "c"}),
    ("collect", {"control_id": "c", "digits": {}}),
    ("collect", {"control_id": "c", "digits": {"max": 0}}),
    ("play_and_collect", {"control_id": "c", "play": [tts("x")], "collect": {}}),
    ("send_digits", {"control_id": "s", "digits": "12X"}),
    ("send_digits", {"control_id": "s", "digits": ""}),
    ("transfer", {"dest": 5}),
    ("end", {"reason": 5}),
]


@pytest.mark.parametrize(("method", "params"), BAD_PARAMETERS)
def test_bad_parameters(method: str, params: Object) -> None:
    _, client, call_id = answered()
    assert client.verb(method, call_id, **params)["code"] == -32602


def test_a_control_id_is_used_once_at_a_time() -> None:
    world, client, call_id = answered()
    play = {"control_id": "p", "play": [tts("x")]}
    assert client.verb("play", call_id, **play)["code"] == "200"
    assert client.verb("play", call_id, **play)["code"] == "409"
    world.pass_time(1)
    assert client.verb("play", call_id, **play)["code"] == "200"


def test_operations_have_a_limit() -> None:
    _, client, call_id = answered(world=World(make_config(limits=ExchangeLimits(operations=1))))
    assert client.verb("play", call_id, control_id="1", play=[tts("x")])["code"] == "200"
    assert client.verb("play", call_id, control_id="2", play=[tts("x")])["code"] == "503"


# Playing


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
    world, client, call_id = answered()
    result = client.verb("play", call_id, control_id="p", play=[item])
    assert result == {"code": "200", "message": "Playing", "call_id": call_id, "control_id": "p"}
    assert plays(client) == ["playing"]
    world.pass_time(seconds - 0.01)
    assert plays(client) == ["playing"]
    world.pass_time(0.02)
    assert plays(client) == ["playing", "finished"]


def test_items_follow_one_another_and_repeat() -> None:
    world, client, call_id = answered()
    items = [tts("a"), {"type": "silence", "params": {"duration": 1}}]
    client.verb("play", call_id, control_id="p", play=items, loop=2)
    world.pass_time(10)
    assert plays(client) == ["playing", "finished"]
    assert world.story(What.PLAYED) == ["program plays “a”", "program plays 1 s of silence"] * 2
    assert world.story(What.PLAY_ENDED) == ["program finishes playing"]


def test_an_endless_loop_ends_with_a_stop() -> None:
    world, client, call_id = answered()
    nothing = {"type": "silence", "params": {"duration": 0}}
    client.verb("play", call_id, control_id="p", play=[nothing], loop=0)
    world.pass_time(100)
    assert plays(client) == ["playing"]
    assert client.verb("play.stop", call_id, control_id="p")["code"] == "200"
    assert plays(client) == ["playing", "finished"]
    assert world.story(What.PLAY_ENDED) == ["program stops playing"]
    world.pass_time(10)
    assert client.verb("play.stop", call_id, control_id="p")["code"] == "404"


def test_pause_and_resume() -> None:
    world, client, call_id = answered()
    client.verb("play", call_id, control_id="p", play=[tts(HELLO)])
    control = {"control_id": "p"}
    world.pass_time(1)
    assert client.verb("play.resume", call_id, **control)["code"] == "409"
    assert client.verb("play.pause", call_id, **control)["code"] == "200"
    assert client.verb("play.pause", call_id, **control)["code"] == "409"
    world.pass_time(100)
    assert client.verb("play.resume", call_id, **control)["code"] == "200"
    world.pass_time(1.37)
    assert plays(client) == ["playing", "paused", "playing"]
    world.pass_time(0.02)
    assert plays(client) == ["playing", "paused", "playing", "finished"]


def test_a_paused_playback_can_be_stopped() -> None:
    world, client, call_id = answered()
    client.verb("play", call_id, control_id="p", play=[tts(HELLO)])
    client.verb("play.pause", call_id, control_id="p")
    client.verb("play.stop", call_id, control_id="p")
    world.pass_time(10)
    assert plays(client) == ["playing", "paused", "finished"]


def test_volume_is_checked_and_accepted() -> None:
    _, client, call_id = answered()
    client.verb("play", call_id, control_id="p", play=[tts("x")])
    assert client.verb("play.volume", call_id, control_id="p", volume=-4.5)["code"] == "200"
    assert client.verb("play.volume", call_id, control_id="p", volume=99)["code"] == -32602
    assert client.verb("play.volume", call_id, control_id="p")["code"] == -32602


def test_a_call_that_ends_says_nothing_more_of_its_operations() -> None:
    world, client, call_id = answered(Wait(1), HangUp())
    collect = {"digits": {"max": 1}}
    client.verb("play", call_id, control_id="p", play=[tts(HELLO)])
    client.verb("collect", call_id, control_id="c", **collect)
    client.verb("play_and_collect", call_id, control_id="b", play=[tts(HELLO)], collect=collect)
    client.verb("send_digits", call_id, control_id="s", digits="WWWW")
    world.pass_time(100)
    assert plays(client) == ["playing", "playing"]
    assert collects(client) == client.events("call.send_digits") == []
    assert client.states(call_id) == ["answered", "ending", "ended"]


# Collecting


def ask(client: Client, call_id: str, **collect: Any) -> None:
    result = client.verb(
        "play_and_collect", call_id, control_id="k", play=[tts(HELLO)], collect=collect
    )
    assert result == {"code": "200", "message": "Playing", "call_id": call_id, "control_id": "k"}


def test_the_first_digit_stops_the_prompt() -> None:
    world, client, call_id = answered(Wait(1), Press("1"))
    ask(client, call_id, digits={"max": 1})
    world.pass_time(1.2)
    assert plays(client) == ["playing"]
    world.pass_time(0.2)
    assert plays(client) == ["playing", "finished"]
    assert collects(client) == [{"result": {"type": "digit", "params": {"digits": "1"}}}]
    assert {event["control_id"] for event in client.events("call.collect")} == {"k"}
    world.pass_time(100)
    assert len(collects(client)) == 1


def test_a_terminator_ends_the_digits() -> None:
    world, client, call_id = answered(Press("12#3"))
    ask(client, call_id, digits={"max": 5, "terminators": "*#"})
    world.pass_time(100)
    result = {"type": "digit", "params": {"digits": "12", "terminator": "#"}}
    assert collects(client) == [{"result": result}]


def test_a_pause_ends_the_digits() -> None:
    world, client, call_id = answered(Press("12"))
    ask(client, call_id, digits={"max": 5, "digit_timeout": 2})
    world.pass_time(2.5)
    assert collects(client) == []
    world.pass_time(0.1)
    assert collects(client) == [{"result": {"type": "digit", "params": {"digits": "12"}}}]


def test_nothing_heard_is_no_input_counted_from_the_end_of_the_prompt() -> None:
    world, client, call_id = answered()
    ask(client, call_id, digits={"max": 1}, initial_timeout=3)
    world.pass_time(5.3)
    assert plays(client) == ["playing", "finished"]
    assert collects(client) == []
    world.pass_time(0.1)
    assert collects(client) == [{"result": {"type": "no_input"}}]


def test_the_initial_timeout_can_start_with_the_prompt_and_ends_it() -> None:
    world, client, call_id = answered()
    ask(client, call_id, digits={"max": 1}, initial_timeout=1, start_input_timers=True)
    world.pass_time(1)
    assert plays(client) == ["playing", "finished"]
    assert collects(client) == [{"result": {"type": "no_input"}}]


def test_an_initial_timeout_that_was_started_goes_on_behind_the_prompt() -> None:
    world, client, call_id = answered()
    ask(client, call_id, digits={"max": 1}, initial_timeout=4, start_input_timers=True)
    world.pass_time(4)
    assert collects(client) == [{"result": {"type": "no_input"}}]


def test_no_initial_timeout_means_forever() -> None:
    world, client, call_id = answered()
    client.verb("collect", call_id, control_id="k", digits={"max": 1}, initial_timeout=0)
    world.pass_time(1000)
    assert collects(client) == []


def test_a_collect_without_a_prompt() -> None:
    world, client, call_id = answered(Wait(2), Press("7"))
    result = client.verb("collect", call_id, control_id="k", digits={"max": 1})
    assert result["message"] == "Collecting"
    world.pass_time(2.5)
    assert collects(client) == [{"result": {"type": "digit", "params": {"digits": "7"}}}]
    assert plays(client) == []


def test_timers_that_were_held_back_start_when_asked_for() -> None:
    world, client, call_id = answered()
    wanted: Object = {"digits": {"max": 1}, "start_input_timers": False}
    client.verb("collect", call_id, control_id="k", **wanted)
    world.pass_time(100)
    assert collects(client) == []
    started = client.verb("collect.start_input_timers", call_id, control_id="k")
    assert started["code"] == "200"
    world.pass_time(2)
    client.verb("collect.start_input_timers", call_id, control_id="k")
    world.pass_time(2)
    assert collects(client) == [{"result": {"type": "no_input"}}]


@pytest.mark.parametrize("method", ["collect", "play_and_collect"])
def test_a_stopped_collect_is_finished(method: str) -> None:
    world, client, call_id = answered()
    wanted: Object = {"digits": {"max": 1}}
    if method == "collect":
        client.verb("collect", call_id, control_id="k", **wanted)
    else:
        ask(client, call_id, **wanted)
    assert client.verb(f"{method}.stop", call_id, control_id="k")["code"] == "200"
    assert collects(client) == [{"result": {"type": "finished"}}]
    assert plays(client) in ([], ["playing", "finished"])
    assert client.verb(f"{method}.stop", call_id, control_id="k")["code"] == "404"
    world.pass_time(100)
    assert len(collects(client)) == 1


def test_the_controls_of_a_prompt() -> None:
    world, client, call_id = answered()
    ask(client, call_id, digits={"max": 1})
    for control, code in (("pause", "200"), ("pause", "409"), ("resume", "200")):
        assert client.verb(f"play_and_collect.{control}", call_id, control_id="k")["code"] == code
    volume = client.verb("play_and_collect.volume", call_id, control_id="k", volume=1)
    assert volume["code"] == "200"
    assert client.verb("play.stop", call_id, control_id="k")["code"] == "404"
    world.pass_time(100)
    assert plays(client) == ["playing", "paused", "playing", "finished"]


def test_speech_ends_with_silence() -> None:
    world, client, call_id = answered(Wait(1), Say("sales please"))
    ask(client, call_id, speech={"end_silence_timeout": 2})
    world.pass_time(1.4)
    assert plays(client) == ["playing", "finished"]
    world.pass_time(0.84 + 1.8)
    assert collects(client) == []
    world.pass_time(0.2)
    params = {"text": "sales please", "confidence": 0.9}
    assert collects(client) == [{"result": {"type": "speech", "params": params}}]


def test_speech_goes_on_after_a_short_silence() -> None:
    world, client, call_id = answered(Say("sales"), Wait(0.5), Say("please"))
    client.verb("collect", call_id, control_id="k", speech={})
    world.pass_time(10)
    assert [event["result"]["params"]["text"] for event in collects(client)] == ["sales please"]


def test_speech_has_a_limit() -> None:
    world, client, call_id = answered(Say("blah " * 100))
    client.verb("collect", call_id, control_id="k", speech={"speech_timeout": 5})
    world.pass_time(5.2)
    assert collects(client) == []
    world.pass_time(0.2)
    assert collects(client)[0]["result"]["type"] == "speech"


def test_partial_results_and_the_start_of_input() -> None:
    world, client, call_id = answered(Say("one two three"))
    wanted: Object = {"speech": {}, "partial_results": True, "send_start_of_input": True}
    client.verb("collect", call_id, control_id="k", **wanted)
    world.pass_time(10)
    started, partial, final = collects(client)
    assert started["result"] == {"type": "start_of_input"}
    assert partial["final"] is False
    assert partial["result"]["params"] == {"text": "one two", "confidence": 0.45}
    assert final["final"] is True
    assert final["result"]["params"]["text"] == "one two three"


def test_a_continuous_collect_goes_on_until_nothing_is_heard() -> None:
    world, client, call_id = answered(Press("1"), Wait(1), Press("2"), Wait(1), Say("three"))
    wanted: Object = {"digits": {"max": 1}, "speech": {}, "continuous": True}
    client.verb("collect", call_id, control_id="k", **wanted)
    world.pass_time(100)
    results = [(event["state"], event["result"]["type"]) for event in collects(client)]
    assert results == [
        ("collecting", "digit"),
        ("collecting", "digit"),
        ("collecting", "speech"),
        ("finished", "no_input"),
    ]


def test_a_continuous_collect_can_be_stopped() -> None:
    _, client, call_id = answered()
    client.verb("collect", call_id, control_id="k", digits={"max": 1}, continuous=True)
    client.verb("collect.stop", call_id, control_id="k")
    assert collects(client) == [{"result": {"type": "finished"}, "state": "finished"}]


def test_a_collect_hears_only_what_it_wants() -> None:
    world, client, call_id = answered(Press("1"), Say("hello"))
    client.verb("collect", call_id, control_id="speech", speech={})
    client.verb("collect", call_id, control_id="digits", digits={"max": 9})
    world.pass_time(100)
    results = {event["control_id"]: event["result"]["type"] for event in client.events("collect")}
    assert results == {"speech": "speech", "digits": "digit"}


def test_whoever_presses_a_key_while_speaking_means_the_key() -> None:
    world, client, call_id = answered(Say("hm"), Press("1"), Say("oh"))
    wanted: Object = {"digits": {"max": 5, "digit_timeout": 1}, "speech": {}}
    client.verb("collect", call_id, control_id="k", **wanted)
    world.pass_time(100)
    assert collects(client) == [{"result": {"type": "digit", "params": {"digits": "1"}}}]


# People


def test_people_react_to_what_they_hear() -> None:
    world, client, call_id = answered(Hear("PRESS 1"), Press("1"), Hear("bye"), HangUp())
    world.pass_time(5)
    client.verb("play", call_id, control_id="a", play=[tts("Welcome. Press 1 for sales.")])
    world.pass_time(0.2)
    assert world.story(What.PRESSED) == []
    world.pass_time(0.2)
    assert world.story(What.PRESSED) == ["caller presses 1"]
    client.verb("play", call_id, control_id="b", play=[tts("Goodbye")])
    world.pass_time(1)
    assert world.story(What.ENDED) == ["caller ends the call: hangup"]


def test_people_remember_what_they_heard_while_they_were_busy() -> None:
    world, client, call_id = answered(Wait(10), Hear("one"), Hear("two"), HangUp())
    client.verb("play", call_id, control_id="a", play=[tts("zero"), tts("one"), tts("two")])
    world.pass_time(10.8)
    assert world.story(What.ENDED) == []
    world.pass_time(0.2)
    assert world.story(What.ENDED) == ["caller ends the call: hangup"]


def test_what_was_heard_counts_once() -> None:
    world, client, call_id = answered(Hear("x"), Hear("x", timeout=5), HangUp())
    client.verb("play", call_id, control_id="a", play=[tts("x")])
    world.pass_time(5.5)
    assert world.story(What.MISSED) == []
    world.pass_time(0.2)
    assert world.story(What.MISSED, What.ENDED) == [
        "caller does not hear “x” in time",
        "caller ends the call: hangup",
    ]


def test_a_wait_is_not_cut_short_by_what_is_heard() -> None:
    world, client, call_id = answered(Wait(10), Hear("x"), HangUp())
    client.verb("play", call_id, control_id="a", play=[tts("x")])
    world.pass_time(10)
    assert client.states(call_id) == ["answered"]


def test_people_hear_digits() -> None:
    world, client, call_id = answered(Hear("12#"), HangUp())
    sent = client.verb("send_digits", call_id, control_id="s", digits="1w2W#")
    assert sent["message"] == "Sending Digits"
    world.pass_time(2.2)
    assert client.events("send_digits") == []
    world.pass_time(0.1)
    [finished] = client.events("send_digits")
    assert (finished["control_id"], finished["state"]) == ("s", "finished")
    world.pass_time(1)
    assert client.states(call_id)[-1] == "ended"


def test_keys_take_their_time_and_no_keys_take_one() -> None:
    world, _, _ = answered(Press("12", interval=1), Press("", interval=1), Press("3"))
    world.pass_time(100)
    pressed = [event.at for event in world.happened if event.what is What.PRESSED]
    assert pressed == [0.3, 1.3, 3.3]


def test_people_forget_what_is_too_much() -> None:
    world = World(make_config(limits=ExchangeLimits(heard=2)))
    _, client, call_id = answered(Wait(10), Hear("one", timeout=1), world=world)
    client.verb("play", call_id, control_id="a", play=[tts("one"), tts("two"), tts("three")])
    world.pass_time(12)
    assert world.story(What.MISSED) == ["caller does not hear “one” in time"]


def test_audio_is_heard_by_its_address() -> None:
    world, client, call_id = answered(Hear("welcome.mp3"), HangUp())
    url = "https://example.com/welcome.mp3"
    client.verb("play", call_id, control_id="a", play=[{"type": "audio", "params": {"url": url}}])
    world.pass_time(1)
    assert client.states(call_id)[-1] == "ended"


# Transfers


def test_a_transfer_offers_the_caller_to_another_context() -> None:
    world = World()
    office = world.connect("office")
    sales = world.connect("sales")
    call_id = world.place(Hear("sales"), Say("hello"))
    office.verb("answer", call_id)
    world.pass_time(1)
    transferred = office.verb("transfer", call_id, dest="context:sales")
    assert transferred == {"code": "200", "message": "Transferring", "call_id": call_id}
    assert office.states(call_id) == ["answered", "ending", "ended"]
    [offer] = sales.events("call.receive")
    assert offer["call_id"] != call_id
    assert offer["device"]["params"] == {"from_number": CALLER, "to_number": OFFICE}
    world.pass_time(59)
    sales.verb("answer", offer["call_id"])
    sales.verb("play", offer["call_id"], control_id="p", play=[tts("Sales here")])
    world.pass_time(1)
    assert world.story(What.SAID) == ["caller says “hello”"]


@pytest.mark.parametrize("dest", ["https://example.com/swml", {"version": "1.0.0"}])
def test_a_transfer_elsewhere_is_the_end(dest: object) -> None:
    _, client, call_id = answered()
    assert client.verb("transfer", call_id, dest=dest)["code"] == "200"
    assert client.states(call_id)[-1] == "ended"
    assert len(client.events("call.receive")) == 1


def test_a_transferred_caller_loses_patience_too() -> None:
    world, client, call_id = answered()
    client.verb("transfer", call_id, dest="context:office")
    world.pass_time(60)
    assert world.story(What.ENDED)[-1] == "caller ends the call: cancel"


def test_what_happened_reads_as_a_line() -> None:
    happened = Happened(3.25, "c", Who.CALLER, What.PRESSED, {"digit": "5"})
    assert happened.text == "caller    presses 5"
    assert happened.line == "     3.25  caller    presses 5"

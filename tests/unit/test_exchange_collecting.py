"""Collecting digits and speech, with a prompt and without."""

from __future__ import annotations

from typing import Any

from relay_proto.exchange import Press, Say, Wait, What
from tests.unit.exchange_client import Ask, Story, answered_call, ask, stories, tts

HELLO = "Hello, you have reached the office"
"""34 characters, hence 2.38 s."""
ONE = {"max": 1}


def prompt(**collect: Any) -> Ask:
    return ask("play_and_collect", play=[tts(HELLO)], collect=collect)


def collect(**wanted: Any) -> Ask:
    return ask("collect", **wanted)


WITH_A_PROMPT = {
    "the first digit stops the prompt": Story(
        *(prompt(digits=ONE), "play playing"),
        1.2,
        *(0.2, "caller presses 1", "play finished", "collect digit digits=1 terminator="),
        100,
        script=(Wait(1), Press("1")),
        journal={
            What.LISTENED: ["program waits for digits"],
            What.COLLECTED: ["program receives digit: 1"],
            What.PLAY_ENDED: ["program stops playing, because the caller has begun to answer"],
        },
    ),
    "a terminator ends the digits": Story(
        *(prompt(digits={"max": 5, "terminators": "*#"}), "play playing"),
        *(0.3, "caller presses 1", "play finished"),
        *(0.25, "caller presses 2"),
        *(0.25, "caller presses #", "collect digit digits=12 terminator=#"),
        *(100, "caller presses 3"),
        script=(Press("12#3"),),
    ),
    "a pause ends the digits": Story(
        *(prompt(digits={"max": 5, "digit_timeout": 2}), "play playing"),
        *(2.5, "caller presses 1", "play finished", "caller presses 2"),
        *(0.1, "collect digit digits=12 terminator="),
        script=(Press("12"),),
    ),
    "the initial timeout starts at the end of the prompt": Story(
        *(prompt(digits=ONE, initial_timeout=3), "play playing"),
        *(5.3, "play finished"),
        *(0.1, "collect no_input"),
    ),
    "the initial timeout can start with the prompt, and ends it": Story(
        *(prompt(digits=ONE, initial_timeout=1, start_input_timers=True), "play playing"),
        *(1, "play finished", "collect no_input"),
    ),
    "an initial timeout that was started continues after the prompt": Story(
        *(prompt(digits=ONE, initial_timeout=4, start_input_timers=True), "play playing"),
        *(3.9, "play finished"),
        *(0.1, "collect no_input"),
    ),
    "a stop ends both": Story(
        *(prompt(digits=ONE), "play playing"),
        *(ask("play_and_collect.stop"), "play finished", "collect finished"),
        ask("play_and_collect.stop", "404"),
        100,
    ),
    "controls": Story(
        *(prompt(digits=ONE), "play playing"),
        *(ask("play_and_collect.pause"), "play paused"),
        ask("play_and_collect.pause", "409"),
        *(ask("play_and_collect.resume"), "play playing"),
        ask("play_and_collect.volume", volume=1),
        ask("play.stop", "404"),
        *(2.4, "play finished"),
        *(4, "collect no_input"),
    ),
    "speech ends with silence": Story(
        *(prompt(speech={"end_silence_timeout": 2}), "play playing"),
        *(1.4, "caller says “sales please”", "play finished"),
        0.84 + 1.8,
        *(0.2, "collect speech text=sales please confidence=0.9"),
        script=(Wait(1), Say("sales please")),
    ),
}


@stories(WITH_A_PROMPT)
def test_collecting_with_a_prompt(story: Story) -> None:
    story.check()


WITHOUT_A_PROMPT = {
    "a digit": Story(
        *(collect(digits=ONE), 2.29),
        *(0.01, "caller presses 7", "collect digit digits=7 terminator="),
        script=(Wait(2), Press("7")),
    ),
    "no initial timeout means forever": Story(collect(digits=ONE, initial_timeout=0), 1000),
    "timers that were held back start on request": Story(
        *(collect(digits=ONE, start_input_timers=False), 100),
        *(ask("collect.start_input_timers"), 2),
        *(ask("collect.start_input_timers"), 1.9),
        *(0.1, "collect no_input"),
    ),
    "a stop": Story(
        collect(digits=ONE),
        *(ask("collect.stop"), "collect finished"),
        ask("collect.stop", "404"),
        100,
    ),
    "speech continues after a short silence": Story(
        collect(speech={}),
        *(1.2, "caller says “sales”", "caller says “please”"),
        *(10, "collect speech text=sales please confidence=0.9"),
        script=(Say("sales"), Wait(0.5), Say("please")),
    ),
    "speech has a limit": Story(
        collect(speech={"speech_timeout": 5}),
        *(5.2, f"caller says “{'blah ' * 100}”"),
        *(0.2, f"collect speech text={'blah ' * 100} confidence=0.9"),
        script=(Say("blah " * 100),),
    ),
    "nobody understands": Story(
        collect(speech={}),
        *(10, "caller says “”", "collect no_match"),
        script=(Say(""),),
    ),
    "partial results and the start of input": Story(
        collect(speech={}, partial_results=True, send_start_of_input=True),
        *(0.3, "caller says “one two three”", "collect start_of_input final=True"),
        *(0.5, "collect speech text=one two confidence=0.45 final=False"),
        *(10, "collect speech text=one two three confidence=0.9 final=True"),
        script=(Say("one two three"),),
    ),
    "a continuous collect continues until it hears nothing": Story(
        collect(digits=ONE, speech={}, continuous=True),
        *(0.3, "caller presses 1", "collect digit digits=1 terminator= collecting"),
        *(1.25, "caller presses 2", "collect digit digits=2 terminator= collecting"),
        *(1.25, "caller says “three”"),
        *(1.35, "collect speech text=three confidence=0.9 collecting"),
        *(4, "collect no_input finished"),
        100,
        script=(Press("1"), Wait(1), Press("2"), Wait(1), Say("three")),
    ),
    "a continuous collect can be stopped": Story(
        collect(digits=ONE, continuous=True),
        *(ask("collect.stop"), "collect finished finished"),
    ),
    "a key counts more than words": Story(
        collect(digits={"max": 5, "digit_timeout": 1}, speech={}),
        *(1, "caller says “hm”", "caller presses 1", "caller says “oh”"),
        *(100, "collect digit digits=1 terminator="),
        script=(Say("hm"), Press("1"), Say("oh")),
    ),
}


@stories(WITHOUT_A_PROMPT)
def test_collecting_without_a_prompt(story: Story) -> None:
    story.check()


def test_a_collect_hears_only_what_it_wants() -> None:
    world, client, call_id = answered_call(Press("1"), Say("hello"))
    client.verb("collect", call_id, control_id="speech", speech={})
    client.verb("collect", call_id, control_id="digits", digits={"max": 9})
    world.pass_time(100)
    results = {event["control_id"]: event["result"]["type"] for event in client.events("collect")}
    assert results == {"speech": "speech", "digits": "digit"}


def test_events_of_a_collect_have_its_control_id() -> None:
    world, client, call_id = answered_call(Press("1"))
    client.verb("play_and_collect", call_id, **prompt(digits=ONE).params | {"control_id": "x"})
    world.pass_time(10)
    assert set(client.values("call.collect", "control_id")) == {"x"}
    assert set(client.values("call.play", "control_id")) == {"x"}

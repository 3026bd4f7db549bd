"""Strategies draw what they say: valid frames are valid, and people hang up once."""

from __future__ import annotations

import importlib
import sys
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from relay_proto.exchange import (
    Answers,
    Busy,
    Caller,
    HangUp,
    Hear,
    Press,
    Say,
    Step,
    TextMessage,
    What,
)
from relay_proto.exchange.sessions import ConnectParams
from relay_proto.exchange.verbs import VERBS
from relay_proto.rpc.event_base import UnknownEvent
from relay_proto.rpc.events import EVENT_CLASS_MAP, parse_event
from relay_proto.rpc.frames import MalformedFrame, RequestFrame, decode_frame, encode_json
from relay_proto.testing import Fault, Style, World, strategies
from relay_proto.testing.exploring_strategies import situations_for
from relay_proto.testing.situations import Part, Situation, Trouble, shorter
from tests.spec import EVENTS
from tests.spec.event_bodies import TYPES

METHODS = [*VERBS, "signalwire.connect", "signalwire.ping"]


@pytest.mark.parametrize("event_type", EVENT_CLASS_MAP)
@settings(max_examples=3)
@given(data=st.data())
def test_an_event_is_valid(event_type: str, data: st.DataObject) -> None:
    event = data.draw(strategies.events(event_type))
    assert event["event_type"] == event_type
    told = parse_event(event)
    assert type(told) is EVENT_CLASS_MAP[event_type]
    fields = EVENTS[event_type]["fields"]
    for name, value in event["params"].items():
        if name in fields:
            assert TYPES[fields[name]["type"]](value), name


@given(strategies.events())
def test_events_are_of_every_type(event: dict[str, Any]) -> None:
    assert not isinstance(parse_event(event), UnknownEvent)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=3)
@given(data=st.data())
def test_a_request_is_what_its_method_takes(method: str, data: st.DataObject) -> None:
    request = data.draw(strategies.requests(method))
    assert request["method"] == method
    if method != "signalwire.ping":
        kind = ConnectParams if method == "signalwire.connect" else VERBS[method].params
        msgspec.json.decode(encode_json(request["params"]), type=kind)


@given(strategies.server_frames() | strategies.requests())
def test_a_frame_is_a_request(frame: dict[str, Any]) -> None:
    assert isinstance(decode_frame(encode_json(frame)), RequestFrame)


@pytest.mark.parametrize("malformed", [True, False])
def test_something_broken_is_not_always_valid(malformed: bool) -> None:
    def fits(data: bytes) -> bool:
        return isinstance(decode_frame(data), MalformedFrame) is malformed

    enough = settings(max_examples=1000, database=None)
    data = find(strategies.broken_frames(), fits, settings=enough)
    assert fits(data)


@given(strategies.broken_events() | strategies.broken_requests())
def test_a_broken_frame_is_json(frame: dict[str, Any]) -> None:
    assert isinstance(msgspec.json.decode(encode_json(frame)), dict)


@given(strategies.scripts(prompts=("Hello",), digits="12"))
def test_people_hang_up_once_and_at_last(script: tuple[Step, ...]) -> None:
    assert script[-1] == HangUp()
    assert script.count(HangUp()) == 1
    for step in script:
        match step:
            case Press(digits):
                assert set(digits) <= {"1", "2"}
            case Hear(text):
                assert text == "Hello"
            case _:
                pass


@given(strategies.scripts(patience=None, longest=2))
def test_people_may_stay(script: tuple[Step, ...]) -> None:
    assert len(script) <= 2


@given(strategies.steps(words=("sales",)))
def test_people_say_texts_and_the_words_of_a_program(step: Step) -> None:
    assert not isinstance(step, Hear)


def test_texts_are_of_many_scripts() -> None:
    directions: set[str] = set()

    @settings(max_examples=200, database=None, derandomize=True)
    @given(strategies.texts())
    def look(text: str) -> None:
        directions.update(map(unicodedata.bidirectional, text))

    look()
    assert {"L", "R", "AL", "NSM", "RLO"} <= directions


@given(strategies.callers(), strategies.messages())
def test_people_have_numbers(caller: Caller, message: TextMessage) -> None:
    assert caller.number.startswith("+1555")
    assert message.from_number.startswith("+1555")


ALL = strategies.situations(
    strategies.callers(), strategies.messages(), strategies.troubles(), dials=["+15559"]
)


@given(ALL)
def test_what_befalls_a_program_can_be_compared_and_remembered(situation: Situation) -> None:
    assert hash(situation) == hash(situation)
    assert [number for number, _ in situation.lines] == ["+15559"]
    for part in situation.parts:
        assert 0 <= part.after <= 30
        assert part.when is None or part.what in (Trouble.CUT, Trouble.SILENCE)


@given(strategies.situations())
def test_nothing_befalls_a_program_unless_it_is_wanted(situation: Situation) -> None:
    assert situation == Situation()


def test_people_answer_what_a_program_asks() -> None:
    def told(what: What, **details: str) -> Any:
        from relay_anyio.testing import Happened, Who

        return Happened(0.0, "c", Who.PROGRAM, what, details)

    story = [
        told(What.PLAYED, text="“Press 7 for the sales department”"),
        told(What.PLAYED, text="https://example.com/a.mp3"),
        told(What.STARTED, activity="a recording"),
    ]
    situations = situations_for(story, caller=True, message=True, troubles=(), dials=())

    def steps(situation: Situation) -> set[Step]:
        callers = [part.what for part in situation.parts if isinstance(part.what, Caller)]
        return {step for caller in callers for step in caller.script}

    def heard(situation: Situation) -> set[str]:
        return {step.text for step in steps(situation) if isinstance(step, Hear)}

    # These search until they have found one; a number of examples would be a matter of luck.
    phases = (Phase.generate,)  # which one is the smallest does not matter
    search = settings(max_examples=20_000, database=None, derandomize=True, phases=phases)
    find(situations, lambda drawn: Press("7") in steps(drawn), settings=search)
    find(situations, lambda drawn: Say("department") in steps(drawn), settings=search)
    find(situations, lambda drawn: "Press 7 for" in heard(drawn), settings=search)
    find(situations, lambda drawn: "beep" in heard(drawn), settings=search)

    @settings(max_examples=100, database=None, derandomize=True)
    @given(situations)
    def look(situation: Situation) -> None:
        assert heard(situation) <= {"Press 7 for", "beep"}

    look()


def test_the_user_says_who_calls() -> None:
    anna = Caller("+1")
    situations = situations_for(
        [], caller=st.just(anna), message=False, troubles=[Trouble.CUT], dials=()
    )

    @settings(max_examples=50, database=None)
    @given(situations)
    def look(situation: Situation) -> None:
        assert all(part.what in (anna, Trouble.CUT) for part in situation.parts)

    look()


def test_a_situation_is_made_shorter_by_one_thing_at_a_time() -> None:
    busy, anna = ("+1", Busy()), Caller("+2", (Press("1"), Press("2")))
    whole = Situation(
        (Part(0.0, anna), Part(1.0, Trouble.CUT)),
        (busy, ("+3", Answers(script=(HangUp(),)))),
        ("+1",),
    )
    found = list(shorter(whole))
    assert whole not in found
    assert [len(one.parts) for one in found].count(1) == 2
    assert [len(one.lines) for one in found].count(1) == 2
    callers = [part.what for one in found for part in one.parts if isinstance(part.what, Caller)]
    scripts = [caller.script for caller in callers]
    assert {(), (Press("1"),), (Press("2"),)} <= set(scripts)
    assert Answers() in [behaviour for one in found for _, behaviour in one.lines]
    assert [one.undeliverable for one in found].count(()) == 1


@settings(max_examples=10, deadline=None)
@given(strategies.link_styles(), st.lists(strategies.faults(), max_size=4), st.integers(0, 9))
def test_a_world_keeps_its_promises_whatever_befalls_it(
    style: Style, faults: list[Fault], seed: int
) -> None:
    world = World(seed)
    world.style = lambda: style
    world.connected("office")
    for fault in faults:
        fault(world, world.stream("faults"))
        world.run(1.0)  # the world checks every promise after each step


@given(strategies.json_objects(), strategies.json_values())
def test_json_is_json(an_object: dict[str, Any], value: Any) -> None:
    assert msgspec.json.decode(encode_json([an_object, value])) == [an_object, value]


def test_without_hypothesis_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "relay_proto.testing.strategies")
    with pytest.raises(ImportError, match=r"pip install 'relay-proto\[hypothesis\]'"):
        importlib.import_module("relay_proto.testing.strategies")

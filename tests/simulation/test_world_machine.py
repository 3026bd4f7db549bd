"""The world in the hands of hypothesis: what fails is shrunk, and becomes an example.

`relay_proto.testing.plans` draws what befalls a world; here hypothesis chooses every
act and every instant. Each step checks every promise, and in the end everything has
to come to rest.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from relay_proto.api import commands
from relay_proto.api.commands import Command
from relay_proto.config import Limits
from relay_proto.errors import ClientClosedError, ConnectionLostError, RequestQueueFullError
from relay_proto.exchange import Caller, HangUp, Hear, Press, Say, Step, TextMessage, Wait
from relay_proto.outputs import CallOffered
from relay_proto.pending import Pending
from relay_proto.records import CallRecord
from relay_proto.testing import (
    OFFICE,
    PROJECTS,
    SALES,
    BrokenPromiseError,
    Link,
    Program,
    World,
    exchange_config,
    lines,
    phone,
    silence,
    tts,
)
from relay_proto.testing.faults import drop_link
from tests.faults.registry import forget_an_acknowledgement_after_a_resume

MOST_PROGRAMS = 4
LIMITS = Limits(active_calls=4, queued_requests=5, pending_requests=5, tags=50)
VERBS: dict[str, Command[Any]] = {
    "answer": commands.answer(),
    "hang up": commands.hangup(),
    "pass on": commands.pass_(),
    "play": commands.play([tts("the menu"), silence(3)]),
}
SCRIPTS: list[tuple[Step, ...]] = [
    (),
    (HangUp(),),
    (Wait(1.0), HangUp()),
    (Hear("menu"), Press("1#")),
    (Say("hello"),),
]

seconds = st.sampled_from([0.0, 0.01, 0.05, 0.1, 0.5, 1.0, 2.6, 10.0, 31.0, 70.0])
numbers = st.lists(st.sampled_from([f"+1555{n}" for n in range(1, 9)]), min_size=1, max_size=3)
choices = st.integers(0, 100)


class WorldMachine(RuleBasedStateMachine):
    """Programs, people, and all that goes wrong between them."""

    @initialize(seed=st.integers(0, 3), programs=st.integers(1, 2))
    def begin(self, seed: int, programs: int) -> None:
        self.world = World(seed, config=exchange_config(lines=lines()))
        self.asked: list[tuple[Program, Pending[Any]]] = []
        self.passed: list[tuple[Program, CallRecord, Pending[Any]]] = []
        for _ in range(programs):
            self.start_a_program(takes_calls=False)

    # Time

    @rule(seconds=seconds)
    def advance(self, seconds: float) -> None:
        self.world.run(seconds)

    @rule(times=st.integers(1, 5))
    def deliver(self, times: int) -> None:
        for _ in range(times):
            self.world.step()

    # Programs

    @precondition(lambda self: len(self.world.programs) < MOST_PROGRAMS)
    @rule(takes_calls=st.booleans())
    def start_a_program(self, *, takes_calls: bool) -> None:
        project = PROJECTS[len(self.world.programs)]
        program = self.world.program("office", limits=LIMITS, project=project)
        program.core.accepting_calls = takes_calls
        program.start()

    @rule(which=choices, takes_calls=st.booleans())
    def change_its_handlers(self, which: int, *, takes_calls: bool) -> None:
        self.program(which).core.accepting_calls = takes_calls

    @rule(which=choices)
    def close_a_program(self, which: int) -> None:
        self.program(which).close()

    @rule(which=choices, numbers=numbers, timeout=st.sampled_from([1.5, 1.6, 20.0]))
    def dial(self, which: int, numbers: list[str], timeout: float) -> None:
        devices = [[phone(number) for number in numbers]]
        self.execute(self.program(which), commands.dial(devices, dial_timeout=timeout))

    @rule(which=choices, context=st.sampled_from(["sales", "night"]), more=st.booleans())
    def subscribe(self, which: int, context: str, more: bool) -> None:
        command = commands.receive if more else commands.unreceive
        self.execute(self.program(which), command([context]))

    @rule(which=choices)
    def send_a_text(self, which: int) -> None:
        body = f"text {len(self.asked)}"
        command = commands.send_message(to_number="+1", from_number=OFFICE, body=body)
        self.execute(self.program(which), command)

    @rule(which=choices, call=choices, verb=st.sampled_from(sorted(VERBS)))
    def act_on_a_call(self, which: int, call: int, verb: str) -> None:
        program = self.program(which)
        calls = self.calls(program)
        if calls:
            with suppress(ClientClosedError, RequestQueueFullError):
                one = calls[call % len(calls)]
                pending = program.execute_on(one, VERBS[verb])
                if verb == "pass on":
                    self.passed.append((program, one, pending))

    @precondition(lambda self: self.asked)
    @rule(which=choices)
    def cancel(self, which: int) -> None:
        program, pending = self.asked[which % len(self.asked)]
        if not program.asleep:
            program.cancel(pending)

    @rule(which=choices, seconds=st.sampled_from([1.0, 40.0]))
    def sleep(self, which: int, seconds: float) -> None:
        self.program(which).sleep(seconds)

    # People

    @rule(script=st.sampled_from(SCRIPTS), patience=st.sampled_from([1.0, 20.0]))
    def somebody_calls(self, script: Any, patience: float) -> None:
        self.world.place_call(Caller("+15550001111", script, patience=patience))

    @rule(number=st.sampled_from([OFFICE, SALES]))
    def somebody_writes(self, number: str) -> None:
        text = TextMessage("+15550001111", number, body="hello")
        self.world.on_exchange(lambda now: self.world.exchange.receive_text(text, now))

    # Faults

    @rule(which=choices, delay=st.sampled_from([0.0, 2.0]))
    def cut(self, which: int, delay: float) -> None:
        for link in self.link(which):
            link.cut(up_delay=delay)

    @rule(which=choices)
    def vanish(self, which: int) -> None:
        for link in self.link(which):
            if not self.program(which).asleep:
                link.vanish()

    @rule(which=choices, size=st.integers(1, 300), up=st.booleans())
    def cut_after(self, which: int, size: int, up: bool) -> None:
        for link in self.link(which):
            pipe = link.up if up else link.down
            pipe.fuse = (size, link.cut)

    @rule(which=choices, up=st.booleans())
    def fall_silent(self, which: int, up: bool) -> None:
        for link in self.link(which):
            (link.up if up else link.down).silence()

    @rule(which=choices, seconds=st.sampled_from([1.0, 12.0]))
    def stall(self, which: int, seconds: float) -> None:
        for link in self.link(which):
            link.down.hold(seconds)

    @rule(which=choices, restart=st.booleans(), stay=st.booleans())
    def say_goodbye(self, which: int, restart: bool, stay: bool) -> None:
        for link in self.link(which):
            say = partial(self.world.exchange.say_goodbye, link.number, restart=restart, stay=stay)
            self.world.on_exchange(say)

    @rule(memory=st.booleans())
    def restart_the_server(self, memory: bool) -> None:
        if memory:
            for link in tuple(self.world.links.values()):
                drop_link(self.world, link)
        else:
            self.world.on_exchange(self.world.exchange.forget_sessions)

    @rule(status=st.sampled_from([0, 503]))
    def refuse_upgrades(self, status: int) -> None:
        self.world.exchange.refuse_upgrades(status)

    @rule(which=choices, text=choices)
    def repeat_an_event(self, which: int, text: int) -> None:
        program = self.program(which)
        texts = self.world.promises.ledger(program).repeatable
        for link in self.link(which):
            if texts and program.ready:
                link.inject(texts[text % len(texts)])

    # What holds, and what there is

    @invariant()
    def the_promises_are_kept(self) -> None:
        self.world.promises.check()  # as each step does; a rule may have taken none

    def program(self, which: int) -> Program:
        return self.world.programs[which % len(self.world.programs)]

    def link(self, which: int) -> list[Link]:
        link = self.program(which).link
        return [link] if link is not None and link.alive else []

    def calls(self, program: Program) -> list[CallRecord]:
        return [output.call for output in program.told(CallOffered)]

    def execute(self, program: Program, command: Any) -> None:
        with suppress(ClientClosedError, RequestQueueFullError):
            self.asked.append((program, program.execute(command)))

    def teardown(self) -> None:
        if not hasattr(self, "world") or self.world.promises.broken:
            return
        world = self.world
        world.run(40.0)  # whoever sleeps wakes up
        world.exchange.refuse_upgrades(0)
        world.after(100.0, self.notice_dead_links)
        world.run(320.0)
        for program, call, pending in self.passed:
            # A reply that was lost: it may have been done, so the program asks once more.
            if isinstance(pending.error, ConnectionLostError) and not call.ended:
                with suppress(ClientClosedError):
                    program.execute_on(call, VERBS["pass on"])
        world.run(60.0)
        world.settle_down()

    def notice_dead_links(self) -> None:
        world = self.world
        for link in tuple(world.links.values()):
            if not link.alive:
                drop_link(world, link)


TestWorldMachine = WorldMachine.TestCase
TestWorldMachine.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)


def test_the_machine_finds_a_planted_fault() -> None:
    searching = settings(
        TestWorldMachine.settings, phases=[Phase.generate], database=None, derandomize=True
    )
    with (
        forget_an_acknowledgement_after_a_resume.planted(),
        pytest.raises(BrokenPromiseError) as broken,
    ):
        run_state_machine_as_test(WorldMachine, settings=searching)
    assert broken.value.check == "everything is acknowledged"

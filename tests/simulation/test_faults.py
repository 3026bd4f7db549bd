"""The world's own parts, where chance seldom goes."""

from __future__ import annotations

from random import Random

import pytest

from relay_proto.api import commands
from relay_proto.exchange import Caller
from relay_proto.outputs import Closed, Connected, ConnectFailed, Settled
from relay_proto.server import ServerConfig
from relay_proto.testing import (
    FAULTS,
    Fault,
    LivelockError,
    Program,
    Shrinker,
    Style,
    World,
    exchange_config,
)
from relay_proto.testing.faults import NONSENSE, hang_up_as_it_breaks, let_two_answer
from relay_proto.testing.plans import carry_out, draw_plan
from relay_proto.transitions import CallState, SessionState

from .script import ANNA, REPLY, answered_call, dial, end


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_needs_nobody_to_strike(fault: Fault) -> None:
    world = World()
    world.program("office")
    for seed in range(5):
        fault(world, Random(seed))
    world.run(10.0)


def test_nonsense_is_survived(world: World, program: Program) -> None:
    assert program.link is not None
    for text in NONSENSE:
        world.promises.injected += 1
        assert program.link.inject(text)
    world.run(10.0)
    assert len(program.told(Connected)) == 1
    end(world)


def test_nothing_is_injected_before_the_upgrade() -> None:
    world = World()
    program = world.program("office")
    program.start()
    world.run(0.15)
    assert program.link is not None
    assert not program.link.inject(NONSENSE[0])
    end(world)


def test_a_link_opens_when_it_has_been_given_up() -> None:
    world = World()
    world.style = lambda: Style(latency=10.0, stale=True)
    program = world.program("office")
    program.start()
    world.run(15.5)
    assert len(program.told(ConnectFailed)) == 1
    world.style = Style
    world.run(20.0)
    assert program.ready
    end(world)


def test_a_goodbye_comes_before_the_session(world: World) -> None:
    program = world.program("office")
    program.start()
    world.run(0.22)
    link = program.link
    assert link is not None
    link.down.hold(1.0)  # the goodbye and what follows it arrive in one read
    world.on_exchange(lambda now: world.exchange.say_goodbye(link.number, now, restart=False))
    world.run(10.0)
    assert len(program.told(ConnectFailed)) == 1
    assert len(program.told(Connected)) == 1
    end(world)


def test_who_gives_up_calling_has_lost_no_dial(world: World, program: Program) -> None:
    pending = dial(program, ANNA)
    world.run(2.5)
    assert program.link is not None
    program.link.up.silence()  # that Anna has answered is told again behind the resume
    world.run_until(lambda: pending.settled, "an answer")
    program.link.vanish()
    world.on_exchange(lambda now: world.exchange.drop(1, now))
    world.place_call(Caller("+15550001111", patience=0.5))
    world.run_until(lambda: program.link is not None and program.link.alive, "a link")
    let_two_answer(world, Random(0))
    world.run(10.0)
    assert program.told(Connected)[-1].resumed
    again = next(line for line in reversed(world.trace) if "dial_state=answered" in line)
    gone = next(line for line in reversed(world.trace) if "end_reason=cancel" in line)
    assert again.split()[0] == gone.split()[0], "told at once"
    assert not world.faults["two legs answer at once"]
    program.execute_on(pending.result(), commands.hangup())
    end(world)


def test_hanging_up_with_a_full_queue(world: World, program: Program) -> None:
    answered_call(world, program)
    assert program.link is not None
    program.link.vanish()
    for _ in range(program.core.config.limits.queued_requests):
        program.execute(commands.receive(["flood"]))
    world.run_until(lambda: program.link is not None and program.link.alive, "a link")
    hang_up_as_it_breaks(world, Random(0))
    assert world.faults["hangs up as the link breaks"] == 1
    world.run(60.0)
    program.close()
    world.run(100.0)


def test_a_closed_core_answers_what_is_asked_late(world: World, program: Program) -> None:
    call = answered_call(world, program)
    program.close()
    program.close()
    world.run(5.0)
    assert len(program.told(Closed)) == 1
    assert program.wait_for(call, CallState.ENDED).settled
    world.run(100.0)
    world.settle_down()


def test_a_closed_core_is_asked_before_it_could_say_so(world: World, program: Program) -> None:
    call = answered_call(world, program)
    program.close()
    program.draining_late = lambda: 0.05
    world.run_until(lambda: program.core.state is SessionState.CLOSED, "the end")
    assert program.told(Closed) == [], "it is under way"
    assert program.wait_for(call, CallState.ENDED).settled
    assert [type(output) for output in program.outputs[-2:]] == [Closed, Settled]
    world.run(100.0)
    world.settle_down()


def test_a_goodbye_comes_to_a_core_that_has_left(world: World, program: Program) -> None:
    world.exchange.refuse_unknown_sessions(True)
    link, say = program.link, world.exchange.say_goodbye
    assert link is not None

    def say_goodbye(*, restart: bool) -> None:
        world.on_exchange(lambda now: say(link.number, now, restart=restart, stay=True))

    say_goodbye(restart=False)
    world.run(REPLY)
    program.draining_late = lambda: 0.05
    wait = program.core.config.timing.goodbye_timeout
    world.after(wait - 0.04, lambda: say_goodbye(restart=True))
    world.run(wait + 0.02)
    assert link.alive, "that it is left is still to be said"
    world.run(10.0)
    resumes_refused = world.promises.ledger(program).session.resumes_refused
    assert resumes_refused == 1, "it has not heard that its session is over"
    end(world)


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_session_comes_to_a_core_that_has_left(forgotten: bool) -> None:
    world = World(config=exchange_config(server=ServerConfig(ping_interval=0.0)))
    program = world.connected("office")
    world.run(1.0)
    assert program.link is not None
    program.link.vanish()
    if forgotten:
        world.on_exchange(world.exchange.forget_sessions)
    world.run_until(lambda: "2 → signalwire.connect" in world.trace[-1], "an attempt")
    program.draining_late = lambda: 0.05
    wait = program.core.config.timing.request_timeout
    program.link.down.hold(wait + 0.02)
    world.run(wait + 0.03)
    assert program.link.alive, "that it is left is still to be said"
    world.run(20.0)
    assert program.told(Connected)[-1].resumed is not forgotten
    end(world)


def test_who_sleeps_does_not_fall_asleep_again(world: World, program: Program) -> None:
    program.sleep(100.0)
    program.sleep(1000.0)
    clocks = [program.clock]
    for _ in range(3):
        world.run(50.0)
        clocks.append(program.clock)
    assert clocks == pytest.approx([1.3, 1.3, 1.3, 51.3])
    end(world)


def test_a_livelock_is_shrunk_like_any_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay_proto.testing.world.MOST_STEPS_PER_SECOND", 20)
    failed = carry_out(draw_plan(1))
    shortest = Shrinker(failed, carry_out, most_runs=20).shrink()
    assert isinstance(shortest.error, LivelockError)
    assert len(shortest.plan.acts) < len(failed.plan.acts)

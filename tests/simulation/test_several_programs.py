"""Several programs serve one context, and some of them go: the callers are taken all the same."""

from __future__ import annotations

import pytest

from relay_proto.api import commands
from relay_proto.exchange import Caller, What
from relay_proto.outputs import CallEnded, CallOffered
from relay_proto.testing.checks import BrokenPromiseError
from relay_proto.testing.program import Program
from relay_proto.testing.promises import CHECK_ALL
from relay_proto.testing.world import World

from .script import answered_call, end, happened

CALLER = Caller("+15550001111", patience=600)


def another(world: World) -> Program:
    program = world.connected("office")
    program.core.accepting_calls = True
    world.run(0.5)
    return program


def offered(program: Program) -> list[str]:
    return [one.call.call_id for one in program.told(CallOffered)]


def test_who_sleeps_through_a_cut_ends_the_call_that_another_one_has_taken(
    world: World, program: Program
) -> None:
    second = another(world)
    call_id = world.place_call(CALLER)
    world.run(0.2)
    assert offered(program) == [call_id]
    program.sleep(20.0)
    world.on_exchange(lambda now: world.exchange.drop(1, now))
    world.run(6.0)
    assert offered(second) == [call_id]
    answered = second.execute_on(second.told(CallOffered)[0].call, commands.answer())
    world.run(60.0)
    assert answered.result()["code"] == "200"
    assert [one.call.call_id for one in program.told(CallEnded)] == [call_id]
    assert program.told(CallEnded)[0].call.end_reason == "cancel"
    assert happened(world, What.ANSWERED) == 1
    end(world)


def test_a_rolling_replacement_takes_every_caller(world: World, program: Program) -> None:
    old = [program, another(world), another(world)]
    new: list[Program] = []
    calls: set[str] = set()

    def call() -> None:
        calls.add(world.place_call(CALLER))
        world.run(0.3)
        for one in (*old, *new):
            for offer in one.told(CallOffered):
                if offer.call.state == "created":
                    one.execute_on(offer.call, commands.answer())
        world.run(0.3)

    for leaving in old:
        call()
        new.append(another(world))
        leaving.core.drain(world.now)
        leaving.drain()
        call()
        for offer in leaving.told(CallOffered):
            leaving.execute_on(offer.call, commands.hangup())
        world.run(1.0)
        leaving.close()
        call()
    assert happened(world, What.ANSWERED) == len(calls) == 9
    assert happened(world, What.UNSERVED) == 0
    end(world)


def test_a_core_that_does_not_move_is_checked_now_and_then(world: World, program: Program) -> None:
    call = answered_call(world, program)
    second = another(world)
    call.state = "ringing"  # it was answered
    for number in range(CHECK_ALL):
        world.after(0.01 * number, second.drain)
    with pytest.raises(BrokenPromiseError, match="calls only move forward"):
        world.run(2.0)

"""The worst cases of sessions and requests, each at its exact instant."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.api import commands
from relay_proto.errors import (
    AuthenticationError,
    ConnectionLostError,
    RequestQueueFullError,
    RequestTimeoutError,
)
from relay_proto.exchange import Caller
from relay_proto.outputs import (
    CallEnded,
    CallOffered,
    Closed,
    Connected,
    ConnectFailed,
    Disconnected,
    Ignored,
    MessageChanged,
)
from relay_proto.pending import Pending
from relay_proto.testing.application import silence
from relay_proto.testing.program import Program
from relay_proto.testing.world import OFFICE, PROJECT, World
from relay_proto.transitions import CallState

from .script import (
    ANNA,
    NOBODY,
    answered_call,
    dial,
    end,
    link_of,
)

# Sessions


def test_a_resume_is_refused_with_calls_up(world: World, program: Program) -> None:
    call = answered_call(world, program)
    started = program.execute_on(call, commands.play([silence(300)]))
    ended = program.wait_for(call, CallState.ENDED)
    world.run(0.2)
    pending = dial(program, NOBODY)
    world.run(1.0)
    assert program.link is not None
    program.link.cut()
    world.on_exchange(world.exchange.forget_sessions)
    world.run(10.0)
    assert [one.resumed for one in program.told(Connected)] == [False, False]
    assert program.told(ConnectFailed) == [], "refused resume data are no failure"
    assert (call.state, call.end_reason) == ("ended", "error")
    assert started.result().done.settled
    assert ended.settled
    assert isinstance(pending.error, ConnectionLostError)
    assert call in [one.call for one in program.told(CallEnded)]
    assert program.core.active_calls == 0
    end(world)


def test_the_server_restarts_without_memory(world: World, program: Program) -> None:
    call = answered_call(world, program)
    message = program.execute(
        commands.send_message(to_number=ANNA, from_number=OFFICE, body="before")
    )
    world.on_exchange(world.exchange.forget_sessions)
    world.run(10.0)
    assert isinstance(message.error, ConnectionLostError)
    assert call.ended
    again = answered_call(world, program)
    assert not again.ended
    program.execute_on(again, commands.hangup())
    end(world)


@pytest.mark.parametrize("direction", ["up", "down", "both"])
def test_a_half_open_link_is_found_out(world: World, program: Program, direction: str) -> None:
    call = answered_call(world, program)
    assert program.link is not None
    for name in ("up", "down"):
        if direction in (name, "both"):
            getattr(program.link, name).silence()
    world.run_until(lambda: not program.ready, "the loss", within=66.0)
    assert program.told(Disconnected)[-1].error is not None
    world.run_until(lambda: program.ready, "a new session", within=40.0)
    assert program.told(Connected)[-1].resumed
    assert not call.ended, "a resumed session is the same session"
    program.execute_on(call, commands.hangup())
    end(world)


def test_events_are_repeated_when_their_acknowledgement_was_lost(
    world: World, program: Program
) -> None:
    assert program.link is not None
    program.link.up.silence()
    caller = Caller("+15550001111")
    world.on_exchange(lambda now: world.exchange.place_call(caller, to=OFFICE, now=now))
    world.run(1.0)
    assert len(program.told(CallOffered)) == 1
    program.link.vanish()
    world.on_exchange(lambda now: world.exchange.drop(1, now))
    world.run(10.0)
    assert program.told(Connected)[-1].resumed
    assert sum("2 ← calling.call.receive" in line for line in world.trace) == 1, "it came again"
    assert Ignored("an event that came before") in program.outputs
    assert len(program.told(CallOffered)) == 1
    world.run(60.0)
    assert program.core.active_calls == 0, "the caller has lost patience, and it was told"
    end(world)


def test_one_slow_answer_times_out_alone(world: World, program: Program) -> None:
    call = answered_call(world, program)
    assert program.link is not None
    slow = program.execute(commands.receive(["slow"]))
    program.link.withholds = lambda frame: b"Receiving events" in frame.text
    world.run(11.0)
    assert isinstance(slow.error, RequestTimeoutError)
    assert program.told(Disconnected) == []
    assert not call.ended
    program.execute_on(call, commands.hangup())
    end(world)


def test_refused_credentials_end_it(world: World, program: Program) -> None:
    world.on_exchange(lambda now: world.exchange.revoke(PROJECT, now))
    world.run(60.0)
    closed = program.told(Closed)
    assert len(closed) == 1
    assert isinstance(closed[0].error, AuthenticationError)
    assert len(program.told(ConnectFailed)) == 3
    assert program.core.deadline() is None


@pytest.mark.parametrize("after", [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35])
@pytest.mark.parametrize("cut", [False, True])
def test_disconnect_at_every_stage_of_connecting(after: float, cut: bool) -> None:
    world = World()
    program = world.program("office")
    started = program.start()
    queued = program.execute(commands.receive(["sales"]))
    world.run(after)
    if cut and program.link is not None:
        program.link.cut()
    program.close()
    world.run(3.1)
    assert program.told(Closed) == [Closed(None)]
    assert started.settled
    assert queued.settled
    world.run(100.0)
    world.settle_down()


@pytest.mark.parametrize("size", [1, 40, 150, 200, 260, 300])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_cut_in_the_middle_of_the_upgrade_or_authentication(size: int, direction: str) -> None:
    world = World()
    program = world.program("office")
    waits: list[Pending[Any]] = [program.start(), program.execute(commands.receive(["sales"]))]
    assert program.link is not None
    getattr(program.link, direction).fuse = (size, program.link.cut)
    world.run(10.0)
    assert [one.attempt for one in program.told(ConnectFailed)] in ([1], [])
    assert program.ready
    assert all(pending.error is None for pending in waits)
    end(world)


@pytest.mark.parametrize("restart", [False, True])
def test_a_goodbye_comes_in_one_read_with_the_upgrade(
    world: World, program: Program, restart: bool
) -> None:
    call = answered_call(world, program)
    assert program.link is not None
    program.link.vanish()
    world.run_until(lambda: any("2 → (upgrade)" in line for line in world.trace), "an attempt")
    program.link.down.hold(1.0)
    world.run(0.1)
    number, say = link_of(program), world.exchange.say_goodbye
    world.on_exchange(lambda now: say(number, now, restart=restart))
    world.run(10.0)
    assert len(program.told(ConnectFailed)) == 1
    assert [one.resumed for one in program.told(Connected)] == [False, not restart]
    assert call.ended is restart
    program.execute_on(call, commands.hangup())
    end(world)


# Messages and requests


def test_a_message_is_delivered_in_the_same_segment_as_the_reply(
    world: World, program: Program
) -> None:
    assert program.link is not None
    pending = program.execute(
        commands.send_message(to_number=ANNA, from_number=OFFICE, body="hello")
    )
    program.link.down.hold(5.0)
    world.run(4.9)
    assert not pending.settled
    world.run(0.2)
    message = pending.result()
    assert message.state == "delivered"
    assert message.done.settled
    states = [one.message.state for one in program.told(MessageChanged)]
    assert len(states) == 4
    end(world)


def test_a_flood_of_requests_while_there_is_no_session(world: World, program: Program) -> None:
    assert program.link is not None
    world.exchange.refuse_upgrades(503)
    program.link.vanish()
    limit = program.core.config.limits.queued_requests
    pending = [program.execute(commands.receive([f"c-{number % 50}"])) for number in range(limit)]
    for _ in range(20):
        with pytest.raises(RequestQueueFullError):
            program.execute(commands.receive(["one too many"]))
    program.cancel(pending[0])
    pending[0] = program.execute(commands.receive(["room again"]))
    world.run(20.0)
    assert not any(one.settled for one in pending)
    world.exchange.refuse_upgrades(0)
    world.run(35.0)
    assert all(one.error is None for one in pending)
    asked = [line for line in world.trace if "→ signalwire.receive" in line]
    assert len(asked) == limit, "each once"
    assert "room again" in asked[-1], "in their order"
    end(world)


def test_requests_are_given_up_when_there_is_no_session_for_long(
    world: World, program: Program
) -> None:
    assert program.link is not None
    world.exchange.refuse_upgrades(503)
    program.link.vanish()
    waits: list[Pending[Any]] = [program.execute(commands.receive(["sales"])), dial(program, ANNA)]
    world.run(60.0)
    for pending in waits:
        assert isinstance(pending.error, RequestTimeoutError)
        assert not pending.error.sent
    world.exchange.refuse_upgrades(0)
    world.run(40.0)
    assert not any("→ calling.dial" in line for line in world.trace)
    end(world)

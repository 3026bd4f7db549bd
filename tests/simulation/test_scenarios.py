"""The worst cases, each at its exact instant."""

from __future__ import annotations

from random import Random

import pytest

from relay_proto.api import commands
from relay_proto.errors import (
    ClientClosedError,
    ConnectionLostError,
    DialTimeoutError,
)
from relay_proto.exchange import Busy, Caller, Line, What
from relay_proto.outputs import (
    CallEnded,
    CallOffered,
    Closed,
    Connected,
    Disconnected,
    EventReceived,
    Ignored,
    OfferRefused,
)
from relay_proto.rpc.events import RecordEvent
from relay_proto.testing.application import phone, silence
from relay_proto.testing.faults import let_two_answer
from relay_proto.testing.program import Program
from relay_proto.testing.world import OFFICE, World
from relay_proto.transitions import CallState, SessionState

from .script import (
    ANNA,
    BELA,
    NOBODY,
    REPLY,
    REQUEST,
    answered_call,
    asked,
    dial,
    end,
    happened,
    link_of,
)

SOON, LATE = 2, 0
"""Chances by which the server ends a loser 1.3 or 6.9 s after it has answered."""

# Files


def test_the_file_of_a_recording_harms_no_world(world: World, program: Program) -> None:
    call = answered_call(world, program)
    recording = program.execute_on(call, commands.record())
    world.run(2.0)
    program.execute_on(recording.result(), commands.stop())
    world.run(2.0)
    finished = [one.event for one in program.told(EventReceived)]
    assert [one.url for one in finished if isinstance(one, RecordEvent)][-1].startswith("https://")
    program.execute_on(call, commands.hangup())
    end(world)


# Dials


def test_cut_between_a_dial_and_its_reply(world: World, program: Program) -> None:
    pending = dial(program, ANNA, BELA)
    world.run(REQUEST + 0.01)
    assert happened(world, What.DIALED) == 2, "the server has it"
    assert program.link is not None
    program.link.vanish()
    assert isinstance(pending.error, ConnectionLostError)
    assert pending.error.maybe_delivered
    world.run(60.0)
    assert [one.resumed for one in program.told(Connected)] == [False, True]
    assert happened(world, What.ENDED) == 2, "nobody is left ringing"
    end(world)


def test_cut_right_after_the_winner_answered(world: World, program: Program) -> None:
    pending = dial(program, ANNA, BELA)
    world.run_until(lambda: happened(world, What.ANSWERED) > 0, "an answer")
    assert program.link is not None
    program.link.vanish()  # the news is under way, and does not arrive
    assert not pending.settled, "the server has the dial: its events will decide it"
    world.run(30.0)
    winner = pending.result()
    assert winner.state == "answered"
    assert program.core.active_calls == 1, "the loser has ended"
    program.execute_on(winner, commands.hangup())
    end(world)


def test_a_leg_answers_when_the_dial_has_timed_out(world: World, program: Program) -> None:
    pending = dial(program, ANNA, timeout=2.5 + REQUEST)
    world.run(2.5 + REQUEST + 0.001)
    assert happened(world, What.ANSWERED) == 1, "the news is under way"
    assert isinstance(pending.error, DialTimeoutError)
    world.run(1.0)
    assert happened(world, What.ENDED) == 1
    end(world)


def test_a_dial_is_cancelled_with_its_winner_on_the_way(world: World, program: Program) -> None:
    pending = dial(program, ANNA, BELA)
    world.run_until(lambda: pending.settled, "a winner")
    program.cancel(pending)
    world.run(1.0)
    assert happened(world, What.ENDED) == 2
    end(world)


def test_a_leg_is_hung_up_though_the_reply_is_lost(world: World, program: Program) -> None:
    pending = dial(program, ANNA)
    world.run(1.0)
    assert program.link is not None
    program.link.withholds = lambda frame: not frame.method
    program.cancel(pending)
    world.run(25.0)
    program.link.withholds = None
    assert asked(world, "calling.end") == 1, "an event has said that it has ended"
    assert happened(world, What.ENDED) == 1
    end(world)


def test_a_leg_is_hung_up_though_the_server_is_slow(world: World, program: Program) -> None:
    pending = dial(program, ANNA)
    world.run(1.0)
    assert program.link is not None
    program.link.up.hold(25.0)
    program.cancel(pending)
    world.run(24.0)
    assert asked(world, "calling.end") == 3
    assert happened(world, What.ENDED) == 0
    world.run(2.0)
    assert happened(world, What.ENDED) == 1
    assert program.told(Disconnected) == []
    end(world)


def test_a_leg_is_hung_up_behind_a_link_that_is_dead_one_way(
    world: World, program: Program
) -> None:
    pending = dial(program, ANNA)
    world.run(1.0)
    assert program.link is not None
    program.link.up.silence()  # the server is heard, and hears nothing
    program.cancel(pending)
    world.run(35.0)
    assert asked(world, "calling.end") == 3
    assert program.ready
    world.run(30.0)
    assert program.told(Connected)[-1].resumed
    assert asked(world, "calling.end") == 4, "the next session asks again"
    assert happened(world, What.ENDED) == 1
    end(world)


def test_disconnect_while_a_dial_rings(world: World, program: Program) -> None:
    pending = dial(program, NOBODY, NOBODY)
    world.run(1.0)
    program.close()
    assert isinstance(pending.error, ClientClosedError)
    world.run(0.2)
    assert happened(world, What.ENDED) == 2, "hung up before the farewell"
    assert program.told(Closed) == [Closed(None)]
    end(world)


def test_a_state_of_a_leg_comes_when_it_has_ended(world: World, program: Program) -> None:
    world.exchange.set_line(Line(BELA, Busy()))
    pending = program.execute(commands.dial([[phone(BELA)], [phone(ANNA)]]))
    world.run(1.0)
    busy, *_ = program.told(CallEnded)
    states = [text for text in world.promises.ledger(program).repeatable if b"created" in text]
    assert program.link is not None
    program.link.inject(states[0].replace(b'"id":"', b'"id":"late-', 1))
    world.run(5.0)
    assert pending.result().call_id != busy.call.call_id
    assert program.core.active_calls == 1, "what has ended does not come back"
    program.execute_on(pending.result(), commands.hangup())
    end(world)


def test_a_goodbye_leaves_a_dial_pending(world: World, program: Program) -> None:
    pending = dial(program, ANNA)
    world.run(1.0)
    number = link_of(program)
    world.on_exchange(lambda now: world.exchange.say_goodbye(number, now, restart=False))
    world.run(REPLY)
    assert program.core.state is SessionState.DRAINING
    queued = program.execute(commands.receive(["sales"]))
    world.run(10.0)
    assert [one.resumed for one in program.told(Connected)] == [False, True]
    assert queued.result()["code"] == "200", "asked for in the next session"
    assert pending.result().state == "answered"
    program.execute_on(pending.result(), commands.hangup())
    end(world)


@pytest.mark.parametrize("ends_late", [False, True])
def test_two_legs_answer_at_once_behind_a_goodbye(
    world: World, program: Program, ends_late: bool
) -> None:
    pending = dial(program, ANNA, BELA)
    let_two_answer(world, Random(LATE if ends_late else SOON))
    world.run(2.0)
    number, say = link_of(program), world.exchange.say_goodbye
    world.on_exchange(lambda now: say(number, now, restart=False, stay=True))
    world.run_until(lambda: pending.settled, "a winner")
    world.run(2.0)
    assert program.core.state is SessionState.DRAINING
    assert (program.told(CallEnded) == []) is ends_late
    assert asked(world, "calling.end") == 0, "behind a goodbye nothing is asked"
    world.run(10.0)
    assert program.told(Connected)[-1].resumed
    assert asked(world, "calling.end") == ends_late, "the next session asks, if it must"
    program.execute_on(pending.result(), commands.hangup())
    end(world)


def test_a_goodbye_with_restart_ends_a_dial(world: World, program: Program) -> None:
    pending = dial(program, ANNA)
    world.run(1.0)
    number = link_of(program)
    world.on_exchange(lambda now: world.exchange.say_goodbye(number, now, restart=True))
    world.run(10.0)
    assert [one.resumed for one in program.told(Connected)] == [False, False]
    assert isinstance(pending.error, ConnectionLostError)
    assert program.core.active_calls == 0
    end(world)


# Calls


def test_a_passed_call_is_no_longer_ours(world: World, program: Program) -> None:
    caller = Caller("+15550001111")
    world.on_exchange(lambda now: world.exchange.place_call(caller, to=OFFICE, now=now))
    world.run(0.2)
    call = program.told(CallOffered)[-1].call
    ended = program.wait_for(call, CallState.ENDED)
    passed = program.execute_on(call, commands.pass_())
    world.run(0.2)
    assert passed.result()["code"] == "200"
    assert ended.settled, "nobody will say anything about it any more"
    assert program.core.active_calls == 0
    end(world)


def late_program(world: World) -> Program:
    """A program that has connected, and has not said yet who takes its calls."""
    program = world.connected("office")
    world.run(1.0)
    return program


def test_a_call_that_comes_before_its_handler_is_not_lost(world: World) -> None:
    program = late_program(world)
    world.place_call(Caller("+15550001111"))
    world.run(2.0)
    assert program.told(CallOffered) == []
    program.core.accepting_calls = True
    world.run(0.2)
    call = program.told(CallOffered)[-1].call
    program.execute_on(call, commands.answer())
    world.run(0.2)
    assert call.state == "answered"
    assert happened(world, What.PASSED) == 0
    program.execute_on(call, commands.hangup())
    end(world)


def test_a_call_whose_handler_does_not_come_goes_to_another_program(world: World) -> None:
    program = late_program(world)
    world.place_call(Caller("+15550001111"))
    world.run(0.2)
    other = world.connected("office")
    other.core.accepting_calls = True
    world.run(10.0)
    assert len(program.told(OfferRefused)) == 1
    call = other.told(CallOffered)[-1].call
    other.execute_on(call, commands.hangup())
    end(world)


@pytest.mark.parametrize("cut", ["resumed", "lost"])
def test_a_call_that_waits_for_a_handler_survives_a_cut_or_goes_elsewhere(
    world: World, cut: str
) -> None:
    program = late_program(world)
    world.place_call(Caller("+15550001111"))
    world.run(0.2)
    if cut == "lost":
        world.on_exchange(world.exchange.forget_sessions)
    else:
        number = link_of(program)
        world.on_exchange(lambda now: world.exchange.drop(number, now))
    world.run(20.0)
    assert program.told(CallOffered) == []
    end(world)


def test_the_last_event_comes_in_the_read_that_breaks_the_link(
    world: World, program: Program
) -> None:
    call = answered_call(world, program)
    assert program.link is not None
    started = program.execute_on(call, commands.play([silence(1)]))
    program.link.down.hold(1.5)
    world.run(1.2)
    program.link.leave_up(flush=True)
    world.run(1.0)
    assert started.result().done.settled
    assert [type(one) for one in program.outputs].count(Disconnected) == 1
    last = [one for one in program.told(EventReceived) if one.action is not None]
    assert last[-1].action is not None
    assert last[-1].action.completed
    program.execute_on(call, commands.hangup())
    end(world)


def test_the_end_of_a_call_is_redelivered_before_its_offer(world: World, program: Program) -> None:
    call = answered_call(world, program)
    program.execute_on(call, commands.hangup())
    world.run(1.0)
    offers = len(program.told(CallOffered))
    texts = world.promises.ledger(program).repeatable
    other, link = b"another" + call.call_id.encode()[7:], program.link
    for what in (b'"ended"', b"calling.call.receive"):
        text = next(text for text in texts if what in text and call.call_id.encode() in text)
        text = text.replace(b'"id":"', b'"id":"late-', 1)
        assert link is not None
        assert link.inject(text.replace(call.call_id.encode(), other))
    world.run(1.0)
    assert len(program.told(CallOffered)) == offers, "nobody would ever end it"
    assert Ignored("the offer of a call that has ended") in program.outputs
    assert program.core.active_calls == 0
    end(world)

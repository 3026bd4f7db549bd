"""A program stands still while answers come: what waited is read first, and is in time."""

from __future__ import annotations

from typing import Any

import pytest

from relay_proto.api import commands
from relay_proto.outputs import Connected, Disconnected
from relay_proto.pending import Pending
from relay_proto.testing.checks import BrokenPromiseError
from relay_proto.testing.program import Program
from relay_proto.testing.world import World

from .script import ANNA, dial, end

CHECK = "an answer that waited is not too late"
A_WHILE = 25.0
"""Longer than a request may take, and no longer than the server waits for its pings."""


def test_the_answer_to_a_request_waits(world: World, program: Program) -> None:
    pending = program.execute(commands.receive(["sales"]))
    program.sleep(A_WHILE)
    world.run(A_WHILE + 1.0)
    assert pending.settled
    assert pending.error is None
    assert len(program.told(Connected)) == 1
    assert program.told(Disconnected) == []
    assert world.promises.made[CHECK]
    end(world)


def test_the_answer_to_a_dial_waits(world: World, program: Program) -> None:
    pending = dial(program, ANNA, timeout=5.0)
    world.run(1.0)
    program.sleep(A_WHILE)
    world.run(A_WHILE + 1.0)
    assert pending.result().state == "answered"
    program.execute_on(pending.result(), commands.hangup())
    end(world)


@pytest.mark.parametrize("what", ["request", "dial"])
def test_who_judges_before_reading_is_found(world: World, program: Program, what: str) -> None:
    pending: Pending[Any]
    if what == "dial":
        pending = dial(program, ANNA, timeout=5.0)
        world.run(1.0)
    else:
        pending = program.execute(commands.receive(["sales"]))
    program.sleep(A_WHILE)
    world.at(program.wakes_up, program.keep_time)
    with pytest.raises(BrokenPromiseError, match=f"promise 15 .*{CHECK}"):
        world.run(A_WHILE + 1.0)
    assert isinstance(pending.error, TimeoutError)


def test_an_answer_that_comes_late_is_no_broken_promise(world: World, program: Program) -> None:
    pending = program.execute(commands.receive(["sales"]))
    assert program.link is not None
    program.link.down.hold(12.0)
    world.run(13.0)
    assert isinstance(pending.error, TimeoutError)
    program.sleep(A_WHILE)
    end(world)

"""What the scenarios are written with."""

from __future__ import annotations

from relay_proto.api import commands
from relay_proto.exchange import Caller, What
from relay_proto.outputs import CallOffered
from relay_proto.pending import Pending
from relay_proto.records import CallRecord
from relay_proto.testing.application import phone
from relay_proto.testing.program import Program
from relay_proto.testing.world import World

ANNA, BELA, NOBODY = "+15551", "+15552", "+15553"
"""Anna and Bela answer 2.5 s after they were dialed."""
REQUEST, REPLY = 0.05, 0.05
"""How long either takes on its way."""


def dial(program: Program, *numbers: str, timeout: float = 30.0) -> Pending[CallRecord]:
    devices = [[phone(number) for number in numbers]]
    return program.execute(commands.dial(devices, dial_timeout=timeout))


def answered_call(world: World, program: Program) -> CallRecord:
    """An inbound call on which both can talk."""
    world.place_call(Caller("+15550001111"))
    world.run(0.2)
    call = program.told(CallOffered)[-1].call
    program.execute_on(call, commands.answer())
    world.run(0.2)
    assert call.state == "answered"
    return call


def happened(world: World, what: What) -> int:
    return len(world.all(what))


def asked(world: World, method: str) -> int:
    """How often any program has sent a request with this method."""
    return sum(f"→ {method} " in line for line in world.trace)


def end(world: World) -> None:
    """Whatever happened: in the end nothing is left over."""
    world.run(150.0)
    world.settle_down()


def link_of(program: Program) -> int:
    assert program.link is not None
    return program.link.number

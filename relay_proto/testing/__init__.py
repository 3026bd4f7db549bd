"""A world in which to test `ClientCore`: virtual time, one exchange, links, and faults.

A `World` has any number of programs. Each is a `ClientCore`, with what an adapter and an
application would be around it. A world also has an exchange with people who call, and
links that delay and split bytes, stall, fall silent and break. Time jumps from one event
to the next. All randomness comes from one seed. Every promise is checked after each
step::

    world = World(seed=1)
    program = world.connected("office")     # its core has a session
    program.core.accepting_calls = True
    world.place_call(Caller("+15550001111"))
    world.run(1.0)
    call = program.told(CallOffered)[-1].call
    program.execute_on(call, commands.answer())
    program.link.cut()                      # the request may be lost
    world.run(150.0)
    world.settle_down()                     # closes everything and checks what is left

`simulate` makes a whole world from one seed: programs, people and faults.
``python -m relay_proto.testing soak`` makes one world after another. To test a program
that uses `relay_anyio`, see `relay_anyio.testing`.

Public: for tests of the protocol.
"""

from .application import Application, lines, phone, silence, somebody_calls, somebody_writes, tts
from .checks import CHECKS, PROMISES, BrokenPromiseError
from .faults import FAULTS, Fault
from .links import Link, Pipe, Style, draw_style
from .plans import Act, Kind, Outcome, Plan, carry_out, draw_plan, simulate
from .program import Program, Task, Wait
from .shrinking import Shrinker
from .tap import Frame
from .world import (
    OFFICE,
    PROJECT,
    PROJECTS,
    SALES,
    TOKEN,
    LivelockError,
    MakeCore,
    World,
    client_config,
    exchange_config,
)

__all__ = [
    "CHECKS",
    "FAULTS",
    "OFFICE",
    "PROJECT",
    "PROJECTS",
    "PROMISES",
    "SALES",
    "TOKEN",
    "Act",
    "Application",
    "BrokenPromiseError",
    "Fault",
    "Frame",
    "Kind",
    "Link",
    "LivelockError",
    "MakeCore",
    "Outcome",
    "Pipe",
    "Plan",
    "Program",
    "Shrinker",
    "Style",
    "Task",
    "Wait",
    "World",
    "carry_out",
    "client_config",
    "draw_plan",
    "draw_style",
    "exchange_config",
    "lines",
    "phone",
    "silence",
    "simulate",
    "somebody_calls",
    "somebody_writes",
    "tts",
]

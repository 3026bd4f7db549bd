"""A world at rest, and a program in it: what every scenario begins with."""

from __future__ import annotations

import pytest

from relay_proto.exchange import Line, NoAnswer
from relay_proto.testing.program import Program
from relay_proto.testing.world import World

from .script import NOBODY


@pytest.fixture(name="world")
def a_world() -> World:
    world = World()
    world.exchange.set_line(Line(NOBODY, NoAnswer()))
    return world


@pytest.fixture(name="program")
def a_program(world: World) -> Program:
    """It has a session, serves the office and takes calls."""
    program = world.connected("office")
    program.core.accepting_calls = True
    world.run(1.0)
    return program

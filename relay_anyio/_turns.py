"""Turns: a dial or a text waits until the pace that several processes share lets it begin."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

import anyio

from relay_proto.adapter.shared_pace import Line, TurnToDial
from relay_proto.api.commands import Command
from relay_proto.api.parties import who_begins

from ._engine import Engine

R = TypeVar("R")

_has_turn: Final[ContextVar[TurnToDial | None]] = ContextVar("relay turn", default=None)
"""The turn that the program has waited for by itself."""


async def execute_in_turn(engine: Engine, command: Command[R]) -> R:
    """Carry out a dial or a text, once its turn has come. It has its place until it is decided."""
    line = engine.delivery.turns.line_of(command)
    turn = _has_turn.get()
    if line is None or (turn is not None and turn.use(line)):
        return await engine.carry_out(engine.core.execute, command)
    async with _turn_in(engine, line, who_begins(command.params)):
        return await engine.carry_out(engine.core.execute, command)


@asynccontextmanager
async def turn_to_dial(engine: Engine) -> AsyncGenerator[None]:
    """Wait for a turn, which the first dial in the block then has."""
    line = engine.delivery.turns.dials
    if line is None:
        yield
        return
    async with _turn_in(engine, line, ""):
        turn = TurnToDial(line)
        token = _has_turn.set(turn)
        try:
            yield
        finally:
            turn.end()
            _has_turn.reset(token)


@asynccontextmanager
async def _turn_in(engine: Engine, line: Line, party: str) -> AsyncGenerator[None]:
    engine.check_belongs_here()
    told = anyio.Event()
    ticket = line.join(lambda: engine.soon(told.set), party)
    try:
        await engine.wait_at_most(line.patience, told.wait)
        if ticket.error is not None:
            raise ticket.error
        if not told.is_set():
            raise line.too_late()
        yield
    finally:
        line.leave(ticket)

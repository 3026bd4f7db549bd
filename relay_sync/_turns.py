"""Turns: a dial or a text waits until the pace that several processes share lets it begin."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

from relay_proto.adapter.shared_pace import Line, TurnToDial
from relay_proto.api.commands import Command
from relay_proto.api.parties import who_begins

from ._engine import Engine
from ._waiting import Mailbox

R = TypeVar("R")

_has_turn: Final[ContextVar[TurnToDial | None]] = ContextVar("relay turn", default=None)
"""The turn that the program has waited for by itself."""


def execute_in_turn(engine: Engine, command: Command[R]) -> R:
    """Carry out a dial or a text, once its turn has come. It has its place until it is decided."""
    line = engine.delivery.turns.line_of(command)
    turn = _has_turn.get()
    if line is None or (turn is not None and turn.use(line)):
        return engine.execute(command)
    with _turn_in(engine, line, who_begins(command.params)):
        return engine.execute(command)


@contextmanager
def turn_to_dial(engine: Engine) -> Generator[None]:
    """Wait for a turn, which the first dial in the block then has."""
    line = engine.delivery.turns.dials
    if line is None:
        yield
        return
    with _turn_in(engine, line, ""):
        turn = TurnToDial(line)
        token = _has_turn.set(turn)
        try:
            yield
        finally:
            turn.end()
            _has_turn.reset(token)


@contextmanager
def _turn_in(engine: Engine, line: Line, party: str) -> Generator[None]:
    engine.check_caller()
    mail: Mailbox[None] = Mailbox()
    ticket = line.join(lambda: mail.put(None), party)
    try:
        try:
            engine.await_mail(mail, line.patience)
        except TimeoutError:
            raise line.too_late() from None
        if ticket.error is not None:
            raise ticket.error
        yield
    finally:
        line.leave(ticket)

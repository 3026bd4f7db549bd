"""Situations: what befalls a program in one run of `explore`, as data."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..exchange import Answers, Behaviour, Caller, InTurn, Step, TextMessage, What


class Trouble(enum.StrEnum):
    """What goes wrong with the connection. The values are the names in a story."""

    CUT = "cut"
    """The connection breaks. The session can be resumed."""
    SILENCE = "silence"
    """Everything that both sides send is lost, and neither is told."""
    GOODBYE = "goodbye"
    """The server asks the client to reconnect."""
    DEPLOYMENT = "restart"
    """The server asks the client to reconnect, and remembers nothing then."""
    RESTART = "forget sessions"
    """The server restarts, and remembers neither session nor calls."""


@dataclass(frozen=True, slots=True)
class Part:
    """Somebody calls or writes, or something goes wrong, `after` seconds after the part before."""

    after: float
    what: Caller | TextMessage | Trouble
    when: What | None = None
    """For a cut and for silence: they begin as soon as this happens next."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that befalls a program in one run."""

    parts: tuple[Part, ...] = ()
    lines: tuple[tuple[str, Behaviour | InTurn], ...] = ()
    """What the program meets when it dials a number."""
    undeliverable: tuple[str, ...] = ()
    """Numbers to which no text can be delivered."""


def shorter(situation: Situation) -> Iterator[Situation]:
    """Yield situations without one of the parts, the lines, or the steps that somebody does."""
    for place, part in enumerate(situation.parts):
        before, after = situation.parts[:place], situation.parts[place + 1 :]
        yield replace(situation, parts=(*before, *after))
        if isinstance(part.what, Caller):
            for script in _shorter_scripts(part.what.script):
                fewer = replace(part, what=replace(part.what, script=script))
                yield replace(situation, parts=(*before, fewer, *after))
    for place, (number, behaviour) in enumerate(situation.lines):
        earlier, later = situation.lines[:place], situation.lines[place + 1 :]
        yield replace(situation, lines=(*earlier, *later))
        if isinstance(behaviour, Answers):
            for script in _shorter_scripts(behaviour.script):
                simpler = replace(behaviour, script=script)
                yield replace(situation, lines=(*earlier, (number, simpler), *later))
    if situation.undeliverable:
        yield replace(situation, undeliverable=())


def _shorter_scripts(script: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """Yield the beginnings of a script, the shortest first, and what is left without a step."""
    for place in range(len(script)):
        yield script[:place]
    for place in range(len(script) - 1):
        yield (*script[:place], *script[place + 1 :])

"""Scenery: what a rehearsal is given, and what is said of that which cannot be rehearsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from relay_proto.exchange import Behaviour, Caller, InTurn, Line, OverTime

Lines: TypeAlias = Sequence[Line] | Mapping[str, Behaviour | InTurn | OverTime]
"""What happens when the program dials a number."""


def check_program(program: object) -> None:
    """Refuse what runs on threads.

    Raises:
        TypeError: it is a client of `relay_sync`.
    """
    if any(kind.__module__.partition(".")[0] == "relay_sync" for kind in type(program).__mro__):
        raise TypeError(
            "a program on relay_sync cannot be rehearsed yet, because threads wait in real time: "
            "try it with `relay sim`, which docs/simulator.md describes"
        )


def check_scene(scene: object) -> None:
    """Refuse what is no scene.

    Raises:
        TypeError: it is neither a caller nor a function.
    """
    if not isinstance(scene, Caller) and not callable(scene):
        raise TypeError(
            "a scene is a Caller, such as Caller('+15550001111'), or an async function that takes "
            f"the Stage, not {scene!r}"
        )


def lines_of(lines: Lines) -> tuple[Line, ...]:
    """Return the lines of an exchange.

    Raises:
        TypeError: one of them is no line.
    """
    if isinstance(lines, Mapping):
        return tuple(Line(address, behaviour) for address, behaviour in lines.items())
    for line in lines:
        _check_line(line)
    return tuple(lines)


def _check_line(line: object) -> None:
    if not isinstance(line, Line):
        raise TypeError(
            "lines are a dict such as {'+15559': Busy()}, or a list of "
            f"Line('+15559', Busy()), … with no {line!r} in it"
        )

"""Pace: the same people and network, but quicker or slower."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Final, TypeAlias

from .config import ExchangeTiming
from .script import (
    Answers,
    Behaviour,
    Declines,
    Hear,
    InTurn,
    Machine,
    OverTime,
    Press,
    Say,
    Step,
    Wait,
)

AnyBehaviour: TypeAlias = Behaviour | InTurn | OverTime
OF_PROGRAMS: Final = frozenset({"session_retention", "offer_retention"})
"""The times that are about programs, which do not become quicker."""


def faster_timing(timing: ExchangeTiming, speed: float) -> ExchangeTiming:
    """Return the times of a network in which all but programs is `speed` times as fast."""
    names = [field.name for field in fields(timing) if field.name not in OF_PROGRAMS]
    return replace(timing, **{name: getattr(timing, name) / speed for name in names})


def faster(behaviour: AnyBehaviour, speed: float) -> AnyBehaviour:
    """Return how a line behaves that is `speed` times as fast."""
    match behaviour:
        case InTurn(behaviours):
            return InTurn(tuple(_faster_one(one, speed) for one in behaviours))
        case OverTime(first, later):
            changes = ((seconds / speed, _faster_one(one, speed)) for seconds, one in later)
            return OverTime(_faster_one(first, speed), tuple(changes))
        case _:
            return _faster_one(behaviour, speed)


def faster_step(step: Step, speed: float) -> Step:
    """Return a step of somebody who is `speed` times as fast."""
    match step:
        case Hear(text, timeout, whole):
            return Hear(text, timeout / speed, whole)
        case Press(digits, interval):
            return Press(digits, interval / speed)
        case Say() | Wait():
            return _faster_words(step, speed)
        case _:
            return step


def _faster_one(behaviour: Behaviour, speed: float) -> Behaviour:
    match behaviour:
        case Answers(after, script, nature):
            if isinstance(nature, Machine) and not isinstance(nature.greeting, str):
                greeting = tuple(_faster_words(part, speed) for part in nature.greeting)
                nature = replace(nature, greeting=greeting)
            return Answers(after / speed, tuple(faster_step(one, speed) for one in script), nature)
        case Declines(after):
            return Declines(after / speed)
        case _:
            return behaviour


def _faster_words(part: Say | Wait, speed: float) -> Say | Wait:
    return Wait(part.seconds / speed) if isinstance(part, Wait) else part

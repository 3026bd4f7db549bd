"""Scenarios: who is there, who calls, and what goes wrong, as a tree of plain values.

`read_scenario` takes the tree that a TOML file is. docs/simulator.md describes it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from .config import ANY_CONTEXT
from .magic import MAILBOX_FULL
from .pace import AnyBehaviour, faster, faster_step
from .scenario_tree import (
    ACTS,
    OFFICE,
    TAKES,
    BehaviourEntry,
    FaultEntry,
    NumberEntry,
    ScenarioError,
    StepEntry,
    TimedEntry,
    Tree,
    decode_tree,
    listed,
)
from .script import (
    Answers,
    Behaviour,
    Busy,
    Caller,
    Declines,
    Fax,
    HangUp,
    Hear,
    InTurn,
    Line,
    Machine,
    NoAnswer,
    OverTime,
    Press,
    Say,
    Step,
    Unreachable,
    Wait,
)
from .texts import TextMessage


class FaultKind(enum.StrEnum):
    """What can go wrong."""

    CUT = "cut"
    """All connections break, and the clients get no notice."""
    SILENCE = "silence"
    """All connections stay open, but nothing arrives any more, on neither side."""
    GOODBYE = "goodbye"
    """Clients are asked to reconnect, and may resume their sessions."""
    RESTART = "restart"
    """Clients are asked to reconnect, and their sessions end."""
    FORGET_SESSIONS = "forget sessions"
    """All sessions and connections are lost, as in a crash."""
    REFUSE_UPGRADES = "refuse upgrades"
    """New connections are refused with status 503 for a while."""
    DELAY = "delay"
    """Everything arrives late for a while, on both sides."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong; `by` is how late everything arrives."""

    kind: FaultKind
    lasts: float = 10.0
    by: float = 0.0


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """Somebody calls a number. Without a context, the number decides who gets the call."""

    caller: Caller
    to: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class SentText:
    """Somebody sends a text."""

    text: TextMessage
    context: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheduled:
    """What happens `at` seconds after the first program has connected, and how often."""

    what: PlacedCall | SentText | Fault
    at: float
    every: float = 0.0
    """The time to the next one."""
    times: int | None = 1
    """None means no limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """What `read_scenario` returns. All times are those of the tree, divided by `speed`."""

    speed: float
    numbers: Mapping[str, str]
    """The context of each number that programs serve: see `ExchangeConfig.numbers`."""
    lines: tuple[Line, ...]
    undeliverable: frozenset[str]
    schedule: tuple[Scheduled, ...]


def read_scenario(tree: Mapping[str, object]) -> Scenario:
    """Return the scenario that `tree` is.

    Raises:
        ScenarioError: it is not valid.
    """
    return build_scenario(decode_tree(tree))


def build_scenario(wanted: Tree) -> Scenario:
    """Return the scenario of a tree whose values have the right types.

    Raises:
        ScenarioError: they do not go together.
    """
    numbers = {OFFICE: ANY_CONTEXT}
    numbers |= {caller.to: ANY_CONTEXT for caller in wanted.callers}
    numbers |= {text.to: ANY_CONTEXT for text in wanted.texts}
    lines: dict[str, Line] = {}
    seen: set[str] = set()
    for index, entry in enumerate(wanted.numbers):
        where = f"numbers (entry {index + 1})"
        if entry.number in seen:
            raise ScenarioError(f"{where}, number: {entry.number} is there twice")
        seen.add(entry.number)
        behaviour = _behaviour_of_number(entry, where)
        if entry.context is not None:
            numbers[entry.number] = entry.context
        elif behaviour is not None:
            lines[entry.number] = Line(entry.number, faster(behaviour, wanted.speed))
    undelivered = (entry.number for entry in wanted.numbers if entry.texts == "undelivered")
    return Scenario(
        speed=wanted.speed,
        numbers=numbers,
        lines=tuple(lines.values()),
        undeliverable=frozenset(undelivered),
        schedule=tuple(_schedule(wanted)),
    )


# Numbers


def _behaviour_of_number(entry: NumberEntry, where: str) -> AnyBehaviour | None:
    ways = {
        "does": entry.does,
        "in_turn": entry.in_turn,
        "over_time": entry.over_time,
        "context": entry.context,
    }
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise ScenarioError(f"{where}: give only one of {', '.join(given)}")
    if entry.in_turn is not None:
        _check_takes(entry, where, "in_turn", ())
        each = _behaviours(entry.in_turn, f"{where}, in_turn")
        return InTurn(tuple(each))
    if entry.over_time is not None:
        _check_takes(entry, where, "over_time", ())
        where = f"{where}, over_time"
        first, *later = _behaviours(entry.over_time, where)
        starts = [one.from_ for one in entry.over_time]
        if starts[0] != 0 or starts != sorted(starts):
            raise ScenarioError(f"{where}: `from` begins with 0, and grows from entry to entry")
        return OverTime(first, tuple(zip(starts[1:], later, strict=True)))
    if entry.does is None:
        _check_takes(entry, where, "a number without `does`", ())
        return None
    return _behaviour(entry, where)


def _behaviours(entries: Sequence[BehaviourEntry], where: str) -> list[Behaviour]:
    if not entries:
        raise ScenarioError(f"{where}: give at least one entry")
    return [_behaviour(entry, f"{where} (entry {n})") for n, entry in enumerate(entries, 1)]


def _behaviour(entry: BehaviourEntry, where: str) -> Behaviour:
    if entry.does is None:
        raise ScenarioError(f"{where}: the key `does` is missing: it is one of {listed(TAKES)}")
    _check_takes(entry, where, f"does = {entry.does!r}", TAKES[entry.does])
    after = 2.0 if entry.after is None else entry.after
    script = _script(entry.script or (), where)
    match entry.does:
        case "answers":
            return Answers(after, script)
        case "machine":
            greeting = entry.greeting or Machine().greeting
            return Answers(after, script, Machine(greeting, entry.beep is not False))
        case "voicemail full":
            return Answers(after, (), Machine(entry.greeting or MAILBOX_FULL, full=True))
        case "fax":
            return Answers(after, (), Fax(pages=entry.pages or 1))
        case "declines":
            return Declines(after)
        case "busy":
            return Busy()
        case "no answer":
            return NoAnswer()
        case "unreachable":
            return Unreachable()
        case _:
            assert_never(entry.does)


def _check_takes(entry: BehaviourEntry, where: str, what: str, allowed: Sequence[str]) -> None:
    """Refuse keys that would have no effect."""
    for key in ("after", "script", "greeting", "beep", "pages"):
        if getattr(entry, key) is not None and key not in allowed:
            takes = f"only {', '.join(allowed)}" if allowed else "no such keys"
            raise ScenarioError(f"{where}: {what} does not take `{key}`: it takes {takes}")


# Scripts


def read_script(entries: Iterable[StepEntry | str], speed: float = 1.0) -> tuple[Step, ...]:
    """Return the script of somebody who is `speed` times as fast.

    Raises:
        ScenarioError: it is not valid.
    """
    return tuple(faster_step(step, speed) for step in _script(entries, ""))


def _script(entries: Iterable[StepEntry | str], where: str) -> tuple[Step, ...]:
    inside = f"{where}, script" if where else "script"
    return tuple(
        HangUp() if isinstance(entry, str) else _step(entry, f"{inside} (step {n})")
        for n, entry in enumerate(entries, 1)
    )


def _step(entry: StepEntry, where: str) -> Step:
    acts = [key for key in ACTS if getattr(entry, key) is not None]
    if len(acts) != 1:
        raise ScenarioError(f"{where}: give one of {', '.join(ACTS)}, or the text 'hang up'")
    for key, act in (("timeout", "hear"), ("whole", "hear"), ("interval", "press")):
        if getattr(entry, key) is not None and act not in acts:
            raise ScenarioError(f"{where}: `{key}` goes with `{act}` only")
    match entry:
        case StepEntry(hear=str(text), timeout=timeout, whole=whole):
            listens = Hear(text, whole=whole is True)
            return listens if timeout is None else replace(listens, timeout=timeout)
        case StepEntry(press=str(digits), interval=interval):
            return Press(digits) if interval is None else Press(digits, interval)
        case StepEntry(say=str(text)):
            return Say(text)
        case _:
            assert entry.wait is not None, "it is one of the four"
            return Wait(entry.wait)


# The schedule


def _schedule(tree: Tree) -> Iterator[Scheduled]:
    speed = tree.speed
    for n, caller in enumerate(tree.callers, 1):
        where = f"callers (entry {n})"
        script = tuple(faster_step(step, speed) for step in _script(caller.script, where))
        person = Caller(caller.number, script, caller.patience / speed)
        yield _scheduled(PlacedCall(person, caller.to, caller.context), caller, where, speed)
    for n, text in enumerate(tree.texts, 1):
        where = f"texts (entry {n})"
        if not text.body and not text.media:
            raise ScenarioError(f"{where}: give a body or media")
        message = TextMessage(text.from_, text.to, text.body, text.media)
        yield _scheduled(SentText(message, text.context), text, where, speed)
    for n, fault in enumerate(tree.faults, 1):
        where = f"faults (entry {n})"
        yield _scheduled(_fault(fault, where, speed), fault, where, speed)


def _scheduled(
    what: PlacedCall | SentText | Fault, entry: TimedEntry, where: str, speed: float
) -> Scheduled:
    if entry.every is None:
        if entry.times is not None and entry.times > 1:
            raise ScenarioError(f"{where}: `times` needs `every`, the seconds to the next time")
        return Scheduled(what=what, at=entry.at / speed)
    return Scheduled(what=what, at=entry.at / speed, every=entry.every / speed, times=entry.times)


def _fault(entry: FaultEntry, where: str, speed: float) -> Fault:
    kind = FaultKind(entry.do)
    if entry.lasts is not None and kind not in (FaultKind.REFUSE_UPGRADES, FaultKind.DELAY):
        raise ScenarioError(f"{where}: `lasts` goes with 'refuse upgrades' and 'delay' only")
    if (entry.by is not None) != (kind is FaultKind.DELAY):
        raise ScenarioError(f"{where}: `by`, in seconds, goes with 'delay', which needs it")
    lasts = Fault(kind).lasts if entry.lasts is None else entry.lasts
    return Fault(kind, lasts / speed, (entry.by or 0.0) / speed)

"""Checks: what each is called, how much it matters, and where the rule stands."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from .stage import Stage

LIMIT: Final = 120.0
"""Seconds after which a check is over, whatever the client does."""


class Level(enum.Enum):
    """How much a rule matters."""

    MUST = "must"
    """The wire is so: what breaks it cannot rely on the service."""
    SHOULD = "should"
    """What breaks it loses calls, events or money when something goes wrong."""
    MAY = "may"
    """A choice: the report says what the client does, and nothing is held against it."""


class Group(enum.Enum):
    """Which checks may share a client, one after another, as long as it keeps to the rules."""

    CALLS = "calls"
    LINKS = "links"
    ALONE = "alone"
    """It has a client of its own."""


Act: TypeAlias = Callable[[Stage], Awaitable[str]]
"""Goes through the check, and returns what was seen; raises if the rule was broken."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the catalogue."""

    name: str
    level: Level
    section: str
    """The section of the page about the protocol."""
    expected: str
    act: Act
    group: Group


Declared: TypeAlias = Callable[[Act], Check]


def check(level: Level, section: str, *, group: Group = Group.ALONE) -> Declared:
    """Make a check of a function: its name and its docstring are those of the check."""

    def declare(act: Act) -> Check:
        name = act.__name__.replace("_", "-")
        return Check(name, level, section, (act.__doc__ or "").strip(), act, group)

    return declare


def must(section: str, *, group: Group = Group.ALONE) -> Declared:
    """A check of what the wire demands."""
    return check(Level.MUST, section, group=group)


def should(section: str, *, group: Group = Group.ALONE) -> Declared:
    """A check of what a client had better do."""
    return check(Level.SHOULD, section, group=group)


def may(section: str, *, group: Group = Group.ALONE) -> Declared:
    """A check that reports a choice."""
    return check(Level.MAY, section, group=group)

"""Evenings: what befalls a program in one run, as data that hypothesis draws and shortens.

An evening has callers, whose calls the program handles side by side, and at most one thing
that goes wrong. The `repr` of an evening is Python, so a failure can be repeated from it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy


class Word(enum.StrEnum):
    """One of a few words, which is shown as it is written in Python."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"


class Does(Word):
    """What the program does next on a call."""

    SAY = "say"
    ASK = "ask"
    EXPECT = "expect"
    PAUSE = "pause"


class Piece(Word):
    """A function of the application's that fails."""

    HANDLER = "a handler of calls"
    PREDICATE = "a predicate"
    LISTENER = "a listener of the client"
    CALL_LISTENER = "a listener of a call"
    EVERY_EVENT = "a listener of every event"
    COMPLETED = "a callback of an action"
    CONNECTED = "a hook of sessions that begin"
    DISCONNECTED = "a hook of sessions that end"
    TEXT = "a handler of texts"
    TEXT_LISTENER = "a listener of a text"


class Way(Word):
    """What it raises."""

    EXCEPTION = "an exception"
    OF_ITS_OWN = "a BaseException of its own"
    GENERATOR_EXIT = "GeneratorExit"
    CANCELLED = "CancelledError"
    GROUP = "a group"
    SYSTEM_EXIT = "SystemExit"
    INTERRUPT = "KeyboardInterrupt"
    GROUP_WITH_EXIT = "a group with SystemExit"


ENDS_THE_PROGRAM: Final = frozenset({Way.SYSTEM_EXIT, Way.INTERRUPT, Way.GROUP_WITH_EXIT})


class Elsewhere(Word):
    """Where the program uses its client, although the client does not belong there."""

    THREAD = "a thread without an event loop"
    LOOP = "another event loop"
    CHILD = "a forked child"


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody calls `at` some second, and hangs up after `stays` more, if not before."""

    at: float = 0.0
    stays: float = 30.0
    does: tuple[Does, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A function raises something when it is called for the `nth` time on a call."""

    piece: Piece
    way: Way
    call: int = 0
    nth: int = 0
    later: bool = False
    """Whether others run before it raises. Functions of blocking programs raise at once."""


@dataclass(frozen=True, slots=True)
class Misuse:
    """The program uses its client elsewhere, `at` some second."""

    at: float
    where: Elsewhere
    use: int = 0


@dataclass(frozen=True, slots=True)
class Freeze:
    """Nothing of the program runs for some seconds, while a dial waits for its answer.

    The program dials `at` some second, and freezes `after` more seconds.
    """

    at: float
    after: float = 0.0
    seconds: float = 3.0
    patience: float = 5.0
    """The timeout of the dial."""


Trouble = Failure | Misuse | Freeze


@dataclass(frozen=True, slots=True)
class Evening:
    """Everything that happens in one run."""

    visits: tuple[Visit, ...]
    cut_at: float | None = None
    """When the connection breaks."""
    text_at: float | None = None
    """When somebody sends a text, which the program answers."""
    trouble: Trouble | None = None

    @property
    def untroubled(self) -> Evening:
        """The same evening, in which nothing goes wrong in the program."""
        return replace(self, trouble=None)


SECONDS: Final = st.integers(0, 40).map(lambda tenths: tenths / 10)
VISITS: Final = st.lists(
    st.builds(
        Visit,
        SECONDS,
        st.integers(1, 12).map(float),
        st.lists(st.sampled_from(Does), max_size=4).map(tuple),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
"""The seconds of callers and of troubles are whole tenths, and often coincide."""
CUTS: Final = SECONDS.map(lambda at: at + 0.05)
"""Between the tenths: when a caller leaves at the instant in which the client comes back, trio
decides by chance what comes first, and two evenings could not be compared.
"""

FAILURES: Final = st.builds(
    Failure,
    st.sampled_from(Piece),
    st.sampled_from(Way),
    st.integers(0, 2),
    st.integers(0, 3),
    st.booleans(),
)
MISUSES: Final = st.builds(Misuse, SECONDS, st.sampled_from(Elsewhere), st.integers(0, 20))
FREEZES: Final = st.builds(
    Freeze,
    SECONDS,
    st.integers(0, 40).map(lambda tenths: tenths / 10),
    st.integers(1, 25).map(float),
    st.integers(1, 8).map(float),
)


def evenings(troubles: SearchStrategy[Trouble]) -> SearchStrategy[Evening]:
    """Draw evenings with one of these troubles."""
    drawn = st.builds(Evening, VISITS, st.none() | CUTS, st.none() | SECONDS, troubles)
    return drawn.map(_with_one_trouble)


def _with_one_trouble(evening: Evening) -> Evening:
    """With a freeze, the connection does not break: all that waits has to be in time."""
    return replace(evening, cut_at=None) if isinstance(evening.trouble, Freeze) else evening

"""Magic numbers: telephones that behave in a certain way, for tests by hand and by machine.

``relay sim`` has them by default. docs/simulator.md has the same table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .script import (
    Answers,
    Behaviour,
    Busy,
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
    Unclear,
    Unreachable,
    Wait,
)

MAILBOX_FULL: Final = "The mailbox is full. Goodbye."
LONG: Final = 3600.0
"""How long a patient person waits to hear something."""


@dataclass(frozen=True, slots=True)
class Magic:
    """A number, what it does in words, and what it does."""

    number: str
    does: str
    behaviour: Behaviour | InTurn | OverTime


MAGIC_NUMBERS: Final = (
    Magic("+15550000001", "answers, says hello, and listens", Answers(script=(Say("Hello?"),))),
    Magic("+15550000002", "is busy", Busy()),
    Magic("+15550000003", "rings, and nobody answers", NoAnswer()),
    Magic("+15550000004", "does not exist; texts to it are undelivered", Unreachable()),
    Magic("+15550000005", "rings, and declines the call", Declines()),
    Magic(
        "+15550000006", "an answering machine with a greeting and a beep", Answers(nature=Machine())
    ),
    Magic(
        "+15550000007",
        "an answering machine with a greeting and no beep",
        Answers(nature=Machine(beep=False)),
    ),
    Magic("+15550000008", "a fax machine", Answers(nature=Fax())),
    Magic(
        "+15550000009",
        "an answering machine that is full: it hangs up after its greeting",
        Answers(nature=Machine(greeting=MAILBOX_FULL, full=True)),
    ),
    Magic(
        "+15550000010",
        "is busy twice, and answers the third call and all after it",
        InTurn((Busy(), Busy(), Answers(script=(Say("Hello?"),)))),
    ),
    Magic(
        "+15550000011",
        "is busy for 30 s from the first call on, and answers after that",
        OverTime(Busy(), ((30.0, Answers(script=(Say("Hello?"),))),)),
    ),
    Magic(
        "+15550000012",
        "answers, says hello, and hangs up",
        Answers(script=(Say("Hello?"), Wait(1.0), HangUp())),
    ),
    Magic(
        "+15550000013",
        "answers, and presses 1 each time it hears the word press, five times at most",
        Answers(script=(Hear("press", LONG), Wait(1.0), Press("1")) * 5),
    ),
    Magic(
        "+15550000014", "answers, and no detector recognizes what it is", Answers(nature=Unclear())
    ),
)
"""What programs can dial in ``relay sim``."""

MAGIC_LINES: Final = tuple(Line(magic.number, magic.behaviour) for magic in MAGIC_NUMBERS)
"""The same as lines of an exchange."""
MAGIC_UNDELIVERABLE: Final = frozenset({"+15550000004"})
"""The magic numbers to which no text can be delivered."""

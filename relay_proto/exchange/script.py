"""Who is at the other end: callers with a script, and lines that can be dialed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hear:
    """Wait until something is played, or digits are sent, that contains `text`.

    Case does not matter. What was played before counts too, unless an earlier
    `Hear` has gone past it. After `timeout` seconds in vain the person hangs up.
    """

    text: str
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class Press:
    """Press digits, `interval` seconds apart."""

    digits: str
    interval: float = 0.25


@dataclass(frozen=True, slots=True)
class Say:
    """Say something; it takes as long as its text."""

    text: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


Step: TypeAlias = Wait | Hear | Press | Say | HangUp


@dataclass(frozen=True, slots=True)
class Human:
    """A person."""


@dataclass(frozen=True, slots=True)
class Machine:
    """An answering machine: it says its greeting before the script, and may beep then."""

    greeting: str = "You have reached an answering machine. Please leave a message."
    beep: bool = True


@dataclass(frozen=True, slots=True)
class Fax:
    """A fax machine: what it sounds like, and how many pages go either way."""

    tone: Literal["CED", "CNG"] = "CED"
    pages: int = 1


Nature: TypeAlias = Human | Machine | Fax
"""What a far end is: what there is to detect."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls. After the script they stay on the line and listen."""

    number: str
    script: tuple[Step, ...] = ()
    patience: float = 60.0
    """Seconds until they hang up when nobody answers."""
    nature: Nature = Human()


@dataclass(frozen=True, slots=True)
class Answers:
    """Is answered, `after` so many seconds of ringing, by somebody with a script."""

    after: float = 2.0
    script: tuple[Step, ...] = ()
    nature: Nature = Human()


@dataclass(frozen=True, slots=True)
class Declines:
    """Rings for `after` seconds, and is then declined."""

    after: float = 1.0


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Rings until the device's ``timeout``."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Is engaged."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Does not exist."""


Behaviour: TypeAlias = Answers | Declines | NoAnswer | Busy | Unreachable


@dataclass(frozen=True, slots=True)
class Line:
    """What becomes of calls to `address`, a number or a SIP URI."""

    address: str
    behaviour: Behaviour

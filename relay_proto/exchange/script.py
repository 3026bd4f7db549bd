"""The far end: callers who follow a script, and lines that programs can dial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hear:
    """Wait until the program plays, or sends as digits, something that contains `text`.

    Upper and lower case are the same. What was played earlier counts, too, if it came
    after the text of the `Hear` before. If the person does not hear `text` within
    `timeout` seconds, they hang up.
    """

    text: str
    timeout: float = 30.0
    whole: bool = False
    """Whether they listen until it has been spoken, and only then go on."""


@dataclass(frozen=True, slots=True)
class Press:
    """Press digits, `interval` seconds apart."""

    digits: str
    interval: float = 0.25


@dataclass(frozen=True, slots=True)
class Say:
    """Say something. Its length depends on the text; see `ExchangeTiming.character`."""

    text: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


Step: TypeAlias = Wait | Hear | Press | Say | HangUp


def _check_script(script: object) -> None:
    """Find what is no script: often the comma of a tuple with one step is missing."""
    if isinstance(script, Step):
        raise TypeError(f"a script is a tuple of steps: write ({script!r},), with the comma")
    if not isinstance(script, tuple | list):
        raise TypeError(f"a script is a tuple of steps, not {script!r}")
    for step in cast("Sequence[object]", script):
        if not isinstance(step, Step):
            raise TypeError(f"a step is a Wait, Hear, Press, Say or HangUp, not {step!r}")


@dataclass(frozen=True, slots=True)
class Human:
    """A person."""


@dataclass(frozen=True, slots=True)
class Machine:
    """An answering machine. It says its greeting, may beep, and follows the script.

    A greeting with a pause is a tuple, such as ``(Say("Hi."), Wait(4.0), Say("Speak now."))``.
    """

    greeting: str | tuple[Say | Wait, ...] = (
        "You have reached an answering machine. Please leave a message."
    )
    beep: bool = True
    full: bool = False
    """Whether it takes no message: it hangs up after its greeting, without a beep."""


@dataclass(frozen=True, slots=True)
class Fax:
    """A fax machine, with its tone and the number of pages that it sends or receives."""

    tone: Literal["CED", "CNG"] = "CED"
    pages: int = 1


@dataclass(frozen=True, slots=True)
class Unclear:
    """Somebody or something that no detector can tell."""


Nature: TypeAlias = Human | Machine | Fax | Unclear
"""What the far end is, for ``calling.detect``."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls. After the script they stay on the line."""

    number: str
    script: tuple[Step, ...] = ()
    patience: float = 60.0
    """Seconds until they hang up if nobody answers."""
    nature: Nature = Human()

    def __post_init__(self) -> None:
        _check_script(self.script)


@dataclass(frozen=True, slots=True)
class Answers:
    """Somebody answers after `after` seconds of ringing, and follows the script."""

    after: float = 2.0
    script: tuple[Step, ...] = ()
    nature: Nature = Human()

    def __post_init__(self) -> None:
        _check_script(self.script)


@dataclass(frozen=True, slots=True)
class Declines:
    """The line rings for `after` seconds, and then declines the call."""

    after: float = 1.0


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The line rings until the ``timeout`` of the device."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """The line rings until somebody answers or declines by hand, or for its ``timeout``.

    See `Exchange.answer`.
    """


@dataclass(frozen=True, slots=True)
class Busy:
    """The line is busy."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The address does not exist."""


@dataclass(frozen=True, slots=True)
class Served:
    """Calls to the line are offered to the programs that serve `context`."""

    context: str


Behaviour: TypeAlias = Answers | Declines | NoAnswer | ByHand | Busy | Unreachable | Served


@dataclass(frozen=True, slots=True)
class InTurn:
    """Each call meets the next behaviour. All calls after that meet the last one."""

    behaviours: tuple[Behaviour, ...]

    def __post_init__(self) -> None:
        if not self.behaviours:
            raise ValueError("InTurn needs at least one behaviour")


@dataclass(frozen=True, slots=True)
class OverTime:
    """What calls meet changes with time, which begins with the first call.

    `later` has pairs of seconds and the behaviour from then on.
    """

    first: Behaviour
    later: tuple[tuple[float, Behaviour], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """What happens when a program dials `address`, a number or a SIP URI."""

    address: str
    behaviour: Behaviour | InTurn | OverTime

    def __post_init__(self) -> None:
        _check_behaviour(self.behaviour)


def _check_behaviour(behaviour: object) -> None:
    if not isinstance(behaviour, Behaviour | InTurn | OverTime):
        raise TypeError(f"a line behaves like Answers(), Busy(), …, not like {behaviour!r}")

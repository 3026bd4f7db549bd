"""The far end: callers who follow a script, and lines that programs can dial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Final, Literal, TypeAlias, cast

from ..values.checks import any_text, flag, number, one_of, shown, text, whole

KEYS: Final = frozenset("0123456789*#ABCD")
"""The keys of a telephone."""
_at_least_0: Final = number(0, unit="seconds")
_pages: Final = whole(0)


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for a while."""

    seconds: float

    def __post_init__(self) -> None:
        _at_least_0("seconds of Wait", self.seconds)


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

    def __post_init__(self) -> None:
        any_text("text of Hear", self.text)
        _at_least_0("timeout of Hear", self.timeout)
        flag("whole of Hear", self.whole)


@dataclass(frozen=True, slots=True)
class Press:
    """Press digits, `interval` seconds apart."""

    digits: str
    interval: float = 0.25

    def __post_init__(self) -> None:
        digits = any_text("digits of Press", self.digits)
        if not KEYS.issuperset(digits):
            raise ValueError(
                f"digits of Press must be keys of a telephone (0 to 9, *, #, A to D), "
                f"not {shown('digits', digits)}"
            )
        _at_least_0("interval of Press", self.interval)


@dataclass(frozen=True, slots=True)
class Say:
    """Say something. Its length depends on the text; see `ExchangeTiming.character`."""

    text: str

    def __post_init__(self) -> None:
        any_text("text of Say", self.text)


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

    def __post_init__(self) -> None:
        _check_greeting(self.greeting)
        flag("beep of Machine", self.beep)
        flag("full of Machine", self.full)


def _check_greeting(greeting: object) -> None:
    if isinstance(greeting, str):
        any_text("greeting of Machine", greeting)
        return
    parts = cast("Sequence[object]", greeting) if isinstance(greeting, tuple | list) else None
    if parts is None or not all(isinstance(part, Say | Wait) for part in parts):
        raise TypeError(
            f"the greeting of a Machine is a text, or a tuple of Say and Wait, not {greeting!r}"
        )


@dataclass(frozen=True, slots=True)
class Fax:
    """A fax machine, with its tone and the number of pages that it sends or receives."""

    tone: Literal["CED", "CNG"] = "CED"
    pages: int = 1

    def __post_init__(self) -> None:
        one_of(("CED", "CNG"))("tone of Fax", self.tone)
        _pages("pages of Fax", self.pages)


@dataclass(frozen=True, slots=True)
class Unclear:
    """Somebody or something that no detector can tell."""


Nature: TypeAlias = Human | Machine | Fax | Unclear
"""What the far end is, for ``calling.detect``."""


def _check_nature(nature: object) -> None:
    if not isinstance(nature, Nature):
        raise TypeError(f"a nature is Human(), Machine(), Fax() or Unclear(), not {nature!r}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls. After the script they stay on the line."""

    number: str
    script: tuple[Step, ...] = ()
    patience: float = 60.0
    """Seconds until they hang up if nobody answers."""
    nature: Nature = Human()

    def __post_init__(self) -> None:
        any_text("number of Caller", self.number)
        _check_script(self.script)
        _at_least_0("patience of Caller", self.patience)
        _check_nature(self.nature)


@dataclass(frozen=True, slots=True)
class Answers:
    """Somebody answers after `after` seconds of ringing, and follows the script."""

    after: float = 2.0
    script: tuple[Step, ...] = ()
    nature: Nature = Human()

    def __post_init__(self) -> None:
        _at_least_0("after of Answers", self.after)
        _check_script(self.script)
        _check_nature(self.nature)


@dataclass(frozen=True, slots=True)
class Declines:
    """The line rings for `after` seconds, and then declines the call."""

    after: float = 1.0

    def __post_init__(self) -> None:
        _at_least_0("after of Declines", self.after)


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
        for behaviour in self.behaviours:
            _check_behaviour(behaviour, Behaviour)


@dataclass(frozen=True, slots=True)
class OverTime:
    """What calls meet changes with time, which begins with the first call.

    `later` has pairs of seconds and the behaviour from then on.
    """

    first: Behaviour
    later: tuple[tuple[float, Behaviour], ...]

    def __post_init__(self) -> None:
        _check_behaviour(self.first, Behaviour)
        for seconds, behaviour in self.later:
            _at_least_0("a time of OverTime", seconds)
            _check_behaviour(behaviour, Behaviour)


@dataclass(frozen=True, slots=True)
class Line:
    """What happens when a program dials `address`, a number or a SIP URI."""

    address: str
    behaviour: Behaviour | InTurn | OverTime

    def __post_init__(self) -> None:
        text("address of Line", self.address)
        _check_behaviour(self.behaviour, Behaviour | InTurn | OverTime)


def _check_behaviour(behaviour: object, allowed: UnionType) -> None:
    if not isinstance(behaviour, allowed):
        raise TypeError(f"a line behaves like Answers(), Busy(), …, not like {behaviour!r}")

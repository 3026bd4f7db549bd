"""`Network`: what all parts of an exchange share.

One agenda, one source of chance, one journal. A duty on the agenda is the
bound method to call when its time has come; a method is there once at most.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from ..timers import Deadlines
from .config import ExchangeConfig
from .happened import Happened, What, Who
from .script import Behaviour, Line

if TYPE_CHECKING:
    from random import Random

Duty: TypeAlias = Callable[[float], None]


class Network:
    """The agenda, the ids and the journal of one exchange."""

    def __init__(
        self, config: ExchangeConfig, random: Random, report: Callable[[Happened], None]
    ) -> None:
        self.config = config
        self._random = random
        self._report = report
        self._agenda: Deadlines[Duty] = Deadlines()
        self._lines = {line.address: line.behaviour for line in config.lines}

    def at(self, when: float, duty: Duty) -> None:
        """Call `duty` at the absolute time `when`, in place of any earlier date."""
        self._agenda.set(duty, when)

    def cancel(self, duty: Duty) -> None:
        """Strike `duty` from the agenda; it need not be there."""
        self._agenda.clear(duty)

    def deadline(self) -> float | None:
        """When `run` should be called next."""
        return self._agenda.next()

    def run(self, now: float) -> bool:
        """Do the first duty that is due; False if there is none."""
        duty = self._agenda.pop_due(now)
        if duty is None:
            return False
        duty(now)
        return True

    def new_id(self) -> str:
        """Text like a UUID."""
        digits = f"{self._random.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def behaviour(self, address: str) -> Behaviour:
        """What becomes of calls to `address`."""
        return self._lines.get(address, self.config.default_line)

    def set_line(self, line: Line) -> None:
        """Let `line` behave like this from now on."""
        self._lines[line.address] = line.behaviour

    def note(self, now: float, call_id: str, who: Who, what: What, **details: str) -> None:
        """Report that something happened."""
        self._report(Happened(now, call_id, who, what, details))

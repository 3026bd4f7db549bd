"""`Network`: what all parts of an exchange share.

It has one agenda, one source of randomness and one journal. A duty on the agenda is a
bound method that is called at its time. Each method is on the agenda at most once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..timers import Deadlines
from ..values.chance import Chance
from .config import ExchangeConfig
from .happened import Happened, Heard, What, Who
from .script import Behaviour, InTurn, Line, OverTime, Served
from .sounds import FileContent, FileMade

Duty: TypeAlias = Callable[[float], None]


class Network:
    """The agenda, the ids and the journal of one exchange."""

    def __init__(
        self,
        config: ExchangeConfig,
        random: Chance,
        report: Callable[[Happened | Heard | FileMade], None],
    ) -> None:
        self.config = config
        self._random = random
        self.report = report
        self._agenda: Deadlines[Duty] = Deadlines()
        self._lines = {line.address: line.behaviour for line in config.lines}
        self._calls: dict[str, int] = {}
        """The calls to each line whose behaviours come in turn."""
        self._first_call_at: dict[str, float] = {}
        """The time of the first call to each line that changes over time."""

    def at(self, when: float, duty: Duty) -> None:
        """Call `duty` at the absolute time `when`, instead of the time set before."""
        self._agenda.set(duty, when)

    def cancel(self, duty: Duty) -> None:
        """Remove `duty` from the agenda, if it is there."""
        self._agenda.clear(duty)

    def deadline(self) -> float | None:
        """Return when to call `run` next, or None."""
        return self._agenda.next()

    def run(self, now: float) -> bool:
        """Do the first duty that is due; return False if there is none."""
        duty = self._agenda.pop_due(now)
        if duty is None:
            return False
        duty(now)
        return True

    def new_id(self) -> str:
        """Return a new id that looks like a UUID."""
        digits = f"{self._random.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def behaviour(self, address: str, now: float) -> Behaviour:
        """Return what happens when a program dials `address` now.

        A call to a number that programs serve comes back to them.
        """
        if address not in self._lines and address in self.config.numbers:
            return Served(self.config.numbers[address])
        match self._lines.get(address, self.config.default_line):
            case InTurn(behaviours):
                calls = self._calls.get(address, 0)
                self._calls[address] = calls + 1
                return behaviours[min(calls, len(behaviours) - 1)]
            case OverTime(first, later):
                passed = now - self._first_call_at.setdefault(address, now)
                begun = [behaviour for seconds, behaviour in later if seconds <= passed]
                return begun[-1] if begun else first
            case behaviour:
                return behaviour

    def set_line(self, line: Line) -> None:
        """Change what happens when a program dials the address of `line`."""
        self.remove_line(line.address)
        self._lines[line.address] = line.behaviour

    def remove_line(self, address: str) -> None:
        """Let `address` behave as one that has no line."""
        self._lines.pop(address, None)
        self._calls.pop(address, None)
        self._first_call_at.pop(address, None)

    def note(self, now: float, call_id: str, who: Who, what: What, **details: str) -> None:
        """Add an entry to the journal."""
        self.report(Happened(now, call_id, who, what, details))

    def keep(self, name: str, content: FileContent) -> None:
        """Report that a file is there."""
        self.report(FileMade(name, content))

    def file_url(self, name: str, host: str) -> str:
        """Return the URL of a file for a program that is connected to `host`."""
        return f"{self.config.files.replace('{host}', host)}/{name}"

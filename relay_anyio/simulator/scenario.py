"""The scenario of ``relay sim``: calls arrive while a program is connected."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import anyio

from relay_proto.exchange import ANY_CONTEXT, Caller, Happened, Hear, Press, Step, Wait, What

from .server import Simulator


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """Who calls, how often, and which digits they press. Times are in seconds."""

    number: str = "+15550002222"
    """The number that is called."""
    caller: str = "+15550001111"
    context: str = ANY_CONTEXT
    digits: tuple[str, ...] = ("1", "2")
    """What each caller presses, in turn."""
    hear: str = "press"
    """What a caller waits to hear before pressing."""
    think: float = 1.0
    """How long a caller thinks before pressing."""
    delay: float = 1.0
    """The time between a program's connection and the first call."""
    every: float = 15.0
    """The time between two calls."""
    calls: int = 0
    """The number of calls; 0 means no limit."""

    def script(self, digit: str) -> tuple[Step, ...]:
        """Return what one caller does."""
        return (Hear(self.hear), Wait(self.think), Press(digit))


class Callers:
    """Place the calls of a scenario while at least one session is connected."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._sessions: set[str] = set()
        self._present = anyio.Event()

    def observe(self, happened: Happened) -> None:
        """Keep track of the connected sessions."""
        session = happened.details.get("session", "")
        if happened.what in (What.SESSION_STARTED, What.SESSION_RESUMED):
            self._sessions.add(session)
            self._present.set()
        elif happened.what in (What.SESSION_AWAY, What.SESSION_FORGOTTEN):
            self._sessions.discard(session)
            if not self._sessions and self._present.is_set():
                self._present = anyio.Event()  # nobody waits for the old one

    async def run(self, simulator: Simulator) -> None:
        """Place all calls of the scenario, one after the other."""
        scenario = self._scenario
        numbers = itertools.count() if not scenario.calls else range(scenario.calls)
        for number in numbers:
            await self._present.wait()
            await anyio.sleep(scenario.every if number else scenario.delay)
            if not self._sessions:
                continue
            digit = scenario.digits[number % len(scenario.digits)]
            caller = Caller(scenario.caller, scenario.script(digit))
            simulator.command(simulator.exchange.place_call, caller, to=scenario.number)

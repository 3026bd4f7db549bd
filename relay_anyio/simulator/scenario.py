"""The scenario of ``relay sim``: somebody calls whenever a program is there to answer."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import anyio

from relay_proto.exchange import Caller, Happened, Hear, Press, Step, Wait, What

from .server import Simulator


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """Who calls, how often, and what they press; times in seconds."""

    number: str = "+15550002222"
    """The number that is called."""
    caller: str = "+15550001111"
    context: str = "office"
    digits: tuple[str, ...] = ("1", "2")
    """What each caller presses, in turn."""
    hear: str = "press"
    """What a caller waits to hear before pressing."""
    think: float = 1.0
    """How long a caller thinks before pressing."""
    delay: float = 1.0
    """From the moment a program is there to the first call."""
    every: float = 15.0
    """From one call to the next."""
    calls: int = 0
    """How many calls there are in all; 0 for no end."""

    def script(self, digit: str) -> tuple[Step, ...]:
        """What one caller does."""
        return (Hear(self.hear), Wait(self.think), Press(digit))


class Callers:
    """Places the calls of a scenario while at least one session is there."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._sessions: set[str] = set()
        self._present = anyio.Event()

    def observe(self, happened: Happened) -> None:
        """Notice the coming and going of sessions."""
        session = happened.details.get("session", "")
        if happened.what in (What.SESSION_STARTED, What.SESSION_RESUMED):
            self._sessions.add(session)
            self._present.set()
        elif happened.what in (What.SESSION_AWAY, What.SESSION_FORGOTTEN):
            self._sessions.discard(session)
            if not self._sessions:
                self._present = anyio.Event()

    async def call(self, simulator: Simulator) -> None:
        """Place the calls, until there have been as many as there should be."""
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

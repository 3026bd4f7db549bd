"""Playing: the scenario that runs in a lab, from its start or from a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from relay_proto.exchange import (
    ExchangeTiming,
    Happened,
    PlacedCall,
    Scenario,
    SentText,
    faster_timing,
)

from ..simulator import Simulator
from ..simulator.schedule import Schedule
from .numbers import NumberTable
from .running import Job, Jobs
from .shapes import ScenarioState


@dataclass(frozen=True, slots=True)
class _Played:
    job: Job
    state: ScenarioState
    from_start: bool


class Player:
    """Plays one scenario at a time."""

    def __init__(
        self,
        simulator: Simulator,
        numbers: NumberTable,
        tell: Callable[[Happened], None],
        *,
        speed: float,
    ) -> None:
        self._simulator = simulator
        self._numbers = numbers
        self._tell = tell
        self._jobs = Jobs()
        self._played: _Played | None = None
        self._speed_at_start = speed
        self.speed = speed
        self.run = self._jobs.run

    @property
    def from_start(self) -> bool:
        """Whether what is played is what the simulator was started with."""
        return self._played is not None and self._played.from_start

    def begin(self, function: Callable[[], Awaitable[object]], state: ScenarioState) -> None:
        """Play what the simulator was started with."""
        self._played = _Played(self._jobs.start(function), state, from_start=True)

    def play(self, scenario: Scenario, at: float) -> ScenarioState:
        """Play a scenario from now on, in place of what is played."""
        self.stop()
        self._set_speed(scenario.speed)
        self._numbers.follow(scenario)
        schedule = Schedule(scenario.schedule, self._tell)
        schedule.begin()
        kinds = [type(entry.what) for entry in scenario.schedule]
        state = ScenarioState(
            words="a scenario that was sent",
            started_at=at,
            speed=scenario.speed,
            numbers=len(scenario.lines),
            callers=kinds.count(PlacedCall),
            texts=kinds.count(SentText),
            faults=len(kinds) - kinds.count(PlacedCall) - kinds.count(SentText),
        )
        job = self._jobs.start(partial(schedule.run, self._simulator))
        self._played = _Played(job, state, from_start=False)
        return state

    def stop(self) -> ScenarioState | None:
        """Stop what is played; return what it was. Numbers behave as at the start."""
        played, self._played = self._played, None
        if played is None:
            return None
        played.job.stop()
        self._numbers.follow(None)
        self._set_speed(self._speed_at_start)
        return played.state

    def playing(self) -> list[ScenarioState]:
        """Return what is played."""
        if self._played is None:
            return []
        self._played.state.running = not self._played.job.done
        return [self._played.state]

    def start(self, function: Callable[[], Awaitable[object]]) -> Job:
        """Start something that lasts, such as a fault."""
        return self._jobs.start(function)

    def _set_speed(self, speed: float) -> None:
        if speed != self.speed:
            self.speed = speed
            self._simulator.exchange.change(timing=faster_timing(ExchangeTiming(), speed))

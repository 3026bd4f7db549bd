"""The burst: many callers at once, while workers are replaced and one is killed."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import anyio

from relay_proto.exchange import (
    Caller,
    ExchangeTiming,
    HangUp,
    Happened,
    Hear,
    Press,
    Wait,
    What,
    Who,
)
from tests.adapters.support import OFFICE, PROJECT, TOKEN, Certificates, World, open_world
from tests.fleet.workers import Workers

REPLACED_AT: Final = 0.1
KILLED_AT: Final = 0.85
"""When these things happen, as shares of the time in which people call."""
RETENTION: Final = 10.0
"""Seconds for which the service keeps the session of a killed worker; not a minute, as usual,
so that the end of its calls belongs to the run."""
SAMPLE: Final = 0.1
SCRIPT: Final = (
    Hear("press 1", timeout=15),
    Wait(3),
    Press("1"),
    Hear("you have chosen 1", timeout=15),
    Wait(30),
    HangUp(),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many people call, in how many seconds, and how many workers there are."""

    calls: int
    seconds: float
    workers: int
    at_once: float = 0.3
    """The share of the people who call in the first instant."""
    at_the_kill: float = 0.1
    """The share of those who call in the instant before a worker is killed."""


@dataclass(slots=True)
class OneCall:
    """What became of one call, as the service and the caller know it."""

    called_at: float
    offered: int = 0
    passed: int = 0
    withdrawn: int = 0
    answered_at: float | None = None
    answers: int = 0
    session: str = ""
    """The session that has answered it."""
    missed: bool = False
    """Whether the caller waited in vain for what they expected to hear."""
    ended_at: float | None = None
    ended_by: Who | None = None
    reason: str = ""

    @property
    def complete(self) -> bool:
        """Whether the caller has heard everything, and the program has hung up."""
        return self.ended_by is Who.PROGRAM and not self.missed


@dataclass(slots=True)
class Life:
    """The life of one worker, from its session to its end."""

    pid: int
    began_at: float
    drained_at: float | None = None
    ended_at: float | None = None


@dataclass(slots=True)
class Result:
    """What a run has shown. Times are seconds since its beginning."""

    plan: Plan
    calls: dict[str, OneCall] = field(default_factory=dict[str, OneCall])
    lives: dict[str, Life] = field(default_factory=dict[str, Life])
    notes: Mapping[str, Sequence[int]] = field(default_factory=dict[str, Sequence[int]])
    """The processes that say that they have answered each call."""
    killed: str = ""
    replaced_from: float = 0.0
    replaced_until: float = 0.0
    killed_at: float = 0.0
    ended_at: float = 0.0
    exit_code: int = 0
    """What the supervisor has ended with."""

    @property
    def answered(self) -> list[OneCall]:
        """The calls that were answered."""
        return [call for call in self.calls.values() if call.answers]

    @property
    def answered_twice(self) -> list[str]:
        """The calls that were answered more than once, as the service or the workers say."""
        answers = Counter({call_id: call.answers for call_id, call in self.calls.items()})
        by_workers = {call_id: len(pids) for call_id, pids in self.notes.items()}
        return [
            call_id
            for call_id in answers | Counter(by_workers)
            if max(answers[call_id], by_workers.get(call_id, 0)) > 1
        ]

    @property
    def lost(self) -> list[OneCall]:
        """The calls that were up at the killed worker."""
        return [call for call in self.answered if call.session == self.killed and not call.complete]

    @property
    def cut_short(self) -> list[OneCall]:
        """The calls of other workers whose callers did not hear everything."""
        return [call for call in self.answered if call.session != self.killed and not call.complete]

    @property
    def passed(self) -> list[OneCall]:
        """The calls that a worker has passed back, and that another one has answered."""
        return [call for call in self.answered if call.passed]

    @property
    def moved(self) -> list[OneCall]:
        """The calls that the killed worker was offered, and that another one has answered."""
        return [call for call in self.answered if call.withdrawn]


def waits(calls: Sequence[OneCall]) -> list[float]:
    """Return the seconds until each of these calls was answered, the shortest first."""
    answered = [(call.answered_at or 0.0) - call.called_at for call in calls]
    return sorted(answered)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which so much of `ordered` lies; 0 if it is empty."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Burst:
    """One run: the service, the people, and what happens to the workers meanwhile."""

    def __init__(self, result: Result, world: World, workers: Workers, supervisor: str) -> None:
        self.result = result
        self._supervisor = supervisor
        result.notes = workers.answered
        self._plan = result.plan
        self._world = world
        self._workers = workers
        self._began_at = anyio.current_time()
        self._up = 0
        self._all_is_over = anyio.Event()
        self._looked = anyio.Event()
        self._numbers = (f"+1555{number:07}" for number in itertools.count(1))
        world.observe(self._observe)

    async def run(self) -> None:
        """Carry out the plan."""
        plan, result = self._plan, self.result
        async with anyio.create_task_group() as tasks:
            await self._workers.start(self._supervisor, plan.workers)
            tasks.start_soon(self._look_at_sessions)
            self._began_at = anyio.current_time()
            for life in result.lives.values():
                life.began_at = 0.0
            tasks.start_soon(self._replace)
            tasks.start_soon(self._kill)
            await self._people()
            await self._all_is_over.wait()
            result.exit_code = await self._workers.stop()
            await anyio.sleep(2 * SAMPLE)  # let the last session end in the picture
            result.ended_at = self._now()
            tasks.cancel_scope.cancel()

    async def _people(self) -> None:
        plan = self._plan
        at_once = round(plan.calls * plan.at_once)
        self._call(at_once)
        later = plan.calls - at_once - round(plan.calls * plan.at_the_kill)
        for turn in range(later):
            await anyio.sleep_until(self._began_at + plan.seconds * (turn + 1) / later)
            self._call(1)

    def _call(self, people: int) -> None:
        world = self._world
        for number in itertools.islice(self._numbers, people):
            self._up += 1
            caller = Caller(number, SCRIPT)
            world.simulator.command(world.exchange.place_call, caller, to=OFFICE)

    async def _replace(self) -> None:
        await anyio.sleep(self._plan.seconds * REPLACED_AT)
        self.result.replaced_from = self._now()
        old = tuple(self.result.lives)
        self._workers.replace()
        while not all(self._is_over(session) for session in old):
            await self._looked.wait()
        self.result.replaced_until = self._now()
        self._look_whether_all_is_over()

    def _look_whether_all_is_over(self) -> None:
        result = self.result
        if len(result.calls) >= self._plan.calls and not self._up and result.replaced_until:
            self._all_is_over.set()

    async def _kill(self) -> None:
        plan = self._plan
        await anyio.sleep(plan.seconds * KILLED_AT)
        lives = self.result.lives
        there = [name for name, life in lives.items() if life.drained_at is life.ended_at is None]
        up = Counter(
            call.session
            for call in self.result.calls.values()
            if call.answers and call.ended_at is None
        )
        self.result.killed = max(there, key=up.__getitem__)
        self.result.killed_at = self._now()
        self._call(round(plan.calls * plan.at_the_kill))
        self._workers.kill(lives[self.result.killed].pid)

    async def _look_at_sessions(self) -> None:
        """Follow which sessions there are, and which of them take no more calls."""
        while True:
            now, lives = self._now(), self.result.lives
            there = {program.session: program for program in self._world.exchange.programs()}
            for session, pid in self._workers.sessions.items():
                life = lives.setdefault(session, Life(pid, now))
                program = there.get(session)
                gone = program is None or program.transport is None
                if life.ended_at is None and gone:
                    life.ended_at = now
                if life.drained_at is None and not gone and program and not program.contexts:
                    life.drained_at = now
            self._looked.set()
            self._looked = anyio.Event()
            await anyio.sleep(SAMPLE)

    def _is_over(self, session: str) -> bool:
        return self.result.lives[session].ended_at is not None

    def _now(self) -> float:
        return anyio.current_time() - self._began_at

    def _observe(self, happened: Happened) -> None:
        if not happened.call_id:
            return
        now = happened.at - self._began_at
        if happened.what is What.CALLED:
            self.result.calls[happened.call_id] = OneCall(now)
        call = self.result.calls[happened.call_id]
        match happened.what:
            case What.OFFERED:
                call.offered += 1
            case What.PASSED:
                call.passed += 1
            case What.WITHDRAWN:
                call.withdrawn += 1
            case What.ANSWERED:
                call.answers += 1
                call.answered_at = now
                view = self._world.exchange.call(happened.call_id)
                call.session = "" if view is None else view.session
            case What.MISSED:
                call.missed = True
            case What.ENDED:
                self._up -= 1
                call.ended_at, call.ended_by = now, happened.who
                call.reason = happened.details["reason"]
                self._look_whether_all_is_over()
            case _:
                pass


async def run(plan: Plan, target: str, supervisor: str, folder: Path) -> Result:
    """Open the lab, start the workers, and let people call."""
    certificates = Certificates(folder)
    timing = ExchangeTiming(session_retention=RETENTION)
    result = Result(plan)
    async with open_world(certificates, timing=timing) as world:
        variables = {
            "SIGNALWIRE_PROJECT_ID": PROJECT,
            "SIGNALWIRE_API_TOKEN": TOKEN,
            "SIGNALWIRE_SPACE": world.host,
            "SIGNALWIRE_RELAY_CA_FILE": str(certificates.ca_file),
        }
        async with anyio.create_task_group() as tasks:
            workers = Workers(tasks, target, variables)
            await Burst(result, world, workers, supervisor).run()
            tasks.cancel_scope.cancel()
    return result

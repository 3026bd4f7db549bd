"""Plans: a seed becomes a list of acts and faults, and the list becomes a world.

Each act has its own source of randomness. So removing one act does not change the others,
and a plan that fails can be shortened act by act. A world is busy for a while, with
faults. Then the faults stop, and everything must come to rest.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from ..bounds import Limits, Timing
from ..client import ClientCore
from ..exchange import ExchangeTiming
from ..server import ServerConfig
from .application import Application, lines, somebody_calls, somebody_writes
from .faults import FAULTS, drop_link
from .links import Link, Style, draw_style
from .world import PROJECTS, MakeCore, World, exchange_config

COMING_TO_REST: Final = 320.0
"""Seconds until every dead link must be noticed and every wait must have ended."""
TIMING: Final = Timing(pace_timeout=100.0)
"""A turn that does not come is given up before everything must have come to rest."""


class Kind(enum.StrEnum):
    """What an act is."""

    CLIENT = "a client starts"
    ANEW = "a client leaves, and another takes its place"
    DEED = "somebody does something"
    FAULT = "a fault"


@dataclass(frozen=True, slots=True)
class Act:
    """Something to do, `at` seconds after the beginning."""

    at: float
    number: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that happens to the world of one seed."""

    seed: int
    busy: float
    """Seconds until the faults stop."""
    acts: tuple[Act, ...]
    plain: bool = False
    """Whether links and programs have the default style."""


def draw_plan(seed: int) -> Plan:
    """Return the plan of a seed."""
    random = Random(f"{seed} plan")
    busy = random.uniform(20.0, 90.0)
    pace, trouble = random.choice((0.3, 1.0, 4.0)), random.choice((0.7, 2.0, 8.0))
    drawn = [(0.0, Kind.CLIENT) for _ in range(random.choice((1, 1, 2, 3)))]
    for rate, kind in ((pace, Kind.DEED), (1 / trouble, Kind.FAULT)):
        at = 0.0
        while at < busy:
            drawn.append((at, kind))
            at += random.expovariate(rate)
    anew = [(at, Kind.ANEW) for at, kind in drawn if kind is Kind.DEED and random.random() < 0.02]
    acts = (Act(at, number, kind) for number, (at, kind) in enumerate([*drawn, *anew]))
    return Plan(seed, busy, tuple(sorted(acts, key=lambda act: (act.at, act.number))))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a plan: its world, and the broken promise, if there is one."""

    plan: Plan
    world: World
    error: AssertionError | None


def carry_out(plan: Plan, *, make_core: MakeCore = ClientCore) -> Outcome:
    """Run one world to its end, or to the first broken promise."""
    simulation = _Simulation(plan, make_core)
    try:
        simulation.run()
    except AssertionError as error:
        return Outcome(plan, simulation.world, error)
    return Outcome(plan, simulation.world, None)


def simulate(seed: int, *, make_core: MakeCore = ClientCore) -> World:
    """Run the world of a seed to its end, and return it.

    Raises:
        AssertionError: a promise was broken. The trace is in its notes.
    """
    outcome = carry_out(draw_plan(seed), make_core=make_core)
    if outcome.error is not None:
        outcome.error.add_note(outcome.world.report())
        raise outcome.error
    return outcome.world


class _Simulation:
    """One world, and the plan that is carried out in it."""

    def __init__(self, plan: Plan, make_core: MakeCore) -> None:
        random = Random(f"{plan.seed} world")
        config = exchange_config(
            lines=lines(),
            undeliverable=frozenset({"+15550008888"}),
            server=ServerConfig(ping_interval=random.choice((10.0, 10.0, 0.0))),
            timing=ExchangeTiming(session_retention=random.choice((60.0, 5.0))),
        )
        start = random.choice((0.0, 1e6))
        self.world = World(plan.seed, config=config, make_core=make_core, start=start)
        self._plan = plan
        self._limits = Limits(
            active_calls=random.choice((3, 1000)),
            queued_requests=random.choice((20, 500)),
            pending_requests=random.choice((12, 10_000)),
            tags=50,
            # Rarely, because what waits for its turn does not meet the other troubles.
            dials_per_second=random.choice((*9 * (None,), 0.5, 5.0)),
            dials_at_once=random.choice((*9 * (None,), 1, 3)),
            texts_per_second=random.choice((*9 * (None,), 0.5, 5.0)),
        )
        self._applications: list[Application] = []

    def run(self) -> None:
        """Carry out the whole plan."""
        world, plan = self.world, self._plan
        if not plan.plain:
            styles = world.stream("styles")
            world.style = lambda: draw_style(styles)
        for act in plan.acts:
            world.at(world.start + act.at, partial(self._do, act))
        world.run(plan.busy)
        self._clear_up()
        world.run(COMING_TO_REST)
        world.settle_down()
        resumes = sum(world.promises.ledger(one).session.resumes_refused for one in world.programs)
        if resumes:
            world.faults["resume refused"] += resumes

    def _do(self, act: Act) -> None:
        random = self.world.stream(f"act {act.number}")
        match act.kind:
            case Kind.CLIENT:
                self._start_client(random)
            case Kind.ANEW:
                self._start_anew(random)
            case Kind.DEED:
                self._do_deed(random)
            case _:
                if self.world.programs:
                    random.choice(FAULTS)(self.world, random)

    def _start_client(self, random: Random) -> None:
        world = self.world
        project = PROJECTS[len(world.programs) % len(PROJECTS)]
        program = world.program(
            "office", "sales", limits=self._limits, timing=TIMING, project=project
        )
        if len(world.programs) == 2:
            world.struck("several clients")
        if not self._plan.plain:
            program.lag = random.choice((0.0, 0.0, 0.05))
            program.restless = world.stream(f"restless {program.name}")
            if random.random() < 0.3:
                drains = world.stream(f"drains {program.name}")
                program.draining_late = lambda: drains.choice((0.0, 0.0, 0.02, 0.09))
        chance = world.stream(f"application {program.name}")
        self._applications.append(Application(world, program, chance))
        program.start()

    def _start_anew(self, random: Random) -> None:
        """Disconnect one program, and start another one in its place."""
        programs = self.world.programs
        if programs and len(programs) < len(PROJECTS) and not programs[-1].asleep:
            self.world.struck("a fresh client")
            programs[-1].close()
            seconds = random.choice((0.0, 0.5, 8.0))
            self.world.after(seconds, lambda: self._start_client(random))

    def _do_deed(self, random: Random) -> None:
        what = random.random()
        if what < 0.35:
            somebody_calls(self.world, random)
        elif what < 0.45:
            somebody_writes(self.world, random)
        elif self._applications:
            program = random.choice(self.world.programs)
            application = self._applications[self.world.programs.index(program)]
            if self.world.promises.ledger(program).may_be_asked:
                application.act()

    def _clear_up(self) -> None:
        """End all faults. What they have broken stays broken."""
        world = self.world
        world.note("!", "(all clear)")
        awake = [program.wakes_up for program in world.programs]
        world.run(max(0.0, *awake, world.now) - world.now)
        world.exchange.refuse_upgrades(0)
        world.opening = Link.open
        world.style = Style
        for program in world.programs:
            program.reaction = float
        world.after(100.0, self._notice_dead_links)

    def _notice_dead_links(self) -> None:
        """Let the server notice dead links late, as its network stack would."""
        for link in self.world.links.values():
            if not link.alive:
                drop_link(self.world, link)

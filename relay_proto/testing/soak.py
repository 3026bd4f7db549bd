"""The soak: run the worlds of many seeds until the time is up.

`main` is the program, with arguments, output and a clock. Tests call `soak`, which has
none of these.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from ..client import ClientCore
from .checks import CHECKS, PROMISES
from .plans import Outcome, Plan, carry_out, draw_plan
from .shrinking import Shrinker
from .world import MakeCore

Write = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Failure:
    """A seed that broke a promise, and the shortest run that breaks the same promise."""

    seed: int
    what: str
    shortest: Outcome
    runs: int

    @property
    def text(self) -> str:
        """The failure as text, with its trace."""
        plan, world = self.shortest.plan, self.shortest.world
        acts = ", ".join(f"{act.number} ({act.kind} at {act.at:.3f})" for act in plan.acts)
        return "\n".join(
            (
                f"seed {self.seed} failed: {self.what}",
                f"shrunk in {self.runs} runs to {len(plan.acts)} acts: {acts}",
                f"and {len(world.trace)} lines: {self.shortest.error}",
                world.report(),
            )
        )


@dataclass(slots=True)
class Tally:
    """What a soak has done and found so far."""

    seeds: int = 0
    simulated: float = 0.0
    """Seconds of virtual time."""
    faults: Counter[str] = field(default_factory=Counter[str])
    deeds: Counter[str] = field(default_factory=Counter[str])
    checks: Counter[str] = field(default_factory=Counter[str])
    failures: list[Failure] = field(default_factory=list[Failure])

    def add(self, outcome: Outcome) -> None:
        """Add the numbers of one world."""
        world = outcome.world
        self.seeds += 1
        self.simulated += world.now - world.start
        self.faults += world.faults
        self.deeds += world.counts
        self.checks += world.promises.made

    def table(self, seconds: float) -> str:
        """Return the result as text. `seconds` is the real time that it took."""
        rate = self.seeds / max(seconds, 1e-9)
        lines = [
            f"{self.seeds} seeds in {seconds:.1f} s: {rate:.1f} per second",
            f"{self.simulated / 3600:.1f} hours simulated",
            f"{self.faults.total()} faults injected:",
            *(f"{count:>12}  {fault}" for fault, count in sorted(self.faults.items())),
            f"{self.deeds.total()} actions of programs and people:",
            *(f"{count:>12}  {deed}" for deed, count in sorted(self.deeds.items())),
            f"{self.checks.total()} checks made, by promise:",
            *self._promises(),
            f"{len(self.failures)} seeds failed",
            *(f"{failure.seed:>12}  {failure.what}" for failure in self.failures),
        ]
        return "\n".join(lines)

    def _promises(self) -> Iterator[str]:
        for number, words in (*PROMISES.items(), (0, "the contract of a core")):
            count = sum(made for check, made in self.checks.items() if CHECKS[check] == number)
            yield f"{count:>12}  {number or '-':>2} {words}"


def soak(
    first: int,
    go_on: Callable[[Tally], bool],
    *,
    make_core: MakeCore = ClientCore,
    failed: Callable[[Failure], object] | None = None,
) -> Tally:
    """Run the worlds of all seeds from `first` on, while `go_on` returns true.

    A failure does not end the soak. It is shrunk, then `failed` is called with it.
    """
    tally = Tally()
    run = partial(carry_out, make_core=make_core)
    while go_on(tally):
        outcome = run(draw_plan(first + tally.seeds))
        tally.add(outcome)
        if outcome.error is not None:
            failure = examine(outcome, run)
            tally.failures.append(failure)
            if failed is not None:
                failed(failure)
    return tally


def examine(outcome: Outcome, run: Callable[[Plan], Outcome] = carry_out) -> Failure:
    """Shrink a failure. `run` must make worlds in the same way as before."""
    shrinker = Shrinker(outcome, run)
    shortest = shrinker.shrink()
    return Failure(outcome.plan.seed, str(outcome.error), shortest, shrinker.runs)


def main(
    arguments: Sequence[str] | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    write: Write | None = None,
) -> int:
    """Run the command and return its exit code: 1 if a promise was broken."""
    options = _parser().parse_args(arguments)
    say: Write = sys.stdout.write if write is None else write
    if options.command == "replay":
        return _replay(options.seed, say, shrink=options.shrink)
    started = clock()

    def go_on(tally: Tally) -> bool:
        in_time: bool = clock() - started < options.minutes * 60
        return in_time and tally.seeds != options.seeds

    def failed(failure: Failure) -> None:
        say(f"{failure.text}\n\n")

    tally = soak(options.seed, go_on, failed=failed)
    say(f"{tally.table(clock() - started)}\n")
    return 1 if tally.failures else 0


def _replay(seed: int, write: Write, *, shrink: bool) -> int:
    outcome = carry_out(draw_plan(seed))
    if shrink and outcome.error is not None:
        write(f"{examine(outcome).text}\n")
        return 1
    for line in outcome.world.trace:
        write(f"{line}\n")
    write(f"frames {outcome.world.fingerprint}\n")
    write(f"{outcome.error or 'every promise was kept'}\n")
    return 0 if outcome.error is None else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m relay_proto.testing")
    commands = parser.add_subparsers(dest="command", required=True)
    many = commands.add_parser("soak", help="run worlds until the time is up")
    many.add_argument("--minutes", type=float, default=1.0, help="minutes of real time (1)")
    many.add_argument("--seed", type=int, default=0, help="the first seed (0)")
    many.add_argument("--seeds", type=int, help="the maximum number of seeds")
    one = commands.add_parser("replay", help="run the world of one seed and print its trace")
    one.add_argument("seed", type=int)
    one.add_argument("--shrink", action="store_true", help="print the shortest failure instead")
    return parser

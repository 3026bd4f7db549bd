"""Shrinking: reduce a failing plan to the acts that its failure needs.

The shrinker leaves out half of the acts, then quarters, then eighths, down to single
acts. It keeps a shorter plan that breaks the same check with a trace that is not longer.
There is no randomness: the same plan always shrinks to the same plan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .checks import BrokenPromiseError
from .plans import Act, Outcome, Plan

CarryOut = Callable[[Plan], Outcome]
MOST_RUNS = 200


class Shrinker:
    """Look for the shortest plan that breaks the same check."""

    def __init__(self, failed: Outcome, carry_out: CarryOut, most_runs: int = MOST_RUNS) -> None:
        self.best = failed
        self.runs = 0
        self._what = what_broke(failed)
        self._carry_out = carry_out
        self._most_runs = most_runs

    def shrink(self) -> Outcome:
        """Return the shortest failure that was found within the allowed runs."""
        self._leave_out_acts_after_failure()
        size = max(1, len(self.best.plan.acts) // 2)
        while self.runs < self._most_runs:
            shorter = self._try(replace(self.best.plan, plain=True))
            shorter = self._leave_out_pieces(size) or shorter
            if size == 1 and not shorter:
                break
            size = max(1, size // 2)
        return self.best

    def _leave_out_acts_after_failure(self) -> None:
        world = self.best.world
        until = world.now - world.start
        self._try_with([act for act in self.best.plan.acts if act.at <= until])

    def _leave_out_pieces(self, size: int) -> bool:
        shorter, at = False, 0
        while at < len(self.best.plan.acts):
            acts = self.best.plan.acts
            if self._try_with([*acts[:at], *acts[at + size :]]):
                shorter = True
            else:
                at += size
        return shorter

    def _try_with(self, acts: list[Act]) -> bool:
        return self._try(replace(self.best.plan, acts=tuple(acts)))

    def _try(self, plan: Plan) -> bool:
        if self.runs >= self._most_runs or plan == self.best.plan:
            return False
        self.runs += 1
        outcome = self._carry_out(plan)
        same = outcome.error is not None and what_broke(outcome) == self._what
        if same and len(outcome.world.trace) <= len(self.best.world.trace):
            self.best = outcome
            return True
        return False


def what_broke(outcome: Outcome) -> str:
    """Return the name of the check that failed, or the class of any other error."""
    error = outcome.error
    if isinstance(error, BrokenPromiseError):
        return error.check
    return type(error).__name__

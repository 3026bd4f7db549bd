"""Searching: evenings of one seed, and the shortest one in which a promise is broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hypothesis.strategies import SearchStrategy

from relay_proto.testing.searching import shortest

from .checks import BrokenError, check
from .evenings import FAILURES, FREEZES, MISUSES, Evening, Trouble, evenings
from .performing import Runtime

TROUBLES: Final[Mapping[str, SearchStrategy[Trouble]]] = {
    "failures": FAILURES,
    "misuses": MISUSES,
    "freezes": FREEZES,
}
"""What goes wrong, for promises 12, 13 and 15."""


@dataclass
class Search:
    """The evenings of one seed, on one runtime."""

    trouble: str
    runtime: Runtime
    seed: int
    runs: int
    made: Counter[str] = field(default_factory=Counter[str])
    """How often each check was made."""
    broken: BrokenError | None = None
    """What failed last. It is about the shortest evening when `run` has returned."""

    def run(self) -> Evening | None:
        """Try evenings; return the shortest one that breaks a promise, or None."""
        found = shortest(
            evenings(TROUBLES[self.trouble]), self._fails, runs=self.runs, seed=self.seed
        )
        if found is not None:
            self._fails(found)
        return found

    def _fails(self, evening: Evening) -> bool:
        try:
            self.made += check(evening, self.runtime)
        except BrokenError as error:
            self.broken = error
            return True
        return False

    @property
    def words(self) -> str:
        """What was found, and how to find it again."""
        again = f"python -m tests.worlds replay {self.trouble} {self.runtime} {self.seed}"
        return f"{self.broken}\nfound by: {again} --runs {self.runs}"

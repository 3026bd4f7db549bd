"""Waits: everything that somebody waits for, and when it must have settled."""

from __future__ import annotations

import heapq
import itertools
import math
from typing import Any

from ..pending import Pending
from .checks import That


class Waits:
    """The waits of one program. All times are those of its own clock."""

    def __init__(self, that: That) -> None:
        self._that = that
        self._known: dict[Pending[Any], str] = {}
        self._reported: set[Pending[Any]] = set()
        self._requests: set[Pending[Any]] = set()
        self._due: list[tuple[float, int, Pending[Any]]] = []
        self._order = itertools.count()

    def add(self, pending: Pending[Any], what: str, now: float, due: float | None) -> None:
        """Somebody waits for `pending`."""
        self._known[pending] = f"{what} (since {now:.3f})"
        self.limit(pending, due)
        if due is not None and what != "calling.dial" and not pending.settled:
            self._requests.add(pending)

    def limit(self, pending: Pending[Any], due: float | None) -> None:
        """Require that `pending` has settled by `due`."""
        if due is not None:
            heapq.heappush(self._due, (due, next(self._order), pending))

    def settled(self, pending: Pending[Any]) -> None:
        """The core reports that `pending` has settled."""
        once = pending not in self._reported and pending.settled
        self._that(once, "every Pending settles once", self.name(pending), pending)
        self._reported.add(pending)
        self._requests.discard(pending)

    def check(self, now: float) -> None:
        """Check that everything has settled that is due by now."""
        while self._due and self._due[0][0] < now:
            pending = heapq.heappop(self._due)[2]
            self._that(pending.settled, "every wait ends", self.name(pending))

    @property
    def due(self) -> float:
        """When the next one must have settled. It may have done so already."""
        return self._due[0][0] if self._due else math.inf

    @property
    def requests(self) -> int:
        """How many requests wait to be sent or to be answered."""
        return len(self._requests)

    def unsettled(self) -> list[str]:
        """Return the names of the waits whose end was not reported."""
        return [name for pending, name in self._known.items() if pending not in self._reported]

    def count(self, what: str) -> int:
        """Return how many of them have a name that begins with `what`."""
        return sum(name.startswith(what) for name in self.unsettled())

    def name(self, pending: Pending[Any]) -> str:
        """Return the name of a wait."""
        return self._known.get(pending, "something")

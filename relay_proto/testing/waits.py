"""Waits: everything that somebody may wait for, and until when at most."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any

from ..pending import Pending

That = Callable[..., None]
"""Check something about one core: whether it holds, the check's name, details."""


class Waits:
    """The waits of one program, in the time of its own clock."""

    def __init__(self, that: That) -> None:
        self._that = that
        self._known: dict[Pending[Any], str] = {}
        self._reported: set[Pending[Any]] = set()
        self._requests: set[Pending[Any]] = set()
        self._due: list[tuple[float, int, Pending[Any]]] = []
        self._order = itertools.count()

    def add(self, pending: Pending[Any], what: str, now: float, due: float | None) -> None:
        """Somebody waits."""
        self._known[pending] = f"{what} (since {now:.3f})"
        self.limit(pending, due)
        if due is not None and what != "calling.dial" and not pending.settled:
            self._requests.add(pending)

    def limit(self, pending: Pending[Any], due: float | None) -> None:
        """It must have settled by then."""
        if due is not None:
            heapq.heappush(self._due, (due, next(self._order), pending))

    def settled(self, pending: Pending[Any]) -> None:
        """The core says that it has."""
        once = pending not in self._reported and pending.settled
        self._that(once, "every Pending settles once", self.name(pending), pending)
        self._reported.add(pending)
        self._requests.discard(pending)

    def check(self, now: float) -> None:
        """Look for what should have settled by now."""
        while self._due and self._due[0][0] < now:
            pending = heapq.heappop(self._due)[2]
            self._that(pending.settled, "every wait ends", self.name(pending))

    @property
    def requests(self) -> int:
        """How many requests wait to be sent or answered."""
        return len(self._requests)

    def unsettled(self) -> list[str]:
        """What has not settled, or was not reported to have."""
        return [name for pending, name in self._known.items() if pending not in self._reported]

    def count(self, what: str) -> int:
        """How many that are named so have not settled."""
        return sum(name.startswith(what) for name in self.unsettled())

    def name(self, pending: Pending[Any]) -> str:
        """What it was for."""
        return self._known.get(pending, "something")

"""Failures: the errors with which workers end, each written once for all who have it."""

from __future__ import annotations

from .reports import Failure


class Failures:
    """Which workers have ended with which error."""

    def __init__(self) -> None:
        self._workers: dict[Failure, set[int]] = {}
        self._counted: dict[Failure, int] = {}

    def add(self, number: int, failure: Failure) -> bool:
        """Worker `number` ends with this. Returns whether it is the first one."""
        is_new = failure not in self._workers
        self._workers.setdefault(failure, set()).add(number)
        self._counted.setdefault(failure, 1)
        return is_new

    def counts(self) -> list[str]:
        """How many workers have had the same error, in words, if there are more than before."""
        lines: list[str] = []
        for failure, workers in self._workers.items():
            if len(workers) > self._counted[failure]:
                self._counted[failure] = len(workers)
                lines.append(f"{len(workers)} workers have ended with this: {failure.words}")
        return lines

"""Failures: the errors with which workers end, each written once for all who have it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .reports import Failure

WRITTEN_AGAIN_AFTER: Final = 60.0
"""Seconds after which an error that comes again is written again: a log may be cut into pieces."""
MOST: Final = 100
"""Errors that are remembered. The oldest one is forgotten for one more."""


@dataclass(slots=True)
class _Seen:
    """Who has had an error since it was written."""

    written_at: float
    workers: set[int] = field(default_factory=set[int])
    counted: int = 1


class Failures:
    """Which workers have ended with which error."""

    def __init__(self) -> None:
        self._seen: dict[Failure, _Seen] = {}

    def add(self, number: int, failure: Failure, now: float) -> bool:
        """Worker `number` ends with this. Returns whether it is to be written."""
        seen = self._seen.get(failure)
        is_new = seen is None or now >= seen.written_at + WRITTEN_AGAIN_AFTER
        if seen is None or is_new:
            self._seen.pop(failure, None)
            if len(self._seen) >= MOST:
                del self._seen[next(iter(self._seen))]
            seen = self._seen[failure] = _Seen(now)
        seen.workers.add(number)
        return is_new

    def counts(self) -> list[str]:
        """How many workers have had the same error, in words, if there are more than before."""
        lines: list[str] = []
        for failure, seen in self._seen.items():
            if len(seen.workers) > seen.counted:
                seen.counted = len(seen.workers)
                lines.append(f"{seen.counted} workers have ended with this: {failure.words}")
        return lines

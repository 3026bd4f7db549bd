"""Backoff: whether and when to try again after an attempt to connect has failed.

The delays grow with decorrelated jitter, so that many clients that lose a server
at the same moment do not come back at the same moment. They shrink only after an
authenticated session.

Source: docs/protocol.md, sections 4 and 8.
"""

from __future__ import annotations

import enum
from typing import Final

from ..bounds import Limits, Timing
from ..values.chance import Chance

CREDENTIALS_REFUSED: Final = frozenset({-32002, 401, 403})
JITTER: Final = 3.0
"""The next delay is drawn from the minimum to this many times the previous one."""
LONGEST_WISH: Final = 300.0
"""Seconds that a server may ask to be left alone for: a longer time counts as this one."""


class Persistence(enum.Enum):
    """How far a client goes to get a session."""

    ONE_ATTEMPT = "one attempt"
    """The first failure is the end of it."""
    UNTIL_REFUSED = "until refused"
    """It tries again until the server has refused it too often."""
    PROVEN = "proven"
    """It has had a session: only a clear refusal of its credentials counts."""


class Backoff:
    """The attempts since the last session, and what follows from their failure."""

    def __init__(self, timing: Timing, limits: Limits, random: Chance) -> None:
        self._shortest = timing.retry_min_delay
        self._longest = timing.retry_max_delay
        self._most_refusals = limits.auth_attempts
        self._random = random
        self._persistence = Persistence.ONE_ATTEMPT
        self._refusals = 0
        self._delay = self._shortest
        self._wish = 0.0
        self.attempt = 0
        """The number of the attempt under way, from 1."""

    def start(self, *, retry: bool) -> None:
        """Begin anew: with `retry`, a failure is followed by another attempt."""
        self._persistence = Persistence.UNTIL_REFUSED if retry else Persistence.ONE_ATTEMPT
        self.attempt = 0

    def begin_attempt(self) -> None:
        """Count an attempt."""
        self.attempt += 1

    def succeed(self) -> None:
        """There is an authenticated session: all that was counted starts again."""
        self._persistence = Persistence.PROVEN
        self._refusals = self.attempt = 0
        self._delay = self._shortest

    def count_refusal(self, code: int) -> bool:
        """Count a refusal by the server. Return whether it is one too many."""
        if code in CREDENTIALS_REFUSED or self._persistence is not Persistence.PROVEN:
            self._refusals += 1
        return self._refusals >= self._most_refusals

    def defer(self, wish: float) -> None:
        """The server wants to be left alone for so many seconds."""
        self._wish = min(wish, LONGEST_WISH)

    def next_delay(self) -> float | None:
        """The seconds until the next attempt; None if there will be none.

        A time for which the server wants to be left alone comes before the delay. All
        clients may have been told the same one: the delay keeps them apart.
        """
        wish, self._wish = self._wish, 0.0
        if self._persistence is Persistence.ONE_ATTEMPT:
            return None
        drawn = self._random.uniform(self._shortest, JITTER * self._delay)
        self._delay = min(self._longest, drawn)
        return wish + self._delay

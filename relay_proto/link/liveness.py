"""Liveness: is the peer still there?

It pings at intervals, and when it has a reason to doubt. One ping without an
answer proves nothing; several in a row do. Whatever the peer sends is an answer.

Source: docs/protocol.md, section 6.
"""

from __future__ import annotations

import enum
from typing import Any, Final

from ..config import Limits, Timing
from ..timers import Deadlines, Timer
from ..transitions import PingState

DOUBLINGS: Final = 16
"""Beyond so many, the delay between failed pings no longer grows."""

_QUIET: Final = PingState.QUIET  # looked up once: it is asked for with every message


class Verdict(enum.Enum):
    """What is to be done about a peer."""

    WAIT = "wait"
    PING = "ping"
    GIVE_UP = "give up"
    """It is dead: leave the transport."""


class Liveness:
    """When to ping the peer of one session, and when to give it up."""

    def __init__(self, timing: Timing, limits: Limits, deadlines: Deadlines[Any]) -> None:
        self._timing = timing
        self._limits = limits
        self._deadlines = deadlines
        self._state = PingState.QUIET
        self.failures = 0
        """Pings without an answer, in a row."""

    def start(self, now: float) -> None:
        """There is a session to watch."""
        self.heard()
        self._deadlines.set(Timer.PING, now + self._timing.ping_interval)

    def stop(self) -> None:
        """There is nothing to watch any more."""
        for timer in (Timer.PING, Timer.PROBE, Timer.WATCHDOG):
            self._deadlines.clear(timer)

    def heard(self) -> None:
        """The peer has sent something."""
        if self._state is _QUIET:
            return  # as with nearly every message: no ping is under way
        self._state = PingState.QUIET
        self.failures = 0
        self._deadlines.clear(Timer.PROBE)

    def peer_pinged(self, now: float) -> None:
        """The peer pings, and so is expected to go on pinging."""
        self._deadlines.set(Timer.WATCHDOG, now + self._timing.ping_watchdog)

    def probe(self, now: float) -> Verdict:
        """There is reason to doubt: ping, unless a ping is under way already."""
        return self._ping(now) if self._state is PingState.QUIET else Verdict.WAIT

    def interval_over(self, now: float) -> Verdict:
        """It is time for a regular ping."""
        self._deadlines.set(Timer.PING, now + self._timing.ping_interval)
        return self.probe(now)

    def probe_due(self, now: float) -> Verdict:
        """A ping was not answered in time, or it is time to repeat one."""
        if self._state is PingState.BACKING_OFF:
            return self._ping(now)
        self.failures += 1
        if self.failures >= self._limits.ping_failures:
            return Verdict.GIVE_UP
        self._state = PingState.BACKING_OFF
        delay = self._timing.ping_retry_delay * 2 ** min(self.failures - 1, DOUBLINGS)
        self._deadlines.set(Timer.PROBE, now + delay)
        return Verdict.WAIT

    def _ping(self, now: float) -> Verdict:
        self._state = PingState.AWAITING_REPLY
        self._deadlines.set(Timer.PROBE, now + self._timing.ping_timeout)
        return Verdict.PING

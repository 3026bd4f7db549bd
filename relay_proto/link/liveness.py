"""Liveness: is the peer still there?

The client pings at intervals, and when it has a reason to doubt. One unanswered ping
proves nothing; several in a row do. Whatever the peer sends counts as an answer.

Source: docs/protocol.md, section 6.
"""

from __future__ import annotations

import enum
from typing import Any, Final

from ..bounds import Limits, Timing
from ..timers import Deadlines, Timer
from ..transitions import PingState

DOUBLINGS: Final = 16
"""After so many failed pings, the delay between them no longer grows."""

_QUIET: Final = PingState.QUIET  # looked up once, because every message asks for it


class Verdict(enum.Enum):
    """What to do about a peer."""

    WAIT = "wait"
    PING = "ping"
    GIVE_UP = "give up"
    """The peer is dead: leave the transport."""


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
        """Begin to watch a session."""
        self.heard()
        self._deadlines.set(Timer.PING, now + self._timing.ping_interval)

    def stop(self) -> None:
        """Stop watching: the session is about to end."""
        for timer in (Timer.PING, Timer.PROBE, Timer.WATCHDOG):
            self._deadlines.clear(timer)

    def heard(self) -> None:
        """The peer has sent something."""
        if self._state is _QUIET:
            return  # nearly always: no ping is under way
        self._state = PingState.QUIET
        self.failures = 0
        self._deadlines.clear(Timer.PROBE)

    def peer_pinged(self, now: float) -> None:
        """Expect the next ping of a peer that pings by itself."""
        self._deadlines.set(Timer.WATCHDOG, now + self._timing.ping_watchdog)

    def probe(self, now: float) -> Verdict:
        """Ping because of a doubt, unless a ping is under way already."""
        return self._ping(now) if self._state is PingState.QUIET else Verdict.WAIT

    def interval_over(self, now: float) -> Verdict:
        """Ping because the regular interval is over."""
        self._deadlines.set(Timer.PING, now + self._timing.ping_interval)
        return self.probe(now)

    def probe_due(self, now: float) -> Verdict:
        """Act on a ping that was not answered in time, or that is to be repeated."""
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

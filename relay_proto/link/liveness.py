"""Liveness: is the peer still there?

It pings at intervals, and when it has a reason to doubt. One ping without an
answer proves nothing; several in a row do. Whatever the peer sends is an answer.

Source: docs/protocol.md, section 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..config import Limits, Timing
from ..timers import Deadlines, Timer
from ..transitions import PingState

DOUBLINGS: Final = 16
"""Beyond so many, the delay between failed pings no longer grows."""

_QUIET: Final = PingState.QUIET  # looked up once: it is asked for with every message


class Liveness:
    """The pings of one session; `send_ping` writes one."""

    def __init__(
        self,
        timing: Timing,
        limits: Limits,
        deadlines: Deadlines[Any],
        send_ping: Callable[[], None],
    ) -> None:
        self._timing = timing
        self._limits = limits
        self._deadlines = deadlines
        self._send_ping = send_ping
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

    def probe(self, now: float) -> None:
        """There is reason to doubt: ping, unless that is being done already."""
        if self._state is PingState.QUIET:
            self._ping(now)

    def interval_over(self, now: float) -> None:
        """It is time for a regular ping."""
        self._deadlines.set(Timer.PING, now + self._timing.ping_interval)
        self.probe(now)

    def probe_due(self, now: float) -> bool:
        """A ping was not answered, or is to be repeated; true if the peer is given up."""
        if self._state is PingState.BACKING_OFF:
            self._ping(now)
            return False
        self.failures += 1
        if self.failures >= self._limits.ping_failures:
            return True
        self._state = PingState.BACKING_OFF
        delay = self._timing.ping_retry_delay * 2 ** min(self.failures - 1, DOUBLINGS)
        self._deadlines.set(Timer.PROBE, now + delay)
        return False

    def _ping(self, now: float) -> None:
        self._state = PingState.AWAITING_REPLY
        self._deadlines.set(Timer.PROBE, now + self._timing.ping_timeout)
        self._send_ping()

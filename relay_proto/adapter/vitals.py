"""Vitals: how a client does, for whoever watches over it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

from ..client_interface import ClientInterface
from ..display import one_line, shown_id
from ..errors import RelayError
from ..transitions import SessionState

MOST_IDS: Final = 20
"""Calls that are named. More are only counted: who watches reads this every second."""


class Reporting(Protocol):
    """What is looked at: the delivery of an engine."""

    @property
    def last_failure(self) -> RelayError | None:
        """Why the last attempt to connect has failed, if one has since the last session."""
        ...


class Watched(Protocol):
    """What is looked at: the engine of a client."""

    @property
    def core(self) -> ClientInterface:
        """The core that it runs."""
        ...

    @property
    def over(self) -> bool:
        """Whether it has stopped."""
        ...

    @property
    def delivery(self) -> Reporting:
        """What knows why it has no session."""
        ...


@dataclass(frozen=True, slots=True)
class Vitals:
    """How a client does at one moment."""

    ready: bool
    """Whether it has a session, and takes calls."""
    draining: bool
    calls: int
    queued: int
    """Requests that wait for a session, or for their turn."""
    call_ids: tuple[str, ...]
    """Of the first calls that are up, as a log may show them."""
    drain_timeout: float
    trouble: str = ""
    """Why the last attempt to connect has failed. Empty with a session."""


NOT_STARTED: Final = Vitals(
    ready=False, draining=False, calls=0, queued=0, call_ids=(), drain_timeout=0.0
)


def vitals_of(engine: Watched, drain_timeout: float) -> Vitals:
    """Look at a client, where its core is."""
    core = engine.core
    up = core.state is SessionState.READY and not engine.over
    failure = engine.delivery.last_failure
    return Vitals(
        ready=up and not core.draining,
        draining=core.draining,
        calls=core.active_calls,
        queued=core.queued_requests,
        call_ids=tuple(shown_id(call.call_id) for call in islice(core.live_calls, MOST_IDS)),
        drain_timeout=drain_timeout,
        trouble="" if failure is None else one_line(str(failure)),
    )

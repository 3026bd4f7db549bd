"""Vitals: how a client does, for whoever watches over it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

from ..client_interface import ClientInterface
from ..display import shown_id
from ..transitions import SessionState

MOST_IDS: Final = 20
"""Calls that are named. More are only counted: who watches reads this every second."""


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


NOT_STARTED: Final = Vitals(
    ready=False, draining=False, calls=0, queued=0, call_ids=(), drain_timeout=0.0
)


def vitals_of(engine: Watched, drain_timeout: float) -> Vitals:
    """Look at a client, where its core is."""
    core = engine.core
    up = core.state is SessionState.READY and not engine.over
    return Vitals(
        ready=up and not core.draining,
        draining=core.draining,
        calls=core.active_calls,
        queued=core.queued_requests,
        call_ids=tuple(shown_id(call.call_id) for call in islice(core.live_calls, MOST_IDS)),
        drain_timeout=drain_timeout,
    )

"""`Switch`: the table of calls.

Source: docs/protocol.md, section 9.2.
"""

from __future__ import annotations

from typing import Final

from ..constants import END_REASON_ERROR
from ..errors import RelayError
from .conference import Conference
from .happened import Who
from .legs import Leg
from .network import Duty, Network
from .sessions import Session, Sessions

NOT_FOUND: Final = 404
CONFLICT: Final = 409
GONE: Final = 410
FULL: Final = 503


class Switch:
    """All calls of an exchange that have not ended, and the ids of some that have."""

    def __init__(self, network: Network, sessions: Sessions) -> None:
        self.network = network
        self.sessions = sessions
        self._legs: dict[str, Leg] = {}
        self._ended: dict[str, None] = {}
        self.dials: dict[tuple[Session, str], Duty] = {}
        """What cancels each dial under way, by its tag."""
        self.conferences: dict[tuple[str, str], Conference] = {}
        """All conferences with somebody in them, by project and name."""
        self.queues: dict[tuple[str, str], dict[Leg, None]] = {}
        """Who waits in each queue, in order, by project and name."""
        self.texts = 0
        """Text messages under way."""

    def has_room(self, calls: int) -> bool:
        """Whether so many calls more would be within the limit."""
        return len(self._legs) + calls <= self.network.config.limits.calls

    def add(self, leg: Leg) -> None:
        """Follow a new call until it ends."""
        self._legs[leg.call_id] = leg
        leg.watchers.append(self._watch)

    def find(self, session: Session, call_id: str, node_id: str) -> Leg:
        """The call that a program names.

        Raises:
            RelayError: 410, it has ended; 404, the program has no such call.
        """
        leg = self._legs.get(call_id)
        if leg is not None and leg.session is session and node_id == self.network.config.node_id:
            return leg
        if call_id in self._ended:
            raise RelayError(GONE, "the call has ended")
        raise RelayError(NOT_FOUND, "there is no such call")

    def abandon(self, session: Session, now: float) -> None:
        """A session is gone: so are its calls."""
        for key in [key for key in self.dials if key[0] is session]:
            self.dials.pop(key)(now)
        for leg in [leg for leg in self._legs.values() if leg.session is session]:
            leg.end(END_REASON_ERROR, Who.EXCHANGE, now)

    def _watch(self, leg: Leg, now: float) -> None:  # noqa: ARG002
        if leg.ended:
            del self._legs[leg.call_id]
            self._ended[leg.call_id] = None
            if len(self._ended) > self.network.config.limits.ended_calls:
                del self._ended[next(iter(self._ended))]

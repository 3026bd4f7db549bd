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
    """The active calls of an exchange, and the ids of calls that ended recently."""

    def __init__(self, network: Network, sessions: Sessions) -> None:
        self.network = network
        self.sessions = sessions
        self._legs: dict[str, Leg] = {}
        self._ended: dict[str, None] = {}
        self.dials: dict[tuple[Session, str], Duty] = {}
        """The function that cancels each active dial, by session and tag."""
        self.conferences: dict[tuple[str, str], Conference] = {}
        """The conferences that have members, by project and name."""
        self.queues: dict[tuple[str, str], dict[Leg, None]] = {}
        """The calls that wait in each queue, in order, by project and name."""
        self.texts = 0
        """The number of text messages that are not delivered yet."""

    def has_room(self, calls: int) -> bool:
        """Whether the limit allows so many more calls."""
        return len(self._legs) + calls <= self.network.config.limits.calls

    def add(self, leg: Leg) -> None:
        """Add a new call. It is removed when it ends."""
        self._legs[leg.call_id] = leg
        leg.watchers.append(self._watch)

    def legs(self) -> tuple[Leg, ...]:
        """Return the active calls."""
        return tuple(self._legs.values())

    def leg(self, call_id: str) -> Leg | None:
        """Return an active call, whichever program has it, or None."""
        return self._legs.get(call_id)

    def find(self, session: Session, call_id: str, node_id: str) -> Leg:
        """Return the call that a program names.

        Raises:
            RelayError: the call has ended (410), or the program has no such call (404).
        """
        leg = self._legs.get(call_id)
        if leg is not None and leg.session is session and node_id == self.network.config.node_id:
            return leg
        if call_id in self._ended:
            raise RelayError(GONE, "the call has ended")
        raise RelayError(NOT_FOUND, "there is no such call")

    def abandon(self, session: Session, now: float) -> None:
        """End the dials and the calls of a session that is gone."""
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

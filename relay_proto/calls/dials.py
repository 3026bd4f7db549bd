"""Dials: who answered, and how nobody else is left ringing.

The reply only acknowledges a dial; events with its tag decide it. The tags of
decided dials are kept for a while, so that a leg that appears late is hung up. It
would cost its owner money.

Source: docs/protocol.md, section 13.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final

from ..bounds import Limits
from ..constants import CALL_STATE_ANSWERED, CALL_STATE_ENDED, CALL_STATE_ENDING
from ..core import OutputQueue
from ..display import shown_id
from ..errors import DialFailedError, DialTimeoutError, RelayError, RequestQueueFullError
from ..outputs import Dropped, EventReceived, PeerViolation
from ..pending import RESULT, Pending, Source
from ..records import LONGEST_ID, CallRecord, DialRecord
from ..rpc.event_base import text_of
from ..rpc.events import CallStateEvent, DialEvent
from ..rpc.frames import JSONObject, is_object
from ..rpc.masking import Scrubber
from ..timers import Deadlines
from ..transitions import DIAL, DialInput, DialState, follow
from .calls import Calls
from .farewells import Farewells, Legs

NO_WINNER: Final = ""


class Dials:
    """Pending dials by tag, and the tags of those that were decided.

    Methods that may leave legs that nobody wants return those legs: they are to be hung up.
    """

    def __init__(
        self,
        out: OutputQueue,
        deadlines: Deadlines[Any],
        calls: Calls,
        farewells: Farewells,
        limits: Limits,
        scrubber: Scrubber,
    ) -> None:
        self._out = out
        self._deadlines = deadlines
        self._calls = calls
        self._farewells = farewells
        self._limits = limits
        self._scrubber = scrubber
        self._pending: dict[str, DialRecord] = {}
        self._under_way: set[str] = set()
        self._decided: OrderedDict[str, str] = OrderedDict()

    def new(self, tag: str, pending: Pending[CallRecord], timeout: float) -> DialRecord:
        """Make a dial, to `begin` when its request can be made.

        Raises:
            ValueError: a dial with this tag is pending.
            RequestQueueFullError: too many dials are pending.
        """
        if tag in self._pending:
            raise ValueError(
                f"tag {tag!r} is in use by a dial that is still pending: choose another one"
            )
        if len(self._pending) >= self._limits.dials:
            raise RequestQueueFullError("calling.dial", self._limits.dials, "dials")
        return DialRecord(tag, pending, timeout)

    def begin(self, dial: DialRecord) -> None:
        """Follow a dial, before its request is written."""
        self._decided.pop(dial.tag, None)
        self._pending[dial.tag] = dial

    @property
    def under_way(self) -> int:
        """How many dials have been sent and are not decided."""
        return len(self._under_way)

    def written(self, dial: DialRecord, now: float) -> None:
        """The dial leaves: the time to answer counts from now."""
        self._under_way.add(dial.tag)
        self._deadlines.set(dial, now + dial.timeout)

    def acknowledged(self, dial: DialRecord) -> None:
        """Note that the server has the dial: a lost connection does not lose it.

        Not one that waits to be written: an earlier dial may have had the same tag.
        """
        if not dial.pending.settled and dial.tag in self._under_way:
            dial.state = follow(DIAL, dial.state, DialInput.ACKNOWLEDGED)

    def failed(self, dial: DialRecord, error: RelayError) -> Legs:
        """End a dial without a winner. Does nothing if it is decided."""
        if dial.pending.settled:
            return ()
        dial.state = follow(DIAL, dial.state, DialInput.FAILED)
        self._decide(dial, NO_WINNER)
        self._out.fail(dial.pending, error)
        return self._hang_up(leg for leg in dial.legs.values() if not leg.ended)

    def timed_out(self, dial: DialRecord) -> Legs:
        """End a dial that nobody answered in time."""
        return self.failed(dial, DialTimeoutError(dial.tag, dial.timeout))

    def fail_all(self, error: RelayError) -> Legs:
        """End all dials."""
        return [leg for dial in tuple(self._pending.values()) for leg in self.failed(dial, error)]

    def fail_acknowledged(self, error: RelayError) -> Legs:
        """End the dials of a lost session. Those that are not written yet go on."""
        lost = [dial for dial in self._pending.values() if dial.state is DialState.DIALING]
        return [leg for dial in lost for leg in self.failed(dial, error)]

    def source_of(self, tag: str) -> Source | None:
        """Return what the pending dial with this tag has asked for, or None."""
        dial = self._pending.get(tag)
        return None if dial is None else dial.pending.source

    def is_acknowledged(self, dial: DialRecord) -> bool:
        """Whether the server has the dial, so that events will decide it."""
        return dial.state is not DialState.REQUESTED

    def receive(self, event: DialEvent) -> Legs:
        """Apply a dial event and report it."""
        dial = self._pending.get(event.tag)
        call_id = text_of(event.call, "call_id")
        if dial is None:
            self._out.push(EventReceived(event, self._calls.get(call_id)))
            if event.dial_state == CALL_STATE_ANSWERED:
                return self._check_stray(event.tag, call_id, event.node_id, CALL_STATE_ANSWERED)
            return ()
        match event.dial_state:
            case "answered":
                return self._answered(dial, event, call_id)
            case "failed":
                self._out.push(EventReceived(event))
                reason = self._scrubber.words(event.reason)
                return self.failed(dial, DialFailedError(dial.tag, reason))
            case _:
                self.acknowledged(dial)
                self._out.push(EventReceived(event))
                return ()

    def receive_state(self, event: CallStateEvent) -> Legs:
        """Look at a state event before `Calls` does: it may come from a new or a stray leg."""
        ended = event.call_state == CALL_STATE_ENDED
        if event.call_id in self._farewells:
            if ended:
                self._farewells.forget(event.call_id)
            return ()  # it belongs to no dial, even if a new dial has its tag
        known = self._calls.get(event.call_id)
        tag = event.tag or (known.tag if known is not None else "")
        dial = self._pending.get(tag)
        if dial is not None:
            self.acknowledged(dial)
            # A leg that only the dial knows has ended: it does not come back.
            if known is None and event.call_id and not (ended or event.call_id in dial.legs):
                self._first_seen(dial, event)
        elif not ended:
            return self._check_stray(tag, event.call_id, event.node_id, event.call_state)
        return ()

    def _hang_up(self, calls: Iterable[CallRecord]) -> Legs:
        return [
            leg
            for call in calls
            for leg in self._farewells.hang_up_stray(call.call_id, call.node_id, call.state)
        ]

    def _answered(self, dial: DialRecord, event: DialEvent, call_id: str) -> Legs:
        answered = (leg.call_id for leg in dial.legs.values() if leg.state == CALL_STATE_ANSWERED)
        call_id = call_id or next(answered, "")
        node_id = text_of(event.call, "node_id") or event.node_id
        if not _usable(call_id, node_id):
            self._out.push(
                PeerViolation(f"dial {shown_id(dial.tag)} was answered by a call without an id")
            )
            return ()
        device = event.call.get("device") if self._calls.keeps(event) else None
        winner = self._calls.get(call_id) or dial.legs.get(call_id)
        if winner is None:
            winner = self._leg(dial, call_id, node_id, device if is_object(device) else {})
        self._calls.update(winner, event, CALL_STATE_ANSWERED)
        dial.state = follow(DIAL, dial.state, DialInput.ANSWERED)
        self._decide(dial, call_id)
        self._out.push(EventReceived(event, winner))
        self._out.resolve(dial.pending, winner)
        dial.pending.source = RESULT
        return self._hang_up(
            leg
            for leg in dial.legs.values()
            if leg is not winner and leg.state == CALL_STATE_ANSWERED
        )

    def _first_seen(self, dial: DialRecord, event: CallStateEvent) -> None:
        tag, call_id, limits = shown_id(dial.tag), shown_id(event.call_id), self._limits
        # The second: legs of dials that are decided, whose end the server has not told.
        full = len(dial.legs) >= limits.active_calls
        if full or len(self._calls) >= limits.active_calls + limits.dials:
            self._out.push(Dropped(f"dial {tag} has too many legs to follow {call_id}"))
        elif not self._calls.keeps(event) or not _usable(event.call_id, event.node_id):
            self._out.push(Dropped(f"dial {tag} has a leg that is too long to follow: {call_id}"))
        else:
            self._leg(dial, event.call_id, event.node_id, event.device)

    def _leg(self, dial: DialRecord, call_id: str, node_id: str, device: JSONObject) -> CallRecord:
        leg = CallRecord(call_id, node_id, tag=dial.tag, direction="outbound", device=device)
        dial.legs[call_id] = leg
        self._calls.add(leg)
        return leg

    def _decide(self, dial: DialRecord, winner: str) -> None:
        del self._pending[dial.tag]
        self._under_way.discard(dial.tag)
        self._deadlines.clear(dial)
        self._decided[dial.tag] = winner
        if len(self._decided) > self._limits.tags:
            self._decided.popitem(last=False)

    def _check_stray(self, tag: str, call_id: str, node_id: str, state: str) -> Legs:
        winner = self._decided.get(tag)
        if winner is None or call_id == winner or not _usable(call_id, node_id):
            return ()
        # The server ends the losers of a winner itself. One that answers anyway is hung up.
        if state == CALL_STATE_ANSWERED or (winner == NO_WINNER and state != CALL_STATE_ENDING):
            return self._farewells.hang_up_stray(call_id, node_id, state)
        return ()


def _usable(call_id: str, node_id: str) -> bool:
    return 0 < len(call_id) <= LONGEST_ID and len(node_id) <= LONGEST_ID

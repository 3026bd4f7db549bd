"""Dials: who answered, and that nobody else is left ringing.

A dial's reply only acknowledges it; events with its tag decide it. The tags of
decided dials are remembered for a while, so that a leg which shows up late is
hung up: it would cost its owner money.

Source: docs/protocol.md, section 13.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import msgspec

from ..config import Limits
from ..constants import CALL_STATE_ANSWERED, CALL_STATE_ENDED, CALL_STATE_ENDING
from ..core import OutputQueue
from ..errors import DialFailedError, DialTimeoutError, RelayError
from ..outputs import Dropped, EventReceived, PeerViolation
from ..pending import Pending
from ..records import CallRecord, DialRecord, Leg
from ..rpc.events import CallStateEvent, DialEvent
from ..rpc.frames import JSONObject, is_object
from ..timers import Deadlines
from ..transitions import DIAL, DialInput, DialState, follow
from .calls import Calls

NO_WINNER: Final = ""
MOST_ATTEMPTS: Final = 3
"""Requests to hang up one leg that may go unanswered before one session is asked no more."""


class Dials:
    """Pending dials by tag, and the legs that must be hung up."""

    def __init__(
        self,
        out: OutputQueue,
        deadlines: Deadlines[Any],
        calls: Calls,
        limits: Limits,
        end_leg: Callable[[Leg, float], None],
        masked: Callable[[str], str],
    ) -> None:
        self._out = out
        self._deadlines = deadlines
        self._calls = calls
        self._limits = limits
        self._end_leg = end_leg
        self._masked = masked
        self._pending: dict[str, DialRecord] = {}
        self._decided: OrderedDict[str, str] = OrderedDict()
        self._doomed: OrderedDict[str, Leg] = OrderedDict()

    def begin(self, tag: str, pending: Pending[CallRecord], timeout: float) -> DialRecord:
        """Register a dial, before its request is written.

        Raises:
            ValueError: a dial with this tag is pending.
        """
        if tag in self._pending:
            raise ValueError(f"tag {tag!r} is in use by a dial that is still pending")
        self._decided.pop(tag, None)
        dial = self._pending[tag] = DialRecord(tag, pending, timeout)
        return dial

    def acknowledged(self, dial: DialRecord) -> None:
        """The server has the dial: losing the connection no longer loses it."""
        if not dial.pending.settled:
            dial.state = follow(DIAL, dial.state, DialInput.ACKNOWLEDGED)

    def failed(self, dial: DialRecord, error: RelayError, now: float) -> None:
        """The dial is over without a winner: hang up all its legs. No-op if it is decided."""
        if dial.pending.settled:
            return
        dial.state = follow(DIAL, dial.state, DialInput.FAILED)
        self._decide(dial, NO_WINNER)
        self._out.fail(dial.pending, error)
        for leg in dial.legs.values():
            if not leg.ended:
                self.hang_up(leg.call_id, leg.node_id, leg.state, now)

    def cancelled(self, dial: DialRecord, error: RelayError, now: float) -> None:
        """Whoever dialled is gone: hang up all legs, a winner that nobody took included."""
        if not dial.pending.settled:
            self.failed(dial, error, now)
        elif dial.pending.error is None:
            winner = dial.pending.result()
            if not winner.ended:
                self.hang_up(winner.call_id, winner.node_id, winner.state, now)

    def timed_out(self, dial: DialRecord, now: float) -> None:
        """Nobody answered in time."""
        self.failed(dial, DialTimeoutError(dial.tag, dial.timeout), now)

    def fail_all(self, error: RelayError, now: float) -> None:
        """The session of these dials is gone."""
        for dial in tuple(self._pending.values()):
            self.failed(dial, error, now)

    def fail_acknowledged(self, error: RelayError, now: float) -> None:
        """The session that was dialling is gone; a dial not written yet has a new one."""
        for dial in tuple(self._pending.values()):
            if dial.state is DialState.DIALING:
                self.failed(dial, error, now)

    def is_acknowledged(self, dial: DialRecord) -> bool:
        """Whether the server is known to have the dial, so that events will decide it."""
        return dial.state is not DialState.REQUESTED

    def receive(self, event: DialEvent, now: float) -> None:
        """Take a dial event into account and report it."""
        dial = self._pending.get(event.tag)
        call_id = _text(event.call, "call_id")
        if dial is None:
            self._out.push(EventReceived(event, self._calls.get(call_id)))
            if event.dial_state == CALL_STATE_ANSWERED:
                self._check_stray(event.tag, call_id, event.node_id, CALL_STATE_ANSWERED, now)
            return
        match event.dial_state:
            case "answered":
                self._answered(dial, event, call_id, now)
            case "failed":
                self._out.push(EventReceived(event))
                self.failed(dial, DialFailedError(dial.tag, self._masked(event.reason)), now)
            case _:
                self.acknowledged(dial)
                self._out.push(EventReceived(event))

    def receive_state(self, event: CallStateEvent, now: float) -> None:
        """Look at a state event before calls do: it may be a leg's first, or a stray's."""
        ended = event.call_state == CALL_STATE_ENDED
        if event.call_id in self._doomed:
            if ended:
                del self._doomed[event.call_id]
            return  # of no dial any more, even if a new one has its tag
        known = self._calls.get(event.call_id)
        tag = event.tag or (known.tag if known is not None else "")
        dial = self._pending.get(tag)
        if dial is not None:
            self.acknowledged(dial)
            # A leg that is known to the dial alone has ended: it does not come back.
            if known is None and event.call_id and not (ended or event.call_id in dial.legs):
                self._first_seen(dial, event)
        elif not ended:
            self._check_stray(tag, event.call_id, event.node_id, event.call_state, now)

    def hang_up(self, call_id: str, node_id: str, state: str, now: float) -> None:
        """End a leg that nobody wants, now or as soon as there is a session."""
        if call_id in self._doomed:
            return
        reason = "hangup" if state in (CALL_STATE_ANSWERED, CALL_STATE_ENDING) else "cancel"
        leg = self._doomed[call_id] = Leg(call_id, node_id, reason)
        if len(self._doomed) > self._limits.tags:
            oldest, _ = self._doomed.popitem(last=False)
            self._out.push(Dropped(f"the leg {oldest} could not be hung up: too many wait for it"))
        self._end_leg(leg, now)

    def leg_ended(self, leg: Leg) -> None:
        """The server has ended the leg, or never knew it."""
        self._doomed.pop(leg.call_id, None)

    def leg_refused(self, leg: Leg, error: RelayError) -> None:
        """The server will not end the leg."""
        self._doomed.pop(leg.call_id, None)
        self._report(leg, error)

    def leg_unanswered(self, leg: Leg, error: RelayError, now: float) -> None:
        """No reply came: ask again, a few times."""
        again = msgspec.structs.replace(leg, attempts=leg.attempts + 1)
        if leg.call_id not in self._doomed:
            return
        if again.attempts >= MOST_ATTEMPTS:
            # For now: a link that is dead one way looks alive for long. The next session asks.
            self._doomed[leg.call_id] = msgspec.structs.replace(leg, attempts=0)
            self._report(leg, error)
            return
        self._doomed[leg.call_id] = again
        self._end_leg(again, now)

    def end_doomed(self, now: float) -> None:
        """There is a session again: what was asked on the old one may be lost."""
        for leg in tuple(self._doomed.values()):
            self._end_leg(leg, now)

    def _report(self, leg: Leg, error: RelayError) -> None:
        self._out.push(Dropped(f"the leg {leg.call_id} could not be hung up: {error}"))

    def _answered(self, dial: DialRecord, event: DialEvent, call_id: str, now: float) -> None:
        answered = (leg.call_id for leg in dial.legs.values() if leg.state == CALL_STATE_ANSWERED)
        call_id = call_id or next(answered, "")
        if not call_id:
            self._out.push(PeerViolation(f"dial {dial.tag} was answered by a call without an id"))
            return
        node_id = _text(event.call, "node_id") or event.node_id
        device = event.call.get("device")
        winner = self._calls.get(call_id) or dial.legs.get(call_id)
        if winner is None:
            winner = self._leg(dial, call_id, node_id, device if is_object(device) else {})
        self._calls.update(winner, event, CALL_STATE_ANSWERED)
        dial.state = follow(DIAL, dial.state, DialInput.ANSWERED)
        self._decide(dial, call_id)
        self._out.push(EventReceived(event, winner))
        self._out.resolve(dial.pending, winner)
        for leg in dial.legs.values():
            if leg is not winner and leg.state == CALL_STATE_ANSWERED:
                self.hang_up(leg.call_id, leg.node_id, leg.state, now)

    def _first_seen(self, dial: DialRecord, event: CallStateEvent) -> None:
        if len(dial.legs) < self._limits.active_calls:
            self._leg(dial, event.call_id, event.node_id, event.device)
        else:
            self._out.push(Dropped(f"dial {dial.tag} has too many legs to follow {event.call_id}"))

    def _leg(self, dial: DialRecord, call_id: str, node_id: str, device: JSONObject) -> CallRecord:
        leg = CallRecord(call_id, node_id, tag=dial.tag, direction="outbound", device=device)
        dial.legs[call_id] = leg
        self._calls.add(leg)
        return leg

    def _decide(self, dial: DialRecord, winner: str) -> None:
        del self._pending[dial.tag]
        self._deadlines.clear(dial)
        self._decided[dial.tag] = winner
        if len(self._decided) > self._limits.tags:
            self._decided.popitem(last=False)

    def _check_stray(self, tag: str, call_id: str, node_id: str, state: str, now: float) -> None:
        winner = self._decided.get(tag)
        if winner is None or call_id in ("", winner):
            return
        # The server ends a winner's losers itself; what answers all the same is hung up.
        if state == CALL_STATE_ANSWERED or (winner == NO_WINNER and state != CALL_STATE_ENDING):
            self.hang_up(call_id, node_id, state, now)


def _text(values: JSONObject, key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""

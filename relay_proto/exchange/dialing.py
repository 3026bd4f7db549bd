"""Outbound calls: a hunt for somebody who answers, and ``calling.dial``.

Source: docs/protocol.md, section 13.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from ..constants import (
    DIAL_STATE_ANSWERED,
    DIAL_STATE_DIALING,
    DIAL_STATE_FAILED,
    END_REASON_CANCEL,
    END_REASON_ERROR,
    EVENT_CALL_DIAL,
)
from ..errors import RelayError
from ..rpc.frames import INVALID_PARAMS
from .devices import Plan, Ringing, Target
from .happened import What, Who
from .legs import Leg
from .requests import Request, Verb, verb
from .sessions import Session
from .shapes import Amount, Name, Seconds, Text
from .switch import CONFLICT, FULL, Switch

SECONDS_PER_MINUTE: Final = 60.0
"""The ``max_duration`` of a whole plan is in minutes, that of a device in seconds."""


class DialParams(msgspec.Struct, frozen=True, kw_only=True):
    """``calling.dial``."""

    tag: Name
    devices: Plan
    region: Text = None
    max_price_per_minute: Amount = None
    max_duration: Seconds = 0.0


class Hunt:
    """Ring groups of devices, one after another, until somebody answers.

    The devices of a group ring together. `won` is called with the first leg that is
    answered. If no leg is, `lost` is called with the end reason of the last one. After
    `cancel`, neither is called.
    """

    def __init__(
        self,
        switch: Switch,
        session: Session,
        plan: Sequence[Sequence[Target]],
        *,
        tag: str,
        origin: Leg | None = None,
        won: Callable[[Leg, float], None],
        lost: Callable[[str, float], None],
    ) -> None:
        self._switch = switch
        self._session = session
        self._groups = deque(plan)
        self._tag = tag
        self._origin = origin
        self._won = won
        self._lost = lost
        self._ringing: dict[Leg, None] = {}

    def start(self, now: float) -> None:
        """Ring the first group."""
        self._try_next(END_REASON_ERROR, now)

    def cancel(self, now: float) -> None:
        """Stop the hunt, and end all legs that ring."""
        self._groups.clear()
        self._end_ringing(now)

    def _try_next(self, reason: str, now: float) -> None:
        if not self._groups:
            self._lost(reason, now)
            return
        group = self._groups.popleft()
        if not self._switch.has_room(len(group)):
            self._groups.clear()
            self._lost(END_REASON_ERROR, now)
            return
        attempts = [
            Ringing(self._switch, self._session, device, self._tag, now) for device in group
        ]
        for attempt in attempts:
            self._ringing[attempt.leg] = None
            attempt.leg.origin = self._origin
            self._switch.add(attempt.leg)
            attempt.leg.note(Who.PROGRAM, What.DIALED, now, to=attempt.leg.number)
            attempt.start(now)
            attempt.leg.watchers.append(self._watch)

    def _watch(self, leg: Leg, now: float) -> None:
        if leg not in self._ringing:
            return
        if leg.answered:
            del self._ringing[leg]
            self._groups.clear()
            self._won(leg, now)
            self._end_ringing(now)
        elif leg.ended:
            del self._ringing[leg]
            if not self._ringing:
                self._try_next(leg.end_reason, now)

    def _end_ringing(self, now: float) -> None:
        losers = tuple(self._ringing)
        self._ringing.clear()
        for leg in losers:
            leg.end(END_REASON_CANCEL, Who.EXCHANGE, now)


class Dial:
    """``calling.dial``: a hunt whose events have a tag."""

    def __init__(self, request: Request, params: DialParams) -> None:
        self._switch = request.switch
        self._session = request.session
        self._tag = params.tag
        self._max_duration = params.max_duration * SECONDS_PER_MINUTE
        self._hunt = Hunt(
            request.switch,
            request.session,
            params.devices,
            tag=params.tag,
            won=self._answered,
            lost=self._failed,
        )

    def start(self, now: float) -> None:
        """Tell the program, and start to ring."""
        self._switch.dials[self._session, self._tag] = self._hunt.cancel
        self._tell(DIAL_STATE_DIALING, now)
        self._hunt.start(now)

    def _answered(self, leg: Leg, now: float) -> None:
        if self._max_duration:
            leg.limit(self._max_duration, now)
        winner = {
            **leg.shown(),
            "call_state": leg.state,
            "direction": leg.direction,
            "dial_winner": True,
        }
        self._conclude(DIAL_STATE_ANSWERED, now, call=winner)

    def _failed(self, reason: str, now: float) -> None:
        self._switch.network.note(now, "", Who.EXCHANGE, What.DIAL_FAILED, reason=reason)
        self._conclude(DIAL_STATE_FAILED, now, reason=reason)

    def _conclude(self, state: str, now: float, **outcome: Any) -> None:
        del self._switch.dials[self._session, self._tag]
        self._tell(state, now, **outcome)

    def _tell(self, state: str, now: float, **outcome: Any) -> None:
        node_id = self._switch.network.config.node_id
        params = {"node_id": node_id, "tag": self._tag, "dial_state": state, **outcome}
        self._session.tell(EVENT_CALL_DIAL, params, now)


def dial(request: Request, params: DialParams) -> None:
    """``calling.dial``; the reply comes first, the outcome later as an event."""
    if (request.session, params.tag) in request.switch.dials:
        raise RelayError(CONFLICT, "a dial with this tag is under way")
    check_plan(request, params.devices)
    request.accept("Dialing")
    Dial(request, params).start(request.now)


def check_plan(request: Request, plan: Sequence[Sequence[object]]) -> None:
    """Refuse a plan with too many devices, or with more calls than fit now."""
    if sum(map(len, plan)) > request.network.config.limits.devices:
        raise RelayError(INVALID_PARAMS, "Invalid params: too many devices")
    if not request.switch.has_room(len(plan[0])):
        raise RelayError(FULL, "too many calls")


VERBS: Final[Mapping[str, Verb]] = {"calling.dial": verb(DialParams, dial)}

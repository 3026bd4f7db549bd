"""Offers: which inbound calls the application takes, and which go back to the service.

Source: docs/protocol.md, section 12.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ..config import Limits
from ..constants import CALL_STATE_ENDED
from ..core import OutputQueue
from ..display import shown_id
from ..outputs import CallOffered, EventReceived, Ignored, OfferRefused, PeerViolation
from ..records import CallRecord
from ..rpc.events import CallReceiveEvent
from ..transitions import CallState
from .calls import Calls
from .recent import Common, Recent


class _WithDevice(msgspec.Struct, frozen=True, gc=False):
    device: msgspec.Raw


_with_device: Final = msgspec.json.Decoder(_WithDevice)


class Offers:
    """What is done about an inbound call."""

    def __init__(self, out: OutputQueue, calls: Calls, limits: Limits) -> None:
        self._out = out
        self._calls = calls
        self._limit = limits.active_calls
        self._ended_call_ids: Recent[str] = Recent(limits.event_ids)
        self._common = Common()
        self.accepting = False
        """Whether the application takes calls."""
        self.contexts: frozenset[str] | None = None
        """The contexts whose calls it takes; None for all."""

    def receive(self, event: CallReceiveEvent) -> bool:
        """Take an offer. False if the call is to be passed back to the service."""
        if not event.call_id or event.call_state == CALL_STATE_ENDED:
            self._out.push(PeerViolation("it offered a call that has no id, or has ended"))
            return True
        if event.call_id in self._ended_call_ids:
            self._out.push(Ignored("the offer of a call that has ended"))
            return True
        known = self._calls.get(event.call_id)
        if known is not None:
            self._calls.update(known, event, event.call_state)
            self._out.push(EventReceived(event, known))
            return True
        reason = self._unwelcome(event)
        if reason:
            self._out.push(OfferRefused(event.call_id, reason))
            return False
        one = self._common.one
        call = CallRecord(
            event.call_id,
            one(event.node_id),
            project_id=one(event.project_id),
            context=one(event.context),
            tag=event.tag,
            direction=one(event.direction or "inbound"),
            device=bytes(_with_device.decode(event.raw).device) if event.device else {},
            state=one(event.call_state or CallState.CREATED.value),
            # A call begins with the segment of its own name.
            segment_id=event.call_id if event.segment_id == event.call_id else event.segment_id,
        )
        self._calls.add(call)
        self._out.push(EventReceived(event, call))
        self._out.push(CallOffered(call))
        return True

    def call_ended(self, call_id: str) -> None:
        """Remember the end: an offer that comes behind it would never end again."""
        self._ended_call_ids.add(call_id)

    def _unwelcome(self, event: CallReceiveEvent) -> str:
        """Why an offered call is not taken; ``""`` if it is."""
        if not self._calls.keeps(event):
            return "the server sent too much data about it"
        if not self.accepting:
            return "this client has no call handler, or is finishing its last calls"
        if self.contexts is not None and event.context not in self.contexts:
            return f"this client has no call handler for the context {shown_id(event.context)!r}"
        if len(self._calls) >= self._limit:
            return f"{self._limit} calls are up already, which is the limit (max_active_calls)"
        return ""

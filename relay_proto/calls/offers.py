"""Offers: which inbound calls the application takes, and which go back to the service.

Methods that may leave offers that nobody takes return those offers: their calls are to be
passed back.

Source: docs/protocol.md, section 12.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from ..bounds import Limits, Timing
from ..constants import CALL_STATE_ENDED
from ..core import OutputQueue
from ..display import shown_id
from ..outputs import CallOffered, EventReceived, Ignored, OfferRefused, PeerViolation
from ..records import CallRecord
from ..rpc.events import CallReceiveEvent, CallStateEvent
from ..timers import Deadlines
from ..transitions import CallState
from .calls import Calls
from .early import Early
from .recent import Common, Recent

Refused: TypeAlias = list[CallReceiveEvent]
"""Offers whose calls are to be passed back."""


class Waiting:
    """An offer that waits for a handler."""

    __slots__ = ("offer", "state")

    def __init__(self, offer: CallReceiveEvent) -> None:
        self.offer = offer
        self.state: CallStateEvent | None = None
        """The last that was heard of the call's state."""


class _WithDevice(msgspec.Struct, frozen=True, gc=False):
    device: msgspec.Raw


_with_device: Final = msgspec.json.Decoder(_WithDevice)


class Offers:
    """What is done about an inbound call."""

    def __init__(
        self,
        out: OutputQueue,
        deadlines: Deadlines[Any],
        calls: Calls,
        timing: Timing,
        limits: Limits,
    ) -> None:
        self._out = out
        self._calls = calls
        self._limit = limits.active_calls
        self._ended_call_ids: Recent[str] = Recent(limits.event_ids)
        self._common = Common()
        self._early: Early[Waiting] = Early(deadlines, timing.handler_grace, limits.early_arrivals)
        self._accepting = False
        self._closed = False
        self._contexts: frozenset[str] | None = None

    @property
    def accepting(self) -> bool:
        """Whether the application takes calls."""
        return self._accepting and not self._closed

    @accepting.setter
    def accepting(self, accepting: bool) -> None:
        self._accepting = accepting
        self._early.look_again()

    @property
    def contexts(self) -> frozenset[str] | None:
        """The contexts whose calls it takes; None for all."""
        return self._contexts

    @contexts.setter
    def contexts(self, contexts: frozenset[str] | None) -> None:
        self._contexts = contexts
        self._early.look_again()

    def begin(self, now: float, *, resumed: bool) -> None:
        """A session has begun. If it is a new one, the offers of the old one are void."""
        if not resumed:
            self._early.forget()
        self._early.connected(now, handled=self.accepting)

    def close(self, now: float) -> Refused:
        """Take no more offers, and wait for no handler."""
        self._closed = True
        self._early.stop()
        return self.take_early(now)

    def end(self) -> None:
        """The last session is over, and with it all offers."""
        self._early.forget()

    def receive(self, event: CallReceiveEvent, now: float) -> Refused:
        """Take an offer. One that has no handler yet is kept for a while."""
        refused = self.take_early(now)  # they came first
        if not event.call_id or event.call_state == CALL_STATE_ENDED:
            self._out.push(PeerViolation("it offered a call that has no id, or has ended"))
        elif event.call_id in self._ended_call_ids:
            self._out.push(Ignored("the offer of a call that has ended"))
        elif not self._may_wait(event):
            refused += self._decide(event)
        elif any(waiting.offer.call_id == event.call_id for waiting in self._early):
            self._out.push(Ignored("the offer of a call that waits for a handler"))
        elif not self._early.keep(Waiting(event), now):
            refused += self._decide(event)
        return refused

    def take_early(self, now: float) -> Refused:
        """Take the offers that have a handler by now, and give up those whose time is over."""
        if self.accepting and self._contexts is None:
            self._early.stop()
        decided = self._early.take(lambda waiting: not self._unhandled(waiting.offer))
        decided += self._early.take_late(now)
        return [refused for one in decided for refused in self._decide(one.offer, one.state)]

    def _may_wait(self, event: CallReceiveEvent) -> bool:
        is_new = self._calls.get(event.call_id) is None
        return is_new and self._calls.keeps(event) and bool(self._unhandled(event))

    def _decide(self, event: CallReceiveEvent, later: CallStateEvent | None = None) -> Refused:
        known = self._calls.get(event.call_id)
        if known is not None:
            self._calls.update(known, event, event.call_state)
            self._out.push(EventReceived(event, known))
            return []
        refused = self._unwelcome(event)
        if refused:
            self._out.push(refused)
            return [event]
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
        if later is not None:
            self._calls.update(call, later, later.call_state)
        self._out.push(EventReceived(event, call))
        self._out.push(CallOffered(call))
        return []

    def state_changed(self, event: CallStateEvent) -> None:
        """Follow a call that waits. Remember calls that have ended.

        An offer that comes after the end of its call would begin a call that never ends.
        """
        if event.call_state == CALL_STATE_ENDED:
            self._ended_call_ids.add(event.call_id)
            self._early.take(lambda waiting: waiting.offer.call_id == event.call_id)
        for waiting in self._early:
            if waiting.offer.call_id == event.call_id and self._calls.keeps(event):
                waiting.state = event

    def _unwelcome(self, event: CallReceiveEvent) -> OfferRefused | None:
        """Why an offered call is not taken; None if it is."""
        if not self._calls.keeps(event):
            words = "the server sent too much data about it"
            return OfferRefused(event.call_id, words, "too_much_data")
        if refused := self._unhandled(event):
            return refused
        if len(self._calls) >= self._limit:
            words = f"{self._limit} calls are up already, which is the limit (max_active_calls)"
            return OfferRefused(event.call_id, words, "too_many_calls")
        return None

    def _unhandled(self, event: CallReceiveEvent) -> OfferRefused | None:
        """Why no handler takes an offered call; None if one does."""
        if self._closed:
            words = "this client is finishing its last calls"
            return OfferRefused(event.call_id, words, "draining")
        if not self._accepting:
            return OfferRefused(event.call_id, "this client has no call handler", "no_handler")
        if self._contexts is not None and event.context not in self._contexts:
            context = shown_id(event.context)
            words = f"this client has no call handler for the context {context!r}"
            return OfferRefused(event.call_id, words, "no_handler")
        return None

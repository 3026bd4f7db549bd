"""Calls and their actions: their states, and the outputs that tell of them.

A call only moves forward. When it ends, it completes its actions, wakes whoever
waits for it, and leaves the table. An action whose result may come late lingers for
a few seconds.

Source: docs/protocol.md, sections 12, 14 and 15.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ..bounds import Limits, Timing
from ..constants import (
    CALL_STATE_ENDED,
    CALL_STATE_ENDING,
    CONNECT_STATE_CONNECTED,
    EVENT_CALL_STATE,
)
from ..core import OutputQueue
from ..errors import RequestQueueFullError
from ..outputs import CallEnded, EventReceived
from ..pending import Pending
from ..records import ActionRecord, CallRecord
from ..rpc.action_kinds import FINAL_STATES, ActionKind, brings_nothing
from ..rpc.event_base import OperationEvent, RelayEvent, size_of
from ..rpc.events import CallStateEvent, ConnectEvent, DetectEvent, empty_event, local_ended_event
from ..timers import Deadlines
from ..transitions import CALL_ORDER, ActionInput, forward
from ..values.literals import CallStateText

LOST_SESSION: Final = "error"
"""The ``end_reason`` of a call that ended with its session."""
PASSED_ON: Final = "passed"
"""The ``end_reason`` of a call that the program passed back to the service."""


class Calls:
    """The table of live calls. Events change them, and commands start actions on them."""

    def __init__(
        self, out: OutputQueue, deadlines: Deadlines[Any], timing: Timing, limits: Limits
    ) -> None:
        self._limits = limits
        self._out = out
        self._deadlines = deadlines
        self._timing = timing
        self._live: dict[str, CallRecord] = {}
        self._lingering: dict[tuple[str, str], ActionRecord] = {}

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[CallRecord]:
        return iter(tuple(self._live.values()))

    def get(self, call_id: str) -> CallRecord | None:
        """The live call with this id, or None."""
        return self._live.get(call_id) if call_id else None

    def add(self, call: CallRecord) -> None:
        """Follow a call from now on."""
        self._live[call.call_id] = call

    def new_action(
        self, call: CallRecord, kind: ActionKind, control_id: str, callback: object = None
    ) -> ActionRecord:
        """Make an action, to `begin` when its request can be made.

        Raises:
            ValueError: the control id is in use on this call.
            RequestQueueFullError: too many actions run on this call.
        """
        if control_id in call.actions or (call.call_id, control_id) in self._lingering:
            raise ValueError(
                f"control_id {control_id!r} is in use on call {call.call_id}: choose another one"
            )
        limit = self._limits.actions_per_call
        if len(call.actions) >= limit:
            raise RequestQueueFullError(kind.method, limit, "actions_per_call")
        return ActionRecord(call, control_id, kind, callback)

    def begin(self, action: ActionRecord) -> None:
        """Follow an action, before its request is written: its events may overtake the reply.

        On a call that is over it completes at once.
        """
        if action.call.ended:
            self.complete(action, empty_event(action.kind.event_type))
        else:
            action.call.actions[action.control_id] = action

    def receive(self, event: RelayEvent, now: float) -> bool:
        """Apply an event to its call and report it. False if the call is not known."""
        call = self._live.get(event.call_id) if event.call_id else None
        if call is None:
            return self._receive_late(event)
        action = None
        # An event is of no subclass, and isinstance() takes five times as long to deny it.
        if type(event) is CallStateEvent:
            self._receive_state(call, event, now)
            return True
        if type(event) is ConnectEvent:
            call.connected = event.connect_state == CONNECT_STATE_CONNECTED
            call.peer = event.peer if call.connected and self.keeps(event) else {}
        elif call.actions and isinstance(event, OperationEvent):
            action = call.actions.get(event.control_id)
            if action is not None:
                self._progress(action, event)
        self._out.push(EventReceived(event, call, action))
        return True

    def keeps(self, event: RelayEvent) -> bool:
        """Whether the contents of an event are small enough to keep with the call."""
        return size_of(event) <= self._limits.kept_event_bytes

    def update(self, call: CallRecord, event: RelayEvent, state: CallStateText) -> None:
        """Move a call forward to `state` because of `event`, and wake whoever waits for it."""
        before = call.state
        call.state = forward(CALL_ORDER, call.state, state)
        if call.state != before:
            told = event if type(event) is CallStateEvent else _state_event(call)
            call.last_state_event = told if self.keeps(told) else _state_event(call)
            for target in [t for t in call.waits if call.has_reached(t)]:
                self._out.resolve(call.waits.pop(target), told)

    def wait_for(self, call: CallRecord, state: str) -> Pending[CallStateEvent]:
        """Wait for the event that brings `call` to `state`, or past it.

        Everybody who waits for the same state of the same call gets the same `Pending`.
        """
        if call.has_reached(state):
            reached: Pending[CallStateEvent] = Pending()
            self._out.resolve(reached, call.last_state_event or _state_event(call))
            return reached
        return call.waits.setdefault(state, Pending())

    def end_locally(self, call: CallRecord, now: float, reason: str = LOST_SESSION) -> None:
        """End a call without an event from the server."""
        if not call.ended:
            event = local_ended_event(call.call_id, call.node_id, reason)
            self._receive_state(call, event, now)

    def end_all(self, now: float) -> None:
        """End every call, because the session is over."""
        for call in self:
            self.end_locally(call, now)
        for action in tuple(self._lingering.values()):
            self.complete_lingering(action)

    def complete(self, action: ActionRecord, event: RelayEvent) -> None:
        """Give an action its result. Does nothing if it has one."""
        if not action.completed:
            self._stop_following(action)
            action.result = event
            self._out.resolve(action.done, event)

    def fail(self, action: ActionRecord, error: BaseException) -> None:
        """Fail an action that could not be started. Does nothing if it has completed."""
        if not action.completed:
            self._stop_following(action)
            self._out.fail(action.done, error)

    def complete_lingering(self, action: ActionRecord) -> None:
        """Complete an action whose result did not come: the call's end is its result."""
        ended = action.call.last_state_event
        assert ended is not None, "only an action of an ended call lingers"
        self.complete(action, ended)

    def _stop_following(self, action: ActionRecord) -> None:
        action.happened(ActionInput.FINAL)
        action.call.actions.pop(action.control_id, None)
        self._lingering.pop((action.call.call_id, action.control_id), None)
        self._deadlines.clear(action)

    def _receive_late(self, event: RelayEvent) -> bool:
        if not isinstance(event, OperationEvent):
            return False
        action = self._lingering.get((event.call_id, event.control_id))
        if action is None:
            return False
        self._progress(action, event)
        self._out.push(EventReceived(event, action.call, action))
        return True

    def _progress(self, action: ActionRecord, event: OperationEvent) -> None:
        if event.event_type != action.kind.event_type:
            return
        action.happened(ActionInput.PROGRESS)
        action.seen = event.state or action.seen
        if action.kind.is_final(event):
            if action.call.state == CALL_STATE_ENDING and _ends_with_its_call(action, event):
                return
            self.complete(action, event)
            if isinstance(event, DetectEvent) and FINAL_STATES.isdisjoint(
                (event.state, event.event)
            ):
                action.call.actions[action.control_id] = action
            else:
                action.call.actions.pop(action.control_id, None)

    def _receive_state(self, call: CallRecord, event: CallStateEvent, now: float) -> None:
        if self.keeps(event):
            _fill_in(call, event)
        self.update(call, event, event.call_state)
        if call.ended:
            self._end(call, event, now)
        else:
            self._out.push(EventReceived(event, call))

    def _end(self, call: CallRecord, event: RelayEvent, now: float) -> None:
        self._live.pop(call.call_id, None)
        for action in tuple(call.actions.values()):
            if action.kind.lingers:
                action.happened(ActionInput.CALL_ENDED)
                del call.actions[action.control_id]
                self._lingering[call.call_id, action.control_id] = action
                self._deadlines.set(action, now + self._timing.action_grace)
            else:
                self.complete(action, event)
        call.actions.clear()  # detectors go on after their first result
        self._out.push(EventReceived(event, call))
        self._out.push(CallEnded(call))


def _ends_with_its_call(action: ActionRecord, event: OperationEvent) -> bool:
    """Whether an action ended because its call is ending, so that the call's end is its result.

    The server ends all actions of a call before it says ``ended``. A prompt that was cut off
    when somebody hung up is ``finished`` then, as if it had been heard to its end.
    """
    return not action.kind.lingers and brings_nothing(event)


def _fill_in(call: CallRecord, event: CallStateEvent) -> None:
    """Add to the record of a call what an event says about it."""
    for name in ("node_id", "direction", "context", "segment_id", "project_id"):
        if not getattr(call, name):
            setattr(call, name, getattr(event, name))
    if not call.has_device:
        call.device = event.device
    if event.peer:
        call.peer = event.peer
    if event.end_reason and event.call_state in (CALL_STATE_ENDING, CALL_STATE_ENDED):
        call.end_reason = event.end_reason


def _state_event(call: CallRecord) -> CallStateEvent:
    return CallStateEvent.from_payload(
        {
            "event_type": EVENT_CALL_STATE,
            "params": {"call_id": call.call_id, "call_state": call.state},
        }
    )

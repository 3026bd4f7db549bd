"""Records: what the core knows of calls, actions, dials and messages.

They hold data, and answer simple questions about it. The modules of `calls` change
them.

Public: for authors of adapters.

Source: docs/protocol.md, sections 12 to 16.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from .constants import CALL_STATE_ENDED
from .display import shown_id, shown_word
from .pending import Pending
from .rpc.action_kinds import ActionKind
from .rpc.event_base import RelayEvent
from .rpc.events import CallStateEvent, MessageStateEvent
from .rpc.frames import JSONObject, decode_object
from .transitions import (
    ACTION,
    CALL_ORDER,
    ActionInput,
    ActionState,
    DialState,
    follow,
)
from .values.literals import CallStateText, Direction, EndReasonText, MessageStateText

LONGEST_ID: Final = 1024
"""Characters of the longest id that is kept of a leg, its node or a text message."""


class CallRecord:
    """One call as the core knows it. `handle` is the adapter's, opaque to the core."""

    __slots__ = (
        "_device",
        "_peer",
        "actions",
        "call_id",
        "connected",
        "context",
        "direction",
        "end_reason",
        "handle",
        "last_state_event",
        "node_id",
        "project_id",
        "segment_id",
        "state",
        "tag",
        "waits",
    )

    def __init__(
        self,
        call_id: str,
        node_id: str,
        *,
        project_id: str = "",
        context: str = "",
        tag: str = "",
        direction: Direction = "",
        device: JSONObject | bytes | None = None,
        state: CallStateText = "",
        segment_id: str = "",
    ) -> None:
        """`device` may be JSON, which takes a quarter of the memory until somebody asks for it."""
        self.call_id = call_id
        self.node_id = node_id
        self.project_id = project_id
        self.context = context
        self.tag = tag
        self.direction: Direction = direction
        self._device: JSONObject | bytes = {} if device is None else device
        self.state: CallStateText = state
        self.segment_id = segment_id
        self.end_reason: EndReasonText = ""
        self.connected = False
        self._peer: JSONObject | None = None
        self.actions: dict[str, ActionRecord] = {}
        self.waits: dict[str, Pending[CallStateEvent]] = {}
        self.last_state_event: CallStateEvent | None = None
        self.handle: Any = None

    def __repr__(self) -> str:
        return f"<CallRecord {shown_id(self.call_id)} {shown_word(self.state)}>"

    @property
    def device(self) -> JSONObject:
        """Where the call comes from, and where it goes to."""
        if isinstance(self._device, bytes):
            self._device = decode_object(self._device)
        return self._device

    @device.setter
    def device(self, device: JSONObject) -> None:
        self._device = device

    @property
    def has_device(self) -> bool:
        """Whether `device` says anything, without a look into it."""
        return bool(self._device)

    @property
    def peer(self) -> JSONObject:
        """The other party that the call is connected to, if there is one."""
        if self._peer is None:
            self._peer = {}
        return self._peer

    @peer.setter
    def peer(self, peer: JSONObject) -> None:
        self._peer = peer

    @property
    def ended(self) -> bool:
        """Whether the call is over."""
        return self.state == CALL_STATE_ENDED

    def has_reached(self, state: str) -> bool:
        """Whether the call is at `state` or past it."""
        return CALL_ORDER.get(self.state, -1) >= CALL_ORDER[state]


class ActionRecord:
    """One action as the core knows it. `done` settles with its last event."""

    __slots__ = ("call", "control_id", "done", "kind", "result", "seen", "state")

    def __init__(
        self, call: CallRecord, control_id: str, kind: ActionKind, callback: object = None
    ) -> None:
        self.call = call
        self.control_id = control_id
        self.kind = kind
        self.state = ActionState.STARTING
        self.seen = ""
        self.result: RelayEvent | None = None
        self.done: Pending[RelayEvent] = Pending(callback)

    def __repr__(self) -> str:
        return f"<ActionRecord {self.kind.method} {shown_id(self.control_id)} {self.state.value}>"

    @property
    def completed(self) -> bool:
        """Whether its result, or its failure, is known."""
        return self.state is ActionState.COMPLETED

    @property
    def running(self) -> bool:
        """Whether it can be controlled: a detector goes on after its first result."""
        return self.call.actions.get(self.control_id) is self

    def happened(self, what: ActionInput) -> None:
        """Follow the table."""
        self.state = follow(ACTION, self.state, what)


class MessageRecord:
    """One text message as the core knows it. `done` settles when it is terminal."""

    __slots__ = (
        "body",
        "context",
        "direction",
        "done",
        "from_number",
        "handle",
        "media",
        "message_id",
        "reason",
        "result",
        "segments",
        "state",
        "tags",
        "to_number",
    )

    def __init__(
        self,
        *,
        message_id: str = "",
        context: str = "",
        direction: Direction = "",
        from_number: str = "",
        to_number: str = "",
        body: str = "",
        media: list[str] | None = None,
        segments: int = 0,
        state: MessageStateText = "",
        reason: str = "",
        tags: list[str] | None = None,
        callback: object = None,
    ) -> None:
        self.message_id = message_id
        self.context = context
        self.direction: Direction = direction
        self.from_number = from_number
        self.to_number = to_number
        self.body = body
        self.media = [] if media is None else media
        self.segments = segments
        self.state: MessageStateText = state
        self.reason = reason
        self.tags = [] if tags is None else tags
        self.result: MessageStateEvent | None = None
        self.done: Pending[MessageStateEvent] = Pending(callback)
        self.handle: Any = None

    def __repr__(self) -> str:
        return f"<MessageRecord {shown_id(self.message_id)} {shown_word(self.state)}>"


class Leg(msgspec.Struct, frozen=True):
    """A call that must be hung up, for this `reason`; or passed back, if it is ``""``.

    `attempts` counts requests that got no answer.
    """

    call_id: str
    node_id: str
    reason: str
    attempts: int = 0

    @property
    def goes_back(self) -> bool:
        """Whether it is to be passed back, not hung up."""
        return not self.reason


class DialRecord:
    """One dial as the core knows it; `state` follows the table of dials."""

    __slots__ = ("legs", "pending", "state", "tag", "timeout")

    def __init__(self, tag: str, pending: Pending[CallRecord], timeout: float) -> None:
        self.tag = tag
        self.pending = pending
        self.timeout = timeout
        self.state = DialState.REQUESTED
        self.legs: dict[str, CallRecord] = {}

    def __repr__(self) -> str:
        return f"<DialRecord {shown_id(self.tag)} {self.state.value}>"

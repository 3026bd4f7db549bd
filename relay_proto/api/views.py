"""Views: what the handles of both adapters show of a call, an action or a message.

Mixed into the handles. A view reads its record, and changes nothing.
"""

from __future__ import annotations

from typing import cast

from ..records import ActionRecord, CallRecord, MessageRecord
from ..rpc.event_base import RelayEvent
from ..rpc.frames import JSONObject, is_object
from ..transitions import CallState
from .results import Results


class CallView:
    """A call, as far as it is known."""

    __slots__ = ()

    _record: CallRecord

    def __repr__(self) -> str:
        return f"<Call {self.call_id} {self.direction} {self.state}>"

    @property
    def call_id(self) -> str:
        """The server's id."""
        return self._record.call_id

    @property
    def node_id(self) -> str:
        """The server's node that has the call."""
        return self._record.node_id

    @property
    def project_id(self) -> str:
        """The project that it belongs to."""
        return self._record.project_id

    @property
    def context(self) -> str:
        """The context that it came in on."""
        return self._record.context

    @property
    def tag(self) -> str:
        """The tag of the dial that made it, or ``""``."""
        return self._record.tag

    @property
    def direction(self) -> str:
        """``inbound`` or ``outbound``."""
        return self._record.direction

    @property
    def device(self) -> JSONObject:
        """Who is on the line, as the server describes it."""
        return self._record.device

    @property
    def state(self) -> str:
        """How far the call has come."""
        return self._record.state

    @property
    def segment_id(self) -> str:
        """The server's id of this part of the call."""
        return self._record.segment_id

    @property
    def end_reason(self) -> str:
        """Why it ended, in the server's words, or ``""``."""
        return self._record.end_reason

    @property
    def peer(self) -> JSONObject:
        """The call that it is bridged to, as the server describes it, or ``{}``."""
        return self._record.peer

    @property
    def from_number(self) -> str:
        """Who is calling: a number, or a SIP address."""
        return _party(self._record.device, "from_number", "from")

    @property
    def to_number(self) -> str:
        """Who is called: a number, or a SIP address."""
        return _party(self._record.device, "to_number", "to")

    @property
    def headers(self) -> dict[str, str]:
        """The SIP headers of the call; of those that come twice, the last."""
        params = self._record.device.get("params")
        found = params.get("headers") if is_object(params) else None
        pairs = cast("list[object]", found) if isinstance(found, list) else []
        return {
            str(pair["name"]): str(pair.get("value", ""))
            for pair in pairs
            if is_object(pair) and "name" in pair
        }

    @property
    def is_active(self) -> bool:
        """Whether the call is not over, nor about to be."""
        return not self._record.has_reached(CallState.ENDING.value)


class ActionView(Results):
    """An operation on a call, as far as it is known."""

    _record: ActionRecord

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.control_id} {self._record.state.value}>"

    @property
    def control_id(self) -> str:
        """What identifies the operation on its call."""
        return self._record.control_id

    @property
    def state(self) -> str:
        """The state last told by the server, or ``""``."""
        return self._record.seen

    @property
    def completed(self) -> bool:
        """Whether the operation is over."""
        return self._record.completed

    @property
    def is_done(self) -> bool:
        """Whether the operation is over."""
        return self._record.completed

    @property
    def result(self) -> RelayEvent | None:
        """The last event of the operation, or of its call; None while it runs."""
        return self._record.result


class MessageView:
    """A text message, as far as it is known."""

    _record: MessageRecord

    def __init__(
        self,
        *,
        message_id: str = "",
        context: str = "",
        direction: str = "",
        from_number: str = "",
        to_number: str = "",
        body: str = "",
        media: list[str] | None = None,
        segments: int = 0,
        state: str = "",
        reason: str = "",
        tags: list[str] | None = None,
    ) -> None:
        self._record = MessageRecord(
            message_id=message_id,
            context=context,
            direction=direction,
            from_number=from_number,
            to_number=to_number,
            body=body,
            media=media,
            segments=segments,
            state=state,
            reason=reason,
            tags=tags,
        )

    def __repr__(self) -> str:
        return f"<Message {self.message_id or '(unsent)'} {self.direction} {self.state}>"

    @property
    def message_id(self) -> str:
        """The server's id."""
        return self._record.message_id

    @property
    def context(self) -> str:
        """The context that it came in on, or whose events tell its delivery."""
        return self._record.context

    @property
    def direction(self) -> str:
        """``inbound`` or ``outbound``."""
        return self._record.direction

    @property
    def from_number(self) -> str:
        """Who sent it."""
        return self._record.from_number

    @property
    def to_number(self) -> str:
        """Who is to get it."""
        return self._record.to_number

    @property
    def body(self) -> str:
        """The text."""
        return self._record.body

    @property
    def media(self) -> list[str]:
        """URLs of what came with it."""
        return self._record.media

    @property
    def segments(self) -> int:
        """How many SMS it took."""
        return self._record.segments

    @property
    def state(self) -> str:
        """How far its delivery has come."""
        return self._record.state

    @property
    def reason(self) -> str:
        """Why it was not delivered."""
        return self._record.reason

    @property
    def tags(self) -> list[str]:
        """The labels given when it was sent."""
        return self._record.tags

    @property
    def is_done(self) -> bool:
        """Whether its delivery has ended, one way or the other."""
        return self._record.done.settled

    @property
    def result(self) -> RelayEvent | None:
        """The event that ended its delivery, or None."""
        return self._record.result


def _party(device: JSONObject, *names: str) -> str:
    params = device.get("params")
    if is_object(params):
        for name in names:
            if isinstance(params.get(name), str):
                return str(params[name])
    return ""

"""Views: the attributes of a call, an action and a message.

The handles of both adapters inherit them. A view reads the record that the core keeps,
and never changes it.

Public: for authors of adapters.
"""

from __future__ import annotations

from typing import Final, TypeVar, cast

from ..display import described, shown_id, shown_number, shown_reason
from ..records import ActionRecord, CallRecord, MessageRecord
from ..rpc.event_base import RelayEvent
from ..rpc.events import CallStateEvent, MessageStateEvent
from ..rpc.frames import JSONObject, is_object
from ..transitions import CallState
from ..values.checks import any_text, instance, texts
from ..values.literals import CallStateText, Direction, EndReasonText, MessageStateText
from .outcomes import Done
from .parameters import checked_with
from .parties import party
from .results import Results

E = TypeVar("E", bound=RelayEvent)


class CallView:
    """The attributes of a call. They change as the server reports events."""

    __slots__ = ()

    _record: CallRecord

    def __repr__(self) -> str:
        name = f"Call {shown_id(self.call_id)}"
        words = (self.direction, self.state, self.end_reason)
        return described(name, words, _parties(self.from_number, self.to_number))

    @property
    def call_id(self) -> str:
        """The id of the call, which the server has chosen."""
        return self._record.call_id

    @property
    def node_id(self) -> str:
        """The id of the server's node that handles the call."""
        return self._record.node_id

    @property
    def project_id(self) -> str:
        """The id of the project that the call belongs to."""
        return self._record.project_id

    @property
    def context(self) -> str:
        """The context on which the call came in: that of the number that was called."""
        return self._record.context

    @property
    def tag(self) -> str:
        """The tag of the dial that has made this call, or ``""``."""
        return self._record.tag

    @property
    def direction(self) -> Direction:
        """``inbound`` or ``outbound``."""
        return self._record.direction

    @property
    def device(self) -> JSONObject:
        """The other side, as the server describes it: a dict with ``type`` and ``params``."""
        return self._record.device

    @property
    def state(self) -> CallStateText:
        """``created``, ``ringing``, ``answered``, ``ending`` or ``ended``."""
        return self._record.state

    @property
    def segment_id(self) -> str:
        """The server's id for this segment of the call."""
        return self._record.segment_id

    @property
    def end_reason(self) -> EndReasonText:
        """Why the call has ended, such as ``hangup`` or ``busy``; ``""`` before that."""
        return self._record.end_reason

    @property
    def peer(self) -> JSONObject:
        """The call to which this one is bridged, with its ``call_id``, or ``{}``."""
        return self._record.peer

    @property
    def from_number(self) -> str:
        """The caller's telephone number or SIP address, or ``""``."""
        return party(self._record.device, "from_number", "from")

    @property
    def to_number(self) -> str:
        """The telephone number or SIP address that was called, or ``""``."""
        return party(self._record.device, "to_number", "to")

    @property
    def headers(self) -> dict[str, str]:
        """The SIP headers of the call. If a name occurs twice, the last one counts."""
        params = self._record.device.get("params")
        found = params.get("headers") if is_object(params) else None
        pairs = cast("list[object]", found) if isinstance(found, list) else []
        return {
            str(pair["name"]): str(pair.get("value", ""))
            for pair in pairs
            if is_object(pair) and "name" in pair
        }

    @property
    def ended(self) -> bool:
        """Whether the call is over."""
        return self._record.ended

    @property
    def is_active(self) -> bool:
        """Whether the call is neither ending nor ended."""
        return not self._record.has_reached(CallState.ENDING.value)


check_call: Final = instance(CallView, "Call")
"""The check of an argument that must be a call."""


class ActionView(Results[E]):
    """The attributes of an action. They change as the server reports events."""

    _record: ActionRecord

    def __repr__(self) -> str:
        name = f"{type(self).__name__} {shown_id(self.control_id)}"
        outcome = self.outcome
        failure = None if isinstance(outcome, Done) else outcome
        facts = {
            "outcome": "" if failure is None else type(failure).__name__,
            "call": shown_id(self._record.call.call_id),
        }
        return described(name, (self._record.state.value, self.state), facts)

    @property
    def control_id(self) -> str:
        """The id of the action on its call."""
        return self._record.control_id

    @property
    def state(self) -> str:
        """The last state that the server has reported, such as ``playing``, or ``""``."""
        return self._record.seen

    @property
    def completed(self) -> bool:
        """Whether the action is over."""
        return self._record.completed

    @property
    def is_done(self) -> bool:
        """Whether the action is over: the same as `completed`."""
        return self._record.completed

    @property
    def result(self) -> E | CallStateEvent | None:
        """The last event of the action, or of its call. None while the action runs."""
        return cast("E | CallStateEvent | None", self._record.result)


class MessageView:
    """The attributes of a text message. They change as the server reports events."""

    _record: MessageRecord

    @checked_with(message_id=any_text, context=any_text, media=texts)
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
        name = f"Message {shown_id(self.message_id) or '(unsent)'}"
        facts = _parties(self.from_number, self.to_number)
        facts["reason"] = shown_reason(self.reason)
        return described(name, (self.direction, self.state), facts)

    @property
    def message_id(self) -> str:
        """The id of the message, which the server has chosen."""
        return self._record.message_id

    @property
    def context(self) -> str:
        """The context on which it came in, or to which its delivery is reported."""
        return self._record.context

    @property
    def direction(self) -> Direction:
        """``inbound`` or ``outbound``."""
        return self._record.direction

    @property
    def from_number(self) -> str:
        """The number of the sender."""
        return self._record.from_number

    @property
    def to_number(self) -> str:
        """The number of the receiver."""
        return self._record.to_number

    @property
    def body(self) -> str:
        """The text of the message."""
        return self._record.body

    @property
    def media(self) -> list[str]:
        """The URLs of pictures and the like that belong to the message."""
        return self._record.media

    @property
    def segments(self) -> int:
        """The number of SMS segments that it takes."""
        return self._record.segments

    @property
    def state(self) -> MessageStateText:
        """``received``, or ``queued``, ``initiated``, ``sent``, ``delivered``, …."""
        return self._record.state

    @property
    def reason(self) -> str:
        """Why the message was not delivered, or ``""``."""
        return self._record.reason

    @property
    def tags(self) -> list[str]:
        """The labels that it was given when it was sent."""
        return self._record.tags

    @property
    def is_done(self) -> bool:
        """Whether its delivery is over, whether it succeeded or failed."""
        return self._record.done.settled

    @property
    def result(self) -> MessageStateEvent | None:
        """The event that has ended its delivery, or None."""
        return self._record.result


def _parties(from_number: str, to_number: str) -> dict[str, str]:
    return {"from": shown_number(from_number), "to": shown_number(to_number)}

"""What the server tells: one class per event type.

Source: docs/protocol.md, sections 15.1, 18 and 22.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import msgspec

from .. import constants as c
from .event_base import (
    OperationEvent,
    RelayEvent,
    UnknownEvent,
    build_event,
    force,
    inner_params,
    lift,
    number,
    text_of,
)
from .frames import EMPTY, EventFrame, JSONObject, decode_object, is_object


class CallReceiveEvent(RelayEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A call is offered. `context` is the routing label that it arrived on."""

    wire_type: ClassVar[str] = c.EVENT_CALL_RECEIVE

    call_state: str = ""
    direction: str = ""
    device: JSONObject = {}
    node_id: str = ""
    project_id: str = ""
    context: str = ""
    protocol: str = ""
    segment_id: str = ""
    tag: str = ""

    def __post_init__(self) -> None:
        if not self.context:
            force(self, "context", self.protocol)


class CallStateEvent(RelayEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A call's state changed. `local` is true when the client concluded it itself."""

    wire_type: ClassVar[str] = c.EVENT_CALL_STATE

    call_state: str = ""
    end_reason: str = ""
    direction: str = ""
    device: JSONObject = {}
    node_id: str = ""
    tag: str = ""
    peer: JSONObject = {}
    project_id: str = ""
    context: str = ""
    segment_id: str = ""
    local: bool = False


class CallingErrorEvent(RelayEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """Something went wrong on the server's side; `code` is text."""

    wire_type: ClassVar[str] = c.EVENT_CALLING_ERROR

    code: str = ""
    message: str = ""


class PlayEvent(OperationEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A playback, or the prompt of a play-and-collect, is playing, paused or over."""

    wire_type: ClassVar[str] = c.EVENT_CALL_PLAY


class RecordEvent(OperationEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A recording's state; `url`, `duration` (s) and `size` (bytes) once it is done."""

    wire_type: ClassVar[str] = c.EVENT_CALL_RECORD

    url: str = ""
    duration: float = 0.0
    size: int = 0
    record: JSONObject = {}

    def __post_init__(self) -> None:
        result = _decode_record(self.record)
        for name in ("url", "duration", "size"):
            found = getattr(result, name) or getattr(self, name)
            force(self, name, found)
            if found:
                self.record.setdefault(name, found)

    @staticmethod
    def _mirror(body: JSONObject) -> None:
        record = body.get("record")
        if is_object(record):
            for name in ("url", "duration", "size"):
                if name in body:
                    record.setdefault(name, body[name])
                elif name in record:
                    body[name] = record[name]


class CollectEvent(OperationEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """What a caller entered or said, in `result`; `final` only with partial results."""

    wire_type: ClassVar[str] = c.EVENT_CALL_COLLECT

    result: JSONObject = {}
    final: bool | None = None

    def __post_init__(self) -> None:
        lift(self.result, "digits", "terminator", "text", "confidence")

    @property
    def type(self) -> str:
        """``digit``, ``speech``, ``no_input``, ``no_match``, ``error``, … or ``""``."""
        kind = text_of(self.result, "type")
        return kind or (self.state if self.state in ("no_input", "no_match") else "")

    @property
    def digits(self) -> str:
        """The digits entered, without the terminator."""
        return text_of(self.result, "digits")

    @property
    def terminator(self) -> str:
        """The digit that ended the input, or ``""``."""
        return text_of(self.result, "terminator")

    @property
    def text(self) -> str:
        """What was said."""
        return text_of(self.result, "text")

    @property
    def confidence(self) -> float:
        """How sure the recogniser is, as it says (0.0 when it does not)."""
        return number(self.result.get("confidence"))

    @staticmethod
    def _mirror(body: JSONObject) -> None:
        lift(body.get("result"), "digits", "terminator", "text", "confidence")


class ConnectEvent(RelayEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """The bridge to another party: connecting, connected, disconnected or failed."""

    wire_type: ClassVar[str] = c.EVENT_CALL_CONNECT

    connect_state: str = ""
    peer: JSONObject = {}
    failed_reason: str = ""


class DetectEvent(OperationEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """What a detector heard. A human is type ``machine`` with event ``HUMAN``."""

    wire_type: ClassVar[str] = c.EVENT_CALL_DETECT

    detect: JSONObject = {}

    @property
    def type(self) -> str:
        """``machine``, ``fax``, ``digit`` or ``""``."""
        return text_of(self.detect, "type")

    @property
    def event(self) -> str:
        """What it heard: ``HUMAN``, ``MACHINE``, ``READY``, ``CED``, a digit, ``finished``."""
        return text_of(inner_params(self.detect), "event")


class FaxEvent(OperationEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A fax: a page has passed, or the transmission is over."""

    wire_type: ClassVar[str] = c.EVENT_CALL_FAX

    fax: JSONObject = {}

    def __post_init__(self) -> None:
        lift(self.fax)

    @property
    def type(self) -> str:
        """``page``, ``finished``, ``error`` or ``""``."""
        return text_of(self.fax, "type")

    @property
    def pages(self) -> int:
        """Pages so far."""
        return int(number(self.fax.get("pages")))

    @property
    def document(self) -> str:
        """The document's URL, once it is there."""
        return text_of(self.fax, "document")

    @property
    def success(self) -> bool:
        """Whether the transmission succeeded."""
        return self.fax.get("success") is True

    @staticmethod
    def _mirror(body: JSONObject) -> None:
        lift(body.get("fax"))


class TapEvent(OperationEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A tap: which audio goes to which device."""

    wire_type: ClassVar[str] = c.EVENT_CALL_TAP

    tap: JSONObject = {}
    device: JSONObject = {}


class StreamEvent(OperationEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A media stream to `url`."""

    wire_type: ClassVar[str] = c.EVENT_CALL_STREAM

    url: str = ""
    name: str = ""


class SendDigitsEvent(OperationEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """DTMF digits have been sent."""

    wire_type: ClassVar[str] = c.EVENT_CALL_SEND_DIGITS


class DialEvent(RelayEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A dial's progress; `call` describes the winner once it is answered."""

    wire_type: ClassVar[str] = c.EVENT_CALL_DIAL

    tag: str = ""
    dial_state: str = ""
    call: JSONObject = {}
    node_id: str = ""
    reason: str = ""
    source: str = ""


class ReferEvent(RelayEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """The progress of a SIP REFER; the codes are text."""

    wire_type: ClassVar[str] = c.EVENT_CALL_REFER

    state: str = ""
    sip_refer_to: str = ""
    sip_refer_response_code: str = ""
    sip_notify_response_code: str = ""


class DenoiseEvent(RelayEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """Noise reduction was switched on or off."""

    wire_type: ClassVar[str] = c.EVENT_CALL_DENOISE

    denoised: bool = False


class PayEvent(OperationEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A payment's progress; `phase` is the wire's ``for``."""

    wire_type: ClassVar[str] = c.EVENT_CALL_PAY

    phase: str = msgspec.field(default="", name="for")


class QueueEvent(RelayEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A call's place in a queue. `queue_id` and `queue_name` are ``id`` and ``name``."""

    wire_type: ClassVar[str] = c.EVENT_CALL_QUEUE

    control_id: str = ""
    status: str = ""
    queue_id: str = msgspec.field(default="", name="id")
    queue_name: str = msgspec.field(default="", name="name")
    position: int = 0
    size: int = 0


class EchoEvent(RelayEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """An echo test's progress."""

    wire_type: ClassVar[str] = c.EVENT_CALL_ECHO

    state: str = ""


class TranscribeEvent(OperationEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A transcription; `url`, `duration` (s) and `size` (bytes) once it is done."""

    wire_type: ClassVar[str] = c.EVENT_CALL_TRANSCRIBE

    url: str = ""
    recording_id: str = ""
    duration: float = 0.0
    size: int = 0


class HoldEvent(RelayEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A call was held or resumed."""

    wire_type: ClassVar[str] = c.EVENT_CALL_HOLD

    state: str = ""


class ConferenceEvent(RelayEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A conference began or ended, or a member came, went or changed."""

    wire_type: ClassVar[str] = c.EVENT_CONFERENCE

    conference_id: str = ""
    name: str = ""
    status: str = ""


class MessageEvent(RelayEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """What both events of a text message say."""

    message_id: str = ""
    context: str = ""
    direction: str = ""
    from_number: str = ""
    to_number: str = ""
    body: str = ""
    media: list[str] = []
    segments: int = 0
    message_state: str = ""
    tags: list[str] = []


class MessageReceiveEvent(MessageEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """A text message came in."""

    wire_type: ClassVar[str] = c.EVENT_MESSAGING_RECEIVE


class MessageStateEvent(MessageEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """An outbound text message's delivery; `reason` when it failed."""

    wire_type: ClassVar[str] = c.EVENT_MESSAGING_STATE

    reason: str = ""


class AuthorizationStateEvent(RelayEvent, frozen=True, kw_only=True, eq=False, dict=True):
    """The secret that resumes the session. Never leaves the core."""

    wire_type: ClassVar[str] = c.EVENT_AUTHORIZATION_STATE

    authorization_state: str = ""


EVENT_CLASS_MAP: Final[Mapping[str, type[RelayEvent]]] = {
    kind.wire_type: kind
    for kind in (
        CallReceiveEvent,
        CallStateEvent,
        CallingErrorEvent,
        PlayEvent,
        RecordEvent,
        CollectEvent,
        ConnectEvent,
        DetectEvent,
        FaxEvent,
        TapEvent,
        StreamEvent,
        SendDigitsEvent,
        DialEvent,
        ReferEvent,
        DenoiseEvent,
        PayEvent,
        QueueEvent,
        EchoEvent,
        TranscribeEvent,
        HoldEvent,
        ConferenceEvent,
        MessageReceiveEvent,
        MessageStateEvent,
    )
}


def parse_event(payload: JSONObject) -> RelayEvent:
    """Make the typed event from the ``params`` of a ``signalwire.event`` request.

    An unknown type becomes `UnknownEvent`. Nothing in `payload` makes it raise,
    unless it is not JSON at all.
    """
    event_type = payload.get("event_type")
    kind = EVENT_CLASS_MAP.get(event_type) if isinstance(event_type, str) else None
    return (kind or UnknownEvent).from_payload(payload)


def event_of(frame: EventFrame) -> RelayEvent:
    """Decode the body of an event. Never raises."""
    event_type = frame.event_type
    kind = _KINDS.get(event_type, UnknownEvent)
    return build_event(kind, event_type, frame.body, frame.timestamp)


def decode_event(raw: msgspec.Raw) -> RelayEvent | None:
    """Decode the raw ``params`` of a ``signalwire.event``. Never raises.

    None when there is no event type to know it by.
    """
    try:
        outer = _outer.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        payload = decode_object(raw)
        event_type = text_of(payload, "event_type")
        return _KINDS.get(event_type, UnknownEvent).from_payload(payload) if event_type else None
    if not outer.event_type:
        return None
    kind = _KINDS.get(outer.event_type, UnknownEvent)
    return build_event(kind, outer.event_type, outer.params, outer.timestamp)


def local_ended_event(call_id: str, node_id: str, reason: str) -> CallStateEvent:
    """The ``ended`` event that the client concludes itself: docs/protocol.md, section 8."""
    return CallStateEvent.from_payload(
        {
            "event_type": c.EVENT_CALL_STATE,
            "params": {
                "call_id": call_id,
                "node_id": node_id,
                "call_state": c.CALL_STATE_ENDED,
                "end_reason": reason,
                "local": True,
            },
        }
    )


class _Outer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    event_type: str = ""
    params: msgspec.Raw = EMPTY
    timestamp: float | None = None


class _RecordResult(msgspec.Struct, frozen=True, kw_only=True):
    url: str = ""
    duration: float = 0.0
    size: int = 0


_KINDS: Final[Mapping[str, type[RelayEvent]]] = {
    **EVENT_CLASS_MAP,
    c.EVENT_AUTHORIZATION_STATE: AuthorizationStateEvent,
}
_outer = msgspec.json.Decoder(_Outer)


def _decode_record(record: JSONObject) -> _RecordResult:
    return _RecordResult(
        url=text_of(record, "url"),
        duration=number(record.get("duration")),
        size=int(number(record.get("size"))),
    )

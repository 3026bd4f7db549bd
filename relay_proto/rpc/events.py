"""The events of the server: one class for each event type.

Public: for authors of adapters.

Source: docs/protocol.md, sections 15.1, 18 and 22.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final, cast

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
from .frames import EMPTY, EventFrame, JSONObject, decode_object, detached, is_object

if TYPE_CHECKING:
    from ..values.literals import (
        CallStateText,
        CollectStateText,
        CollectType,
        ConnectStateText,
        DetectTypeText,
        DialStateText,
        Direction,
        EndReasonText,
        FaxType,
        MessageStateText,
        PlayStateText,
        QueueStatus,
        RecordStateText,
        Verdict,
    )
else:  # msgspec would refuse the values that the server may add
    CallStateText = CollectStateText = CollectType = ConnectStateText = DetectTypeText = str
    DialStateText = Direction = EndReasonText = FaxType = MessageStateText = PlayStateText = str
    QueueStatus = RecordStateText = Verdict = str


class CallReceiveEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """An inbound call is offered. `context` is the context of the number that was called.

    `device` is ``{"type": "phone", "params": {"from_number": …, "to_number": …}}``, or the
    same for ``sip`` with ``from``, ``to`` and ``headers``.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_RECEIVE

    call_state: CallStateText = ""
    direction: Direction = ""
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


class CallStateEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """The state of a call has changed.

    `call_state` is ``created``, ``ringing``, ``answered``, ``ending`` or ``ended``, the
    last with `end_reason`. `peer` has the ``call_id`` and ``node_id`` of the call to which
    this one is bridged. `local` is true if the client itself has ended the call, because
    the server will not report its end.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_STATE

    call_state: CallStateText = ""
    end_reason: EndReasonText = ""
    direction: Direction = ""
    device: JSONObject = {}
    node_id: str = ""
    tag: str = ""
    peer: JSONObject = {}
    project_id: str = ""
    context: str = ""
    segment_id: str = ""
    local: bool = False


class CallingErrorEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """The server reports an error. `code` is text."""

    wire_type: ClassVar[str] = c.EVENT_CALLING_ERROR

    code: str = ""
    message: str = ""


class PlayEvent(OperationEvent, frozen=True, kw_only=True, eq=False):
    """A playback, or the prompt of a `play_and_collect`, has changed.

    `state` is ``playing``, ``paused``, ``finished`` or ``error``.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_PLAY

    state: PlayStateText = ""


class RecordEvent(OperationEvent, frozen=True, kw_only=True, eq=False):
    """A recording has changed.

    `state` is ``recording``, ``paused``, ``finished``, ``no_input`` or ``error``. When it
    has finished, `url`, `duration` (in seconds) and `size` (in bytes) are known.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_RECORD

    state: RecordStateText = ""
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


class CollectEvent(OperationEvent, frozen=True, kw_only=True, eq=False):
    """What a caller has entered or said: see the properties.

    `result` is ``{"type": …, "params": {…}}``. `final` is false for a partial result, and
    None if partial results were not asked for.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_COLLECT

    state: CollectStateText = ""
    result: JSONObject = {}
    final: bool | None = None

    def __post_init__(self) -> None:
        lift(self.result, "digits", "terminator", "text", "confidence")

    @property
    def type(self) -> CollectType:
        """``digit``, ``speech``, ``no_input``, ``no_match``, ``error``, … or ``""``."""
        kind = cast("CollectType", text_of(self.result, "type"))
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
        """How sure the speech recognition is: 0.0 if it does not say."""
        return number(self.result.get("confidence"))

    @staticmethod
    def _mirror(body: JSONObject) -> None:
        lift(body.get("result"), "digits", "terminator", "text", "confidence")


class ConnectEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """The bridge to another party has changed.

    `connect_state` is ``connecting``, ``connected``, ``disconnected`` or ``failed``, the
    last with `failed_reason`. `peer` has the ``call_id`` and ``node_id`` of the other call.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_CONNECT

    connect_state: ConnectStateText = ""
    peer: JSONObject = {}
    failed_reason: EndReasonText = ""


class DetectEvent(OperationEvent, frozen=True, kw_only=True, eq=False):
    """What a detector has heard: see `type` and `event`.

    A human has the type ``machine`` and the event ``HUMAN``. `detect` is
    ``{"type": …, "params": {"event": …}}``.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_DETECT

    detect: JSONObject = {}

    @property
    def type(self) -> DetectTypeText:
        """``machine``, ``fax``, ``digit`` or ``""``."""
        return cast("DetectTypeText", text_of(self.detect, "type"))

    @property
    def event(self) -> Verdict:
        """What was heard: ``HUMAN``, ``MACHINE``, ``CED``, a digit, ``finished``, …."""
        return cast("Verdict", text_of(inner_params(self.detect), "event"))

    @property
    def _verdict(self) -> str:
        """What a `repr` shows of `event`: no digit that somebody has pressed."""
        return "" if self.type == "digit" else self.event

    @property
    def beep(self) -> bool:
        """Whether an answering machine has beeped."""
        return inner_params(self.detect).get("beep") is True


class FaxEvent(OperationEvent, frozen=True, kw_only=True, eq=False):
    """A fax: a page was sent or received, or the transmission has ended.

    `fax` is ``{"type": …, "params": {…}}``: see the properties.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_FAX

    fax: JSONObject = {}

    def __post_init__(self) -> None:
        lift(self.fax)

    @property
    def type(self) -> FaxType:
        """``page``, ``finished``, ``error`` or ``""``."""
        return cast("FaxType", text_of(self.fax, "type"))

    @property
    def pages(self) -> int:
        """The number of pages."""
        return int(number(self.fax.get("pages")))

    @property
    def document(self) -> str:
        """The URL of the document, or ``""`` if it is not known yet."""
        return text_of(self.fax, "document")

    @property
    def success(self) -> bool:
        """Whether the transmission succeeded."""
        return self.fax.get("success") is True

    @staticmethod
    def _mirror(body: JSONObject) -> None:
        lift(body.get("fax"))


class TapEvent(OperationEvent, frozen=True, kw_only=True, eq=False):
    """A tap has started or ended. `state` is ``tapping`` or ``finished``.

    `tap` says which audio goes out, and `device` where it goes: see `tap`, the verb.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_TAP

    tap: JSONObject = {}
    device: JSONObject = {}


class StreamEvent(OperationEvent, frozen=True, kw_only=True, eq=False):
    """A stream to `url` has started or ended.

    `state` is ``streaming`` or ``finished``.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_STREAM

    url: str = ""
    name: str = ""


class SendDigitsEvent(OperationEvent, frozen=True, kw_only=True, eq=False):
    """The DTMF digits of a `send_digits` have been sent."""

    wire_type: ClassVar[str] = c.EVENT_CALL_SEND_DIGITS


class DialEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """A dial has changed. `dial_state` is ``dialing``, ``answered`` or ``failed``.

    If somebody has answered, `call` describes that call: ``call_id``, ``node_id``,
    ``device``, …. If the dial has failed, `reason` and `source` may say why.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_DIAL

    tag: str = ""
    dial_state: DialStateText = ""
    call: JSONObject = {}
    node_id: str = ""
    reason: EndReasonText = ""
    source: str = ""


class ReferEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """The progress of a SIP REFER. The codes are text, such as ``202``."""

    wire_type: ClassVar[str] = c.EVENT_CALL_REFER

    state: str = ""
    sip_refer_to: str = ""
    sip_refer_response_code: str = ""
    sip_notify_response_code: str = ""


class DenoiseEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """Noise reduction was switched on or off."""

    wire_type: ClassVar[str] = c.EVENT_CALL_DENOISE

    denoised: bool = False


class PayEvent(OperationEvent, frozen=True, kw_only=True, eq=False):
    """The progress of a payment. `phase` is ``for`` on the wire.

    The payment is over when `state` is ``finished`` or ``error``, or when `phase` is
    ``payment-completed`` or ``payment-failed``.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_PAY

    phase: str = msgspec.field(default="", name="for")


class QueueEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """A call has entered or left a queue.

    `status` is ``enqueue``, ``leave`` or ``dequeue``. `position` is its place in the queue,
    `size` the number of calls there. `queue_id` and `queue_name` are ``id`` and ``name`` on
    the wire.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_QUEUE

    control_id: str = ""
    status: QueueStatus = ""
    queue_id: str = msgspec.field(default="", name="id")
    queue_name: str = msgspec.field(default="", name="name")
    position: int = 0
    size: int = 0


class EchoEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """The progress of an echo test."""

    wire_type: ClassVar[str] = c.EVENT_CALL_ECHO

    state: str = ""


class TranscribeEvent(OperationEvent, frozen=True, kw_only=True, eq=False):
    """A transcription has changed. `state` is ``transcribing`` or ``finished``.

    When it has finished, `url`, `duration` (in seconds) and `size` (in bytes) are known.
    """

    wire_type: ClassVar[str] = c.EVENT_CALL_TRANSCRIBE

    url: str = ""
    recording_id: str = ""
    duration: float = 0.0
    size: int = 0


class HoldEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """A call was put on hold, or taken off hold."""

    wire_type: ClassVar[str] = c.EVENT_CALL_HOLD

    state: str = ""


class ConferenceEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """A conference, or a participant of it, has changed.

    `status` is ``conference-start``, ``participant-join``, ``participant-leave``, ….
    """

    wire_type: ClassVar[str] = c.EVENT_CONFERENCE

    conference_id: str = ""
    name: str = ""
    status: str = ""


class MessageEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """The fields that both events of a text message have. `media` has URLs."""

    message_id: str = ""
    context: str = ""
    direction: Direction = ""
    from_number: str = ""
    to_number: str = ""
    body: str = ""
    media: list[str] = []
    segments: int = 0
    message_state: MessageStateText = ""
    tags: list[str] = []


class MessageReceiveEvent(MessageEvent, frozen=True, kw_only=True, eq=False):
    """A text message has come in."""

    wire_type: ClassVar[str] = c.EVENT_MESSAGING_RECEIVE


class MessageStateEvent(MessageEvent, frozen=True, kw_only=True, eq=False):
    """The delivery of a sent text message has changed. `reason` says why it failed.

    `message_state` is ``queued``, ``initiated``, ``sent``, ``delivered``, ``undelivered`` or
    ``failed``.
    """

    wire_type: ClassVar[str] = c.EVENT_MESSAGING_STATE

    reason: str = ""


class AuthorizationStateEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """The secret by which a client resumes its session. It never leaves the core."""

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

    `payload` has the keys ``event_type``, ``timestamp`` and ``params``, the body. An
    unknown type becomes an `UnknownEvent`.

    Raises:
        TypeError, ValueError: the body holds something that is not JSON.
    """
    event_type = payload.get("event_type")
    kind = EVENT_CLASS_MAP.get(event_type) if isinstance(event_type, str) else None
    return (kind or UnknownEvent).from_payload(payload)


def event_of(frame: EventFrame) -> RelayEvent:
    """Make the typed event from an `EventFrame`. Never raises."""
    event_type = frame.event_type
    kind = _KINDS.get(event_type, UnknownEvent)
    return build_event(kind, event_type, frame.body, frame.timestamp)


def decode_event(raw: msgspec.Raw) -> RelayEvent | None:
    """Make the typed event from the raw ``params`` of a ``signalwire.event``.

    Never raises. Returns None if there is no event type.
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
    body = detached(outer.params, memoryview(raw).nbytes)
    return build_event(kind, outer.event_type, body, outer.timestamp)


def empty_event(event_type: str) -> RelayEvent:
    """Make the event that stands for one of this type that will not come.

    It is of the same class, and empty: its `event_type`, too.

    Source: docs/protocol.md, section 15.
    """
    return EVENT_CLASS_MAP.get(event_type, UnknownEvent)()


def local_ended_event(call_id: str, node_id: str, reason: str) -> CallStateEvent:
    """Make the ``ended`` event of a call that the client itself ends.

    Source: docs/protocol.md, section 8.
    """
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

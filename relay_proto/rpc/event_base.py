"""The base class of all events, and how an event is made from JSON.

An event is decoded once, into the fields of its class. The raw dict,
`RelayEvent.params`, is decoded only when a program asks for it. A field that is null,
missing or of the wrong type has its default. So no event is ever refused, and
``params`` always has everything that the server sent.

Source: docs/protocol.md, section 10.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar

import msgspec

from ..display import described, shown_id, shown_number, shown_reason
from .frames import EMPTY, JSONObject, decode_object, encode_json, is_object

E = TypeVar("E", bound="RelayEvent")

force: Final = msgspec.structs.force_setattr
"""Set a field of a frozen struct. Only allowed while the struct is being made."""


_SHOWN_WORDS: Final = (
    "call_state",
    "end_reason",
    "connect_state",
    "failed_reason",
    "dial_state",
    "message_state",
    "state",
    "status",
    "phase",
    "type",
    "_verdict",
    "code",
)
"""The words of the protocol that a `repr` shows, of those that the class has."""
_SHOWN_FACTS: Final[Mapping[str, tuple[str, Callable[[str], str]]]] = {
    "from": ("from_number", shown_number),
    "to": ("to_number", shown_number),
    "reason": ("reason", shown_reason),
    "id": ("message_id", shown_id),
    "conference": ("conference_id", shown_id),
    "queue": ("queue_name", shown_id),
    "tag": ("tag", shown_id),
    "control": ("control_id", shown_id),
    "call": ("call_id", shown_id),
}
"""What else it shows, by its label: ids and numbers."""


class _Given(msgspec.Struct, frozen=True, eq=False, dict=True):
    """What every event is made of, in the order of the compatible API.

    `params` is only there if a program has made the event: see `RelayEvent.params`.
    """

    event_type: str = msgspec.field(default="", name="(event_type)")
    if TYPE_CHECKING:
        params: JSONObject = {}
    else:  # only null fits: whatever the peer sends, it is not given
        params: None = msgspec.field(default=None, name="(params)")
    call_id: str = ""
    timestamp: float = 0.0


_given_params: Final[Callable[[_Given], JSONObject | None]] = vars(_Given)["params"].__get__
"""Reads the field that a property hides."""


class _OfADataclass:
    """What `dataclasses` looks for in a class, made when it is asked for.

    The events of the compatible API are dataclasses. So programs write ``asdict(event)`` to log
    an event or to send it elsewhere.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, event: RelayEvent | None, kind: type[RelayEvent]) -> Any:
        return getattr(_dataclass_of(kind), self._name)


@functools.cache
def _dataclass_of(kind: type[RelayEvent]) -> type:
    """A dataclass with the fields of `kind`, and nothing else of it."""
    fields = [
        (field.name, field.type, _field_of_a_dataclass(field))
        for field in msgspec.structs.fields(kind)
        if field.name != "raw"  # `params` has what is in there
    ]
    return dataclasses.make_dataclass(kind.__name__, fields, frozen=True, eq=False, repr=False)


def _field_of_a_dataclass(field: msgspec.structs.FieldInfo) -> Any:
    if field.name == "params":
        return dataclasses.field(default_factory=dict[str, Any])
    if field.default_factory is not msgspec.NODEFAULT:
        return dataclasses.field(default_factory=field.default_factory)
    return dataclasses.field(default=field.default)


class RelayEvent(_Given, frozen=True, kw_only=True, eq=False):
    """The base class of all events.

    `event_type` is the name on the wire, such as ``calling.call.play``. `call_id` is
    ``""`` if the event is not about a call. `timestamp` is the server's time, in seconds
    since 1970, or 0.0 if the server sent none. `params` has the whole body as a dict. A
    field that the server did not send has its default: ``""``, 0, ``{}``, ….

    ``dataclasses.asdict(event)`` makes a dict of its fields.

    Tests may make one by hand: ``PlayEvent(event_type=..., params={...}, state="finished")``.
    Its fields are those that are given, whatever `params` has; `from_payload` reads them
    from there.
    """

    wire_type: ClassVar[str] = ""
    if TYPE_CHECKING:  # so that checkers know it as an argument of `dataclasses.asdict`
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    else:
        __dataclass_fields__ = _OfADataclass("__dataclass_fields__")
        __dataclass_params__ = _OfADataclass("__dataclass_params__")

    raw: msgspec.Raw = msgspec.field(default=EMPTY, name="(raw)")
    """The JSON of the body, as it arrived. Empty if the event was made by hand."""

    def __repr__(self) -> str:
        # Without the other fields: they hold what a log must not show.
        untold = self.event_type if self.event_type != self.wire_type else ""
        words = (getattr(self, name, "") for name in _SHOWN_WORDS)
        facts = {
            label: show(getattr(self, name, "")) for label, (name, show) in _SHOWN_FACTS.items()
        }
        return described(type(self).__name__, (untold, *words), facts)

    if TYPE_CHECKING:  # for checkers it is a field, as the compatible API has it
        pass
    else:

        @functools.cached_property
        def params(self) -> JSONObject:
            """The body as a dict. Some nested values are there twice: copied one level up."""
            given = _given_params(self)
            if given is not None:
                return given
            body = decode_object(self.raw)
            self._mirror(body)
            return body

    @classmethod
    def from_payload(cls, payload: JSONObject) -> Self:
        """Make the event from the ``params`` of a ``signalwire.event`` request.

        `payload` has the keys ``event_type``, ``timestamp`` and ``params``, the body.
        """
        body = payload.get("params")
        raw = EMPTY
        if is_object(body):
            raw = msgspec.Raw(encode_json(body))
        event_type = payload.get("event_type")
        timestamp = payload.get("timestamp")
        return build_event(
            cls,
            event_type if isinstance(event_type, str) else "",
            raw,
            None if timestamp is None else number(timestamp),
        )

    @staticmethod
    def _mirror(body: JSONObject) -> None:
        """Copy nested values to the places where some documentation shows them."""


class OperationEvent(RelayEvent, frozen=True, kw_only=True, eq=False):
    """An event of an operation that has a `control_id`."""

    control_id: str = ""
    state: str = ""


class UnknownEvent(OperationEvent, frozen=True, kw_only=True, eq=False):
    """An event of a type that this version does not know. `params` has its body."""


def size_of(event: RelayEvent) -> int:
    """The length of the JSON that the event was made of, in bytes."""
    return memoryview(event.raw).nbytes


def build_event(kind: type[E], event_type: str, raw: msgspec.Raw, timestamp: float | None) -> E:
    """Decode the body of one event as `kind`. Never raises."""
    decoder = _decoders.get(kind) or _new_decoder(kind)
    try:
        event: E = decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        event = _decode_leniently(kind, decode_object(raw))
    force(event, "event_type", event_type)
    force(event, "raw", raw)
    if timestamp is not None:
        force(event, "timestamp", timestamp)
    return event


_decoders: Final[dict[type[RelayEvent], msgspec.json.Decoder[Any]]] = {}
"""One decoder for each class, made when its first event arrives."""


def _new_decoder(kind: type[E]) -> msgspec.json.Decoder[E]:
    decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return decoder


def _decode_leniently(kind: type[E], body: JSONObject) -> E:
    """Make a `kind` from those values of `body` that fit its fields."""
    fitting: JSONObject = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in body:
            try:
                fitting[field.name] = _convert(body[field.encode_name], field.type)
            except msgspec.ValidationError:
                continue
    return kind(**fitting)


def _convert(value: object, wanted: Any) -> Any:
    if wanted is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # the server sends codes as text or as numbers
    result = msgspec.convert(value, wanted, strict=isinstance(value, bool))
    return number(result) if wanted is float else result  # msgspec accepts "nan" as a float


def number(value: object) -> float:
    """Return a JSON number as a finite float, and 0.0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    try:
        result = float(value)
    except OverflowError:
        return 0.0
    return result if math.isfinite(result) else 0.0


def text_of(values: JSONObject, key: str) -> str:
    """Return the text under `key`, or ``""`` if there is none."""
    value = values.get(key)
    return value if isinstance(value, str) else ""


def inner_params(values: object) -> JSONObject:
    """Return the ``params`` of a nested object, or ``{}`` if it has none."""
    inner = values.get("params") if is_object(values) else None
    return inner if is_object(inner) else {}


def lift(result: object, *names: str) -> None:
    """Copy entries of ``result["params"]`` to `result`: the named ones, or all.

    An entry that `result` already has is kept.
    """
    inner = inner_params(result)
    if inner and is_object(result):
        for name in names or tuple(inner):
            if name in inner:
                result.setdefault(name, inner[name])

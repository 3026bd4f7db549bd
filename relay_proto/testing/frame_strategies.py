"""Frame strategies: hypothesis draws events and requests from the typed definitions."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from inspect import get_annotations
from typing import Any, Final, cast, get_args

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from .. import constants as c
from ..exchange.sessions import ConnectParams
from ..exchange.verbs import VERBS
from ..rpc.event_base import RelayEvent
from ..rpc.events import EVENT_CLASS_MAP
from ..rpc.frames import JSONObject, encode_json
from ..values import literals

Frames = st.SearchStrategy[JSONObject]

IDS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("e-1", "e-2", "e-3", "e-4"),
    "call_id": ("call-1", "call-2"),
    "node_id": ("node-1",),
    "control_id": ("control-1", "control-2"),
    "tag": ("tag-1", "tag-2"),
    "message_id": ("message-1", "message-2"),
    "conference_id": ("conference-1",),
    "queue_id": ("queue-1",),
    "context": ("office",),
    "protocol": ("protocol-1",),
}
"""Ids are drawn from a few, so that frames are about the same calls."""
MOST_ITEMS: Final = 3
_STATES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    (c.EVENT_CALL_TAP, "state"): ("tapping", "finished"),
    (c.EVENT_CALL_STREAM, "state"): ("streaming", "finished"),
    (c.EVENT_CALL_SEND_DIGITS, "state"): ("finished",),
    (c.EVENT_CALL_TRANSCRIBE, "state"): ("transcribing", "finished"),
    (c.EVENT_CONFERENCE, "status"): tuple(
        f"{what}-{change}"
        for what, changes in (
            ("conference", "start end"),
            ("participant", "join leave mute unmute hold unhold modify speech-start speech-stop"),
            ("record", "start pause resume stop"),
        )
        for change in changes.split()
    ),
}
"""Words of fields that have no literal of their own."""

json_texts: Final = st.text(st.characters(codec="utf-8"), max_size=12)
json_integers: Final = st.integers(-(2**63), 2**64 - 1)
json_floats: Final = st.floats(allow_nan=False, allow_infinity=False)
_scalars: Final[st.SearchStrategy[Any]] = (
    st.none() | st.booleans() | json_integers | json_floats | json_texts
)
_values: Final[st.SearchStrategy[Any]] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(json_texts, inner, max_size=3),
    max_leaves=5,
)
_objects: Final[Frames] = st.dictionaries(json_texts, _values, max_size=4)
_seconds: Final = st.sampled_from([0, 0.5, 1, 3, 10.5])

_PHONE: Final[Frames] = st.just(
    {"type": "phone", "params": {"from_number": "+15550001111", "to_number": "+15550002222"}}
)
_NESTED: Final[Mapping[str, Frames]] = {
    "device": _PHONE,
    "call": st.fixed_dictionaries(
        {"call_id": st.sampled_from(IDS["call_id"]), "node_id": st.just("node-1")},
        optional={"device": _PHONE, "dial_winner": st.booleans(), "tag": st.just("tag-1")},
    ),
    "peer": st.fixed_dictionaries(
        {"call_id": st.sampled_from(IDS["call_id"]), "node_id": st.just("node-1")}
    ),
    "detect": st.fixed_dictionaries(
        {
            "type": st.sampled_from(["machine", "fax", "digit"]),
            "params": st.fixed_dictionaries(
                {"event": st.sampled_from("MACHINE HUMAN READY NOT_READY CED 1 finished".split())}
            ),
        }
    ),
    "result": st.fixed_dictionaries(
        {"type": st.sampled_from("digit speech no_input no_match error".split())},
        optional={
            "params": st.fixed_dictionaries(
                {}, optional={"digits": st.just("1"), "text": json_texts}
            )
        },
    ),
    "fax": st.fixed_dictionaries(
        {"type": st.sampled_from(["page", "finished", "error"]), "params": _objects}
    ),
    "record": st.fixed_dictionaries({}, optional={"url": json_texts, "duration": _seconds}),
}
"""What the objects in the body of an event are, by the name of the field."""


def json_values() -> st.SearchStrategy[Any]:
    """Draw any JSON value, not too deep."""
    return _values


def json_objects() -> Frames:
    """Draw any JSON object, not too deep."""
    return _objects


def event_types() -> st.SearchStrategy[str]:
    """Draw the name of an event type on the wire, such as ``calling.call.play``."""
    return st.sampled_from(sorted(EVENT_CLASS_MAP))


def events(event_type: str = "") -> Frames:
    """Draw a valid event: the ``params`` of a ``signalwire.event``, of one type or of any."""
    types = st.just(event_type) if event_type else event_types()
    return types.flatmap(
        lambda one: st.fixed_dictionaries(
            {"event_type": st.just(one), "params": _event_body(one)},
            optional={"timestamp": st.floats(0, 4e9), "event_channel": st.just("channel-1")},
        )
    )


def broken_events() -> Frames:
    """Draw an event that no server should send: fields are missing, or have any value."""
    return st.tuples(events(), _damage()).map(lambda drawn: _damaged(*drawn))


def server_frames() -> Frames:
    """Draw a valid frame of a server: an event of any type, a ping or a goodbye."""
    ids = st.sampled_from(IDS["id"])
    asks = st.sampled_from([c.METHOD_SIGNALWIRE_PING, c.METHOD_SIGNALWIRE_DISCONNECT])
    restarts = st.fixed_dictionaries({}, optional={"restart": st.booleans()})
    return st.builds(_frame, ids, st.just(c.METHOD_SIGNALWIRE_EVENT), events()) | st.builds(
        _frame, ids, asks, restarts
    )


def methods() -> st.SearchStrategy[str]:
    """Draw the name of a method that a client may call, such as ``calling.play``."""
    return st.sampled_from(sorted({*VERBS, c.METHOD_SIGNALWIRE_CONNECT, c.METHOD_SIGNALWIRE_PING}))


def requests(method: str = "") -> Frames:
    """Draw a valid request of a client, of one method or of any.

    Its ids are made up, so a server refuses most of what is about a call.
    """
    one_method = st.just(method) if method else methods()
    ids = st.sampled_from(["r-1", "r-2", "r-3"])
    return one_method.flatmap(lambda one: st.builds(_frame, ids, st.just(one), _params_of(one)))


def broken_requests() -> Frames:
    """Draw a request that no client should send: parameters are missing, or have any value."""
    return st.tuples(requests(), _damage()).map(lambda drawn: _damaged(*drawn))


def broken_frames() -> st.SearchStrategy[bytes]:
    """Draw the bytes of a message that is no frame, or only nearly one."""
    whole = (server_frames() | requests() | broken_events() | broken_requests()).map(encode_json)
    cuts = st.tuples(whole, st.integers(0, 400)).map(lambda drawn: drawn[0][: drawn[1]])
    return (
        cuts
        | _values.map(encode_json)
        | st.binary(max_size=60)
        | st.sampled_from(
            [
                b"",
                b"{}",
                b"[]",
                b"null",
                b'{"jsonrpc":"2.0","id":"e-1","method":"\xff"}',
                b'{"id":1e999,"method":"signalwire.event"}',
                b'{"id":"e-1","id":"e-2","method":"signalwire.ping"}',
                b'{"id":"e-1","method":"\\ud800"}',
                b'{"id":"e-1","method":"signalwire.event","params":' + b"[" * 10_000,
                b'{"jsonrpc":"2.0","id":"nobody","result":{"code":"200"}}',
                b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}',
            ]
        )
    )


def _frame(identity: str, method: str, params: JSONObject) -> JSONObject:
    return {"jsonrpc": "2.0", "id": identity, "method": method, "params": params}


@functools.cache
def _event_body(event_type: str) -> Frames:
    """Draw the body of an event, by the class of its type."""
    kind = EVENT_CLASS_MAP[event_type]
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for field in _fields(kind):
        if field.encode_name.isidentifier() and field.encode_name not in ("raw", "local"):
            fields[field.encode_name] = _field(kind, field)
    always = {name: fields.pop(name) for name in ("call_id", "control_id") if name in fields}
    return st.fixed_dictionaries(always, optional=fields)


def _field(kind: type[RelayEvent], field: inspect.Field) -> st.SearchStrategy[Any]:
    """Draw the value of a field: ids from a few, and words of the protocol where it has some."""
    name = field.encode_name
    if name in IDS:
        return st.sampled_from(IDS[name])
    annotations = (get_annotations(base) for base in kind.__mro__)
    declared = next(found[field.name] for found in annotations if field.name in found)
    words = tuple(filter(None, _words(getattr(literals, str(declared), None))))
    words = words or _STATES.get((kind.wire_type, name), ())
    if words:
        return st.sampled_from(words)
    return _NESTED[name] if name in _NESTED else _values_of(_told(field.type))


def _told(kind: inspect.Type) -> inspect.Type:
    """Return a type without null, which stands for a field that an event does not have."""
    if isinstance(kind, inspect.UnionType):
        [kind] = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
    return kind


def _words(declared: object) -> tuple[str, ...]:
    """The texts of a literal, or of a union of literals and other types."""
    found: list[str] = []
    for one in get_args(declared):
        found += [one] if isinstance(one, str) else _words(one)
    return tuple(found)


@functools.cache
def _params_of(method: str) -> Frames:
    if method == c.METHOD_SIGNALWIRE_PING:
        return st.fixed_dictionaries({}, optional={"timestamp": st.floats(0, 4e9)})
    kind = ConnectParams if method == c.METHOD_SIGNALWIRE_CONNECT else VERBS[method].params
    return cast("Frames", _values_of(inspect.type_info(kind)))


def _fields(kind: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    return described.fields


def _values_of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Draw what a decoder of this type accepts."""
    match kind:
        case inspect.StructType():
            return _struct(kind)
        case inspect.UnionType():
            return st.one_of([_values_of(one) for one in kind.types])
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.ListType() | inspect.VarTupleType():
            most = int(min(MOST_ITEMS, _or(kind.max_length, MOST_ITEMS)))
            return st.lists(
                _values_of(kind.item_type), min_size=kind.min_length or 0, max_size=most
            )
        case inspect.DictType():
            return st.dictionaries(json_texts, _values, max_size=MOST_ITEMS)
        case _:
            return _scalars_of(kind)


def _scalars_of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.StrType():
            if kind.pattern is not None:
                return st.from_regex(kind.pattern, fullmatch=True)
            return st.text(st.characters(codec="utf-8"), min_size=kind.min_length or 0, max_size=12)
        case inspect.IntType():
            return st.integers(int(_or(kind.ge, -1000)), int(_or(kind.le, 1000)))
        case inspect.FloatType():
            return st.floats(_or(kind.ge, -1e6), _or(kind.le, 1e6))
        case inspect.BoolType():
            return st.booleans()
        case _:
            assert isinstance(kind, inspect.NoneType), f"no value is drawn of {kind!r}"
            return st.none()


def _or(limit: float | None, usual: float) -> float:
    return usual if limit is None else limit


def _struct(kind: inspect.StructType) -> Frames:
    always: dict[str, st.SearchStrategy[Any]] = {}
    sometimes: dict[str, st.SearchStrategy[Any]] = {}
    if kind.tag_field is not None:
        always[kind.tag_field] = st.just(kind.tag)
    for field in kind.fields:
        name = field.encode_name
        values = st.sampled_from(IDS[name]) if name in IDS else _values_of(field.type)
        (always if field.required else sometimes)[name] = values
    return st.fixed_dictionaries(always, optional=sometimes)


def _damage() -> st.SearchStrategy[list[tuple[int, Any]]]:
    """Draw which places of a frame are to be damaged: by their numbers, and with what."""
    missing = st.just(...)
    return st.lists(st.tuples(st.integers(0, 30), missing | _values), min_size=1, max_size=2)


def _damaged(frame: JSONObject, damage: list[tuple[int, Any]]) -> JSONObject:
    """Return a copy of a frame, with other values at some places, or without them."""
    copy: JSONObject = msgspec.json.decode(encode_json(frame))
    for number, value in damage:
        places = _places(copy)  # there is one at least: a frame has more keys than damages
        inside, key = places[number % len(places)]
        if value is ...:
            del inside[key]
        else:
            inside[key] = value
    return copy


def _places(inside: JSONObject) -> list[tuple[JSONObject, str]]:
    """Return all keys of an object, and of the objects in it."""
    places: list[tuple[JSONObject, str]] = []
    for key, value in inside.items():
        places.append((inside, key))
        if isinstance(value, dict):
            places += _places(cast("JSONObject", value))
    return places

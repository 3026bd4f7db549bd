"""Fuzzed event bodies: an event of any type tells only what has its type, and loses nothing."""

from __future__ import annotations

import json
from typing import Final

import msgspec

from relay_proto.api.outcomes import outcome_of
from relay_proto.rpc.event_base import RelayEvent
from relay_proto.rpc.events import (
    EVENT_CLASS_MAP,
    AuthorizationStateEvent,
    decode_event,
    parse_event,
)
from relay_proto.rpc.frames import decode_any, decode_object, is_object
from tests.fuzz.source import Source
from tests.fuzz.words import key, value
from tests.spec import EVENTS
from tests.spec.event_fields import fields_of
from tests.spec.json_values import contains

TYPES: Final = (*sorted(EVENT_CLASS_MAP), "signalwire.authorization.state", "calling.call.new")


def decode(data: bytes) -> None:
    """The whole ``params`` of an event; a body behind the number of its type; or words."""
    source = Source(data)
    kind = source.byte()
    if kind < len(TYPES):
        raw = b'{"event_type":"' + TYPES[kind].encode() + b'","params":' + source.rest() + b"}"
    elif kind < 128:
        event_type = source.choice(TYPES)
        body = {_field(source, event_type): value(source, 3) for _ in range(source.below(6))}
        raw = json.dumps({"event_type": event_type, "params": body}).encode()
    else:
        raw = source.rest()
    _decode(raw)


def _field(source: Source, event_type: str) -> str:
    fields = sorted(EVENTS.get(event_type, {"fields": {}})["fields"])
    number = source.byte()
    return fields[number % len(fields)] if fields and number < 128 else key(source)


def _decode(raw: bytes) -> None:
    event = decode_event(msgspec.Raw(raw))
    payload = decode_object(raw)
    if event is None:
        kind_of_event = payload.get("event_type")
        assert not (isinstance(kind_of_event, str) and kind_of_event)
        return
    _check(event)
    parsed = parse_event(payload)
    _check(parsed)
    if payload and not isinstance(event, AuthorizationStateEvent):
        body = payload.get("params")
        if is_object(body):
            assert contains(event.params, body), "something was lost"
        assert type(event) is type(parsed)
        assert str(fields_of(event)) == str(fields_of(parsed))


def _check(event: RelayEvent) -> None:
    assert is_object(event.params)
    fields_of(event)
    outcome_of(event)
    assert decode_any(event.raw) is not None or event.params == {}

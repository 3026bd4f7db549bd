"""Every event of the specification, from the bytes of a server to the program.

That parsing never raises, and that each attribute falls back on its own, is
proved in ``tests/property/test_events_laws.py``; here the whole way is walked,
and the fields that no attribute tells are looked for in ``params``.

Source: ``events``, ``event_envelope`` and ``api.events`` of tests/spec/relay.json;
docs/protocol.md, sections 10 and 18.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay_proto.api import commands
from relay_proto.outputs import CallOffered, EventReceived, MessageChanged, MessageReceived
from relay_proto.rpc.event_base import RelayEvent, UnknownEvent
from relay_proto.rpc.events import EVENT_CLASS_MAP, parse_event
from tests.contract.adapters import ADAPTERS, Adapter
from tests.spec import EVENTS, SPEC
from tests.spec.json_values import RIGHT, WRONG, contains, json_objects, json_values, texts
from tests.unit.client_peer import Frame, Peer

Body: TypeAlias = dict[str, Any]

OUTER: Final[Mapping[str, Any]] = SPEC["event_envelope"]["outer_params"]
SECRET: Final = "signalwire.authorization.state"
NAMED: Final[Mapping[str, str]] = {
    event["constant"]: event_type for event_type, event in EVENTS.items() if event["constant"]
}
TOLD: Final = sorted(EVENTS.keys() - {SECRET, "calling.call.receive", "messaging.receive"})
"""What reaches a program as an event, and not as a new call or message."""
KEYS: Final = {"call_id": "c-1", "control_id": "x-1", "tag": "t-1", "message_id": "m-1"}
"""What ties an event to its owner."""

each = pytest.mark.parametrize("event_type", EVENTS)


def value_of(described: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in described:
        return st.sampled_from(described["enum"])
    return RIGHT[described["type"]]


def told(event_type: str, body: Body, **outer: Any) -> Frame:
    """The frame of an event."""
    params = {**outer, "event_type": event_type, "params": body}
    return {"id": "e-1", "method": "signalwire.event", "params": params}


def heard(peer: Peer) -> list[RelayEvent]:
    """The events that a program hears of, of calls and of messages."""
    return [*peer.events(), *(changed.event for changed in peer.all(MessageChanged))]


@st.composite
def bodies(draw: st.DrawFn, event_type: str, *, right: bool) -> Body:
    """The body of an event: fields right, wrong, null or missing, and others beside them."""
    body: Body = draw(json_objects)
    for name, described in EVENTS[event_type]["fields"].items():
        body.pop(name, None)
        if name in KEYS:
            continue
        match draw(st.sampled_from(["there", "missing"] if right else ["wrong", "null", "there"])):
            case "there":
                body[name] = draw(value_of(described))
            case "wrong":
                body[name] = draw(WRONG[described["type"]])
            case "null":
                body[name] = None
            case _:
                pass
    return body


@pytest.mark.parametrize("adapter", ADAPTERS, ids=str)
@pytest.mark.parametrize("constant", NAMED)
def test_a_type_has_its_constant_and_its_class(adapter: Adapter, constant: str) -> None:
    event_type = NAMED[constant]
    assert getattr(adapter.module("constants"), constant) == event_type
    assert (event_type in EVENT_CLASS_MAP) == (EVENTS[event_type]["class"] != "RelayEvent")


@settings(max_examples=15)
@each
@given(data=st.data())
def test_every_field_is_in_params_and_attributes_tell_theirs(
    event_type: str, data: st.DataObject
) -> None:
    body = data.draw(bodies(event_type, right=True))
    event = parse_event({"event_type": event_type, "params": body})
    assert contains(event.params, body)
    for name, attribute in EVENTS[event_type]["class_attributes"].items():
        key = attribute["from"].partition(",")[0].rpartition(".")[2]
        told_elsewhere = name == "context" and not body.get(key)  # then it is `protocol`
        if body.get(key) is not None and not told_elsewhere:
            assert contains(getattr(event, name), body[key]), name


@settings(max_examples=15)
@pytest.mark.parametrize("event_type", sorted(set(EVENT_CLASS_MAP)))
@given(data=st.data())
def test_null_and_missing_are_the_default(event_type: str, data: st.DataObject) -> None:
    attributes = EVENTS[event_type]["class_attributes"]
    fields = EVENTS[event_type]["fields"]
    body = dict.fromkeys(data.draw(st.sets(st.sampled_from(sorted(fields)))))
    event = parse_event({"event_type": event_type, "params": body})
    for name, attribute in attributes.items():
        assert getattr(event, name) == attribute["default"], name
    assert event.params.keys() >= body.keys()


@settings(max_examples=15)
@each
@given(other=st.sampled_from(sorted(EVENTS)), data=st.data())
def test_each_class_reads_the_payload_of_any_type(
    event_type: str, other: str, data: st.DataObject
) -> None:
    body = data.draw(bodies(other, right=False))
    kind = EVENT_CLASS_MAP.get(event_type, RelayEvent)
    event = kind.from_payload({"event_type": other, "params": body})
    assert type(event) is kind
    assert event.event_type == other
    assert contains(event.params, body)


@settings(max_examples=15)
@pytest.mark.parametrize("event_type", TOLD)
@given(data=st.data())
def test_it_reaches_the_program_whole_and_is_acknowledged(
    event_type: str, data: st.DataObject
) -> None:
    peer = Peer()
    peer.connect()
    peer.offer("c-1")
    peer.execute(commands.send_message(to_number="+1", from_number="+2", body="Hi"))
    peer.reply(peer.take("messaging.send"), {"code": "200", "message_id": "m-1"})
    peer.forget()
    right = data.draw(st.booleans())
    body = data.draw(bodies(event_type, right=right))
    fields = EVENTS[event_type]["fields"]
    body |= {key: value for key, value in KEYS.items() if key in fields}
    outer = {name: data.draw(value_of(OUTER[name])) for name in ("timestamp", "event_channel")}
    peer.feed(told(event_type, body, **outer))
    assert peer.replies == [{"id": "e-1", "result": {}}]
    (event,) = heard(peer)
    assert type(event) is EVENT_CLASS_MAP.get(event_type, UnknownEvent)
    assert contains(event.params, body)
    assert event.timestamp == outer["timestamp"]
    peer.feed(told(event_type, body, **outer))
    assert len(heard(peer)) == 1, "one that comes again is acknowledged only"
    assert len(peer.replies) == 2


@settings(max_examples=30)
@given(data=st.data(), right=st.booleans())
def test_an_offer_becomes_a_call_whatever_else_it_says(data: st.DataObject, right: bool) -> None:
    body = data.draw(bodies("calling.call.receive", right=right))
    body |= {"call_id": "c-7", "call_state": "created"}
    peer = Peer()
    peer.connect()
    peer.feed(told("calling.call.receive", body))
    (offered,) = peer.all(CallOffered)
    assert (offered.call.call_id, offered.call.state) == ("c-7", "created")
    (event,) = peer.events()
    assert contains(event.params, body)


@settings(max_examples=30)
@given(data=st.data(), right=st.booleans())
def test_a_text_becomes_a_message_whatever_else_it_says(data: st.DataObject, right: bool) -> None:
    body = data.draw(bodies("messaging.receive", right=right)) | {"message_id": "m-7"}
    peer = Peer()
    peer.connect()
    peer.feed(told("messaging.receive", body))
    (received,) = peer.all(MessageReceived)
    assert received.message.message_id == "m-7"
    assert contains(received.event.params, body)


@given(texts, json_values)
def test_a_secret_is_kept_and_never_told(secret: str, other: Any) -> None:
    peer = Peer()
    peer.connect()
    peer.forget()
    peer.feed({**told(SECRET, {"authorization_state": secret, "more": other}), "id": "e-0"})
    assert peer.all(EventReceived) == []
    assert len(peer.replies) == 1
    peer.cut()
    assert peer.reopen()["params"].get("authorization_state", "") == secret


@each
def test_every_type_is_acknowledged_when_its_body_is_missing(event_type: str) -> None:
    peer = Peer()
    peer.connect()
    peer.forget()
    bodies_of_none: list[object] = [None, [], "text", 7]
    for params in bodies_of_none:
        peer.ask("signalwire.event", {"event_type": event_type, "params": params})
    assert len(peer.replies) == 4

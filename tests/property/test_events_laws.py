"""Laws of events, over every type and field that the specification names."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay_proto.rpc.event_base import UnknownEvent
from relay_proto.rpc.events import (
    EVENT_CLASS_MAP,
    AuthorizationStateEvent,
    decode_event,
    parse_event,
)
from tests.spec import EVENTS
from tests.spec.event_fields import fields_of
from tests.spec.json_values import RIGHT, WRONG, contains, json_objects, json_values, texts

NOT_PARSED: Final = "signalwire.authorization.state"
"""Decoded from the wire only: its class holds a secret and is nobody's but the core's."""

WIRE_KEYS: Final = sorted({key for event in EVENTS.values() for key in event["fields"]})
NESTED_KEYS: Final = ["type", "params", "url", "duration", "size", "digits", "text", "pages"]

nested = st.dictionaries(st.sampled_from(NESTED_KEYS), json_values, max_size=4)
bodies = st.dictionaries(
    st.sampled_from([*WIRE_KEYS, "timestamp", "(raw)", "(event_type)", "(other)"]),
    json_values | nested | st.fixed_dictionaries({"params": nested}),
    max_size=6,
)
event_types = st.sampled_from(sorted(EVENTS)) | texts
payloads = st.fixed_dictionaries(
    {}, optional={"event_type": event_types, "params": bodies, "timestamp": json_values}
)


def wire_key(event_type: str, attribute: str) -> str:
    """The body's key that an attribute is read from first."""
    source: str = EVENTS[event_type]["class_attributes"][attribute]["from"]
    return source.partition(",")[0].rpartition(".")[2]


def wire_kind(event_type: str, attribute: str) -> str:
    """The attribute's type, in the words of the specification."""
    kind: str = EVENTS[event_type]["fields"][wire_key(event_type, attribute)]["type"]
    return kind


@pytest.mark.parametrize("event_type", EVENTS)
def test_every_event_type_has_the_class_that_the_specification_names(event_type: str) -> None:
    event = parse_event({"event_type": event_type, "params": {}})
    assert event.event_type == event_type
    wanted = EVENTS[event_type]["class"]
    assert wanted in [kind.__name__ for kind in type(event).__mro__]
    if wanted == "RelayEvent":
        assert type(event) is UnknownEvent
        assert event_type not in EVENT_CLASS_MAP
    else:
        assert EVENT_CLASS_MAP[event_type].wire_type == event_type


def test_there_are_no_classes_but_those_of_the_specification() -> None:
    named = {key: event["class"] for key, event in EVENTS.items() if event["class"] != "RelayEvent"}
    assert {key: kind.__name__ for key, kind in EVENT_CLASS_MAP.items()} == named


@given(payloads | json_objects)
@example({"event_type": [], "params": [], "timestamp": {}})
@example({"event_type": "calling.call.record", "params": {"duration": "nan"}})
@example({"event_type": "calling.call.play", "params": {"(raw)": {}, "call_id": 1}})
@example({"event_type": "calling.call.play", "timestamp": 10**400})
@example({"event_type": "calling.call.fax", "params": {"fax": {"params": {"pages": 1e300}}}})
@example({"event_type": "calling.call.record", "params": {"record": {"size": "1"}}})
def test_parsing_never_raises_and_all_that_an_event_tells_has_its_type(
    payload: dict[str, Any],
) -> None:
    fields_of(parse_event(payload))


@given(payloads)
@example({"event_type": NOT_PARSED, "params": {"authorization_state": "secret"}})
@example({"event_type": "calling.call.play", "timestamp": "1.5", "params": {"timestamp": 2.5}})
def test_an_event_from_the_wire_is_the_parsed_payload(payload: dict[str, Any]) -> None:
    event = decode_event(msgspec.Raw(msgspec.json.encode(payload)))
    event_type = payload.get("event_type")
    if not event_type:
        assert event is None
        return
    assert event is not None
    parsed = parse_event(payload)
    assert event.params == parsed.params
    if event_type == NOT_PARSED:
        assert type(event) is AuthorizationStateEvent
    else:
        assert type(event) is type(parsed)
        assert fields_of(event) == fields_of(parsed)


@given(st.binary(max_size=100) | json_values.map(msgspec.json.encode))
@example(b'{"event_type":"calling.call.play","params":' + b"[" * 100_000)
@example(b'{"event_type":"calling.call.play","params":"\xff"}')
@example(b'{"event_type":"\xff"}')
@example(b'{"event_type":"calling.call.play","params":null,"timestamp":null}')
def test_decoding_never_raises(data: bytes) -> None:
    event = decode_event(msgspec.Raw(data))
    if event is not None:
        fields_of(event)
        assert event.event_type
        assert isinstance(event.params, dict)


@given(payloads)
def test_nothing_in_the_body_is_lost_from_params(payload: dict[str, Any]) -> None:
    assert contains(parse_event(payload).params, payload.get("params", {}))


@settings(max_examples=25)
@pytest.mark.parametrize("event_type", EVENTS)
@given(data=st.data())
def test_each_attribute_is_told_if_it_is_of_its_type_and_else_has_its_default(
    event_type: str, data: st.DataObject
) -> None:
    body: dict[str, Any] = {"call_id": "c-1"}
    expected: dict[str, Any] = {"call_id": "c-1"}
    for name, attribute in EVENTS[event_type]["class_attributes"].items():
        key, kind = wire_key(event_type, name), wire_kind(event_type, name)
        expected[name] = attribute["default"]
        match data.draw(st.sampled_from(["right", "wrong", "missing"]), label=name):
            case "right":
                expected[name] = body[key] = data.draw(RIGHT[kind])
            case "wrong":
                body[key] = data.draw(WRONG[kind])
            case _:
                pass
    event = parse_event({"event_type": event_type, "params": body})
    for name, value in expected.items():
        assert contains(getattr(event, name), value), name
    assert contains(event.params, body)


@pytest.mark.parametrize("event_type", EVENTS)
def test_an_event_without_a_body_has_all_its_defaults(event_type: str) -> None:
    envelopes: list[dict[str, Any]] = [{}, {"params": None}, {"params": []}, {"params": {}}]
    for payload in envelopes:
        event = parse_event({"event_type": event_type, **payload})
        assert event.params == {}
        for name, attribute in EVENTS[event_type]["class_attributes"].items():
            assert getattr(event, name) == attribute["default"]


@given(st.integers(-(2**31), 2**31), st.sampled_from(sorted(EVENT_CLASS_MAP)))
def test_an_id_or_code_that_is_a_number_is_told_as_text(number: int, event_type: str) -> None:
    event = parse_event({"event_type": event_type, "params": {"call_id": number}})
    assert event.call_id == str(number)


@given(event_types, st.floats(0, 4e9), st.none() | st.floats(0, 4e9))
def test_the_timestamp_is_the_envelopes_or_else_the_bodys(
    event_type: str, inner: float, outer: float | None
) -> None:
    payload: dict[str, Any] = {"event_type": event_type, "params": {"timestamp": inner}}
    if outer is not None:
        payload["timestamp"] = outer
    assert parse_event(payload).timestamp == (inner if outer is None else outer)


@given(
    st.dictionaries(st.sampled_from(["url", "duration", "size"]), st.integers(1, 9)),
    st.dictionaries(st.sampled_from(["url", "duration", "size", "format"]), st.integers(1, 9)),
)
def test_a_recordings_result_is_in_both_places_wherever_it_came(
    top: dict[str, int], inner: dict[str, int]
) -> None:
    event = parse_event({"event_type": "calling.call.record", "params": {**top, "record": inner}})
    for key in ("url", "duration", "size"):
        assert event.params.get(key) == top.get(key, inner.get(key))
        assert event.params["record"].get(key) == inner.get(key, top.get(key))


@given(nested, nested)
def test_a_collected_input_is_mirrored_in_the_result(
    result: dict[str, Any], inner: dict[str, Any]
) -> None:
    body = {"result": {**result, "params": inner}}
    params = parse_event({"event_type": "calling.call.collect", "params": body}).params
    for key in ("digits", "terminator", "text", "confidence"):
        assert params["result"].get(key) == result.get(key, inner.get(key))
    assert params["result"]["params"] == inner

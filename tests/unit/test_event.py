"""The base of events: decoded once, never refused, nothing lost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given

from relay_proto.rpc.event_base import (
    OperationEvent,
    RelayEvent,
    UnknownEvent,
    build_event,
    force,
    number,
)
from tests.spec import SPEC
from tests.spec.json_values import json_objects, json_values


@given(json_objects)
def test_a_body_is_kept_as_it_came(body: dict[str, Any]) -> None:
    event = RelayEvent.from_payload({"event_type": "new", "params": body})
    assert event.params == body
    assert msgspec.json.decode(event.raw) == body


@given(json_values)
def test_anything_has_a_finite_number(value: Any) -> None:
    result = number(value)
    assert type(result) is float
    if isinstance(value, int | float) and not isinstance(value, bool):
        assert result == float(value)
    else:
        assert result == 0.0


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan"), True, "1", None])
def test_what_is_no_finite_number_is_zero(value: object) -> None:
    assert number(value) == 0.0


def test_an_empty_event_is_what_a_call_that_is_gone_answers() -> None:
    empty = SPEC["actions"]["base"]["empty_event"]
    event = RelayEvent()
    assert event.event_type == empty["event_type"]
    assert event.params == empty["params"]
    assert event.call_id == ""
    assert event.timestamp == 0.0


@pytest.mark.parametrize("body", [b"null", b"[]", b"5", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_makes_an_event_with_defaults(body: bytes) -> None:
    event = build_event(OperationEvent, "new", msgspec.Raw(body), None)
    assert event.event_type == "new"
    assert (event.call_id, event.control_id, event.state) == ("", "", "")
    assert event.params == {}


def test_one_field_of_a_wrong_type_does_not_cost_the_others() -> None:
    raw = msgspec.Raw(b'{"call_id":{},"control_id":"a","state":"finished","timestamp":1}')
    event = build_event(OperationEvent, "new", raw, None)
    assert (event.call_id, event.control_id, event.state) == ("", "a", "finished")
    assert event.timestamp == 1.0
    assert event.params["call_id"] == {}


def test_the_envelopes_timestamp_beats_the_bodys() -> None:
    raw = msgspec.Raw(b'{"timestamp":1.5}')
    assert build_event(RelayEvent, "new", raw, 2.5).timestamp == 2.5
    assert build_event(RelayEvent, "new", raw, None).timestamp == 1.5
    payload: dict[str, Any] = {"event_type": "new", "params": {"timestamp": 1.5}}
    assert RelayEvent.from_payload(payload).timestamp == 1.5
    assert RelayEvent.from_payload(payload | {"timestamp": None}).timestamp == 1.5
    assert RelayEvent.from_payload(payload | {"timestamp": 2.5}).timestamp == 2.5


def test_a_body_cannot_set_what_only_the_envelope_says() -> None:
    raw = msgspec.Raw(b'{"(event_type)":"other","(raw)":{"call_id":"c"}}')
    event = build_event(RelayEvent, "new", raw, None)
    assert event.event_type == "new"
    assert event.call_id == ""
    assert set(event.params) == {"(event_type)", "(raw)"}


def test_an_envelope_of_wrong_types_has_defaults() -> None:
    event = UnknownEvent.from_payload({"event_type": 5, "params": [], "timestamp": "now"})
    assert event.event_type == ""
    assert event.params == {}
    assert event.timestamp == 0.0


def test_params_are_decoded_once_and_are_the_listeners_own() -> None:
    payload: dict[str, Any] = {"event_type": "new", "params": {"a": [1]}}
    event = RelayEvent.from_payload(payload)
    assert event.params is event.params
    event.params["a"].append(2)
    assert payload["params"] == {"a": [1]}


def test_an_event_cannot_be_changed_but_while_it_is_made() -> None:
    event = RelayEvent()
    field = "call_id"
    with pytest.raises(AttributeError):
        setattr(event, field, "c-1")
    force(event, field, "c-1")
    assert event.call_id == "c-1"


def test_its_repr_shows_the_type_and_the_call_and_nothing_said() -> None:
    event = UnknownEvent.from_payload(
        {"event_type": "new", "params": {"call_id": "c-1", "body": "hush"}}
    )
    assert repr(event) == "<UnknownEvent new call=c-1>"

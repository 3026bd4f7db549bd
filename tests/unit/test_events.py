"""Events by example, in the shapes of the specification (laws: `test_events_laws`)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from relay_proto.rpc.event_base import UnknownEvent
from relay_proto.rpc.events import (
    AuthorizationStateEvent,
    CallingErrorEvent,
    CallReceiveEvent,
    CallStateEvent,
    CollectEvent,
    DetectEvent,
    FaxEvent,
    MessageStateEvent,
    PayEvent,
    QueueEvent,
    RecordEvent,
    decode_event,
    local_ended_event,
    parse_event,
)
from relay_proto.rpc.frames import JSONObject


def event_of(event_type: str, **body: Any) -> Any:
    return parse_event({"event_type": event_type, "params": body})


def collected(**body: Any) -> CollectEvent:
    event = event_of("calling.call.collect", **body)
    assert isinstance(event, CollectEvent)
    return event


def test_an_offered_call_tells_its_routing_label() -> None:
    event = event_of("calling.call.receive", call_id="c-1", context="office", protocol="p")
    assert isinstance(event, CallReceiveEvent)
    assert event.context == "office"
    assert event_of("calling.call.receive", protocol="older").context == "older"
    assert event_of("calling.call.receive").context == ""


def test_a_code_that_is_a_number_is_told_as_text() -> None:
    event = event_of("calling.error", code=500, message="something")
    assert isinstance(event, CallingErrorEvent)
    assert (event.code, event.message) == ("500", "something")


@pytest.mark.parametrize(
    "body",
    [
        {"url": "u", "duration": 15.2, "size": 24832},
        {"record": {"url": "u", "duration": 15.2, "size": 24832}},
        {"url": "u", "record": {"duration": 15.2, "size": 24832}},
        {"url": "u", "duration": "15.2", "size": "24832", "record": None},
        {"url": "old", "record": {"url": "u", "duration": 15.2, "size": 24832.0}},
    ],
)
def test_a_recordings_result_is_told_wherever_it_came(body: JSONObject) -> None:
    event = event_of("calling.call.record", **body)
    assert isinstance(event, RecordEvent)
    assert (event.url, event.duration, event.size) == ("u", 15.2, 24832)
    assert event.record == {**event.record, "url": "u", "duration": 15.2, "size": 24832}
    assert event.params["url"] == body.get("url", "u")
    if body.get("record"):
        assert event.params["record"] == event.record


def test_a_recording_that_is_not_done_promises_nothing() -> None:
    event = event_of("calling.call.record", state="recording", record={"audio": {}})
    assert (event.url, event.duration, event.size) == ("", 0.0, 0)
    assert event.record == {"audio": {}}
    assert event.params["record"] == {"audio": {}}


def test_digits_are_told_where_they_are_and_where_documentation_says() -> None:
    event = collected(
        result={"type": "digit", "params": {"digits": "12", "terminator": "#", "extra": 1}}
    )
    assert (event.type, event.digits, event.terminator) == ("digit", "12", "#")
    assert (event.text, event.confidence) == ("", 0.0)
    assert event.result["digits"] == event.params["result"]["digits"] == "12"
    assert "extra" not in event.result


def test_speech_is_told_with_how_sure_the_recogniser_is() -> None:
    event = collected(
        final=False, result={"type": "speech", "params": {"text": "sal", "confidence": 0.4}}
    )
    assert (event.type, event.text, event.confidence, event.final) == ("speech", "sal", 0.4, False)
    assert event.digits == ""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"result": {"type": "no_input"}}, "no_input"),
        ({"state": "no_match"}, "no_match"),
        ({"state": "no_input", "result": {"type": "digit"}}, "digit"),
        ({"state": "finished"}, ""),
        ({}, ""),
    ],
)
def test_no_input_and_no_match_are_accepted_in_both_places(body: JSONObject, kind: str) -> None:
    assert collected(**body).type == kind


def test_a_human_is_a_machine_event() -> None:
    event = event_of(
        "calling.call.detect", detect={"type": "machine", "params": {"event": "HUMAN"}}
    )
    assert isinstance(event, DetectEvent)
    assert (event.type, event.event) == ("machine", "HUMAN")
    empty = event_of("calling.call.detect", detect={"type": 5, "params": []})
    assert (empty.type, empty.event, empty.beep) == ("", "", False)
    for value in (True, False, 1, "true", None):
        params = {"event": "MACHINE", "beep": value}
        machine = event_of("calling.call.detect", detect={"type": "machine", "params": params})
        assert machine.beep is (value is True)


def test_a_fax_is_told_on_one_level() -> None:
    params = {"pages": 3, "document": "https://example.com/f.pdf", "success": True, "type": "x"}
    event = event_of("calling.call.fax", fax={"type": "finished", "params": params})
    assert isinstance(event, FaxEvent)
    assert (event.type, event.pages, event.success) == ("finished", 3, True)
    assert event.document == event.fax["document"] == event.params["fax"]["document"]
    page = event_of("calling.call.fax", fax={"type": "page", "params": {"success": "yes"}})
    assert (page.type, page.pages, page.document, page.success) == ("page", 0, "", False)


def test_names_that_are_pythons_or_too_short_have_others() -> None:
    pay = event_of("calling.call.pay", **{"for": "payment-completed"})
    assert isinstance(pay, PayEvent)
    assert pay.phase == "payment-completed"
    queue = event_of("calling.call.queue", id="qe-1", name="support", position=1, size=3)
    assert isinstance(queue, QueueEvent)
    assert (queue.queue_id, queue.queue_name, queue.position) == ("qe-1", "support", 1)


def test_an_event_of_a_newer_server_is_told_with_its_operation() -> None:
    event = event_of("calling.call.new", call_id="c-1", control_id="a", state="x", more=[1])
    assert isinstance(event, UnknownEvent)
    assert (event.call_id, event.control_id, event.state) == ("c-1", "a", "x")
    assert event.params["more"] == [1]


def test_the_secret_that_resumes_a_session_is_told_to_the_core_alone() -> None:
    payload: JSONObject = {
        "event_type": "signalwire.authorization.state",
        "params": {"authorization_state": "b64:b64"},
    }
    event = decode_event(msgspec.Raw(msgspec.json.encode(payload)))
    assert isinstance(event, AuthorizationStateEvent)
    assert event.authorization_state == "b64:b64"
    assert "b64" not in repr(event)
    assert not isinstance(parse_event(payload), AuthorizationStateEvent)


@pytest.mark.parametrize(
    "raw",
    [b"{}", b"null", b"[]", b'{"event_type":""}', b'{"event_type":5}', b'{"event_type":null}'],
)
def test_what_has_no_event_type_is_no_event(raw: bytes) -> None:
    assert decode_event(msgspec.Raw(raw)) is None


@pytest.mark.parametrize("timestamp", [b'"now"', b"{}", b"true"])
def test_an_envelope_with_one_wrong_type_is_an_event_all_the_same(timestamp: bytes) -> None:
    raw = b'{"event_type":"messaging.state","params":{"message_id":"m"},"timestamp":%s}'
    event = decode_event(msgspec.Raw(raw % timestamp))
    assert isinstance(event, MessageStateEvent)
    assert event.message_id == "m"
    assert event.timestamp == 0.0


def test_defaults_are_not_shared_between_events() -> None:
    first, second = collected(), collected()
    first.result["digits"] = "1"
    assert second.result == {}


def test_the_end_that_the_client_concludes_itself_says_so() -> None:
    event = local_ended_event("c-1", "n-1", "error")
    assert isinstance(event, CallStateEvent)
    assert event.event_type == "calling.call.state"
    assert (event.call_id, event.node_id) == ("c-1", "n-1")
    assert (event.call_state, event.end_reason, event.local) == ("ended", "error", True)
    assert event.params["local"] is True
    assert not event_of("calling.call.state", call_state="ended").local

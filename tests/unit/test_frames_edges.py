"""Frames and events: what no decoder may raise, what is copied, and what a ping gets back."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from relay_proto.rpc import frames
from relay_proto.rpc.event_base import OperationEvent, build_event
from relay_proto.rpc.events import CallStateEvent, decode_event, parse_event
from relay_proto.rpc.frames import (
    EventFrame,
    MalformedFrame,
    RequestFrame,
    decode_frame,
    decode_server_frame,
    detached,
    echo_of_ping,
    encode_error,
)

DEEP: Final = 100_000


@pytest.mark.parametrize(
    "inside",
    [b"[", b"x", b'"\xff"', b"[" * DEEP, b'{"a":' * DEEP],
    ids=["cut", "no JSON", "no UTF-8", "a deep list", "a deep object"],
)
def test_no_decoder_raises(inside: bytes) -> None:
    for before in (b"", b'{"id":', b'{"id":"1","method":', b'{"id":"1","result":{},"error":'):
        data = before + inside
        assert isinstance(decode_frame(data), MalformedFrame)
        assert isinstance(decode_server_frame(data), MalformedFrame)
        assert frames.decode_any(data) is None
        assert frames.decode_object(data) == {}
        assert decode_event(msgspec.Raw(data)) is None
        assert echo_of_ping(msgspec.Raw(data)) == {}
        event = build_event(OperationEvent, "new", msgspec.Raw(data), None)
        assert (event.event_type, event.control_id, event.params) == ("new", "", {})


@pytest.mark.parametrize("part", [b'"event_type":"\xff"', b'"timestamp":"\xff"'])
def test_an_event_whose_envelope_is_no_utf8_is_a_request_or_nothing(part: bytes) -> None:
    params = b'{"event_type":"a",%s}' % part
    data = b'{"id":"1","method":"signalwire.event","params":%s}' % params
    assert decode_server_frame(data) == decode_frame(data)
    assert decode_event(msgspec.Raw(params)) is None


def test_a_field_that_is_no_utf8_makes_an_event_with_defaults() -> None:
    event = build_event(OperationEvent, "new", msgspec.Raw(b'{"control_id":"\xff"}'), 2.0)
    assert (event.control_id, event.timestamp, event.params) == ("", 2.0, {})


def test_a_frame_that_is_deep_behind_half_a_character_is_no_json() -> None:
    data = b'{"id":"1","method":"\\ud83d","params":' + b"[" * DEEP
    assert decode_frame(data) == MalformedFrame(reason="it is not JSON", size=len(data))


def test_a_small_part_of_a_large_message_is_a_copy_and_any_other_is_not() -> None:
    message = b'["%s",{}]' % (b"x" * 3000)
    part, small = msgspec.json.decode(message, type=list[msgspec.Raw])
    size = len(bytes(part))
    for whole, is_copy in ((size, False), (4097, False), (2 * size, False), (2 * size + 1, True)):
        assert (detached(part, whole) is not part) is is_copy
    for whole, is_copy in ((4, False), (4096, False), (4097, True)):
        assert (detached(small, whole) is not small) is is_copy
        assert bytes(detached(small, whole)) == b"{}"


@pytest.mark.parametrize("identity", [b'"e-1"', b"0", b"7", b"-7"])
def test_an_event_is_told_from_a_request(identity: bytes) -> None:
    def read(method: bytes, params: bytes) -> object:
        return decode_server_frame(
            b'{"id":%s,"method":"%s","params":%s}' % (identity, method, params)
        )

    event = read(b"signalwire.event", b'{"event_type":"new","params":{"a":1},"timestamp":2.5}')
    assert isinstance(event, EventFrame)
    assert (event.id, event.event_type, event.timestamp) == (identity, "new", 2.5)
    assert bytes(event.body) == b'{"a":1}'
    for method, params in (
        (b"signalwire.event", b"{}"),
        (b"signalwire.event", b"[]"),
        (b"signalwire.ping", b'{"event_type":"new"}'),
    ):
        request = read(method, params)
        assert isinstance(request, RequestFrame)
        assert (request.id, request.method, bytes(request.params)) == (
            identity,
            method.decode(),
            params,
        )


def test_a_refusal_on_the_wire_has_the_codes_of_json_rpc() -> None:
    assert b'"code":-32601,' in encode_error(b"7", frames.METHOD_NOT_FOUND, "no")
    assert b'"code":-32602,' in encode_error(b"7", frames.INVALID_PARAMS, "no")


@pytest.mark.parametrize(
    ("params", "echo"),
    [
        (b"{}", {}),
        (b'{"timestamp":1}', {"timestamp": 1}),
        (b'{"payload":[1]}', {"payload": [1]}),
        (b'{"timestamp":null,"payload":"x","more":1}', {"timestamp": None, "payload": "x"}),
    ],
)
def test_a_ping_gets_back_what_it_has_carried(params: bytes, echo: dict[str, Any]) -> None:
    assert msgspec.json.decode(msgspec.json.encode(echo_of_ping(msgspec.Raw(params)))) == echo


# Fields of other types than the protocol's


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("call_id", {5: "5", -5: "-5", True: "", None: "", 2.5: "", "c": "c"}),
        ("timestamp", {True: 0.0, None: 0.0, "2.5": 2.5, "nan": 0.0, "x": 0.0, 3: 3.0}),
        ("local", {True: True, False: False, None: False, "x": False}),
    ],
)
def test_a_field_of_another_type_is_converted_or_has_its_default(
    field: str, expected: dict[Any, Any]
) -> None:
    for value, converted in expected.items():
        body: dict[str, Any] = {field: value, "node_id": "n-1", "tag": []}
        event = parse_event({"event_type": "calling.call.state", "params": body})
        assert isinstance(event, CallStateEvent)
        assert (getattr(event, field), event.node_id, event.tag) == (converted, "n-1", "")
        assert event.params == body

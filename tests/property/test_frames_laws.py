"""Laws of frames: nothing that comes in raises, and what goes out comes in again."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from relay_proto.rpc.frames import (
    ErrorFrame,
    MalformedFrame,
    ReplyFrame,
    RequestFrame,
    decode_any,
    decode_frame,
    decode_object,
    encode_acknowledgement,
    encode_error,
    encode_json,
    encode_reply,
    encode_request,
    result_code,
)
from tests.spec.json_values import integers, json_objects, json_values, lists, texts

FRAME_KEYS = ("jsonrpc", "id", "method", "params", "result", "error")

any_frame = st.dictionaries(st.sampled_from(FRAME_KEYS), json_values) | json_values
raw_ids = (
    (texts | integers).map(msgspec.json.encode)
    | st.floats(allow_nan=False, allow_infinity=False).map(msgspec.json.encode)
    | st.sampled_from([b'"\\u0061"', b"-0", b"1.50", b"1E2", b'"\\/"'])
)


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xff")
@example(b'{"id":"1","method":"\xff"}')
@example(b'{"id":"1","error":"\xff"}')
@example(b'{"id":"\xff","result":1}')
@example(b'{"id":"1","method":"x","params":' + b"[" * 100_000)
@example(b'{"id":' + b"[" * 100_000)
@example(b'{"id":"1","method":"\\ud800"}')
@example(b'{"id":1e999,"method":"x"}')
@example(b'{"id":' + b"1" * 5000 + b',"result":1}')
def test_no_bytes_make_the_decoders_raise(data: bytes) -> None:
    frame = decode_frame(data)
    if isinstance(frame, MalformedFrame):
        assert frame.size == len(data)
    decode_any(data)
    assert isinstance(decode_object(data), dict)


@given(any_frame)
@example({"id": None, "method": "x"})
@example({"id": True, "method": "x"})
@example({"id": {}, "method": "x"})
@example({"id": "1", "method": None, "result": {}})
@example({"id": "1", "error": None})
@example({"jsonrpc": None, "id": None, "result": None, "error": None})
@example({"id": {}, "error": {"code": "x", "message": 5}})
@example([])
def test_any_json_is_a_frame_or_malformed(value: Any) -> None:
    data = msgspec.json.encode(value)
    match decode_frame(data):
        case RequestFrame(id=identity):
            assert isinstance(value["id"], str | int | float)
            assert not isinstance(value["id"], bool)
            assert identity == msgspec.json.encode(value["id"])
        case ErrorFrame(code=code, message=message):
            assert "error" in value
            assert type(code) is int
            assert message
        case ReplyFrame():
            assert value.get("error") is None
        case MalformedFrame(size=size):
            assert size == len(data)


@given(any_frame, texts.filter(lambda text: len(text) > 3))
def test_the_reason_of_a_malformed_frame_never_quotes_it(value: Any, secret: str) -> None:
    frame = decode_frame(msgspec.json.encode([secret, value]))
    assert isinstance(frame, MalformedFrame)
    plain = decode_frame(msgspec.json.encode([]))
    assert isinstance(plain, MalformedFrame)
    assert frame.reason == plain.reason


@given(texts, texts, json_objects)
def test_a_request_comes_back_as_it_was_sent(
    identity: str, method: str, params: dict[str, Any]
) -> None:
    frame = decode_frame(encode_request(identity, method, params))
    assert isinstance(frame, RequestFrame)
    assert decode_any(frame.id) == identity
    assert frame.method == method
    assert decode_object(frame.params) == params


@given(raw_id=st.one_of(texts, integers).map(msgspec.json.encode))
def test_an_acknowledgement_is_an_empty_reply(raw_id: bytes) -> None:
    assert encode_acknowledgement(raw_id) == encode_reply(raw_id, {})


@given(raw_ids, json_values)
def test_a_reply_echoes_the_id_of_its_request_byte_by_byte(raw_id: bytes, result: Any) -> None:
    request = decode_frame(b'{ "method": "x", "id" : ' + raw_id + b" }")
    assert isinstance(request, RequestFrame)
    assert request.id == raw_id
    data = encode_reply(request.id, result)
    assert b'"id":' + raw_id + b"," in data
    reply = decode_frame(data)
    assert isinstance(reply, ReplyFrame)
    assert decode_any(reply.result) == result


@given(raw_ids, st.integers(-(2**31), 2**31), texts)
def test_a_refusal_echoes_the_id_and_keeps_code_and_words(
    raw_id: bytes, code: int, message: str
) -> None:
    data = encode_error(raw_id, code, message)
    assert b'"id":' + raw_id + b"," in data
    frame = decode_frame(data)
    assert isinstance(frame, ErrorFrame)
    assert frame.code == code
    assert frame.message == (message or "Unknown error")


@given(texts, json_values)
def test_a_reply_finds_the_request_that_it_answers_by_its_id(identity: str, result: Any) -> None:
    sent = decode_frame(encode_request(identity, "x", {}))
    assert isinstance(sent, RequestFrame)
    reply = decode_frame(encode_reply(sent.id, result))
    assert isinstance(reply, ReplyFrame)
    assert reply.id == identity
    refusal = decode_frame(encode_error(sent.id, 500, "no"))
    assert isinstance(refusal, ErrorFrame)
    assert refusal.id == identity


@given(json_values)
def test_json_comes_back_as_it_was_encoded(value: Any) -> None:
    assert decode_any(encode_json(value)) == value


@given(json_objects | lists | texts)
def test_an_object_is_decoded_and_anything_else_is_an_empty_one(value: Any) -> None:
    assert decode_object(encode_json(value)) == (value if isinstance(value, dict) else {})


@given(st.integers(-999_999_999, 999_999_999))
def test_a_code_means_the_same_as_number_and_as_text(code: int) -> None:
    assert result_code(code) == code
    assert result_code(str(code)) == (code if len(str(code)) < 10 else -1)


@given(json_values)
def test_anything_has_a_code(value: Any) -> None:
    assert type(result_code(value)) is int

"""Frames by example: which is which, and what is none (laws: `test_frames_laws`)."""

from __future__ import annotations

from collections import ChainMap, UserDict, UserList, deque
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import pytest

from relay_proto.rpc.frames import (
    METHOD_NOT_FOUND,
    ErrorFrame,
    MalformedFrame,
    ReplyFrame,
    RequestFrame,
    decode_any,
    decode_frame,
    decode_object,
    encode_error,
    encode_json,
    encode_reply,
    encode_request,
    is_object,
    result_code,
)


def test_a_request_on_the_wire() -> None:
    data = encode_request("r1", "calling.answer", {"call_id": "c-1"})
    assert data == (
        b'{"jsonrpc":"2.0","id":"r1","method":"calling.answer","params":{"call_id":"c-1"}}'
    )


def test_a_reply_on_the_wire() -> None:
    assert encode_reply(b'"e-1"', {}) == b'{"jsonrpc":"2.0","id":"e-1","result":{}}'


def test_a_refusal_on_the_wire() -> None:
    assert encode_error(b"7", METHOD_NOT_FOUND, "no") == (
        b'{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no"}}'
    )


def test_an_error_beats_a_result_and_a_result_beats_a_method() -> None:
    error = decode_frame(
        b'{"id":"1","error":{"code":404,"message":"gone"},"result":{},"method":"m"}'
    )
    assert error == ErrorFrame(id="1", code=404, message="gone")
    reply = decode_frame(b'{"id":"1","result":[1],"method":"m"}')
    assert isinstance(reply, ReplyFrame)
    assert decode_any(reply.result) == [1]


def test_params_that_are_missing_are_an_empty_object() -> None:
    frame = decode_frame(b'{"id":"1","method":"signalwire.ping"}')
    assert isinstance(frame, RequestFrame)
    assert decode_object(frame.params) == {}


@pytest.mark.parametrize("params", [b"null", b"[1]", b'"text"', b"5"])
def test_params_of_any_kind_are_kept(params: bytes) -> None:
    frame = decode_frame(b'{"id":"1","method":"x","params":' + params + b"}")
    assert isinstance(frame, RequestFrame)
    assert bytes(frame.params) == params


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is not JSON"),
        (b"hello", "it is not JSON"),
        (b'{"id":"1","method":"\xff"}', "it is not JSON"),
        (b"[]", "it is not an object with a text as method"),
        (b'{"id":"1","method":5}', "it is not an object with a text as method"),
        (b'{"id":' + b"[" * 1_000_000, "it is nested too deeply"),
        (b'{"method":"x"}', "it has no id"),
        (b'{"id":"1"}', "it has no method, result or error"),
        (b'{"id":{},"method":"x"}', "its id is not a text or a number"),
        (b'{"id":[],"method":"x"}', "its id is not a text or a number"),
        (b'{"id":null,"method":"x"}', "its id is not a text or a number"),
        (b'{"id":true,"method":"x"}', "its id is not a text or a number"),
        (b'{"id":false,"method":"x"}', "its id is not a text or a number"),
    ],
)
def test_what_is_no_frame_is_reported_with_its_size_and_the_reason(
    data: bytes, reason: str
) -> None:
    assert decode_frame(data) == MalformedFrame(reason=reason, size=len(data))


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (b'{"code":-32602,"message":"Invalid params"}', -32602, "Invalid params"),
        (b'{"code":"404","message":"gone"}', 404, "gone"),
        (b'{"code":404}', 404, "Unknown error"),
        (b'{"message":""}', -1, "Unknown error"),
        (b'{"code":true,"message":{}}', -1, "Unknown error"),
        (b'"refused"', -1, "Unknown error"),
    ],
)
def test_an_error_has_a_code_and_words_whatever_the_peer_made_of_it(
    error: bytes, code: int, message: str
) -> None:
    frame = decode_frame(b'{"id":"1","error":' + error + b"}")
    assert frame == ErrorFrame(id="1", code=code, message=message)


@pytest.mark.parametrize(("raw", "identity"), [(b"5", "5"), (b"null", "null"), (b"{}", "{}")])
def test_a_reply_with_a_strange_id_is_one_that_nobody_waits_for(raw: bytes, identity: str) -> None:
    frame = decode_frame(b'{"id":' + raw + b',"result":{}}')
    assert isinstance(frame, ReplyFrame)
    assert frame.id == identity


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (200, 200),
        ("200", 200),
        ("-32601", -32601),
        (None, -1),
        (True, -1),
        ("", -1),
        ("-", -1),
        ("--5", -1),
        ("2xx", -1),
        ("²", -1),
        (200.5, -1),
        ([], -1),
        (False, -1),
        (-7, -7),
        ("9" * 9, 999_999_999),
        ("-" + "9" * 8, -99_999_999),
        ("-" + "9" * 9, -1),
        ("9" * 10, -1),
        ("9" * 5000, -1),
    ],
)
def test_a_code_is_a_number_or_its_text_else_minus_one(value: object, code: int) -> None:
    assert result_code(value) == code


def test_only_a_dict_is_an_object() -> None:
    assert is_object({})
    assert not is_object([])
    assert not is_object(None)


def test_what_json_has_no_form_for_is_refused_with_what_it_is() -> None:
    itself: dict[str, Any] = {}
    itself["a"] = itself
    with pytest.raises(ValueError, match="nested too deeply, or contain themselves"):
        encode_json(itself)
    with pytest.raises(ValueError, match=r"not valid Unicode: it contains '\\ud83d'"):
        encode_json({"body": "half a smile: \ud83d"})
    for value in (object(), 1j, {"b": {None: 1}}):
        with pytest.raises(TypeError, match=r"a key or a value in the parameters is a \w+, which"):
            encode_json({"a": value})


class Text(str):
    """As the safe strings of templates, and the texts of HTML parsers."""

    __slots__ = ()

    def __str__(self) -> str:
        raise AssertionError("its text is wanted, not what it makes of it")


class Whole(int):
    """As the codes of many libraries."""


class Number(float):
    """As the floats of NumPy."""


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (Text("é"), '"é"'),
        ({Text("a"): Whole(2)}, '{"a":2}'),
        ([Number(2.5), HTTPStatus.OK], "[2.5,200]"),
        (MappingProxyType({"a": MappingProxyType({"b": 1})}), '{"a":{"b":1}}'),
        (UserDict({"a": UserList([ChainMap({"b": Text("c")})])}), '{"a":[{"b":"c"}]}'),
        (deque([range(2)]), "[[0,1]]"),
    ],
)
def test_what_is_as_good_as_json_is_encoded(value: object, encoded: str) -> None:
    assert encode_json(value).decode() == encoded


def test_half_a_character_does_not_cost_the_whole_frame() -> None:
    data = b'{"id":"e","method":"m","params":{"body":"cut \\ud83d","n":1e999,"kept":"\\u00e9"}}'
    frame = decode_frame(data)
    assert isinstance(frame, RequestFrame)
    assert decode_object(frame.params) == {"body": "cut ?", "n": 0.0, "kept": "é"}


@pytest.mark.parametrize("data", [b'{"id":"e","method":"m","params":NaN}', b'{"id":1'])
def test_what_no_reading_makes_json_stays_malformed(data: bytes) -> None:
    assert isinstance(decode_frame(data), MalformedFrame)


def test_what_is_json_but_no_frame_is_not_repaired_into_one() -> None:
    data = b'{"id":"e","method":1,"method":"m","params":{"body":"cut \\ud83d"}}'
    frame = decode_frame(data)
    assert frame == MalformedFrame(
        reason="it is not an object with a text as method", size=len(data)
    )


def test_a_null_error_beside_a_result_is_no_refusal() -> None:
    frame = decode_frame(b'{"id":"r","error":null,"result":{"code":"200"}}')
    assert isinstance(frame, ReplyFrame)

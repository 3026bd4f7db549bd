"""Fuzzed texts into the JSON-RPC decoder, and into what masks frames for a log."""

from __future__ import annotations

import json
from typing import Final, cast

from relay_proto.rpc.frames import (
    ErrorFrame,
    MalformedFrame,
    ReplyFrame,
    RequestFrame,
    decode_any,
    decode_frame,
    decode_object,
    encode_error,
    encode_reply,
    encode_request,
)
from relay_proto.rpc.masking import Scrubber
from tests.fuzz.source import Source
from tests.fuzz.words import value

SECRET: Final = "sekret-sekret"
REASONS: Final = frozenset(
    {
        "it has no id",
        "it has no method, result or error",
        "its id is not a text or a number",
        "it is nested too deeply",
        "it is not an object with a text as method",
        "it is not JSON",
    }
)


NAMES: Final = ("id", "method", "params", "result", "error", "jsonrpc")


def decode(data: bytes) -> None:
    """One text message of the peer's: as it is, or, behind a byte below 32, made of words."""
    source = Source(data)
    if source.byte() < 32:
        names = [source.choice(NAMES) for _ in range(source.below(5))]
        _decode(json.dumps({name: value(source, 3) for name in names}).encode())
    else:
        _decode(data)


def _decode(data: bytes) -> None:
    frame = decode_frame(data)
    match frame:
        case MalformedFrame(reason=reason, size=size):
            assert size == len(data)
            assert reason in REASONS, "a reason never quotes the peer"
            _check_refused(data)
        case RequestFrame(id=identity, method=method, params=params):
            _check_request(identity, method, bytes(params))
        case ReplyFrame(result=result):
            decode_any(result)
        case ErrorFrame(code=code, message=message):
            assert type(code) is int
            assert message
    for personal in (False, True):
        shown = Scrubber([SECRET], show_personal=personal).frame(data)
        assert SECRET not in shown
        shown.encode()


def _check_request(identity: bytes, method: str, params: bytes) -> None:
    value = decode_any(identity)
    reply = decode_frame(encode_reply(identity, {}))
    refusal = decode_frame(encode_error(identity, 1, "no"))
    assert isinstance(reply, ReplyFrame)
    assert isinstance(refusal, ErrorFrame)
    assert reply.id == refusal.id
    decoded = decode_object(params)
    if isinstance(value, str):
        assert reply.id == value
        again = decode_frame(encode_request(value, method, decoded))
        if not isinstance(again, MalformedFrame):  # too deep to be encoded as it was decoded
            assert isinstance(again, RequestFrame)
            assert decode_any(again.id) == value
            assert again.method == method
            assert decode_object(again.params) == decoded


def _check_refused(data: bytes) -> None:
    """What is refused is no request by the standard library's reading either."""
    try:
        value: object = json.loads(data.decode())
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return
    if isinstance(value, dict):
        frame = cast("dict[str, object]", value)
        whole = isinstance(frame.get("id"), str) and isinstance(frame.get("method"), str)
        assert not whole, "a whole request was refused"

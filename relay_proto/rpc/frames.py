"""JSON-RPC 2.0 envelopes: bytes to typed frames and back.

Decoding never raises: what is not a frame becomes `MalformedFrame`. `params`
and `result` stay raw bytes until somebody knows their type. Ids are kept as the
raw JSON they came in, so that a reply echoes them unchanged.

The structs that live as long as one message are not tracked by the garbage
collector (``gc=False``): they hold bytes and text, and so can be in no cycle.

Source: docs/protocol.md, sections 3 and 9.1.
"""

from __future__ import annotations

import math
from typing import Any, Final, TypeAlias, TypeGuard, final

import msgspec

from ..constants import METHOD_SIGNALWIRE_EVENT

JSONObject: TypeAlias = dict[str, Any]
"""A JSON object, where the compatible API takes or gives a plain dict."""

METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
EMPTY: Final = msgspec.Raw(b"{}")
UNSET: Final = msgspec.UNSET
ID_STARTS: Final = b'"-0123456789'
"""How the JSON of a text or a number begins."""


class RequestFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The peer asks; `id` is raw JSON. `params` is raw, and may be anything."""

    id: bytes
    method: str
    params: msgspec.Raw = EMPTY


@final
class EventFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The server tells of something: its type is known, its `body` is raw."""

    id: bytes
    event_type: str
    body: msgspec.Raw
    timestamp: float | None


@final
class ReplyFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The peer answers. `id` is the text of the request's id."""

    id: str
    result: msgspec.Raw


class ErrorFrame(msgspec.Struct, frozen=True, kw_only=True):
    """The peer refuses."""

    id: str
    code: int
    message: str


class MalformedFrame(msgspec.Struct, frozen=True, kw_only=True):
    """What the peer sent is not a frame; `reason` never quotes it."""

    reason: str
    size: int


Frame: TypeAlias = RequestFrame | ReplyFrame | ErrorFrame | MalformedFrame
"""One JSON-RPC object, decoded as far as its kind."""


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    method: str | msgspec.UnsetType = msgspec.UNSET
    params: msgspec.Raw = EMPTY
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _EventParams(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    event_type: str = ""
    params: msgspec.Raw = EMPTY
    timestamp: float | None = None


class _ServersEnvelope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    method: str | msgspec.UnsetType = msgspec.UNSET
    params: _EventParams = _EventParams()
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_envelope = msgspec.json.Decoder(_Envelope)
_servers_envelope = msgspec.json.Decoder(_ServersEnvelope)
_anything = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


def decode_server_frame(data: bytes) -> Frame | EventFrame:
    """Decode one text message of a server's. Never raises.

    Nearly all of them are events and replies, and are decoded here at one go; whatever
    has anything about it that those have not is `decode_frame`'s to judge.
    """
    try:
        envelope = _servers_envelope.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return decode_frame(data)
    identity, result, told = envelope.id, envelope.result, envelope.params
    if identity is UNSET or envelope.error is not UNSET:
        return decode_frame(data)
    if result is not UNSET:
        return ReplyFrame(id=_text_id(bytes(identity)), result=result)
    if envelope.method == METHOD_SIGNALWIRE_EVENT and told.event_type:
        raw = bytes(identity)
        if raw[0] in ID_STARTS:
            return EventFrame(
                id=raw, event_type=told.event_type, body=told.params, timestamp=told.timestamp
            )
    return decode_frame(data)


def decode_frame(data: bytes) -> Frame:
    """Decode one text message. Never raises."""
    try:
        envelope = _decode_envelope(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return MalformedFrame(reason=_reason(error), size=len(data))
    identity = envelope.id
    if identity is UNSET:
        return MalformedFrame(reason="it has no id", size=len(data))
    if envelope.error is not UNSET and bytes(envelope.error) != b"null":
        return _error_frame(_text_id(bytes(identity)), bytes(envelope.error))
    if envelope.result is not UNSET:
        return ReplyFrame(id=_text_id(bytes(identity)), result=envelope.result)
    if envelope.method is UNSET:
        return MalformedFrame(reason="it has no method, result or error", size=len(data))
    raw = bytes(identity)
    if raw[0] not in ID_STARTS:
        return MalformedFrame(reason="its id is not a text or a number", size=len(data))
    return RequestFrame(id=raw, method=envelope.method, params=envelope.params)


def decode_any(raw: bytes | msgspec.Raw) -> Any:
    """Decode raw JSON of unknown type; what cannot be decoded is None."""
    try:
        return _anything.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def decode_object(raw: bytes | msgspec.Raw) -> JSONObject:
    """Decode raw JSON that should be an object; anything else is ``{}``."""
    value = decode_any(raw)
    return value if is_object(value) else {}


def is_object(value: object) -> TypeGuard[JSONObject]:
    """Whether a decoded JSON value is an object."""
    return isinstance(value, dict)


def encode_json(value: object) -> bytes:
    """Encode `value` as JSON.

    Raises:
        TypeError: it holds something that JSON has no form for.
        ValueError: a text in it is not valid Unicode.
    """
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"a text holds a lone surrogate, {error.object[error.start : error.end]!r}"
        ) from None
    except RecursionError:
        raise ValueError("the parameters are nested too deeply, or contain themselves") from None


def encode_request(identity: str, method: str, params: JSONObject) -> bytes:
    """One request frame."""
    return encode_json({"jsonrpc": "2.0", "id": identity, "method": method, "params": params})


def encode_reply(identity: bytes, result: object) -> bytes:
    """One reply to a request whose raw id is `identity`."""
    return encode_json({"jsonrpc": "2.0", "id": msgspec.Raw(identity), "result": result})


def encode_acknowledgement(identity: bytes) -> bytes:
    """The reply that says no more than that a request has come: ``{}``."""
    return b'{"jsonrpc":"2.0","id":%b,"result":{}}' % identity


def encode_error(identity: bytes, code: int, message: str) -> bytes:
    """One refusal of a request whose raw id is `identity`."""
    error = {"code": code, "message": message}
    return encode_json({"jsonrpc": "2.0", "id": msgspec.Raw(identity), "error": error})


def _decode_envelope(data: bytes) -> _Envelope:
    try:
        return _envelope.decode(data)
    except msgspec.DecodeError:
        repaired = _repaired(data)
        if repaired is None:
            raise
        return _envelope.decode(repaired)


def _repaired(data: bytes) -> bytes | None:
    r"""What msgspec refuses and others write: half a character as ``\ud83d``, 1e999.

    A text message that was cut inside an emoji must not cost the whole event.
    None when it is not JSON in any reading.
    """
    import json  # noqa: PLC0415 - seldom needed, and loaded by every program otherwise

    try:
        value = json.loads(data, parse_float=_finite)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return text.encode(errors="replace")


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else 0.0


def _error_frame(identity: str, raw: bytes) -> ErrorFrame:
    error = decode_object(raw)
    message = error.get("message")
    return ErrorFrame(
        id=identity,
        code=result_code(error.get("code")),
        message=message if isinstance(message, str) and message else "Unknown error",
    )


def result_code(value: object) -> int:
    """A code as the number it stands for: text or integer, else -1."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if (
        isinstance(value, str)
        and value.removeprefix("-").isascii()
        and value.removeprefix("-").isdigit()
    ):
        return int(value) if len(value) < 10 else -1  # longer is no code, and int() has a limit
    return -1


def _text_id(raw: bytes) -> str:
    text = raw[1:-1]
    if raw[:1] == b'"' and text.isascii() and b"\\" not in text:
        return text.decode()  # as every id of ours
    value = decode_any(raw)
    return value if isinstance(value, str) else raw.decode(errors="replace")


def _reason(error: Exception) -> str:
    match error:
        case RecursionError():
            return "it is nested too deeply"
        case msgspec.ValidationError():
            return "it is not an object with a text as method"
        case _:
            return "it is not JSON"

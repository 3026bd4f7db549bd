"""JSON-RPC 2.0 frames: from bytes to typed frames, and back.

Decoding never raises: anything that is not a frame becomes a `MalformedFrame`.
`params` and `result` stay raw bytes until their type is known. The id of a request
stays raw JSON, so that the reply repeats it unchanged.

The structs that live as long as one message are not tracked by the garbage collector
(``gc=False``). They hold only bytes and text, so they cannot be part of a cycle.

Source: docs/protocol.md, sections 3 and 9.1.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeGuard, TypeVar, cast, final

import msgspec

from ..constants import METHOD_SIGNALWIRE_EVENT

JSONObject: TypeAlias = dict[str, Any]
"""A JSON object: a dict with text keys."""

METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
EMPTY: Final = msgspec.Raw(b"{}")
UNSET: Final = msgspec.UNSET
P = TypeVar("P")
DETACHED_ABOVE: Final = 4096
"""Bytes of a message above which it is worth a look how much of it is kept."""
ID_STARTS: Final = b'"-0123456789'
"""The first characters that the JSON of a text or a number may have."""


class RequestFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request of the peer. `id` and `params` are raw JSON; `params` may be anything."""

    id: bytes
    method: str
    params: msgspec.Raw = EMPTY


@final
class EventFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event of the server. `id` and `body` are raw JSON."""

    id: bytes
    event_type: str
    body: msgspec.Raw
    timestamp: float | None


@final
class ReplyFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An answer of the peer. `id` is the id of our request, as text."""

    id: str
    result: msgspec.Raw


class ErrorFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal of the peer. `id` is the id of our request, as text."""

    id: str
    code: int
    message: str


class MalformedFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the peer that is not a frame. `reason` never quotes it."""

    reason: str
    size: int


Frame: TypeAlias = RequestFrame | ReplyFrame | ErrorFrame | MalformedFrame
"""One JSON-RPC object of a known kind. Its `params` and `result` are not decoded."""


class _OwnRequest(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="jsonrpc", tag="2.0"
):
    """A request of ours. It is encoded faster than a dict with the same keys."""

    id: str
    method: str
    params: JSONObject


class _EventParams(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    event_type: str = ""
    params: msgspec.Raw = EMPTY
    timestamp: float | None = None


class _Envelope(msgspec.Struct, Generic[P], frozen=True, kw_only=True, gc=False):
    """What every frame may have; `P` says how far its params are decoded."""

    id: msgspec.Raw | msgspec.UnsetType = UNSET
    method: str | msgspec.UnsetType = UNSET
    params: P | msgspec.UnsetType = UNSET
    result: msgspec.Raw | msgspec.UnsetType = UNSET
    error: msgspec.Raw | msgspec.UnsetType = UNSET


_raw_params = msgspec.json.Decoder(_Envelope[msgspec.Raw])
_event_params = msgspec.json.Decoder(_Envelope[_EventParams])
_anything = msgspec.json.Decoder()


def _builtin(value: object) -> object:
    """Return a value of a class that msgspec does not know as one of a class that it knows.

    `json.dumps` takes subclasses of `str`, `int` and `float` as well, and many libraries have
    such: texts of templates and of HTML parsers, and the floats of NumPy. Inside, a parameter
    may be as little a `dict` as outside, where any mapping passes.
    """
    match value:
        # By the methods of the base classes: a subclass may have others of these names.
        case str():
            return str.__str__(value)
        case int():
            return int.__int__(value)
        case float():
            return float.__float__(value)
        case Mapping():
            return dict(cast("Mapping[object, object]", value))
        case Sequence():
            return list(cast("Sequence[object]", value))
        case _:
            kind = type(value).__name__
            raise TypeError(f"a key or a value in the parameters is a {kind}, which is not JSON")


_encode: Final = msgspec.json.Encoder(enc_hook=_builtin).encode


def decode_server_frame(data: bytes) -> Frame | EventFrame:
    """Decode one text message of a server. Never raises.

    Nearly all messages are ordinary events and replies, which take one decoding here.
    All others go to `decode_frame`, which takes two.
    """
    try:
        envelope = _event_params.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return decode_frame(data)
    identity, result, event = envelope.id, envelope.result, envelope.params
    if identity is UNSET or envelope.error is not UNSET:
        return decode_frame(data)
    if result is not UNSET:
        return ReplyFrame(id=_text_id(identity), result=result)
    if event is not UNSET and event.event_type and envelope.method == METHOD_SIGNALWIRE_EVENT:
        raw = bytes(identity)
        if raw[0] in ID_STARTS:
            body = detached(event.params, len(data))
            return EventFrame(
                id=raw, event_type=event.event_type, body=body, timestamp=event.timestamp
            )
    return decode_frame(data)


def decode_frame(data: bytes) -> Frame:
    """Decode one text message of either side. Never raises."""
    try:
        envelope = _decode_envelope(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return MalformedFrame(reason=_reason(error), size=len(data))
    identity = envelope.id
    if identity is UNSET:
        return MalformedFrame(reason="it has no id", size=len(data))
    if envelope.error is not UNSET and bytes(envelope.error) != b"null":
        return _error_frame(_text_id(identity), bytes(envelope.error))
    if envelope.result is not UNSET:
        return ReplyFrame(id=_text_id(identity), result=envelope.result)
    if envelope.method is UNSET:
        return MalformedFrame(reason="it has no method, result or error", size=len(data))
    raw = bytes(identity)
    if raw[0] not in ID_STARTS:
        return MalformedFrame(reason="its id is not a text or a number", size=len(data))
    params = EMPTY if envelope.params is UNSET else detached(envelope.params, len(data))
    return RequestFrame(id=raw, method=envelope.method, params=params)


def detached(part: msgspec.Raw, whole: int) -> msgspec.Raw:
    """Return a part of a message of `whole` bytes, or a copy of it.

    A part keeps the whole message alive. If most of that is something else, such as a
    long id, only a copy is as small as it looks.
    """
    if whole > DETACHED_ABOVE and whole > 2 * memoryview(part).nbytes:
        return part.copy()
    return part


def decode_any(raw: bytes | msgspec.Raw) -> Any:
    """Decode raw JSON of any type. Returns None if it cannot be decoded."""
    try:
        return _anything.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def decode_object(raw: bytes | msgspec.Raw) -> JSONObject:
    """Decode raw JSON that should be an object. Returns ``{}`` if it is not."""
    value = decode_any(raw)
    return value if is_object(value) else {}


def is_object(value: object) -> TypeGuard[JSONObject]:
    """Return whether a decoded JSON value is an object."""
    return isinstance(value, dict)


def encode_json(value: object) -> bytes:
    """Encode `value` as JSON.

    Raises:
        TypeError: `value` contains something that JSON cannot express.
        ValueError: a text in it is not valid Unicode, or it is nested too deeply.
    """
    try:
        return _encode(value)
    except (UnicodeEncodeError, RecursionError) as error:
        raise _not_json(error) from None


def _not_json(error: UnicodeEncodeError | RecursionError) -> ValueError:
    if isinstance(error, RecursionError):
        return ValueError("the parameters are nested too deeply, or contain themselves")
    wrong = error.object[error.start : error.end]
    return ValueError(f"a text is not valid Unicode: it contains {wrong!r}")


def encode_request(identity: str, method: str, params: JSONObject) -> bytes:
    """Return a request as a frame. Raises as `encode_json`."""
    try:
        return _encode(_OwnRequest(id=identity, method=method, params=params))
    except (UnicodeEncodeError, RecursionError) as error:
        raise _not_json(error) from None


def encode_reply(identity: bytes, result: object) -> bytes:
    """Return a reply, as a frame, to the request whose raw id is `identity`."""
    return encode_json({"jsonrpc": "2.0", "id": msgspec.Raw(identity), "result": result})


def encode_acknowledgement(identity: bytes) -> bytes:
    """Return the empty reply, as a frame, to the request whose raw id is `identity`."""
    return b'{"jsonrpc":"2.0","id":%b,"result":{}}' % identity


def encode_error(identity: bytes, code: int, message: str) -> bytes:
    """Return a refusal, as a frame, of the request whose raw id is `identity`."""
    error = {"code": code, "message": message}
    return encode_json({"jsonrpc": "2.0", "id": msgspec.Raw(identity), "error": error})


def _decode_envelope(data: bytes) -> _Envelope[msgspec.Raw]:
    try:
        return _raw_params.decode(data)
    except msgspec.ValidationError:
        raise  # it is JSON, but no frame: a repair of 10 MiB can take a second, and changes nothing
    except msgspec.DecodeError:
        repaired = _repaired(data)
        if repaired is None:
            raise
        return _raw_params.decode(repaired)


def _repaired(data: bytes) -> bytes | None:
    r"""Return `data` without what msgspec refuses, but other libraries write.

    That is half a character, such as ``\ud83d``, and numbers such as 1e999. A text
    message may be cut inside an emoji, and the event must not be lost because of that.
    Returns None if `data` is not JSON at all.
    """
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
    """Return a result code, which may be text or an integer, as an integer; else -1."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if (
        isinstance(value, str)
        and value.removeprefix("-").isascii()
        and value.removeprefix("-").isdigit()
    ):
        return int(value) if len(value) < 10 else -1  # no code is longer, and int() has a limit
    return -1


def _text_id(raw: msgspec.Raw) -> str:
    value = decode_any(raw)
    return value if isinstance(value, str) else bytes(raw).decode(errors="replace")


def _reason(error: Exception) -> str:
    match error:
        case RecursionError():
            return "it is nested too deeply"
        case msgspec.ValidationError():
            return "it is not an object with a text as method"
        case _:
            return "it is not JSON"


class _Ping(msgspec.Struct, frozen=True, kw_only=True):
    # Raw, because an answer only repeats it, and it may be nested too deeply to encode.
    timestamp: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_ping = msgspec.json.Decoder(_Ping)


def echo_of_ping(params: msgspec.Raw) -> JSONObject:
    """Return what the answer to a ping repeats of it."""
    try:
        ping = _ping.decode(params)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        ping = _Ping()
    echoed = {"timestamp": ping.timestamp, "payload": ping.payload}
    return {name: value for name, value in echoed.items() if value is not msgspec.UNSET}

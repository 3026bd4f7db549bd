"""A tap reads the frames of one direction of a byte stream, without the code under test.

It shows each frame as a short line, without anything that must not be in a log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from ..rpc.frames import JSONObject, is_object

TEXT, CLOSE = 1, 8
UPGRADED, REFUSED = -1, -2
NO_TEXT = {CLOSE: "(close)", UPGRADED: "(upgrade)", REFUSED: "(upgrade refused)"}
"""What is on the wire and is no text, as `Frame.method`."""
SHOWN = (
    "call_state",
    "connect_state",
    "contexts",
    "dial_state",
    "end_reason",
    "message_state",
    "reason",
    "restart",
    "session_restored",
    "state",
)
"""Fields whose values are shown."""
NAMED = ("call_id", "control_id", "message_id", "tag")
"""Ids: only their beginning is shown."""


class Event(msgspec.Struct, frozen=True):
    """The ``params`` of an event. Its body stays raw, so that it can be compared."""

    event_type: str = ""
    timestamp: float = 0.0
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _Frame(msgspec.Struct, frozen=True):
    id: msgspec.Raw = msgspec.Raw(b"")
    method: str = ""
    params: msgspec.Raw = msgspec.Raw(b"{}")
    result: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")


_frame = msgspec.json.Decoder(_Frame)
_event = msgspec.json.Decoder(Event)
_anything = msgspec.json.Decoder()


class Frame(msgspec.Struct, frozen=True):
    """One JSON-RPC frame, or something else on the wire: then `method` is in parentheses."""

    text: bytes
    id: bytes = b""
    method: str = ""
    params: msgspec.Raw = msgspec.Raw(b"{}")
    result: msgspec.Raw = msgspec.Raw(b"")
    refused: bool = False
    event: Event | None = None
    """The event in the frame, if there is one and it can be decoded."""

    @property
    def is_request(self) -> bool:
        """Whether the frame is a request, which needs an answer."""
        return bool(self.id and self.method)

    @property
    def body(self) -> JSONObject:
        """The parameters of the event or request, or the result."""
        event = self.event
        value = decode(event.params if event else self.params if self.method else self.result)
        return value if is_object(value) else {}

    @property
    def name(self) -> str:
        """The first characters of the id."""
        return self.id.strip(b'"')[:6].decode(errors="replace")

    def __str__(self) -> str:
        event = self.event
        what = self.method if event is None else event.event_type or "(no type)"
        body = self.body
        facts = [f"{key}={body[key]}" for key in SHOWN if key in body]
        facts += [f"{key}={str(body[key])[:6]}" for key in NAMED if body.get(key)]
        what = what or ("error" if self.refused else "reply")
        return " ".join((what, f"#{self.name}", *facts))


def decode(raw: bytes | msgspec.Raw) -> object:
    """Decode JSON. Return None if it is not JSON."""
    try:
        return _anything.decode(raw)
    except msgspec.DecodeError:
        return None


def read(text: bytes) -> Frame:
    """Read one text message. If it is not a frame, the result has no id."""
    try:
        frame = _frame.decode(text)
    except msgspec.DecodeError:
        return Frame(text)
    return Frame(
        text,
        bytes(frame.id),
        frame.method,
        frame.params,
        frame.result,
        bool(bytes(frame.error)),
        _event_in(frame.params) if frame.method == "signalwire.event" else None,
    )


def _event_in(params: msgspec.Raw) -> Event | None:
    try:
        return _event.decode(params)
    except msgspec.DecodeError:
        return None


class _Piece(NamedTuple):
    """A frame of the WebSocket, or the head before them all."""

    opcode: int
    raw: bytes
    begins_at: int
    """Where its payload begins."""
    mask: bytes


class Tap:
    """Reads the bytes of one direction, from the upgrade on."""

    def __init__(self) -> None:
        self._unread = b""
        self.upgraded = False
        self._refused = False

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes, and return the frames that are complete now."""
        return [_frame_in(piece) for piece in self._cut(data)]

    def split(self, data: bytes) -> list[tuple[Frame, bytes]]:
        """Take bytes, and return the frames that are complete now, each with its bytes."""
        return [(_frame_in(piece), piece.raw) for piece in self._cut(data)]

    def skip(self, data: bytes) -> None:
        """Take bytes, but do not read the frames in them."""
        for _ in self._cut(data):
            pass

    def _cut(self, data: bytes) -> Iterator[_Piece]:
        self._unread += data
        while (piece := self._first()) is not None:
            self._unread = self._unread[len(piece.raw) :]
            yield piece

    def _first(self) -> _Piece | None:
        unread = self._unread
        if not self.upgraded:
            end = unread.find(b"\r\n\r\n") + 4
            if end < 4 or self._refused:
                return None
            self.upgraded = unread.startswith((b"GET ", b"HTTP/1.1 101"))
            self._refused = not self.upgraded
            return _Piece(UPGRADED if self.upgraded else REFUSED, unread[:end], end, b"")
        if len(unread) < 2:
            return None
        size, at = unread[1] & 127, 2
        if size >= 126:
            at = 4 if size == 126 else 10
            size = int.from_bytes(unread[2:at], "big")
        mask = unread[at : at + 4] if unread[1] & 128 else b""
        at += len(mask)
        if len(unread) < at + size:
            return None
        return _Piece(unread[0] & 15, unread[: at + size], at, mask)


def _frame_in(piece: _Piece) -> Frame:
    if piece.opcode == TEXT:
        return read(_unmasked(piece.raw[piece.begins_at :], piece.mask))
    return Frame(b"", method=NO_TEXT.get(piece.opcode, "(control)"))


def unmasked_frame(text: bytes) -> bytes:
    """Return a text message as a server sends it: one frame without a mask."""
    size = len(text)
    if size < 126:
        return bytes((0x81, size)) + text
    return b"\x81\x7e" + size.to_bytes(2, "big") + text


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    if not mask:
        return payload
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")

"""Wires for tests: in any state, with a peer that can say anything to them."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from typing import Final

from relay_proto.wire.short_path import frame_lengths
from relay_proto.wire.websocket import (
    BytesToSend,
    PeerClosed,
    Role,
    UpgradeRequested,
    Wire,
    WireEvent,
    WireFailed,
    WireState,
)

LIMIT: Final = 300
KEY: Final = b"\x11\x22\x33\x44"


def frame(role: Role, first: int, payload: bytes, *, wrong_mask: bool = False) -> bytes:
    """A frame for a wire of this role; `first` holds the fin bit, reserved bits and opcode."""
    masked = (role is Role.SERVER) is not wrong_mask
    mask = 0x80 if masked else 0
    length = (
        bytes([mask | len(payload)])
        if len(payload) < 126
        else struct.pack("!BH", mask | 126, len(payload))
    )
    return bytes([first]) + length + (KEY + xor(payload, KEY) if masked else payload)


def xor(data: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[index % 4] for index, byte in enumerate(data))


def whole_frames(data: bytes) -> list[tuple[int, bytes]]:
    """The first byte and the payload of each frame that a peer has written; none is cut off."""
    found: list[tuple[int, bytes]] = []
    while data:
        lengths = frame_lengths(data)
        assert lengths is not None
        header, size = lengths
        payload = data[header : header + size]
        masked = data[1] & 0x80
        found.append((data[0], xor(payload, data[header - 4 : header]) if masked else payload))
        data = data[header + size :]
    return found


def split(data: bytes, at: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in at), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def reports(wire: Wire, data: bytes) -> list[WireEvent]:
    """All that `wire` makes of `data`."""
    return [*wire.receive(data)]


def one_by_one(wire: Wire, data: bytes) -> Iterator[WireEvent]:
    """Give `data` to `wire` and, as its owner would, accept at once who asks."""
    for event in wire.receive(data):
        yield event
        if isinstance(event, UpgradeRequested):
            yield BytesToSend(wire.accept())
            yield from wire.receive(b"")


def feed(wire: Wire, data: bytes) -> list[WireEvent]:
    """All that `one_by_one` returns."""
    return [*one_by_one(wire, data)]


def begun(role: Role) -> tuple[Wire, bytes]:
    """A wire in the midst of its upgrade, and the bytes that complete it."""
    client, server = Wire(Role.CLIENT, host="a", max_message_bytes=LIMIT), Wire(Role.SERVER)
    request = client.open()
    if role is Role.SERVER:
        return Wire(Role.SERVER, max_message_bytes=LIMIT), request
    reports(server, request)
    return client, server.accept()


def opened(role: Role) -> Wire:
    wire, upgrade = begun(role)
    feed(wire, upgrade)
    assert wire.state is WireState.OPEN
    return wire


def comparable(role: Role, events: list[WireEvent]) -> list[object]:
    """`events`, with errors as text and a client's answers without their random masks."""
    result: list[object] = []
    for event in events:
        match event:
            case WireFailed(error):
                result.append(("failed", str(error), error.status))
            case BytesToSend(data) if role is Role.CLIENT:
                result.append((data[:2], xor(data[6:], data[2:6])))
            case BytesToSend(data) if data.startswith(b"HTTP/1.1 101"):
                result.append(data[:12])  # the token follows from the client's random key
            case _:
                result.append(event)
    return result


def exhaust(wire: Wire) -> None:
    """Do all that an owner might still do."""
    assert all(isinstance(event, PeerClosed | WireFailed) for event in wire.receive_eof()[-1:])
    assert wire.state in {WireState.CLOSED, WireState.FAILED}
    assert reports(wire, b"x") == wire.receive_eof() == []
    said = [wire.open(), wire.accept(), wire.refuse(403, "no"), wire.send_text(b"x"), wire.close()]
    assert said == [b""] * 5

"""The short path: each frame that it takes, and at which byte any other goes to wsproto."""

from __future__ import annotations

import random
import struct
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import pytest

from relay_proto.wire.long_path import LongPath
from relay_proto.wire.short_path import LONGEST
from relay_proto.wire.websocket import Role, TextReceived, Wire, WireEvent
from tests.faults import seams
from tests.faults.seams import Function
from tests.property.wires import reports, xor

BOTH: Final = pytest.mark.parametrize("role", list(Role))
KEY: Final = b"\x01\x82\x43\xfe"
LIMIT: Final = 300


def opened(role: Role, limit: int = LIMIT) -> Wire:
    """An open wire, whose client draws its masking keys itself."""
    client = Wire(Role.CLIENT, host="a", max_message_bytes=limit, random=random.Random(1))
    server = Wire(Role.SERVER, max_message_bytes=limit)
    reports(server, client.open())
    reports(client, server.accept())
    return client if role is Role.CLIENT else server


def text_of(size: int) -> bytes:
    """A text of this length, in which no four bytes are like the next four."""
    return bytes((number * 37 + number // 5 + size) % 128 for number in range(size))


def frame(role: Role, text: bytes, key: bytes = KEY) -> bytes:
    """The one ordinary frame with this text, for a wire of this role."""
    masked = role is Role.SERVER
    mask, size = 0x80 if masked else 0, len(text)
    length = bytes([mask | size]) if size < 126 else struct.pack(">BH", mask | 126, size)
    return b"\x81" + length + (key + xor(text, key) if masked else text)


@contextmanager
def given_to_wsproto() -> Generator[list[bytes]]:
    """The pieces that wsproto would get."""
    pieces: list[bytes] = []

    def receive(original: Function, self: LongPath, data: bytes) -> list[WireEvent]:
        pieces.append(data)
        return []

    with seams.LONG_PATH.replaced(receive):
        yield pieces


@BOTH
def test_a_text_of_any_length_is_sent_as_the_rfc_says(role: Role) -> None:
    wire, other = opened(role), Role.SERVER if role is Role.CLIENT else Role.CLIENT
    for size in (*range(600), 5000, LONGEST):
        text = text_of(size)
        sent = wire.send_text(text)
        start = 2 if size < 126 else 4
        assert sent == frame(other, text, sent[start : start + 4])


@BOTH
def test_an_ordinary_frame_is_read_without_wsproto(role: Role) -> None:
    wire = opened(role, LONGEST)
    texts = [*map(text_of, (*range(260), 1000, LONGEST)), "é€😀".encode()]
    frames = [frame(role, text) for text in texts]
    with given_to_wsproto() as pieces:
        assert reports(wire, b"".join(frames)) == [*map(TextReceived, texts)]
        for text, data in zip(texts, frames, strict=True):
            before = [text_of(len(text) % 3)]
            for cut in {*range(1, 9), len(data) - 1} & set(range(1, len(data))):
                assert reports(wire, frame(role, *before) + data[:cut]) == [TextReceived(*before)]
                assert reports(wire, data[cut:]) == [TextReceived(text)]
    assert not pieces


def others(role: Role) -> list[tuple[bytes, int]]:
    """Frames that are not ordinary, and with which byte of each that is certain."""
    masked = role is Role.SERVER
    mask, key = (0x80, bytes(4)) if masked else (0, b"")
    wrong_key = b"" if masked else bytes(4)
    long = b"x" * (LIMIT + 1)
    not_utf8 = frame(role, b"ab\xff")
    return [
        (bytes([0x89, mask]) + key, 1),
        (bytes([0x01, mask | 1]) + key + b"a", 1),
        (bytes([0x80, mask | 126]) + b"\x00\xc8" + key + b"a" * 200, 1),
        (bytes([0xC1, mask | 1]) + key + b"a", 1),
        (bytes([0x81, 0x80 ^ mask | 1]) + wrong_key + b"a", 2),
        (bytes([0x81, 0x80 ^ mask | 126]) + b"\x00\x7e" + wrong_key + b"a" * 126, 2),
        (bytes([0x81, mask | 127]) + b"\0" * 7 + b"\x05" + key + b"a" * 5, 2),
        (bytes([0x81, mask | 126]) + b"\0\x7d" + key + b"a" * 125, 4),
        (bytes([0x81, mask | 126]) + struct.pack(">H", len(long)) + key + long, 4),
        (not_utf8, len(not_utf8)),
    ]


@BOTH
def test_wsproto_gets_any_other_frame_at_once_and_nothing_more(role: Role) -> None:
    ordinary = frame(role, b"hi")
    for other, certain in others(role):
        stream = ordinary + other + ordinary
        heard: list[WireEvent] = [TextReceived(b"hi")] * 2
        with given_to_wsproto() as pieces:
            assert reports(opened(role), stream) == heard
            assert b"".join(pieces) == other
        wire, heard = opened(role), []
        with given_to_wsproto() as pieces:
            for number in range(len(stream)):
                heard += reports(wire, stream[number : number + 1])
                arrived = number + 1 - len(ordinary)
                expected = other[:arrived] if arrived >= certain else b""
                assert b"".join(pieces) == expected, (other[:4], arrived)
        assert heard == [TextReceived(b"hi")] * 2

"""The far end of a fuzzed client's transport: as little of a WebSocket server as it takes.

A fuzzer counts the branches of `relay_proto`. A server made of `relay_proto` would
add its own, and cost more than the client that is looked at. The targets
`wire-client` and `wire-server` are about the WebSocket itself.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA


class FarEnd:
    """What one client writes, as texts; and what the WebSocket makes a server answer."""

    def __init__(self, host: str) -> None:
        self._host = host.encode()
        self._head = self._buffer = self._answers = b""
        self._closed = False

    def accept(self) -> bytes:
        """The answer to the upgrade, with the hash of the client's key."""
        lines = self._head.split(b"\r\n")
        fields = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in lines[1:])
        }
        assert fields[b"host"] == self._host, fields
        digest = hashlib.sha1(fields[b"sec-websocket-key"] + GUID, usedforsecurity=False).digest()
        return (
            b"HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
        )

    def receive(self, data: bytes) -> list[bytes]:
        """The texts that are complete now."""
        self._buffer += data
        if not self._head:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return []
            self._head, self._buffer = head, rest
        texts: list[bytes] = []
        while (frame := self._next_frame()) is not None:
            opcode, payload = frame
            assert not self._closed, "nothing is written behind the close frame"
            if opcode == TEXT:
                texts.append(payload)
            elif opcode == PING:
                self._answers += bytes([0x80 | PONG, len(payload)]) + payload
            elif opcode == CLOSE:
                self._closed = True
                self._answers += bytes([0x80 | CLOSE, len(payload)]) + payload
            else:
                assert opcode == PONG, f"a client does not write frames of type {opcode}"
        return texts

    def take_answers(self) -> bytes:
        answers, self._answers = self._answers, b""
        return answers

    def _next_frame(self) -> tuple[int, bytes] | None:
        """One whole frame; a client's is masked, and never in fragments."""
        data = self._buffer
        if len(data) < 2:
            return None
        assert data[0] & 0xF0 == 0x80, "one whole frame, without an extension"
        assert data[1] & 0x80, "a client masks what it writes"
        size, at = data[1] & 0x7F, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(data[at : at + width]), at + width
        end = at + 4 + size
        if len(data) < end:
            return None
        mask, masked = data[at : at + 4], data[at + 4 : end]
        self._buffer = data[end:]
        key = int.from_bytes((mask * (size // 4 + 1))[:size])
        return data[0] & 0x0F, (int.from_bytes(masked) ^ key).to_bytes(size)

"""What a `Wire` reports of the bytes that it was given."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ..errors import RemoteProtocolError


class UpgradeRequested(msgspec.Struct, frozen=True):
    """Server: a client asks to be let in. Call `Wire.accept` or `Wire.refuse`."""

    host: str
    target: str


class Upgraded(msgspec.Struct, frozen=True):
    """Client: the server let us in; messages may be sent."""


class TextReceived(msgspec.Struct, frozen=True, gc=False):
    """One whole text message, as valid UTF-8. It may hold credentials."""

    data: bytes

    def __repr__(self) -> str:
        return "TextReceived()"


class BinaryIgnored(msgspec.Struct, frozen=True):
    """One whole binary message, of `size` bytes, was dropped."""

    size: int


class BytesToSend(msgspec.Struct, frozen=True):
    """Write this as it is: an answer that the WebSocket protocol demands."""

    data: bytes


class PeerClosed(msgspec.Struct, frozen=True):
    """The connection was closed: by the peer, or by both. Nothing follows.

    `code` is 1005 when the peer gave none, and 1006 when the bytes ended without
    a closing handshake.
    """

    code: int
    reason: str


class WireFailed(msgspec.Struct, frozen=True):
    """The peer broke the protocol. Nothing follows."""

    error: RemoteProtocolError


WireEvent: TypeAlias = (
    UpgradeRequested
    | Upgraded
    | TextReceived
    | BinaryIgnored
    | BytesToSend
    | PeerClosed
    | WireFailed
)


def failure(message: str, *, status: int = 0, answer: bytes = b"") -> list[WireEvent]:
    """The report of a violation, behind the bytes that tell the peer of it."""
    failed = WireFailed(RemoteProtocolError(message, status=status))
    return [BytesToSend(answer), failed] if answer else [failed]

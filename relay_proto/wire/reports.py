"""The reports of a `Wire`: what the bytes mean that it received."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from ..errors import RemoteProtocolError

MAX_QUOTED: Final = 200
"""Characters of a peer's text that an error message repeats."""


class UpgradeRequested(msgspec.Struct, frozen=True):
    """Server: a client asks for a WebSocket. Call `Wire.accept` or `Wire.refuse`.

    `origin` is the page from which a browser asks; ``""`` if it is no browser.
    """

    host: str
    target: str
    origin: str = ""


class Upgraded(msgspec.Struct, frozen=True):
    """Client: the server accepted the WebSocket. Messages may be sent now."""


class TextReceived(msgspec.Struct, frozen=True, gc=False):
    """One whole text message, as valid UTF-8. It may contain credentials."""

    data: bytes

    def __repr__(self) -> str:
        return "TextReceived()"


class BinaryIgnored(msgspec.Struct, frozen=True):
    """A binary message of `size` bytes arrived, and was dropped."""

    size: int


class BytesToSend(msgspec.Struct, frozen=True):
    """Send these bytes as they are: the WebSocket protocol demands this answer."""

    data: bytes


class PeerClosed(msgspec.Struct, frozen=True):
    """The connection is closed. Nothing follows.

    `code` is 1005 if the peer sent no code, and 1006 if the byte stream ended without a
    closing handshake.
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


def failure(
    message: str, *, status: int = 0, answer: bytes = b"", retry_after: float | None = None
) -> list[WireEvent]:
    """Return the report of a violation, after the bytes that tell the peer about it."""
    failed = WireFailed(RemoteProtocolError(message, status=status, retry_after=retry_after))
    return [BytesToSend(answer), failed] if answer else [failed]


def quoted(words: str) -> str:
    """Return a text of the peer on one line, and not longer than `MAX_QUOTED`."""
    bounded = words.strip()[:MAX_QUOTED]
    return "".join(c if c.isprintable() else "\ufffd" for c in bounded)

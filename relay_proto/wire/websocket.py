"""One WebSocket connection: bytes to whole text messages and back, both roles.

wsproto does the upgrade and the framing; what it leaves to its caller is done
here: it takes a head only when it is complete, holds messages to their limit by
the lengths their frames announce, answers pings and closes, and latches the
first violation. Nothing that the peer sends makes a method raise.

Ordinary text frames do not go through wsproto, but by the short path of `fastpath`.
wsproto gets the others, one by one: so it is always known where a frame begins.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from ..errors import LocalProtocolError, RemoteProtocolError
from ..transitions import follow
from . import wsproto_names as ws
from .short_path import LONGEST, MaskingKeys, Splitter, is_utf8, text_frame

if TYPE_CHECKING:
    import random as randomness

MAX_MESSAGE_BYTES: Final = 10 * 1024 * 1024
MAX_HEAD_BYTES: Final = 16 * 1024
"""The longest upgrade, request or answer: as much as h11 would gather by itself."""
MAX_QUOTED: Final = 200
"""Characters of the peer's words that an error repeats."""
TARGET: Final = "/"
PLACEHOLDER: Final = "host.invalid"
CLOSE_CODES: Final = frozenset({*range(1000, 1004), *range(1007, 1014)})
"""The registered codes that may be sent; those from 3000 to 4999 are free."""

_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")
_HOST: Final = re.compile(rb"[!-~]+")


class Role(enum.Enum):
    """Who asks for the upgrade and masks its frames: the client."""

    CLIENT = "client"
    SERVER = "server"


class WireState(enum.Enum):
    """Where a connection stands; a client starts as new, a server as upgrading."""

    NEW = "new"
    UPGRADING = "upgrading"
    REQUESTED = "requested"
    """The client's request is complete: `Wire.accept` or `Wire.refuse` it."""
    OPEN = "open"
    CLOSING = "closing"
    """Our close frame is out; the peer may still send."""
    CLOSED = "closed"
    FAILED = "failed"


class WireInput(enum.Enum):
    """What can move a connection from one state to the next."""

    ASKED = "asked"
    REQUESTED = "requested"
    UPGRADED = "upgraded"
    CLOSE = "close"
    ENDED = "ended"
    FAILED = "failed"


_S, _I = WireState, WireInput
_OPEN: Final = WireState.OPEN  # before Python 3.12, to look up a member costs ten times as much

ENDED: Final = frozenset({_S.CLOSED, _S.FAILED})

WIRE: Final[Mapping[tuple[WireState, WireInput], WireState]] = {
    (_S.NEW, _I.ASKED): _S.UPGRADING,
    (_S.UPGRADING, _I.REQUESTED): _S.REQUESTED,
    (_S.UPGRADING, _I.UPGRADED): _S.OPEN,
    (_S.REQUESTED, _I.UPGRADED): _S.OPEN,
    (_S.REQUESTED, _I.ENDED): _S.CLOSED,
    (_S.OPEN, _I.CLOSE): _S.CLOSING,
    (_S.OPEN, _I.ENDED): _S.CLOSED,
    (_S.CLOSING, _I.ENDED): _S.CLOSED,
    **{(state, _I.FAILED): _S.FAILED for state in _S if state not in ENDED},
}


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


class Wire:
    """A WebSocket connection made of state; the caller owns the byte stream.

    The peer may end the connection in the same read whose earlier events are
    still being worked off. So once it has ended, the methods that return bytes
    return none; before that, one called out of turn raises `LocalProtocolError`.
    """

    def __init__(
        self,
        role: Role,
        *,
        host: str = "",
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        random: randomness.Random | None = None,
    ) -> None:
        """`host` is the client's: ``name``, ``name:port`` or ``[::1]:port``.

        `random` is where a client's masking keys come from; without it, wsproto masks,
        with the system's. Nobody who knows what is sent must be able to foresee them.

        Raises:
            LocalProtocolError: `host` cannot stand in a header.
        """
        client = role is Role.CLIENT
        kind = ws.ConnectionType.CLIENT if client else ws.ConnectionType.SERVER
        self._role = role
        self._host = _host_header(host) if client else b""
        self._limit = max_message_bytes
        self._state = WireState.NEW if client else WireState.UPGRADING
        self._handshake = ws.H11Handshake(kind)
        self._frames = ws.Connection(kind, [ws.MessageLimit(max_message_bytes)])
        self._splitter = Splitter(masked=not client, limit=max_message_bytes)
        self._keys = _keys_of(role, random)
        self._unread = bytearray()  # a head that is not complete, or what came behind a request
        self._text: bytearray | None = None  # the beginning of a text message
        self._ignored: int | None = None  # how much of a binary message has come

    @property
    def state(self) -> WireState:
        """Where the connection stands."""
        return self._state

    def open(self) -> bytes:
        """Client: the request to upgrade, to be sent first of all."""
        if not self._may("open", WireState.NEW):
            return b""
        self._move(WireInput.ASKED)
        request = self._handshake.send(ws.Request(host=PLACEHOLDER, target=TARGET))
        # Not through wsproto, whose IDNA allows 63 characters between dots and counts a
        # port among them. The only other part that varies, the random key, has no dot.
        return request.replace(PLACEHOLDER.encode(), self._host, 1)

    def accept(self) -> bytes:
        """Server: the answer that lets the client in.

        Call ``receive(b"")`` next: messages may have come behind the request.
        """
        if not self._may("accept", WireState.REQUESTED):
            return b""
        self._move(WireInput.UPGRADED)
        self._start_frames()
        return self._handshake.send(ws.AcceptConnection())

    def refuse(self, status: int, reason: str) -> bytes:
        """Server: the answer that turns the client away, with `reason` as its body.

        Raises:
            LocalProtocolError: `status` is not between 400 and 599.
        """
        if not self._may("refuse", WireState.REQUESTED):
            return b""
        if not 400 <= status <= 599:
            raise LocalProtocolError(f"cannot refuse with status {status}: use one from 400 to 599")
        self._move(WireInput.ENDED)
        body = reason.encode(errors="replace")
        headers = [
            (b"Content-Type", b"text/plain; charset=utf-8"),
            (b"Content-Length", b"%d" % len(body)),
            (b"Connection", b"close"),
        ]
        head = ws.RejectConnection(status_code=status, headers=headers, has_body=True)
        return self._handshake.send(head) + self._handshake.send(ws.RejectData(body))

    def receive(self, data: bytes) -> list[WireEvent]:
        """Take what arrived and say what it means. ``b""`` is not the end of file."""
        if self._state is _OPEN:
            return self._receive_frames(data)
        match self._state:
            case WireState.CLOSING:
                return self._receive_frames(data)
            case WireState.UPGRADING:
                return self._receive_head(data)
            case WireState.REQUESTED:
                return self._receive_early(data)
            case WireState.NEW if data:
                return self._fail("the server spoke before it was asked")
            case _:
                return []

    def receive_eof(self) -> list[WireEvent]:
        """Take the end of the byte stream: no more will arrive."""
        events = self.receive(b"")
        if self._state in (WireState.OPEN, WireState.CLOSING):
            events += self._receive_unusual(self._splitter.rest())
        match self._state:
            case WireState.CLOSED | WireState.FAILED:
                return events
            case WireState.OPEN if self._text is not None or self._ignored is not None:
                return events + self._fail("the connection ended in the middle of a message")
            case WireState.OPEN | WireState.CLOSING:
                self._move(WireInput.ENDED)
                closed = PeerClosed(int(ws.CloseReason.ABNORMAL_CLOSURE), "no closing handshake")
                return [*events, closed]
            case _:
                return self._fail("the connection ended during the upgrade")

    def send_text(self, message: bytes) -> bytes:
        """One text message, in one frame.

        Raises:
            LocalProtocolError: the upgrade is not done, `close` was called, or
                `message` is not UTF-8.
        """
        if self._state is not _OPEN and not self._may("send", _OPEN):
            return b""
        if not message.isascii() and not is_utf8(message):
            raise LocalProtocolError("cannot send: the message is not UTF-8")
        if self._keys is not None and len(message) <= LONGEST:
            return text_frame(message, next(self._keys))
        return self._frames.send(ws.TextMessage(message.decode()))

    def close(self, code: int = 1000, reason: str = "") -> bytes:
        """Start the closing handshake; nothing when it cannot, or need not, be.

        `PeerClosed` follows when the peer answers. A `reason` of more than 123
        bytes is cut.

        Raises:
            LocalProtocolError: `code` is not one that may be sent.
        """
        if code not in CLOSE_CODES and not 3000 <= code <= 4999:
            raise LocalProtocolError(f"cannot close with code {code}")
        if self._state is not WireState.OPEN:
            return b""
        self._move(WireInput.CLOSE)
        words = reason.encode(errors="replace").decode()
        return self._frames.send(ws.CloseConnection(code, words))

    # The upgrade

    def _receive_head(self, data: bytes) -> list[WireEvent]:
        # Gathered here, because h11 limits only what it must wait for (a head in one piece
        # may have any size), and wsproto loses what a client sends behind its request.
        unread = self._unread
        searched = max(len(unread) - 2, 0)
        unread += data
        end = _END_OF_HEAD.search(unread, searched)
        if end is not None and end.end() <= MAX_HEAD_BYTES:
            head = bytes(unread[: end.end()])
            del unread[: end.end()]
            return self._take_head(head)
        if len(unread) <= MAX_HEAD_BYTES:
            return []
        too_large = ws.RejectConnection(status_code=431)
        return self._fail_upgrade(f"its head exceeds {MAX_HEAD_BYTES} bytes", too_large)

    def _take_head(self, head: bytes) -> list[WireEvent]:
        try:
            self._handshake.receive_data(head)
        except ws.RemoteProtocolError as error:
            return self._fail_upgrade(str(error), error.event_hint)
        except UnicodeError:  # headers that wsproto takes for ASCII, a Host that it takes for IDNA
            return self._fail_upgrade("a header cannot be decoded", ws.RejectConnection())
        event, *_ = self._handshake.events()
        match event:
            case ws.Request(host=host, target=target):
                self._move(WireInput.REQUESTED)
                return [UpgradeRequested(host, target)]
            case ws.RejectConnection(status_code=status):
                # Only the status line knows the server's words: wsproto drops them.
                words = head.partition(b"\n")[0].partition(b" ")[2].decode(errors="replace")
                return self._fail(f"the server refused: {_quoted(words)}", status=status)
            case _:
                self._move(WireInput.UPGRADED)
                self._start_frames()
                return [Upgraded(), *self._receive_frames(b"")]

    def _receive_early(self, data: bytes) -> list[WireEvent]:
        self._unread += data
        if len(self._unread) <= self._limit + MAX_HEAD_BYTES:
            return []
        return self._fail_upgrade("too much came behind the request", ws.RejectConnection())

    def _start_frames(self) -> None:
        self._splitter.feed(bytes(self._unread))
        self._unread.clear()

    def _fail_upgrade(self, reason: str, refusal: ws.Event | None) -> list[WireEvent]:
        answer = self._handshake.send(refusal) if refusal and self._role is Role.SERVER else b""
        return self._fail(f"the upgrade failed: {_quoted(reason)}", answer=answer)

    # Frames

    def _receive_frames(self, data: bytes) -> list[WireEvent]:
        splitter = self._splitter
        splitter.feed(data)
        events: list[WireEvent] = []
        while True:
            inside = self._text is not None or self._ignored is not None
            texts, piece = splitter.next(inside_message=inside)
            events += map(TextReceived, texts)
            if not piece:
                return events
            events += self._receive_unusual(piece)
            if self._state in ENDED:
                return events

    def _receive_unusual(self, data: bytes) -> list[WireEvent]:
        events: list[WireEvent] = []
        self._frames.receive_data(data)
        for event in self._frames.events():
            match event:
                case ws.TextMessage(data=text, message_finished=True) if self._text is None:
                    events.append(TextReceived(text.encode()))
                case ws.TextMessage(data=text, message_finished=finished):
                    events += self._gather(text, finished=finished)
                case ws.BytesMessage(data=piece, message_finished=finished):
                    events += self._count(len(piece), finished=finished)
                case ws.Ping() if self._state is WireState.OPEN:
                    events.append(BytesToSend(self._frames.send(event.response())))
                case ws.CloseConnection():
                    events += self._take_close(event)
                case _:
                    pass  # a pong, or a ping behind our close frame
        return events

    def _gather(self, piece: str, *, finished: bool) -> list[WireEvent]:
        # One buffer, not a list: a message may come in as many pieces as it has bytes.
        text = bytearray() if self._text is None else self._text
        text += piece.encode()
        self._text = None if finished else text
        return [TextReceived(bytes(text))] if finished else []

    def _count(self, size: int, *, finished: bool) -> list[WireEvent]:
        total = (self._ignored or 0) + size
        self._ignored = None if finished else total
        return [BinaryIgnored(total)] if finished else []

    def _take_close(self, event: ws.CloseConnection) -> list[WireEvent]:
        match self._frames.state:
            case ws.ConnectionState.REMOTE_CLOSING:
                reply: list[WireEvent] = [BytesToSend(self._frames.send(event.response()))]
            case ws.ConnectionState.CLOSED:
                reply = []
            case _:  # wsproto reports a violation as a close, too, but stays where it was
                return self._violated(event)
        self._move(WireInput.ENDED)
        return [*reply, PeerClosed(int(event.code), event.reason or "")]

    def _violated(self, event: ws.CloseConnection) -> list[WireEvent]:
        match event.code:
            case ws.CloseReason.MESSAGE_TOO_BIG:
                words = f"a message exceeds {self._limit} bytes"
            case ws.CloseReason.INVALID_FRAME_PAYLOAD_DATA:
                words = "a text is not UTF-8"  # wsproto's words depend on how the bytes were split
            case _:
                words = event.reason or ""
        answer = b""
        if self._state is WireState.OPEN:
            answer = self._frames.send(ws.CloseConnection(event.code, words))
        return self._fail(f"the peer broke the WebSocket protocol: {words}", answer=answer)

    # States

    def _may(self, action: str, wanted: WireState) -> bool:
        """Whether it is time for `action`; False when the connection has ended."""
        if self._state is wanted:
            return True
        if self._state in ENDED:
            return False
        raise LocalProtocolError(f"cannot {action}: the connection is {self._state.value}")

    def _fail(self, message: str, *, status: int = 0, answer: bytes = b"") -> list[WireEvent]:
        self._move(WireInput.FAILED)
        self._unread.clear()
        self._text = self._ignored = None
        failed = WireFailed(RemoteProtocolError(message, status=status))
        return [BytesToSend(answer), failed] if answer else [failed]

    def _move(self, happened: WireInput) -> None:
        self._state = follow(WIRE, self._state, happened)


def _keys_of(role: Role, random: randomness.Random | None) -> Iterator[bytes] | None:
    """What masks the frames of the short path; None where there is to be none."""
    if role is Role.SERVER:
        return repeat(b"")
    return None if random is None else MaskingKeys(random)


def _host_header(host: str) -> bytes:
    try:
        header = host.encode("ascii" if host.isascii() else "idna")
    except UnicodeError:
        header = b""
    if not _HOST.fullmatch(header):
        raise LocalProtocolError(f"{host!r} cannot stand in a Host header")
    return header


def _quoted(words: str) -> str:
    """The peer's words, on one line and of bounded length."""
    bounded = words.strip()[:MAX_QUOTED]
    return "".join(c if c.isprintable() else "\ufffd" for c in bounded)

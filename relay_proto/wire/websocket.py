"""One WebSocket connection, as client or as server, without I/O.

`Wire` keeps the state: it knows what may arrive and what may be sent. It processes the
head of the upgrade only when the head is complete. The first violation of the peer
ends the connection for good. Nothing that the peer sends makes a method raise.

Ordinary text frames take the short path (`short_path`). All others go to wsproto
(`long_path`), one frame at a time, so that `Wire` always knows where a frame begins.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, repeat
from typing import Final, assert_never

from ..errors import LocalProtocolError
from ..transitions import follow
from ..values.chance import Chance
from .reports import (
    BinaryIgnored,
    BytesToSend,
    PeerClosed,
    TextReceived,
    Upgraded,
    UpgradeRequested,
    WireEvent,
    WireFailed,
    failure,
)
from .short_path import LONGEST, Splitter, is_utf8, masking_keys, text_frame

__all__ = [
    "CLOSE_CODES",
    "ENDED",
    "MAX_HEAD_BYTES",
    "MAX_MESSAGE_BYTES",
    "WIRE",
    "BinaryIgnored",
    "BytesToSend",
    "PeerClosed",
    "Role",
    "TextReceived",
    "UpgradeRequested",
    "Upgraded",
    "Wire",
    "WireEvent",
    "WireFailed",
    "WireInput",
    "WireState",
]

MAX_MESSAGE_BYTES: Final = 10 * 1024 * 1024
MAX_HEAD_BYTES: Final = 16 * 1024
"""The longest head of an upgrade, in a request or an answer. It is the default of h11."""
CLOSE_CODES: Final = frozenset({*range(1000, 1004), *range(1007, 1014)})
"""The registered codes that may be sent. Codes from 3000 to 4999 may be sent, too."""
NO_CLOSE: Final = 1006
"""The code of `PeerClosed` if there was no closing handshake. It is never sent."""

_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")
_INTERIM: Final = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9][0-9]\b")
"""An answer that another one follows, such as ``100 Continue``."""
_HOST: Final = re.compile(rb"[!-~]+")


class Role(enum.Enum):
    """The side of a connection. The client asks for the upgrade, and masks its frames."""

    CLIENT = "client"
    SERVER = "server"


class WireState(enum.Enum):
    """The state of a connection. A client starts as `NEW`, a server as `UPGRADING`."""

    NEW = "new"
    UPGRADING = "upgrading"
    REQUESTED = "requested"
    """The client's request is complete: call `Wire.accept` or `Wire.refuse`."""
    OPEN = "open"
    CLOSING = "closing"
    """Our close frame is sent. The peer may still send messages."""
    CLOSED = "closed"
    FAILED = "failed"


class WireInput(enum.Enum):
    """What can change the state of a connection."""

    ASKED = "asked"
    REQUESTED = "requested"
    UPGRADED = "upgraded"
    CLOSE = "close"
    ENDED = "ended"
    FAILED = "failed"


_S, _I = WireState, WireInput
_OPEN: Final = WireState.OPEN  # before Python 3.12, looking up a member is ten times slower

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


class Wire:
    """One WebSocket connection. The caller owns the byte stream.

    The methods that return bytes return ``b""`` once the connection has ended, so its owner
    need not ask whether the peer has ended it.
    Before the end, calling a method at the wrong time raises `LocalProtocolError`.
    """

    def __init__(
        self,
        role: Role,
        *,
        host: str = "",
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        random: Chance | None = None,
    ) -> None:
        """Make a connection that has not begun.

        Args:
            role: which side this is.
            host: for a client: ``name``, ``name:port`` or ``[::1]:port``.
            max_message_bytes: the most bytes that an incoming message may have.
            random: for a client: makes the masking keys, which nobody must be able to
                predict. Without it, wsproto masks, with keys of the operating system.

        Raises:
            LocalProtocolError: `host` is not valid in a header.
        """
        # This is the one module that is loaded late, because it loads wsproto and h11.
        # `import relay_anyio` takes 0.88 of the time that it takes with both (CPU, medians
        # of 40 processes each):
        # python -c 'import relay_anyio' ÷ the same with `import relay_proto.wire.long_path`.
        from .long_path import LongPath  # noqa: PLC0415

        client = role is Role.CLIENT
        self._role = role
        self._host = _host_header(host) if client else b""
        self._limit = max_message_bytes
        self._state = WireState.NEW if client else WireState.UPGRADING
        self._long_path = LongPath(client=client, limit=max_message_bytes)
        self._splitter = Splitter(masked=not client, limit=max_message_bytes)
        self._keys = _keys_of(role, random)
        self._unread = bytearray()  # an incomplete head, or the bytes after a request

    @property
    def state(self) -> WireState:
        """The state of the connection."""
        return self._state

    def open(self) -> bytes:
        """Client: return the request for the upgrade. Send it first."""
        if not self._may("open", WireState.NEW):
            return b""
        self._move(WireInput.ASKED)
        return self._long_path.request(self._host)

    def accept(self) -> bytes:
        """Server: return the answer that accepts the client.

        Then call ``receive(b"")``: messages may have arrived together with the request.
        """
        if not self._may("accept", WireState.REQUESTED):
            return b""
        self._move(WireInput.UPGRADED)
        self._start_frames()
        return self._long_path.accept()

    def refuse(self, status: int, reason: str) -> bytes:
        """Server: return the answer that refuses the client, with `reason` as its body.

        Raises:
            LocalProtocolError: `status` is not from 400 to 599.
        """
        if not self._may("refuse", WireState.REQUESTED):
            return b""
        if not 400 <= status <= 599:
            raise LocalProtocolError(f"cannot refuse with status {status}: use one from 400 to 599")
        self._move(WireInput.ENDED)
        return self._long_path.refuse(status, reason)

    def receive(self, data: bytes) -> Iterable[WireEvent]:
        """Take bytes that arrived, and return what they mean, to be read once.

        While you act on an event, the connection has the state that this event has led to,
        whatever follows in the same bytes: a close frame is processed when you ask for the
        event behind the texts before it. So take all events before you call this again,
        unless you leave the connection.

        ``b""`` does not mean the end of the stream: see `receive_eof`.
        """
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
                return self._fail("the server sent data before the client asked for a WebSocket")
            case _:
                return []

    def receive_eof(self) -> list[WireEvent]:
        """Process the end of the byte stream, and return what it means."""
        events = [*self.receive(b"")]
        if self._state in (WireState.OPEN, WireState.CLOSING):
            events += self._follow(self._long_path.receive(self._splitter.rest()))
        match self._state:
            case WireState.CLOSED | WireState.FAILED:
                return events
            case WireState.OPEN if self._long_path.inside_message:
                return events + self._fail("the connection ended in the middle of a message")
            case WireState.OPEN | WireState.CLOSING:
                return events + self._follow([PeerClosed(NO_CLOSE, "no closing handshake")])
            case _:
                return self._fail("the connection ended during the upgrade")

    def send_text(self, message: bytes) -> bytes:
        """Return one text message, in one frame.

        Raises:
            LocalProtocolError: the connection is not open yet, `close` was called, or
                `message` is not UTF-8.
        """
        if self._state is not _OPEN and not self._may("send", _OPEN):
            return b""
        if not message.isascii() and not is_utf8(message):
            raise LocalProtocolError("cannot send: the message is not UTF-8")
        if self._keys is not None and len(message) <= LONGEST:
            return text_frame(message, next(self._keys))
        return self._long_path.send_text(message.decode())

    def close(self, code: int = 1000, reason: str = "") -> bytes:
        """Start the closing handshake. Returns ``b""`` if the connection is not open.

        When the peer answers, `receive` returns `PeerClosed`. A `reason` of more than 123
        bytes is cut.

        Raises:
            LocalProtocolError: `code` is not one of the codes that may be sent.
        """
        if code not in CLOSE_CODES and not 3000 <= code <= 4999:
            raise LocalProtocolError(f"cannot close with code {code}: use 1000, or 3000 to 4999")
        if self._state is not WireState.OPEN:
            return b""
        self._move(WireInput.CLOSE)
        words = reason.encode(errors="replace").decode()
        return self._long_path.close(code, words)

    # The upgrade

    def _receive_head(self, data: bytes) -> Iterable[WireEvent]:
        # The head is collected here for two reasons: h11 limits a head only if it arrives in
        # pieces, and wsproto loses the bytes that follow the request of a client.
        unread = self._unread
        searched = max(len(unread) - 2, 0)
        unread += data
        while (end := _END_OF_HEAD.search(unread, searched)) and end.end() <= MAX_HEAD_BYTES:
            head = bytes(unread[: end.end()])
            del unread[: end.end()]
            if self._role is Role.SERVER or not _INTERIM.match(head):
                return self._take_head(head)
            searched = 0
        if len(unread) <= MAX_HEAD_BYTES:
            return []
        words = f"the head is longer than {MAX_HEAD_BYTES} bytes"
        return self._follow(self._long_path.fail_upgrade(words, status=431))

    def _take_head(self, head: bytes) -> Iterable[WireEvent]:
        events = self._follow(self._long_path.receive_head(head))
        return chain(events, self._receive_frames(b"")) if self._state is _OPEN else events

    def _receive_early(self, data: bytes) -> list[WireEvent]:
        self._unread += data
        if len(self._unread) <= self._limit + MAX_HEAD_BYTES:
            return []
        return self._follow(self._long_path.fail_upgrade("too many bytes followed the request"))

    def _start_frames(self) -> None:
        self._splitter.feed(bytes(self._unread))
        self._unread.clear()

    # Frames

    def _receive_frames(self, data: bytes) -> Iterable[WireEvent]:
        splitter = self._splitter
        splitter.feed(data)
        texts, piece = splitter.next(inside_message=self._long_path.inside_message)
        return self._one_after_another(texts, piece) if piece else texts

    def _one_after_another(self, texts: list[WireEvent], piece: bytes) -> Iterator[WireEvent]:
        """Process a piece, which may change the state, when the texts before it are done."""
        while True:
            yield from texts
            if not piece:
                return
            yield from self._follow(self._long_path.receive(piece))
            if self._state in ENDED:
                return
            inside_message = self._long_path.inside_message
            texts, piece = self._splitter.next(inside_message=inside_message)

    # States

    def _may(self, action: str, wanted: WireState) -> bool:
        """Return whether it is time for `action`. False if the connection has ended.

        Raises:
            LocalProtocolError: it is not time for it yet, or no longer.
        """
        if self._state is wanted:
            return True
        if self._state in ENDED:
            return False
        raise LocalProtocolError(f"cannot {action}: the connection is {self._state.value}")

    def _fail(self, message: str) -> list[WireEvent]:
        return self._follow(failure(message))

    def _follow(self, events: list[WireEvent]) -> list[WireEvent]:
        """Change to the state that these reports lead to, and return them."""
        for event in events:
            match event:
                case UpgradeRequested():
                    self._move(WireInput.REQUESTED)
                case Upgraded():
                    self._move(WireInput.UPGRADED)
                    self._start_frames()
                case PeerClosed():
                    self._move(WireInput.ENDED)
                case WireFailed():
                    self._move(WireInput.FAILED)
                    self._unread.clear()
                case TextReceived() | BinaryIgnored() | BytesToSend():
                    pass
                case _:
                    assert_never(event)
        return events

    def _move(self, happened: WireInput) -> None:
        self._state = follow(WIRE, self._state, happened)


def _keys_of(role: Role, random: Chance | None) -> Iterator[int | None] | None:
    """Return the masking keys of the short path, or None if wsproto masks instead."""
    if role is Role.SERVER:
        return repeat(None)
    return None if random is None else masking_keys(random)


def _host_header(host: str) -> bytes:
    try:
        header = host.encode("ascii" if host.isascii() else "idna")
    except UnicodeError:
        header = b""
    if not _HOST.fullmatch(header):
        raise LocalProtocolError(f"host {host!r} is not valid in a Host header")
    return header

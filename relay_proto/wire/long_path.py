"""The long path: wsproto handles the upgrade and every frame that is not ordinary.

wsproto does the handshake and the framing. This module does what wsproto leaves to its
caller: it limits the length of messages, and answers pings and closes. `Wire` decides
when it is time for each of these.
"""

from __future__ import annotations

from typing import Final

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.handshake import H11Handshake
from wsproto.utilities import RemoteProtocolError

from .reports import (
    BinaryIgnored,
    BytesToSend,
    PeerClosed,
    TextReceived,
    Upgraded,
    UpgradeRequested,
    WireEvent,
    failure,
    quoted,
)
from .retry_after import BUSY, retry_after
from .size_limit import MessageLimit

TARGET: Final = "/"
PLACEHOLDER: Final = "host.invalid"


class LongPath:
    """The part of one connection that wsproto handles."""

    def __init__(self, *, client: bool, limit: int) -> None:
        kind = ConnectionType.CLIENT if client else ConnectionType.SERVER
        self._client = client
        self._limit = limit
        self._handshake = H11Handshake(kind)
        self._frames = Connection(kind, [MessageLimit(limit)])
        self._text = bytearray()  # the beginning of a text message
        self._ignored = 0  # how many bytes of a binary message have arrived
        self.inside_message = False
        """Whether a message has begun, but its last frame has not arrived."""

    # The upgrade

    def request(self, host: bytes) -> bytes:
        """Client: return the request for the upgrade."""
        request = self._handshake.send(Request(host=PLACEHOLDER, target=TARGET))
        # The host is put in afterwards. wsproto encodes it by IDNA, which allows 63
        # characters between two dots and counts the port among them. The placeholder
        # cannot occur elsewhere: the random key is the only other part that varies, and
        # it has no dot.
        return request.replace(PLACEHOLDER.encode(), host, 1)

    def accept(self) -> bytes:
        """Server: return the answer that accepts the client."""
        return self._handshake.send(AcceptConnection())

    def refuse(self, status: int, reason: str) -> bytes:
        """Server: return the answer that refuses the client, with `reason` as its body."""
        body = reason.encode(errors="replace")
        headers = [
            (b"Content-Type", b"text/plain; charset=utf-8"),
            (b"Content-Length", b"%d" % len(body)),
            (b"Connection", b"close"),
        ]
        head = RejectConnection(status_code=status, headers=headers, has_body=True)
        return self._handshake.send(head) + self._handshake.send(RejectData(body))

    def fail_upgrade(self, reason: str, status: int = 400) -> list[WireEvent]:
        """Give up the upgrade. A server answers the client with `status`."""
        return self._fail_upgrade(reason, RejectConnection(status_code=status))

    def receive_head(self, head: bytes) -> list[WireEvent]:
        """Process the whole head of a request or of an answer, without what follows it."""
        try:
            self._handshake.receive_data(head)
        except RemoteProtocolError as error:
            return self._fail_upgrade(str(error), error.event_hint)
        except UnicodeError:  # wsproto expects ASCII headers, and IDNA in Host
            return self.fail_upgrade("a header cannot be decoded")
        event, *_ = self._handshake.events()
        match event:
            case Request(host=host, target=target, extra_headers=headers):
                origins = [value for name, value in headers if name.lower() == b"origin"]
                # More than one is a list that no browser sends: it is nobody's page.
                origin = b", ".join(origins).decode(errors="replace")
                return [UpgradeRequested(host, target, origin)]
            case RejectConnection(status_code=status, headers=headers):
                # The server's text is in the status line only, and wsproto drops it.
                words = head.partition(b"\n")[0].partition(b" ")[2].decode(errors="replace")
                refused = f"the server refused the WebSocket: {quoted(words)}"
                wish = retry_after(headers) if status in BUSY else None
                return failure(refused, status=status, retry_after=wish)
            case _:
                return [Upgraded()]

    def _fail_upgrade(self, reason: str, refusal: Event | None) -> list[WireEvent]:
        answer = b"" if self._client or refusal is None else self._handshake.send(refusal)
        return failure(f"the WebSocket upgrade failed: {quoted(reason)}", answer=answer)

    # Frames

    def send_text(self, message: str) -> bytes:
        """Return one text message, in one frame."""
        return self._frames.send(TextMessage(message))

    def close(self, code: int, reason: str) -> bytes:
        """Return the frame that starts the closing handshake."""
        return self._frames.send(CloseConnection(code, reason))

    def receive(self, data: bytes) -> list[WireEvent]:
        """Process frames, or parts of them. Nothing follows `PeerClosed` and `WireFailed`."""
        events: list[WireEvent] = []
        self._frames.receive_data(data)
        for event in self._frames.events():
            match event:
                case TextMessage(data=text, message_finished=True) if not self.inside_message:
                    events.append(TextReceived(text.encode()))
                case TextMessage(data=text, message_finished=finished):
                    events += self._gather(text, finished=finished)
                case BytesMessage(data=piece, message_finished=finished):
                    events += self._count(len(piece), finished=finished)
                case Ping() if self._frames.state is ConnectionState.OPEN:
                    events.append(BytesToSend(self._frames.send(event.response())))
                case CloseConnection():
                    events += self._close(event)
                case _:
                    pass  # a pong, or a ping after our close frame
        return events

    def _gather(self, piece: str, *, finished: bool) -> list[WireEvent]:
        # One buffer, not a list of pieces: there may be as many pieces as bytes.
        self.inside_message = not finished
        self._text += piece.encode()
        if not finished:
            return []
        text = bytes(self._text)
        self._text.clear()
        return [TextReceived(text)]

    def _count(self, size: int, *, finished: bool) -> list[WireEvent]:
        self.inside_message = not finished
        self._ignored += size
        if not finished:
            return []
        total, self._ignored = self._ignored, 0
        return [BinaryIgnored(total)]

    def _close(self, event: CloseConnection) -> list[WireEvent]:
        match self._frames.state:
            case ConnectionState.REMOTE_CLOSING:
                reply: list[WireEvent] = [BytesToSend(self._frames.send(event.response()))]
            case ConnectionState.CLOSED:
                reply = []
            case _:  # wsproto reports a violation as a close, but does not change its state
                return self._violated(event)
        return [*reply, PeerClosed(int(event.code), event.reason or "")]

    def _violated(self, event: CloseConnection) -> list[WireEvent]:
        match event.code:
            case CloseReason.MESSAGE_TOO_BIG:
                words = f"a message is longer than {self._limit} bytes"
            case CloseReason.INVALID_FRAME_PAYLOAD_DATA:
                words = "a text is not UTF-8"  # wsproto's text depends on how the bytes were split
            case _:
                words = event.reason or ""
        answer = b""
        if self._frames.state is ConnectionState.OPEN:
            answer = self.close(event.code, words)
        self._text.clear()
        return failure(f"the peer broke the WebSocket protocol: {words}", answer=answer)

"""`ServerCore`: the server's side of one connection.

By itself, it accepts the WebSocket, pings the client, answers the client's pings and
closes. What a request means, its owner decides: a request comes out as
`RequestReceived`. To send an event returns a `Pending`, which settles when the client
has acknowledged the event.

Public: for authors of simulators and of tests.

Source: docs/protocol.md, sections 3, 6, 7 and 10.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

import msgspec

from .constants import (
    METHOD_SIGNALWIRE_DISCONNECT,
    METHOD_SIGNALWIRE_EVENT,
    METHOD_SIGNALWIRE_PING,
)
from .core import Core
from .display import one_line
from .errors import ConnectionLostError, LocalProtocolError, RelayError
from .outputs import CloseTransport, PeerViolation, SendData, Settled
from .pending import Pending
from .rpc.frames import (
    ErrorFrame,
    JSONObject,
    MalformedFrame,
    ReplyFrame,
    RequestFrame,
    decode_frame,
    echo_of_ping,
    encode_error,
    encode_reply,
    encode_request,
)
from .timers import Deadlines
from .transitions import follow
from .values.hosts import host_of
from .wire.websocket import (
    BinaryIgnored,
    BytesToSend,
    PeerClosed,
    Role,
    TextReceived,
    Upgraded,
    UpgradeRequested,
    Wire,
    WireEvent,
    WireFailed,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerConfig:
    """The configuration of one connection. Times are in seconds.

    Raises:
        ValueError: `refuse_status` is not 0 and not from 400 to 599.
    """

    refuse_status: int = 0
    """The HTTP status with which to refuse the WebSocket; 0 accepts it."""
    refuse_reason: str = ""
    """The text that goes with `refuse_status`."""
    hosts: frozenset[str] | None = None
    """The names, without a port, by which clients may address this server; None for all.

    A client that asks for another one in its `Host` header is refused, and so is a page
    of another one, which a browser names in its `Origin` header. So no page of a foreign
    site can use a server on this machine, whatever name it gives it.
    """
    upgrade_timeout: float = 15.0
    """Time for the client to ask for the WebSocket."""
    ping_interval: float = 10.0
    """Time between two pings of the server; 0 sends none.

    A client expects a ping at least every 15 s.
    """
    ping_failures: int = 3
    """Unanswered pings, in a row, after which the connection ends."""
    goodbye_timeout: float = 5.0
    """Time for the client to acknowledge a goodbye."""
    close_timeout: float = 3.0
    """Time for the client to close its side."""
    message_bytes: int = 10 * 1024 * 1024
    """Bytes in one incoming WebSocket message. A longer one ends the connection."""
    unacknowledged: int = 1000
    """Events that may wait for their acknowledgement. One more ends the connection."""
    reports_frames: bool = False
    """Whether each frame comes out as a `FramePassed`, too."""
    answers_pings: bool = True
    """Whether the core answers pings. Otherwise they come out as `RequestReceived`."""

    def __post_init__(self) -> None:
        if self.refuse_status and not 400 <= self.refuse_status <= 599:
            raise ValueError(f"refuse_status must be 0 or 400 to 599, not {self.refuse_status}")


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A request of the client.

    Answer it with `ServerCore.reply` or `ServerCore.refuse`. `id` and `params` are raw
    JSON, and `params` may be anything.
    """

    id: bytes
    method: str
    params: msgspec.Raw


@dataclass(frozen=True, slots=True)
class ConnectionEnded:
    """The connection is over; `reason` says why.

    An event that is sent afterwards fails at once: its `Settled` comes after this.
    """

    reason: str
    left: bool = False
    """Whether the client has closed of its own accord, with a closing handshake."""


@dataclass(frozen=True, slots=True)
class FramePassed:
    """A frame that was received or is sent; only with `ServerConfig.reports_frames`."""

    data: bytes
    received: bool


ServerOutput: TypeAlias = (
    SendData
    | CloseTransport
    | Settled
    | RequestReceived
    | PeerViolation
    | FramePassed
    | ConnectionEnded
)


class ServerState(enum.Enum):
    """The state of a connection, as the server sees it."""

    IDLE = "idle"
    UPGRADING = "upgrading"
    OPEN = "open"
    CLOSING = "closing"
    """The connection is being closed, and frames are no longer read."""
    ENDED = "ended"


class ServerInput(enum.Enum):
    """What can change the state of a connection."""

    OPENED = "opened"
    UPGRADED = "upgraded"
    CLOSE = "close"
    END = "end"


_S, _I = ServerState, ServerInput

SERVER: Final[Mapping[tuple[ServerState, ServerInput], ServerState]] = {
    (_S.IDLE, _I.OPENED): _S.UPGRADING,
    (_S.UPGRADING, _I.UPGRADED): _S.OPEN,
    (_S.OPEN, _I.CLOSE): _S.CLOSING,
    (_S.IDLE, _I.END): _S.ENDED,
    (_S.UPGRADING, _I.END): _S.ENDED,
    (_S.OPEN, _I.END): _S.ENDED,
    (_S.CLOSING, _I.END): _S.ENDED,
}

LEAVING: Final = frozenset({1000, 1001})
"""The WebSocket codes of a client that closes because it wants to."""
FORBIDDEN: Final = 403
"""The HTTP status for a `Host` or an `Origin` that is not allowed."""


class ServerCore(Core[ServerOutput]):
    """The server's side of one connection.

    It reads the next frame when the outputs of the one before are taken, so its owner can
    still answer a request behind which the same bytes end the connection.

    It ignores all input about other transports than `transport`. `reply`, `refuse`,
    `ping` and `say_goodbye` do nothing if the connection is not open, so an owner that
    answers late need not check first.
    """

    def __init__(self, transport: int, config: ServerConfig | None = None) -> None:
        self._transport = transport
        self._config = config or ServerConfig()
        self._wire = Wire(Role.SERVER, max_message_bytes=self._config.message_bytes)
        self._state = ServerState.IDLE
        self._deadlines: Deadlines[Callable[[float], None]] = Deadlines()
        self._unread: Iterator[WireEvent] = iter(())
        self._read_at = 0.0
        self._outputs: deque[ServerOutput] = deque()
        self._unsent: list[bytes] = []
        self._events: dict[str, Pending[None]] = {}
        self._unanswered_pings = 0
        self._goodbye: str | None = None
        self._said_goodbye = False
        self._host = ""
        self._count = 0

    # Inputs

    def transport_opened(self, transport: int, now: float) -> None:
        """Take note that the byte stream is open.

        The client must ask for the WebSocket within `upgrade_timeout`.
        """
        if transport == self._transport and self._state is ServerState.IDLE:
            self._move(ServerInput.OPENED)
            self._deadlines.set(self._miss_upgrade, now + self._config.upgrade_timeout)

    def receive_data(self, transport: int, data: bytes, now: float) -> None:
        """Process bytes that arrived. Ignores them before the opening and after the end."""
        if transport == self._transport:
            self._read(ahead=True)
            if self._state in {ServerState.UPGRADING, ServerState.OPEN, ServerState.CLOSING}:
                self._unanswered_pings = 0
                self._unread, self._read_at = iter(self._wire.receive(data)), now
                self._read()

    def transport_closed(self, transport: int, now: float, reason: str) -> None:  # noqa: ARG002
        """Take note that the byte stream has ended, or is broken."""
        if transport == self._transport:
            self._read(ahead=True)
            if self._state is not ServerState.ENDED:
                self._conclude(reason)

    def handle_timer(self, now: float) -> None:
        """Do all that is due at `now`."""
        self._read(ahead=True)
        while (due := self._deadlines.pop_due(now)) is not None:
            due(now)

    def deadline(self) -> float | None:
        """Return when to call `handle_timer` next, or None."""
        return self._deadlines.next()

    def next_output(self) -> ServerOutput | None:
        """Return the next output, or None.

        Bytes come last, so that all replies to one input leave in one write.
        """
        self._read()
        if not self._outputs:
            self._flush()
        return self._outputs.popleft() if self._outputs else None

    # Commands

    @property
    def state(self) -> ServerState:
        """The state of the connection."""
        return self._state

    @property
    def host(self) -> str:
        """The name, and perhaps the port, by which the client has addressed this server."""
        return self._host

    def reply(self, identity: bytes, result: object) -> None:
        """Answer the request whose raw id is `identity` with `result`."""
        self._send(encode_reply(identity, result))

    def refuse(self, identity: bytes, code: int, message: str) -> None:
        """Refuse the request whose raw id is `identity`, with an error for the client."""
        self._send(encode_error(identity, code, message))

    def send_event(self, event: JSONObject, *, identity: str = "") -> Pending[None]:
        """Send an event. The `Pending` settles when the client has acknowledged it.

        `event` is the outer ``params`` of ``signalwire.event``. `identity` is the id of
        the event: use the same one to repeat an event after a resume. Without it, the
        core makes a new id.

        The `Pending` fails with a `ConnectionLostError` if the connection ends first, and
        with a `RelayError` if the client refuses the event.

        Raises:
            LocalProtocolError: an event with this id waits for its acknowledgement.
        """
        identity = identity or self._new_id()
        if identity in self._events:
            raise LocalProtocolError(
                f"event {identity} is waiting for its acknowledgement: repeat it after that"
            )
        pending: Pending[None] = Pending()
        if self._state is not ServerState.OPEN:
            reason = f"the connection is {self._state.value}, not open"
            error = ConnectionLostError(reason, maybe_delivered=False)
            self._settle(pending, error)
            return pending
        self._events[identity] = pending
        self._send(encode_request(identity, METHOD_SIGNALWIRE_EVENT, event))
        if len(self._events) > self._config.unacknowledged:
            self._end(f"{len(self._events)} events were not acknowledged", flush=False)
        return pending

    def notify(self, method: str, params: JSONObject) -> None:
        """Send a request whose reply does not matter, such as an unacknowledged event."""
        self._send(encode_request(self._new_id(), method, params))

    def send_text(self, text: bytes) -> None:
        """Send a text message as it is. It need not be a frame: that is for tests of clients.

        Raises:
            LocalProtocolError: `text` is not UTF-8.
        """
        self._send(text)

    def ping(self, now: float) -> None:
        """Send a ping. It counts as unanswered until anything arrives from the client."""
        self._unanswered_pings += 1
        self._send(encode_request(self._new_id(), METHOD_SIGNALWIRE_PING, {"timestamp": now}))

    def say_goodbye(self, now: float, *, restart: bool, stay: bool = False) -> None:
        """Ask the client to reconnect, and close when it has acknowledged that.

        `restart` tells the client that its session ends, too. With `stay`, the core does
        not close: it waits for the client to do so, as a careless server does.
        """
        self._said_goodbye = True
        identity = self._new_id()
        self._send(encode_request(identity, METHOD_SIGNALWIRE_DISCONNECT, {"restart": restart}))
        if not stay and self._state is ServerState.OPEN:
            self._goodbye = identity
            self._deadlines.set(self.close, now + self._config.goodbye_timeout)

    def close(self, now: float) -> None:
        """Close with a closing handshake.

        `ConnectionEnded` follows within `close_timeout`.
        """
        if self._state is ServerState.OPEN:
            self._write(self._wire.close())
            self._move(ServerInput.CLOSE)
            self._deadlines.clear_all()
            self._deadlines.set(self._miss_close, now + self._config.close_timeout)
        elif self._state is not ServerState.CLOSING:
            self.abort()

    def abort(self, reason: str = "aborted") -> None:
        """End the connection at once, without a closing handshake, as a fault does."""
        if self._state is not ServerState.ENDED:
            self._end(reason, flush=False)

    # What the wire reports

    def _read(self, *, ahead: bool = False) -> None:
        """Read until there is an output, or all: another input does not wait for the owner."""
        while ahead or not self._outputs:
            if (event := next(self._unread, None)) is None:
                break
            self._take(event, self._read_at)

    def _take(self, event: WireEvent, now: float) -> None:
        assert not isinstance(event, Upgraded), "only a client's wire reports this"
        match event:
            case TextReceived(data):
                if self._state is ServerState.OPEN:
                    self._take_frame(data, now)
            case BytesToSend(data):
                self._write(data)
            case UpgradeRequested():
                self._answer_upgrade(event, now)
            case PeerClosed(code):
                asked = self._state is ServerState.CLOSING or self._said_goodbye
                left = code in LEAVING and not asked
                words = f"the client closed the connection with code {code}"
                self._end(words, flush=True, left=left)
            case WireFailed(error):
                self._outputs.append(PeerViolation(str(error)))
                self._end(str(error), flush=True)
            case BinaryIgnored(size):
                self._outputs.append(PeerViolation(f"a binary message of {size} bytes was ignored"))
            case _:
                assert_never(event)

    def _answer_upgrade(self, request: UpgradeRequested, now: float) -> None:
        config = self._config
        self._deadlines.clear(self._miss_upgrade)
        status, reason = config.refuse_status, config.refuse_reason
        if not status and config.hosts is not None:
            for header, value in (("Host", request.host), ("Origin", request.origin)):
                if value and host_of(value) not in config.hosts:
                    status, reason = FORBIDDEN, f"{header} {one_line(value)!r} is not allowed here"
        if status:
            self._write(self._wire.refuse(status, reason))
            self._end(f"the WebSocket was refused with status {status}", flush=True)
            return
        self._host = request.host
        self._write(self._wire.accept())
        self._move(ServerInput.UPGRADED)
        if config.ping_interval:
            self._deadlines.set(self._keep_alive, now + config.ping_interval)
        self._unread = iter(self._wire.receive(b""))

    def _take_frame(self, data: bytes, now: float) -> None:
        if self._config.reports_frames:
            self._outputs.append(FramePassed(data, received=True))
        frame = decode_frame(data)
        match frame:
            case RequestFrame(id=identity, method=method, params=params):
                if method == METHOD_SIGNALWIRE_PING and self._config.answers_pings:
                    self.reply(identity, {"timestamp": now} | echo_of_ping(params))
                else:
                    self._outputs.append(RequestReceived(identity, method, params))
            case ReplyFrame(id=identity):
                self._acknowledged(identity, None, now)
            case ErrorFrame(id=identity, code=code, message=message):
                self._acknowledged(identity, RelayError(code, message), now)
            case _:
                assert isinstance(frame, MalformedFrame)
                violation = f"a message of {frame.size} bytes is not a frame: {frame.reason}"
                self._outputs.append(PeerViolation(violation))

    def _acknowledged(self, identity: str, error: RelayError | None, now: float) -> None:
        pending = self._events.pop(identity, None)
        if pending is not None:
            self._settle(pending, error)
        elif identity == self._goodbye:
            self.close(now)

    # What time brings

    def _miss_upgrade(self, now: float) -> None:  # noqa: ARG002
        seconds = self._config.upgrade_timeout
        self._end(f"the client did not ask for a WebSocket within {seconds:g} s", flush=False)

    def _miss_close(self, now: float) -> None:  # noqa: ARG002
        self._end("the client did not close its side", flush=True)

    def _keep_alive(self, now: float) -> None:
        if self._unanswered_pings >= self._config.ping_failures:
            self._end(f"the client did not answer {self._unanswered_pings} pings", flush=False)
        else:
            self.ping(now)
            self._deadlines.set(self._keep_alive, now + self._config.ping_interval)

    # How it ends

    def _end(self, reason: str, *, flush: bool, left: bool = False) -> None:
        if flush:
            self._flush()
        self._outputs.append(CloseTransport(self._transport, flush))
        self._conclude(reason, left=left)

    def _conclude(self, reason: str, *, left: bool = False) -> None:
        self._move(ServerInput.END)
        self._unread = iter(())
        self._unsent.clear()
        self._deadlines.clear_all()
        for pending in self._events.values():
            self._settle(pending, ConnectionLostError(reason, maybe_delivered=True))
        self._events.clear()
        self._outputs.append(ConnectionEnded(reason, left))

    # Outputs

    def _move(self, happened: ServerInput) -> None:
        self._state = follow(SERVER, self._state, happened)

    def _settle(self, pending: Pending[None], error: RelayError | None) -> None:
        pending.resolve(None) if error is None else pending.fail(error)
        self._outputs.append(Settled(pending))

    def _send(self, text: bytes) -> None:
        if self._state is ServerState.OPEN:
            self._write(self._wire.send_text(text))
            if self._config.reports_frames:
                self._outputs.append(FramePassed(text, received=False))

    def _write(self, data: bytes) -> None:
        self._unsent.append(data)

    def _flush(self) -> None:
        data = b"".join(self._unsent)
        self._unsent.clear()
        if data:
            self._outputs.append(SendData(self._transport, data))

    def _new_id(self) -> str:
        self._count += 1
        return f"s-{self._count}"

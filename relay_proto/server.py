"""`ServerCore`: the accepting side of one connection.

It upgrades, pings, answers pings and closes by itself, and leaves what the
frames mean to its owner: requests come out as `RequestReceived`, and an event
is a `Pending` that settles when the peer has acknowledged it.

Source: docs/protocol.md, sections 3, 6, 7 and 10.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

import msgspec

from .constants import (
    METHOD_SIGNALWIRE_DISCONNECT,
    METHOD_SIGNALWIRE_EVENT,
    METHOD_SIGNALWIRE_PING,
)
from .core import Core
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
    encode_error,
    encode_reply,
    encode_request,
)
from .timers import Deadlines
from .transitions import follow
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
    """How one connection is kept; times in seconds."""

    refuse_status: int = 0
    """Refuse the upgrade with this HTTP status; 0 accepts it."""
    refuse_reason: str = ""
    upgrade_timeout: float = 15.0
    ping_interval: float = 10.0
    """Below the 15 s after which a client misses the server's pings; 0 sends none."""
    ping_failures: int = 3
    """Pings that may stay unanswered, in a row, before the peer counts as dead."""
    goodbye_timeout: float = 5.0
    """How long after a goodbye an acknowledgement is waited for."""
    close_timeout: float = 3.0
    message_bytes: int = 10 * 1024 * 1024
    unacknowledged: int = 1000
    """Events that may wait for their acknowledgement; one more ends the connection."""

    def __post_init__(self) -> None:
        if self.refuse_status and not 400 <= self.refuse_status <= 599:
            raise ValueError(f"refuse_status must be 0 or 400 to 599, not {self.refuse_status}")


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """The peer asks; owed to it is one `ServerCore.reply` or `ServerCore.refuse`."""

    id: bytes
    method: str
    params: msgspec.Raw


@dataclass(frozen=True, slots=True)
class ConnectionEnded:
    """The connection is over. Only events that are sent all the same settle behind it."""

    reason: str


ServerOutput: TypeAlias = (
    SendData | CloseTransport | Settled | RequestReceived | PeerViolation | ConnectionEnded
)


class ServerState(enum.Enum):
    """A connection's life, seen from the accepting side."""

    IDLE = "idle"
    UPGRADING = "upgrading"
    OPEN = "open"
    CLOSING = "closing"
    """The closing handshake is under way; frames are no longer read."""
    ENDED = "ended"


class ServerInput(enum.Enum):
    """What can move a connection."""

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


class _Ping(msgspec.Struct, frozen=True, kw_only=True):
    # Raw: what is echoed need not be understood, and may be nested too deeply to encode.
    timestamp: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_ping = msgspec.json.Decoder(_Ping)


class ServerCore(Core[ServerOutput]):
    """One accepted connection; `transport` is the only number that it listens to.

    `reply`, `refuse`, `ping` and `say_goodbye` say nothing unless the connection
    is open: whoever answers late need not ask first.
    """

    def __init__(self, transport: int, config: ServerConfig | None = None) -> None:
        self._transport = transport
        self._config = config or ServerConfig()
        self._wire = Wire(Role.SERVER, max_message_bytes=self._config.message_bytes)
        self._state = ServerState.IDLE
        self._deadlines: Deadlines[Callable[[float], None]] = Deadlines()
        self._outputs: deque[ServerOutput] = deque()
        self._unsent: list[bytes] = []
        self._events: dict[str, Pending[None]] = {}
        self._unanswered_pings = 0
        self._goodbye = ""
        self._count = 0

    # Inputs

    def transport_opened(self, transport: int, now: float) -> None:
        """The byte stream is there: the peer's upgrade must follow in time."""
        if transport == self._transport and self._state is ServerState.IDLE:
            self._move(ServerInput.OPENED)
            self._deadlines.set(self._miss_upgrade, now + self._config.upgrade_timeout)

    def receive_data(self, transport: int, data: bytes, now: float) -> None:
        """Bytes arrived; in any state but these three they mean nothing."""
        if transport != self._transport:
            return
        if self._state in {ServerState.UPGRADING, ServerState.OPEN, ServerState.CLOSING}:
            self._unanswered_pings = 0
            for event in self._wire.receive(data):
                self._take(event, now)

    def transport_closed(self, transport: int, now: float, reason: str) -> None:  # noqa: ARG002
        """The byte stream has ended or broke."""
        if transport == self._transport and self._state is not ServerState.ENDED:
            self._conclude(reason)

    def handle_timer(self, now: float) -> None:
        """Do all that is due."""
        while (due := self._deadlines.pop_due(now)) is not None:
            due(now)

    def deadline(self) -> float | None:
        """When `handle_timer` should be called next."""
        return self._deadlines.next()

    def next_output(self) -> ServerOutput | None:
        """The next output; bytes come last, so that all replies leave in one write."""
        if not self._outputs:
            self._flush()
        return self._outputs.popleft() if self._outputs else None

    # Commands

    @property
    def state(self) -> ServerState:
        """Where the connection stands."""
        return self._state

    def reply(self, identity: bytes, result: object) -> None:
        """Answer the request with this raw id."""
        self._send(encode_reply(identity, result))

    def refuse(self, identity: bytes, code: int, message: str) -> None:
        """Refuse the request with this raw id."""
        self._send(encode_error(identity, code, message))

    def send_event(self, event: JSONObject, *, identity: str = "") -> Pending[None]:
        """Send an event, the outer ``params``, and follow its acknowledgement.

        `identity` is the id to send it under: the same one again when an event
        is repeated after a resume. Without it, the core counts.

        The `Pending` fails with a `ConnectionLostError` when the connection ends
        first, and with the peer's error when the peer refused the event.

        Raises:
            LocalProtocolError: an event of this id still waits for its acknowledgement.
        """
        identity = identity or self._new_id()
        if identity in self._events:
            raise LocalProtocolError(f"event {identity} is waiting for its acknowledgement")
        pending: Pending[None] = Pending()
        if self._state is not ServerState.OPEN:
            error = ConnectionLostError(f"connection {self._state.value}", maybe_delivered=False)
            self._settle(pending, error)
            return pending
        self._events[identity] = pending
        self._send(encode_request(identity, METHOD_SIGNALWIRE_EVENT, event))
        if len(self._events) > self._config.unacknowledged:
            self._end(f"{len(self._events)} events without an acknowledgement", flush=False)
        return pending

    def ping(self, now: float) -> None:
        """Ask the peer for a sign of life, now, and count until it gives one."""
        self._unanswered_pings += 1
        self._send(encode_request(self._new_id(), METHOD_SIGNALWIRE_PING, {"timestamp": now}))

    def say_goodbye(self, now: float, *, restart: bool, stay: bool = False) -> None:
        """Tell the peer to come back on another connection; close when it agrees.

        `restart` tells it that its session will be over. With `stay` the
        connection is left to the peer to close, as a careless server would.
        """
        identity = self._new_id()
        self._send(encode_request(identity, METHOD_SIGNALWIRE_DISCONNECT, {"restart": restart}))
        if not stay and self._state is ServerState.OPEN:
            self._goodbye = identity
            self._deadlines.set(self.close, now + self._config.goodbye_timeout)

    def close(self, now: float) -> None:
        """Close politely: `ConnectionEnded` follows within the close timeout."""
        if self._state is ServerState.OPEN:
            self._write(self._wire.close())
            self._move(ServerInput.CLOSE)
            self._deadlines.clear_all()
            self._deadlines.set(self._miss_close, now + self._config.close_timeout)
        elif self._state is not ServerState.CLOSING:
            self.abort()

    def abort(self, reason: str = "aborted") -> None:
        """End the connection without a word, as a fault would."""
        if self._state is not ServerState.ENDED:
            self._end(reason, flush=False)

    # What the wire reports

    def _take(self, event: WireEvent, now: float) -> None:
        assert not isinstance(event, Upgraded), "a server's wire is asked to upgrade"
        match event:
            case TextReceived(data):
                if self._state is ServerState.OPEN:
                    self._take_frame(data, now)
            case BytesToSend(data):
                self._write(data)
            case UpgradeRequested():
                self._answer_upgrade(now)
            case PeerClosed(code):
                self._end(f"the peer closed with code {code}", flush=True)
            case WireFailed(error):
                self._outputs.append(PeerViolation(str(error)))
                self._end(str(error), flush=True)
            case BinaryIgnored(size):
                self._outputs.append(PeerViolation(f"a binary message of {size} bytes"))
            case _:
                assert_never(event)

    def _answer_upgrade(self, now: float) -> None:
        config = self._config
        self._deadlines.clear(self._miss_upgrade)
        if config.refuse_status:
            self._write(self._wire.refuse(config.refuse_status, config.refuse_reason))
            self._end(f"upgrade refused with status {config.refuse_status}", flush=True)
            return
        self._write(self._wire.accept())
        self._move(ServerInput.UPGRADED)
        if config.ping_interval:
            self._deadlines.set(self._keep_alive, now + config.ping_interval)
        for event in self._wire.receive(b""):
            self._take(event, now)

    def _take_frame(self, data: bytes, now: float) -> None:
        frame = decode_frame(data)
        match frame:
            case RequestFrame(id=identity, method=method, params=params):
                if method == METHOD_SIGNALWIRE_PING:
                    self.reply(identity, _echo(params, now))
                else:
                    self._outputs.append(RequestReceived(identity, method, params))
            case ReplyFrame(id=identity):
                self._acknowledged(identity, None, now)
            case ErrorFrame(id=identity, code=code, message=message):
                self._acknowledged(identity, RelayError(code, message), now)
            case _:
                assert isinstance(frame, MalformedFrame)
                violation = f"a message of {frame.size} bytes is no frame: {frame.reason}"
                self._outputs.append(PeerViolation(violation))

    def _acknowledged(self, identity: str, error: RelayError | None, now: float) -> None:
        pending = self._events.pop(identity, None)
        if pending is not None:
            self._settle(pending, error)
        elif identity == self._goodbye:
            self.close(now)

    # What time brings

    def _miss_upgrade(self, now: float) -> None:  # noqa: ARG002
        self._end(f"no upgrade within {self._config.upgrade_timeout:g} s", flush=False)

    def _miss_close(self, now: float) -> None:  # noqa: ARG002
        self._end("the peer did not close its side", flush=True)

    def _keep_alive(self, now: float) -> None:
        if self._unanswered_pings >= self._config.ping_failures:
            self._end(f"{self._unanswered_pings} pings without an answer", flush=False)
        else:
            self.ping(now)
            self._deadlines.set(self._keep_alive, now + self._config.ping_interval)

    # How it ends

    def _end(self, reason: str, *, flush: bool) -> None:
        if flush:
            self._flush()
        self._outputs.append(CloseTransport(self._transport, flush))
        self._conclude(reason)

    def _conclude(self, reason: str) -> None:
        self._move(ServerInput.END)
        self._unsent.clear()
        self._deadlines.clear_all()
        for pending in self._events.values():
            self._settle(pending, ConnectionLostError(reason, maybe_delivered=True))
        self._events.clear()
        self._outputs.append(ConnectionEnded(reason))

    # Outputs

    def _move(self, happened: ServerInput) -> None:
        self._state = follow(SERVER, self._state, happened)

    def _settle(self, pending: Pending[None], error: RelayError | None) -> None:
        pending.resolve(None) if error is None else pending.fail(error)
        self._outputs.append(Settled(pending))

    def _send(self, text: bytes) -> None:
        if self._state is ServerState.OPEN:
            self._write(self._wire.send_text(text))

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


def _echo(params: msgspec.Raw, now: float) -> JSONObject:
    try:
        ping = _ping.decode(params)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        ping = _Ping()
    echoed = {"timestamp": ping.timestamp, "payload": ping.payload}
    given = {name: value for name, value in echoed.items() if value is not msgspec.UNSET}
    return {"timestamp": now} | given

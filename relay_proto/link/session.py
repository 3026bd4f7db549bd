"""The session: one transport at a time, authentication, liveness, reconnecting.

It turns bytes into frames for its owner, and knows when a transport is to be
opened, has proved dead, or is to be given up. What the frames mean for calls and
requests is the owner's.

Source: docs/protocol.md, sections 4 to 8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol, assert_never

from ..config import ClientConfig
from ..constants import (
    METHOD_SIGNALWIRE_CONNECT,
    METHOD_SIGNALWIRE_DISCONNECT,
    METHOD_SIGNALWIRE_PING,
    PROTOCOL_VERSION,
)
from ..core import OutputQueue
from ..errors import (
    AuthenticationError,
    ClientClosedError,
    ConnectFailedError,
    ConnectionLostError,
    LocalProtocolError,
    RelayError,
    RemoteProtocolError,
)
from ..outputs import (
    Closed,
    Connected,
    ConnectFailed,
    Disconnected,
    FrameTraced,
    Ignored,
    OpenTransport,
    PeerViolation,
)
from ..pending import Pending
from ..rpc.frames import (
    ErrorFrame,
    EventFrame,
    JSONObject,
    ReplyFrame,
    RequestFrame,
    decode_any,
    decode_object,
    decode_server_frame,
    encode_reply,
    encode_request,
    is_object,
    result_code,
)
from ..rpc.masking import Scrubber
from ..timers import Deadlines, Timer
from ..transitions import SESSION, SessionInput, SessionState, follow
from ..wire.websocket import (
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
from .liveness import Liveness
from .requests import is_success, new_id

if TYPE_CHECKING:
    import random

RESUME_REFUSED: Final = frozenset({-32002, -32003, -32602})
"""Answers that mean the resume data, where there was some: docs/protocol.md, section 4."""
CREDENTIALS_REFUSED: Final = frozenset({-32002, 401, 403})
JITTER: Final = 3.0
"""The next delay is drawn from the minimum to this many times the previous one."""

_CLOSING: Final = SessionState.CLOSING  # looked up once: it is asked for with every message

LINK_TIMERS: Final = tuple(timer for timer in Timer if timer is not Timer.RETRY)
UP: Final = frozenset({SessionState.READY, SessionState.DRAINING})


class SessionOwner(Protocol):
    """Whom a session tells what happened."""

    def event_received(self, frame: EventFrame, now: float) -> None:
        """The server tells of something."""

    def answer_received(self, frame: ReplyFrame | ErrorFrame, now: float) -> None:
        """A request of the owner's is answered."""

    def request_received(self, frame: RequestFrame, now: float) -> None:
        """Another request that is not the session's own business."""

    def session_ready(self, *, resumed: bool, now: float) -> None:
        """Requests may be written from now on."""

    def session_lost(self, error: RelayError, now: float) -> None:
        """What was written will not be answered any more."""

    def session_over(self, error: RelayError, now: float) -> None:
        """There is no session, and none will be tried for."""


class Session:
    """The client's side of the link."""

    def __init__(
        self,
        config: ClientConfig,
        random: random.Random,
        out: OutputQueue,
        deadlines: Deadlines[Any],
        owner: SessionOwner,
        make_wire: Callable[..., Wire] = Wire,
    ) -> None:
        self._config = config
        self._timing = config.timing
        self._traced = config.trace_frames
        self._random = random
        self._out = out
        self._deadlines = deadlines
        self._owner = owner
        self._make_wire = make_wire
        self._scrubber = Scrubber(config.credentials.secrets())
        self.state = SessionState.DISCONNECTED
        self.protocol = ""
        self.contexts: dict[str, None] = dict.fromkeys(config.contexts)
        self.authorization_state = ""
        self._transport = 0
        self._wire: Wire | None = None
        self._started: Pending[None] = Pending()
        self._retrying = False
        self._been_ready = False
        self._attempt = 0
        self._refusals = 0
        self._delay = self._timing.retry_min_delay
        self._connect_id: str | None = None
        self._offered = ("", "")
        self._ping_id: str | None = None
        self._liveness = Liveness(self._timing, config.limits, deadlines, self._send_ping)

    # Commands

    def start(self, now: float, *, retry: bool) -> Pending[None]:
        """Connect. The `Pending` settles with the first session, or why there is none.

        With `retry`, failed attempts are repeated until the credentials have been
        refused too often; without, the first failure is the end of it.
        """
        if self.state is not SessionState.DISCONNECTED:
            raise LocalProtocolError(f"start() in state {self.state.value}")
        self._started = Pending()
        self._retrying = retry
        self._move(SessionInput.START)
        self._open(now)
        return self._started

    def close(self, now: float) -> None:
        """End the session for good. Does nothing the second time."""
        if self.state in (SessionState.CLOSING, SessionState.CLOSED):
            return
        if self.state in UP:
            self._out.push(Disconnected(None, None))
        error = ClientClosedError()
        if self.state is not SessionState.DISCONNECTED:
            self._out.fail(self._started, error)
        wire, upgraded = self._wire, self.state in (*UP, SessionState.AUTHENTICATING)
        self._move(SessionInput.CLOSE)
        self._owner.session_over(error, now)
        if upgraded and wire is not None:
            self._out.send(self._transport, wire.close(1000))
            self._deadlines.set(Timer.CLOSE, now + self._timing.close_timeout)
        else:
            self._finish(flush=False)

    def send(self, data: bytes) -> None:
        """Write one frame on the current transport."""
        wire = self._wire
        assert wire is not None, "nothing is written without a transport"
        if self._traced:
            self._out.push(FrameTraced(True, self._scrubber.frame(data)))
        self._out.send(self._transport, wire.send_text(data))

    def probe(self, now: float) -> None:
        """See whether the peer is alive, unless that is being done already."""
        if self.state is SessionState.READY:
            self._liveness.probe(now)

    def masked(self, text: str) -> str:
        """The peer's words, on one line and without this client's credentials."""
        printable = "".join(c if c.isprintable() else " " for c in text)
        return self._scrubber.text(printable)

    # Inputs

    def transport_opened(self, transport: int) -> None:
        """The byte stream is there: ask for the upgrade."""
        if transport == self._transport and self._wire is not None:
            self._out.send(transport, self._wire.open())

    def receive_data(self, transport: int, data: bytes, now: float) -> None:
        """Bytes of the current transport; those of another are ignored."""
        wire = self._wire
        if transport != self._transport or wire is None:
            return
        for event in wire.receive(data):
            if self._wire is not wire:
                break  # an earlier event ended this transport
            if not isinstance(event, TextReceived):
                self._handle(event, now)
            elif self.state is not _CLOSING:
                self._receive_message(event.data, now)

    def transport_closed(self, transport: int, now: float, reason: str) -> None:
        """The byte stream is gone, or could not be opened."""
        if transport != self._transport or self._wire is None:
            return
        self._clear_link_timers()
        self._wire = None
        if self.state is SessionState.CLOSING:
            self._finish(flush=False)
        else:
            self._lost(self._link_error(reason or "the server closed it"), now)

    def handle_timer(self, timer: Timer, now: float) -> None:
        """A deadline of the session has come."""
        timing = self._timing
        match timer:
            case Timer.RETRY:
                self._move(SessionInput.RETRY)
                self._open(now)
            case Timer.CONNECT:
                reason = f"no connection within {timing.connect_timeout:g} s"
                self._drop(self._link_error(reason), now, flush=False)
            case Timer.AUTHENTICATE:
                reason = f"no reply to {METHOD_SIGNALWIRE_CONNECT} in {timing.request_timeout:g} s"
                self._drop(self._link_error(reason), now, flush=False)
            case Timer.PING:
                self._liveness.interval_over(now)
            case Timer.WATCHDOG:
                self.probe(now)
            case Timer.PROBE:
                if self._liveness.probe_due(now):
                    reason = f"{self._liveness.failures} pings in a row were not answered"
                    self._drop(self._link_error(reason), now, flush=False)
            case Timer.GOODBYE:
                self._drop(self._link_error("the server asked for a reconnect"), now, flush=True)
            case Timer.CLOSE:
                self._finish(flush=False)
            case _:
                assert_never(timer)

    # What the wire says

    def _handle(self, event: WireEvent, now: float) -> None:
        assert not isinstance(event, UpgradeRequested | TextReceived), "for others"
        closing = self.state is SessionState.CLOSING
        match event:
            case BytesToSend(data):
                self._out.send(self._transport, data)
            case Upgraded():
                self._move(SessionInput.UPGRADED)
                self._deadlines.clear(Timer.CONNECT)
                self._authenticate(now)
            case PeerClosed() | WireFailed() if closing:
                self._finish(flush=True)
            case PeerClosed(code, reason):
                words = f"the server closed it ({code} {self.masked(reason)})".replace(" )", ")")
                self._drop(self._link_error(words), now, flush=True)
            case WireFailed(failure):
                words = self.masked(failure.message)
                error = RemoteProtocolError(words, status=failure.status)
                self._out.push(PeerViolation(str(error)))
                self._drop(error, now, flush=True)
            case BinaryIgnored(size):
                self._out.push(PeerViolation(f"a binary message of {size} bytes was ignored"))
            case _:
                assert_never(event)

    def _receive_message(self, data: bytes, now: float) -> None:
        if self._traced:
            self._out.push(FrameTraced(False, self._scrubber.frame(data)))
        self._liveness.heard()
        frame = decode_server_frame(data)
        if isinstance(frame, EventFrame):
            self._owner.event_received(frame, now)
        elif isinstance(frame, ReplyFrame | ErrorFrame):
            self._receive_answer(frame, now)
        elif isinstance(frame, RequestFrame):
            self._receive_request(frame, now)
        else:
            words = f"a message of {frame.size} bytes is no frame: {frame.reason}"
            self._out.push(PeerViolation(words))

    def _receive_request(self, frame: RequestFrame, now: float) -> None:
        method = frame.method
        if method == METHOD_SIGNALWIRE_PING:
            self._answer_ping(frame, now)
        elif method == METHOD_SIGNALWIRE_DISCONNECT:
            self._answer_goodbye(frame, now)
        else:
            self._owner.request_received(frame, now)

    def _receive_answer(self, frame: ReplyFrame | ErrorFrame, now: float) -> None:
        if frame.id == self._ping_id:
            return  # whatever it says, the peer is alive
        if frame.id != self._connect_id:
            self._owner.answer_received(frame, now)
        elif isinstance(frame, ReplyFrame):
            self._connect_answered(frame, now)
        else:
            self._refused(frame.code, frame.message, now)

    # Authentication

    def _open(self, now: float) -> None:
        self._transport += 1
        self._attempt += 1
        self._wire = self._make_wire(
            Role.CLIENT,
            host=self._config.host,
            max_message_bytes=self._config.limits.message_bytes,
            random=self._random,
        )
        self._deadlines.set(Timer.CONNECT, now + self._timing.connect_timeout)
        self._out.push(OpenTransport(self._transport))

    def _authenticate(self, now: float) -> None:
        self._offered = (self.protocol, self.authorization_state)
        params: JSONObject = {
            "version": PROTOCOL_VERSION,
            "agent": self._config.agent,
            "event_acks": True,
            "authentication": self._config.credentials.authentication(),
        }
        if self.protocol:
            params["protocol"] = self.protocol
            if self.authorization_state:
                params["authorization_state"] = self.authorization_state
        if self.contexts:
            params["contexts"] = list(self.contexts)
        self._connect_id = new_id(self._random)
        self._deadlines.set(Timer.AUTHENTICATE, now + self._timing.request_timeout)
        self.send(encode_request(self._connect_id, METHOD_SIGNALWIRE_CONNECT, params))

    def _connect_answered(self, frame: ReplyFrame, now: float) -> None:
        result = decode_any(frame.result)
        if not is_object(result):
            error = RemoteProtocolError(f"the result of {METHOD_SIGNALWIRE_CONNECT} is no object")
            self._out.push(PeerViolation(str(error)))
            self._drop(error, now, flush=True)
            return
        code = result.get("code")
        if code is not None and not is_success(code):
            message = result.get("message")
            words = message if isinstance(message, str) else "refused"
            self._refused(result_code(code), words, now)
            return
        offered, offered_state = self._offered
        named = result.get("protocol")
        protocol = named if isinstance(named, str) else ""
        restored = result.get("session_restored")
        if not isinstance(restored, bool):
            restored = protocol == offered
        resumed = bool(offered) and restored
        self.protocol = protocol or (offered if resumed else "")
        if not resumed and self.authorization_state == offered_state:
            self.authorization_state = ""  # it belonged to the session that is gone
        self._ready(now, resumed=resumed)

    def _ready(self, now: float, *, resumed: bool) -> None:
        self._connect_id = None
        self._deadlines.clear(Timer.AUTHENTICATE)
        self._move(SessionInput.AUTHENTICATED)
        self._retrying = self._been_ready = True
        self._attempt = self._refusals = 0
        self._delay = self._timing.retry_min_delay
        self._liveness.start(now)
        self._out.push(Connected(resumed))
        self._out.resolve(self._started, None)
        self._owner.session_ready(resumed=resumed, now=now)

    def _refused(self, code: int, message: str, now: float) -> None:
        if self._offered[0] and code in RESUME_REFUSED:
            self._forget()
            self._authenticate(now)
            return
        error = AuthenticationError(code, self.masked(message))
        if code in CREDENTIALS_REFUSED or not self._been_ready:
            self._refusals += 1
            if self._refusals >= self._config.limits.auth_attempts:
                self._give_up(error, now)
                return
        self._drop(error, now, flush=True)

    def _give_up(self, error: AuthenticationError, now: float) -> None:
        self._out.push(ConnectFailed(error, self._attempt, None))
        self._leave(flush=True)
        self._move(SessionInput.GIVE_UP)
        self._out.fail(self._started, error)
        self._owner.session_over(error, now)
        self._out.push(Closed(error))

    def _forget(self) -> None:
        self.protocol = ""
        self.authorization_state = ""

    # What the server may ask of any client

    def _send_ping(self) -> None:
        self._ping_id = new_id(self._random)
        self.send(encode_request(self._ping_id, METHOD_SIGNALWIRE_PING, {}))

    def _answer_ping(self, frame: RequestFrame, now: float) -> None:
        params = decode_object(frame.params)
        echo = {name: params[name] for name in ("timestamp", "payload") if name in params}
        try:
            reply = encode_reply(frame.id, echo)
        except ValueError:  # what can just be decoded may be nested too deeply to encode
            reply = encode_reply(frame.id, {})
        self.send(reply)
        if self.state is SessionState.READY:
            self._liveness.peer_pinged(now)

    def _answer_goodbye(self, frame: RequestFrame, now: float) -> None:
        self.send(encode_reply(frame.id, {}))
        if decode_object(frame.params).get("restart") is True:
            self._forget()
        match self.state:
            case SessionState.READY:
                self._move(SessionInput.GOODBYE)
                self._liveness.stop()
                self._deadlines.set(Timer.GOODBYE, now + self._timing.goodbye_timeout)
            case SessionState.DRAINING:
                self._out.push(Ignored("the server said goodbye again"))
            case _:
                self._drop(self._link_error("the server asked for a reconnect"), now, flush=True)

    # The end of a transport

    def _drop(self, error: RelayError, now: float, *, flush: bool) -> None:
        """Give the transport up."""
        self._leave(flush=flush)
        self._lost(error, now)

    def _leave(self, *, flush: bool) -> None:
        assert self._wire is not None, "there is a transport to leave"
        if flush:
            self._out.send(self._transport, self._wire.close(1000))
        self._clear_link_timers()
        self._wire = None
        self._out.close(self._transport, flush=flush)

    def _lost(self, error: RelayError, now: float) -> None:
        self._connect_id = None
        was_up = self.state in UP
        if not self._retrying:
            self._move(SessionInput.ABANDON)
            self._out.push(ConnectFailed(error, self._attempt, None))
            self._attempt = 0
            self._out.fail(self._started, error)
            self._owner.session_over(error, now)
            return
        self._move(SessionInput.LOST)
        low, high = self._timing.retry_min_delay, self._timing.retry_max_delay
        self._delay = min(high, self._random.uniform(low, JITTER * self._delay))
        self._deadlines.set(Timer.RETRY, now + self._delay)
        if was_up:
            self._out.push(Disconnected(error, self._delay))
        else:
            self._out.push(ConnectFailed(error, self._attempt, self._delay))
        self._owner.session_lost(error, now)

    def _finish(self, *, flush: bool) -> None:
        if self._wire is not None:
            self._leave(flush=flush)
        if self.state is SessionState.CLOSING:
            self._move(SessionInput.CLOSED)
        self._forget()
        self._out.push(Closed(None))

    def _clear_link_timers(self) -> None:
        for timer in LINK_TIMERS:
            self._deadlines.clear(timer)

    def _link_error(self, reason: str) -> RelayError:
        if self.state in UP:
            return ConnectionLostError(reason, maybe_delivered=False)
        return ConnectFailedError(self._config.host, reason)

    def _move(self, happened: SessionInput) -> None:
        self.state = follow(SESSION, self.state, happened)

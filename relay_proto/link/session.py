"""The session: one transport at a time, authentication, liveness, reconnecting.

It turns bytes into frames and session events, and returns them to `ClientCore`. It
decides when to open a transport and when to leave one. It does not know what the
frames mean for calls and requests.

Source: docs/protocol.md, sections 4 to 8.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, assert_never

from .. import constants as c
from ..config import ClientConfig, Credentials
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
    Frame,
    JSONObject,
    MalformedFrame,
    ReplyFrame,
    RequestFrame,
    decode_any,
    decode_object,
    decode_server_frame,
    echo_of_ping,
    encode_reply,
    encode_request,
    is_object,
    result_code,
)
from ..rpc.masking import Scrubber
from ..timers import Deadlines, Timer
from ..transitions import SESSION, SessionInput, SessionState, follow
from ..values.chance import Chance
from ..wire.client_wire import ClientWire, MakeWire
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
from .backoff import Backoff
from .liveness import Liveness, Verdict
from .login import Login
from .requests import is_success
from .resume import Resume
from .session_events import SessionEvent, SessionLost, SessionOver, SessionReady, Unusual

_CLOSING: Final = SessionState.CLOSING  # looked up once, because every message asks for it

LINK_TIMERS: Final = tuple(timer for timer in Timer if timer is not Timer.RETRY)
UP: Final = frozenset({SessionState.READY, SessionState.DRAINING})
OVER: Final = frozenset({SessionState.CLOSING, SessionState.CLOSED})


class Session:
    """The client's side of the link."""

    def __init__(
        self,
        config: ClientConfig,
        random: Chance,
        out: OutputQueue,
        deadlines: Deadlines[Any],
        scrubber: Scrubber,
        ids: Iterator[str],
        make_wire: MakeWire = Wire,
    ) -> None:
        self._config = config
        self._timing = config.timing
        self._traced = config.trace_frames
        self._random = random
        self._out = out
        self._deadlines = deadlines
        self._scrubber = scrubber
        self._ids = ids
        self._make_wire = make_wire
        self.login = Login(config, scrubber)
        """What the session says of itself when it authenticates."""
        self._transport = 0
        self._wire: ClientWire | None = None
        self._started: Pending[None] | None = None
        self._connect_id: str | None = None
        self._ping_id: str | None = None
        self._resume = Resume()
        self._backoff = Backoff(config.timing, config.limits, random)
        self._liveness = Liveness(config.timing, config.limits, deadlines)
        self.state = SessionState.DISCONNECTED
        """Where the client stands with the server. Only the session changes it."""

    # Commands

    @property
    def protocol(self) -> str:
        """The protocol string of the session, or ``""``."""
        return self._resume.protocol

    def remember(self, authorization_state: str) -> None:
        """Keep the authorization state: the server wants it back after a reconnect."""
        self._scrubber.learn(authorization_state)
        self._resume.remember(authorization_state)

    def start(self, now: float, *, retry: bool) -> Pending[None]:
        """Connect. The `Pending` settles with the first session, or with an error.

        See `ClientCore.start`.
        """
        if self.state is not SessionState.DISCONNECTED:
            raise LocalProtocolError(
                f"start() needs a core that is disconnected, and this one is {self.state.value}"
            )
        wire = self._new_wire()
        started: Pending[None] = Pending()
        self._started = started
        self._backoff.start(retry=retry)
        self._move(SessionInput.START)
        self._open(wire, now)
        return started

    def close(self) -> SessionOver | None:
        """End the session for good. None if it is over, or about to be, already."""
        if self.state in OVER:
            return None
        if self.state in UP:
            self._out.push(Disconnected(None, None))
        error = ClientClosedError()
        self._fail_start(error)
        self._move(SessionInput.CLOSE)
        return SessionOver(error)

    def conclude(self, over: SessionOver, now: float) -> None:
        """Say goodbye to the server, after everything that needed the session has ended."""
        match self.state:
            case SessionState.CLOSING:
                assert self._wire is not None, "a closing session has a transport"
                self._out.send(self._transport, self._wire.close(1000))
                self._deadlines.set(Timer.CLOSE, now + self._timing.close_timeout)
            case SessionState.CLOSED:
                self._finish(None if isinstance(over.error, ClientClosedError) else over.error)
            case _:
                pass  # the only attempt has failed: `start` may be called again

    def send(self, data: bytes) -> None:
        """Write one frame on the current transport."""
        wire = self._wire
        assert wire is not None, "nothing is written without a transport"
        if self._traced:
            self._out.push(FrameTraced(True, self._scrubber.frame(data)))
        self._out.send(self._transport, wire.send_text(data))

    def probe(self, now: float) -> None:
        """Ping the peer, unless a ping is under way already."""
        if self.state is SessionState.READY:
            self._act(self._liveness.probe(now))

    # Inputs

    def transport_opened(self, transport: int) -> None:
        """Ask for the upgrade, on a byte stream that is open now."""
        if transport == self._transport and self._wire is not None:
            self.login.check()
            self._out.send(transport, self._wire.open())

    def use_credentials(self, transport: int, credentials: Credentials) -> None:
        """Authenticate with these, if this transport is the one that opens."""
        if transport == self._transport and self._wire is not None:
            self.login.use(credentials)

    def receive_data(self, transport: int, data: bytes, now: float) -> Iterator[SessionEvent]:
        """Take bytes of the current transport; ignore those of another.

        Act on each event before you ask for the next one: an event may end the
        transport, and then the rest of the bytes no longer counts.
        """
        wire = self._wire
        if transport != self._transport or wire is None:
            return
        self._liveness.heard()  # a message that is still arriving is a sign of life, too
        for event in wire.receive(data):
            if self._wire is not wire:
                break  # an earlier event ended this transport
            happened: SessionEvent | None
            if type(event) is not TextReceived:
                happened = self._receive_control(event, now)
            elif self.state is _CLOSING:
                continue
            else:
                if self._traced:
                    self._out.push(FrameTraced(False, self._scrubber.frame(event.data)))
                frame = decode_server_frame(event.data)
                # Nearly every frame is an event or a reply, and of interest to others only.
                if type(frame) is EventFrame or (
                    type(frame) is ReplyFrame and frame.id not in (self._ping_id, self._connect_id)
                ):
                    happened = frame
                else:
                    happened = self._receive_frame(frame, now)
            if happened is not None:
                yield happened

    def transport_closed(self, transport: int, now: float, reason: str) -> Unusual | None:
        """Note that a byte stream is gone, or could not be opened."""
        if transport != self._transport or self._wire is None:
            return None
        self._clear_link_timers()
        self._wire = None
        if self.state is SessionState.CLOSING:
            self._closed(flush=False)
            return None
        words = self._scrubber.words(reason) or "the server closed it"
        return self._lost(self._link_error(words), now)

    def handle_timer(self, timer: Timer, now: float) -> Unusual | None:
        """Do what is due at a deadline of the session."""
        timing = self._timing
        match timer:
            case Timer.RETRY:
                self._move(SessionInput.RETRY)
                self._open(self._new_wire(), now)
            case Timer.CONNECT:
                reason = f"no connection within {timing.connect_timeout:g} s"
                return self._drop(self._link_error(reason), now, flush=False)
            case Timer.AUTHENTICATE:
                reason = (
                    f"no reply to {c.METHOD_SIGNALWIRE_CONNECT} in {timing.request_timeout:g} s"
                )
                return self._drop(self._link_error(reason), now, flush=False)
            case Timer.PING:
                self._act(self._liveness.interval_over(now))
            case Timer.WATCHDOG:
                self.probe(now)
            case Timer.PROBE:
                verdict = self._liveness.probe_due(now)
                if verdict is Verdict.GIVE_UP:
                    reason = f"{self._liveness.failures} pings in a row were not answered"
                    return self._drop(self._link_error(reason), now, flush=False)
                self._act(verdict)
            case Timer.GOODBYE:
                return self._drop(self._link_error("the server asked for a reconnect"), now)
            case Timer.CLOSE:
                self._closed(flush=False)
            case _:
                assert_never(timer)
        return None

    # What the wire says

    def _receive_control(self, event: WireEvent, now: float) -> Unusual | None:
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
                self._closed(flush=True)
            case PeerClosed(code, reason):
                words = f"the server closed it ({code} {self._scrubber.words(reason)})"
                return self._drop(self._link_error(words.replace(" )", ")")), now)
            case WireFailed(failure):
                return self._fail(failure, now)
            case BinaryIgnored(size):
                self._out.push(PeerViolation(f"a binary message of {size} bytes was ignored"))
            case _:
                assert_never(event)
        return None

    def _receive_frame(self, frame: Frame, now: float) -> SessionEvent | None:
        """Act on a frame that is about the session. Return any other."""
        match frame:
            case ReplyFrame() | ErrorFrame():
                own = frame.id in (self._ping_id, self._connect_id)
                return self._receive_answer(frame, now) if own else frame
            case RequestFrame(method=c.METHOD_SIGNALWIRE_PING):
                self._answer_ping(frame, now)
            case RequestFrame(method=c.METHOD_SIGNALWIRE_DISCONNECT):
                return self._answer_goodbye(frame, now)
            case RequestFrame():
                return frame
            case MalformedFrame(reason=reason, size=size):
                words = f"a message of {size} bytes is no frame: {reason}"
                self._out.push(PeerViolation(words))
            case _:
                assert_never(frame)
        return None

    def _receive_answer(self, frame: ReplyFrame | ErrorFrame, now: float) -> Unusual | None:
        if frame.id == self._ping_id:
            return None  # the peer is alive, whatever it answers
        if isinstance(frame, ErrorFrame):
            return self._refused(frame.code, frame.message, now)
        return self._authenticated(frame, now)

    # Authentication

    def _new_wire(self) -> ClientWire:
        return self._make_wire(
            Role.CLIENT,
            host=self._config.host,
            max_message_bytes=self._config.limits.message_bytes,
            random=self._random,
        )

    def _open(self, wire: ClientWire, now: float) -> None:
        self._wire = wire
        self._transport += 1
        self.login.begin()
        self._resume.begin()
        self._backoff.begin_attempt()
        self._deadlines.set(Timer.CONNECT, now + self._timing.connect_timeout)
        self._out.push(OpenTransport(self._transport))

    def _authenticate(self, now: float) -> None:
        params: JSONObject = {
            "version": c.PROTOCOL_VERSION,
            "agent": self._config.agent,
            "event_acks": True,
            **self.login.params(),
            **self._resume.offer(),
        }
        self._connect_id = next(self._ids)
        self._deadlines.set(Timer.AUTHENTICATE, now + self._timing.request_timeout)
        self.send(encode_request(self._connect_id, c.METHOD_SIGNALWIRE_CONNECT, params))

    def _authenticated(self, frame: ReplyFrame, now: float) -> Unusual | None:
        result = decode_any(frame.result)
        if not is_object(result):
            words = f"the result of {c.METHOD_SIGNALWIRE_CONNECT} is no object"
            return self._break_off(RemoteProtocolError(words), now)
        code = result.get("code")
        if code is not None and not is_success(code):
            message = result.get("message")
            words = message if isinstance(message, str) else "refused"
            return self._refused(result_code(code), words, now)
        resumed = self._resume.accept(result)
        self._connect_id = None
        self._deadlines.clear(Timer.AUTHENTICATE)
        self._move(SessionInput.AUTHENTICATED)
        self._backoff.succeed()
        self._liveness.start(now)
        self._out.push(Connected(resumed))
        assert self._started is not None, "a session was asked for"
        self._out.resolve(self._started, None)
        return SessionReady(resumed)

    def _refused(self, code: int, message: str, now: float) -> Unusual | None:
        asks_anew = self._resume.take_refusal(code)
        if asks_anew:
            self._authenticate(now)
            return None
        words, origin = self._scrubber.words(message), self.login.origin
        error = AuthenticationError(code, words, host=self._config.host, origin=origin)
        gives_up = self._backoff.count_refusal(code)
        if not gives_up:
            return self._drop(error, now)
        self._out.push(ConnectFailed(error, self._backoff.attempt, None))
        self._leave(flush=True)
        self._move(SessionInput.GIVE_UP)
        self._fail_start(error)
        return SessionOver(error)

    # What the server may ask of any client

    def _act(self, verdict: Verdict) -> None:
        if verdict is Verdict.PING:
            self._ping_id = next(self._ids)
            self.send(encode_request(self._ping_id, c.METHOD_SIGNALWIRE_PING, {}))

    def _answer_ping(self, frame: RequestFrame, now: float) -> None:
        self.send(encode_reply(frame.id, echo_of_ping(frame.params)))
        if self.state is SessionState.READY:
            self._liveness.peer_pinged(now)

    def _answer_goodbye(self, frame: RequestFrame, now: float) -> Unusual | None:
        self.send(encode_reply(frame.id, {}))
        if decode_object(frame.params).get("restart") is True:
            self._resume.forget()
        match self.state:
            case SessionState.READY:
                self._move(SessionInput.GOODBYE)
                self._liveness.stop()
                self._deadlines.set(Timer.GOODBYE, now + self._timing.goodbye_timeout)
            case SessionState.DRAINING:
                self._out.push(Ignored("the server said goodbye again"))
            case _:
                return self._drop(self._link_error("the server asked for a reconnect"), now)
        return None

    # The end of a transport

    def _fail(self, failure: RemoteProtocolError, now: float) -> Unusual:
        """Leave a server that has refused the WebSocket, or has broken the protocol."""
        words, wish = self._scrubber.words(failure.message), failure.retry_after
        error = RemoteProtocolError(words, status=failure.status, retry_after=wish)
        if not failure.status:
            return self._break_off(error, now)
        if wish is not None:
            self._backoff.defer(wish)
        return self._drop(error, now)

    def _break_off(self, error: RemoteProtocolError, now: float) -> Unusual:
        """Report a peer that has broken the protocol, and leave it."""
        self._out.push(PeerViolation(str(error)))
        return self._drop(error, now)

    def _drop(self, error: RelayError, now: float, *, flush: bool = True) -> Unusual:
        """Give up the transport. With `flush`, everything sent is written out first."""
        self._leave(flush=flush)
        return self._lost(error, now)

    def _leave(self, *, flush: bool) -> None:
        """End the transport. What follows, `_drop`, `_closed` or `_refused` decide."""
        assert self._wire is not None, "there is a transport to leave"
        if flush:
            self._out.send(self._transport, self._wire.close(1000))
        self._clear_link_timers()
        self._wire = None
        self._out.close(self._transport, flush=flush)

    def _lost(self, error: RelayError, now: float) -> Unusual:
        """Report that the transport is gone, and wait for the next attempt if there is one."""
        self._connect_id = None
        attempt, delay = self._backoff.attempt, self._backoff.next_delay()
        if self.state in UP:
            self._out.push(Disconnected(error, delay))
        else:
            self._out.push(ConnectFailed(error, attempt, delay))
        if delay is None:
            self._move(SessionInput.ABANDON)
            self._fail_start(error)
            return SessionOver(error)
        self._move(SessionInput.LOST)
        self._deadlines.set(Timer.RETRY, now + delay)
        return SessionLost(error)

    def _closed(self, *, flush: bool) -> None:
        """End the closing handshake: it is done, or has taken too long."""
        if self._wire is not None:
            self._leave(flush=flush)
        self._move(SessionInput.CLOSED)
        self._finish(None)

    def _finish(self, error: RelayError | None) -> None:
        """Report that the session is over for good."""
        if self._wire is not None:
            self._leave(flush=False)
        self._resume.forget()
        self._out.push(Closed(error))

    def _fail_start(self, error: RelayError) -> None:
        if self._started is not None:
            self._out.fail(self._started, error)

    def _clear_link_timers(self) -> None:
        for timer in LINK_TIMERS:
            self._deadlines.clear(timer)

    def _link_error(self, reason: str) -> RelayError:
        if self.state in UP:
            return ConnectionLostError(reason, maybe_delivered=False)
        return ConnectFailedError(self._config.host, reason)

    def _move(self, happened: SessionInput) -> None:
        self.state = follow(SESSION, self.state, happened)

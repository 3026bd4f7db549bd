"""The ledger of one core's sessions: connect, resume, refusal, retry, silence."""

from __future__ import annotations

import math

from ..config import ClientConfig
from ..errors import AuthenticationError, RelayError
from ..rpc.frames import is_object
from .checks import That
from .tap import Frame, decode

RESUME_REFUSED = (-32002, -32003, -32602)
"""The error codes after which a core asks for a new session instead of a resume."""
STALE = -32003
"""The one of them that says clearly that the old session is gone."""


class SessionLedger:
    """What is known about the link and the session of one core."""

    def __init__(self, config: ClientConfig, that: That) -> None:
        timing, failures = config.timing, config.limits.ping_failures
        self._timing, self._limits = timing, config.limits
        backing_off = timing.ping_retry_delay * sum(2.0**n for n in range(failures - 1))
        self._longest_silence = timing.ping_interval + failures * timing.ping_timeout + backing_off
        self._that = that
        self.unclear = False
        """Whether the core may have left the transport already, and may ignore its input."""
        self.authenticated = False
        self.may_leave = False
        """Whether there is a reason to leave the current transport."""
        self.draining = False
        """Whether the server has said goodbye, so that the core sends no more requests."""
        self.resumes_refused = 0
        self.refusals = 0
        """How often in a row the credentials were refused."""
        self.accepts_calls = True
        """Whether the program takes calls."""
        self.handlers_come_until = -math.inf
        """Until when offers may wait for the program to take them: from its first session on."""
        self._up = False
        self._asked_at = 0.0
        self._heard_at = 0.0
        self._attempt = 0
        self._delay = config.timing.retry_min_delay
        self._retry_at: float | None = None
        self._known: tuple[str, str] | None = ("", "")
        """The protocol and authorization state of the session, or None if unclear."""
        self._due: tuple[str, str] | None = ("", "")
        """What the core must offer on this transport: the same, at the time of the upgrade."""
        self._offered = ("", "")
        self._restored = False
        self._refusal = ""
        self._deaf = False
        """Whether the core has left the transport before it had a session."""

    # Inputs of the core

    def slept(self) -> None:
        """The program has slept, so a retry may be overdue."""
        self._retry_at = None

    def heard(self, frame: Frame, now: float) -> None:
        """A frame arrives on the current transport."""
        self._heard_at = now
        self.may_leave |= self.unclear
        if self._deaf:
            return
        match frame.method:
            case "(upgrade)":
                self._due = self._known
            case "signalwire.disconnect":
                self.may_leave = True
                self.draining = self.authenticated
                self._deaf = not self.authenticated
                if frame.body.get("restart") is True:
                    self._know("", "")
            case "(close)":
                self.may_leave = True
            case _:
                pass

    def renewed(self, secret: str) -> None:
        """The server has sent a new authorization state."""
        if self._known is not None and not self._deaf:
            self._know(self._known[0], secret)

    def connect_answered(self, frame: Frame) -> None:
        """The answer to ``signalwire.connect`` arrives."""
        if self._deaf:
            return
        if frame.refused:
            self._refused(frame)
            return
        body = frame.body
        self.authenticated = True
        self.refusals = 0
        self._restored = bool(body.get("session_restored"))
        state = self._offered[1] if self._restored else ""
        self._know(str(body.get("protocol", "")), state)

    def _refused(self, frame: Frame) -> None:
        whole = decode(frame.text)
        error = whole["error"] if is_object(whole) else None
        assert is_object(error), "a refusal has an error"
        if self._offered[0] and error["code"] in RESUME_REFUSED:
            self.resumes_refused += 1
            if error["code"] == STALE:
                self._know("", "")
            self._due = None if self.unclear else ("", "")
            return
        self.may_leave = True
        self.refusals += 1
        self._refusal = str(error["message"])

    def _know(self, protocol: str, state: str) -> None:
        self._known = None if self.unclear else (protocol, state)

    # Outputs of the core

    def opening(self, now: float, lag: float) -> None:
        """The core opens a byte stream."""
        at = now if self._retry_at is None else self._retry_at
        in_time = -0.1 <= now - at <= lag + 0.1
        self._that(in_time, "a crowd does not stampede", f"due at {at:.3f}")
        bounded = self.refusals < self._limits.auth_attempts
        self._that(bounded, "refused credentials end it", self.refusals, "refusals")
        self.authenticated = self.may_leave = self.draining = self._deaf = False
        self._asked_at = self._heard_at = now
        self._attempt += 1

    def connect_sent(self, frame: Frame) -> None:
        """The core authenticates. It must resume its session if it has one."""
        body = frame.body
        self._offered = (str(body.get("protocol", "")), str(body.get("authorization_state", "")))
        if self._due is not None:
            same = self._offered == self._due
            self._that(same, "a resumed session is the same session", frame)

    def left(self, now: float) -> None:
        """The core closes the transport."""
        if self.authenticated and not self.may_leave:
            silence = now - self._heard_at
            silent = silence >= self._timing.ping_timeout - 0.1
            self._that(silent, "a peer that talks is not left", f"heard {silence:g} s ago")

    def connected(self, now: float, *, resumed: bool) -> None:
        """The core has a session."""
        if self.handlers_come_until == -math.inf:
            grace = 0.0 if self.accepts_calls else self._timing.handler_grace
            self.handlers_come_until = now + grace
        self._that(not self._up, "Connected and Disconnected alternate", "connected twice")
        same = resumed is (self._restored and bool(self._offered[0]))
        self._that(same, "a resumed session is the same session", "resumed:", resumed)
        self._up, self._attempt = True, 0
        self._delay = self._timing.retry_min_delay

    def disconnected(self, error: RelayError | None, delay: float | None, now: float) -> None:
        """The core has lost its session, or has left it."""
        self._that(self._up, "Connected and Disconnected alternate", "disconnected twice", error)
        self._up = False
        self._will_retry(delay, now)

    def failed(self, attempt: int, delay: float | None, now: float) -> None:
        """An attempt to connect has failed."""
        alternate = not self._up and attempt == self._attempt
        self._that(alternate, "Connected and Disconnected alternate", "attempt", attempt)
        self._will_retry(delay, now)

    def closed(self, error: RelayError | None) -> None:
        """The core is closed."""
        self._that(not self._up, "Connected and Disconnected alternate", "closed while connected")
        if isinstance(error, AuthenticationError):
            ended = self.refusals == self._limits.auth_attempts and self._refusal in str(error)
            self._that(ended, "refused credentials end it", error)

    def _will_retry(self, delay: float | None, now: float) -> None:
        self._retry_at = None
        if delay is not None:
            timing = self._timing
            most = min(timing.retry_max_delay, 3 * self._delay)
            right = timing.retry_min_delay <= delay <= most
            self._that(right, "a crowd does not stampede", delay, "s after", self._delay)
            self._delay, self._retry_at = delay, now + delay

    # After a step

    @property
    def silent_until(self) -> float:
        """When the core must have left the transport, unless it hears something before."""
        if self.authenticated:
            return self._heard_at + self._longest_silence
        return self._asked_at + self._timing.connect_timeout + self._timing.request_timeout

    def check_silence(self, now: float) -> None:
        """Check that the core does not keep a silent transport for too long."""
        late = now - self.silent_until
        self._that(late <= 0.0, "a silent peer is a dead peer", "left it", late, "s too late")

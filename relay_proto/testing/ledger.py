"""The ledger of one core: what it was told, what it said, and whether that fits."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable, Collection
from typing import Any

from ..calls import ActionRecord, CallRecord
from ..config import ClientConfig
from ..errors import RelayError
from ..event import RelayEvent
from ..outputs import (
    CallEnded,
    CallOffered,
    Closed,
    CloseTransport,
    Connected,
    ConnectFailed,
    Disconnected,
    EventReceived,
    MessageChanged,
    MessageReceived,
    OpenTransport,
    Output,
    SendData,
    Settled,
)
from ..pending import Pending
from ..transitions import CALL_ORDER
from .tap import Event, Frame

CONNECT = "signalwire.connect"
ONCE = frozenset(
    {"calling.dial", "calling.play", "calling.collect", "calling.play_and_collect"}
    | {"messaging.send"}
)
"""Requests that are marked by what they start: the same again would start it twice."""
REPEATABLE = 100
EventKey = tuple[str, float, bytes]


class Waits:
    """Everything that somebody may wait for, and until when at most."""

    def __init__(self, broken: Callable[[str, str], None]) -> None:
        self._broken = broken
        self._known: dict[Pending[Any], str] = {}
        self._reported: set[Pending[Any]] = set()
        self._due: list[tuple[float, int, Pending[Any]]] = []
        self._order = itertools.count()

    def add(self, pending: Pending[Any], what: str, now: float, due: float | None) -> None:
        """Somebody waits."""
        self._known[pending] = f"{what} (since {now:.3f})"
        self.limit(pending, due)

    def limit(self, pending: Pending[Any], due: float | None) -> None:
        """It must have settled by then."""
        if due is not None:
            heapq.heappush(self._due, (due, next(self._order), pending))

    def settled(self, pending: Pending[Any]) -> None:
        """The core says that it has."""
        if pending in self._reported:
            self._broken("every Pending settles once", self.name(pending))
        if not pending.settled:
            self._broken("every Pending settles once", f"{self.name(pending)} has not, in truth")
        self._reported.add(pending)

    def check(self, now: float) -> None:
        """Look for what should have settled by now."""
        while self._due and self._due[0][0] < now:
            pending = heapq.heappop(self._due)[2]
            if not pending.settled:
                self._broken("every wait ends", self.name(pending))

    def unsettled(self) -> list[str]:
        """What has not settled, or was not reported to have."""
        return [name for pending, name in self._known.items() if pending not in self._reported]

    def count(self, what: str) -> int:
        """How many that are named so have not settled."""
        return sum(name.startswith(what) for name in self.unsettled())

    def name(self, pending: Pending[Any]) -> str:
        """What it was for."""
        return self._known.get(pending, "something")


class Ledger:
    """One core's."""

    def __init__(self, config: ClientConfig, broken: Callable[[str, str], None]) -> None:
        self._config = config
        self.broken = broken
        self._secrets = list(config.credentials.secrets())
        self.waits = Waits(broken)
        self.actions: dict[CallRecord, list[ActionRecord]] = {}
        self.held: dict[str, CallRecord] = {}
        """The calls that the core follows."""
        self.owned: set[str] = set()
        """Those of them that the program was given."""
        self.closed_at: float | None = None
        self._closing_at: float | None = None
        self._asked_late: set[Pending[Any]] = set()
        self._transport = 0
        self._open = False
        """The current transport is open or opening."""
        self._lost = False
        """The core was told that it is gone; outputs from before may still come."""
        self._writable = False
        self._authenticated = False
        self._connect_ids: set[bytes] = set()
        self._owed: Counter[bytes] = Counter()
        self._request_ids: set[bytes] = set()
        self._marks: set[tuple[str, str]] = set()
        self._up = False
        self._asked_at = 0.0
        self._heard_at = 0.0
        self._attempt = 0
        self._delay = config.timing.retry_min_delay
        self._retry_at: float | None = None
        self._sessions = 0
        self._event_ids: dict[EventKey, set[tuple[int, bytes]]] = {}
        self.repeatable: deque[bytes] = deque(maxlen=REPEATABLE)
        """The latest events of the session, as they came."""
        self._told: Counter[EventKey] = Counter()
        self._ranks: dict[CallRecord, int] = {}

    @property
    def may_be_asked(self) -> bool:
        """It is neither closed nor about to be."""
        return self._closing_at is None and self.closed_at is None

    # What the core is told

    def asked(self, pending: Pending[Any], what: str, now: float, due: float | None) -> None:
        """Somebody may wait for `pending`, until then at most."""
        self.waits.add(pending, what, now, due)
        if self.closed_at is not None:
            self._asked_late.add(pending)

    def closing(self, now: float) -> None:
        """It is asked to close."""
        if self._closing_at is None and self.closed_at is None:
            self._closing_at = now

    def link_opened(self, transport: int) -> None:
        """A byte stream is there."""
        if transport == self._transport:
            self._writable = True

    def link_gone(self, transport: int) -> None:
        """A byte stream is gone, or did not come about."""
        if transport == self._transport:
            self._lost = True

    def frame_arrived(self, transport: int, frame: Frame, now: float) -> None:
        """A frame arrives."""
        if transport != self._transport or not self._open or self._lost:
            return
        self._heard_at = now
        if frame.id in self._connect_ids and not frame.is_request and not frame.refused:
            self._authenticated = True
            if not frame.body.get("session_restored"):
                self._sessions += 1
                self.repeatable.clear()
        if frame.is_request and self._closing_at is None:
            self._owed[frame.id] += 1
            event = frame.event
            if event is not None:
                self._event_arrived(event, frame)

    def _event_arrived(self, event: Event, frame: Frame) -> None:
        key = (event.event_type, event.timestamp, bytes(event.params))
        self._event_ids.setdefault(key, set()).add((self._sessions, frame.id))
        self.repeatable.append(frame.text)
        if event.event_type == "signalwire.authorization.state":
            self._secrets.append(str(frame.body.get("authorization_state", "?")))

    # What it says

    def frame_sent(self, transport: int, frame: Frame) -> None:
        """It has sent a frame."""
        if transport != self._transport or not self._open:
            self.broken("at most one transport", f"{frame} on transport {transport}")
        if frame.is_request:
            self._request_sent(frame)
        elif frame.id and not frame.method:
            self._owed[frame.id] -= 1
            if self._owed[frame.id] < 0:
                self.broken("acknowledged where it came", f"{frame} on transport {transport}")

    def _request_sent(self, frame: Frame) -> None:
        if frame.id in self._request_ids:
            self.broken("nothing is sent twice", str(frame))
        self._request_ids.add(frame.id)
        if frame.method == CONNECT:
            self._connect_ids.add(frame.id)
        if (frame.method == CONNECT) is self._authenticated:
            self.broken("nothing is sent early", str(frame))
        if frame.method in ONCE:
            body = frame.body
            mark = (frame.method, str(body.get("control_id") or body.get("tag") or body["body"]))
            if mark in self._marks:
                self.broken("nothing is sent twice", f"{frame}, under another id")
            self._marks.add(mark)

    def output(self, output: Output, now: float, lag: float) -> None:
        """It has said something."""
        if self.closed_at is not None and not self._is_late_answer(output):
            self.broken("silence after Closed", repr(output))
        match output:
            case SendData() | OpenTransport() | CloseTransport():
                self._effect(output, now, lag)
            case Connected() | Disconnected() | ConnectFailed() | Closed():
                self._session(output, now)
            case Settled(pending):
                self._settled(pending)
            case _:
                self._told_of(output, now)
        if not isinstance(output, SendData):
            self.check_secrets(repr(output))

    def _settled(self, pending: Pending[Any]) -> None:
        self.waits.settled(pending)
        if pending.error is not None:
            self.check_secrets(f"{pending.error} {pending.error!r}")
        elif isinstance(pending.result(), CallRecord):
            self._given(pending.result())

    def _told_of(self, output: Output, now: float) -> None:
        match output:
            case EventReceived(event, call):
                self._event_told(event)
                if call is not None and not call.ended:
                    self.held[call.call_id] = call
            case MessageReceived(_, event) | MessageChanged(_, event):
                self._event_told(event)
            case CallOffered(call):
                self._given(call)
            case CallEnded(call):
                self._ended(call, now)
            case _:
                pass

    def _is_late_answer(self, output: Output) -> bool:
        """It answers what was asked behind `Closed`."""
        return isinstance(output, Settled) and output.pending in self._asked_late

    def _effect(
        self, output: OpenTransport | SendData | CloseTransport, now: float, lag: float
    ) -> None:
        if isinstance(output, OpenTransport):
            if (self._open and not self._lost) or output.transport != self._transport + 1:
                self.broken("at most one transport", repr(output))
            if self._retry_at is not None and not -0.1 <= now - self._retry_at <= lag + 0.1:
                self.broken("a crowd does not stampede", f"due at {self._retry_at:.3f}")
            self._transport, self._open, self._lost = output.transport, True, False
            self._writable = False
            self._authenticated, self._asked_at, self._heard_at = False, now, now
            self._attempt += 1
            self._connect_ids.clear()
            self._owed.clear()
        elif not self._open or output.transport != self._transport:
            if isinstance(output, SendData):
                self.broken("at most one transport", f"bytes on transport {output.transport}")
        elif isinstance(output, CloseTransport):
            self._open = False
        elif not self._writable:
            self.broken("at most one transport", "bytes before it is open")

    def _session(
        self, output: Connected | Disconnected | ConnectFailed | Closed, now: float
    ) -> None:
        match output:
            case Connected():
                if self._up:
                    self.broken("Connected and Disconnected alternate", "connected twice")
                self._up, self._attempt = True, 0
                self._delay = self._config.timing.retry_min_delay
            case Disconnected(error, delay):
                if not self._up:
                    self.broken("Connected and Disconnected alternate", "disconnected twice")
                self._up = False
                self._will_retry(error, delay, now)
            case ConnectFailed(error, attempt, delay):
                if self._up or attempt != self._attempt:
                    self.broken("Connected and Disconnected alternate", f"attempt {attempt}")
                self._will_retry(error, delay, now)
            case Closed(error):
                if self._up:
                    self.broken("Connected and Disconnected alternate", "closed while connected")
                if self._closing_at is None and error is None:
                    self.broken("Closed when asked to", "nobody asked")
                self.closed_at = now
                self._will_retry(error, None, now)

    def _will_retry(self, error: RelayError | None, delay: float | None, now: float) -> None:
        if error is not None:
            self.check_secrets(f"{error} {error!r}")
        self._retry_at = None
        if delay is not None:
            timing = self._config.timing
            most = min(timing.retry_max_delay, 3 * self._delay)
            if not timing.retry_min_delay <= delay <= most:
                self.broken("a crowd does not stampede", f"{delay:g} s after {self._delay:g} s")
            self._delay, self._retry_at = delay, now + delay

    def _event_told(self, event: RelayEvent) -> None:
        key = (event.event_type, event.timestamp, bytes(event.raw))
        self._told[key] += 1
        ids = self._event_ids.get(key, set())
        local = b'"local":true' in key[2]
        if self._told[key] > (1 if local else len(ids)):
            self.broken("nothing is heard twice", repr(event))

    def _given(self, call: CallRecord) -> None:
        if not call.ended:
            self.held[call.call_id] = call
            self.owned.add(call.call_id)

    def _ended(self, call: CallRecord, now: float) -> None:
        self.held.pop(call.call_id, None)
        self.owned.discard(call.call_id)
        for action in self.actions.pop(call, ()):
            self.waits.limit(action.done, now + self._config.timing.action_grace + 0.5)
            if not action.done.settled and not action.kind.lingers:
                self.broken("an ended call completes its actions", repr(action))
        if call.waits:
            self.broken("an ended call wakes its waiters", repr(call))

    # After a step

    def drained(self, deadline: float | None) -> None:
        """All outputs have been taken."""
        self._open = self._open and not self._lost
        if self._open and self._closing_at is None:
            for identity, count in self._owed.items():
                if count:
                    self.broken("everything is acknowledged", f"{identity!r} is not")
        if self.closed_at is not None and deadline is not None:
            self.broken("silence after Closed", f"a deadline at {deadline:.3f}")

    def check(self, now: float, slack: float) -> None:
        """After each step of the world."""
        self.waits.check(now - slack)
        for call in self.held.values():
            rank = CALL_ORDER.get(call.state, -1)
            if rank < self._ranks.get(call, -1):
                self.broken("calls only move forward", repr(call))
            self._ranks[call] = rank
        self._check_silence(now - slack)
        if self._closing_at is not None and self.closed_at is None:
            late = now - slack - self._closing_at
            if late > self._config.timing.close_timeout:
                self.broken("Closed within the close timeout", f"{late:.3f} s")

    def _check_silence(self, now: float) -> None:
        timing, failures = self._config.timing, self._config.limits.ping_failures
        if not self._open or self._closing_at is not None:
            return
        if self._authenticated:
            backing_off = sum(timing.ping_retry_delay * 2**n for n in range(failures - 1))
            most = timing.ping_interval + failures * timing.ping_timeout + backing_off
            if now - self._heard_at > most:
                self.broken("a silent peer is a dead peer", f"nothing for {most:g} s")
        elif now - self._asked_at > timing.connect_timeout + timing.request_timeout:
            self.broken("a silent peer is a dead peer", "no session")

    def check_waits(self, but: Collection[str]) -> None:
        """Nothing is waited for, except what is named."""
        left = [name for name in self.waits.unsettled() if not name.startswith(tuple(but))]
        if left:
            self.broken("every wait ends", "; ".join(left))

    def check_closed(self, deadline: float | None) -> None:
        """It is closed, and silent."""
        if self.closed_at is None:
            self.broken("Closed within the close timeout", "it never came")
        if deadline is not None:
            self.broken("silence after Closed", f"a deadline at {deadline:.3f}")

    def check_secrets(self, text: str) -> None:
        """Nothing in `text` may be a secret."""
        for secret in self._secrets:
            if secret in text:
                self.broken("secrets stay secret", text.replace(secret, "(the secret)")[:200])

"""The ledger of one core: its inputs and outputs, and the checks that compare them."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Collection
from typing import Any

from ..config import ClientConfig
from ..errors import AuthenticationError, RelayError
from ..outputs import (
    CallEnded,
    CallOffered,
    Closed,
    CloseTransport,
    Connected,
    ConnectFailed,
    Disconnected,
    Dropped,
    EventReceived,
    FrameTraced,
    MessageChanged,
    MessageReceived,
    OfferRefused,
    OpenTransport,
    Output,
    SendData,
    Settled,
)
from ..pending import Pending
from ..records import ActionRecord, CallRecord
from ..rpc.event_base import RelayEvent
from ..rpc.events import CallStateEvent
from ..transitions import CALL_ORDER, CallState
from .answers import Answers
from .checks import That
from .passing import Passing
from .sessions import SessionLedger
from .tap import Event, Frame
from .waits import Waits

CONNECT = "signalwire.connect"
ONCE = frozenset(
    {"calling.dial", "calling.play", "calling.collect", "calling.play_and_collect"}
    | {"messaging.send"}
)
"""Requests that start something. A second one with the same key would start it twice."""
LOSER = b'"loser-'
"""The beginning of the event ids with which a losing leg of a dial answers."""
REPEATABLE = 100
EventKey = tuple[str, float, bytes]


class Ledger:
    """The ledger of one core. All times are those of the program's own clock."""

    def __init__(self, config: ClientConfig, that: That) -> None:
        self._config = config
        self.that = that
        self._secrets = list(config.secrets())
        self.waits = Waits(that)
        self.session = SessionLedger(config, that)
        self.answers = Answers(that)
        self.actions: dict[CallRecord, list[ActionRecord]] = {}
        self.held: dict[str, CallRecord] = {}
        """The calls that the core tracks."""
        self.owned: set[str] = set()
        """The ids of the calls that the core has handed to the program."""
        self._orphans: list[CallRecord] = []
        self.closed_at: float | None = None
        self.moved = True
        """Whether something has happened to the core since the last check."""
        self.due = math.inf
        """When the core must have done something. Before, no check fails unless it moves."""
        self._closing_at: float | None = None
        self._at_once: set[Pending[Any]] = set()
        """What had settled already when the command returned."""
        self._transport = 0
        self._open = False
        """Whether the current transport is open or opening."""
        self._lost = False
        """Whether the core was told that the transport is gone. Older outputs may follow."""
        self._writable = False
        self._connect_ids: set[bytes] = set()
        self._owed: list[bytes] = []
        """The ids of the frames that were not acknowledged yet: those of one read, mostly."""
        self._request_ids: set[bytes] = set()
        self._marks: set[tuple[str, str]] = set()
        self._sessions = 0
        self._event_ids: dict[EventKey, set[tuple[int, bytes]]] = {}
        self.repeatable: deque[bytes] = deque(maxlen=REPEATABLE)
        """The latest events of the session, as text."""
        self._told: Counter[EventKey] = Counter()
        self._ends_asked: set[str] = set()
        self._losers: set[str] = set()
        """Legs that answered a dial after another leg had won it."""
        self._losers_ended: set[str] = set()
        self._ranks: dict[CallRecord, int] = {}
        self._offered: set[str] = set()
        """Calls that the server has offered, and the core has not decided about."""
        self._passing = Passing(that)
        self._last_refused = ""
        self._ended_calls: set[str] = set()
        self._over: set[str] = set()
        """Calls of which the core has told the program that they have ended."""

    @property
    def may_be_asked(self) -> bool:
        """Whether the core is neither closed nor closing."""
        return self._closing_at is None and self.closed_at is None

    # Inputs of the core

    def asked(self, pending: Pending[Any], what: str, now: float, due: float | None) -> None:
        """Somebody waits for `pending`, which must settle by `due`."""
        self.waits.add(pending, what, now, due)
        if pending.settled:
            self._at_once.add(pending)

    def closing(self, now: float) -> None:
        """The core is asked to close."""
        if self.may_be_asked:
            self._closing_at = now
            self.session.may_leave = True

    def slept(self) -> None:
        """The program has stood still."""
        self.session.slept()
        self.answers.slept()

    def link_opened(self, transport: int) -> None:
        """A byte stream is open."""
        if transport == self._transport:
            self._writable = True

    def link_gone(self, transport: int) -> None:
        """A byte stream is gone, or could not be opened."""
        if transport == self._transport:
            self._lost = True

    def frame_arrived(
        self, transport: int, frame: Frame, now: float, *, waited: bool = False
    ) -> None:
        """A frame reaches the core. It may have `waited` while the program slept."""
        if transport != self._transport or not self._open or self._lost:
            return
        if not self.session.unclear:
            self.answers.arrived(frame, waited=waited)
        self.session.heard(frame, now)
        if frame.id in self._connect_ids and not frame.is_request:
            self.session.connect_answered(frame)
            if not frame.refused and not frame.body.get("session_restored"):
                self._sessions += 1
                self.repeatable.clear()
        if not frame.is_request:
            self._passing.answered(frame)
        elif self._closing_at is None:
            self._owed.append(frame.id)
            event = frame.event
            if event is not None:
                self._event_arrived(event, frame)

    def _event_arrived(self, event: Event, frame: Frame) -> None:
        key = (event.event_type, event.timestamp, bytes(event.params))
        identity, known = (self._sessions, frame.id), self._event_ids.setdefault(key, set())
        self.repeatable.append(frame.text)
        if event.event_type == "signalwire.authorization.state" and identity not in known:
            secret = str(frame.body["authorization_state"])
            self._secrets.append(secret)
            self.session.renewed(secret)
        is_new = identity not in known
        known.add(identity)
        if event.event_type == "calling.call.state":
            self._leg_moved(frame)
        if event.event_type == "calling.call.receive" and is_new:
            self._call_offered(frame)

    def _call_offered(self, frame: Frame) -> None:
        call_id = str(frame.body.get("call_id", ""))
        self._passing.over(call_id)  # it is decided anew
        makes_sense = call_id and frame.body.get("call_state") != "ended"
        known = call_id in self.held or call_id in self._ended_calls
        if makes_sense and self.session.authenticated and not known:
            self._offered.add(call_id)

    def _leg_moved(self, frame: Frame) -> None:
        call_id, state = str(frame.body["call_id"]), frame.body["call_state"]
        if state == "ended":
            self._ended_calls.add(call_id)
            self._passing.over(call_id)
        if frame.id.startswith(LOSER):
            self._losers |= {call_id} - self._ends_asked
        elif state == "ended" and call_id in self._losers and not self.session.draining:
            self._losers_ended.add(call_id)

    # Outputs of the core

    def frame_sent(self, transport: int, frame: Frame) -> None:
        """The core has sent a frame."""
        current = transport == self._transport and self._open
        self.that(current, "at most one transport", frame, "on transport", transport)
        if frame.is_request:
            self._request_sent(frame)
        elif frame.id and not frame.method:
            self.that(frame.id in self._owed, "acknowledged where it came", frame)
            self._owed.remove(frame.id)

    def _request_sent(self, frame: Frame) -> None:
        self.that(frame.id not in self._request_ids, "nothing is sent twice", frame)
        self._request_ids.add(frame.id)
        first = not self.session.authenticated
        self.that((frame.method == CONNECT) is first, "nothing is sent early", frame)
        if "control_id" in frame.body:
            over = str(frame.body["call_id"]) in self._over
            self.that(not over, "nothing is asked of an ended call", frame)
        if frame.method == "calling.end":
            self._ends_asked.add(str(frame.body["call_id"]))
        elif frame.method == "calling.pass":
            self._passing.sent(frame)
        elif frame.method == CONNECT:
            self._connect_ids.add(frame.id)
            self.session.connect_sent(frame)
        elif frame.method in ONCE:
            body = frame.body
            mark = (frame.method, str(body.get("control_id") or body.get("tag") or body["body"]))
            self.that(mark not in self._marks, "nothing is sent twice", frame, "has another id")
            self._marks.add(mark)

    def output(self, output: Output, now: float, lag: float) -> None:
        """The core has made an output."""
        silent = self.closed_at is None or self._is_answer(output)
        self.that(silent, "silence after Closed", output)
        match output:
            case SendData() | OpenTransport() | CloseTransport():
                self._effect(output, now, lag)
            case Connected() | Disconnected() | ConnectFailed() | Closed():
                self._session(output, now)
            case Settled(pending):
                self._settled(pending)
            case _:
                self._told_of(output, now)
        if isinstance(output, FrameTraced):
            self.check_secrets(output.text)  # a repr only quotes it
        elif not isinstance(output, SendData):
            self.check_secrets(repr(output))

    def _settled(self, pending: Pending[Any]) -> None:
        self.waits.settled(pending)
        self.answers.settled(pending)
        if pending.error is not None:
            self.check_secrets(f"{pending.error} {pending.error!r}")
        elif isinstance(pending.result(), CallRecord):
            self._given(pending.result())

    def _told_of(self, output: Output, now: float) -> None:
        match output:
            case EventReceived(event, call):
                self._event_told(event)
                if isinstance(event, CallStateEvent) and event.call_state == CallState.ENDED.value:
                    self._offered.discard(event.call_id)  # nobody can take it any more
                if call is not None and not call.ended:
                    self.held[call.call_id] = call
            case MessageReceived(_, event) | MessageChanged(_, event):
                self._event_told(event)
            case CallOffered(call):
                self._offered.discard(call.call_id)
                self._given(call)
            case OfferRefused(call_id):
                self._offered.discard(call_id)
                if call_id not in self._ended_calls:
                    self._passing.refused(call_id)
                self._last_refused = call_id
            case Dropped():
                self._passing.over(self._last_refused)  # it is said that it stays there
            case CallEnded(call):
                self._ended(call, now)
            case _:
                pass

    def _is_answer(self, output: Output) -> bool:
        """Whether it settles a command that may also be given to a closed core."""
        return isinstance(output, Settled) and output.pending in self._at_once

    def _effect(
        self, output: OpenTransport | SendData | CloseTransport, now: float, lag: float
    ) -> None:
        current = self._open and output.transport == self._transport
        match output:
            case OpenTransport(transport):
                one = not (self._open and not self._lost) and transport == self._transport + 1
                self.that(one, "at most one transport", output)
                self._transport, self._open, self._lost = transport, True, False
                self._writable = False
                self._connect_ids.clear()
                self._owed.clear()
                self._offered.clear()  # an offer that was not heard is offered to another
                self._passing.connecting()
                self._losers.clear()  # requests may be lost; the next session makes new ones
                self.session.opening(now, lag)
            case SendData(transport):
                writable = current and self._writable
                self.that(writable, "at most one transport", "bytes on", transport)
            case _:
                self.that(current, "at most one transport", output)
                self._open = False
                if not self._lost:
                    self.session.left(now)

    def _session(
        self, output: Connected | Disconnected | ConnectFailed | Closed, now: float
    ) -> None:
        match output:
            case Connected(resumed):
                self.session.connected(now, resumed=resumed)
                self._passing.connected()
                self._orphans = [] if resumed else list(self.held.values())
            case Disconnected(error, delay):
                self.session.disconnected(error, delay, now)
                self._check_error(error)
            case ConnectFailed(error, attempt, delay):
                self.session.failed(attempt, delay, now)
                self._check_error(error)
            case _:
                error = output.error
                asked = self._closing_at is not None or isinstance(error, AuthenticationError)
                self.that(asked, "Closed when asked to", error)
                self.session.closed(error)
                self.closed_at = now
                self._check_error(error)

    def _check_error(self, error: RelayError | None) -> None:
        self.check_secrets(f"{error} {error!r}")

    def _event_told(self, event: RelayEvent) -> None:
        key = (event.event_type, event.timestamp, bytes(event.raw))
        self._told[key] += 1
        local = b'"local":true' in key[2]
        most = 1 if local else len(self._event_ids.get(key, ()))
        self.that(self._told[key] <= most, "nothing is heard twice", event)

    def _given(self, call: CallRecord) -> None:
        self._over.discard(call.call_id)  # it may be offered again
        if not call.ended:
            self.held[call.call_id] = call
            self.owned.add(call.call_id)

    def _ended(self, call: CallRecord, now: float) -> None:
        self._ended_calls.add(call.call_id)
        self._over.add(call.call_id)
        self.held.pop(call.call_id, None)
        self.owned.discard(call.call_id)
        for action in self.actions.pop(call, ()):
            self.waits.limit(action.done, now + self._config.timing.action_grace + 0.5)
            complete = action.done.settled or action.kind.lingers
            self.that(complete, "an ended call completes its actions", action)
        self.that(not call.waits, "an ended call wakes its waiters", call)

    # After a step

    def drained(self, deadline: float | None, late: float) -> None:
        """Check the core after all its outputs were taken.

        `late` is the time before which its timers need not have been handled.
        """
        self._open = self._open and not self._lost
        if self._open and self._closing_at is None:
            self.that(not self._owed, "everything is acknowledged", "not", *self._owed)
            left = self._offered
            decided = not left or late < self.session.handlers_come_until
            self.that(decided, "an offered call is taken or passed back", *left)
            if self.session.authenticated and not self.session.draining:
                self._passing.check()
        if self._losers_ended:
            left = self._losers_ended & self._losers - self._ends_asked
            self.that(not left, "nobody is left ringing", *left)
            self._losers_ended.clear()
        orphans = [call for call in self._orphans if call is self.held.get(call.call_id)]
        self.that(not orphans, "a lost session ends its calls", *orphans)
        if self.closed_at is not None:
            self.that(deadline is None, "silence after Closed", "a deadline at", deadline)

    def check(self, now: float, slack: float) -> None:
        """Check the core after a step of the world."""
        self.waits.check(now - slack)
        inbound = 0
        for call in self.held.values():
            rank = CALL_ORDER.get(call.state, -1)
            self.that(rank >= self._ranks.get(call, -1), "calls only move forward", call)
            self._ranks[call] = rank
            inbound += call.direction == "inbound"
        limits = self._config.limits
        self.that(inbound <= limits.active_calls, "growth has a bound", inbound, "calls")
        most = limits.queued_requests + limits.pending_requests
        requests = self.waits.requests
        self.that(requests <= most, "growth has a bound", requests, "requests")
        if self._closing_at is None:
            if self._open:
                self.session.check_silence(now - slack)
        elif self.closed_at is None:
            late = now - slack - self._closing_at
            in_time = late <= self._config.timing.close_timeout
            self.that(in_time, "Closed within the close timeout", late)
        self.moved, self.due = False, self._next_due()

    def _next_due(self) -> float:
        if self._closing_at is None:
            return min(self.waits.due, self.session.silent_until if self._open else math.inf)
        if self.closed_at is None:
            return min(self.waits.due, self._closing_at + self._config.timing.close_timeout)
        return self.waits.due

    def check_waits(self, but: Collection[str]) -> None:
        """Check that all waits have ended, except those whose name begins with `but`."""
        left = [name for name in self.waits.unsettled() if not name.startswith(tuple(but))]
        self.that(not left, "every wait ends", *left)

    def check_passed_back(self) -> None:
        """Check that the core has passed back each call that it does not take."""
        self._passing.check()

    def check_closed(self, deadline: float | None) -> None:
        """Check that the core is closed and has no deadline."""
        closed = self.closed_at is not None
        self.that(closed, "Closed within the close timeout", "it never came")
        self.that(deadline is None, "silence after Closed", "a deadline at", deadline)

    def check_secrets(self, text: str) -> None:
        """Check that `text` contains no secret."""
        for secret in self._secrets:
            if secret in text:
                at = text.index(secret)
                text = text[max(0, at - 100) : at + 300].replace(secret, "(the secret)")
                self.that(False, "secrets stay secret", text)
        self.that(True, "secrets stay secret")
